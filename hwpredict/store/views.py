"""Views that people query: measurements beside what the catalog knows, coverage, predictions beside what came out.

Every view is SQL alone, so any DuckDB client sees the same. They are made anew when a store is opened for writing by a
version of hwpredict that defines them differently.
"""

from __future__ import annotations

import hashlib

from hwpredict.store.schema import METRICS, literal
from hwpredict.store.screens import FLAGGED
from hwpredict.store.tables import COMPUTE_FORMATS
from hwpredict.workload import PRECISIONS

_SUPERSEDED = """
select old_row_id, last(new_row_id order by correction_id) as new_row_id,
  last(action order by correction_id) as action, last(reason order by correction_id) as reason,
  max(corrected_at) as corrected_at
from corrections group by old_row_id having last(action order by correction_id) <> 'reinstate'
"""

_CURRENT = """
select m.* from measurements m anti join superseded s on m.row_id = s.old_row_id
"""

_FORMATS = ", ".join(
    f"({literal(name)}, {f.weight_bits}, {f.activation_bits}, {literal(f.compute)})" for name, f in PRECISIONS.items()
)
#: On NVIDIA GPUs since Ampere "fp32" often means TF32, so the faster of the two bounds an fp32 row.
_PEAK = " ".join(
    f"when {literal(c)} then {'greatest(d.peak_fp32, d.peak_tf32)' if c == 'fp32' else f'd.peak_{c}'}"
    for c in COMPUTE_FORMATS
)

_WIDE = f"""
select m.*,
  r.started_at as imported_at, r.importer, r.origin as run_origin,
  mo.label as model_label, mo.catalog_name as catalog_model, mo.architecture,
  coalesce(m.model_family, mo.family) as family,
  coalesce(m.parameters, mo.parameters) as known_parameters,
  mo.active_parameters - mo.embedding_parameters as multiplied_parameters,
  case when m.gmacs is not null then m.gmacs
    when m.input_size is null or size_label(m.input_size) = mo.input_size::VARCHAR then mo.gmacs end as known_gmacs,
  mo.input_size as default_input_size,
  d.catalog_name as catalog_device, coalesce(d.catalog_name, m.device) as device_label,
  d.vendor, d.kind as device_kind, d.segment, d.year as device_year, d.memory_mb as device_memory_mb,
  d.bandwidth_gb_s, d.tdp_w, d.derived as device_derived,
  f.weight_bits, f.activation_bits, case f.compute {_PEAK} end as peak_flops
from current_measurements m
left join runs r using (run_id)
left join models mo on mo.name = m.model
left join devices d on d.hardware = m.hardware and d.name = m.device
left join (values {_FORMATS}) f(name, weight_bits, activation_bits, compute) on f.name = m.precision
"""

_COVERAGE = """
select hardware, coalesce(family, '(unknown)') as family, coalesce(mode, 'inference') as mode,
  count(*) as rows, count(distinct model_label) as models, count(distinct device_label) as devices,
  count(distinct coalesce("table", source)) as sources,
  string_agg(distinct precision, ' ' order by precision) as precisions,
  min(batch_size) as smallest_batch, max(batch_size) as largest_batch,
  count(throughput) as throughput, count(latency_ms) as latency_ms, count(memory_mb) as memory_mb,
  count(catalog_model) / count(*) as share_model_known, count(catalog_device) / count(*) as share_device_known,
  max(imported_at) as last_import
from measurement_wide group by all order by hardware, rows desc
"""

#: The cell of a row: equal cells are the same configuration on the same device, however the names are spelt.
_CELL = """
  coalesce(mo.label, lower(x.model)) as model_label, x.hardware, coalesce(d.catalog_name, x.device) as device_label,
  coalesce(x.precision, '') as precision, coalesce(x.mode, 'inference') as mode, x.batch_size,
  coalesce(x.n_devices, 1) as n_devices, coalesce(x.sequence_length, 0) as sequence_length,
  coalesce(size_label(x.input_size), mo.input_size::VARCHAR, '') as size_label,
  case when lower(x.runtime) = 'pytorch' then 'pytorch-eager' else lower(x.runtime) end as runtime,
  x.item, coalesce(x.model_family, mo.family) as family
"""
_JOINED = """
  left join models mo on mo.name = x.model
  left join devices d on d.hardware = x.hardware and d.name = x.device
"""
_SAME = " and ".join(
    f"p.{name} = m.{name}"
    for name in (
        "model_label", "hardware", "device_label", "precision", "mode", "batch_size", "n_devices", "sequence_length",
        "size_label",
    )
)  # fmt: skip
_PAIRS = ", ".join(
    f"{{metric: {literal(metric)}, measured: m.{metric}, quantiles: p.{metric}_quantiles}}" for metric in METRICS
)
_QUANTILE = "list_aggregate(quantiles, 'quantile_cont', {})"

