"""Ways to put a model on several devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hwpredict.errors import InvalidWorkloadError, unknown

#: What each ZeRO stage splits over the data-parallel devices besides the batch (Rajbhandari et al. 2020, figure 1).
#: Stage 3 is PyTorch's fully sharded data parallel (FSDP).
ZERO: Mapping[int, str] = {
    0: "nothing",
    1: "optimizer states",
    2: "optimizer states and gradients",
    3: "optimizer states, gradients and weights",
}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Memory of an optimizer.

    Attributes
    ----------
    name : str
    state_bytes : float
        Bytes of state per parameter.
    master : bool
        Whether 16-bit weights get a 32-bit master copy (4 bytes per parameter).
    source : str
    """

    name: str
    state_bytes: float
    master: bool
    source: str


OPTIMIZERS: Mapping[str, Optimizer] = {
    o.name: o
    for o in (
        Optimizer("adamw", 8.0, True, "two fp32 moments; Rajbhandari et al. 2020, section 3.1: K = 12 with the master"),
        Optimizer("adamw_8bit", 2.0, True, "two 8-bit moments; Dettmers et al. 2022, 8-bit Optimizers"),
        Optimizer("adamw_bf16", 4.0, False, "two bf16 moments on bf16 weights, no master copy"),
        Optimizer("sgd", 0.0, True, "no momentum"),
        Optimizer("sgd_momentum", 4.0, True, "one fp32 moment"),
        Optimizer("lion", 4.0, True, "one fp32 moment; Chen et al. 2023"),
        Optimizer("adafactor", 0.1, True, "row and column sums of the second moment; Shazeer & Stern 2018"),
    )
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Bytes per parameter of training in a precision.

    Attributes
    ----------
    weight, gradient : float
    half : bool
        Whether weights are kept in 16 bits, so that a master copy makes sense.
    compute : float
        Bytes of an activation element.
    """

    weight: float
    gradient: float
    half: bool
    compute: float


#: ``amp`` is PyTorch's autocast: 32-bit weights and gradients, 16-bit arithmetic. ``fp16`` and ``bf16`` are mixed
#: precision with 16-bit weights and gradients and a 32-bit master copy (DeepSpeed, Megatron-LM).
TRAINING_NUMBERS: Mapping[str, Numbers] = {
    "fp32": Numbers(4, 4, False, 4),
    "tf32": Numbers(4, 4, False, 4),
    "amp": Numbers(4, 4, False, 2),
    "amp_bf16": Numbers(4, 4, False, 2),
    "fp16": Numbers(2, 2, True, 2),
    "bf16": Numbers(2, 2, True, 2),
    "fp8": Numbers(2, 2, True, 2),
}


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a step is split.

    Attributes
    ----------
    data, tensor, pipeline : int
        Devices along each direction; their product is the number of devices.
    zero : int
        Stage 0 to 3 over the data-parallel devices.
    micro_batch : int
        Items of one forward pass on one replica.
    accumulation : int
        Forward passes before the weights are updated (micro-batches of a pipeline).
    checkpointing : bool
        Recomputes activations of every layer in the backward pass.
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    zero: int = 0
    micro_batch: int = 1
    accumulation: int = 1
    checkpointing: bool = False

    def __post_init__(self) -> None:
        for name in ("data", "tensor", "pipeline", "micro_batch", "accumulation"):
            if getattr(self, name) < 1:
                raise InvalidWorkloadError(f"{name} of a strategy is {getattr(self, name)}: give at least 1")
        if self.zero not in ZERO:
            raise unknown("ZeRO stage", self.zero, map(str, ZERO))

    @property
    def devices(self) -> int:
        """Devices altogether."""
        return self.data * self.tensor * self.pipeline

    @property
    def global_batch(self) -> int:
        """Items of one step of all devices."""
        return self.data * self.micro_batch * self.accumulation

    @property
    def kind(self) -> str:
        """How people call it: DDP, ZeRO-1, FSDP (ZeRO-3), TP 4 + PP 2."""
        parts = []
        if self.data > 1:
            parts.append({0: "DDP", 3: "FSDP (ZeRO-3)"}.get(self.zero, f"ZeRO-{self.zero}"))
        parts += [f"TP {self.tensor}"] if self.tensor > 1 else []
        parts += [f"PP {self.pipeline}"] if self.pipeline > 1 else []
        return " + ".join(parts) or "single device"

    def __str__(self) -> str:
        batch = f"batch {self.micro_batch}" + (f" × {self.accumulation}" if self.accumulation > 1 else "")
        return ", ".join([self.kind, batch, *(["checkpointing"] if self.checkpointing else [])])


def powers(most: int) -> list[int]:
    """1, 2, 4 … up to ``most``, and ``most`` itself."""
    out = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return out if most in out else [*out, most]


def splits(devices: int, layers: int, heads: int, node: int) -> Iterator[tuple[int, int, int]]:
    """Data, tensor and pipeline sizes that make ``devices``.

    Parameters
    ----------
    devices : int
    layers, heads : int
        0 where the model has none: it is then split along the batch alone.
    node : int
        Devices that share a fast link; tensor parallelism stays within.
    """
    for tensor in powers(min(devices, node) if heads else 1):
        if devices % tensor or (heads and heads % tensor):
            continue
        rest = devices // tensor
        for pipeline in powers(rest if layers else 1):
            if rest % pipeline or pipeline > max(layers, 1):
                continue
            yield rest // pipeline, tensor, pipeline


def training_strategies(devices: int, batch: int, *, layers: int, heads: int, node: int) -> Iterator[Strategy]:
    """Strategies to train with a global batch on so many devices.

    Every micro-batch that divides the share of a replica is tried, with and without checkpointing.
    """
    for data, tensor, pipeline in splits(devices, layers, heads, node):
        if batch % data:
            continue
        share = batch // data
        sharded = (0, 1, 2, 3) if tensor == pipeline == 1 else (0, 1)  # pipelines keep gradients until the end
        for zero in sharded if data > 1 else (0,):
            for micro in powers(share):
                if share % micro:
                    continue
                for checkpointing in (False, True):
                    yield Strategy(data, tensor, pipeline, zero, micro, share // micro, checkpointing)


def inference_strategies(devices: int, batch: int, *, layers: int, heads: int, node: int) -> Iterator[Strategy]:
    """Strategies to run a batch on so many devices: replicas, tensor and pipeline parallelism."""
    for data, tensor, pipeline in splits(devices, layers, heads, node):
        if batch % data == 0:
            yield Strategy(data, tensor, pipeline, 0, batch // data, 1)
