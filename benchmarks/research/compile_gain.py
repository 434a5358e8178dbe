"""How much torch.compile buys, by architecture.

    uv run python benchmarks/research/compile_gain.py [--device "rtx 4090"] [--out DIR]

Throughput of the same model on the same device with torch.compile over that of eager PyTorch, in the same draw, for one
model of each architecture that was measured often enough; and what is not known stays wide.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from common import QUANTILES, finish, line, options, posterior, quantiles

from hwpredict.catalog import models
from hwpredict.performance.cells import predict_cells, resolve_target, to_rows
from hwpredict.performance.runtimes import compiled, framework
from hwpredict.plots import style
from hwpredict.plots.ranges import ranges
from hwpredict.workload import Target, Workload

BATCHES = (128, 192, 256, 384, 512, 768, 1024)
#: One well-known model per architecture.
CHOICE = (
    "resnet50", "resnext50_32x4d", "regnety_032", "densenet121", "vgg16", "efficientnet_b0", "tf_efficientnetv2_s",
    "mobilenetv3_large_100", "convnext_base", "vit_base_patch16_224", "deit3_base_patch16_224", "beit_base_patch16_224",
    "swin_base_patch4_window7_224", "mixer_b16_224", "maxvit_tiny_tf_224", "coatnet_0_rw_224", "eva02_base_patch14_224",
    "bert-base-uncased", "gpt2", "t5-small",
)  # fmt: skip


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--device", default="rtx 4090")
    parser.add_argument("--precision", default="amp")
    parser.add_argument("--source", default="timm", help="harness that measured both ways")
    parser.add_argument("--version", default="2.9.1+cu128", help="of PyTorch, as the harness states it")
    args = parser.parse_args()
    p = posterior(args)
    known = [r for r in p.vocabulary.names["runtime"] if framework(r) == "pytorch"]
    runtimes = {
        "compiled": next((r for r in ("pytorch-compile", "torch-compile") if r in known and compiled(r)), None),
        "eager": next((r for r in ("pytorch-eager", "torch-eager") if r in known), None),
    }
    if None in runtimes.values():
        raise SystemExit(f"this posterior has not seen PyTorch both ways; it knows {', '.join(known)}")
    target = resolve_target(args.device)
    names = [m for m in CHOICE if models.match(m) is not None]
    speed = {}
    for way, runtime in runtimes.items():
        where = Target(target.platform, target.device, runtime, args.version)
        pairs = [(Workload(m, batch_size=b, precision=args.precision), where) for m in names for b in BATCHES]
        rows = to_rows(pairs)
        rows["source"] = np.full(len(pairs), args.source, dtype=object)
        rows["layout"] = np.full(len(pairs), "nchw", dtype=object)
        cells = predict_cells(p, rows, draws=args.draws, seed=args.seed)
        # the noise of one measurement is not the gain: it averages out over batch sizes
        log = np.log(cells.prediction.throughput.astype(float)).reshape(len(names), len(BATCHES), -1)
        speed[way] = log.mean(axis=1)
    ratio = np.exp(speed["compiled"] - speed["eager"])
    q = quantiles(ratio)
    order = np.argsort(-q[:, 2])
    print(f"torch.compile over eager, {target.name}, {args.precision}, batch {BATCHES[0]} to {BATCHES[-1]}")
    for i in order:
        line(f"{models.architecture(names[i])}: {names[i]}", q[i], f"P(> 1) {(ratio[i] > 1).mean():.0%}")
    data = xr.Dataset(
        {"ratio": (("model", "quantile"), q[order])},
        {"model": np.array(names)[order], "quantile": list(QUANTILES)},
    )
    colours = [style.look(target.platform).colour] * len(names)
    finish(args, "compile_gain", p, data, ranges(data["ratio"], xlabel="torch.compile / eager", colours=colours))


if __name__ == "__main__":
    main()
