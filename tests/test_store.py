"""The measurement store: what goes in comes out, once, whole, and with a reason when it does not."""

from __future__ import annotations

import gzip
import itertools
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.errors import InvalidWorkloadError, StoreError, UnknownNameError
from hwpredict.store import BenchmarkStore, LoadReport, loading, schema
from hwpredict.workload import PRECISIONS, Family, Item, Mode, Platform

ROW = {"model": "bert-base-uncased", "hardware": "cuda", "device": "Tesla T4", "batch_size": 8, "latency_ms": 21.25}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **row} for row in rows])


@pytest.fixture(scope="module")
def load_one() -> Iterator[Callable[[dict[str, object]], tuple[LoadReport, pd.DataFrame, pd.DataFrame]]]:
    """Load a row of its own into a store that the cases share; returns what became of it."""
    serial = itertools.count()
    with BenchmarkStore() as shared:

        def load(row: dict[str, object]) -> tuple[LoadReport, pd.DataFrame, pd.DataFrame]:
            note = f"case {next(serial)}"
            report = shared.load(frame({"note": note, **row}))
            rejects = shared.rejects()
            return report, shared.measurements("note = ?", params=[note]), rejects[rejects["given"].str.contains(note)]

        yield load


@pytest.fixture
def store() -> Iterator[BenchmarkStore]:
    with BenchmarkStore() as opened:
        yield opened


# --- the schema -------------------------------------------------------------------------------------------------------


def test_schema_has_the_columns_of_the_design_and_knows_their_units() -> None:
    names = (
        "table source source_path measured model model_family parameters gmacs activations_m input_size "
        "sequence_length hardware device n_devices precision layout runtime runtime_version mode batch_size "
        "throughput latency_ms memory_mb item note"
    )
    assert " ".join(schema.COLUMN_NAMES) == names
    assert all(column.unit for column in schema.COLUMNS if column.is_number)
    assert all(column.meaning.endswith(".") for column in schema.COLUMNS)


def test_vocabularies_are_those_of_the_workload_module() -> None:
    words = {column.name: set(column.words) for column in schema.COLUMNS if column.words}
    vocabularies = {"hardware": Platform, "mode": Mode, "item": Item, "model_family": Family, "precision": PRECISIONS}
    assert words == {name: set(map(str, values)) for name, values in vocabularies.items()}
    for column in schema.COLUMNS:
        assert set(map(str, column.aliases.values())) <= set(column.words)


def test_documentation_lists_every_column() -> None:
    lines = schema.markdown().splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == list(schema.COLUMN_NAMES)
    assert "| `latency_ms` | number | ms | one of three |" in schema.markdown()


def test_database_explains_its_own_columns(tmp_path: Path) -> None:
    with BenchmarkStore(tmp_path / "a.duckdb"):
        pass
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as connection:
        comments = dict(
            connection.execute(
                "select column_name, comment from duckdb_columns() where table_name = 'measurements'"
            ).fetchall()
        )
    assert comments["memory_mb"] == "Peak memory on one device. [Mbyte]"


# --- round trip -------------------------------------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"), max_size=12)
number = st.floats(min_value=1e-300, max_value=1e300, allow_nan=False)
whole = st.integers(min_value=1, max_value=2**53 - 1)


def value_of(column: schema.Column) -> st.SearchStrategy[object]:
    if column.words:
        return st.sampled_from(column.words)
    return {"VARCHAR": text, "DOUBLE": number, "BIGINT": whole}[column.sql_type]


def rows_of_measurements() -> st.SearchStrategy[list[dict[str, object]]]:
    optional = {c.name: value_of(c) for c in schema.COLUMNS if c.name not in ("model", "hardware", "latency_ms")}
    required = {
        "model": text.filter(lambda value: value.strip(" \t\r\n") != ""),
        "hardware": st.sampled_from(list(map(str, Platform))),
        "latency_ms": number,
    }
    return st.lists(st.fixed_dictionaries(required, optional=optional), min_size=1, max_size=20)


def as_text(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows.itertuples(index=False)]


