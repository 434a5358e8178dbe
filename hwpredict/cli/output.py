"""Tables, JSON and CSV on stdout; everything else goes to stderr."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hwpredict.errors import InvalidWorkloadError, unknown

FORMATS = ("table", "json", "csv")


def check_format(name: str) -> str:
    """``name`` if it is an output format.

    Raises
    ------
    UnknownNameError
    """
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return name


def figure(value: float) -> str:
    """Three significant digits, with thousands separators."""
    if math.isnan(value):
        return "–"
    if value >= 1000:
        digits = max(int(math.log10(value)) - 2, 0)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A probability or share in per cent."""
    return "–" if math.isnan(value) else f"{value:.0%}"


def span(median: float, low: float, high: float) -> str:
    """A median with its interval."""
    return f"{figure(median)} [{figure(low)}, {figure(high)}]"


def workload(query: Mapping[str, Any]) -> str:
    """What was asked, in a line."""
    length = f", {query['sequence_length']} tokens" if query["sequence_length"] else ""
    return f"{query['model_name']}, {query['precision']}, batch {query['batch_size']}{length}, {query['mode']}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
    for i, name in enumerate(columns):
        out.add_column(name, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        out.add_row(*map(Text, row))  # as it is: "hwpredict[onnx]" is no markup
    console = Console()
    if console.is_terminal:
        console.print(out)
        return
    console = Console(width=160)
    with console.capture() as captured:
        console.print(out)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def record(format: str, title: str, values: Mapping[str, Any]) -> None:
    """Print one row of values in the format that was asked for."""
    if format == "json":
        dump_json(values)
    elif format == "csv":
        dump_csv([values])
    else:
        table(title, list(values), [[str(v) for v in values.values()]])


def dump_json(value: Any) -> None:
    """One JSON object; NaN becomes null."""
    print(json.dumps(_plain(value), indent=2))


def dump_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with the keys of all as header, in the order of their first use; NaN, or no such key, is an empty field."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(sys.stdout, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(list(rows)))


def write_parquet(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Rows as a Parquet file."""
    import pandas as pd

    pd.DataFrame(rows).to_parquet(path, index=False)


def whole_numbers(option: str, values: Sequence[str]) -> list[int]:
    """Positive whole numbers of an option.

    Raises
    ------
    InvalidWorkloadError
    """
    for value in values:
        if not value.isdecimal() or int(value) < 1:
            raise InvalidWorkloadError(f"{option} is {value!r}: give positive whole numbers, e.g. 1,8,32")
    return [int(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
