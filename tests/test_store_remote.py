"""Stores elsewhere: files that DuckDB's httpfs or fsspec reads where they lie."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from hwpredict.cli import main
from hwpredict.errors import StoreError
from hwpredict.store import BenchmarkStore, open_store, remote

ROW = {
    "source": "lab",
    "model": "bert-base-uncased",
    "hardware": "cuda",
    "device": "Tesla T4",
    "precision": "fp16",
    "batch_size": 8,
    "latency_ms": 20.0,
}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in rows])


def test_a_store_on_object_storage_is_read_in_place(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    frame({}, {"batch_size": 16}).to_parquet(tmp_path / "a.parquet")
    memory.pipe_file("/bucket/runs/a.parquet", (tmp_path / "a.parquet").read_bytes())
    try:
        for path in ("memory://bucket/runs/*.parquet", "memory://bucket/runs/a.parquet"):
            with open_store(path) as lazily:
                assert lazily.count() == 2
                assert lazily.coverage()["models"].tolist() == [1]
        with pytest.raises(StoreError, match="cannot be written to: import it"):
            open_store("memory://bucket/runs/a.parquet", read_only=False)
    finally:
        memory.rm("/bucket", recursive=True)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """URL of a folder that an HTTP server with ranges serves, and the ranges that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            file = tmp_path / self.path.lstrip("/")
            if not file.is_file():
                self.send_error(404)
                return
            content = file.read_bytes()
            first, last = 0, len(content) - 1
            if given := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
                first, last = int(given[1]), min(int(given[2] or last), last)
                asked.append(given[0])
            self.send_response(206 if given else 200)
            if given:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[first : last + 1])

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize("reader", ["httpfs", "fsspec"])
def test_files_of_a_web_server_are_read_in_place(
    reader: str, tmp_path: Path, served: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "httpfs":
        with duckdb.connect() as connection:
            try:
                connection.execute("load httpfs")
            except duckdb.Error:
                pytest.skip("DuckDB's extension httpfs is not installed")
    else:
        pytest.importorskip("aiohttp", reason="fsspec has no http without aiohttp")
        monkeypatch.setattr(remote, "_load_httpfs", lambda connection: "no httpfs")
    table = frame({}, {"batch_size": 16})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    url, asked = served
    for name in ("a.parquet", "a.csv"):
        with open_store(f"{url}/{name}") as lazily:
            assert lazily.count() == 2
            assert sorted(lazily.measurements()["batch_size"]) == [8, 16]
    assert asked  # parts of the file, not the whole
    for name, message in (("missing.parquet", "cannot read"), ("runs/*.parquet", "cannot read"), ("runs", "runs")):
        with pytest.raises(StoreError, match=message) as caught:
            open_store(f"{url}/{name}")
        assert "allow_asterisks" not in str(caught.value)


@pytest.mark.parametrize("by_environment", [False, True])
def test_commands_take_urls(
    by_environment: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    frame({}, {"batch_size": 16}).to_parquet(tmp_path / "a.parquet")
    url = "memory://bucket/a.parquet"
    memory.pipe_file("/bucket/a.parquet", (tmp_path / "a.parquet").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HWPREDICT_DATABASE", url if by_environment else "nowhere.duckdb")
    option = [] if by_environment else ["--database", url]

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as done:
            main([*arguments, *option])
        return int(done.value.code or 0), "".join(capsys.readouterr())

    try:
        code, said = run("db", "stats", "--format", "json")
        assert code == 0
        assert json.loads(said)["current_measurements"] == 2
        assert run("db", "check")[0] == 0
        assert run("db", "export", "b.parquet")[0] == 0
        assert len(pd.read_parquet("b.parquet")) == 2
        code, said = run("import", "b.parquet")
        assert code != 0
        assert f"{url} is read as it lies and cannot be written to" in said
        code, said = run("evaluate", "--no-keep", "--all")
        assert "no measurement has come in" in said
    finally:
        memory.rm("/bucket", recursive=True)


def test_an_exported_store_on_object_storage_is_read_as_one(tmp_path: Path) -> None:
    """Its other tables are not taken for measurements, and what was withdrawn stays so."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    frame({}, {"batch_size": 16}).to_parquet(tmp_path / "a.parquet")
    with BenchmarkStore(tmp_path / "s.duckdb") as store:
        store.import_file(tmp_path / "a.parquet")
        store.retract(
            str(store.query("select row_id from measurements limit 1")["row_id"][0]), reason="the fan had stopped"
        )
        store.export(tmp_path / "out")
    memory.put(str(tmp_path / "out"), "/bucket/out", recursive=True)
    try:
        with open_store("memory://bucket/out") as lazily:
            assert lazily.stats()["rejects"] == 0
            assert lazily.count() == 1
    finally:
        memory.rm("/bucket", recursive=True)


def test_a_web_server_has_no_folders() -> None:
    said = "Globs are not supported.; Consider `SET allow_asterisks_in_http_paths = true;`"
    assert remote.hint("https://x.org/runs", said).startswith("https has no listing of files: name one that ends in")
    assert remote.hint("https://x.org/a.parquet", "404") == "404"


def test_a_listing_that_fails_is_not_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    frame({}).to_parquet(tmp_path / "a.parquet")
    memory.pipe_file("/bucket/runs/a.parquet", (tmp_path / "a.parquet").read_bytes())

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("the bucket does not answer")

    try:
        monkeypatch.setattr(type(memory), "glob", unreachable)
        with pytest.raises(StoreError, match="cannot list"):
            open_store("memory://bucket/runs")
    finally:
        memory.rm("/bucket", recursive=True)
