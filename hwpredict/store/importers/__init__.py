"""Importers of outside formats, one file each, chosen by the content of a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hwpredict.errors import StoreError
from hwpredict.store.importers import (
    guide_duckdb,
    guide_matrix,
    guide_results,
    guide_table,
    guidellm,
    llama_bench,
    mlperf,
    mlx,
    onnxruntime_perf,
    openvino,
    optimum_benchmark,
    own,
    pytest_benchmark,
    qai_hub,
    timm,
    vllm,
    whisper_cpp,
)
from hwpredict.store.importers.base import Format, Parsed, Reading
from hwpredict.store.importers.document import Document

__all__ = ["FORMATS", "Parsed", "detect", "files", "read"]

#: In the order in which they are tried. Tables of timm and of the guide have the columns of the schema too, or nearly.
FORMATS: tuple[Format, ...] = (
    timm.FORMAT,
    guide_table.FORMAT,
    own.FORMAT,
    optimum_benchmark.FORMAT,
    llama_bench.FORMAT,
    mlperf.FORMAT,
    openvino.FORMAT,
    onnxruntime_perf.FORMAT,
    vllm.FORMAT,
    guidellm.FORMAT,
    pytest_benchmark.FORMAT,
    qai_hub.FORMAT,
    whisper_cpp.FORMAT,
    mlx.FORMAT,
    guide_results.FORMAT,
    guide_duckdb.FORMAT,
    guide_matrix.FORMAT,
)

#: Files of a folder that are passed over: they hold no results whatever is in them.
_PASSED_OVER = (".wal", ".tmp", ".lock", ".pyc", ".py", ".png", ".svg", ".html", ".nc")


def detect(path: str | os.PathLike[str]) -> tuple[Document, Format]:
    """Recognise the format of a file by its content.

    Parameters
    ----------
    path : path

    Returns
    -------
    tuple of (Document, Format)

    Raises
    ------
    StoreError
        There is no such file, or it is of no known format; the message says what it looks like.
    """
    file = Path(path).expanduser()
    if not file.exists():
        raise StoreError(f"no such file: {file}")
    if not file.is_file():
        raise StoreError(f"{file} is not a file; give a file, or a folder to `hwpredict import`")
    document = Document(file)
    for candidate in FORMATS:
        if candidate.sniff(document):
            return document, candidate
    raise StoreError(
        f"{file} is of no known format: {document.looks()}; rename its columns to those of the schema, or see "
        "docs/importers.md for the formats that are known"
    )


def read(path: str | os.PathLike[str], assumed: Mapping[str, str] | None = None) -> Parsed:
    """Read a file of any known format.

    Parameters
    ----------
    path : path
    assumed : mapping of str to str, optional
        Values of columns of the schema where the file does not say them.

    Returns
    -------
    Parsed

    Raises
    ------
    StoreError
        The file is of no known format, or does not say what a measurement needs.
    """
    document, chosen = detect(path)
    reading = Reading(document, chosen, dict(assumed or {}))
    try:
        chosen.read(document, reading)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:  # a shape that no release had
        reason = f"{type(error).__name__}: {error}"
        raise StoreError(f"{document.path} ({chosen.title}) is not formed as expected: {reason}") from error
    if reading.table is None and not (reading.rows or reading.refused or reading.predictions):
        reading.refuse("it holds no results")
    return Parsed(
        importer=chosen.name,
        assumed=reading.assumed,
        rows=reading.rows,
        predictions=reading.predictions,
        refused=tuple(reading.refused),
        conversions=dict(reading.conversions),
        notes=tuple(dict.fromkeys(reading.notes)),
        provenance=document.provenance(),
        table=reading.table,
    )


def files(paths: list[Path]) -> list[tuple[Path, bool]]:
    """Files to import and whether each was named: a folder stands for all files in it and below.

    Raises
    ------
    StoreError
        There is nothing at a path.
    """
    found: list[tuple[Path, bool]] = []
    for path in (p.expanduser() for p in paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            found += [(p, False) for p in inside if p.suffix.lower() not in _PASSED_OVER]
        elif path.exists():
            found.append((path, True))
        else:
            raise StoreError(f"no such file or folder: {path}")
    return list({path: (path, named) for path, named in found}.values())
