"""The explanation of a ranking in plain words, every figure of it read off the draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices
from hwpredict.decision.bottlenecks import PART_WORDS, in_words
from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.recommend import Interval, Option, Ranking, interval

#: A share of the step that is worth naming beside the largest.
NOTABLE = 0.15
#: Break-even factors beyond this change nothing in practice.
FAR = 20.0
#: A ratio of two options' prices or speeds that is worth naming.
DIFFERENT = 0.03
#: Names that a sentence lists.
MOST = 4


def explain(ranking: Ranking) -> str:
    """Why the first option comes first, how sure that is, and what would change it.

    Parameters
    ----------
    ranking : Ranking

    Returns
    -------
    str
        A handful of sentences.
    """
    best = ranking.options[0]
    parts = [
        _verdict(ranking, best),
        f"In {best.candidate.details['browser']}: {best.candidate.details['note']}."
        if best.candidate.details.get("note")
        else "",
        _bottleneck(best),
        _against_the_next(ranking),
        _grouped(ranking),
        _risks(ranking, best),
        _what_would_change(ranking),
        *ranking.notes,
        _unnamed(ranking),
        _unsized(ranking),
    ]
    return " ".join(p for p in parts if p)


def _unnamed(ranking: Ranking) -> str:
    """Which platforms stand for which devices, where a platform was named and no device of it."""
    capacities = np.broadcast_to(ranking.outcomes["capacity"], ranking.outcomes.shape)
    said = {}
    for option, room in zip(ranking.options, capacities, strict=True):
        platform = option.candidate.platform
        if option.candidate.device or platform in said:
            continue
        known = (
            ""
            if np.isnan(option.p_fits)
            else f", {_figure(np.nanmin(room) / 1e3)} to {_figure(np.nanmax(room) / 1e3)} GB"
        )
        said[platform] = f"{platform} ({len(devices.representatives(platform))} devices{known})"
    if not said:
        return ""
    of = ", ".join(said.values())
    return f"No device is named of {of}: each draw is of a typical one; name yours (--hardware a100)."


def _unsized(ranking: Ranking) -> str:
    """Options of which P(fits) cannot be said."""
    names = [o.name for o in (*ranking.options, *ranking.infeasible) if np.isnan(o.p_fits)]
    if not names:
        return ""
    return (
        f"P(fits) is unknown for {_listed(names)}, whose memory no data sheet states, and counts as enough: "
        "add the constraint 'memory <= 16 GB' with what there is."
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _span(i: Interval) -> str:
    return f"{_figure(i.low)} to {_figure(i.high)}"


def _verdict(ranking: Ranking, best: Option) -> str:
    others = len(ranking.options)
    among = f"best of {others} with probability {best.p_best:.0%}" if others > 1 else "the only feasible option"
    by = ranking.utility.name + ("" if ranking.risk.name == "risk neutral" else f", {ranking.risk.name}")
    return (
        f"{best.name}: {_figure(best.throughput.median)} items/s (90 % interval {_span(best.throughput)}), "
        f"{_figure(best.latency.median)} ms ({_span(best.latency)}), {_figure(best.memory.median)} MB; "
        f"{among} by {by}. Evidence: {_evidence(best)}."
    )


def _evidence(option: Option) -> str:
    n = option.candidate.n_measurements
    return {
        "measured": f"measured ({n} measurement{'s' * (n != 1)} of this model, device and precision)",
        "device": "device (measured with other models)",
        "platform": "platform (device known by its spec sheet only, or not named)",
        "prior": "prior only (no measurement of this platform or family)",
    }.get(option.evidence, option.evidence)


def _bottleneck(best: Option) -> str:
    """What the time of the first goes to, with intervals; by means alone where nobody drew the shares."""
    if best.candidate.intervals:
        return f"Time of its step: {in_words(best.candidate.intervals)}."
    shares = sorted(best.candidate.shares.items(), key=lambda item: -item[1])
    if not shares:
        return ""
    named = [f"{PART_WORDS[p]} {s:.0%}" for i, (p, s) in enumerate(shares) if i == 0 or s >= NOTABLE]
    return f"Its step is mostly {named[0]} of the time" + (f", then {', '.join(named[1:])}." if named[1:] else ".")


def _against_the_next(ranking: Ranking) -> str:
    """What the first does better and worse than the second."""
    if len(ranking.options) < 2:
        return ""
    first, second = ranking.options[:2]
    o = ranking.outcomes
    reasons = []
    speed = o["throughput"][0] / o["throughput"][1]
    reasons.append(_ratio("faster", "slower", speed))
    if _uses(ranking, "price"):
        reasons.append(_ratio("dearer", "cheaper", o["price"][0] / o["price"][1]))
    memory = o["memory"][0] / o["memory"][1]
    if _uses(ranking, "memory"):
        reasons.append(_ratio("larger in memory", "smaller in memory", memory))
    if not np.isnan(first.p_fits) and not np.isnan(second.p_fits) and abs(first.p_fits - second.p_fits) > 0.05:
        reasons.append(f"fits into memory with {first.p_fits:.0%} against {second.p_fits:.0%}")
    said = ", ".join(r for r in reasons if r)
    odds = ranking.beats[0, 1]
    return f"Against {second.name} it wins with probability {odds:.0%}" + (f": {said}." if said else ".")


def _uses(ranking: Ranking, quantity: str) -> bool:
    """Whether the utility reads a quantity: perturbing it changes the value."""
    read: set[str] = set()

    class Spy(dict[str, object]):
        def __missing__(self, key: str) -> object:
            read.add(key)
            return ranking.outcomes[key]

    ranking.utility(Spy())
    derived = {"cost_per_million": {"price"}, "energy_per_item": {"power"}, "grams_per_million": {"power"}}
    return quantity in read or any(quantity in derived.get(r, ()) for r in read)


def _ratio(more: str, less: str, draws: NDArray[np.float64]) -> str:
    i = interval(draws)
    if abs(np.log(i.median)) < DIFFERENT and i.high - i.low < 2 * DIFFERENT:
        return ""
    if abs(np.log(i.median)) < DIFFERENT:
        alike = more.replace("faster", "as fast").replace("dearer", "as dear")
        return f"about {alike} ({_times(i.low)} to {_times(i.high)})"
    word, flip = (more, False) if i.median >= 1 else (less, True)
    low, mid, high = (1 / i.high, 1 / i.median, 1 / i.low) if flip else (i.low, i.median, i.high)
    width = f" ({_times(low)} to {_times(high)})" if high - low > DIFFERENT else ""
    return f"{_times(mid)} times {word}{width}"


def _times(factor: float) -> str:
    """A factor as people write it: 2.1, 270."""
    return f"{factor:,.0f}" if factor >= 100 else f"{factor:.2g}"


def _grouped(ranking: Ranking) -> str:
    if len(ranking.inseparable) < 2:
        return ""
    return f"Not separable with this data: {_listed(ranking.inseparable)}."


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many there are beside them."""
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def _risks(ranking: Ranking, best: Option) -> str:
    out = []
    if not np.isnan(best.p_fits) and best.p_fits < 0.95:
        out.append(f"It fits into memory with probability {best.p_fits:.0%} only.")
    if len(ranking.constraints) > 1 and best.p_feasible < 0.999:
        out.append(f"All constraints hold together with probability {best.p_feasible:.0%}.")
    better = [o for o in ranking.infeasible if o.expected_utility > best.expected_utility]
    if better:
        top = max(better, key=lambda o: o.expected_utility)
        out.append(f"Without the constraint {top.failures[0]}, {top.name} would come first.")
    return " ".join(out)


