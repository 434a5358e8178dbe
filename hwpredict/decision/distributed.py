"""Search over ways to train or serve on several devices: strategy, batch per device, and how many devices.

The step of one device comes from the posterior, draw by draw; what several devices add (communication, waiting, the
pipeline bubble) and what each holds come from :mod:`hwpredict.decision.parallel`. The strategies are then options like
any others: ranked by expected utility under chance constraints, with P(fits) of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices, models
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.decision.bottlenecks import Shares, summarise
from hwpredict.decision.constraints import FITS, evaluate
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.parallel import memory, timing
from hwpredict.decision.parallel.scaling import node_size
from hwpredict.decision.parallel.strategy import (
    OPTIMIZERS,
    TRAINING_NUMBERS,
    Optimizer,
    Strategy,
    inference_strategies,
    powers,
    training_strategies,
)
from hwpredict.decision.preferences import Preferences
from hwpredict.errors import IncompatibleError, UnknownNameError, unknown
from hwpredict.performance.cells import DEFAULT_SEQUENCE_LENGTH, Cells, capacity
from hwpredict.performance.parts import TIME_PARTS
from hwpredict.performance.rows import pixels
from hwpredict.workload import Family, Item, Mode, Target, Workload, positive

Array = NDArray[np.float64]

#: Predicts cells of (workload, target) pairs.
type Predict = Callable[[Sequence[tuple[Workload, Target]]], Cells]


@dataclass(frozen=True)
class Setup:
    """What is asked of several devices.

    Attributes
    ----------
    devices : int
        Devices at most.
    optimizer : str
        Key of :data:`hwpredict.decision.parallel.strategy.OPTIMIZERS`; training only.
    fewer : bool
        Whether fewer devices are options too.
    network_gb_s : float, optional
        GB/s one way per device between machines.
    """

    devices: int
    optimizer: str = "adamw"
    fewer: bool = True
    network_gb_s: float | None = None

    def __post_init__(self) -> None:
        positive("gpu_count", self.devices, whole=True)
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        positive("network_gb_s", self.network_gb_s)

    def counts(self) -> list[int]:
        """Numbers of devices to consider."""
        return powers(int(self.devices)) if self.fewer else [int(self.devices)]


@dataclass
class _Draws:
    """Rows of options as they are gathered."""

    candidates: list[Candidate] = field(default_factory=list)
    throughput: list[Array] = field(default_factory=list)
    latency: list[Array] = field(default_factory=list)
    memory: list[Array] = field(default_factory=list)
    price: list[float] = field(default_factory=list)
    power: list[float] = field(default_factory=list)
    capacity: list[float] = field(default_factory=list)
    parts: list[dict[str, Array] | None] = field(default_factory=list)


def strategies(
    work: Workload,
    targets: Sequence[Target],
    setup: Setup,
    wanted: Preferences,
    predict: Predict,
    *,
    posterior_draws: int,
    seed: int = 0,
    shares: Shares | None = None,
) -> Outcomes:
    """Outcomes of the best way to use each number of devices with each strategy.

    Parameters
    ----------
    work : Workload
        Its batch is that of all devices together.
    targets : sequence of Target
        Devices to consider, each named.
    setup : Setup
    wanted : Preferences
        Decide between micro-batches and checkpointing within a strategy; the caller ranks the strategies.
    predict : callable
        Cells of (workload, target) pairs on one device.
    posterior_draws, seed : int
    shares : callable, optional
        Draws of what the time of one device's step goes to.

    Returns
    -------
    Outcomes
        One option per device, number of devices and strategy, named ``"a100 × 8, FSDP (ZeRO-3), batch 4"``.

    Raises
    ------
    InvalidWorkloadError
        The batch is not a whole number, or a target names no device.
    UnknownNameError
        A model whose architecture is not known.
    """
    features = _features(work)
    model = _shape(features, work)
    training = work.mode == Mode.TRAINING
    if training and work.precision not in TRAINING_NUMBERS:
        raise IncompatibleError(
            f"training in {work.precision} is no mixed precision of several devices: take {', '.join(TRAINING_NUMBERS)}"
        )
    # several devices: priced per device below, so that one device is predicted
    single = [replace(t, n_devices=1, label=t.name) for t in targets]
    blocked: dict[str, str] = {}
    found: list[tuple[Target, Strategy]] = []
    for target in single:
        if target.device is None:
            blocked[target.name] = "several devices need a product: name a device (a100), not a platform"
            continue
        found += [(target, s) for s in _candidates(work, target, setup, model, training=training)]
    if not found:
        raise IncompatibleError(
            "; ".join(blocked.values())
            or f"a batch of {work.batch_size:g} cannot be split over {setup.devices} devices: make it a multiple"
        )
    micro = list(dict.fromkeys((t, s.micro_batch) for t, s in found))
    pairs = [(replace(work, batch_size=b), t) for t, b in micro]
    cells = predict(pairs)
    drawn = None if shares is None else shares(pairs)
    place = {key: i for i, key in enumerate(micro)}
    blocked |= {t.name: r for (t, _), r in zip(micro, cells.reasons, strict=True) if r is not None}
    rows = _Draws()
    for target, strategy in found:
        i = place[target, strategy.micro_batch]
        if cells.reasons[i] is None:
            took = _add(rows, work, target, strategy, setup, wanted, model, cells, i, seed, training=training)
            rows.parts.append(None if drawn is None else _share_draws(drawn[i], took))
    if not rows.candidates:
        raise IncompatibleError("no device can run this: " + "; ".join(blocked.values()))
    draws = rows.latency[0].size
    outcomes = Outcomes(
        rows.candidates, np.stack(rows.throughput), np.stack(rows.latency), np.stack(rows.memory),
        {
            "capacity": np.array(rows.capacity), "price": np.array(rows.price), "power": np.array(rows.power),
            "carbon_intensity": np.full(len(rows.price), wanted.economics.grams_per_kwh),
            "preference": np.array([wanted.platforms.get(c.platform, 1.0) for c in rows.candidates]),
        },
        cluster=np.arange(draws) % posterior_draws,
        blocked=blocked,
    )  # fmt: skip
    chosen = _best_of_each(outcomes, wanted)
    best = outcomes.take(chosen)
    return best.relabelled([
        c if (parts := rows.parts[i]) is None else replace(c, intervals=summarise(parts))
        for i, c in zip(chosen, best.candidates, strict=True)
    ])  # fmt: skip


def _features(work: Workload) -> ModelFeatures:
    known = models.match(work.model)
    if known is None:
        raise UnknownNameError(
            f"the architecture of {work.model!r} is not known, and several devices are planned from it: name a model "
            "of the catalog or give its config.json"
        )
    return known


def _shape(features: ModelFeatures, work: Workload) -> memory.Shape:
    """Shape of the model at the length or size that is predicted."""
    length = work.sequence_length
    if length is None and features.family not in (Family.VISION, Family.AUDIO):
        length = DEFAULT_SEQUENCE_LENGTH
    size = pixels(work.input_size) if work.input_size else None
    return memory.shape(features, length, size, decode=work.item == Item.TOKEN_DECODE)


def _candidates(
    work: Workload, target: Target, setup: Setup, model: memory.Shape, *, training: bool
) -> Iterable[Strategy]:
    device = devices.find(target.device or "", target.platform)
    batch = int(work.batch_size)
    for count in setup.counts():
        options: dict[str, int] = {
            "layers": model.layers, "heads": model.heads, "node": min(node_size(device), count)
        }  # fmt: skip
        yield from (training_strategies if training else inference_strategies)(count, batch, **options)


def _add(
    rows: _Draws,
    work: Workload,
    target: Target,
    strategy: Strategy,
    setup: Setup,
    wanted: Preferences,
    model: memory.Shape,
    cells: Cells,
    i: int,
    seed: int,
    *,
    training: bool,
) -> timing.Step:
    """Append one strategy on one device."""
    device = devices.find(target.device or "", target.platform)
    p = cells.prediction
    one = np.asarray(p.latency[i], dtype=float) / 1e3
    items = np.asarray(p.throughput[i], dtype=float) * one  # of a micro-batch, at the harness's concurrency
    took = timing.step(
        one, model, strategy, device, work.precision, mode=work.mode, network_gb_s=setup.network_gb_s, seed=seed
    )
    draws = one.size
    if training:
        held = memory.training(
            model, strategy, work.precision, OPTIMIZERS[setup.optimizer], draws=draws, seed=seed
        )  # fmt: skip
    else:
        held = memory.inference(model, strategy, work.precision, draws=draws, seed=seed)
    n = strategy.devices
    price = wanted.economics.price(device.name, target.platform)
    watts = wanted.economics.watts(device.name, target.platform)
    room = capacity(device.name, target.platform, target.memory_mb)
    rows.candidates.append(
        Candidate(
            name=f"{target.name} × {n}, {strategy}",
            platform=target.platform, device=device.name, precision=work.precision, mode=work.mode,
            family=work.family or "", batch_size=float(strategy.global_batch), n_devices=n, evidence=p.evidence[i],
            n_measurements=int(p.n_measurements[i]), shares=_shares(p.shares[i], took), price=price,
            details=_details(strategy, held, took, room, setup.optimizer if training else ""),
        )
    )  # fmt: skip
    rows.latency.append(took.seconds * 1e3)
    rows.throughput.append(items * strategy.accumulation * strategy.data / took.seconds)
    rows.memory.append(held.total)
    rows.capacity.append(room)
    rows.price.append(price.usd_per_hour * n if price is not None else np.nan)
    rows.power.append(watts * n if watts is not None else np.nan)
    return took


def _shares(one: Array, took: timing.Step) -> dict[str, float]:
    """Mean share of each time part: those of one device, and what the devices add."""
    busy, comm, idle = (float((x / took.seconds).mean()) for x in (took.compute, took.communication, took.bubble))
    out = {part: float(one[k]) * busy for k, part in enumerate(TIME_PARTS)}
    out["comm"] += comm
    return out | ({"bubble": idle} if idle > 0 else {})


def _share_draws(one: Array, took: timing.Step) -> dict[str, Array]:
    """Share of each time part, shape (draw,), from that in one device's step, shape (time part, draw)."""
    out = {part: one[k] * took.compute / took.seconds for k, part in enumerate(TIME_PARTS)}
    out["comm"] = out["comm"] + took.communication / took.seconds
    return out | {"bubble": took.bubble / took.seconds}