_PREDICTED = f"""
with p as (
  select x.prediction_id, x.predicted_at, x.origin, x.posterior_fingerprint, x.evidence, x.epistemic_share,
    x.epistemic_share_memory, {", ".join(f"x.{m}_quantiles" for m in METRICS)}, {_CELL} from predictions x {_JOINED}
), m as (
  select x.row_id, x.run_id, x.source, r.started_at as measured_at, {", ".join(f"x.{m}" for m in METRICS)}, {_CELL}
  from current_measurements x join runs r using (run_id) {_JOINED}
), pairs as (
  select p.*, m.row_id, m.source, m.measured_at, coalesce(m.item, p.item) as cell_item,
    coalesce(m.runtime, p.runtime) as cell_runtime, unnest([{_PAIRS}]) as pair
  from p join m on {_SAME}
    and (p.item = m.item or p.item is null or m.item is null)
    and (p.runtime = m.runtime or p.runtime is null or m.runtime is null)
), long as (
  select * exclude (pair, runtime, item, {", ".join(f"{m}_quantiles" for m in METRICS)}),
    pair.metric as metric, pair.measured as measured, pair.quantiles as quantiles
  from pairs where pair.measured is not null and len(pair.quantiles) > 0
)
select *, measured_at > predicted_at as out_of_sample,
  {_QUANTILE.format(0.5)} as predicted,
  case when len(quantiles) > 1 then {_QUANTILE.format(0.05)} end as predicted_low,
  case when len(quantiles) > 1 then {_QUANTILE.format(0.95)} end as predicted_high,
  ln(measured / {_QUANTILE.format(0.5)}) as log_ratio,
  case when len(quantiles) > 1 then
    (len(list_filter(quantiles, lambda q: q < measured)) + len(list_filter(quantiles, lambda q: q <= measured)))
    / (2 * len(quantiles)) end as pit
from long
"""

#: "224", "224x224" and "3x224x224" are one size; "480x640" stays as it is.
_SIZE_LABEL = (
    "create or replace macro size_label(given) as (select case when s like '%x%' and split_part(s, 'x', 1) = "
    "split_part(s, 'x', 2) and split_part(s, 'x', 3) = '' then split_part(s, 'x', 1) else s end from "
    "(select regexp_replace(lower(replace(given, ' ', '')), '^3x|x3$', '') as s))"
)

#: A figure as people read it: three significant digits, thousands separated.
_FIGURE = (
    "create or replace macro figure(x) as case when abs(x) >= 1000 then format('{:,.0f}', x) "
    "else format('{:.3g}', x) end"
)

#: Name, SQL and meaning, in the order in which they are made.
VIEWS: tuple[tuple[str, str, str], ...] = (
    ("superseded", _SUPERSEDED, "Measurements that a correction has taken out, and what stands in their place."),
    ("current_measurements", _CURRENT, "Measurements that no correction has taken out."),
    ("measurement_wide", _WIDE, "Current measurements beside what the catalog knows of model, device and precision."),
    ("coverage_by_platform", _COVERAGE, "What is measured on each platform, by family and mode."),
    ("flagged", FLAGGED, "Measurements that a quality screen doubts, with the reason; they are kept and used."),
    ("predicted_vs_actual", _PREDICTED, "Stored predictions beside the measurements of the same cell."),
)


def statements() -> list[str]:
    """SQL that makes the macro and all views."""
    made = [_SIZE_LABEL, _FIGURE]
    for name, sql, meaning in VIEWS:
        made.append(f"create or replace view {name} as {sql.strip()}")
        made.append(f"comment on view {name} is {literal(meaning)}")
    return made


def fingerprint() -> str:
    """What tells one set of definitions from another."""
    return hashlib.sha256("\n".join(statements()).encode()).hexdigest()[:16]
