"""Llamas on eight devices as people who train and serve them know them, by the command line and the shipped posterior.

What of it is arithmetic is held in ``test_distributed.py``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hwpredict.cli import main

#: Million parameters (Touvron et al. 2023).
PARAMETERS = {"llama-7b": 6738.4, "llama-13b": 13015.9, "llama-70b": 68976.6}
TRAINING = ["--mode", "training", "--precision", "bf16", "--batch-size", "32", "--seq-length", "2048"]
SERVING = ["--precision", "fp16", "--batch-size", "1", "--seq-length", "2048", "--item", "token_decode"]
#: Dense bf16 peak, TFLOP/s.
PEAK = {"a100": 312.0, "h100": 989.0}


def plan(capsys: pytest.CaptureFixture[str], model: str, device: str, *more: str) -> tuple[int, dict[str, Any]]:
    line = ["recommend", model, *more, "--distributed", "--gpu-count", "8", "--hardware", device, "--format", "json"]
    with pytest.raises(SystemExit) as done:
        main(line)
    return int(done.value.code or 0), dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("device", PEAK)
@pytest.mark.parametrize("model", ["llama-7b", "llama-13b"])
def test_small_llamas_train_on_eight_when_their_states_are_split(
    capsys: pytest.CaptureFixture[str], model: str, device: str
) -> None:
    status, found = plan(capsys, model, device, *TRAINING)
    assert status == 0
    chosen = found["distributed"]
    assert chosen["devices"] == 8
    split = chosen["tensor_parallel"] * chosen["pipeline_parallel"] * (chosen["zero_stage"] + 1)
    assert split > 1, "16 bytes a parameter are more than 80 GB"
    assert found["all_scores"][found["primary_recommendation"]]["p_fits"] > 0.9
    failed = {name for name in found["infeasible_hardware"] if name.startswith(f"{device} × 8, DDP, ")}
    assert failed, "DDP keeps all states on every device"
    here = {name: s["p_fits"] for name, s in found["all_scores"].items() if name.startswith(f"{device} × 8, ")}
    fit = {name.split(", ")[1] for name, p_fits in here.items() if p_fits > 0.9}
    assert {"ZeRO-2", "FSDP (ZeRO-3)"} <= fit


@pytest.mark.parametrize("device", PEAK)
def test_seventy_billion_train_on_more_than_eight(capsys: pytest.CaptureFixture[str], device: str) -> None:
    status, found = plan(capsys, "llama-70b", device, *TRAINING)
    assert status == 3
    assert found["primary_recommendation"] is None
    assert f"this takes 16 {device}" in found["reason"]
    least = min(o["static_memory_mb"] for o in found["options"])
    assert least == pytest.approx(16 * PARAMETERS["llama-70b"] / 8, rel=0.01)


@pytest.mark.parametrize("device", PEAK)
@pytest.mark.parametrize("model", PARAMETERS)
def test_one_device_serves_what_fits_it(capsys: pytest.CaptureFixture[str], model: str, device: str) -> None:
    status, found = plan(capsys, model, device, *SERVING)
    assert status == 0
    alone, two = f"{device} × 1, single device, batch 1", f"{device} × 2, TP 2, batch 1"
    if model == "llama-70b":  # 138 GB of weights
        assert alone in found["infeasible_hardware"]
        assert found["all_scores"][two]["p_fits"] > 0.9
    else:
        assert found["all_scores"][alone]["p_fits"] > 0.9
    chosen = found["distributed"]
    weights = 2 * PARAMETERS[model] / chosen["tensor_parallel"] / chosen["pipeline_parallel"]
    assert chosen["static_memory_mb"] == pytest.approx(weights, rel=0.01)


@pytest.mark.parametrize("device", PEAK)
@pytest.mark.parametrize("model", ["llama-7b", "llama-13b"])
def test_training_reaches_a_usual_share_of_the_peak(
    capsys: pytest.CaptureFixture[str], model: str, device: str
) -> None:
    """30 to 60 % of the dense peak (6 FLOP a parameter and token) is what well-kept trainers report."""
    _, found = plan(capsys, model, device, *TRAINING)
    best = found["all_scores"][found["primary_recommendation"]]
    tokens = 2048 * 6 * PARAMETERS[model] * 1e6 / (8 * PEAK[device] * 1e12)
    low, middle, high = (best[k] * tokens for k in ("throughput_low", "throughput", "throughput_high"))
    assert low < 0.3
    assert high > 0.45
    assert middle > 0.1