def _details(strategy: Strategy, held: memory.Memory, took: timing.Step, room: float, optimizer: str) -> dict[str, Any]:
    low, middle, high = np.quantile(took.efficiency, [0.05, 0.5, 0.95])
    out: dict[str, Any] = {
        "strategy": strategy.kind,
        "devices": strategy.devices,
        "data_parallel": strategy.data,
        "tensor_parallel": strategy.tensor,
        "pipeline_parallel": strategy.pipeline,
        "zero_stage": strategy.zero,
        "micro_batch": strategy.micro_batch,
        "accumulation": strategy.accumulation,
        "checkpointing": strategy.checkpointing,
        "scaling_efficiency": float(middle),
        "scaling_efficiency_low": float(low),
        "scaling_efficiency_high": float(high),
        "static_memory_mb": held.static,
        "capacity_mb": None if np.isnan(room) else room,
    }
    return out | ({"optimizer": optimizer} if optimizer else {})


def _best_of_each(outcomes: Outcomes, wanted: Preferences) -> list[int]:
    """The best micro-batch of each device, number of devices and strategy.

    Among those that meet the constraints the one of highest certainty equivalent; where none does, the one that fits
    best, or takes least.
    """
    met = evaluate(wanted.constraints, outcomes)
    fits = evaluate((FITS,), outcomes).joint
    memory_needed = np.median(outcomes["memory"], axis=1)
    with np.errstate(all="ignore"):
        value = np.broadcast_to(
            np.asarray(wanted.utility(outcomes.priced(wanted.slowdown)), dtype=float), outcomes.shape
        )
    equivalent = wanted.risk.certainty_equivalent(np.array(value))[0]
    groups: dict[tuple[str, int, str], list[int]] = {}
    for i, c in enumerate(outcomes.candidates):
        groups.setdefault((c.name.split(" × ")[0], c.n_devices, str(c.details["strategy"])), []).append(i)
    chosen = []
    for members in groups.values():
        good = [i for i in members if met.feasible[i]]
        chosen.append(
            max(good, key=lambda i: equivalent[i]) if good else max(members, key=lambda i: (fits[i], -memory_needed[i]))
        )
    return chosen


def least_devices(
    work: Workload,
    device: devices.Device,
    optimizer: str | Optimizer = "adamw",
    most: int = 4096,
    memory_mb: float | None = None,
) -> int | None:
    """Fewest devices on which a training step at batch 1 each fits by some strategy, in the median.

    Parameters
    ----------
    work : Workload
    device : Device
    optimizer : str or Optimizer
    most : int
    memory_mb : float, optional
        What can be used of each; by default what the data sheet says.

    Returns
    -------
    int or None
        A power of two; None if not even ``most`` suffice, or the memory is unknown.
    """
    room = memory_mb or (device.memory_gb or 0) * 1e3
    if not room:
        return None
    chosen = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    model = _shape(_features(work), work)
    for count in powers(most):
        options = training_strategies(
            count, count, layers=model.layers, heads=model.heads, node=min(node_size(device), count)
        )
        for strategy in options:
            held = memory.training(model, strategy, work.precision, chosen, draws=33, seed=0)
            if float(np.median(held.total)) <= room:
                return count
    return None