@settings(max_examples=5)  # each opens two databases and holds many rows
@given(rows=rows_of_measurements())
def test_round_trip_through_frame_parquet_and_csv(rows: list[dict[str, object]], tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("round-trip")
    given_rows = pd.DataFrame(rows)
    expected = {
        tuple(None if row.get(name) is None else row[name] for name in schema.COLUMN_NAMES)
        for row in (
            {k: (v.strip(" \t\r\n") or None) if isinstance(v, str) else float(v) for k, v in row.items()}  # type: ignore[arg-type]
            for row in rows
        )
    }
    with BenchmarkStore() as store:
        report = store.load(given_rows)
        assert (report.read, report.rejected) == (len(rows), 0)
        assert report.added == store.count() == len(expected)
        assert report.added + report.duplicates == report.read
        measured = store.measurements()
        assert list(measured.columns) == list(schema.COLUMN_NAMES)
        assert set(as_text(measured)) == expected

        again = store.load(given_rows)
        assert (again.added, again.known, again.duplicates) == (0, report.added, report.duplicates)

        exported = store.to_parquet(folder / "all.parquet")
        again = store.load(exported)
        assert (again.added, again.known, again.rejected) == (0, report.added, 0)
    with BenchmarkStore() as other:
        assert other.load(exported).added == report.added
        pd.testing.assert_frame_equal(other.measurements(), measured)


def test_csv_and_frame_and_parquet_of_the_same_rows_are_the_same_rows(tmp_path: Path, store: BenchmarkStore) -> None:
    rows = frame({"note": 'a "quoted", text\nof two lines', "throughput": 376.47058823529414}, {"batch_size": None})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    rows.to_csv(tmp_path / "rows.tsv", index=False, sep="\t")
    rows.to_csv(tmp_path / "rows.csv.gz", index=False)
    rows.to_csv(tmp_path / "semicolons", index=False, sep=";")
    rows.to_parquet(tmp_path / "rows.parquet")
    assert store.load(rows).added == 2
    for path in sorted(tmp_path.iterdir()):
        assert (store.load(path).added, store.count()) == (0, 2), path


def test_numbers_come_back_as_float64_and_text_as_text_even_when_all_are_missing(store: BenchmarkStore) -> None:
    store.load(frame({}))
    measured = store.measurements()
    for column in schema.COLUMNS:
        if column.is_number:
            assert measured[column.name].dtype == np.float64
        else:
            assert pd.api.types.is_string_dtype(measured[column.name]) or measured[column.name].isna().all()
    pd.testing.assert_frame_equal(store.measurements(where="false"), measured.iloc[:0])


def test_address_of_a_row_does_not_depend_on_version_or_column_order(store: BenchmarkStore) -> None:
    rows = frame({"throughput": 1e22, "note": "é"})
    store.load(rows[sorted(rows.columns)])
    # a change of this value makes every row of every store a new row when it is imported again
    assert store.measurements(columns=["row_id"])["row_id"].tolist() == ["930910d9-00c5-ae85-f72f-84a2debbca87"]


def test_rows_keep_their_order_and_repetitions_are_counted(store: BenchmarkStore) -> None:
    rows = frame({"note": "b"}, {"note": "a"}, {"note": "b"}, {"note": "c"}, {"note": "b"})
    report = store.load(rows)
    assert (report.read, report.added, report.duplicates) == (5, 3, 2)
    assert str(report) == "data frame: 5 rows read, 3 added, 2 repeated"
    kept = store.measurements(columns=["note", "replicates"])
    assert as_text(kept) == [("b", 3.0), ("a", 1.0), ("c", 1.0)]
    store.load(rows.iloc[:3])  # fewer repetitions say nothing new
    assert store.measurements(columns=["replicates"])["replicates"].tolist() == [3.0, 1.0, 1.0]


def test_replicates_and_extra_columns_survive_an_export(tmp_path: Path, store: BenchmarkStore) -> None:
    rows = frame({"p90": 3.5, "host": "x"}, {"p90": 3.5, "host": "x"}, {"p90": None, "host": "y"}, {})
    report = store.load(rows)
    assert report.unknown_columns == ("p90", "host")
    assert "columns kept as extra: p90, host" in str(report)
    extra = store.measurements(columns=["extra"])["extra"].tolist()
    assert extra[:2] == ['{"host":"x","p90":"3.5"}', '{"host":"y"}']
    assert pd.isna(extra[2])
    with BenchmarkStore() as other:
        report = other.load(store.to_parquet(tmp_path / "all.parquet"))
        assert (report.added, report.unknown_columns) == (3, ())
        wanted = [*schema.COLUMN_NAMES, "row_id", "replicates", "extra"]
        pd.testing.assert_frame_equal(other.measurements(columns=wanted), store.measurements(columns=wanted))


# --- cleaning and rejecting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_row", "column", "expected"),
    [
        ({"hardware": " CUDA "}, "hardware", "cuda"),
        ({"hardware": "Metal"}, "hardware", "mps"),
        ({"precision": "float16"}, "precision", "fp16"),
        ({"precision": "FP32"}, "precision", "fp32"),
        ({"mode": "Train"}, "mode", "training"),
        ({"model_family": "text-generation"}, "model_family", "text_generation"),
        ({"item": "audio_second"}, "item", "second_audio"),
        ({"device": "  Tesla T4\t"}, "device", "Tesla T4"),
        ({"batch_size": "16"}, "batch_size", 16.0),
        ({"throughput": "n/a"}, "throughput", None),
        ({"throughput": float("nan")}, "throughput", None),
    ],
)
def test_values_are_normalised(load_one, given_row: dict[str, object], column: str, expected: object) -> None:
    report, measured, _ = load_one(given_row)
    assert report.added == 1
    assert as_text(measured[[column]]) == [(expected,)]


