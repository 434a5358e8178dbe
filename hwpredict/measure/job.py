"""What the measuring process and its parent say to each other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from hwpredict.measure.graphs.builder import Input

#: Relative half-width of the median's interval at which a measurement is good enough.
PRECISION = 0.02
#: Seconds of steps after which it ends all the same.
MAX_SECONDS = 10.0
#: Seconds and steps that are run first and not counted.
WARMUP_SECONDS, WARMUP_STEPS = 0.5, 2


#: What a latency is: time on the wall, or time that the processor spent on the process. On one thread the second is
#: what the step would take if no other process ran; it is the one to use where others cannot be sent away.
WALL, PROCESSOR = "wall", "processor"
TIMERS = (WALL, PROCESSOR)


@dataclass(frozen=True, slots=True)
class Job:
    """One cell to measure.

    Attributes
    ----------
    engine : str
        Key of :data:`hwpredict.measure.engines.engine.ENGINES`.
    device : str
        cpu, cuda, mps, gpu or npu.
    model, item, precision : str
    sizes : dict of str to int
        batch, sequence, context.
    threads : int
    processors : tuple of int
        Logical processors to pin to; empty is no pinning.
    graph : str
        The .onnx file; empty for engines that need none.
    inputs : tuple of Input
    config : dict
        Hyper-parameters, for engines that build the model themselves.
    parameters : int
        What the catalog says that such a model has; 0 is unknown.
    precision_target, max_seconds, warmup_seconds : float
    timer : str
        One of :data:`TIMERS`.
    seed : int
    """

    engine: str
    device: str
    model: str
    item: str
    precision: str
    sizes: dict[str, int]
    threads: int
    processors: tuple[int, ...] = ()
    graph: str = ""
    inputs: tuple[Input, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    parameters: int = 0
    precision_target: float = PRECISION
    max_seconds: float = MAX_SECONDS
    warmup_seconds: float = WARMUP_SECONDS
    timer: str = WALL
    seed: int = 0

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Inverse of :meth:`to_json`."""
        values = json.loads(text)
        values["inputs"] = tuple(Input(**i | {"shape": tuple(i["shape"])}) for i in values["inputs"])
        return cls(**values | {"processors": tuple(values["processors"])})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job.

    Attributes
    ----------
    latencies_ms : tuple of float
        Every counted step, in order; empty if the cell could not be run.
    memory_mb : float or None
        Peak memory: resident set of the process on a CPU, allocations on a GPU where the runtime tells them.
    idle_memory_mb : float or None
        Resident set with the runtime loaded, before the model.
    runtime_version : str
    details : dict of str to str
        What the engine says of itself.
    warmup_steps : int
    load_seconds : float
    cpu_share : float or None
        Processor time over wall time and threads during warm-up and steps: well below 1, the threads had to wait
        for other processes (or had nothing to do).
    reason : str
        Why the cell could not be run.
    """

    latencies_ms: tuple[float, ...] = ()
    memory_mb: float | None = None
    idle_memory_mb: float | None = None
    runtime_version: str = ""
    details: dict[str, str] = field(default_factory=dict)
    warmup_steps: int = 0
    load_seconds: float = 0.0
    cpu_share: float | None = None
    reason: str = ""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Inverse of :meth:`to_json`."""
        values = json.loads(text)
        return cls(**values | {"latencies_ms": tuple(values["latencies_ms"])})
