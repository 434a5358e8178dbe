"""From a table as it was given to rows that can be stored: which column is which, and the SQL that reads them."""

from __future__ import annotations

from collections.abc import Mapping

from hwpredict.errors import InvalidWorkloadError, nearest
from hwpredict.store import schema
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, EXTRA, METRICS, REPLICATES, identifier
from hwpredict.store.tabular import Scan

#: Name of the row number in :func:`numbered`; no file has such a column.
ROW_NUMBER = "hwpredict row number"


def match_columns(scan: Scan) -> dict[str, str]:
    """Schema column (also ``extra``, ``replicates``) to the file's column; an error when one is missing."""
    by_fold = {name.strip().casefold(): name for name in scan.types}
    columns = {name: by_fold[name] for name in (*COLUMN_NAMES, EXTRA, REPLICATES) if name in by_fold}
    for name in schema.REQUIRED:
        if name not in columns:
            raise InvalidWorkloadError(f"{scan.origin} has no column {name!r}{_hint(name, scan)}")
    if not any(name in columns for name in METRICS):
        raise InvalidWorkloadError(
            f"{scan.origin} has none of the columns {', '.join(map(repr, METRICS))}{_hint(METRICS[0], scan)}"
        )
    return columns


def _hint(name: str, scan: Scan) -> str:
    close = nearest(name, scan.types, count=1)
    names = list(scan.types)
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f" (nearest: {close[0]!r})" if close else f" (it has: {shown})"


def unknown_columns(scan: Scan, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Columns of the file that the schema does not have."""
    used = set(columns.values())
    return tuple(name for name in scan.types if name not in used)


def numbered(scan: Scan) -> str:
    """SQL relation of the table with its rows numbered from 1 in their order."""
    return f"(select row_number() over () as {identifier(ROW_NUMBER)}, * from {scan.relation})"


def staging(scan: Scan, columns: Mapping[str, str]) -> str:
    """SQL that reads, cleans, judges and addresses every row: n, the columns, extra, replicates, reason, row_id."""
    cleaned, flags = [], {}
    for name, raw in columns.items():
        if name not in BY_NAME:
            continue
        column, raw_type = BY_NAME[name], scan.types[raw]
        cleaned.append(f"{schema.clean(column, raw, raw_type)} as {identifier(name)}")
        condition = schema.unreadable(column, raw, raw_type)
        if condition:
            flags[name] = f"{name} unreadable"
            cleaned.append(f"{condition} as {identifier(flags[name])}")
    names = [name for name in columns if name in BY_NAME]
    typed = ", ".join(
        f"case when reason is null then {identifier(name)} end::{BY_NAME[name].sql_type} as {identifier(name)}"
        for name in names
    )
    return (
        f"select n, {typed}, {EXTRA}, {REPLICATES}, reason, "
        f"case when reason is null then {schema.content_hash((*names, EXTRA))} end as row_id "
        f"from (select *, {schema.problems(names, flags)} as reason "
        f"from (select {identifier(ROW_NUMBER)} as n, {', '.join(cleaned)}, {_extra(scan, columns)} as {EXTRA}, "
        f"{_replicates(columns)} as {REPLICATES} from {numbered(scan)}))"
    )


def _extra(scan: Scan, columns: Mapping[str, str]) -> str:
    """The columns that the schema does not have, added to what the file's own column ``extra`` holds."""
    added = schema.as_json_object(unknown_columns(scan, columns))
    if EXTRA not in columns:
        return f"nullif({added}::VARCHAR, '{{}}')"
    text = f"{identifier(columns[EXTRA])}::VARCHAR"
    is_object = f"case when json_valid({text}) then json_type({text}) = 'OBJECT' end"
    own = f"case when {is_object} then {text}::JSON else json_object('{EXTRA}', {text}) end"
    return f"nullif(json_merge_patch('{{}}'::JSON, {own}, {added})::VARCHAR, '{{}}')"


def _replicates(columns: Mapping[str, str]) -> str:
    if REPLICATES not in columns:
        return "1"
    return f"greatest(coalesce(try_cast({identifier(columns[REPLICATES])}::VARCHAR as BIGINT), 1), 1)"
