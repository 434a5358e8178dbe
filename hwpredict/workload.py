"""The vocabulary: what is run (workload) and where (target).

Everything else in hwpredict speaks in these words. Values are plain strings at the boundary, so that a data frame, a
command line and a netCDF coordinate hold the same names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from hwpredict.errors import InvalidWorkloadError, unknown

#: Source of the rows that ``hwpredict benchmark`` measures.
OWN_SOURCE = "hwpredict"


class Platform(StrEnum):
    """The software platform that a device is driven by (column ``hardware`` of a measurement)."""

    CUDA = "cuda"
    ROCM = "rocm"
    MPS = "mps"
    CPU = "cpu"
    OPENVINO = "openvino"
    WEBNN = "webnn"
    WEBGPU = "webgpu"
    QNN = "qnn"
    TPU = "tpu"
    OTHER = "other"


class Family(StrEnum):
    """What a model is for; the coarsest level of pooling over models."""

    VISION = "vision"
    TEXT_GENERATION = "text_generation"
    EMBEDDING = "embedding"
    AUDIO = "audio"
    MULTIMODAL = "multimodal"
    RECOMMENDATION = "recommendation"


class Mode(StrEnum):
    """What a step is part of."""

    INFERENCE = "inference"
    TRAINING = "training"


class Metric(StrEnum):
    """What is predicted, with its unit in :data:`UNITS`."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    MEMORY = "memory"


#: CF units of each metric. UDUNITS knows no "items" or "images": the item is in the ``item`` coordinate.
UNITS = {Metric.THROUGHPUT: "s-1", Metric.LATENCY: "ms", Metric.MEMORY: "Mbyte"}


class Item(StrEnum):
    """What one unit of throughput is, and so what ``latency`` spans."""

    IMAGE = "image"
    SEQUENCE = "sequence"  # one forward pass of the batch
    TOKEN_PREFILL = "token_prefill"  # latency: the whole prompt
    TOKEN_DECODE = "token_decode"  # latency: one step
    TOKEN = "token"  # a whole generate(); throughput per token
    SECOND_AUDIO = "second_audio"
    CLIP = "clip"
    WORKLOAD = "workload"
    OTHER = "item"


class Evidence(StrEnum):
    """How a prediction is supported, strongest first."""

    MEASURED = "measured"  # this model on this device at this precision is in the data
    DEVICE = "device"  # the device is in the data, the model is new or was measured elsewhere
    PLATFORM = "platform"  # the device is known by its spec sheet only, or not named
    PRIOR = "prior"  # no measurement of this platform or family


@dataclass(frozen=True, slots=True)
class Format:
    """A number format: what a weight and an activation occupy, and which arithmetic unit does the work.

    Attributes
    ----------
    weight_bits, activation_bits : float
        Bits per element, without the scales of block-wise quantisation.
    compute : str
        Column of the device catalog with the peak rate: fp64, fp32, tf32, fp16, bf16, fp8, int8, int4 or fp4.
    """

    weight_bits: float
    activation_bits: float
    compute: str


#: Weight-only quantisation computes in fp16: the weights are expanded on the way to the arithmetic units.
PRECISIONS: dict[str, Format] = {
    "fp64": Format(64, 64, "fp64"),
    "fp32": Format(32, 32, "fp32"),
    "tf32": Format(32, 32, "tf32"),
    "fp16": Format(16, 16, "fp16"),
    "bf16": Format(16, 16, "bf16"),
    "amp": Format(32, 16, "fp16"),
    "amp_bf16": Format(32, 16, "bf16"),
    "fp8": Format(8, 8, "fp8"),
    "fp4": Format(4, 8, "fp4"),
    "mxfp4": Format(4.25, 16, "fp16"),
    "int16": Format(16, 16, "fp16"),
    "int8": Format(8, 8, "int8"),
    "int6": Format(6.56, 16, "fp16"),
    "int5": Format(5.5, 16, "fp16"),
    "int4": Format(4.5, 16, "fp16"),
    "int3": Format(3.5, 16, "fp16"),
    "int2": Format(2.6, 16, "fp16"),
    "int1": Format(1.7, 16, "fp16"),
    "w16a16": Format(16, 16, "fp16"),
    "w8a16": Format(8, 16, "fp16"),
    "w4a16": Format(4.5, 16, "fp16"),
    "w8a16_mixed_fp16": Format(8, 16, "fp16"),
    "w8a16_mixed_int16": Format(8, 16, "fp16"),
    "w8a8_mixed_int16": Format(8, 8, "int8"),
    "w8a8_g512": Format(8, 8, "int8"),
    "w4a8_g32": Format(4.5, 8, "int8"),
    "hybrid": Format(8, 32, "fp32"),
}


