"""How much of its data sheet's peak each platform reaches, by family and precision.

    uv run python benchmarks/research/datasheet_peak.py [--out DIR]

For every platform: its representative devices, a few models of each family at a large batch, floating-point operations
done over operations that the data sheet promises in the same time. Printed: the typical share (geometric mean over
devices and models, draw by draw), so that the interval is of the typical share, not of one device.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from common import MODELS, QUANTILES, finish, line, options, posterior, predict, quantiles

from hwpredict.catalog import devices
from hwpredict.catalog.compatibility import incompatible
from hwpredict.performance.cells import to_rows
from hwpredict.performance.covariates import covariates
from hwpredict.plots import style
from hwpredict.plots.ranges import ranges
from hwpredict.workload import Platform, Target, Workload

BATCH = 64
FIELDS = ("platform", "family", "precision")


def main() -> None:
    args = options(__doc__ or "").parse_args()
    p = posterior(args)
    names, found = [], []
    for platform in Platform:
        for family, models in MODELS.items():
            for precision in ("fp32", "fp16", "int8"):
                if incompatible(platform, precision, "inference") is not None:
                    continue
                targets = [Target(str(platform), d) for d in devices.representatives(str(platform))]
                pairs = [(Workload(m, family, BATCH, precision=precision), t) for m in models for t in targets]
                if not pairs:
                    continue
                x = covariates(to_rows(pairs))
                stated = (x.labels["no_peak"] == "") & (x.labels["no_macs"] == "")
                if not stated.any():
                    continue
                seconds = predict(args, p, pairs).prediction.latency.astype(float) / 1e3
                promised = np.exp(x.numbers["log_flops"] - x.numbers["log_peak"])[:, None]
                share = np.log(promised / seconds)[stated].mean(axis=0)
                names.append((str(platform), family, precision))
                found.append(np.exp(share))
    q = quantiles(np.array(found))
    print("share of the data sheet's peak that is reached, typical device and model, batch 64")
    for (platform, family, precision), row in zip(names, q, strict=True):
        line(f"{platform}, {family}, {precision}", row, unit="%", scale=100)
    label = np.array([", ".join(n) for n in names])
    fields = {k: ("case", np.array(v)) for k, v in zip(FIELDS, zip(*names, strict=True), strict=True)}
    data = xr.Dataset({"share": (("case", "quantile"), q)}, {"case": label, "quantile": list(QUANTILES)} | fields)
    shown = data["share"].isel(case=[i for i, n in enumerate(names) if n[1] in ("vision", "text_generation")])
    colours = [style.look(str(v)).colour for v in shown["platform"].to_numpy()]
    figure = ranges(shown, xlabel="share of the peak reached", colours=colours, tick=lambda v, _: f"{v:.3g}")
    finish(args, "datasheet_peak", p, data, figure)


if __name__ == "__main__":
    main()
