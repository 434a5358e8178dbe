"""What the research scripts share: options, predictions of many cells, tables, files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict import HardwareModelPredictor
from hwpredict.performance.cells import Cells, predict_cells, to_rows
from hwpredict.plots import style
from hwpredict.workload import Target, Workload

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from hwpredict import Posterior

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: A few well-known models of each family, small and large.
MODELS = {
    "vision": ("resnet50", "vit_base_patch16_224", "convnext_base", "efficientnet_b0"),
    "embedding": ("bert-base-uncased", "bert-large-uncased", "distilbert-base-uncased"),
    "text_generation": ("gpt2", "t5-small", "llama-7b"),
    "audio": ("openai/whisper-tiny", "openai/whisper-small"),
}


def options(doc: str) -> argparse.ArgumentParser:
    """Options of every script; the first line of ``doc`` is the help."""
    parser = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    parser.add_argument("--posterior", help="a posterior; by default the one that ships")
    parser.add_argument("--out", type=Path, help="folder for the netCDF and the figure")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def posterior(args: argparse.Namespace) -> Posterior:
    """The posterior that is asked."""
    return HardwareModelPredictor(posterior=args.posterior).posterior


def predict(args: argparse.Namespace, p: Posterior, pairs: Sequence[tuple[Workload, Target]]) -> Cells:
    """Joint draws of workloads on targets."""
    return predict_cells(p, to_rows(pairs), draws=args.draws, seed=args.seed)


def quantiles(draws: Any) -> np.ndarray:
    """Quantiles over the last axis, which becomes the quantile."""
    return np.moveaxis(np.nanquantile(draws, QUANTILES, axis=-1), 0, -1)


def line(name: str, q: Sequence[float], note: str = "", unit: str = "×", scale: float = 1.0) -> None:
    """One row of a table: median and 90 % interval."""
    print(f"  {name:<46} {scale * q[2]:8.3g} {unit}  [{scale * q[0]:.3g}, {scale * q[4]:.3g}]  {note}")


def finish(args: argparse.Namespace, name: str, p: Posterior, data: xr.Dataset, figure: Figure | None = None) -> None:
    """Write the answer as netCDF and its figure, if a folder is given."""
    data.attrs |= {"posterior_fingerprint": p.fingerprint, "draws": args.draws, "seed": args.seed}
    if args.out is None:
        return
    args.out.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(args.out / f"{name}.nc")
    print(args.out / f"{name}.nc")
    if figure is not None:
        print(style.save(figure, args.out / f"{name}.png"))