def _what_would_change(ranking: Ranking) -> str:
    """Break-even figures of the second, and what knowing everything would be worth."""
    if len(ranking.options) < 2:
        return ""
    second = ranking.options[1]
    out = []
    speed = _break_even(ranking, lambda o, f: o.scaled(1, speed=f))
    if speed is not None:
        out.append(f"{second.name} being {speed - 1:.0%} faster than predicted")
    if _uses(ranking, "price"):
        price = _break_even(ranking, lambda o, f: o.scaled(1, price=1 / f))
        if price is not None:
            out.append(f"its price falling by {1 - 1 / price:.0%}")
    worth = (
        f"{ranking.evpi:.1%}" if ranking.utility.unit == "nats" else f"{_figure(ranking.evpi)} {ranking.utility.unit}"
    )
    change = f"What would change this: {' or '.join(out)}." if out else ""
    certain = f"Knowing every figure exactly would be worth {worth} on average." if ranking.evpi > 1e-3 else ""
    return " ".join(filter(None, (change, certain)))


def _break_even(ranking: Ranking, change: Callable[[Outcomes, float], Outcomes]) -> float | None:
    """Factor at which the second option overtakes the first, by bisection on its logarithm; None if far away."""

    def lead(factor: float) -> float:
        given = ranking.utility(change(ranking.outcomes, factor).priced(ranking.slowdown))
        value = np.broadcast_to(np.asarray(given, dtype=float), ranking.value.shape)
        equivalent, _ = ranking.risk.certainty_equivalent(value)
        return float(equivalent[1] - equivalent[0])

    low, high = 1.0, FAR
    if lead(low) > 0 or lead(high) < 0:
        return None
    for _ in range(20):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if lead(middle) < 0 else (low, middle)
    return high
