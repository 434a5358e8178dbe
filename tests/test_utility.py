"""Utilities: composable, on any kind of array, with expressions that cannot do anything but arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, strategies as st

from hwpredict.decision.expression import FUNCTIONS, compile_expression
from hwpredict.decision.outcomes import QUANTITIES
from hwpredict.decision.utility import GUIDE_WEIGHTS, UTILITIES, Utility, get_utility, guide, weighted
from hwpredict.errors import InvalidWorkloadError, MissingFigureError, UnknownNameError
from tests.outcomes import outcomes


def test_dims_are_kept_on_labelled_arrays() -> None:
    data = xr.Dataset({
        "throughput": (("hardware", "draw"), np.array([[10.0, 20.0], [30.0, 40.0]]), {"units": "s-1"}),
        "price": ("hardware", np.array([1.0, 2.0])),
    }, {"hardware": ["a", "b"]})  # fmt: skip
    for utility in (UTILITIES["throughput_per_dollar"], get_utility("throughput / price if price > 1 else throughput")):
        value = utility(data)
        assert value.dims == ("hardware", "draw")
        assert list(value.hardware.values) == ["a", "b"]


def test_every_named_utility_prefers_what_is_better_in_every_way() -> None:
    o = outcomes([0.0, 1.0], 0.01, price=[2.0, 1.0], power=[200.0, 100.0], memory=[2000.0, 1000.0])
    for utility in (*UTILITIES.values(), guide("inference"), guide("training")):
        value = np.broadcast_to(utility(o), o.shape)
        assert (value[1] > value[0]).all(), utility.name


def test_utilities_add_multiply_and_negate() -> None:
    o = outcomes([0.0, 1.0], price=[1.0, 3.0])
    speed, cheap = UTILITIES["throughput"], UTILITIES["throughput_per_dollar"]
    mixed = 0.7 * speed + 0.3 * cheap - speed
    np.testing.assert_allclose(mixed(o), -0.3 * speed(o) + 0.3 * cheap(o))
    np.testing.assert_allclose((-speed)(o), -speed(o))
    np.testing.assert_allclose(
        weighted({"throughput": 0.7, "throughput_per_dollar": 0.3})(o), (0.7 * speed + 0.3 * cheap)(o)
    )
    with pytest.raises(InvalidWorkloadError):
        speed * float("nan")


def test_a_function_is_a_utility() -> None:
    def squared(q):  # type: ignore[no-untyped-def]
        return -(q["latency"] ** 2)

    assert get_utility(squared).name == "squared"
    o = outcomes([0.0, 1.0])
    np.testing.assert_allclose(get_utility(squared)(o), -(o["latency"] ** 2))


def test_cost_and_carbon_have_the_units_that_they_say() -> None:
    o = outcomes([math.log(100.0)], 1e-9, price=[3.6], power=[360.0])
    # 3.6 USD/h at 100 items/s: 360,000 items an hour
    np.testing.assert_allclose(np.asarray(o["cost_per_million"]).mean(), 10.0, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(o["energy_per_item"]).mean(), 3.6, rtol=1e-6)
    # 3.6 J a piece are 1 kWh per million, at 400 g
    np.testing.assert_allclose(np.asarray(o["grams_per_million"]).mean(), 400.0, rtol=1e-6)
    np.testing.assert_allclose(np.exp(UTILITIES["throughput_per_gram"](o)).mean(), 1e6 / 400, rtol=1e-6)


def test_an_unknown_price_is_an_error_only_if_it_is_needed() -> None:
    o = outcomes([0.0, 1.0])
    UTILITIES["throughput"](o)
    with pytest.raises(MissingFigureError, match=r"price.*a, b") as raised:
        UTILITIES["cost"](o)
    assert raised.value.options == ("a", "b")
    assert "\n" not in str(raised.value)


def test_the_guides_weights_are_those_of_its_document() -> None:
    assert GUIDE_WEIGHTS["inference"] == {"latency": 0.4, "throughput": 0.3, "memory": 0.2, "compatibility": 0.1}
    o = outcomes([0.0, 1.0])
    expected = 0.3 * np.log(o["throughput"]) - 0.4 * np.log(o["latency"]) - 0.2 * np.log(o["memory"]) + 0.1 * o["fits"]
    np.testing.assert_allclose(guide("inference")(o), expected)
    with pytest.raises(UnknownNameError, match="latency"):
        guide("inference", {"inference": {"latencyy": 1.0}})


@pytest.mark.parametrize("name", ["thruput", "", "speed_per_euro"])
def test_an_unknown_utility_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match="utility"):
        get_utility(name)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "throughput.__class__",
        "(lambda: throughput)()",
        "[throughput for _ in (1,)]",
        "throughput if latency else open('x')",
        "exec('1')",
        "log(throughput, out=latency)",
        "throughput[0]",
        "f'{throughput}'",
        "throughput := 1",
        "'a' + throughput",
        "1 < throughput < 2",
        "throughput @ latency",
        "log()",
        "1 + 1",
        "((" * 500 + "throughput",
        "throughput" + "+throughput" * 500,
        "-" * 1900 + "throughput",
        "throughput\x00",
    ],
)
def test_an_expression_can_do_nothing_but_arithmetic(text: str) -> None:
    with pytest.raises((InvalidWorkloadError, UnknownNameError)) as raised:
        compile_expression(text)
    assert "\n" not in str(raised.value)


_LEAVES = st.sampled_from([*QUANTITIES, "1", "0.5", "2"])
_EXPRESSIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from([f for f in FUNCTIONS if f not in ("min", "max")]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        # a comparison is a number to us; NumPy does not subtract booleans
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">="]), inner).map(lambda t: f"(1 * ({t[0]} {t[1]} {t[2]}))"),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS)
def test_an_expression_gives_what_python_gives(text: str) -> None:
    if not any(q in text for q in QUANTITIES):
        return
    rng = np.random.default_rng(1)
    values = {q: rng.uniform(0.5, 2.0, (2, 3)) for q in QUANTITIES}
    evaluate, names = compile_expression(text)
    assert names <= set(QUANTITIES)
    with np.errstate(all="ignore"):
        got = evaluate(values)
        # a comparison is a number to us, and NumPy would take its exponential in half precision
        single = {n: (lambda *a, f=f: f(*(np.asarray(x, float) for x in a))) for n, f in FUNCTIONS.items()}
        expected = eval(text, {"__builtins__": {}}, {**single, **values})
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-12)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    try:
        evaluate, _ = compile_expression(text)
    except (InvalidWorkloadError, UnknownNameError):
        pass
    else:
        with np.errstate(all="ignore"):
            evaluate({q: np.ones(2) for q in QUANTITIES})


def test_a_utility_that_loses_its_shape_or_is_not_finite_is_refused() -> None:
    from hwpredict.decision.recommend import rank

    o = outcomes([0.0, 1.0])
    with pytest.raises(InvalidWorkloadError, match="shape"):
        rank(o, Utility("flat", lambda q: q["throughput"].reshape(-1)))
    with pytest.raises(InvalidWorkloadError, match="finite"):
        rank(o, get_utility("log(throughput - throughput)"))
