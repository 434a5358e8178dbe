"""How far vendors' benchmarks sit above community ones.

    uv run python benchmarks/research/vendor_bias.py [--out DIR]

Reads the effects of harnesses (a source of measurements, or one that several share): what is left of their speed once
device, model, software, precision and batch are accounted for. Printed: the typical factor on speed of makers' own
tables, of submissions to MLPerf (tuned by makers under common rules) and of everyone else's, per platform, and the
ratio between them. A table that alone covers a device shares its effect with it; the intervals include that.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from common import QUANTILES, finish, line, options, posterior, quantiles

from hwpredict.evaluate.effects import effect_position, find_effect
from hwpredict.plots import style
from hwpredict.plots.ranges import ranges

#: Tables published by whoever sells the device or its software.
MAKERS = frozenset(
    """
    aiconfigurator_silicon aws_neuron axera_ax_samples apple_coreml_vision fastertransformer hailo neural_compressor_cpu
    nvidia_dle openvino_llm openvino_llm_igpu openvino_official qai_hub rknn_llm rknn_model_zoo sophon_demo
    stm32_modelzoo tf_metal tpu_recipes vitis_ai_modelzoo
    """.split()
)


def group(harness: str) -> str:
    """Who measured."""
    if harness.startswith("mlperf"):
        return "MLPerf"
    return "maker" if harness in MAKERS else "independent"


def main() -> None:
    args = options(__doc__ or "").parse_args()
    p = posterior(args)
    position = effect_position(p, find_effect(p, ("harness", "platform"), "row"))
    levels = [n.split("|") for n in p.level_names(position)]
    labels_ = p.effects[position].labels
    harness = np.array([n[labels_.index("harness")] for n in levels])
    platform = np.array([n[labels_.index("platform")] for n in levels])
    kind = np.array([group(h) for h in harness])
    speed = -p.draws(position).astype(float)  # an effect multiplies time
    odd = np.abs(speed.mean(axis=0)) > 2  # a table in another unit, not a slow harness
    for name in harness[odd]:
        print(f"  left out: {name}, off by more than e² from all others")
    cases, draws = [], []
    print("\ntypical factor on speed, all else equal")
    for who in ("maker", "MLPerf", "independent"):
        for where in ("all", *sorted(set(platform.tolist()))):
            mine = (kind == who) & ~odd & ((platform == where) | (where == "all"))
            if mine.sum() < 2:
                continue
            draw = speed[:, mine].mean(axis=1)
            cases.append((who, where, int(mine.sum())))
            draws.append(np.exp(draw))
    q = quantiles(np.array(draws))
    for (who, where, n), row in zip(cases, q, strict=True):
        line(f"{who}, {where}", row, f"{n} tables")
    typical = {c[0]: np.array(d) for c, d in zip(cases, draws, strict=True) if c[1] == "all"}
    print("\nratios")
    for who in ("maker", "MLPerf"):
        ratio = typical[who] / typical["independent"]
        line(f"{who} / independent", quantiles(ratio), f"P(> 1) {(ratio > 1).mean():.0%}")
    data = xr.Dataset(
        {"factor": (("case", "quantile"), q), "tables": ("case", np.array([c[2] for c in cases]))},
        {"case": np.array([f"{c[0]}, {c[1]} ({c[2]})" for c in cases]), "quantile": list(QUANTILES)},
    )
    colours = [style.NEUTRAL[0] if c[1] == "all" else style.look(c[1]).colour for c in cases]
    finish(args, "vendor_bias", p, data, ranges(data["factor"], xlabel="factor on speed", colours=colours))


if __name__ == "__main__":
    main()
