"""Tables of the bars: where the model must beat every rival and be calibrated, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from harness.results import best_rival, markdown, number, share
from rivals.table import MODEL

#: A group is judged from so many test rows on.
JUDGED = 200
#: Where coverage of the central intervals must lie.
COVERAGE = {"coverage90": (0.87, 0.93), "coverage50": (0.45, 0.55)}


def judged(scores: xr.Dataset, kinds: Sequence[str] = ("all", "platform")) -> list[dict[str, object]]:
    """Every split, metric and group with enough rows: the model's scores, the best rival's, and the verdicts.

    Parameters
    ----------
    scores : xarray.Dataset
        Output of :func:`harness.results.dataset`.
    kinds : sequence of str
        Kinds of groups: all, platform, phase, platform × phase, source, part.
    """
    if MODEL not in scores.predictor.values:
        return []
    least, out = best_rival(scores), []
    for split in scores.split.values:
        for metric in scores.metric.values:
            for group in scores.group.values[np.isin(scores.group_kind.values, kinds)]:
                at = {"split": split, "metric": metric, "group": group}
                s = scores.sel(at | {"predictor": MODEL})
                if not float(s.n) >= JUDGED:
                    continue
                rival = float(least.sel(at))
                name = "–"
                if np.isfinite(rival):
                    others = scores.crps.sel(at).drop_sel(predictor=MODEL)
                    name = str(others.predictor.values[int(np.nanargmin(others.values))])
                row: dict[str, object] = {"split": split, "metric": metric, "group": group, "n": int(s.n)}
                row |= {"crps": float(s.crps), "rival": name, "rival_crps": rival}
                row["sharp"] = bool(float(s.crps) < rival) if np.isfinite(rival) else None
                for key, (low, high) in COVERAGE.items():
                    row[key] = float(s[key])
                    row[f"{key}_ok"] = low <= float(s[key]) <= high
                out.append(row)
    return out


def mark(ok: object) -> str:
    """A verdict as a sign."""
    return "" if ok is None else " ✓" if ok else " ✗"


def bars_table(scores: xr.Dataset, kinds: Sequence[str] = ("all", "platform")) -> str:
    """The verdicts as a Markdown table, with their counts."""
    rows = judged(scores, kinds)
    if not rows:
        return "(no bars to judge: hwpredict has not been run)"
    cells = [
        [
            str(r["split"]), str(r["metric"]), str(r["group"]).rpartition(": ")[2], str(r["n"]),
            number(float(r["crps"])) + mark(r["sharp"]), f"{number(float(r['rival_crps']))} {r['rival']}",  # type: ignore[arg-type]
            share(float(r["coverage50"])) + mark(r["coverage50_ok"]),  # type: ignore[arg-type]
            share(float(r["coverage90"])) + mark(r["coverage90_ok"]),  # type: ignore[arg-type]
        ]
        for r in rows
    ]  # fmt: skip
    known = [r for r in rows if r["sharp"] is not None]
    counts = (
        f"CRPS below every rival's in {sum(bool(r['sharp']) for r in known)} of {len(known)}; "
        f"50 % coverage in range in {sum(bool(r['coverage50_ok']) for r in rows)}, "
        f"90 % coverage in {sum(bool(r['coverage90_ok']) for r in rows)} of {len(rows)}."
    )
    header = ["unseen", "metric", kinds[-1], "n", "CRPS", "best rival", "50 % covers", "90 % covers"]
    return f"{markdown(header, cells)}\n\n{counts}"
