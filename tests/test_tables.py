"""A large table bends nothing that others share, and is fitted to all of its rows in what it alone knows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from helpers import A100, T4, Row, build, drawn

from hwpredict.performance.design import Design
from hwpredict.performance.engine import Laplace, laplace
from hwpredict.performance.fit import ITERATIONS_OF_TABLES, fit
from hwpredict.performance.parts import EFFECTS as ALL
from hwpredict.performance.tables import MOST_OBSERVATIONS, of_one_table, powers, tables

EFFECTS = ("intercept:compute", "device:all", "framework:compute", "model:row", "source:row")
SMALL = ("resnet18", "resnet50", "vgg16")
LARGE = ("resnet50", "densenet121", "alexnet")


def rows(source: str, models: tuple[str, ...], copies: int) -> list[Row]:
    return [
        {
            "source": source,
            "model": model,
            "model_family": "vision",
            "hardware": "cuda",
            "device": device,
            "precision": "fp32",
            "runtime": "pytorch-eager",
            "batch_size": 64,
            "item": "image",
            "latency_ms": 1.0,
        }
        for device, model, _ in product((A100, T4), models, range(copies))
    ]


@pytest.fixture(scope="module")
def both() -> Design:
    """Two tables, of 24 rows and of 1,200, whose rows were drawn from the model."""
    d = build(rows("small", SMALL, 4) + rows("large", LARGE, 200), *EFFECTS)
    return drawn(d, np.random.default_rng(0), scale=np.full(len(d.effects), 0.3), noise=0.05)[0]


def test_a_large_table_weighs_as_some_hundred_rows(both: Design) -> None:
    table, power = tables(both), powers(both)
    weight, size = np.bincount(table, power), np.bincount(table)
    np.testing.assert_allclose(np.sort(weight), [24, MOST_OBSERVATIONS])
    np.testing.assert_array_equal(np.sort(size), [24, 1200])
    assert len(np.unique(power[table == size.argmax()])) == 1


def test_a_table_by_itself_counts_in_full() -> None:
    d = build(rows("large", LARGE, 200), *EFFECTS)
    np.testing.assert_array_equal(powers(d), 1.0)


def test_levels_of_one_table_are_those_that_no_other_informs(both: Design) -> None:
    alone = of_one_table(both)

    def of(name: str) -> dict[str, bool]:
        at = [e.name for e in both.effects].index(name)
        label = both.effects[at].labels[0]
        codes = both.vocabulary.decode(both.effects[at].labels, both.keys[at])[0]
        names = np.array(both.vocabulary.names[label])[codes].tolist()
        return dict(zip(names, alone[both.starts[at] : both.starts[at + 1]].tolist(), strict=True))

    assert of("model:row") == {m: m != "resnet50" for m in {*SMALL, *LARGE}}
    assert not any(of("device:all").values())
    assert all(of("source:row").values())


def fitted(d: Design, seed: int = 1) -> tuple[Laplace, Laplace]:
    shared = laplace(d, iterations=15, rng=np.random.default_rng(seed), power=powers(d))
    start = (shared.mode, shared.scale, shared.noise)
    return shared, laplace(d, iterations=5, rng=np.random.default_rng(seed), start=start, free=of_one_table(d))


def test_what_is_shared_is_held_and_its_draws_with_it(both: Design) -> None:
    alone = of_one_table(both)
    shared, state = fitted(both)
    np.testing.assert_array_equal(state.mode[~alone], shared.mode[~alone])
    np.testing.assert_array_equal(state.scale, shared.scale)
    given = shared.sample(16, np.random.default_rng(2))
    effects, scales = state.sample(16, np.random.default_rng(3), given)
    np.testing.assert_array_equal(effects[:, ~alone], given[0][:, ~alone])
    np.testing.assert_allclose(scales, given[1])
    assert np.all(effects[:, alone].std(axis=0) > 0)


def test_a_large_table_bends_what_is_shared_less_than_its_rows_would() -> None:
    d = build(rows("small", SMALL, 50) + rows("large", LARGE, 500), *EFFECTS)
    d, truth = drawn(d, np.random.default_rng(0), scale=np.full(len(d.effects), 0.3), noise=0.05)
    at = [e.name for e in d.effects].index("device:all")
    devices = slice(d.starts[at], d.starts[at + 1])
    # in the large table an A100 is twice as fast as in the small one, which the model has no effect for
    first = np.isin(np.arange(len(d.y)), d.obs[d.level == d.starts[at]])
    d.y[first & (np.bincount(tables(d))[tables(d)] == 3000)] -= np.log(2)
    full = laplace(d, iterations=15, rng=np.random.default_rng(1))
    _, state = fitted(d)
    error = [abs(float(np.diff(b[devices])[0] - np.diff(truth[devices])[0])) for b in (full.mode, state.mode)]
    assert error[1] < error[0] - 0.1


def test_fit_finishes_large_tables_among_others_only() -> None:
    chosen = tuple(e for e in ALL if e.name in EFFECTS)
    large = rows("large", LARGE, 60)
    alone = fit(large, iterations=3, draws=8, effects=chosen)
    among = fit(rows("small", SMALL, 2) + large, iterations=3, draws=8, effects=chosen)
    assert len(alone.attrs["history"]) == 3
    assert len(among.attrs["history"]) == 3 + ITERATIONS_OF_TABLES
    assert among.n_draws == 8
