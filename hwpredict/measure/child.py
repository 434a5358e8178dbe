"""The process that measures one cell: ``python -m hwpredict.measure.child JOB RESULT``.

A process of its own, started afresh, so that its peak memory is that of this model on this runtime and of nothing
before it, and so that a crash or an exhausted memory costs one cell.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hwpredict.measure import statistic
from hwpredict.measure.engines.engine import ENGINES, CannotRunError, Loaded
from hwpredict.measure.job import PROCESSOR, WALL, WARMUP_STEPS, Job, Result


def peak_memory_mb() -> float | None:
    """Largest resident set of this process so far, 10^6 bytes; None where the system does not tell.

    On Linux ``VmHWM``, which starts anew with the program: ``ru_maxrss`` of a fresh process is at least what its
    parent occupied when it was started.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    if found := re.search(r"VmHWM:\s*(\d+) kB", status):
        return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def pin(processors: tuple[int, ...]) -> None:
    """Keep this process on some logical processors, where the system can."""
    if processors and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, processors)


#: Nanoseconds by timer.
_CLOCKS = {WALL: time.perf_counter_ns, PROCESSOR: time.process_time_ns}


def sample(loaded: Loaded, job: Job, clock: Callable[[], int] | None = None) -> tuple[list[float], int]:
    """Step until the median is known well enough.

    Parameters
    ----------
    loaded : Loaded
    job : Job
    clock : callable, optional
        Nanoseconds; the job's timer by default.

    Returns
    -------
    tuple of (list of float, int)
        Latencies in ms, and how many steps came before them.
    """
    now = clock or _CLOCKS[job.timer]
    start, warm = now(), 0
    while warm < WARMUP_STEPS or (now() - start) / 1e9 < job.warmup_seconds:
        loaded.step()
        warm += 1
    latencies: list[float] = []
    start, check = now(), statistic.FEWEST
    while True:
        before = now()
        loaded.step()
        after = now()
        latencies.append((after - before) / 1e6)
        if len(latencies) < statistic.FEWEST:
            continue
        if (after - start) / 1e9 >= job.max_seconds:
            return latencies, warm
        if len(latencies) >= check:
            if statistic.median(latencies).relative <= job.precision_target:
                return latencies, warm
            check = max(check + 1, int(check * 1.1))  # often enough, without sorting at every step


def measure(job: Job) -> Result:
    """Measure one cell in this process.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Result
        With a reason instead of latencies if the cell cannot be run.
    """
    pin(job.processors)
    engine = ENGINES[job.engine]
    __import__(engine.package)
    idle = peak_memory_mb()
    started = time.perf_counter()
    try:
        loaded = engine.load(job)
    except CannotRunError as error:
        return Result(reason=str(error))
    seconds = time.perf_counter() - started
    wall, busy = time.perf_counter(), time.process_time()
    latencies, warm = sample(loaded, job)
    share = (time.process_time() - busy) / ((time.perf_counter() - wall) * job.threads)
    memory = loaded.memory_mb() if job.device != "cpu" else peak_memory_mb()
    return Result(tuple(latencies), memory, idle, loaded.version, loaded.details, warm, seconds, share)


def main(arguments: list[str]) -> None:
    """Read a job, measure it, write the result."""
    source, target = map(Path, arguments)
    job = Job.from_json(source.read_text(encoding="utf-8"))
    try:
        result = measure(job)
    except Exception as error:  # a native library raises anything; the parent reports it with its cell
        result = Result(reason=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    partial = target.with_suffix(".partial")
    partial.write_text(result.to_json(), encoding="utf-8")
    partial.replace(target)


if __name__ == "__main__":
    main(sys.argv[1:])
