"""The command line: the guide's and ours, data on stdout, one line on stderr, and a status that says what happened."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import measurements

from hwpredict.cli import main
from hwpredict.cli.arguments import flat, spread
from hwpredict.cli.main import COMMANDS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def once(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    return once


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def measured_here(path: Path, device: str = "NVIDIA GeForce RTX 5090", repeats: int = 3) -> Path:
    """A table of somebody's own measurements: no figure in it was measured."""
    path.write_text(
        "source,model,hardware,device,precision,runtime,batch_size,latency_ms,mode,item\n"
        + "".join(
            f"my lab,resnet50,cuda,{device},fp16,pytorch-eager,{8 * k},{3.1 * k},inference,image\n"
            for k in range(1, repeats + 1)
        ),
        encoding="utf-8",
    )
    return path


# -- what is printed


def test_three_formats_say_the_same(run: Run) -> None:
    query = ("recommend", "bert-base-uncased", "--hardware", "a100", "t4", "--batch-size", "8")
    code, table, noise = run(*query)
    assert (code, noise) == (0, "")
    assert "Recommendation: a100" in table
    answer = json.loads(run(*query, "--format", "json")[1])
    options = rows(run(*query, "--format", "csv")[1])
    assert [o["name"] for o in options] == answer["compatible_hardware"] == ["a100", "t4"]
    for option in options:
        assert float(option["throughput"]) == answer["all_scores"][option["name"]]["throughput"]
        assert option["evidence"] in table


def test_predict_in_three_formats(run: Run) -> None:
    query = ("predict", "resnet50", "--hardware", "t4", "webnn", "--mode", "training")
    code, table, _ = run(*query)
    assert code == 0
    assert "incompatible: training does not run on webnn" in " ".join(table.replace("│", " ").split())
    answer = json.loads(run(*query, "--format", "json")[1])["predictions"]
    first, second = rows(run(*query, "--format", "csv")[1])
    assert float(first["throughput"]) == pytest.approx(answer["t4"]["throughput"])
    assert float(first["memory_high"]) == pytest.approx(answer["t4"]["memory_usage_interval"][1])
    assert second["throughput"] == ""
    assert second["incompatible"] == answer["webnn"]["reason"]


def test_predict_writes_its_draws(run: Run, tmp_path: Path) -> None:
    import xarray as xr

    out = tmp_path / "draws.nc"
    assert run("predict", "resnet50", "--hardware", "t4", "-o", out)[0] == 0
    with xr.open_dataset(out) as data:
        assert dict(data.sizes) == {"hardware": 1, "draw": 400}
        assert data.throughput.units == "s-1"


