"""A benchmark from beginning to end: plan, measure, and put every row into the store as soon as it is there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hwpredict.errors import StoreError
from hwpredict.measure.plan import Cell
from hwpredict.measure.probes import Probes
from hwpredict.measure.report import HardwareReport
from hwpredict.measure.rows import to_row
from hwpredict.measure.runner import Outcome, Settings, run
from hwpredict.store import BenchmarkStore


@dataclass
class Session:
    """What a benchmark brought.

    Attributes
    ----------
    rows : list of dict
        Measured cells in the measurement schema, in order.
    failed : list of tuple of (Cell, str)
        Cells that could not be measured, and why.
    interrupted : bool
        Whether Ctrl-C ended it.
    left : int
        Cells that were not reached.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    interrupted: bool = False
    left: int = 0


def default_settings(
    report: HardwareReport, probes: Probes | None = None, threads: int | None = None, **options: Any
) -> Settings:
    """Settings of this machine: as many threads as there are cores to use, each pinned to a processor of its own.

    Parameters
    ----------
    report : HardwareReport
    probes : Probes, optional
    threads : int, optional
    **options
        Further fields of :class:`Settings`.
    """
    affinity = (probes or Probes()).affinity
    count = threads or report.cpu.usable_cores or os.cpu_count() or 1
    processors = tuple(sorted(affinity))[:count] if affinity else ()
    return Settings(threads=count, processors=processors, **options)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C come after a write, not into it (a query that is interrupted raises an error of its own)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {s: signal.signal(s, lambda number, _: came.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
        for number in came:
            signal.raise_signal(number)


class _Sink:
    """Puts rows into a store, which is open only while it is written to, so that others may read it in between."""

    def __init__(self, database: str | os.PathLike[str] | None) -> None:
        self.database = database
        self.pending: list[dict[str, Any]] = []
        if database is not None:
            with BenchmarkStore(database):  # fail before anything is measured, not after
                pass

    def add(self, row: dict[str, Any]) -> None:
        self.pending.append(row)
        if self.database is not None:
            try:
                self._write()
            except StoreError:  # in use by another process: tried again with the next row, and told at the end
                return

    def _write(self) -> None:
        import pandas as pd

        with _undisturbed():
            with BenchmarkStore(self.database or "") as store:
                store.load(pd.DataFrame(self.pending), kind="benchmark")
            self.pending = []

    def close(self) -> None:
        """Write what is left; what cannot be written goes to a file, and the error says which."""
        if self.database is None or not self.pending:
            return
        try:
            self._write()
        except StoreError as error:
            import pandas as pd

            rescue = Path(f"hwpredict-benchmark-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.parquet")
            pd.DataFrame(self.pending).to_parquet(rescue)
            raise StoreError(f"{error}; the {len(self.pending)} rows are in {rescue}: import them later") from error


def benchmark(
    cells: Sequence[Cell],
    report: HardwareReport,
    settings: Settings,
    *,
    database: str | os.PathLike[str] | None = None,
    progress: Callable[[Cell | None, Outcome | None], None] = lambda cell, outcome: None,
    runner: Callable[..., Any] = run,
) -> Session:
    """Measure cells and store the rows.

    Parameters
    ----------
    cells : sequence of Cell
        See :func:`hwpredict.measure.plan.plan`.
    report : HardwareReport
        See :func:`hwpredict.measure.detect.detect`.
    settings : Settings
    database : path, optional
        Store that each row goes into as soon as it is measured.
    progress : callable
        Called with the cell that is about to be measured and no outcome, and with it and its outcome.
    runner : callable
        Measures cells; for tests.

    Returns
    -------
    Session
        With what was measured before Ctrl-C, if that came.

    Raises
    ------
    StoreError
        The store cannot be written to; rows that were measured are in a file that the message names.
    """
    session, sink = Session(), _Sink(database)
    outcomes = runner(cells, settings)
    try:
        for cell in cells:
            progress(cell, None)
            outcome = next(outcomes)
            if outcome.result.reason:
                session.failed.append((cell, outcome.result.reason))
            else:
                row = to_row(outcome, report, settings)
                session.rows.append(row)
                sink.add(row)
            progress(cell, outcome)
    except KeyboardInterrupt:
        session.interrupted = True
        session.left = len(cells) - len(session.rows) - len(session.failed)
    finally:
        outcomes.close()
        sink.close()
    return session
