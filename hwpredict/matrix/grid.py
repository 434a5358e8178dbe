"""The grid: which models, on which hardware, at which precisions, batch sizes, lengths and phases."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwpredict.catalog import devices, models as catalog
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.compatibility import incompatible
from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.performance.cells import DEFAULT_SEQUENCE_LENGTH, resolve_target
from hwpredict.performance.notes import DECODE, FORWARD, PREFILL
from hwpredict.workload import PRECISIONS, Family, Mode, Platform, Target, Workload, choice, positive

#: What the guide tabulates when nothing is said.
DEFAULT_BATCH_SIZES = (1, 8, 32)
DEFAULT_PRECISIONS = ("fp32", "fp16", "int8")

#: Phases that a matrix may have as a dimension, with the item that a step of each is counted in; a forward pass is
#: counted in the usual item of the model's family.
PHASE_ITEMS: dict[str, str | None] = {FORWARD: None, PREFILL: "token_prefill", DECODE: "token_decode"}

CELL_DIMS = ("model", "hardware", "precision", "batch_size", "sequence_length")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model to tabulate: its name, and features if the catalog does not know it.

    Attributes
    ----------
    name : str
    family : str, optional
        One of :class:`hwpredict.workload.Family`.
    parameters, gmacs, activations_m : float, optional
        Parameters, 10^9 multiply-accumulates and 10^6 activation elements of one item.
    input_size : str, optional
        Pixels of an image.
    features : ModelFeatures, optional
        Of a model that is known by its config.json: whoever predicts it has to register them first.
    """

    name: str
    family: str | None = None
    parameters: float | None = None
    gmacs: float | None = None
    activations_m: float | None = None
    input_size: str | None = None
    features: ModelFeatures | None = None

    @classmethod
    def of(cls, given: Any) -> ModelSpec:
        """From a name, a config.json (parsed, or the path of it), features, or a mapping of the attributes.

        The guide's ``category`` is the family.

        Raises
        ------
        InvalidWorkloadError, UnknownNameError
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, Mapping) and "model_type" in given:
            given = catalog.from_config(given)
        elif isinstance(given, (str, os.PathLike)) and _is_config(given):
            given = catalog.from_config(Path(given))
        if isinstance(given, ModelFeatures):
            return cls(catalog.register(given), given.family, features=given)
        if isinstance(given, str):
            given = {"name": given}
        if not isinstance(given, Mapping):
            raise InvalidWorkloadError(
                f"a model is {given!r}: give its name, or a mapping with 'name' and, if it is unknown, its features"
            )
        fields = {("family" if k == "category" else k): v for k, v in given.items()}
        for key in set(fields) - set(cls.__slots__):
            raise unknown("field of a model", key, cls.__slots__)
        if not str(fields.get("name") or "").strip():
            raise InvalidWorkloadError(f"a model has no name: {dict(given)!r}; give one, e.g. 'bert-base-uncased'")
        if fields.get("family"):
            fields["family"] = choice("family", fields["family"], Family)
        if fields.get("input_size") is not None:
            fields["input_size"] = str(fields["input_size"])
        for key in ("parameters", "gmacs", "activations_m"):
            fields[key] = positive(key, fields.get(key))
        return cls(**fields)

    @property
    def known_family(self) -> str:
        """Family as given or as the catalog has it; empty if neither says."""
        if self.family:
            return self.family
        found = catalog.match(self.name)
        return found.family if found else ""

    @property
    def generates(self) -> bool:
        """Whether the model has a key-value cache, and so prefill and decode phases."""
        found = catalog.match(self.name)
        if found is not None:
            return found.kv_bytes_per_token_fp16 > 0
        return self.family == Family.TEXT_GENERATION


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes of a prediction matrix; every combination is a cell.

    Attributes
    ----------
    models : tuple of ModelSpec
    targets : tuple of Target
    precisions : tuple of str
    batch_sizes, sequence_lengths : tuple of int
    phases : tuple of str
        Empty: no such dimension, every model in its usual phase.
    mode : str
    """

    models: tuple[ModelSpec, ...]
    targets: tuple[Target, ...]
    precisions: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    phases: tuple[str, ...]
    mode: str

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimension names, outermost first."""
        return (*CELL_DIMS, "phase") if self.phases else CELL_DIMS

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        axes: tuple[Sequence[Any], ...] = (
            self.models, self.targets, self.precisions, self.batch_sizes, self.sequence_lengths
        )  # fmt: skip
        return tuple(len(a) for a in axes) + ((len(self.phases),) if self.phases else ())

    @property
    def size(self) -> int:
        """Number of cells."""
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def baseline(self) -> int | None:
        """Position of the hardware that speed-ups are relative to: the first CPU, None if there is none."""
        cpus = [i for i, t in enumerate(self.targets) if t.platform == Platform.CPU]
        return cpus[0] if cpus else None

    def register(self) -> None:
        """Make the models known that are known by their features only; a worker of a cluster starts without them."""
        for m in self.models:
            if m.features is not None:
                catalog.register(m.features)

    @property
    def signature(self) -> str:
        """Hash of the axes: two grids with equal signatures have equal cells."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the models, each once."""
        return tuple(dict.fromkeys(m.known_family for m in self.models))

    def blocked(self, family: str, target: Target, precision: str) -> str:
        """Why a target cannot run models of a family at a precision in this mode; empty if it can."""
        return incompatible(target.platform, precision, self.mode, family or None) or ""

    def inapplicable(self, model: ModelSpec, phase: str) -> str:
        """Why a model has no such phase; empty if it has."""
        if phase == FORWARD:
            return ""
        if self.mode == Mode.TRAINING:
            return f"training has no {phase} phase"
        return "" if model.generates else f"{model.name} generates no tokens and has no {phase} phase"

    def workload(self, model: ModelSpec, precision: str, length: int, phase: str) -> Workload:
        """One model at one precision, length and phase, batch 1."""
        item = PHASE_ITEMS[phase]
        # an image or a clip of audio has no length in tokens: its cells are equal along that dimension
        tokens = item is not None or model.known_family not in (Family.VISION, Family.AUDIO)
        return Workload(
            model.name, model.family, 1, length if tokens else None, model.input_size, precision, self.mode, item,
            model.parameters, model.gmacs, model.activations_m,
        )  # fmt: skip


