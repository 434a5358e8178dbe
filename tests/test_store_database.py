"""The database file: its versions, its lock, its corrections, its views, its screens, its export."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from hwpredict.errors import InvalidWorkloadError, StoreError, UnknownNameError
from hwpredict.store import (
    BenchmarkStore,
    FolderStore,
    default_path,
    maintenance,
    open_store,
    read_measurements,
    tables,
)
from hwpredict.store.screens import SCREENS

T4 = {
    "source": "lab",
    "model": "bert-base-uncased",
    "model_family": "embedding",
    "hardware": "cuda",
    "device": "Tesla T4",
    "precision": "fp16",
    "batch_size": 8,
    "sequence_length": 128,
    "item": "sequence",
    "throughput": 400.0,
    "latency_ms": 20.0,
}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**T4, **row} for row in rows])


@pytest.fixture
def store() -> Iterator[BenchmarkStore]:
    with BenchmarkStore() as opened:
        yield opened


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """A store as the first version of the schema wrote it."""
    path = tmp_path / "old.duckdb"
    with gzip.open(Path(__file__).parent / "fixtures" / "store_v1.duckdb.gz") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


# --- versions ---------------------------------------------------------------------------------------------------------


def layout(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "select table_name, column_name, data_type, is_nullable, comment from duckdb_columns() where not internal "
            "order by table_name, column_name"
        ).fetchall()


def test_a_store_of_the_first_version_is_brought_forward_with_all_it_holds(version_1: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(version_1), read_only=True) as old:
        before = old.execute("select * exclude (import_id) from measurements order by row_id").fetchall()
        rejects = old.execute("select reason, given from rejects order by row_id").fetchall()
    with pytest.raises(StoreError, match=r"schema version 1, .*reads 2: bring it forward once with `hwpredict db up"):
        BenchmarkStore(version_1, read_only=True)
    with BenchmarkStore(version_1) as store:
        assert store.count() == 5
        assert store.problems() == []
        assert store.runs()["rows_added"].tolist() == [4, 1]
        assert store.query("select distinct label from models order by 1")["label"].tolist() == [
            "bert-base-uncased",
            "resnet50",
        ]
    with duckdb.connect(str(version_1), read_only=True) as new:
        assert new.execute("select * exclude (run_id) from measurements order by row_id").fetchall() == before
        assert new.execute("select reason, given from rejects order by row_id").fetchall() == rejects
    BenchmarkStore(tmp_path / "new.duckdb").close()
    assert layout(version_1) == layout(tmp_path / "new.duckdb")
    with BenchmarkStore(version_1, read_only=True) as store:
        assert len(store.rejects()) == 2


def test_there_is_a_way_from_every_version() -> None:
    assert sorted(tables.MIGRATIONS) == list(range(1, tables.SCHEMA_VERSION))


def test_a_migration_that_fails_leaves_the_old_store(version_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version_1.read_bytes()
    monkeypatch.setitem(tables.MIGRATIONS, 1, (*tables.MIGRATIONS[1], "select no_such_function()"))
    with pytest.raises(StoreError, match=r"cannot open .*no_such_function"):
        BenchmarkStore(version_1)
    monkeypatch.undo()
    assert version_1.read_bytes() == before or BenchmarkStore(version_1).count() == 5
    with BenchmarkStore(version_1) as store:
        assert store.count() == 5


def test_views_of_another_version_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    BenchmarkStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("update meta set value = 'other' where key = 'views'")
        connection.execute("create or replace view coverage_by_platform as select 1 as one")
    with BenchmarkStore(path) as store:
        assert "hardware" in store.coverage().columns


# --- one writer, many readers -----------------------------------------------------------------------------------------

HOLD = """
    import sys, time
    from hwpredict.store import BenchmarkStore
    with BenchmarkStore(sys.argv[1], read_only=sys.argv[2] == "read"):
        print("open", flush=True)
        time.sleep(float(sys.argv[3]))