@pytest.mark.parametrize(
    ("given_row", "reason"),
    [
        ({"model": None}, "no model"),
        ({"model": "  "}, "no model"),
        ({"hardware": None}, "no hardware"),
        ({"hardware": "abacus"}, "unknown hardware 'abacus'"),
        ({"mode": "dreaming"}, "unknown mode 'dreaming'"),
        ({"precision": "q4_k_m"}, "unknown precision 'q4_k_m'"),
        ({"item": "it's"}, "unknown item 'it's'"),
        ({"latency_ms": None}, "none of throughput, latency_ms, memory_mb"),
        ({"latency_ms": float("nan")}, "none of throughput, latency_ms, memory_mb"),
        ({"latency_ms": -1}, "latency_ms is not positive"),
        ({"latency_ms": 0}, "latency_ms is not positive"),
        ({"latency_ms": float("inf")}, "latency_ms is not finite"),
        ({"batch_size": -4}, "batch_size is not positive"),
        ({"batch_size": 2.5}, "batch_size is not a whole number"),
        ({"batch_size": 1e300}, "batch_size is not a whole number"),
        ({"batch_size": "eight"}, "batch_size is not a number"),
        ({"n_devices": True}, "n_devices is not a number"),
        ({"batch_size": "1,024"}, "batch_size is not a number"),
        ({"latency_ms": "fast"}, "latency_ms is not a number; none of throughput, latency_ms, memory_mb"),
    ],
)
def test_rows_that_make_no_sense_are_rejected_with_the_reason(
    load_one, given_row: dict[str, object], reason: str
) -> None:
    report, measured, rejects = load_one(given_row)
    assert (report.added, report.rejected, len(measured)) == (0, 1, 0)
    assert report.reasons == {reason: 1}
    assert rejects["reason"].tolist() == [reason]
    assert '"device":"Tesla T4"' in rejects["given"].item()


def test_rejects_say_which_row_and_are_kept_once(tmp_path: Path, store: BenchmarkStore) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hardware,latency_ms\na,cpu,1\nb,gpu,1\nc,cpu,2\nb,gpu,1\nd,cpu,\n", encoding="utf-8")
    for _ in range(2):
        report = store.load(path)
        assert (report.read, report.rejected) == (5, 3)
        assert report.reasons == {"unknown hardware 'gpu'": 2, "none of throughput, latency_ms, memory_mb": 1}
        rejects = store.rejects()
        assert as_text(rejects[["row_number", "replicates"]]) == [(2, 2), (5, 1)]
        assert rejects["origin"].unique().tolist() == [str(path)]
    assert "3 rejected: unknown hardware 'gpu' (2), none of" in str(report)


odd_value = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3), st.booleans())
odd_row = st.fixed_dictionaries(dict.fromkeys(schema.COLUMN_NAMES, odd_value))


@settings(max_examples=8)
@given(rows=st.lists(odd_row, min_size=1, max_size=20))
def test_any_row_is_either_kept_or_rejected(rows: list[dict[str, object]]) -> None:
    with BenchmarkStore() as store:
        report = store.load(pd.DataFrame(rows, dtype=object))
        assert report.read == len(rows) == report.added + report.duplicates + report.rejected
        numbers = store.measurements(columns=[c.name for c in schema.COLUMNS if c.is_number])
        assert not (numbers <= 0).any(axis=None)
        assert not np.isinf(numbers).any(axis=None)


