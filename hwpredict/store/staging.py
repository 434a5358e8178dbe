"""From a table as it was given to rows that can be stored: which column is which, and the SQL that reads them."""

from __future__ import annotations

from collections.abc import Mapping

from hwpredict.errors import InvalidWorkloadError, nearest, unknown
from hwpredict.store import schema
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, EXTRA, METRICS, REPLICATES, Column, identifier, literal
from hwpredict.store.tabular import Scan

#: Name of the row number in :func:`numbered`; no file has such a column.
ROW_NUMBER = "hwpredict row number"
#: Column in which an importer says where in its file a row stood.
LOCATION = "hwpredict location"
_ASSUMED = "hwpredict assumed {}"


def match_columns(scan: Scan, assumed: Mapping[str, str] | None = None) -> dict[str, str]:
    """Schema column (also ``extra``, ``replicates``) to the file's column; an error when one is missing."""
    by_fold = {name.strip().casefold(): name for name in scan.types}
    columns = {name: by_fold[name] for name in (*COLUMN_NAMES, EXTRA, REPLICATES) if name in by_fold}
    present = {*columns, *(assumed or {})}
    for name in schema.REQUIRED:
        if name not in present:
            raise InvalidWorkloadError(f"{scan.origin} has no column {name!r}{_hint(name, scan)}")
    if not any(name in present for name in METRICS):
        raise InvalidWorkloadError(
            f"{scan.origin} has none of the columns {', '.join(map(repr, METRICS))}{_hint(METRICS[0], scan)}"
        )
    return columns


def check_assumed(assumed: Mapping[str, object]) -> dict[str, str]:
    """What the user says of rows whose file does not say it, as text.

    Raises
    ------
    UnknownNameError
        It is not a column of the schema.
    """
    for name in assumed:
        if name not in BY_NAME:
            raise unknown("column", name, COLUMN_NAMES)
    return {name: str(value) for name, value in assumed.items()}


def _hint(name: str, scan: Scan) -> str:
    close = nearest(name, scan.types, count=1)
    names = [column for column in scan.types if column != LOCATION]
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f" (nearest: {close[0]!r})" if close else f" (it has: {shown})"


def unknown_columns(scan: Scan, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Columns of the file that the schema does not have."""
    used = {*columns.values(), LOCATION}
    return tuple(name for name in scan.types if name not in used)


def numbered(scan: Scan) -> str:
    """SQL relation of the table with its rows numbered from 1 in their order."""
    return f"(select row_number() over () as {identifier(ROW_NUMBER)}, * from {scan.relation})"


def staging(scan: Scan, columns: Mapping[str, str], assumed: Mapping[str, str] | None = None) -> str:
    """SQL that reads, cleans, judges and addresses every row.

    Parameters
    ----------
    scan : Scan
    columns : Mapping
        Output of :func:`match_columns`.
    assumed : Mapping of str to str, optional
        Values of columns where the file does not say them.

    Returns
    -------
    str
        A query with the columns n, those of the schema that are present, extra, replicates, reason, location, row_id.
    """
    location = identifier(LOCATION) if LOCATION in scan.types else "null::VARCHAR"
    return _cleaned(
        numbered(scan), scan, columns, assumed or {}, f"{identifier(ROW_NUMBER)} as n", f"{location} as location"
    )


def lazily(scan: Scan, columns: Mapping[str, str]) -> str:
    """As :func:`staging`, but without numbering the rows, so that DuckDB reads only the columns that are asked for."""
    return _cleaned(scan.relation, scan, columns, {}, "null::BIGINT as n", "null::VARCHAR as location")


def _cleaned(
    relation: str, scan: Scan, columns: Mapping[str, str], assumed: Mapping[str, str], number: str, location: str
) -> str:
    cleaned, flags = [], {}
    names = [name for name in COLUMN_NAMES if name in columns or name in assumed]
    for name in names:
        expression, condition = _expressions(BY_NAME[name], columns.get(name), scan, assumed.get(name))
        cleaned.append(f"{expression} as {identifier(name)}")
        if condition:
            flags[name] = f"{name} unreadable"
            cleaned.append(f"{condition} as {identifier(flags[name])}")
    if assumed:
        said = ", ".join(f"{literal(v)} as {identifier(_ASSUMED.format(n))}" for n, v in assumed.items())
        relation = f"(select *, {said} from {relation})"
    typed = ", ".join(
        f"case when reason is null then {identifier(name)} end::{BY_NAME[name].sql_type} as {identifier(name)}"
        for name in names
    )
    return (
        f"select n, {typed}, {EXTRA}, {REPLICATES}, reason, location, "
        f"case when reason is null then {schema.content_hash((*names, EXTRA))} end as row_id "
        f"from (select *, {schema.problems(names, flags)} as reason "
        f"from (select {number}, {location}, {', '.join(cleaned)}, {_extra(scan, columns)} as {EXTRA}, "
        f"{_replicates(columns)} as {REPLICATES} from {relation}))"
    )


def _expressions(column: Column, raw: str | None, scan: Scan, assumed: str | None) -> tuple[str, str | None]:
    """Cleaned value of a column, and the condition that it cannot be read."""
    parts = []
    if raw is not None:
        raw_type = scan.types[raw]
        parts.append((schema.clean(column, raw, raw_type), schema.unreadable(column, raw, raw_type)))
    if assumed is not None:
        name = _ASSUMED.format(column.name)
        parts.append((schema.clean(column, name, "VARCHAR"), schema.unreadable(column, name, "VARCHAR")))
    conditions = [condition for _, condition in parts if condition]
    value = parts[0][0] if len(parts) == 1 else f"coalesce({', '.join(value for value, _ in parts)})"
    return value, " or ".join(f"coalesce({c}, false)" for c in conditions) or None


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
