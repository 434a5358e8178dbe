"""What a runtime is to the benchmark: something that is loaded and then steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType

from hwpredict.errors import unknown
from hwpredict.measure.job import Job
from hwpredict.workload import Platform


class CannotRunError(Exception):
    """The runtime cannot run the cell; the message says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to step.

    Attributes
    ----------
    step : callable
        One synchronous step: it returns when the result is there.
    version : str
        Of the runtime.
    details : dict of str to str
        Settings and what the runtime says that it really does.
    memory_mb : callable
        Peak memory of an accelerator; None where the runtime does not tell.
    """

    step: Callable[[], object]
    version: str
    details: dict[str, str] = field(default_factory=dict)
    memory_mb: Callable[[], float | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Engine:
    """One runtime.

    Attributes
    ----------
    name : str
    package : str
        Python package that must be importable.
    extra : str
        Extra of hwpredict that installs it.
    runtime : str
        How rows name it: the spelling of other tables, so that they pool.
    needs_graph : bool
        Whether it runs the ONNX graphs built here.
    devices : Mapping of str to str
        Device that can be asked for, and the platform that it is.
    module : str
        Where its ``load(job)`` is.
    """

    name: str
    package: str
    extra: str
    runtime: str
    needs_graph: bool
    devices: Mapping[str, str]
    module: str

    def load(self, job: Job) -> Loaded:
        """Load a job's model; raises :class:`CannotRunError`."""
        loaded: Loaded = import_module(self.module).load(job)
        return loaded


def _engine(name: str, package: str, extra: str, runtime: str, graph: bool, **devices: Platform) -> Engine:
    kinds = MappingProxyType({device: str(platform) for device, platform in devices.items()})
    return Engine(name, package, extra, runtime, graph, kinds, f"hwpredict.measure.engines.{name}_engine")


_OPENVINO = ("cpu", "gpu", "npu")
_TORCH = {"cpu": Platform.CPU, "cuda": Platform.CUDA, "mps": Platform.MPS}
_KNOWN = (
    _engine("onnxruntime", "onnxruntime", "onnx", "onnxruntime", True, cpu=Platform.CPU, cuda=Platform.CUDA),
    _engine("openvino", "openvino", "openvino", "openvino-sync", True, **dict.fromkeys(_OPENVINO, Platform.OPENVINO)),
    _engine("torch", "torch", "torch", "pytorch-eager", False, **_TORCH),
)
#: Runtimes by name.
ENGINES: Mapping[str, Engine] = MappingProxyType({engine.name: engine for engine in _KNOWN})


def parse_runtime(text: str) -> tuple[Engine, str]:
    """Engine and device of what a user writes: ``openvino`` (on the CPU) or ``openvino:gpu``.

    Raises
    ------
    UnknownNameError
    """
    name, _, device = text.strip().casefold().partition(":")
    if name not in ENGINES:
        raise unknown("runtime", name, ENGINES, hint="A device may follow a colon: torch:cuda.")
    engine = ENGINES[name]
    if (device or "cpu") not in engine.devices:
        raise unknown(f"device of {name}", device, engine.devices)
    return engine, device or "cpu"
