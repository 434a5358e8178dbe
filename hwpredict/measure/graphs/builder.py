"""A small layer over ``onnx.helper``: named operators, and weights that go straight to a file beside the graph.

Weights are external data (a protobuf message holds at most 2 GB), written one tensor at a time, so that building a
network takes no more memory than its largest tensor.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Operator set with LayerNormalization (17) and Gelu (20), and a file version that goes with it.
OPSET = 20
IR_VERSION = 9
WEIGHTS = "weights.bin"
#: External tensors start at multiples of a page, so that a runtime can map them.
_ALIGNMENT = 4096
#: Standard deviation of transformer weights (Devlin et al. 2019, Radford et al. 2019).
STD = 0.02


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph, and what to feed it.

    Attributes
    ----------
    name : str
    dtype : str
        NumPy name, or bfloat16.
    shape : tuple of (int or str)
        Text stands for a dimension that a workload sets: batch, sequence, context.
    kind : {"ids", "ones", "zeros", "normal"}
    high : int
        Ids are below it.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    kind: str
    high: int = 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph on disk.

    Attributes
    ----------
    path : str
        The .onnx file; its weights lie beside it.
    inputs : tuple of Input
    parameters : int
        Weights that training would change (running means of a batch norm are not).
    """

    path: str
    inputs: tuple[Input, ...]
    parameters: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Builder:
    """A graph under construction.

    Parameters
    ----------
    directory : path
        Where graph and weights go; made if it does not exist.
    name : str
    dtype : {"float32", "float16", "bfloat16"}
        Of weights and activations.
    seed : int
        Of the random weights.
    """

    def __init__(self, directory: Path, name: str, dtype: str = "float32", seed: int = 0) -> None:
        import onnx

        self._onnx = onnx
        self.directory, self.name, self.dtype = directory, name, dtype
        self.type: int = {"float32": 1, "float16": 10, "bfloat16": 16}[dtype]  # onnx.TensorProto
        self._rng = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._initializers: dict[str, Any] = {}
        self._outputs: list[Any] = []
        self._inputs: list[Input] = []
        self._count = 0
        self.parameters = 0
        directory.mkdir(parents=True, exist_ok=True)
        self._file = (directory / WEIGHTS).open("wb")

    # --- values -------------------------------------------------------------------------------------------------------

    def input(self, name: str, shape: tuple[int | str, ...], kind: str, *, dtype: str = "", high: int = 2) -> str:
        """Declare an input; returns its name."""
        self._inputs.append(Input(name, dtype or self.dtype, shape, kind, high))
        return name

    def output(self, value: str, name: str, rank: int, first: str = "batch") -> None:
        """Declare an output of a given rank."""
        self.op("Identity", value, output=name)
        shape = [first, *(f"{name}_{i}" for i in range(1, rank))]
        self._outputs.append(self._onnx.helper.make_tensor_value_info(name, self.type, shape))

    def constant(self, values: Any, dtype: str = "int64") -> str:
        """A small constant that is kept in the graph itself."""
        array = np.asarray(values, dtype=dtype)
        name = f"c_{array.dtype}_{'x'.join(map(str, array.shape))}_{'_'.join(map(str, array.ravel().tolist()))}"
        if name not in self._initializers:
            self._initializers[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def scalar(self, value: float) -> str:
        """A constant of the graph's own number format."""
        name = f"s_{value:g}"
        if name not in self._initializers:
            self._initializers[name] = self._onnx.helper.make_tensor(name, self.type, [], [value])
        return name

    def weight(
        self, name: str, shape: tuple[int, ...], *, std: float = STD, fill: float | None = None, trained: bool = True
    ) -> str:
        """A weight; the same name twice is the same weight (layers that share theirs).

        Parameters
        ----------
        name : str
        shape : tuple of int
        std : float
            Of the normal distribution that it is drawn from.
        fill : float, optional
            A constant instead.
        trained : bool
            Whether it counts as a parameter.
        """
        if name in self._initializers:
            return name
        if fill is None:
            values = self._rng.standard_normal(shape, dtype=np.float32) * np.float32(std)
        else:
            values = np.full(shape, fill, np.float32)
        if self.dtype == "bfloat16":
            import ml_dtypes

            raw = values.astype(ml_dtypes.bfloat16).tobytes()
        else:
            raw = values.astype(self.dtype).tobytes()
        tensor = self._onnx.TensorProto(name=name, data_type=self.type, dims=shape)
        tensor.data_location = self._onnx.TensorProto.EXTERNAL
        self._file.write(b"\0" * (-self._file.tell() % _ALIGNMENT))
        for key, value in (("location", WEIGHTS), ("offset", self._file.tell()), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))
        self._file.write(raw)
        self._initializers[name] = tensor
        self.parameters += int(np.prod(shape)) if trained else 0
        return name

    # --- operators ----------------------------------------------------------------------------------------------------

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator; returns the name of its (first) output."""
        self._count += 1
        result = output or f"v{self._count}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, list(inputs), [result], f"{kind}_{self._count}", **attributes)
        )
        return result

    def reshape(self, value: str, shape: list[int]) -> str:
        """Reshape; 0 keeps a dimension, -1 takes what is left."""
        return self.op("Reshape", value, self.constant(shape))

    def linear(self, value: str, name: str, inputs: int, outputs: int, *, bias: bool = True) -> str:
        """A dense layer on the last dimension."""
        result = self.op("MatMul", value, self.weight(f"{name}.weight", (inputs, outputs)))
        return self.op("Add", result, self.weight(f"{name}.bias", (outputs,), fill=0.0)) if bias else result

    def layer_norm(self, value: str, name: str, width: int, epsilon: float = 1e-5) -> str:
        """Layer normalisation of the last dimension."""
        scale = self.weight(f"{name}.weight", (width,), fill=1.0)
        shift = self.weight(f"{name}.bias", (width,), fill=0.0)
        return self.op("LayerNormalization", value, scale, shift, axis=-1, epsilon=epsilon)

    def length(self, value: str, axis: int) -> str:
        """Size of a dimension, as a scalar."""
        return self.op("Gather", self.op("Shape", value), self.constant(axis))

    def positions(self, length: str, start: str | None = None) -> str:
        """Positions start, …, start + length - 1."""
        first = start or self.constant(0)
        return self.op("Range", first, self.op("Add", first, length), self.constant(1))

    # --- attention ----------------------------------------------------------------------------------------------------

    def split_heads(self, value: str, heads: int, width: int) -> str:
        """From (batch, token, heads · width) to (batch, heads, token, width)."""
        return self.op("Transpose", self.reshape(value, [0, 0, heads, width]), perm=[0, 2, 1, 3])

    def attend(self, query: str, key: str, value: str, heads: int, width: int, mask: str | None = None) -> str:
        """Softmax attention over (batch, heads, token, width), heads merged again."""
        scores = self.op("MatMul", query, self.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.scalar(width**-0.5))
        if mask is not None:
            scores = self.op("Add", scores, mask)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        return self.reshape(self.op("Transpose", mixed, perm=[0, 2, 1, 3]), [0, 0, heads * width])

    # --- the file -----------------------------------------------------------------------------------------------------

    def save(self) -> Graph:
        """Write the graph; the builder is of no use afterwards."""
        self._file.close()
        helper, types = self._onnx.helper, self._onnx.TensorProto
        kinds = {"int64": types.INT64, self.dtype: self.type}
        inputs = [helper.make_tensor_value_info(i.name, kinds[i.dtype], list(i.shape)) for i in self._inputs]
        graph = helper.make_graph(
            self._nodes, self.name, inputs, self._outputs, initializer=list(self._initializers.values())
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="hwpredict")
        path = self.directory / "model.onnx"
        path.write_bytes(model.SerializeToString())
        self._onnx.checker.check_model(str(path))
        return Graph(str(path), tuple(self._inputs), self.parameters)
