"""The commands around the store: import, db, evaluate, and predictions that are kept; and imports that are killed."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from hwpredict.cli import main, output
from hwpredict.store import BenchmarkStore

FIXTURES = Path(__file__).parent / "fixtures" / "importers"
ROWS = "model,hardware,device,precision,batch_size,runtime,item,latency_ms,memory_mb\n"
SOUND = "resnet50,cuda,NVIDIA T4,fp16,8,pytorch-eager,image,{},900\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command line where the environment names a store; status, what it printed, and what it complained of."""
    monkeypatch.setenv("HWPREDICT_DATABASE", str(tmp_path / "store.duckdb"))

    def once(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    return once


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A table of one sound row, one that cannot be, and one that is no measurement."""
    path = tmp_path / "own.csv"
    path.write_text(
        f"{ROWS}{SOUND.format(10)}{SOUND.format(12).replace(',900', ',90000')}{SOUND.format('').replace(',900', ',')}"
    )
    return path


def test_import_says_what_became_of_every_row(run: Run, own: Path, tmp_path: Path) -> None:
    code, out, err = run("import", own, "--source", "my lab")
    assert code == 0
    assert "2 added" in out
    assert "1 rejected" in out
    assert "[hwpredict]" in out
    assert "1 of 1 files imported, 2 measurements added, 1 rows rejected, 0 files refused" in err
    assert "0 added" in run("import", own, "--source", "my lab")[1]
    with BenchmarkStore(tmp_path / "store.duckdb", read_only=True) as store:
        assert store.query("select distinct source from measurements")["source"].tolist() == ["my lab"]
        assert len(store.rejects()) == 1


def test_a_named_file_that_is_refused_is_a_failure_and_the_others_are_in(run: Run, own: Path) -> None:
    notes = own.with_name("notes.md")
    notes.write_text("# nothing\n")
    code, out, err = run("import", own, notes, "--format", "json")
    answer = json.loads(out)
    assert code == 1
    assert [r["added"] for r in answer["imported"]] == [2]
    assert answer["refused"][0]["path"] == str(notes)
    assert "notes.md is of no known format" in err
    assert run("import", own.parent)[0] == 0  # nobody named the notes: they are passed over, and it is said
    assert run("import", notes)[0] == 1
    code, _, err = run("import", own.with_name("nowhere"))
    assert (code, err.count("\n")) == (1, 1)
    assert "nowhere" in err


def test_what_a_file_leaves_out_is_set(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("model,latency_ms\nresnet50,10\n")
    assert "hardware" in run("import", path)[2]
    code, out, _ = run("import", path, "--set", "hardware=cuda", "--set", "device=NVIDIA T4", "--format", "csv")
    assert code == 0
    assert next(csv.DictReader(io.StringIO(out)))["added"] == "1"
    code, _, err = run("import", path, "--set", "hardwear=cuda")
    assert code == 2
    assert "hardware" in err


def test_db_shows_checks_and_explains(run: Run, own: Path) -> None:
    assert run("db", "stats")[0] != 0
    run("import", own)
    answer = json.loads(run("db", "stats", "--format", "json")[1])
    assert answer["measurements"] == 2
    assert answer["coverage"][0]["hardware"] == "cuda"
    assert "cuda" in run("db", "stats")[1]
    assert run("db", "stats", "--format", "csv")[1].startswith("hardware,")
    code, out, _ = run("db", "check")
    assert code == 0
    assert "The store is sound." in out
    assert "2 measurements, 1 of them doubted." in out
    assert "memory_above_capacity: 1 rows" in out
    flagged = json.loads(run("db", "check", "--format", "json")[1])["flagged"]
    assert [f["screen"] for f in flagged] == ["memory_above_capacity"]
    assert "memory_above_capacity" in run("db", "check", "--format", "csv")[1]


def test_db_corrects_and_takes_back(run: Run, own: Path) -> None:
    run("import", own)
    row = json.loads(run("db", "check", "--format", "json")[1])["flagged"][0]["row_id"]
    code, new, _ = run("db", "correct", row, "memory_mb=900", "--reason", "a typing error")
    assert code == 0
    assert "2 measurements, 0 of them doubted" in run("db", "check")[1]
    assert run("db", "reinstate", row, "--reason", "it was not")[0] == 0
    assert run("db", "retract", row, "--reason", "after all")[0] == 0
    assert run("db", "retract", new.strip()[:4] + "?", "--reason", "x")[0] == 2
    code, _, err = run("db", "correct", row, "memory_mb", "--reason", "x")
    assert code == 2
    assert "memory_mb" in err


def test_db_exports_packs_and_upgrades(run: Run, own: Path, tmp_path: Path) -> None:
    run("import", own)
    for target in ("out.parquet", "out.csv", "folder"):
        assert run("db", "export", tmp_path / target)[0] == 0
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 2
    assert run("db", "stats", "--database", tmp_path / "folder")[0] == 0
    assert run("db", "vacuum")[0] == run("db", "upgrade")[0] == 0
    assert "2 measurements" in run("db", "check")[1]
    for command in ("vacuum", "upgrade"):
        code, _, err = run("db", command, "--database", tmp_path / "none.duckdb")
        assert (code, err.count("\n")) == (2, 1)
    assert not (tmp_path / "none.duckdb").exists()
    assert run("db", "vacuum", "--database", tmp_path / "out.csv")[0] == 1


def test_a_store_that_is_damaged_is_said_to_be(run: Run, own: Path, tmp_path: Path) -> None:
    run("import", own)
    with BenchmarkStore(tmp_path / "store.duckdb") as store:
        store.query("update measurements set latency_ms = 1 where memory_mb = 900 returning row_id")
    code, out, _ = run("db", "check")
    assert code == 1
    assert "The store is not sound." in out


def test_evaluating_a_store_that_is_not_there_makes_none(run: Run, tmp_path: Path) -> None:
    code, out, err = run("evaluate", "--database", tmp_path / "none.duckdb")
    assert (code, out) == (1, "")
    assert "no such store" in err
    assert not list(tmp_path.iterdir())


def test_predictions_are_kept_in_a_store_that_is_new(run: Run, tmp_path: Path) -> None:
    query = ("predict", "resnet50", "--hardware", "t4", "--database", tmp_path / "new.duckdb")
    code, _, err = run(*query)
    assert code == 2
    assert "Invalid value for '--database'" in err
    assert "does not exist" in err
    assert run(*query, "--store")[0] == 0
    with BenchmarkStore(tmp_path / "new.duckdb", read_only=True) as store:
        assert store.stats()["predictions"] == 1


def test_brackets_in_a_table_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("", ["why"], [["pip install 'hwpredict[openvino]'"]])
    assert "hwpredict[openvino]" in capsys.readouterr().out


def test_predictions_are_kept_and_held_against_what_comes_in(run: Run, own: Path, tmp_path: Path) -> None:
    code, _, err = run("evaluate")
    assert code != 0
    query = ("predict", "resnet50", "--hardware", "t4", "--batch-size", "8", "--precision", "fp16", "--item", "image",
             "--runtime", "pytorch-eager")  # fmt: skip
    assert run(*query, "--store")[0] == 0
    code, _, err = run("evaluate")
    assert code == 2
    assert "no measurement has come in of a cell that was predicted" in err
    run("import", own)
    code, out, _ = run("evaluate")
    assert code == 0
    assert "PIT of latency_ms in tenths" in out
    assert "No reason to refit" in out
    assert "device: NVIDIA T4" in " ".join(out.replace("│", " ").split())
    (report,) = json.loads(run("evaluate", "--by", "time", "--no-keep", "--format", "json")[1])
    assert {g["grouping"] for g in report["groups"]} == {"all", "time"}
    (together,) = json.loads(run("evaluate", "--together", "--no-keep", "--format", "json")[1])
    assert together["posterior"] == "all posteriors"
    assert run("evaluate", "--format", "csv")[1].startswith("posterior,")
    code, _, err = run("evaluate", "--by", "colour")
    assert code == 2
    assert "platform" in err
    with BenchmarkStore(tmp_path / "store.duckdb", read_only=True) as store:
        assert store.query("select count(*) as n from validations where grouping = 'all'")["n"][0] == 2
    run("db", "export", tmp_path / "folder")
    code, _, err = run("evaluate", "--database", tmp_path / "folder")
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = run("evaluate", "--database", tmp_path / "folder", "--no-keep")
    assert code == 1
    assert "does not say when its rows came in" in err
    assert run("evaluate", "--database", tmp_path / "folder", "--no-keep", "--all")[0] == 0


# --- benchmarks/import_crash.py, at a smaller size --------------------------------------------------------------------


@pytest.fixture(scope="module")
def crash() -> ModuleType:
    path = Path(__file__).parent.parent / "benchmarks" / "import_crash.py"
    spec = importlib.util.spec_from_file_location("import_crash", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_killed_imports_leave_whole_imports_only(crash: ModuleType, tmp_path: Path) -> None:
    found = crash.campaign(tmp_path, imports=4, rows=4000, seed=1)
    assert found["imports"] == 4
    assert found["whole"] >= 4 - found["killed"]


def test_an_import_that_is_not_whole_would_be_seen(crash: ModuleType, tmp_path: Path) -> None:
    crash.write(tmp_path / "0.parquet", 0, 2000)
    with BenchmarkStore(tmp_path / "store.duckdb") as store:
        store.import_file(tmp_path / "0.parquet")
        store.query("delete from measurements where batch_size = 3 returning row_id")
    present, wrong = crash.inspect(tmp_path / "store.duckdb", 1, 2000)
    assert present == {0}
    assert any("of 1998 rows" in w for w in wrong)
