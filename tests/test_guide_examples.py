"""Every command line and every snippet of the guide runs as printed, and means what the guide says it does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import guide_examples as guide
import helpers
import numpy as np
import pandas as pd
import pytest

from hwpredict import BenchmarkStore, HardwareModelPredictor
from hwpredict.cli import main
from hwpredict.errors import InvalidWorkloadError
from hwpredict.workload import Evidence

Run = Callable[..., str]
#: The kinds of figures that the guide lists, as the names of files begin.
FIGURES = ("hardware_comparison", "batch_scaling", "efficiency", "memory_usage", "precision_impact")


def test_these_are_all_the_examples_of_the_guide(repository: Path) -> None:
    path = repository.parent / "shared" / "GUIDE.md"
    if not path.exists():
        pytest.skip("the guide is not beside this checkout")
    text = path.read_text(encoding="utf-8")
    blocks = {
        kind: re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for kind in ("bash", "python")
    }
    lines = [line for block in blocks["bash"] for line in block.splitlines() if line.startswith("python ")]
    assert set(map(here, lines)) == set(guide.COMMANDS)
    assert [here(block) for block in blocks["python"]] == list(guide.SNIPPETS)
    sample = json.loads(re.search(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]
    entry = sample["models"]["bert-base-uncased"]
    assert tuple(sample) == guide.MATRIX_KEYS
    assert tuple(entry) == guide.MODEL_KEYS
    assert tuple(entry["predictions"]["cuda"]["1"]["fp32"]) == guide.CELL_KEYS


def here(text: str) -> str:
    for theirs, ours in guide.RENAMED.items():
        text = text.replace(theirs, ours)
    return text


# -- command lines


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in an empty folder and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def once(line: str, *more: str) -> str:
        with pytest.raises(SystemExit) as done:
            main([*shlex.split(line), *more])
        out, err = capsys.readouterr()
        assert done.value.code == 0, err
        return out

    return once


def answer(run: Run, line: str, *more: str) -> dict[str, Any]:
    """The line as printed, then the same with its answer as JSON."""
    table = run(line, *more)
    found = dict(json.loads(run(line, *more, "--format", "json")))
    inner = found.get("recommendation", found)
    assert f"Recommendation: {inner['primary_recommendation']}" in table
    return found


def test_a_recommendation(run: Run) -> None:
    found = answer(run, guide.RECOMMEND)
    assert (found["model_name"], found["batch_size"]) == ("bert-base-uncased", 8)
    scores = {name: option["expected_utility"] for name, option in found["all_scores"].items()}
    assert max(scores, key=lambda n: scores[n]) == found["primary_recommendation"]
    assert set(found["fallback_options"]) <= set(scores) - {found["primary_recommendation"]}
    one = json.loads(run("--model bert-base-uncased", "--format", "json"))["all_scores"]
    for name, option in found["all_scores"].items():
        assert option["latency"] > one[name]["latency"]
        assert option["throughput"] * option["latency"] / 1e3 == pytest.approx(8, rel=0.05)


def test_a_recommendation_among_named_hardware(run: Run) -> None:
    found = answer(run, guide.AMONG)
    assert set(found["available_hardware"]) == {"cuda", "cpu"}
    assert found["precision"] == "fp16"
    full = json.loads(run("--model t5-small --hardware cuda cpu", "--format", "json"))
    # a small model that writes token by token waits for its launches, at any precision
    assert found["all_scores"]["cuda"]["throughput"] != full["all_scores"]["cuda"]["throughput"]
    for name in ("cuda", "cpu"):
        assert found["all_scores"][name]["memory"] < full["all_scores"][name]["memory"]


def test_a_recommendation_for_training(run: Run) -> None:
    found = answer(run, guide.TRAINING)
    assert (found["mode"], found["batch_size"]) == ("training", 32)
    inference = json.loads(run("--model gpt2 --batch-size 32", "--format", "json"))["all_scores"]
    for name, option in found["all_scores"].items():
        assert option["latency"] > inference[name]["latency"]
        assert option["memory"] > inference[name]["memory"]
    assert any("inference runtime" in reason for reason in found["incompatible_hardware"].values())


@pytest.mark.parametrize(("line", "hardware"), [(guide.MATRIX, None), (guide.MATRIX_AMONG, ["cuda", "cpu"])])
def test_a_matrix(run: Run, tmp_path: Path, line: str, hardware: list[str] | None) -> None:
    assert run(line) == ""
    matrix = json.loads((tmp_path / "matrix.json").read_text(encoding="utf-8"))
    assert tuple(matrix)[: len(guide.MATRIX_KEYS)] == guide.MATRIX_KEYS
    assert hardware is None or matrix["hardware_platforms"] == hardware
    assert len(matrix["hardware_platforms"]) >= 2
    assert len(matrix["models"]) == 6
    assert matrix["batch_sizes"] == [1, 8, 32]
    for name, entry in matrix["models"].items():
        assert tuple(entry) == guide.MODEL_KEYS
        assert entry["name"] == name
        for of_device in entry["predictions"].values():
            for batch, cells in of_device.items():
                for cell in cells.values():
                    assert tuple(cell) == guide.CELL_KEYS
                    assert cell["throughput"] * cell["latency_mean"] / 1e3 == pytest.approx(float(batch), rel=0.05)
    if hardware:
        cells = matrix["models"]["bert-base-uncased"]["predictions"]["cuda"]["8"]
        assert cells["fp16"]["throughput"] > cells["fp32"]["throughput"]
        assert "fp16" in matrix["precision_options"]


def test_a_matrix_and_its_figures(run: Run, tmp_path: Path) -> None:
    printed = run(guide.FIGURES).split()
    assert [Path(name).parent.name for name in printed] == ["visualizations"] * len(printed)
    assert {p.name for p in (tmp_path / "visualizations").iterdir()} == {Path(name).name for name in printed}
    for kind in FIGURES:
        mine = [Path(name) for name in printed if Path(name).name.startswith(kind)]
        assert mine, kind
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in mine)


def test_detection(run: Run) -> None:
    table = run(guide.DETECT)
    for platform in ("cuda", "rocm", "mps", "cpu", "openvino", "webnn", "webgpu"):
        assert re.search(rf"{platform}\W+(available|unavailable|unknown)", table), platform
    assert re.search(r"\bcpu\W+available", table)
    assert "Recommendation" not in table


def test_detection_and_a_recommendation(run: Run) -> None:
    found = answer(run, guide.DETECT_AND_RECOMMEND)
    here = {p for p, report in found["platforms"].items() if report["status"] == "available"}
    chosen = found["recommendation"]
    assert (chosen["model_name"], chosen["batch_size"]) == ("gpt2", 32)
    assert {name.partition(":")[0] for name in chosen["available_hardware"]} <= here


def test_a_distributed_plan(run: Run) -> None:
    table = run(guide.DISTRIBUTED)
    found = answer(run, guide.DISTRIBUTED)
    plan = found["distributed"]
    assert " × 8, " in found["primary_recommendation"]
    assert plan["strategy"] in found["primary_recommendation"]
    assert f"Strategy: {plan['strategy']}" in table
    # 16 bytes a parameter: weights, gradients and two moments of Adam, at fp32 (Rajbhandari et al. 2020, section 3.1)
    over = [plan["data_parallel"] if plan["zero_stage"] >= stage else 1 for stage in (3, 2, 1)]
    bytes_each = sum(b / n for b, n in zip((4, 4, 8), over, strict=True))
    own = 6738.4 / plan["tensor_parallel"] / plan["pipeline_parallel"]  # million parameters
    assert plan["static_memory_mb"] == pytest.approx(bytes_each * own, rel=0.01)
    assert plan["static_memory_mb"] < found["predicted_memory_mb"] < plan["capacity_mb"]
    alone = {n: v for n, v in found["infeasible_hardware"].items() if "h100 × 8, DDP," in n}
    assert alone
    assert "memory fits" in " ".join(next(iter(alone.values())))


def test_web_platforms(run: Run) -> None:
    found = answer(run, guide.WEB)
    assert set(found["available_hardware"]) == {"webnn", "webgpu"}
    assert found["all_scores"]["webnn"]["evidence"] == Evidence.PRIOR
    assert found["all_scores"]["webgpu"]["evidence"] == Evidence.PLATFORM


# -- snippets


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the snippets find in the working directory. No figure in it was measured."""
    path = tmp_path_factory.mktemp("guide")
    results = path / "benchmark_results"
    results.mkdir()
    common = {"source": "my lab", "precision": "fp32", "runtime": "pytorch-eager", "mode": "inference"}
    raw = [common | {"model": "gpt2", "hardware": "cuda", "device": "NVIDIA T4", "batch_size": 1, "latency_ms": 14.0}]
    pd.DataFrame(raw).assign(item="sequence", sequence_length=128).to_csv(results / "gpt2.csv", index=False)
    row = common | {"model": "bert-base-uncased", "hardware": "cuda", "device": "NVIDIA GeForce RTX 5060 Ti"}
    row |= {"item": "sequence", "sequence_length": 128}
    with BenchmarkStore(path / "benchmark_db.duckdb") as store:
        store.load(pd.DataFrame([row | {"batch_size": b, "latency_ms": 4.8 + 3.4 * b} for b in (1, 8, 32)]))
    (path / "config.json").write_text(json.dumps({"draws": 200}), encoding="utf-8")
    pd.DataFrame(helpers.measurements()).to_parquet(path / "my_benchmark_data.parquet")
    return path


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    """Names after the first snippet, and under ``printed`` what it printed."""
    return execute(guide.FIRST_SNIPPET, folder)