def make_grid(
    models: Iterable[Any],
    batch_sizes: Iterable[float] | None = None,
    hardware: str | Iterable[str | Target] | None = None,
    precision: str | Iterable[str] | None = None,
    mode: str = "inference",
    sequence_lengths: Iterable[float] | None = None,
    phases: Iterable[str] | None = None,
    *,
    n_devices: int = 1,
    runtime: str | None = None,
) -> Grid:
    """Validate axes and put them into a grid; duplicates are dropped, the order is kept.

    Parameters
    ----------
    models : iterable of str or mapping or ModelSpec
    batch_sizes : iterable of int, optional
        1, 8 and 32 by default.
    hardware : str or iterable of str or Target, optional
        Platforms, devices or both; the package's usual candidates by default.
    precision : str or iterable of str, optional
        fp32, fp16 and int8 by default.
    mode : {"inference", "training"}
    sequence_lengths : iterable of int, optional
        Tokens; 128 by default.
    phases : iterable of {"forward", "prefill", "decode"}, optional
        Adds the dimension ``phase``.
    n_devices, runtime
        Of every target.

    Returns
    -------
    Grid

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    specs = _axis("models", [ModelSpec.of(m) for m in ([models] if isinstance(models, str) else models)])
    names = [m.name for m in specs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidWorkloadError(f"the model {name!r} is given twice with different features: name them apart")
    if hardware is None:
        targets = [Target(p, d, runtime, None, n_devices) for p, d in devices.DEFAULT_TARGETS]
    else:
        given = [hardware] if isinstance(hardware, str) else list(hardware)
        targets = [
            h if isinstance(h, Target) else resolve_target(h, n_devices=n_devices, runtime=runtime) for h in given
        ]
    wanted = [precision] if isinstance(precision, str) else list(precision or DEFAULT_PRECISIONS)
    return Grid(
        models=specs,
        targets=_axis("hardware", list({t.name: t for t in targets}.values())),
        precisions=_axis("precision", [choice("precision", p, PRECISIONS) for p in wanted]),
        batch_sizes=_whole("batch_sizes", DEFAULT_BATCH_SIZES if batch_sizes is None else batch_sizes),
        sequence_lengths=_whole(
            "sequence_lengths", (DEFAULT_SEQUENCE_LENGTH,) if sequence_lengths is None else sequence_lengths
        ),
        phases=() if phases is None else _axis("phases", [_phase(p) for p in _several(phases)]),
        mode=choice("mode", mode, Mode),
    )


def _is_config(given: str | os.PathLike[str]) -> bool:
    """Whether a model is named by its config.json, or by the folder that holds it."""
    return str(given).casefold().endswith(".json") or Path(given, "config.json").is_file()


def _several(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _phase(name: str) -> str:
    if name not in PHASE_ITEMS:
        raise unknown("phase", name, PHASE_ITEMS)
    return name


def _axis[T](name: str, values: Iterable[T]) -> tuple[T, ...]:
    """Distinct values in their order, refused if there are none."""
    out = tuple(dict.fromkeys(values))
    if not out:
        raise InvalidWorkloadError(f"{name} is empty: give at least one")
    return out


def _whole(name: str, values: Iterable[float]) -> tuple[int, ...]:
    """Distinct positive whole numbers."""
    given = [values] if isinstance(values, (int, float)) else list(values)
    return _axis(name, [int(positive(name, v, whole=True) or 0) for v in given])
