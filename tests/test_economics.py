"""Prices, power and carbon: dated facts with sources, and overrides."""

from __future__ import annotations

import csv
import re
from importlib import resources

import pytest

from hwpredict.catalog import devices
from hwpredict.catalog.economics import ELECTRICITY_USD_PER_KWH, LIFETIME_HOURS, Economics, grid, list_prices
from hwpredict.errors import InvalidWorkloadError, UnknownNameError


def rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("hwpredict.catalog") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_price_names_a_device_a_date_and_a_source() -> None:
    seen = set()
    for row in rows("prices.csv"):
        assert devices.find(row["device"], row["platform"]).name == row["device"]
        assert re.fullmatch(r"20\d\d-\d\d", row["date"]), row
        assert row["source"]
        assert row["region"]
        each = float(row["usd_per_hour"]) / int(row["devices"])
        assert 0.1 < each < 20, row
        key = (row["device"], row["provider"], row["instance"])
        assert key not in seen
        seen.add(key)


def test_every_grid_has_a_year_and_a_source() -> None:
    for row in rows("grids.csv"):
        assert 0 < float(row["g_co2_per_kwh"]) < 1000
        assert row["year"].isdigit()
        assert row["source"]
    assert grid("France").grams_per_kwh < grid("us").grams_per_kwh < grid("pl").grams_per_kwh
    assert grid("123").grams_per_kwh == 123
    for bad in ("atlantis", ""):
        with pytest.raises(UnknownNameError):
            grid(bad)
    for bad in ("-3", "nan", "inf"):
        with pytest.raises(InvalidWorkloadError):
            grid(bad)


def test_the_cheapest_listing_counts() -> None:
    prices = list_prices()["NVIDIA L4"]
    assert len(prices) > 1
    found = Economics().price("NVIDIA L4", "cuda")
    assert found is not None
    assert found.usd_per_hour == min(p.usd_per_hour for p in prices)
    assert found.basis == "cloud"
    assert "20" in str(found)


def test_an_owned_device_costs_its_price_over_its_life_and_its_power() -> None:
    device = devices.find("rtx 4090")
    found = Economics().price(device.name, "cuda")
    assert found is not None
    assert found.basis == "owned"
    expected = device.price_usd / LIFETIME_HOURS + 450 / 1e3 * ELECTRICITY_USD_PER_KWH  # type: ignore[operator]
    assert found.usd_per_hour == pytest.approx(expected)
    assert Economics(basis="cloud").price(device.name, "cuda") is None


def test_unknown_stays_unknown() -> None:
    assert Economics().price("Snapdragon 8 Elite", "qnn") is None
    assert Economics().price("", "cuda") is None
    assert Economics().watts("Google TPU v5e", "tpu") is None


def test_overrides_take_any_spelling() -> None:
    given = Economics(prices={"a100": 1.5, "cuda": 2.0}, power={"Snapdragon 8 Elite": 8.0})
    assert given.price("NVIDIA A100-SXM4-80GB", "cuda").usd_per_hour == 1.5  # type: ignore[union-attr]
    assert given.price("NVIDIA T4", "cuda").usd_per_hour == 2.0  # type: ignore[union-attr]
    assert given.price("", "cuda").usd_per_hour == 2.0  # type: ignore[union-attr]
    assert given.watts("Snapdragon 8 Elite", "qnn") == 8.0
    for bad in ({"a100": -1.0}, {"a100": float("nan")}, {"a100": "cheap"}):
        with pytest.raises(InvalidWorkloadError):
            Economics(prices=bad)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="a1000000"):
        Economics(prices={"a1000000": 1.0})
    with pytest.raises(UnknownNameError):
        Economics(basis="stolen")
