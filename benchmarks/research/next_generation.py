"""What the next generation would give, from its spec sheet alone.

    uv run python benchmarks/research/next_generation.py [--model bert-base-uncased] [--out DIR]

Devices of the last years that the catalog has a data sheet of and the posterior no measurement: predicted throughput
over that of a measured device of the same segment and maker, the newest there is. The interval says how sure a purchase
on paper can be; beside it stands the ratio of the data sheets.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from common import QUANTILES, finish, line, options, posterior, predict, quantiles

from hwpredict.catalog import devices
from hwpredict.evaluate.effects import effect_position, find_effect
from hwpredict.plots import labels, style
from hwpredict.plots.ranges import ranges
from hwpredict.workload import PRECISIONS, Target, Workload


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--model", default="bert-base-uncased")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--since", type=int, default=2024)
    args = parser.parse_args()
    p = posterior(args)
    position = effect_position(p, find_effect(p, ("device", "platform"), "compute"))
    at = p.effects[position].labels.index("device")
    counts = p.counts[p.effect_slice(position)]
    seen: dict[str, int] = {}
    for name, count in zip(p.level_names(position), counts.tolist(), strict=True):
        device = name.split("|")[at]
        seen[device] = seen.get(device, 0) + count
    compute = PRECISIONS[args.precision].compute
    catalog = [d for d in devices.catalog().values() if d.kind in ("gpu", "asic", "tpu") and d.year]
    catalog = [d for d in catalog if d.peak(compute) and d.bandwidth_gb_s and "unstated" not in d.name]
    new = [d for d in catalog if (d.year or 0) >= args.since and d.name not in seen]
    old = [d for d in catalog if seen.get(d.name, 0) >= 100]
    work = Workload(args.model, batch_size=args.batch_size, precision=args.precision)
    rows, draws = [], []
    for d in sorted(new, key=lambda d: (d.vendor, -(d.year or 0), d.name)):
        kin = [o for o in old if o.vendor == d.vendor and o.segment == d.segment and o.platforms[0] == d.platforms[0]]
        if not kin:
            continue
        before = max(kin, key=lambda o: (o.year or 0, seen[o.name]))
        cells = predict(args, p, [(work, Target(x.platforms[0], x.name)) for x in (d, before)])
        speed = cells.prediction.throughput.astype(float)
        sheet, reference = d.peak(compute), before.peak(compute)
        assert sheet is not None
        assert reference is not None
        rows.append((d, before, sheet[0] / reference[0]))
        draws.append(speed[0] / speed[1])
    q = quantiles(np.array(draws))
    print(f"{args.model}, {args.precision}, batch {args.batch_size}: throughput over the newest measured kin")
    for (d, before, sheet_ratio), row in zip(rows, q, strict=True):
        name = f"{labels.short_device(d.name)} / {labels.short_device(before.name)}"
        line(name, row, f"data sheet {sheet_ratio:.2f} ×, {d.year}")
    data = xr.Dataset(
        {"ratio": (("device", "quantile"), q), "sheet": ("device", np.array([r[2] for r in rows]))},
        {"device": np.array([labels.short_device(r[0].name) for r in rows]), "quantile": list(QUANTILES),
         "over": ("device", np.array([labels.short_device(r[1].name) for r in rows]))},
    )  # fmt: skip
    colours = [style.look(r[0].platforms[0]).colour for r in rows]
    figure = ranges(data["ratio"], xlabel="throughput / newest measured kin", colours=colours)
    finish(args, "next_generation", p, data, figure)


if __name__ == "__main__":
    main()