def test_a_table_of_workloads(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "workloads.csv"
    path.write_text("model,hardware,device,batch_size\nresnet50,cuda,T4,8\ngpt2,cpu,,\n", encoding="utf-8")
    found = rows(run("predict", "--workloads", path, "--format", "csv")[1])
    assert [r["model"] for r in found] == ["resnet50", "gpt2"]
    assert [r["evidence"] for r in found] == ["measured", "platform"]
    assert all(float(r["latency_low"]) < float(r["latency"]) < float(r["latency_high"]) for r in found)
    assert [r["model"] for r in json.loads(run("predict", "--workloads", path, "--format", "json")[1])] == [
        "resnet50",
        "gpt2",
    ]
    out = tmp_path / "draws.nc"
    code, table, _ = run("predict", "--workloads", path, "-o", out)
    assert code == 0
    assert "resnet50" in table
    assert out.exists()


def test_version_and_help(run: Run) -> None:
    assert run("--version")[:2] == (0, "0.1.0\n")
    for arguments in ((), ("--help",), ("recommend", "--help")):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert out.startswith("Usage: hwpredict")


def test_equal_seeds_give_equal_output(run: Run) -> None:
    query = ("recommend", "resnet50", "--hardware", "t4", "a100", "--format", "json")
    assert run(*query)[1] == run(*query, "--seed", "0")[1] != run(*query, "--seed", "1")[1]


# -- the guide's command lines


@pytest.mark.parametrize(
    "flags",
    [
        "--model=bert-base-uncased --family embedding --seq-length 128 --mode inference --precision fp32 --debug",
        "--debug --batch-size 2 --model gpt2 --hardware cpu",
    ],
)
def test_every_flag_of_a_query_in_any_order(run: Run, flags: str) -> None:
    code, out, err = run(*flags.split())
    assert code == 0
    assert "Recommendation: " in out
    assert ("posterior" in err) == ("--debug" in flags)


def test_the_guides_distributed_command_line(run: Run) -> None:
    flags = "--model llama-7b --mode training --precision bf16 --batch-size 32 --distributed --gpu-count 8"
    code, out, _ = run(*flags.split(), "--hardware", "a100", "--format", "json")
    assert code == 0
    plan = json.loads(out)["distributed"]
    assert plan["strategy"]
    assert 0 < plan["static_memory_mb"] < 80_000


def test_detection_recommends_among_what_is_there(run: Run) -> None:
    code, out, _ = run("--detect-hardware", "--model", "gpt2", "--batch-size", "32", "--no-browser", "--format", "json")
    assert code == 0
    found = json.loads(out)
    assert found["platforms"]["cpu"]["status"] == "available"
    assert found["recommendation"]["primary_recommendation"]


def test_the_guides_paths_and_settings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "config.json").write_text('{"utility": "latency"}', encoding="utf-8")
    measured_here(tmp_path / "bench.csv")
    code, out, err = run(
        "--model", "gpt2", "--hardware", "a100", "--config", tmp_path / "config.json",
        "--database", tmp_path / "bench.csv", "--benchmark-dir", tmp_path / "results",
    )  # fmt: skip
    assert code == 0
    assert "by -log latency" in out
    assert err == ""


def test_the_database_is_not_only_named_but_used(run: Run, tmp_path: Path) -> None:
    query = ("--model", "resnet50", "--hardware", "rtx 5090", "--precision", "fp16", "--batch-size", "8")

    def answer(*more: str | Path) -> dict[str, str]:
        code, out, err = run(*query, *more, "--format", "csv")
        assert (code, err) == (0, "")
        return rows(out)[0]

    before, after = answer(), answer("--database", measured_here(tmp_path / "mine.csv"))
    assert before["evidence"] != "measured"
    assert after["evidence"] == "measured"
    assert answer("--benchmark-dir", tmp_path) == after  # the same file, found in its folder


def test_a_database_that_cannot_be_taken_in_says_so(run: Run, tmp_path: Path) -> None:
    query = ("--model", "resnet50", "--hardware", "t4", "--format", "csv")
    plain = run(*query)[1]
    code, out, err = run(*query, "--database", measured_here(tmp_path / "mine.csv", repeats=1001))
    assert (code, out) == (0, plain)
    assert "hwpredict fit" in err
    assert err.count("\n") == 1
    (tmp_path / "none").mkdir()
    code, out, err = run(*query, "--benchmark-dir", tmp_path / "none")
    assert (code, out) == (0, plain)
    assert "holds no measurements" in err


def test_sequence_length_changes_the_answer(run: Run) -> None:
    def latency(length: str) -> float:
        flags = ("--model", "gpt2", "--hardware", "a100", "--seq-length", length, "--format", "csv")
        return float(rows(run(*flags)[1])[0]["latency"])

    assert latency("4096") > 2 * latency("128")


def test_flat_lines_are_translated_and_ours_left_alone() -> None:
    assert flat(["--batch-size", "8", "--model=x"], COMMANDS) == ["recommend", "--batch-size", "8", "--model=x"]
    for line in (["predict", "--model", "x"], [], ["--version"], ["frobnicate", "--model", "x"]):
        assert flat(line, COMMANDS)[-1:] == line[-1:]
    assert flat(["predict", "--model", "x"], COMMANDS)[0] == "predict"


def test_several_values_follow_one_option() -> None:
    assert spread(["--hardware", "a", "b", "--batch-size", "8"]) == [
        "--hardware", "a", "--hardware", "b", "--batch-size", "8",
    ]  # fmt: skip
    assert spread(["--batch-size", "8", "16"]) == ["--batch-size", "8", "16"]  # for the parser to refuse


