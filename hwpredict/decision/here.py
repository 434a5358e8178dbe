"""Benchmarks of this machine as something to decide with: which targets can be measured here, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hwpredict.catalog import devices
from hwpredict.errors import HwpredictError
from hwpredict.measure.engines.engine import ENGINES
from hwpredict.workload import Target, Workload

if TYPE_CHECKING:
    from hwpredict.measure.report import HardwareReport
    from hwpredict.measure.runner import Settings
    from hwpredict.measure.session import Session

type Row = dict[str, Any]


def benchmark_here(
    report: HardwareReport,
    settings: Settings,
    *,
    database: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
    run: Callable[..., Session] | None = None,
) -> Callable[[Workload, Target], Sequence[Row]]:
    """Measures workloads on those targets that are this machine.

    Parameters
    ----------
    report : HardwareReport
        What this machine has.
    settings : Settings
        Of the runner.
    database : str, optional
        Store that the rows go into.
    progress : callable
        Told what is measured, and what cannot be and why.
    run : callable, optional
        In the place of :func:`hwpredict.measure.session.benchmark`, for tests.

    Returns
    -------
    callable
        From a workload and a target to rows in the measurement schema; none where this machine is not the target, has
        no runtime for it, or the run failed.
    """
    from hwpredict.measure.plan import installed, plan
    from hwpredict.measure.rows import device_name
    from hwpredict.measure.session import benchmark

    def measure(work: Workload, target: Target) -> Sequence[Row]:
        found = report.get(target.platform)
        if found is None or not found:
            progress(f"{target.name} is not this machine")
            return []
        engines = [(e, d) for e in ENGINES.values() for d, p in e.devices.items() if p == target.platform]
        usable = [(e, d) for e, d in engines if installed(e.package)]
        if not usable:
            packages = " or ".join(dict.fromkeys(e.package for e, _ in engines))
            progress(f"{target.name} cannot be measured: {f'install {packages}' if packages else 'no runtime does it'}")
        for engine, device in usable:
            here = device_name(report, target.platform, device)
            if target.device is not None and not _same(target.device, here, target.platform):
                progress(f"{target.name} is not this machine, which is {here}")
                return []
            runtime = engine.name if device == "cpu" else f"{engine.name}:{device}"
            progress(f"measuring {work.model} on {target.name} with {runtime}")
            try:
                cells = plan(
                    [work.model], runtimes=[runtime], batch_sizes=[int(work.batch_size)],
                    precisions=[work.precision], items=None if work.item is None else [work.item],
                    sequence_length=None if work.sequence_length is None else int(work.sequence_length),
                    has=installed,
                )  # fmt: skip
            except HwpredictError as error:
                progress(f"{target.name} cannot be measured: {error}")
                continue
            session = (run or benchmark)(cells, report, settings, database=database)
            if session.rows:
                return list(session.rows)
            for _, reason in session.failed:
                progress(f"{target.name} cannot be measured: {reason}")
        return []

    return measure


def _same(a: str, b: str, platform: str) -> bool:
    """Whether two descriptions mean one product."""
    first, second = (devices.match(name, platform) for name in (a, b))
    return a == b or (first is not None and second is not None and first.name == second.name)
