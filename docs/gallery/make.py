"""Draw the gallery from the shipped posterior: ``python docs/gallery/make.py [--data measurements.parquet]``.

What needs measurements (points of the roofline, calibration, k-shot contraction) is drawn if they are given. For the
contraction two devices are left out of a fit to a few tables, since the shipped posterior has seen them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwpredict import HardwareModelPredictor
from hwpredict.evaluate.effects import effect_table
from hwpredict.evaluate.few_shots import few_shots
from hwpredict.evaluate.reliability import reliability
from hwpredict.evaluate.roofline_curve import roofline_curve
from hwpredict.performance.fit import fit
from hwpredict.plots import KINDS, style, visualize
from hwpredict.plots.calibration import calibration
from hwpredict.plots.contraction import contraction
from hwpredict.plots.of_posterior import default_effects
from hwpredict.plots.roofline import roofline
from hwpredict.plots.shrinkage import shrinkage
from hwpredict.store import read_measurements

HERE = Path(__file__).resolve().parent
#: Options whose front is drawn.
FRONT = ("a100", "t4", "l4", "rtx 4090", "m3 max", "Intel Xeon Platinum 8480+", "mi300x", "Arc A770")
#: Tables that share models and devices, for a fit of a minute.
TABLES = ("mxnet", "pytorch_gpu_benchmark", "lambda_tf", "hf_optimum_benchmark", "neusight", "rocm_lamikr_cnn")
NEW_DEVICES = ("NVIDIA GeForce RTX 2080 Ti", "NVIDIA T4")
CASES = 4000


def main() -> None:
    """Draw everything that the arguments allow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="measurements in the schema")
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    predictor = HardwareModelPredictor()
    matrix = predictor.create_hardware_prediction_matrix(["bert-base-uncased", "vit-base-patch16-224"]).dataset
    kinds = [k for k in KINDS if k != "pareto"]
    files = visualize(matrix, args.out, kinds=kinds, precision="fp16")
    for file in files:  # one metric of each is enough to show
        if "latency" in file.stem:
            file.unlink()
    front = predictor.create_hardware_prediction_matrix(
        ["resnet50"], [1, 4, 16, 64, 256], FRONT, "fp16", keep_draws=True
    ).dataset
    visualize(front, args.out, kinds=["pareto"])
    posterior = predictor.posterior
    tables = [effect_table(posterior, n) for n in default_effects(posterior)]
    style.save(shrinkage(tables), args.out / "shrinkage.png")
    data = None if args.data is None else read_measurements(args.data)
    points = None if data is None else data[data["source"].isin(["timm", "huggingface/pytorch-image-models"])]
    curve = roofline_curve(posterior, "rtx 3090", "amp", measurements=points)
    style.save(roofline(curve), args.out / "roofline.png")
    if data is None:
        return
    sample = data.sample(min(CASES, len(data)), random_state=0)
    style.save(calibration({"": reliability(posterior, sample)}), args.out / "calibration.png")
    some = data[data["source"].isin(TABLES)]
    held = [some[some["device"] == d] for d in NEW_DEVICES]
    before = fit(some[~some["device"].isin(NEW_DEVICES)], iterations=12)
    studies = [few_shots(before, h) for h in held if len(h) >= 60]
    style.save(contraction(studies), args.out / "contraction.png")
    print(f"{sum(f.stat().st_size for f in args.out.glob('*.png')) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
