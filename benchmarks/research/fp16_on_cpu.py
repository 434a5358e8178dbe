"""Whether fp16 helps on CPUs.

    uv run python benchmarks/research/fp16_on_cpu.py [--out DIR]

For every representative CPU, driven by PyTorch and by OpenVINO: throughput at fp16, bf16 and int8 over that at fp32, in
the same draw, typical of a few models; and the probability that it is above 1.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from common import MODELS, QUANTILES, finish, line, options, posterior, predict, quantiles

from hwpredict.catalog import devices
from hwpredict.plots import labels, style
from hwpredict.plots.ranges import ranges
from hwpredict.workload import Target, Workload

BATCH = 8


def main() -> None:
    args = options(__doc__ or "").parse_args()
    p = posterior(args)
    cases, draws = [], []
    for platform in ("cpu", "openvino"):
        known = [d for d in devices.representatives(platform) if (m := devices.match(d, platform)) and m.kind == "cpu"]
        for name in known:
            for family in ("vision", "embedding"):
                speed = {}
                for precision in ("fp32", "fp16", "bf16", "int8"):
                    pairs = [
                        (Workload(m, family, BATCH, precision=precision), Target(platform, name))
                        for m in MODELS[family]
                    ]
                    speed[precision] = np.log(predict(args, p, pairs).prediction.throughput.astype(float)).mean(axis=0)
                for precision in ("fp16", "bf16", "int8"):
                    cases.append((platform, name, family, precision))
                    draws.append(np.exp(speed[precision] - speed["fp32"]))
    ratio = np.array(draws)
    q, better = quantiles(ratio), (ratio > 1).mean(axis=1)
    print("throughput relative to fp32 on the same CPU, typical of a few models, batch 8")
    for case, row, chance in zip(cases, q, better, strict=True):
        line(", ".join((case[0], labels.short_device(case[1]), *case[2:])), row, f"P(> 1) {chance:.0%}")
    for precision in ("fp16", "bf16", "int8"):
        mine = np.array([c[3] == precision for c in cases])
        line(f"all CPUs, {precision}", quantiles(np.exp(np.log(ratio[mine]).mean(axis=0))))
    data = xr.Dataset(
        {"ratio": (("case", "quantile"), q), "p_faster": ("case", better)},
        {"case": np.array([", ".join((c[0], labels.short_device(c[1]), *c[2:])) for c in cases]),
         "quantile": list(QUANTILES), "platform": ("case", np.array([c[0] for c in cases]))},
    )  # fmt: skip
    part = data.isel(case=[i for i, c in enumerate(cases) if c[3] == "fp16"])
    part = part.assign_coords(case=[c.removesuffix(", fp16") for c in part["case"].to_numpy().tolist()])
    figure = ranges(
        part["ratio"], xlabel="throughput at fp16 / fp32",
        colours=[style.look(str(v)).colour for v in part["platform"].to_numpy()],
    )  # fmt: skip
    finish(args, "fp16_on_cpu", p, data, figure)


if __name__ == "__main__":
    main()
