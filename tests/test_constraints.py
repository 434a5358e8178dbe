"""Chance constraints: how they are read, and that their probabilities are those of the draws."""

from __future__ import annotations

import math
from contextlib import suppress
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.decision.constraints import DEFAULT_PROBABILITY, FITS, evaluate, parse, parse_all
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from tests.outcomes import outcomes


@pytest.mark.parametrize(
    ("text", "bound_ms", "probability"),
    [
        ("latency <= 20 ms with probability 0.95", 20.0, 0.95),
        ("Latency ≤ 0.02 s with probability 95 %", 20.0, 0.95),
        ("P(latency <= 20 ms) >= 0.95", 20.0, 0.95),
        ("latency < 20ms, with prob 0.8", 20.0, 0.8),
        ("latency =< 20 with probability of at least 0.8", 20.0, 0.8),
        ("latency <= 20", 20.0, DEFAULT_PROBABILITY),
    ],
)
def test_latency_constraints_read(text: str, bound_ms: float, probability: float) -> None:
    constraint = parse(text)
    assert constraint.probability == pytest.approx(probability)
    o = outcomes([math.log(8e3 / 20.0)] * 2, [0.2, 0.4])  # medians at the bound
    assert constraint(o).mean(axis=1) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("throughput >= 60 /min", [1, 1]),
        ("throughput >= 90 /s", [0, 1]),
        ("memory <= 1.5 GB", [1, 0]),
        ("price <= 1.5 usd/h", [1, 0]),
        ("budget <= 1095 usd/month", [1, 0]),
        ("cost per million <= 5 usd", [0, 1]),
        ("power <= 0.15 kW", [1, 0]),
        ("precision in fp16, bf16", [1, 1]),
        ("precision = fp32", [0, 0]),
        ("platform in cuda|rocm", [1, 1]),
        ("devices <= 1", [1, 1]),
        ("batch size >= 16", [0, 0]),
    ],
)
def test_other_constraints_read(text: str, expected: list[int]) -> None:
    o = outcomes(
        [math.log(50.0), math.log(200.0)], 1e-6, memory=[1000.0, 2500.0], price=[1.0, 2.0], power=[100.0, 200.0]
    )
    assert (parse(text)(o).mean(axis=1) > 0.5).astype(int).tolist() == expected


def test_availability_is_what_clouds_and_shops_list() -> None:
    o = outcomes([0.0, 0.0, 0.0])
    from dataclasses import replace

    named = o.relabelled([
        replace(c, device=d) for c, d in zip(
            o.candidates, ("NVIDIA T4", "NVIDIA GeForce RTX 4090", "Snapdragon 8 Elite"), strict=True)
    ])  # fmt: skip
    assert parse("available in cloud")(named)[:, 0].tolist() == [True, False, False]
    assert parse("available on aws")(named)[:, 0].tolist() == [True, False, False]
    assert parse("available to own")(named)[1, 0]
    assert parse("available")(named)[:, 0].tolist() == [True, True, False]
    assert parse("vendor in nvidia")(named)[:, 0].tolist() == [True, True, False]
    assert parse("device = rtx 4090")(named)[:, 0].tolist() == [False, True, False]
    with pytest.raises(UnknownNameError):
        parse("available on a cloud nobody knows")


@pytest.mark.parametrize(
    "text",
    [
        "latency", "", "latency <=", "fast please", "latency <= 20 ms with probability 1.5", "precision in",
        "latency <= 20 ms with probability 0", "P(fits) >= 2", "latency <= 1e999 ms", "latency ~ 3",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidWorkloadError) as raised:
        parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["latencyy <= 3", "latency <= 3 bananas", "precision in fp17", "platform = kuda"])
def test_unknown_words_are_refused_with_the_nearest(text: str) -> None:
    with pytest.raises(UnknownNameError):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidWorkloadError, UnknownNameError):
        assert 0 < parse(text).probability <= 1


def test_fitting_is_added_once() -> None:
    assert [c.text for c in parse_all(None)] == [FITS.text]
    assert [c.text for c in parse_all("latency <= 3 ms")] == ["latency <= 3 ms", FITS.text]
    both = parse_all(["memory fits with probability 0.99"])
    assert len(both) == 1
    assert both[0].probability == 0.99


def test_joint_probability_is_that_of_the_draws() -> None:
    """Speed and its reciprocal latency are one figure: joint is not the product."""
    o = outcomes([math.log(100.0)], 0.3)
    constraints = parse_all(["throughput >= 100 with probability 0.4", "latency <= 80 ms with probability 0.4"])
    found = evaluate(constraints, o)
    assert found.probability[0, :2] == pytest.approx([0.5, 0.5], abs=0.03)
    assert found.joint[0] == pytest.approx(found.probability[0].min())
    assert found.feasible[0]
    strict = evaluate(parse_all(["latency <= 80 ms with probability 0.6"]), o)
    assert not strict.feasible[0]
    assert f"reaches {found.probability[0, 1]:.2g}" in strict.failures(0)[0]


def test_a_near_miss_does_not_read_as_a_hit() -> None:
    o = outcomes([0.0], memory=[1000.0], capacity=[float("nan")], draws=1000)
    limit = float(np.quantile(o["latency"][0], 0.897))
    (said,) = evaluate(parse_all([f"latency <= {limit:.6f} ms with probability 0.9"])[:1], o).failures(0)
    assert said.endswith("(reaches 0.897)")


def test_the_probability_of_fitting_is_gaussian_where_memory_is() -> None:
    o = outcomes([0.0, 0.0], memory=[1000.0, 1000.0], capacity=[1100.0, float("nan")])
    found = evaluate((FITS,), o)
    assert found.joint[0] == pytest.approx(NormalDist().cdf(math.log(1.1) / 0.1), abs=0.02)
    assert found.joint[1] == 1.0  # unknown capacity counts as enough
    assert np.isnan(o["capacity"][1, 0])
