"""From a question to an answer: the façade and the command line, on a small posterior."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwpredict import HardwareModelPredictor
from hwpredict.cli import main
from hwpredict.decision.here import benchmark_here
from hwpredict.errors import (
    ConfigError,
    IncompatibleError,
    InfeasibleError,
    InvalidWorkloadError,
    MissingFigureError,
    UnknownNameError,
)
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.workload import Target, Workload
from tests.helpers import T4, XEON, measurements

QUERY: dict[str, Any] = {"batch_size": 8, "precision": "fp16"}
TI = "NVIDIA GeForce RTX 2080 Ti"
CHOICES = ["a100 40gb", "t4", "cpu:xeon platinum 8480+"]


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(measurements(), iterations=20, draws=64)


@pytest.fixture(scope="module")
def path(posterior: Posterior, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("posterior") / "small.nc"
    posterior.save(file)
    return file


@pytest.fixture
def predictor(posterior: Posterior) -> HardwareModelPredictor:
    return HardwareModelPredictor(posterior=posterior, draws=128)


def test_the_fastest_and_the_cheapest_need_not_be_the_same(predictor: HardwareModelPredictor) -> None:
    fastest = predictor.predict_optimal_hardware("resnet50", **QUERY, available_hardware=CHOICES)
    assert fastest["primary_recommendation"] == "a100 40gb"
    cheapest = predictor.predict_optimal_hardware(
        "resnet50", **QUERY, available_hardware=CHOICES, utility="throughput_per_dollar"
    )
    assert cheapest["primary_recommendation"] == "t4"
    assert cheapest["utility"] == "log throughput per dollar"
    assert set(fastest["p_feasible"]) == set(CHOICES)
    assert fastest["beats"]["a100 40gb"]["t4"] + fastest["beats"]["t4"]["a100 40gb"] == pytest.approx(1)
    assert fastest.table.loc["t4", "price_per_hour"] == pytest.approx(0.526)


def test_a_price_of_ones_own_changes_the_answer(predictor: HardwareModelPredictor) -> None:
    given = predictor.predict_optimal_hardware(
        "resnet50", **QUERY, available_hardware=CHOICES, utility="throughput_per_dollar", prices={"a100 40gb": 0.1}
    )
    assert given["primary_recommendation"] == "a100 40gb"
    with pytest.raises(MissingFigureError, match="m1"):
        predictor.predict_optimal_hardware("resnet50", **QUERY, available_hardware=["m1", "t4"], utility="cost")
    # nobody named it: what has no price is left out and said
    unnamed = predictor.predict_optimal_hardware("resnet50", **QUERY, utility="cost")
    assert "no price" in unnamed["incompatible_hardware"]["Snapdragon 8 Elite"]


def test_constraints_rule_out_and_say_so(predictor: HardwareModelPredictor) -> None:
    found = predictor.predict_optimal_hardware(
        "resnet50", **QUERY, available_hardware=CHOICES, constraints=["price <= 1 usd/h", "precision in fp16"]
    )
    assert found["primary_recommendation"] == "t4"
    assert "price <= 1" in found["infeasible_hardware"]["a100 40gb"][0]
    with pytest.raises(InfeasibleError) as raised:
        predictor.predict_optimal_hardware(
            "resnet50", **QUERY, available_hardware=CHOICES, constraints="latency <= 1 us with probability 0.99"
        )
    assert len(raised.value.options) == 3


def test_settings_of_a_decision_come_from_the_configuration(posterior: Posterior, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'utility = "log(throughput) - log(price)"\nrisk = "cvar:0.2"\nconstraints = ["price <= 5 usd/h"]\n'
        'candidates = ["a100 40gb", "t4"]\ngrid = "france"\noom_slowdown = 10\n[prices]\nt4 = 6.0\n',
        encoding="utf-8",
    )
    found = HardwareModelPredictor(config_path=file, posterior=posterior, draws=64).predict_optimal_hardware(
        "resnet50", **QUERY
    )
    assert found["primary_recommendation"] == "a100 40gb"
    assert found["risk"] == "mean of the worst 20%"
    assert found["constraints"][0] == "price <= 5 usd/h with probability 0.9"
    assert "t4" in found["infeasible_hardware"]
    # what a call says goes first
    given = HardwareModelPredictor(config_path=file, posterior=posterior, draws=64).predict_optimal_hardware(
        "resnet50", **QUERY, constraints=[], utility="latency"
    )
    assert given["utility"] == "-log latency"
    assert given["infeasible_hardware"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "utility = 3",
        "oom_slowdown = 0.5",
        'constraints = "x"\nutility = ""',
        "[prices]\na100 = 'cheap'",
        "constraints = 1",
    ],
)
def test_settings_that_make_no_sense_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        HardwareModelPredictor(config_path=file)


def test_the_guides_configuration_is_read(posterior: Posterior, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps({
            "selection_criteria": {"inference": {"latency_weight": 1.0, "throughput_weight": 0.0}},
            "hardware_preferences": {"cpu": {"cost_factor": 1.0, "power_factor": 1.0}, "cuda": 1e-30},
            "utility": "guide",
        }),
        encoding="utf-8",
    )  # fmt: skip
    found = HardwareModelPredictor(config_path=file, posterior=posterior, draws=64).predict_optimal_hardware(
        "resnet50", **QUERY, available_hardware=CHOICES
    )
    assert found["primary_recommendation"].startswith("cpu")
    assert found["utility"] == "the guide's weights for inference"


def test_a_search_gives_the_best_of_each_and_a_front(predictor: HardwareModelPredictor) -> None:
    found = predictor.predict_optimal_hardware(
        "resnet50", available_hardware=["a100 40gb", "t4"], utility="throughput",
        optimize={"batch_size": [1, 8, 64], "precision": ["fp32", "fp16"]},
        constraints="latency <= 60 ms with probability 0.5",
    )  # fmt: skip
    assert set(found.per_target) == {"a100 40gb", "t4"}
    assert found.per_target["a100 40gb"] == "a100 40gb, fp16, batch 64"
    best = found.ranking.options[0]
    assert best.latency.median <= 60
    assert best.candidate.batch_size == 64
    front = found["pareto_front"]
    assert front[0]["p_on_front"] >= front[-1]["p_on_front"] > 0
    with pytest.raises(UnknownNameError):
        predictor.predict_optimal_hardware("resnet50", optimize="colour")


def test_the_guides_distributed_call(predictor: HardwareModelPredictor) -> None:
    found = predictor.predict_optimal_hardware(
        model_name="llama-7b", model_family="text_generation", mode="training", batch_size=32, precision="bf16",
        is_distributed=True, gpu_count=8, available_hardware=["a100", "h100"],
    )  # fmt: skip
    assert " × " in found["primary_recommendation"]
    assert found["distributed"]["strategy"]
    assert found["all_scores"][found["primary_recommendation"]]["p_fits"] > 0.9
    with pytest.raises(InvalidWorkloadError, match="is_distributed"):
        predictor.predict_optimal_hardware("llama-7b", gpu_count=8)
    with pytest.raises(InvalidWorkloadError, match="optimize"):
        predictor.predict_optimal_hardware("llama-7b", is_distributed=True, optimize="precision")


def test_browsers_are_options_of_their_own(predictor: HardwareModelPredictor) -> None:
    found = predictor.predict_performance("resnet50", hardware=["webgpu:apple m1", "webnn"], browser="all")
    entries = found["predictions"]
    assert not entries["webnn@safari"]["compatible"]
    assert entries["webgpu@firefox:apple m1"]["browser"] == "firefox"
    assert "145" in entries["webgpu@firefox:apple m1"]["note"]
    assert entries["webnn@edge"]["evidence"] == "prior"
    assert np.isnan(found.dataset.throughput.sel(hardware="webnn@safari")).all()
    chosen = predictor.predict_optimal_hardware("resnet50", available_hardware=["webnn"], browser="edge")
    assert "prior only" in chosen["explanation"]
    with pytest.raises(IncompatibleError, match="firefox"):
        predictor.predict_optimal_hardware("resnet50", available_hardware=["webnn@firefox"])


def test_measuring_until_settled_learns_and_stops(posterior: Posterior) -> None:
    asked: list[str] = []

    def measure(work: Workload, target: Target) -> Sequence[dict[str, Any]]:
        asked.append(target.name)
        if target.platform == "cpu":
            return []  # cannot be measured here
        latency = {T4: 15.0, TI: 60.0}[str(target.device)]  # the other way round than its sheet says
        return [{
            "source": "mine", "model": work.model, "hardware": target.platform, "device": target.device,
            "precision": work.precision, "batch_size": work.batch_size, "item": "image", "mode": "inference",
            "runtime": "pytorch-eager", "model_family": "vision", "latency_ms": latency,
            "throughput": work.batch_size / latency * 1e3,
        }]  # fmt: skip

    predictor = HardwareModelPredictor(posterior=posterior, draws=128)
    found = predictor.predict_optimal_hardware(
        "resnet50", **QUERY, available_hardware=["rtx 2080 ti", "t4", CHOICES[2]], measure=measure, settled=0.02
    )
    campaign = found.campaign
    assert campaign is not None
    assert found["primary_recommendation"] == "t4"
    assert campaign.measured == [n for n in asked if not n.startswith("cpu")]
    assert campaign.measured
    assert campaign.reason
    assert campaign.regret[-1] < campaign.regret[0]
    # what another harness would measure stays open; which device is the faster one does not
    latency = {option.name: option.latency.median for option in found.ranking.options}
    assert latency["t4"] < latency["rtx 2080 ti"]
    assert predictor.posterior is not posterior


def run(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as raised:
        main(["recommend", *arguments, "--posterior", str(path), "--seed", "1"])
    out = capsys.readouterr()
    return int(raised.value.code or 0), out.out, out.err


BASE = ("resnet50", "--batch-size", "8", "--precision", "fp16", "--hardware", "a100 40gb", "t4")


def test_command_line_table(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    status, out, _ = run(capsys, path, *BASE, "--utility", "throughput_per_dollar", "--price", "t4=0.2")
    assert status == 0
    assert "P(feasible)" in out
    assert "Recommendation: t4:" in out


def test_command_line_nothing_feasible_is_status_3_and_shows_why(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    for format in ("table", "json", "csv"):
        status, out, err = run(capsys, path, *BASE, "--constraint", "price <= 0.01 usd/h", "--format", format)
        assert status == 3
        assert err.count("\n") == 1
        assert "price <= 0.01" in err
        assert "t4" in out
    assert json.loads(run(capsys, path, *BASE, "--constraint", "price <= 0.01 usd/h", "--format", "json")[1])[
        "primary_recommendation"
    ] is None  # fmt: skip


def test_command_line_next_benchmark(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    status, out, _ = run(capsys, path, *BASE, "--next-benchmark", "--per", "dollar", "--format", "json")
    assert status == 0
    found = json.loads(out)
    assert {b["name"] for b in found["benchmarks"]} == {"a100 40gb", "t4"}
    assert all(b["evsi"] <= found["evpi"] + 0.05 for b in found["benchmarks"])
    status, out, _ = run(capsys, path, *BASE, "--next-benchmark")
    assert "chance to settle it" in out or "No single benchmark" in out


def test_command_line_search_and_csv(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    status, out, _ = run(capsys, path, *BASE, "--optimize", "batch-size", "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 20
    assert {r["batch_size"] for r in rows} >= {"1.0", "512.0"}
    status, out, _ = run(capsys, path, *BASE, "--optimize", "batch-size,precision")
    assert "P(on front)" in out


def test_command_line_distributed(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    status, out, _ = run(
        capsys, path, "llama-7b", "--mode", "training", "--precision", "bf16", "--batch-size", "32", "--distributed",
        "--gpu-count", "8", "--hardware", "a100", "--seq-length", "2048",
    )  # fmt: skip
    assert status == 0
    assert "Scaling efficiency" in out
    status, out, _ = run(  # options that fit and options that do not have different keys
        capsys, path, "llama-13b", "--mode", "training", "--precision", "bf16", "--distributed", "--hardware", "a100",
        "--format", "csv",
    )  # fmt: skip
    assert status == 0
    found = list(csv.DictReader(io.StringIO(out)))
    assert {row["fails"] != "" for row in found} == {True, False}
    status, _, err = run(
        capsys, path, "llama-70b", "--mode", "training", "--precision", "bf16", "--batch-size", "32", "--distributed",
        "--gpu-count", "8", "--hardware", "a100", "--seq-length", "2048",
    )  # fmt: skip
    assert status == 3
    assert "16 a100" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--utility", "speeed"), ("--utility", "log(__import__)"), ("--risk", "brave"), ("--constraint", "be nice"),
        ("--price", "t4"), ("--price", "t4=cheap"), ("--grid", "atlantis"), ("--optimize", "colour"),
        ("--gpu-count", "8"), ("--browser", "netscape"),
    ],
)  # fmt: skip
def test_command_line_refuses_bad_usage_in_one_line(
    capsys: pytest.CaptureFixture[str], path: Path, arguments: tuple[str, ...]
) -> None:
    status, out, err = run(capsys, path, *BASE[:-3], "--hardware", "webgpu", *arguments)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1


def test_missing_prices_are_one_line(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    status, _, err = run(capsys, path, "resnet50", "--hardware", "snapdragon 8 elite", "--utility", "cost")
    assert status == 2
    assert "--price" in err


def test_the_units_of_the_xeon_are_a_processor(predictor: HardwareModelPredictor) -> None:
    found = predictor.predict_optimal_hardware("resnet50", available_hardware=[XEON], utility="throughput_per_watt")
    assert found.ranking.options[0].candidate.price is not None


def test_this_machine_measures_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from hwpredict.measure.detect import detect
    from hwpredict.measure.session import Session, default_settings

    monkeypatch.setattr("hwpredict.measure.plan.installed", lambda package: package != "torch")
    report, told, planned = detect(browser=False), [], []

    def run(cells: Any, *_: Any, **__: Any) -> Session:
        planned.extend(cells)
        return Session(rows=[{"source": "hwpredict", "latency_ms": 3.0}])

    measure = benchmark_here(report, default_settings(report), progress=told.append, run=run)
    work = Workload("resnet50", batch_size=4)
    assert measure(work, Target("cpu", None, label="cpu")) == [{"source": "hwpredict", "latency_ms": 3.0}]
    assert [(c.engine, c.batch_size, c.precision) for c in planned] == [("onnxruntime", 4, "fp32")]
    assert measure(work, Target("cpu", "Apple M1 CPU", label="m1")) == []
    assert "is not this machine" in told[-1]
    assert measure(work, Target("tpu", "Google TPU v5e", label="v5e")) == []


def test_what_cannot_be_measured_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from hwpredict.measure.detect import detect
    from hwpredict.measure.session import default_settings

    monkeypatch.setattr("hwpredict.measure.plan.installed", lambda package: False)
    report, told = detect(browser=False), []
    measure = benchmark_here(report, default_settings(report), progress=told.append)
    assert measure(Workload("resnet50"), Target("cpu", None, label="cpu")) == []
    assert told == ["cpu cannot be measured: install onnxruntime or torch"]