# --- files and frames that cannot be read -----------------------------------------------------------------------------


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.parquet", b"PAR1" + bytes(100) + b"PAR1", "cannot read .*bad.parquet: "),
        ("short.csv", "model,hardware,latency_ms\na,cpu,1\nb,cpu\n", "Line: 3.*Expected Number of Columns: 3 Found: 2"),
        ("long.csv", "model,hardware,latency_ms\na,cpu,1,2\n", "Line: 2.*Expected Number of Columns: 3 Found: 4"),
        ("open.csv", 'model,hardware,latency_ms\na,cpu,"1\n', "unterminated quote"),
        ("latin.csv", b"model,hardware,latency_ms\n\xff,cpu,1\n", "neither Parquet nor text in UTF-8"),
        ("later.csv", b"model,hardware,latency_ms\n" + b"a,cpu,1\n" * 9000 + b"\xff,cpu,1\n", "not utf-8"),
        ("noise.bin", bytes(range(256)) * 10, "neither Parquet nor text in UTF-8"),
        ("cut.csv.gz", gzip.compress(b"model,hardware,latency_ms\n" + b"a,cpu,1\n" * 9000)[:-30], "nexpected end"),
        ("plain.csv.gz", "model,hardware,latency_ms\na,cpu,1\n", "Not a gzipped file"),
        ("empty.csv", "", "first line"),
    ],
)
def test_damaged_files_are_refused_in_one_line(
    name: str, content: str | bytes, message: str, tmp_path: Path, store: BenchmarkStore
) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        store.load(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert store.load(frame({})).added == 1  # the store is still usable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("modle,hardware,latency_ms\na,cpu,1\n", "no column 'model' .nearest: 'modle'."),
        ("model,platform,latency_ms\na,cpu,1\n", "no column 'hardware'"),
        ("model,hardware,latency\na,cpu,1\n", "none of the columns 'throughput', 'latency_ms', 'memory_mb'"),
        ("model,hardware,latency_ms,Model\na,cpu,1,b\n", "several columns called 'model'"),
        ("model,hardware,latency_ms\n", "has no rows"),
    ],
)
def test_wrong_columns_are_named(content: str, message: str, tmp_path: Path, store: BenchmarkStore) -> None:
    with pytest.raises(InvalidWorkloadError, match=message):
        store.load(write(tmp_path / "rows.csv", content))


def test_what_is_neither_file_nor_frame_is_refused(tmp_path: Path, store: BenchmarkStore) -> None:
    with pytest.raises(StoreError, match="no such file"):
        store.load(tmp_path / "missing.csv")
    with pytest.raises(StoreError, match="not a file"):
        store.load(tmp_path)
    with pytest.raises(InvalidWorkloadError, match="not list"):
        store.load([1, 2])  # type: ignore[arg-type]
    with pytest.raises(InvalidWorkloadError, match="no rows"):
        store.load(frame({}).iloc[:0])
    with pytest.raises(InvalidWorkloadError, match="several columns called 'model'"):
        store.load(pd.concat([frame({}), frame({})[["model"]]], axis="columns"))


def test_column_names_may_be_in_capitals_and_values_categories(store: BenchmarkStore) -> None:
    rows = frame({}).rename(columns=str.upper).astype({"MODEL": "category", "BATCH_SIZE": "Int32"})
    assert store.load(rows).added == 1
    assert store.load(frame({})).known == 1


# --- queries ----------------------------------------------------------------------------------------------------------


def test_measurements_are_filtered_and_counted(store: BenchmarkStore) -> None:
    store.load(frame({"table": "t", "source": "s"}, {"hardware": "cpu", "device": "O'Neill", "source": "s"}))
    assert store.count() == 2
    assert store.count("hardware = 'cpu'") == store.count("device = ?", ["O'Neill"]) == 1
    assert store.measurements('"table" = ?', ["model", "table"], ["t"]).to_dict("records") == [
        {"model": ROW["model"], "table": "t"}
    ]
    sources = store.sources()
    assert sources["rows"].tolist() == [1, 1]
    assert list(sources.columns[:6]) == ["source", "table", "rows", "models", "devices", "hardware"]
    assert sources["latency_ms"].tolist() == [1, 1]


def test_queries_that_cannot_be_answered(store: BenchmarkStore) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown column 'modle': did you mean .*'model'"):
        store.measurements(columns=["modle"])
    with pytest.raises(InvalidWorkloadError, match="no columns"):
        store.measurements(columns=[])
    for query in (store.measurements, store.count):
        with pytest.raises(StoreError, match=r'cannot query the measurements: .*"modle" not found') as caught:
            query("modle = 'x'")
        assert "\n" not in str(caught.value)
    assert store.count() == 0


# --- the database file ------------------------------------------------------------------------------------------------