# -- models that are described


def test_a_config_json_on_the_command_line(run: Run, tmp_path: Path) -> None:
    config = {
        "model_type": "bert", "hidden_size": 1024, "num_hidden_layers": 48, "num_attention_heads": 16,
        "intermediate_size": 4096, "vocab_size": 30522, "max_position_embeddings": 512,
    }  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    end = ("--hardware", "a100", "--format", "json")
    by_path, by_option, by_folder = (
        json.loads(run("recommend", *how, *end)[1])
        for how in ((path,), ("--model-config", path), ("--model-config", tmp_path))
    )
    assert by_path == by_option == by_folder
    assert by_path["model_size"] > 6e8
    named = json.loads(run("recommend", "ours", "--model-config", path, *end)[1])
    assert named["model_name"].startswith("ours@")


def test_features_and_family_on_the_command_line(run: Run) -> None:
    def answer(*flags: str) -> dict[str, Any]:
        return dict(json.loads(run("recommend", *flags, "--hardware", "t4", "--format", "json")[1]))

    features = answer("our-net", "--family", "vision", "--parameters", "25M", "--gmacs", "4.1", "--activations", "11")
    assert features["model_size"] == 25e6
    assert features["predicted_memory_mb"] > 0
    assert answer("--family", "vision")["model_name"] == "some vision model"
    assert answer("bert-bas-uncased", "--on-unknown", "prior")["model_family"] is None


@pytest.mark.parametrize("limit", ["1e9 ms", "0.0001 ms"], ids=["feasible", "none feasible"])
def test_memory_that_nobody_states_is_unknown_in_every_table(run: Run, limit: str) -> None:
    npu = "core ultra 7 155h npu"
    out = run("recommend", "bert-base-uncased", "--hardware", npu, "--constraint", f"latency <= {limit}")[1]
    row = next(line for line in out.splitlines() if npu in line and "│" in line)
    assert "unknown" in row
    assert "–" not in row


# -- what is refused

BAD_USAGE = {
    "recommend": "no model is named",
    "recommend bert-bas-uncased": "did you mean 'bert-base-uncased'",
    "--model bert-bas-uncased": "did you mean 'bert-base-uncased'",
    "recommend gpt2 --model bert-base-uncased": "two models are named",
    "recommend gpt2 --hardware a10000": "did you mean",
    "recommend gpt2 --hardware cudaa": "did you mean the platform 'cuda'?",
    "recommend gpt2 --hardware": "requires an argument",
    "recommend gpt2 --precision fp17": "did you mean 'fp16'",
    "recommend gpt2 --mode train": "did you mean 'training'",
    "recommend gpt2 --family vison": "did you mean 'vision'",
    "recommend gpt2 --item sentence": "unknown item 'sentence'",
    "recommend gpt2 --utility speed": "known: cost, guide, latency",
    "recommend gpt2 --format xml": "known: csv, json, table",
    "recommend gpt2 --on-unknown guess": "known: error, prior",
    "recommend gpt2 --batch-size -4": "batch_size is -4: give a positive number",
    "recommend gpt2 --batch-size 0": "batch_size is 0: give a positive number",
    "recommend gpt2 --batch-size nan": "'nan' is not a whole number",
    "recommend gpt2 --batch-size 8 16": "16",
    "recommend gpt2 --seq-length -1": "sequence_length is -1",
    "recommend gpt2 --n-devices 0": "n_devices is 0",
    "recommend our-net --gmacs nan": "gmacs is nan",
    "recommend our-net --gmacs many": "'many' is not a number",
    "recommend our-net --parameters lots": "such as 7B",
    "recommend our-net --parameters 0": "parameters is 0",
    "recommend missing.json": "cannot read missing.json",
    "recommend gpt2 --posterior missing.nc": "missing.nc",
    "recommend gpt2 --database missing.duckdb": "missing.duckdb",
    "recommend gpt2 --benchmark-dir missing": "missing",
    "recommend gpt2 --config missing.toml": "missing.toml",
    "recommend gpt2 --batchsize 8": "--batch-size",
    "recomend gpt2": "Did you mean 'recommend'",
    "predict --workloads missing.csv": "missing.csv",
    "fit": "--database",
}


