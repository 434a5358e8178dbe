r"""NeuSight's rows, every device left out in turn: transformers in fp32 on GPUs that the training rows do not hold.

    uv run --group bench python benchmarks/published/neusight.py DATA.parquet [--also all]

``--also timm,lambda`` or ``--also all`` adds rows of other tables to the training rows of every method, without the
device that is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the harness

from harness import options
from harness.data import Target
from harness.published import run_all, save, show
from harness.results import ALL, markdown, percent, share
from harness.tasks import left_out
from published.quoted import NEUSIGHT, quoted

SPLIT, TARGET = "NeuSight: unseen device", "latency"


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=2000, name="neusight")
    options.add_other_tables(parser)
    args = parser.parse_args()
    run = options.run_options(args, targets=[Target(TARGET, TARGET)], min_rows=3)
    data = options.load_own(args, "neusight")
    tasks = list(left_out(data, SPLIT, data.labels["device"], among=data.rows["source"] == "neusight"))
    scores = save(run_all(tasks, run), args.name, args, {"title": "NeuSight's rows, each device left out in turn"})
    show(scores)
    s = scores.sel(split=SPLIT, metric=TARGET, group=ALL)
    rows = [
        [str(m), percent(float(s.mape.sel(predictor=m))), share(float(s.coverage90.sel(predictor=m)))]
        for m in s.predictor.values
    ]
    print(f"\n{markdown(['method', 'MAPE', '90 % covers'], rows)}")
    print(f"\nbar: MAPE at most 15 %, 90 % coverage in [.85, .95]\n\n{quoted(NEUSIGHT)}")


if __name__ == "__main__":
    main()
