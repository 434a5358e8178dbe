"""Quality screens: rows that cannot be right, or are probably not what they say. They are flagged and kept.

A screen is a condition on ``measurement_wide`` in SQL, with a sentence that shows the figures it rests on. Thresholds
leave room for what spec sheets leave out: boost clocks, 24 "GB" that are 24 GiB, Winograd convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Throughput × latency / batch of a synchronous loop lies within this factor of one.
SYNCHRONOUS = 1.25
#: A harness is synchronous if most of its rows keep within 10 %; it takes this many to tell.
ENOUGH = 10
#: Arithmetic above the peak by this factor: boost clocks and fast convolution algorithms stay below it.
ABOVE_PEAK = 1.15
#: Memory above the device's by this factor: 80 "GB" may be 80 GiB (7.4 % more), and a little is rounding.
ABOVE_CAPACITY = 1.09
#: Weights below this many MB may stay in caches, where the memory bandwidth does not bind.
CACHEABLE_MB = 512
#: A factor of a thousand, with room for the spread of re-measurements.
THOUSAND = (700, 1400)


@dataclass(frozen=True, slots=True)
class Screen:
    """One doubt that a row can raise.

    Attributes
    ----------
    name : str
    impossible : bool
        Whether the row cannot be right as it stands; otherwise it is only suspicious.
    meaning : str
        What it looks for, and what usually lies behind it.
    """

    name: str
    impossible: bool
    meaning: str


SCREENS: tuple[Screen, ...] = (
    Screen(
        "throughput_latency",
        True,
        "throughput × latency differs from the batch by more than a quarter, in a harness whose other rows agree: "
        "figures of different runs, batches or units",
    ),
    Screen(
        "latency_unit",
        True,
        "the latency is a thousand times off its throughput, or off other rows of the same cell: seconds or "
        "microseconds instead of milliseconds",
    ),
    Screen(
        "throughput_steps",
        True,
        "throughput × latency is one whatever the batch: the throughput counts steps, not items",
    ),
    Screen(
        "faster_than_peak",
        True,
        "more arithmetic, or more weight traffic, per second than the device's spec sheet allows: a wrong device, "
        "precision, count of devices or item, or a pruned network",
    ),
    Screen(
        "memory_above_capacity",
        True,
        "more memory on one device than it has: the total of several devices, host memory, or a wrong unit",
    ),
    Screen(
        "memory_below_weights",
        False,
        "less memory than the weights alone: GB or MiB taken for MB, or a counter that leaves the weights out",
    ),
    Screen(
        "duplicate",
        False,
        "the same configuration and figures as an earlier row that differs in where it comes from",
    ),
)

_LOW, _HIGH = THOUSAND

FLAGGED = f"""
with base as (
  select *, coalesce(n_devices, 1) as n, coalesce(mode, 'inference') as mode_label,
    coalesce("table", source, '') as harness,
    case when item is null or item in ('image', 'sequence', 'clip')
      then throughput * latency_ms / 1000 / batch_size end as ratio,
    coalesce(throughput, batch_size * 1000 / latency_ms) as rate,
    case when item = 'token' then left(note, 9) end as phase
  from measurement_wide
), synchronous as (
  select harness, runtime, item, mode_label, count(ratio) as judged,
    count(*) filter (abs(ratio - 1) < 0.1) as agreeing
  from base where ratio is not null group by all
), judged as (
  select b.*, coalesce(s.judged < {ENOUGH} or s.agreeing > s.judged / 2, false) as is_synchronous,
    known_parameters * weight_bits / 8e6 / n as weights_mb,
    case
      when b.item = 'token_prefill' then 2 * multiplied_parameters * coalesce(throughput,
        case when batch_size = 1 then sequence_length * 1000 / latency_ms end)
      when coalesce(b.item, 'image') in ('image', 'sequence') then 2e9 * known_gmacs * rate
        * case when b.mode_label = 'training' then 3 else 1 end
    end / n as flops,
    case when b.item = 'token_decode' then multiplied_parameters * weight_bits / 8e9
      * coalesce(1000 / latency_ms, throughput / batch_size) / n end as traffic_gb_s
  from base b left join synchronous s on s.harness = b.harness and s.runtime is not distinct from b.runtime
    and s.item is not distinct from b.item and s.mode_label = b.mode_label
), cohorts as (
  select *, count(latency_ms) over cell as peers, median(latency_ms) over cell as usual_latency,
    row_number() over (same order by run_id, row_id) as copy,
    first_value(row_id) over (same order by run_id, row_id) as original,
    first_value(harness) over (same order by run_id, row_id) as original_harness
  from judged
  window cell as (partition by model_label, hardware, device_label, precision, mode_label, item, batch_size,
      sequence_length, input_size, n_devices, phase),
    same as (partition by model_label, hardware, device_label, precision, mode_label, item, batch_size,
      sequence_length, input_size, n_devices, phase, layout, runtime, runtime_version, throughput, latency_ms,
      memory_mb)
), doubts as (
  select row_id, run_id, harness, unnest([
    case when ratio between 1 / {_HIGH}.0 and 1 / {_LOW}.0 or ratio between {_LOW} and {_HIGH} then
        {{screen: 'latency_unit', text: format('throughput {{}}/s × latency {{}} ms is {{}} times the batch of {{}}: '
          || 'is the latency in {{}}?', figure(throughput), figure(latency_ms), figure(ratio), batch_size,
          case when ratio < 1 then 'seconds' else 'microseconds' end)}}
      when is_synchronous and batch_size > 1 and abs(ratio * batch_size - 1) < 0.05 then
        {{screen: 'throughput_steps', text: format('throughput {{}}/s × latency {{}} ms is 1, but the batch is {{}}: '
          || 'does it count steps?', figure(throughput), figure(latency_ms), batch_size)}}
      when is_synchronous and (ratio < 1 / {SYNCHRONOUS} or ratio > {SYNCHRONOUS}) then
        {{screen: 'throughput_latency', text: format('throughput {{}}/s × latency {{}} ms is {{}} items, but the batch '
          || 'is {{}}', figure(throughput), figure(latency_ms), figure(ratio * batch_size), batch_size)}}
      when peers >= 3 and (latency_ms / usual_latency between 1 / {_HIGH}.0 and 1 / {_LOW}.0
          or latency_ms / usual_latency between {_LOW} and {_HIGH}) then
        {{screen: 'latency_unit', text: format('latency {{}} ms, but the median of {{}} rows of the same cell is {{}} '
          || 'ms: is it in {{}}?', figure(latency_ms), peers, figure(usual_latency),
          case when latency_ms < usual_latency then 'seconds' else 'microseconds' end)}} end,
    case when flops > {ABOVE_PEAK} * peak_flops then
        {{screen: 'faster_than_peak', text: format('{{}} TFLOP/s per device, but {{}} peaks at {{}} in {{}}',
          figure(flops / 1e12), device_label, figure(peak_flops / 1e12), precision)}}
      when weights_mb > {CACHEABLE_MB} and traffic_gb_s > {ABOVE_PEAK} * bandwidth_gb_s then
        {{screen: 'faster_than_peak', text: format('{{}} GB/s of weights per device, but the memory of {{}} moves {{}}',
          figure(traffic_gb_s), device_label, figure(bandwidth_gb_s))}} end,
    case when memory_mb > {ABOVE_CAPACITY} * device_memory_mb then
        {{screen: 'memory_above_capacity', text: format('{{}} MB on one device, but {{}} has {{}} MB{{}}',
          figure(memory_mb), device_label, figure(device_memory_mb), case
            when n > 1 and memory_mb / n <= {ABOVE_CAPACITY} * device_memory_mb then
              format(': is it the total of {{}} devices?', n)
            when memory_mb / 1000 <= {ABOVE_CAPACITY} * device_memory_mb and memory_mb > 100 * device_memory_mb then
              ': is it in kB or bytes?'
            else '' end)}}
      when mode_label = 'inference' and memory_mb < 0.97 * weights_mb then
        {{screen: 'memory_below_weights', text: format('{{}} MB, but the weights alone are {{}} MB{{}}',
          figure(memory_mb), figure(weights_mb), case when memory_mb > 0.9 * weights_mb then ': is it in MiB?'
            when memory_mb * 1000 between 0.9 * weights_mb and 50 * weights_mb then ': is it in GB?' else '' end)}} end,
    case when copy > 1 then {{screen: 'duplicate', text: format('configuration and figures of {{}}{{}}', original,
      case when original_harness <> harness then ' from ' || original_harness else '' end)}} end
  ]) as doubt from cohorts
)
select row_id, run_id, harness, doubt.screen as screen, doubt.text as explanation
from doubts where doubt is not null
"""
