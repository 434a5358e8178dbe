r"""Makes docs/accuracy.md and its figures from the scores in benchmarks/results.

uv run --group bench python benchmarks/report.py [--results FOLDER] [--docs FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr

from harness.figures import draw, present
from harness.results import ALL, markdown, method_table, number, percent, share
from harness.tables import bars_table
from published import quoted
from rivals.table import MODEL

HERE = Path(__file__).resolve().parent

#: Files in the order of the page, and what others published on them.
PAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "splits": (),
    "timm": (),
    "timm_all": (),
    "llm_pilot": quoted.LLM_PILOT,
    "aiconfigurator": quoted.AICONFIGURATOR,
    "aiconfigurator_own": (),
    "neusight": quoted.NEUSIGHT,
    "help": quoted.HELP,
}
INTRODUCTION = """\
# Accuracy

<!-- made by benchmarks/report.py from benchmarks/results; do not edit -->

How good the predictions are on measurements that the fit has not seen, beside what one would reach for instead, on the
same rows in the same run. Scores are on the log scale, since ratios matter: CRPS is the continuous ranked probability
score of the log figure (0.1 is about a tenth off), medAPE the median absolute percentage error of the predictive
median; an honest 90 % interval covers 90 % of the measurements, no fewer and no more.

A split says what is *unseen*: the test rows share no *cell* (model, device, precision, runtime, batch …), *model*,
*architecture* family, *device*, device *generation* of a platform or *source* with the training rows, or were measured
later than all of them (*time*). Names are resolved before the division, so that a model under another spelling is not
taken for a new one. Rivals see the covariates of hwpredict (work, peak rates, roofline, every label) and choose their
options on inner folds of the training rows that are divided in the same way; on the grouped splits of all sources,
hwpredict is recalibrated by three such folds, as the posterior that ships is by folds of its own. "Training rows" is
less where an algorithm cannot take more. Figures end at a CRPS of 2.
"""


def matrix(scores: xr.Dataset, metric: str) -> str:
    """CRPS and 90 % coverage of every method on every split of a metric."""
    splits = present(scores, metric)
    s = scores.sel(metric=metric, group=ALL)
    rows = [["*test rows*", *(f"{int(s.n.sel(split=split).max())}" for split in splits)]]
    for method in scores.predictor.values:
        m = s.sel(predictor=method)
        cells = []
        for split in splits:
            crps, cover = float(m.crps.sel(split=split)), float(m.coverage90.sel(split=split))
            best = np.isfinite(crps) and crps <= float(s.crps.sel(split=split).min())
            text = "–" if not np.isfinite(crps) else f"{number(crps)} · {share(cover)}"
            cells.append(f"**{text}**" if best else text)
        rows.append([f"**{method}**" if method == MODEL else str(method), *cells])
    return markdown([f"{metric}: CRPS · 90 % covers", *splits], rows)


def extras(scores: xr.Dataset) -> list[str]:
    """Tables of what only one file has: recommendations, rank correlations."""
    out = []
    if "recommendation" in scores:
        r = scores.recommendation
        rows = []
        for name in r.recommender.values:
            s = r.sel(recommender=name)
            figures = {str(f): float(s.sel(figure=f)) for f in r.figure.values}
            rows.append([
                str(name), f"{figures['success']:.0%}", percent(figures["overspend"]), number(figures["so_score"]),
                percent(figures["itl_medape"]), percent(figures["nttft_medape"]),
            ])  # fmt: skip
        header = ["recommended by", "success", "overspend", "S/O", "ITL MdAPE", "nTTFT MdAPE"]
        out.append(f"Recommendations for 200 users, scored as in the paper:\n\n{markdown(header, rows)}")
    if "spearman" in scores:
        r = scores.spearman
        rows = [[str(m), number(float(r.sel(ranked_by=m).mean()))] for m in r.ranked_by.values]
        out.append(f"Rank correlation, mean over devices:\n\n{markdown(['ranked by', 'Spearman'], rows)}")
    return out


def section(name: str, scores: xr.Dataset, figures: list[Path], docs: Path) -> str:
    """Markdown of one file of scores."""
    a = scores.attrs
    cap = int(a.get("rows_per_source", 0))
    rows = f"{int(a['rows'])} rows" if "rows" in a else "all rows"
    about = f"{rows}{f', at most {cap} of a source' if cap else ''}; seed {a.get('seed')}; {a['created'][:10]}."
    out = [f"## {a['title']}", about]
    metrics = [str(m) for m in scores.metric.values if present(scores, str(m))]
    out += [matrix(scores, metric) for metric in metrics]
    out += [f"![{f.stem}]({f.relative_to(docs).as_posix()})" for f in figures]
    if name == "splits":
        out += ["### Platform by platform", bars_table(scores), "### Phase by phase", bars_table(scores, ("phase",))]
        out += ["### Every method"]
        for split in scores.split.values:
            for metric in metrics:
                if split in present(scores, metric):
                    out += [f"Unseen {split}, {metric}:", method_table(scores, split, metric)]
    out += extras(scores)
    if PAGES[name]:
        out += ["Published, not run here:", quoted.quoted(PAGES[name])]
    return "\n\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    args = parser.parse_args()
    parts = [INTRODUCTION.strip()]
    for name in PAGES:
        path = args.results / f"{name}.nc"
        if not path.is_file():
            print(f"no {path.name}: left out of the page")
            continue
        with xr.open_dataset(path) as scores:
            scores.load()
        figures = draw(scores, args.docs / "figures", f"accuracy-{name}")
        parts.append(section(name, scores, figures, args.docs))
    args.docs.mkdir(parents=True, exist_ok=True)
    (args.docs / "accuracy.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"wrote {args.docs / 'accuracy.md'}")


if __name__ == "__main__":
    main()
