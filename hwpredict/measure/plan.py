"""Which cells a benchmark measures: models × items × precisions × runtimes × batch sizes, all checked first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product

from hwpredict.catalog import models
from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.compatibility import incompatible
from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.measure.engines.engine import ENGINES, parse_runtime
from hwpredict.measure.graphs.build import ITEMS, config_of
from hwpredict.workload import PRECISIONS, Item, Mode, choice, positive

#: Tokens of a sequence, and of the context of a decode step, when none are given.
SEQUENCE_LENGTH = 128
#: Packages that graphs are built and quantised with.
_BUILDER, _QUANTIZER = "onnx", "onnxruntime"


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration to measure.

    Attributes
    ----------
    model : str
        Canonical name.
    item : str
    precision : str
    engine, device : str
        Runtime and what it shall run on.
    platform : str
    batch_size : int
    sequence_length : int or None
        Tokens of the sequence or prompt; of a decode step, of the context. None for images.
    """

    model: str
    item: str
    precision: str
    engine: str
    device: str
    platform: str
    batch_size: int
    sequence_length: int | None

    @property
    def sizes(self) -> dict[str, int]:
        """Size of each named dimension of the graph."""
        if self.sequence_length is None:
            return {"batch": self.batch_size}
        length = "context" if self.item == Item.TOKEN_DECODE else "sequence"
        return {"batch": self.batch_size, length: self.sequence_length}

    @property
    def incompatible(self) -> str | None:
        """Why the platform cannot run it, whatever the device; None if it can."""
        return incompatible(self.platform, self.precision, str(Mode.INFERENCE))

    def __str__(self) -> str:
        where = self.engine if self.device == "cpu" else f"{self.engine}:{self.device}"
        what = "" if self.item in (Item.IMAGE, Item.SEQUENCE) else f" {self.item.removeprefix('token_')}"
        return f"{self.model}{what} {self.precision} {where} batch {self.batch_size}"


def installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return find_spec(package) is not None


def default_runtimes(has: Callable[[str], bool] = installed) -> list[str]:
    """Runtimes that are installed.

    Raises
    ------
    InvalidWorkloadError
        None is.
    """
    found = [e.name for e in ENGINES.values() if has(e.package) and (not e.needs_graph or has(_BUILDER))]
    if not found:
        raise InvalidWorkloadError(
            "no runtime is installed to measure with: pip install 'hwpredict[onnx]' or 'hwpredict[openvino]'"
        )
    return found


def plan(
    names: Sequence[str],
    *,
    runtimes: Sequence[str] | None = None,
    batch_sizes: Sequence[int] = (1, 8, 32),
    precisions: Sequence[str] = ("fp32",),
    items: Sequence[str] | None = None,
    sequence_length: int | None = None,
    has: Callable[[str], bool] = installed,
) -> list[Cell]:
    """Cells of a benchmark, in the order in which graphs are reused most.

    Parameters
    ----------
    names : sequence of str
        Models of the catalog.
    runtimes : sequence of str, optional
        ``onnxruntime``, ``openvino``, ``torch``, with ``:device`` where it is not the CPU; by default those installed.
    batch_sizes : sequence of int
    precisions : sequence of str
    items : sequence of str, optional
        What a step is; by default an image, a sequence or a decode step. A model skips those that it has not.
    sequence_length : int, optional
        128 by default.
    has : callable
        Whether a package is installed.

    Returns
    -------
    list of Cell

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
        A name that is not known, a length that the model has no positions for, a runtime that is not installed.
    """
    if not names:
        raise InvalidWorkloadError("no model to measure: name at least one, e.g. bert-base-uncased")
    for value in batch_sizes:
        positive("batch_size", value, whole=True)
    positive("sequence_length", sequence_length, whole=True)
    formats = [choice("precision", p, PRECISIONS) for p in dict.fromkeys(precisions)]
    wanted = None if items is None else [choice("item", i, Item) for i in items]
    parsed = [parse_runtime(r) for r in dict.fromkeys(runtimes or default_runtimes(has))]
    for engine, _ in parsed:
        for package in (engine.package, *((_BUILDER,) if engine.needs_graph else ())):
            if not has(package):
                raise InvalidWorkloadError(f"{package} is not installed: pip install 'hwpredict[{engine.extra}]'")
        if engine.needs_graph and "int8" in formats and not has(_QUANTIZER):
            raise InvalidWorkloadError(f"int8 needs {_QUANTIZER} to quantise with: pip install 'hwpredict[onnx]'")
    cells = []
    for name in dict.fromkeys(names):
        model, config = models.features(name).name, config_of(name)
        for item in _items(model, config, wanted):
            length = None if item == Item.IMAGE else _length(model, config, item, sequence_length)
            for precision, (engine, device), batch in product(formats, parsed, dict.fromkeys(batch_sizes)):
                platform = engine.devices[device]
                cells.append(Cell(model, item, precision, engine.name, device, platform, int(batch), length))
    return cells


def _items(model: str, config: Config, wanted: Sequence[str] | None) -> list[str]:
    own = [str(item) for item in ITEMS[config.model_type]]
    if wanted is None:
        return own[:1]
    found = [item for item in wanted if item in own]
    if not found:
        raise unknown(f"item of {model}", ", ".join(wanted), own)
    return found


def _length(model: str, config: Config, item: str, given: int | None) -> int:
    length, most = given or SEQUENCE_LENGTH, config.need("max_position_embeddings")
    if length + (item == Item.TOKEN_DECODE) > most:
        raise InvalidWorkloadError(f"{model} has {most} positions, too few for a sequence length of {length}")
    return length