"""


def holder(path: Path, mode: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(path), mode, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "open"
    return process


def test_a_locked_store_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    BenchmarkStore(path).close()
    with holder(path, "write", 1.0), BenchmarkStore(path, wait=60) as store:
        assert store.load(frame({})).added == 1


def test_several_processes_read_at_once_and_keep_a_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({}))
    with holder(path, "read", 60) as reader:
        with BenchmarkStore(path, read_only=True, wait=0) as store:
            assert store.count() == 1
        with pytest.raises(StoreError, match=f"in use by process {reader.pid}: .*waited 0 s"):
            BenchmarkStore(path, wait=0)
        reader.kill()


def test_writers_in_threads_do_not_lose_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    BenchmarkStore(path).close()
    failures: list[Exception] = []

    def write(n: int) -> None:
        try:
            with BenchmarkStore(path) as store:
                store.load(frame({"note": f"thread {n}"}))
        except StoreError as error:  # two transactions at once: one is refused as a whole
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with BenchmarkStore(path) as store:
        assert store.count() == 4 - len(failures)
        assert store.problems() == []


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_corrected_file_supersedes_and_the_old_rows_stay(store: BenchmarkStore) -> None:
    store.load(frame({"latency_ms": 0.020, "batch_size": 8}, {"batch_size": 16, "latency_ms": 40.0}))
    report = store.load(frame({"batch_size": 8}, {"batch_size": 16, "latency_ms": 40.0}), corrects="seconds, not ms")
    assert (report.added, report.known, report.superseded) == (1, 1, 1)
    assert "1 older ones superseded" in str(report)
    assert sorted(store.measurements()["latency_ms"]) == [20.0, 40.0]
    assert sorted(store.measurements(superseded=True)["latency_ms"]) == [0.020, 20.0, 40.0]
    assert store.query("select reason from superseded")["reason"].tolist() == ["seconds, not ms"]
    assert store.load(frame({"latency_ms": 0.020})).known == 1  # imported again, the old row stays superseded
    assert store.count() == 2
    assert store.problems() == []


def test_rows_of_other_configurations_and_sources_are_not_corrected(store: BenchmarkStore) -> None:
    store.load(frame({"source": "other"}, {"device": "NVIDIA A100"}, {"latency_ms": 25.0}))
    assert store.load(frame({"note": "again"}), corrects="a better clock").superseded == 1
    assert store.count() == 3


def test_one_row_is_corrected_withdrawn_and_reinstated(store: BenchmarkStore) -> None:
    store.load(frame({"latency_ms": 0.02, "p90": 21.5}))
    (old,) = store.measurements(columns=["row_id"])["row_id"]
    new = store.correct(old, {"latency_ms": 20.0}, "seconds, not ms")
    kept = store.measurements(columns=["row_id", "latency_ms", "extra"])
    assert kept.values.tolist() == [[new, 20.0, '{"p90":"21.5"}']]
    store.retract(new, "the fan had stopped")
    assert (store.count(), store.count(superseded=True)) == (0, 2)
    store.reinstate(new, "it had not")
    assert store.correct(new, {"latency_ms": 0.02}, "it was right") == old  # back to what it was: the old row returns
    assert store.measurements(columns=["row_id"])["row_id"].tolist() == [old]
    assert store.runs()["kind"].tolist() == ["import", *["correction"] * 4]
    assert store.problems() == []


@pytest.mark.parametrize(
    ("row", "changes", "error", "message"),
    [
        ("nonsense", {"note": "x"}, UnknownNameError, "'nonsense' is no row_id: it looks like"),
        ("930910d9-00c5-ae85-f72f-84a2debbca87", {"note": "x"}, UnknownNameError, "no measurement has the row_id"),
        (None, {"latency": 1}, UnknownNameError, "unknown column 'latency': did you mean .*'latency_ms'"),
        (None, {"latency_ms": 20.0}, InvalidWorkloadError, "changes nothing"),
        (None, {"latency_ms": -1}, InvalidWorkloadError, "makes no sense: latency_ms is not positive"),
    ],
)
def test_corrections_that_make_no_sense(
    store: BenchmarkStore, row: str | None, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    store.load(frame({}))
    (own,) = store.measurements(columns=["row_id"])["row_id"]
    with pytest.raises(error, match=message):
        store.correct(row or own, changes, "because")
    assert store.count() == 1
    with pytest.raises(InvalidWorkloadError, match="was never withdrawn"):
        store.reinstate(own, "because")


# --- views and screens ------------------------------------------------------------------------------------------------


def test_the_wide_view_knows_what_the_catalog_knows(store: BenchmarkStore) -> None:
    store.load(frame({}, {"device": "T4", "model": "google-bert/bert-base-uncased"}, {"device": "?", "model": "mine"}))
    wide = store.query("select * from measurement_wide order by model, device")
    known = wide[wide["catalog_device"].notna()]
    assert known["catalog_device"].tolist() == ["NVIDIA T4"] * 2
    assert known["model_label"].tolist() == ["bert-base-uncased"] * 2
    assert known["peak_flops"].tolist() == [65e12] * 2  # T4 data sheet: 65 TFLOPS in fp16
    assert wide["catalog_model"].isna().sum() == 1
    coverage = store.coverage()
    assert coverage[["hardware", "rows", "models", "devices"]].values.tolist() == [["cuda", 3, 2, 2]]


def flags(store: BenchmarkStore) -> list[str]:
    return sorted(store.flagged()["screen"])


IMAGE = {"model": "resnet50", "model_family": "vision", "item": "image", "sequence_length": None, "gmacs": 4.1}
TOKEN = {"model": "llama-2-7b", "model_family": "text_generation", "batch_size": 1, "throughput": None}


@pytest.mark.parametrize(
    ("row", "screen", "words"),
    [
        ({"throughput": 800.0}, "throughput_latency", "is 16 items, but the batch is 8"),
        ({"latency_ms": 0.020}, "latency_unit", "is the latency in seconds"),
        ({"latency_ms": 20_000.0}, "latency_unit", "is the latency in microseconds"),
        ({"throughput": 50.0}, "throughput_steps", "does it count steps"),
        (IMAGE | {"throughput": 40_000.0, "latency_ms": 0.2}, "faster_than_peak", "NVIDIA T4 peaks at 65 in fp16"),
        (TOKEN | {"item": "token_decode", "latency_ms": 20.0}, "faster_than_peak", "the memory of NVIDIA T4 moves 320"),
        (TOKEN | {"item": "token_prefill", "latency_ms": 2.0}, "faster_than_peak", "peaks at 65 in fp16"),
        ({"memory_mb": 20_000.0}, "memory_above_capacity", "NVIDIA T4 has 16,000 MB"),
        ({"memory_mb": 20_000.0, "n_devices": 2}, "memory_above_capacity", "is it the total of 2 devices"),
        ({"memory_mb": 0.9}, "memory_below_weights", "the weights alone are 219 MB: is it in GB"),
        ({"memory_mb": 209.0}, "memory_below_weights", "is it in MiB"),
    ],
)
def test_screens_flag_what_cannot_be_and_say_why(
    store: BenchmarkStore, row: dict[str, object], screen: str, words: str
) -> None:
    assert store.load(frame(row)).added == 1
    flagged = store.flagged()
    assert flagged["screen"].tolist() == [screen]
    assert words in flagged["explanation"].item()
    assert store.count() == 1  # kept


def test_sound_rows_are_not_flagged(store: BenchmarkStore) -> None:
    store.load(
        frame(
            {},
            {"batch_size": None, "item": "token", "throughput": 3000.0},
            {"memory_mb": 1500.0},
            IMAGE | {"batch_size": 64, "throughput": 1500.0, "latency_ms": 42.7},
            TOKEN | {"item": "token_decode", "latency_ms": 55.0},
            {"model": "mine", "device": "unknown board", "memory_mb": 1.0},
        )
    )
    assert flags(store) == []


def test_a_harness_that_overlaps_its_steps_is_not_blamed(store: BenchmarkStore) -> None:
    rows = [
        {"source": "overlapping", "batch_size": b, "throughput": 100.0 * b, "latency_ms": 25.0} for b in range(1, 25)
    ]
    store.load(frame(*rows))
    assert flags(store) == []
    store.load(frame(*({"source": "synchronous", "batch_size": b, "throughput": 50.0 * b} for b in range(1, 25))))
    store.load(frame({"source": "synchronous", "note": "odd", "throughput": 600.0}))
    assert flags(store) == ["throughput_latency"]


def test_duplicates_and_cohorts_are_seen_across_sources(store: BenchmarkStore) -> None:
    store.load(frame({"source": "a"}, {"source": "b", "model": "BERT-base-uncased", "device": "NVIDIA T4"}))
    flagged = store.flagged()
    assert flagged["screen"].tolist() == ["duplicate"]
    assert "from a" in flagged["explanation"].item()
    store.load(frame(*({"throughput": None, "latency_ms": v, "batch_size": 2} for v in (10.0, 11.0, 12.0, 0.0105))))
    assert flags(store) == ["duplicate", "latency_unit"]


def test_every_screen_explains_itself() -> None:
    assert len({s.name for s in SCREENS}) == len(SCREENS)
    assert all(len(s.meaning) > 40 for s in SCREENS)


# --- check, stats, export, vacuum -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("update measurements set latency_ms = 21", "1 measurements have an address that does not fit"),
        ("delete from measurements", "1 runs are incomplete"),
        ("delete from runs", "1 measurements belong to no run"),
        (
            "insert into corrections values (1, uuid(), null, 'retract', 1, '2026-01-01', 'x')",
            "1 corrections point to measurements that are not there",
        ),
    ],
)
def test_damage_by_other_hands_is_found(tmp_path: Path, damage: str, problem: str) -> None:
    path = tmp_path / "a.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({"batch_size": 16, "throughput": 1e22, "note": "é", "p50": 1}))
        assert store.problems() == []
    with duckdb.connect(str(path)) as connection:
        connection.execute(damage)
    with BenchmarkStore(path, read_only=True) as store:
        assert any(found.startswith(problem) for found in store.problems()), store.problems()


def test_stats_count_every_table(tmp_path: Path) -> None:
    with BenchmarkStore(tmp_path / "a.duckdb") as store:
        store.load(frame({}, {"batch_size": -1}))
        figures = store.stats()
    assert set(figures) >= {name for name in tables.TABLES if name != "meta"}
    assert (figures["measurements"], figures["rejects"], figures["models"]) == (1, 1, 1)
    assert figures["bytes"] > 0


def test_vacuum_keeps_everything_and_leaves_no_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({}, {"batch_size": 16}))
        (row, _) = store.measurements(columns=["row_id"])["row_id"]
        store.retract(row, "test")
        before, after = store.vacuum()
        assert before > 0
        assert after > 0
        assert (store.count(), store.count(superseded=True)) == (1, 2)
        assert store.load(frame({"batch_size": 32})).added == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.duckdb"]
    with BenchmarkStore(path, read_only=True) as store:
        assert store.problems() == []
        assert len(store.coverage()) == 1


def test_vacuum_looks_names_up_in_the_present_catalog(tmp_path: Path) -> None:
    with BenchmarkStore(tmp_path / "a.duckdb") as store:
        store.load(frame({}))
        store._run("update models set catalog = 'old', label = 'old', catalog_name = null")
        store.vacuum()
        assert store.query("select label from models")["label"].tolist() == ["bert-base-uncased"]


def test_vacuum_that_fails_leaves_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.duckdb"
    store = BenchmarkStore(path)
    store.load(frame({}))
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StoreError, match=r"cannot compact .*disk full"):
        store.vacuum()
    monkeypatch.undo()
    store.close()
    with BenchmarkStore(path) as again:
        assert again.count() == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.duckdb"]


def test_export_as_csv_loads_back(tmp_path: Path, store: BenchmarkStore) -> None:
    store.load(frame({"note": 'a "note",\nof two lines', "p90": 3.5}, {"batch_size": None}))
    target = store.export(tmp_path / "all.csv")
    with BenchmarkStore() as other:
        assert other.load(target).added == 2
        columns = ["row_id", "note", "extra"]
        pd.testing.assert_frame_equal(other.measurements(columns=columns), store.measurements(columns=columns))


# --- folders and object storage ---------------------------------------------------------------------------------------


def test_an_exported_folder_is_a_store_that_is_read_lazily(tmp_path: Path, store: BenchmarkStore) -> None:
    store.load(frame({}, {"batch_size": 16, "throughput": 800.0}, {"batch_size": 32, "throughput": 100.0}))
    (*_, last) = store.measurements(columns=["row_id"])["row_id"]
    store.retract(last, "the fan had stopped")
    folder = store.export(tmp_path / "exported")
    with open_store(folder) as lazily:
        assert isinstance(lazily, FolderStore)
        assert lazily.count() == 2
        assert lazily.count("batch_size >= ?", [16]) == 1
        pd.testing.assert_frame_equal(
            lazily.measurements().sort_values("batch_size", ignore_index=True), store.measurements()
        )
        assert lazily.coverage()["rows"].tolist() == [2]
        assert lazily.flagged()["screen"].tolist() == store.flagged()["screen"].tolist()
        assert lazily.problems() == []
    with BenchmarkStore() as other:
        assert other.load(folder / "measurements" / "measurements.parquet").added == 2


def test_parquet_files_as_they_lie_are_cleaned_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    frame({"hardware": "CUDA"}, {"batch_size": -4}).to_parquet(tmp_path / "2026" / "a.parquet")
    frame({"latency_ms": None})[["model", "hardware", "throughput"]].to_parquet(tmp_path / "b.parquet")
    for path in (tmp_path, tmp_path / "**" / "*.parquet"):
        with open_store(path) as lazily:
            assert lazily.count() == 2
            assert lazily.measurements()["hardware"].tolist() == ["cuda", "cuda"]
            assert lazily.rejects()[["reason", "rows"]].values.tolist() == [["batch_size is not positive", 1]]
            assert lazily.problems() == ["1 rows are left out: batch_size is not positive"]
    assert len(read_measurements(tmp_path / "b.parquet")) == 1


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    frame({}, {"batch_size": 16}).to_parquet(tmp_path / "a.parquet")
    with FolderStore(tmp_path) as lazily:
        plan = lazily._run("explain select model from measurements where hardware = 'cuda'")[0][1]
        scanned = plan[plan.index("READ_PARQUET") :] if "READ_PARQUET" in plan else plan[plan.index("PARQUET") :]
        assert "model" in scanned
        assert "runtime_version" not in plan
        assert "sha256" not in plan


def test_stores_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for path, message in (
        (tmp_path, "has no Parquet files: import what is in it with"),
        (tmp_path / "missing", "no measurements at"),
        (tmp_path / "*.parquet", "cannot read .*[Nn]o files found"),
        ("nosuchprotocol://bucket/x.parquet", "DuckDB has no file system for nosuchprotocol://"),
    ):
        with pytest.raises(StoreError, match=message) as caught:
            open_store(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "table.json", "notes.txt"])
def test_a_file_that_is_no_database_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    """DuckDB opens tables as if they were databases, and what is then written is nowhere."""
    path = tmp_path / name
    duckdb.sql(f"copy (select 1 as a) to '{path}' (format {'parquet' if name.endswith('parquet') else 'csv'})")
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=f"{name} is not a DuckDB database"):
            BenchmarkStore(path, read_only)
    assert path.read_bytes() == before


def test_the_store_is_found_by_argument_environment_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HWPREDICT_DATABASE", raising=False)
    assert default_path() == Path("hwpredict.duckdb")
    monkeypatch.setenv("HWPREDICT_DATABASE", "/data/lab.duckdb")
    assert default_path() == Path("/data/lab.duckdb")
    assert default_path("mine.duckdb") == Path("mine.duckdb")


def test_checks_are_all_made(store: BenchmarkStore) -> None:
    store.load(frame({}))
    for sql, _ in maintenance._CHECKS:
        assert store._run(sql) == [(0,)]