@pytest.mark.parametrize(("line", "says"), BAD_USAGE.items(), ids=BAD_USAGE)
def test_bad_usage_is_one_line_and_status_2(run: Run, line: str, says: str) -> None:
    code, out, err = run(*line.split())
    assert code == 2
    assert out == ""
    assert err.startswith("hwpredict: ")
    assert err.count("\n") == 1
    assert says in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "table is empty"),
        ("model,hardware\n", "table is empty"),
        ("model\nresnet50\n", "'hardware' is missing"),
        ("model,hardware\nresnet50\n", "line 2"),
        ("model,hardware,batch_size\nresnet50,cuda,eight\n", "batch_size must be a number, got 'eight'"),
        ("model,hardware,batch_size\nresnet50,cuda,-4\n", "batch_size is -4"),
        ("model,hardware\nresnet5O,cuda\n", "did you mean 'resnet50'"),
        ("model,hardware\nresnet50,cudda\n", "did you mean 'cuda'"),
        ("model,hardware,device\nresnet50,cuda,A1OO\n", "unknown device 'A1OO'"),
        ("model,hardware,precision\nresnet50,cuda,fp17\n", "did you mean 'fp16'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(run: Run, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "workloads.csv"
    path.write_text(text, encoding="utf-8")
    code, out, err = run("predict", "--workloads", path)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_what_cannot_run_anywhere_is_status_3(run: Run) -> None:
    code, out, err = run("recommend", "gpt2", "--hardware", "webnn", "--mode", "training")
    assert (code, out) == (3, "")
    assert "training does not run on webnn" in err


def test_a_posterior_that_is_none_is_status_1(run: Run, tmp_path: Path, repository: Path) -> None:
    whole = (repository / "models" / "reference.nc").read_bytes()
    for name, content in {"text.nc": b"hello", "empty.nc": b"", "cut.nc": whole[:50_000]}.items():
        (tmp_path / name).write_bytes(content)
        code, out, err = run("recommend", "gpt2", "--posterior", tmp_path / name)
        assert (code, out) == (1, "")
        assert name in err
        assert err.count("\n") == 1


def test_what_cannot_be_written_is_said_before_the_work_is_done(run: Run, tmp_path: Path) -> None:
    code, out, err = run("predict", "gpt2", "--hardware", "t4", "-o", tmp_path / "missing" / "draws.nc")
    assert (code, out) == (2, "")
    assert "missing does not exist" in err
    code, out, err = run("predict", "gpt2", "--hardware", "t4", "-o", tmp_path)  # a folder
    assert (code, out) == (1, "")
    assert err.count("\n") == 1


def test_fit_then_predict_from_it(run: Run, tmp_path: Path) -> None:
    measured = tmp_path / "bench.csv"
    with measured.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(measurements()[0]), extrasaction="ignore")
        table.writeheader()
        table.writerows(measurements())
    own = tmp_path / "own.nc"
    code, out, err = run("fit", "--database", measured, "-o", own, "--iterations", "3", "--format", "json")
    assert code == 0, err
    assert "iteration 3" in err
    summary = json.loads(out)
    assert summary["rows"] == len(measurements())
    answer = json.loads(run("recommend", "resnet50", "--hardware", "a100", "--posterior", own, "--format", "json")[1])
    assert answer["posterior_fingerprint"] == summary["fingerprint"]
    assert run("fit", "--database", measured, "--source", "lab oen")[0] == 2


def test_debug_shows_where_it_failed(run: Run) -> None:
    code, _, err = run("recommend", "bert-bas-uncased", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.endswith("on_unknown='prior'.\n")


def test_a_process_of_its_own() -> None:
    def process(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hwpredict", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    failed = process("recommend", "bert-bas-uncased")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "Traceback" not in failed.stderr
    done = process("recommend", "bert-base-uncased", "--hardware", "a100", "--format", "csv")
    assert done.returncode == 0
    assert len(rows(done.stdout)) == 1