def choice(kind: str, value: str, known: type[StrEnum] | dict[str, Format]) -> str:
    """``value`` in its canonical spelling.

    Raises
    ------
    UnknownNameError
        It is not one of ``known``; the message names the nearest.
    """
    names = [str(k) for k in known]
    folded = {n.casefold(): n for n in names}
    try:
        return folded[str(value).strip().casefold()]
    except KeyError:
        raise unknown(kind, value, names) from None


def positive(name: str, value: float | None, *, whole: bool = False) -> float | None:
    """``value`` if it is a positive finite number (or None).

    Raises
    ------
    InvalidWorkloadError
    """
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidWorkloadError(f"{name} is {value!r}: give a positive number") from None
    if not math.isfinite(number) or number <= 0:
        raise InvalidWorkloadError(f"{name} is {value}: give a positive number")
    if whole and number != int(number):
        raise InvalidWorkloadError(f"{name} is {value}: give a whole number")
    return number


@dataclass(frozen=True, slots=True)
class Workload:
    """What is run.

    Attributes
    ----------
    model : str
        Name; the Hugging Face organisation is optional.
    family : str, optional
        One of :class:`Family`; needed only for a model that the catalog does not know.
    batch_size : float
    sequence_length : float, optional
        Tokens of each sequence (prefill: of the prompt; decode: of the context).
    input_size : str, optional
        Pixels of an image: ``"224"`` or ``"480x640"``.
    precision : str
        Key of :data:`PRECISIONS`.
    mode : str
        One of :class:`Mode`.
    item : str, optional
        One of :class:`Item`; by default one image, or one forward pass of a sequence.
    parameters, gmacs, activations_m : float, optional
        Features of a model that the catalog does not know: parameter count, 10^9 multiply-accumulates and 10^6
        activation elements of one item.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """

    model: str
    family: str | None = None
    batch_size: float = 1
    sequence_length: float | None = None
    input_size: str | None = None
    precision: str = "fp32"
    mode: str = "inference"
    item: str | None = None
    parameters: float | None = None
    gmacs: float | None = None
    activations_m: float | None = None

    def __post_init__(self) -> None:
        if not str(self.model).strip():
            raise InvalidWorkloadError("the model has no name: give one, e.g. 'bert-base-uncased'")
        for field_name, known in (("family", Family), ("mode", Mode), ("item", Item)):
            value = getattr(self, field_name)
            if value is not None:
                object.__setattr__(self, field_name, choice(field_name, value, known))
        object.__setattr__(self, "precision", choice("precision", self.precision, PRECISIONS))
        if self.batch_size is None:
            raise InvalidWorkloadError("batch_size is missing: give a positive whole number")
        object.__setattr__(self, "batch_size", positive("batch_size", self.batch_size, whole=True))
        for field_name in ("sequence_length", "parameters", "gmacs", "activations_m"):
            object.__setattr__(self, field_name, positive(field_name, getattr(self, field_name)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where it runs.

    Attributes
    ----------
    platform : str
        One of :class:`Platform`.
    device : str, optional
        Catalog name of the product; None is some device of the platform, we do not know which.
    runtime, runtime_version : str, optional
        Software; None is the platform's usual one.
    n_devices : int
    label : str, optional
        How the user wrote it; key of the results.
    memory_mb : float, optional
        Memory of one device that can be used, 10^6 bytes, as detection finds it: a control group may allow less than
        the machine has, and a product is sold in several sizes. None is what the data sheet says.
    """

    platform: str
    device: str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    n_devices: int = 1
    label: str | None = None
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "platform", choice("platform", self.platform, Platform))
        positive("n_devices", self.n_devices, whole=True)
        object.__setattr__(self, "memory_mb", positive("memory_mb", self.memory_mb))

    @property
    def name(self) -> str:
        """Key of the results: as the user wrote it, else device or platform."""
        return self.label or self.device or self.platform