def execute(snippet: str, folder: Path, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a snippet as printed in a folder, after others whose names it may use."""
    import contextlib
    import io

    out = dict(names or {})
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(snippet, "the guide", "exec"), out)
    return out | {"printed": printed.getvalue()}


def test_the_first_snippet(first: dict[str, Any]) -> None:
    lines = first["printed"].splitlines()
    starts = ("Primary recommendation", "Fallback options", "Explanation", "Throughput", "Latency", "Memory Usage")
    assert [line.partition(":")[0] for line in lines] == list(starts)
    assert first["recommendation"]["primary_recommendation"] in lines[0]
    figures = [float(re.search(r": ([\d.]+) ", line)[1]) for line in lines[3:]]  # type: ignore[index]
    assert figures[0] * figures[1] / 1e3 == pytest.approx(8, rel=0.05)
    predictor = first["predictor"]
    assert predictor.draws == 200, "a partial config merges"
    assert predictor.config.utility == HardwareModelPredictor().config.utility
    for model, device in (("bert-base-uncased", "rtx 5060 ti"), ("gpt2", "t4")):  # the database, and the folder
        entry = predictor.predict_performance(model, hardware=device, precision="fp32")["predictions"][device]
        assert entry["evidence"] == "measured"


def test_the_snippet_on_matrices(first: dict[str, Any], folder: Path) -> None:
    names = execute(guide.MATRIX_SNIPPET, folder, first)
    read = json.loads((folder / "custom_matrix.json").read_text(encoding="utf-8"))
    assert tuple(read) == (*guide.MATRIX_KEYS, "intervals")
    assert [read[k] for k in guide.MATRIX_KEYS[3:]] == [["cuda", "cpu", "openvino"], [1, 16, 64], ["fp16"]]
    assert {name: entry["category"] for name, entry in read["models"].items()} == {
        m["name"]: m["family"] for m in names["models"]
    }
    for entry in read["models"].values():
        one, many = (entry["predictions"]["cuda"][batch]["fp16"] for batch in ("1", "64"))
        assert all(one[key] < many[key] for key in guide.CELL_KEYS)
    drawn = names["visualization_files"]
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in drawn)
    # one precision alone has no impact to show
    assert {kind for kind in FIGURES if any(Path(f).name.startswith(kind) for f in drawn)} == set(FIGURES[:4])


def test_the_snippet_on_the_database(first: dict[str, Any], folder: Path) -> None:
    names = execute(guide.DATABASE_SNIPPET, folder, first)
    found, plain = names["recommendation"], HardwareModelPredictor()
    assert found["primary_recommendation"]
    assert found["posterior_fingerprint"] != plain.posterior.fingerprint, "the database was taken in"
    device, query = "rtx 5060 ti", {"batch_size": 8, "precision": "fp32"}
    with_it, without = (
        p.predict_performance("bert-base-uncased", hardware=device, **query)["predictions"][device]
        for p in (names["predictor"], plain)
    )
    assert without["evidence"] != with_it["evidence"] == "measured"
    # how a harness times text is much of the width: who names that of the database is told what it measured
    cell = {"model": "bert-base-uncased", "hardware": "cuda", "device": device, "runtime": "pytorch-eager"} | query
    cell |= {"item": "sequence", "sequence_length": 128, "source": "my lab"}
    own = names["predictor"].predict([cell])["latency"].to_numpy().ravel()
    assert np.median(own) == pytest.approx(32, rel=0.2), "what was measured"
    low, high = with_it["latency_interval"]
    width = np.quantile(own, 0.95) / np.quantile(own, 0.05)
    assert width < min(3, high / low / 2)


def test_the_snippet_on_custom_models(first: dict[str, Any], folder: Path) -> None:
    elided = "predict_optimal_hardware(...)"
    assert elided in guide.TRAINING_SNIPPET
    with pytest.raises(InvalidWorkloadError, match=r"the model is Ellipsis"):
        first["predictor"].predict_optimal_hardware(...)
    filled = guide.TRAINING_SNIPPET.replace(elided, 'predict_optimal_hardware("bert-base-uncased")')
    names = execute(filled, folder, first)
    assert list((folder / "my_models").iterdir())
    found, custom = names["recommendation"], names["custom_models"]
    assert found["posterior_fingerprint"] == custom.fingerprint
    assert found["all_scores"]["NVIDIA T4"]["evidence"] == "measured"
    assert found["all_scores"]["Google TPU v5e"]["evidence"] == "prior", "this data has no such platform"


def test_the_snippet_on_several_devices(first: dict[str, Any], folder: Path) -> None:
    found = execute(guide.DISTRIBUTED_SNIPPET, folder, first)["recommendation"]
    assert (found["batch_size"], found["mode"]) == (32, "training")
    plan = found["distributed"]
    assert plan["devices"] == 8
    assert plan["micro_batch"] * plan["accumulation"] * plan["data_parallel"] == 32
    assert plan["static_memory_mb"] < found["predicted_memory_mb"] < plan["capacity_mb"]
    assert 0 < plan["scaling_efficiency_low"] <= plan["scaling_efficiency"] <= plan["scaling_efficiency_high"] <= 1


def test_the_snippet_on_the_web(first: dict[str, Any], folder: Path) -> None:
    names = execute(guide.WEB_SNIPPET, folder, first)
    assert set(names["recommendation"]["available_hardware"]) == {"webnn", "webgpu", "cpu"}
    predictions = names["performance"]["predictions"]
    assert list(predictions) == ["webnn", "webgpu"]
    assert predictions["webnn"]["latency"] != predictions["webgpu"]["latency"]
    assert predictions["webnn"]["evidence"] == Evidence.PRIOR
    by_browser = first["predictor"].predict_performance(
        "bert-base-uncased", hardware=["webnn", "webgpu"], precision="fp16", browser="all"
    )["predictions"]
    assert "webgpu@firefox" in by_browser
    assert not by_browser["webnn@safari"]["compatible"]
