"""A file of unknown format, read as far as each look at it needs."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hwpredict.errors import StoreError
from hwpredict.store.importers.markdown import tables

#: A text larger than this is read by DuckDB alone, as a table.
LARGEST_TEXT = 2**30
_DELIMITERS = ",\t;|"


@dataclass(frozen=True)
class Document:
    """A file and the ways in which it can be looked at; each is computed when it is first asked for."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the file, without the folder."""
        return self.path.name

    @cached_property
    def head(self) -> bytes:
        """First bytes."""
        try:
            with self.path.open("rb") as file:
                return file.read(4096)
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error.strerror}") from error

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.head[:4] == b"PAR1"

    @property
    def is_duckdb(self) -> bool:
        """Whether it is a DuckDB database."""
        return self.head[8:12] == b"DUCK"

    @cached_property
    def text(self) -> str | None:
        """The whole text; None for what is no text in UTF-8."""
        if self.is_parquet or self.is_duckdb or self.path.stat().st_size > LARGEST_TEXT:
            return None
        try:
            content = self.path.read_bytes()
            if content[:2] == b"\x1f\x8b":
                content = gzip.decompress(content)
            return content.decode("utf-8-sig")
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {error}") from error
        except (UnicodeDecodeError, EOFError, zlib.error):
            return None

    @cached_property
    def lines(self) -> list[str]:
        """Lines of the text."""
        return (self.text or "").splitlines()

    @cached_property
    def _json(self) -> tuple[Any, str]:
        """Parsed JSON (of lines of JSON, a list) and what is wrong with it."""
        text = self.text
        if text is None or text.lstrip()[:1] not in ("{", "["):
            return None, ""
        try:
            return json.loads(text), ""
        except json.JSONDecodeError as error:
            problem = f"line {error.lineno}, column {error.colno}: {error.msg}"
        values = []
        for line in self.lines:
            if line.strip():
                try:
                    values.append(json.loads(line))
                except json.JSONDecodeError:
                    return None, problem
        return (values, "") if len(values) > 1 else (None, problem)

    @property
    def json(self) -> Any:
        """Parsed JSON; of several JSON values on lines of their own, a list; None for anything else."""
        return self._json[0]

    @property
    def json_problem(self) -> str:
        """Where JSON is broken and how, empty when it is not."""
        return self._json[1]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The objects of a JSON list; of one object, that object; empty for anything else."""
        if isinstance(self.json, dict):
            return [self.json]
        if isinstance(self.json, list) and self.json and all(isinstance(value, dict) for value in self.json):
            return self.json
        return []

    @cached_property
    def yaml(self) -> Any:
        """Parsed YAML of a file that says by its name that it is; None for anything else."""
        if self.path.suffix.lower() not in (".yaml", ".yml") or self.text is None:
            return None
        import yaml

        try:
            return yaml.load(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise StoreError(f"{self.path} is not valid YAML: {' '.join(str(error).split())[:200]}") from error

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Column names of a table of text; empty for anything else."""
        first = next(iter(self._first_lines()), "")
        if first.lstrip()[:1] in ("{", "["):
            return ()
        names = [name.strip() for name in next(csv.reader([first], delimiter=self._delimiter(first)), [])]
        return tuple(names) if len(names) > 1 else ()

    def _first_lines(self) -> list[str]:
        if self.text is not None:
            return self.text[:65536].splitlines()
        try:
            return self.head.decode("utf-8-sig", errors="strict").splitlines()
        except UnicodeDecodeError:
            return []

    @staticmethod
    def _delimiter(line: str) -> str:
        return max(_DELIMITERS, key=line.count)

    def table(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows of a table of text with where they stand ("line 17"); short rows lack their last columns."""
        delimiter = self._delimiter(next(iter(self._first_lines()), ""))
        reader = csv.reader(self.lines, delimiter=delimiter)
        next(reader, None)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = {name: cell.strip() for name, cell in zip(self.header, cells, strict=False)}
                yield f"line {reader.line_num}", row

    def provenance(self) -> dict[str, Any]:
        """Hash and size of the file, to tell later what was imported."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
        return {"sha256": digest.hexdigest(), "bytes": self.path.stat().st_size}

    def looks(self) -> str:
        """What the file looks like, for a message that nothing knows it."""
        if self.json_problem:
            return f"it begins like JSON, but is broken at {self.json_problem}"
        if isinstance(self.json, dict):
            return f"it is JSON with the keys {_some(self.json)}"
        if self.json is not None:
            return f"it is a JSON list, whose entries have the keys {_some(self.records[0] if self.records else ())}"
        if self.is_duckdb:
            return "it is a DuckDB database of someone else"
        if self.is_parquet:
            return "it is a Parquet file without the columns of a measurement"
        if self.text is None:
            return "it is neither Parquet nor text in UTF-8"
        if self.path.suffix.lower() in (".yaml", ".yml"):
            return f"it is YAML with the keys {_some(self.yaml if isinstance(self.yaml, dict) else ())}"
        if len(self.header) > 1 and self.path.suffix.lower() in (".csv", ".tsv", ".gz"):
            return f"it has the columns {_some(name or '(unnamed)' for name in self.header)}"
        if found := list(tables(self.lines)):
            columns = "; ".join(f"line {table.line}: {_some(table.names)}" for table in found[:3])
            more = "; …" if len(found) > 3 else ""
            return f"no Markdown table in it is of a known format ({columns}{more})"
        number, first = next(((n, s.strip()) for n, s in enumerate(self.lines, 1) if s.strip()), (1, ""))
        return f"line {number} is {first[:60]!r}" if first else "it is empty"


def _some(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "") if shown else "(none)"
