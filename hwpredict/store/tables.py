"""Every table of the store: what it holds, the SQL that creates it, and the way there from older versions.

Measurements are append-only: nothing here is ever updated or deleted but the counts of repetitions and what the
catalog says of names. A correction is a row of its own that points from the old measurement to the new one.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwpredict.store.schema import BY_NAME, COLUMNS, EXTRA, METRICS, REPLICATES, Column, describe, identifier, literal
from hwpredict.workload import PRECISIONS

#: Raised by one when the tables change; a store written by a later version is refused.
SCHEMA_VERSION = 2

#: Columns of a measurement that say what was run where; a prediction has them too.
CONFIGURATION: tuple[str, ...] = tuple(
    name for name in BY_NAME if name not in (*METRICS, "table", "source_path", "measured", "note")
)

#: Number formats with a column of peak rates in ``devices``.
COMPUTE_FORMATS: tuple[str, ...] = tuple(dict.fromkeys(f.compute for f in PRECISIONS.values()))

_RUNS = """create table runs (
  run_id BIGINT primary key,
  kind VARCHAR not null default 'import',
  started_at TIMESTAMP not null,
  finished_at TIMESTAMP,
  origin VARCHAR not null,
  importer VARCHAR,
  rows_read BIGINT not null,
  rows_added BIGINT not null,
  rows_rejected BIGINT not null,
  conversions JSON,
  provenance JSON)"""

_CORRECTIONS = """create table corrections (
  correction_id BIGINT primary key,
  old_row_id UUID not null,
  new_row_id UUID,
  action VARCHAR not null check (action in ('supersede', 'retract', 'reinstate')),
  run_id BIGINT not null,
  corrected_at TIMESTAMP not null,
  reason VARCHAR not null)"""

_MODELS = """create table models (
  name VARCHAR primary key,
  label VARCHAR not null,
  catalog_name VARCHAR,
  family VARCHAR,
  architecture VARCHAR,
  parameters DOUBLE,
  active_parameters DOUBLE,
  embedding_parameters DOUBLE,
  gmacs DOUBLE,
  activations_m DOUBLE,
  input_size INTEGER,
  sequence_length INTEGER,
  catalog VARCHAR not null)"""

_DEVICES = f"""create table devices (
  hardware VARCHAR not null,
  name VARCHAR not null,
  catalog_name VARCHAR,
  vendor VARCHAR,
  kind VARCHAR,
  architecture VARCHAR,
  segment VARCHAR,
  year INTEGER,
  memory_mb DOUBLE,
  bandwidth_gb_s DOUBLE,
  tdp_w DOUBLE,
  derived BOOLEAN,
  {", ".join(f"peak_{compute} DOUBLE" for compute in COMPUTE_FORMATS)},
  catalog VARCHAR not null,
  primary key (hardware, name))"""


def _column_ddl(column: Column) -> str:
    ddl = f"{identifier(column.name)} {column.sql_type}"
    if column.required:
        ddl += " not null"
    if column.is_number:
        ddl += f" check ({identifier(column.name)} > 0)"
    return ddl


_PREDICTIONS = f"""create table predictions (
  prediction_id UUID primary key,
  predicted_at TIMESTAMP not null,
  origin VARCHAR not null,
  posterior_fingerprint VARCHAR,
  seed BIGINT,
  evidence VARCHAR,
  n_measurements BIGINT,
  epistemic_share DOUBLE,
  epistemic_share_memory DOUBLE,
  p_fits DOUBLE,
  {", ".join(f"{metric}_quantiles FLOAT[]" for metric in METRICS)},
  {", ".join(_column_ddl(BY_NAME[name]) for name in CONFIGURATION)})"""

_POSTERIORS = """create table posteriors (
  fingerprint VARCHAR primary key,
  added_at TIMESTAMP not null,
  name VARCHAR not null,
  size_bytes BIGINT not null,
  sha256 VARCHAR not null,
  path VARCHAR,
  content BLOB,
  provenance JSON not null,
  check (path is not null or content is not null))"""

_VALIDATIONS = """create table validations (
  validation_id UUID primary key,
  validated_at TIMESTAMP not null,
  posterior_fingerprint VARCHAR not null,
  metric VARCHAR not null,
  grouping VARCHAR not null,
  member VARCHAR not null,
  n BIGINT not null,
  clusters BIGINT not null,
  coverage50 DOUBLE,
  coverage90 DOUBLE,
  crps DOUBLE,
  medape DOUBLE,
  bias DOUBLE,
  pit_mean DOUBLE,
  bias_z DOUBLE,
  bias_p DOUBLE,
  spread_z DOUBLE,
  spread_p DOUBLE,
  refit BOOLEAN not null)"""

_REJECTS = f"""create table rejects (
  row_id UUID primary key,
  run_id BIGINT not null,
  row_number BIGINT not null,
  {REPLICATES} BIGINT not null,
  reason VARCHAR not null,
  given JSON not null,
  location VARCHAR)"""

_META = "create table meta (key VARCHAR primary key, value VARCHAR not null)"

#: One sentence on each table, kept in the database as its comment.
MEANINGS: dict[str, str] = {
    "meta": "Version of the schema, and when the store was made.",
    "runs": "Every import, benchmark run and correction that brought something.",
    "measurements": "Rows as their sources state them, addressed by content, never changed.",
    "corrections": "Which measurement stands in the place of which, or was withdrawn or reinstated, and why.",
    "rejects": "Rows that were not taken, as given, with the reason.",
    "models": "Model names as spelt, and what the catalog knows of them.",
    "devices": "Device names as spelt, and their spec sheets in the catalog.",
    "predictions": "Predictive quantiles, evenly spaced, of configurations that may be measured later.",
    "posteriors": "Fitted posteriors: netCDF, inside or by path, with fingerprint and provenance.",
    "validations": "Scores of stored predictions against measurements, as they were found over time.",
}
TABLES: tuple[str, ...] = tuple(MEANINGS)


def _measurements() -> str:
    columns = ",\n  ".join(map(_column_ddl, COLUMNS))
    return (
        f"create table measurements (\n  row_id UUID primary key,\n  run_id BIGINT not null,\n"
        f"  {REPLICATES} BIGINT not null,\n  {columns},\n  {EXTRA} JSON)"
    )


def _comments() -> list[str]:
    return [
        *(f"comment on table {name} is {literal(text)}" for name, text in MEANINGS.items()),
        *(f"comment on column measurements.{identifier(c.name)} is {literal(describe(c))}" for c in COLUMNS),
    ]


def ddl(*, measurements: bool = True) -> list[str]:
    """SQL statements that create an empty store, with or without the table of measurements and its comments."""
    own = [_META, _RUNS, _CORRECTIONS, _REJECTS, _MODELS, _DEVICES, _PREDICTIONS, _POSTERIORS, _VALIDATIONS]
    return [*own, _measurements(), *_comments()] if measurements else own


#: Statements that lead from each version to the next. A new column of the schema needs one of the form
#: ``alter table measurements add column …`` and a test with a file of the version before.
MIGRATIONS: dict[int, Sequence[str]] = {
    1: (
        _RUNS,
        "insert into runs (run_id, started_at, finished_at, origin, importer, rows_read, rows_added, rows_rejected) "
        "select import_id, imported_at, imported_at, origin, 'hwpredict', rows_read, rows_added, rows_rejected "
        "from imports",
        "drop table imports",
        "alter table measurements rename column import_id to run_id",
        "alter table rejects rename column import_id to run_id",
        "alter table rejects add column location VARCHAR",
        _CORRECTIONS,
        _MODELS,
        _DEVICES,
        _PREDICTIONS,
        _POSTERIORS,
        _VALIDATIONS,
        *_comments(),
    ),
}
