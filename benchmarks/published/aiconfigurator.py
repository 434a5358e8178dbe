r"""LLM serving as aiconfigurator's silicon rows have it: TPOT and TTFT, a model family or a GPU system left out.

    uv run --group bench python benchmarks/published/aiconfigurator.py DATA.parquet [--splits model,system]

A model is left out with its kin (all DeepSeek-V3 shapes at once), as in the published comparison; several of them
differ in name and precision only.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the harness

from harness import options
from harness.data import Target
from harness.published import run_all, save, show
from harness.tasks import left_out
from published.quoted import AICONFIGURATOR, quoted

TARGETS = (Target("TPOT", "latency", "decode"), Target("TTFT", "latency", "prefill"))
#: What is left out: label of the covariates.
KEYS = {"model": "architecture", "system": "device"}


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=0, name="aiconfigurator")
    parser.add_argument("--splits", default=",".join(KEYS))
    options.add_other_tables(parser)
    args = parser.parse_args()
    run = options.run_options(args, targets=TARGETS, min_rows=10)
    data = options.load_own(args, "aiconfigurator_silicon")
    own = data.rows["source"] == "aiconfigurator_silicon"
    tasks = [
        task
        for kind in args.splits.split(",")
        for task in left_out(data, f"aiconfigurator: unseen {kind}", data.labels[KEYS[kind]], among=own)
    ]
    show(save(run_all(tasks, run), args.name, args, {"title": "aiconfigurator's measured serving points"}))
    print("\nbars: TPOT CRPS at most .22 (model) and .18 (system), TTFT .45 and .36\n")
    print(quoted(AICONFIGURATOR))


if __name__ == "__main__":
    main()