def test_a_file_keeps_the_rows_and_can_be_opened_for_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({}))
    with BenchmarkStore(str(path), read_only=True) as store:
        assert store.count() == 1
        with pytest.raises(StoreError, match="reading only"):
            store.load(frame({"note": "new"}))
        store.to_parquet(tmp_path / "copy.parquet")
        with pytest.raises(StoreError, match="already, in the other mode"):
            BenchmarkStore(path)
    with BenchmarkStore(path) as store:
        assert store.load(tmp_path / "copy.parquet").known == 1


def test_a_store_in_use_names_the_process(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    code = """
        import os, sys
        from hwpredict.store import BenchmarkStore
        with BenchmarkStore(sys.argv[1]):
            print(os.getpid(), flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        pid = writer.stdout.readline().strip()
        for read_only in (False, True):
            with pytest.raises(StoreError, match=f"store.duckdb is in use by process {pid}: ") as caught:
                BenchmarkStore(path, read_only, wait=0)
            assert "\n" not in str(caught.value)
        writer.communicate()
    BenchmarkStore(path).close()


def test_an_import_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({}))
        monkeypatch.setattr(loading, "_add_rejects", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.load(frame({"note": "new"}, {"hardware": "abacus"}))
        assert store.count() == 1
        assert store.load(frame({"note": "new"})).added == 1
    with BenchmarkStore(path, read_only=True) as store:
        assert store.count() == 2
        assert len(store.rejects()) == 0


def test_an_import_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    with BenchmarkStore(path) as store:
        store.load(frame({}))
    rows = write(tmp_path / "rows.csv", "model,hardware,latency_ms\na,cpu,1\nb,abacus,1\n")
    code = """
        import os, sys
        from hwpredict.store import BenchmarkStore, loading
        store = BenchmarkStore(sys.argv[1])
        loading._add_rejects = lambda *_: os._exit(9)
        store.load(sys.argv[2])
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path), str(rows)]
    assert subprocess.run(command, check=False).returncode == 9
    with BenchmarkStore(path) as store:
        assert store.count() == 1


def test_what_is_not_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        BenchmarkStore(tmp_path / "missing.duckdb", read_only=True)
    with pytest.raises(StoreError, match="no directory"):
        BenchmarkStore(tmp_path / "missing" / "a.duckdb")
    with pytest.raises(StoreError, match="is a directory"):
        BenchmarkStore(tmp_path)
    with pytest.raises(StoreError, match="in memory"):
        BenchmarkStore(read_only=True)
    with pytest.raises(StoreError, match="not a DuckDB database, or it is damaged"):
        BenchmarkStore(write(tmp_path / "text.duckdb", "not a database " * 1000))
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("create table performance_results (result_id INTEGER)")
    with pytest.raises(StoreError, match="not one of hwpredict's"):
        BenchmarkStore(foreign)


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    BenchmarkStore(path).close()
    for version, message in (("99", "schema version 99.*knows up to 2: upgrade hwpredict"), ("x", "found 'x'")):
        with duckdb.connect(str(path)) as connection:
            connection.execute("update meta set value = ? where key = 'schema_version'", [version])
        with pytest.raises(StoreError, match=message):
            BenchmarkStore(path)


def test_export_replaces_a_file_only_when_complete(tmp_path: Path, store: BenchmarkStore) -> None:
    target = write(tmp_path / "all.parquet", "old")
    with pytest.raises(StoreError, match="no directory"):
        store.to_parquet(tmp_path / "missing" / "all.parquet")
    store.load(frame({}))
    assert store.to_parquet(target) == target
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]
    assert len(pd.read_parquet(target)) == 1


def test_importing_the_store_does_not_import_pandas() -> None:
    code = "import sys, hwpredict.store as s; s.BenchmarkStore(); print({'pandas', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- the real thing ---------------------------------------------------------------------------------------------------


def test_collected_measurements_load_unchanged(shared_measurements: Path, tmp_path: Path) -> None:
    with BenchmarkStore(tmp_path / "store.duckdb") as store:
        report = store.load(shared_measurements)
        assert report.read == report.added + report.duplicates + report.rejected
        assert report.rejected < 1e-3 * report.read, report
        assert not report.unknown_columns
        compared = ["source_path", "model", "device", "precision", "batch_size", "throughput", "memory_mb"]
        measured = store.measurements(columns=compared)
    given_rows = pd.read_parquet(shared_measurements)
    given_rows = given_rows[given_rows["model"].notna()].drop_duplicates()
    for name in compared:
        values = given_rows[name]
        values = values if schema.BY_NAME[name].is_number else values.str.strip()
        pd.testing.assert_series_equal(measured[name], values.reset_index(drop=True))
