"""Cache of predictions reduced to what scores need, so that methods can be run at different times and merged."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.evaluate.scores import Cases


@dataclass(frozen=True)
class Entry:
    """Cases of one method, the rows of the data that they are, and how they came about (seconds, options, rows)."""

    rows: NDArray[np.int64]
    cases: Cases
    about: dict[str, Any]


@dataclass(frozen=True)
class Cache:
    """A folder of entries: ``<task>-<fingerprint>/<metric>/<method>.npz``, for runs on other rows stand beside it."""

    folder: Path

    def path(self, task: str, fingerprint: str, metric: str, method: str) -> Path:
        """File of an entry."""
        name = re.sub(r"[^a-z0-9]+", "-", method.casefold()) + ".npz"
        return self.folder / f"{task}-{fingerprint[:8]}" / metric / name

    def get(self, task: str, fingerprint: str, metric: str, method: str) -> Entry | None:
        """The entry, or None if there is none for exactly these rows."""
        path = self.path(task, fingerprint, metric, method)
        if not path.is_file():
            return None
        with np.load(path) as f:
            if str(f["fingerprint"]) != fingerprint:
                return None
            cases = Cases(*(f[name].astype(float) for name in ("observed", "quantiles", "crps", "pit")))
            return Entry(f["rows"], cases, json.loads(str(f["about"])))

    def put(self, task: str, fingerprint: str, metric: str, method: str, entry: Entry) -> None:
        """Keep an entry; a reader never sees half of it."""
        path = self.path(task, fingerprint, metric, method)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.npz")
        c = entry.cases
        np.savez_compressed(
            temporary,
            fingerprint=fingerprint,
            rows=entry.rows,
            observed=c.observed.astype(np.float32),
            quantiles=c.quantiles.astype(np.float32),
            crps=c.crps.astype(np.float32),
            pit=c.pit.astype(np.float32),
            about=json.dumps(entry.about),
        )
        os.replace(temporary, path)
