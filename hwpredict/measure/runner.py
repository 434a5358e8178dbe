"""Runs the cells of a plan, one fresh process each, and says what came of every one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwpredict.catalog.models import features, hyperparameters
from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.measure.engines.engine import ENGINES
from hwpredict.measure.graphs.build import build_graph
from hwpredict.measure.graphs.builder import Graph
from hwpredict.measure.graphs.quantize import quantize
from hwpredict.measure.job import MAX_SECONDS, PRECISION, PROCESSOR, TIMERS, WALL, WARMUP_SECONDS, Job, Result
from hwpredict.measure.plan import Cell

#: Seconds after which a process that measures one cell is ended.
CELL_TIMEOUT = 900.0
#: Number format of the graph that a precision needs; OpenVINO converts a float32 graph itself.
_DTYPES = {"fp16": "float16", "bf16": "bfloat16"}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    threads : int
        Threads that a runtime computes with on the CPU.
    processors : tuple of int
        Logical processors to pin to; empty is no pinning.
    target : float
        Relative half-width of the median's 95 % interval at which a cell is done.
    max_seconds : float
        Seconds of steps after which it is done all the same.
    warmup_seconds : float
    timer : {"wall", "processor"}
        What a latency is; processor time is one only on a single thread of a CPU.
    timeout : float
        Seconds after which a cell is given up, loading included.
    seed : int
    """

    threads: int
    processors: tuple[int, ...] = ()
    target: float = PRECISION
    max_seconds: float = MAX_SECONDS
    warmup_seconds: float = WARMUP_SECONDS
    timer: str = WALL
    timeout: float = CELL_TIMEOUT
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("threads", "target", "max_seconds", "timeout"):
            if not getattr(self, name) > 0:
                raise InvalidWorkloadError(f"{name} is {getattr(self, name)}: give a positive number")
        if self.timer not in TIMERS:
            raise unknown("timer", self.timer, TIMERS)
        if self.timer == PROCESSOR and self.threads != 1:
            raise InvalidWorkloadError(
                f"processor time is a latency only on one thread, not on {self.threads}: give threads=1"
            )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one cell.

    Attributes
    ----------
    cell : Cell
    result : Result
        Its ``reason`` says why nothing was measured.
    parameters : int
        Of the graph; 0 where the runtime built the model itself.
    started : float
        Seconds since the epoch.
    load_average : float or None
        Of the machine in the minute before.
    """

    cell: Cell
    result: Result
    parameters: int = 0
    started: float = 0.0
    load_average: float | None = None


@dataclass
class _Graphs:
    """Graphs of the model at hand, each built when it is first needed; those of the model before are removed."""

    directory: Path
    model: str = ""
    built: dict[tuple[str, str], Graph] = field(default_factory=dict)
    _temporary: tempfile.TemporaryDirectory[str] | None = None

    def get(self, cell: Cell) -> Graph:
        if cell.model != self.model or self._temporary is None:
            self.close()
            self._temporary = tempfile.TemporaryDirectory(prefix="graphs-", dir=self.directory)
            self.model = cell.model
        kind = "int8" if cell.precision == "int8" else "float32"
        if cell.engine != "openvino":
            kind = _DTYPES.get(cell.precision, kind)
        return self._get(cell, kind)

    def _get(self, cell: Cell, kind: str) -> Graph:
        if (key := (cell.item, kind)) not in self.built:
            assert self._temporary is not None
            where = Path(self._temporary.name) / f"{cell.model.replace('/', '_')}-{cell.item}-{kind}"
            if kind == "int8":
                self.built[key] = quantize(self._get(cell, "float32"), where)
            else:
                self.built[key] = build_graph(cell.model, cell.item, where, kind)
        return self.built[key]

    def close(self) -> None:
        self.built.clear()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


def run(cells: Sequence[Cell], settings: Settings, workspace: Path | None = None) -> Iterator[Outcome]:
    """Measure cells one after the other.

    Parameters
    ----------
    cells : sequence of Cell
    settings : Settings
    workspace : path, optional
        Directory for graphs; the system's temporary one by default. The weights of one model must fit there twice.

    Yields
    ------
    Outcome
        One a cell, as soon as it is known. Closing the generator, or Ctrl-C, ends the measuring process.
    """
    with tempfile.TemporaryDirectory(prefix="hwpredict-", dir=workspace) as directory:
        graphs = _Graphs(Path(directory))
        try:
            for cell in cells:
                yield _measure(cell, settings, graphs, Path(directory))
        finally:
            graphs.close()


def _measure(cell: Cell, settings: Settings, graphs: _Graphs, directory: Path) -> Outcome:
    if settings.timer == PROCESSOR and cell.device != "cpu":
        return Outcome(cell, Result(reason=f"processor time says nothing of the {cell.device}: use wall time"))
    if cell.incompatible:
        return Outcome(cell, Result(reason=cell.incompatible))
    graph = graphs.get(cell) if ENGINES[cell.engine].needs_graph else Graph("", (), 0)
    job = Job(
        engine=cell.engine,
        device=cell.device,
        model=cell.model,
        item=cell.item,
        precision=cell.precision,
        sizes=cell.sizes,
        threads=settings.threads,
        processors=settings.processors,
        graph=graph.path,
        inputs=graph.inputs,
        config={} if graph.path else hyperparameters(cell.model),
        parameters=graph.parameters or int(features(cell.model).parameters or 0),
        precision_target=settings.target,
        max_seconds=settings.max_seconds,
        warmup_seconds=settings.warmup_seconds,
        timer=settings.timer,
        seed=settings.seed,
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    started = time.time()
    return Outcome(cell, _spawn(job, settings, directory), graph.parameters, started, load)


def _spawn(job: Job, settings: Settings, directory: Path) -> Result:
    """Measure in a fresh process of its own session, so that Ctrl-C reaches this process alone."""
    source, target, log = (directory / name for name in ("job.json", "result.json", "stderr.txt"))
    target.unlink(missing_ok=True)
    source.write_text(job.to_json(), encoding="utf-8")
    home = str(Path(__file__).resolve().parents[2])
    environ = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(settings.threads))
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-m", "hwpredict.measure.child", str(source), str(target)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=environ, start_new_session=True
        )
        try:
            status = process.wait(settings.timeout)
        except subprocess.TimeoutExpired:
            return Result(reason=f"given up after {settings.timeout:g} s")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if target.is_file():
        return Result.from_json(target.read_text(encoding="utf-8"))
    if status == -9:
        return Result(reason="the measuring process was killed: most likely the machine has too little memory")
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return Result(reason=f"the measuring process ended with status {status}: {said[-1] if said else 'it said nothing'}")
