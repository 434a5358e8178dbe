"""What an hour of a device costs, draws and emits: dated list prices, board power, carbon intensity of grids.

Prices are on-demand list prices of an hour (``data/prices.csv``), each with its date and source; where several clouds
list a device, the cheapest per device counts. A device that no cloud lists but that has a launch price is owned: that
price spread over :data:`LIFETIME_HOURS`, plus its electricity. Power is the board power of the spec sheet: an upper
end, since a device that waits draws less. Everything can be overridden per device; a figure that nobody published is
``None``, never guessed.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from hwpredict.catalog import devices
from hwpredict.errors import InvalidWorkloadError, UnknownNameError, unknown
from hwpredict.workload import Platform

#: Hours over which an owned device is written off: four years (the usual depreciation of servers) around the clock.
LIFETIME_HOURS = 4 * 365.25 * 24
#: USD per kWh of an owned device: average US commercial retail price 2024 (EIA, Electric Power Monthly, table 5.3).
ELECTRICITY_USD_PER_KWH = 0.128
#: Grid whose carbon intensity counts when none is named.
DEFAULT_GRID = "world"


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of one device costs.

    Attributes
    ----------
    usd_per_hour : float
    basis : str
        ``"cloud"`` (on-demand list price), ``"owned"`` (launch price written off, plus electricity) or ``"given"``.
    source, date : str
    """

    usd_per_hour: float
    basis: str
    source: str
    date: str

    def __str__(self) -> str:
        when = f", {self.date}" if self.date else ""
        return f"{self.usd_per_hour:.4g} USD/h ({self.basis}: {self.source}{when})"


@dataclass(frozen=True, slots=True)
class Grid:
    """Carbon intensity of a grid, g CO2-equivalent per kWh."""

    name: str
    grams_per_kwh: float
    source: str
    date: str


def _read(name: str) -> list[dict[str, str]]:
    text = (resources.files("hwpredict.catalog") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def list_prices() -> Mapping[str, tuple[Price, ...]]:
    """Cloud list prices of every device that has one, by canonical name, cheapest first."""
    found: dict[str, list[Price]] = {}
    for row in _read("prices.csv"):
        each = float(row["usd_per_hour"]) / float(row["devices"])
        where = f"{row['provider']} {row['instance']}, {row['region']}; {row['source']}"
        found.setdefault(row["device"], []).append(Price(each, "cloud", where, row["date"]))
    return {name: tuple(sorted(prices, key=lambda p: p.usd_per_hour)) for name, prices in found.items()}


@cache
def _grids() -> Mapping[str, Grid]:
    out: dict[str, Grid] = {}
    for row in _read("grids.csv"):
        grid = Grid(row["grid"], float(row["g_co2_per_kwh"]), row["source"], row["year"])
        out |= dict.fromkeys((row["grid"], *filter(None, row["aliases"].split("|"))), grid)
    return out


def grid(name: str) -> Grid:
    """Carbon intensity of a grid by country or region, or of a figure in g/kWh written as text.

    Raises
    ------
    UnknownNameError
    """
    known, text = _grids(), str(name).strip().casefold()
    if text in known:
        return known[text]
    try:
        grams = float(text)
    except ValueError:
        raise unknown("grid", name, known, hint="Or give its carbon intensity in g CO2/kWh.") from None
    if not 0 <= grams < math.inf:
        raise InvalidWorkloadError(f"a carbon intensity of {name} g CO2/kWh makes no sense: give a figure from 0 on")
    return Grid(f"{grams:g} g/kWh", grams, "given", "")


@dataclass(frozen=True)
class Economics:
    """Prices, power and carbon intensity in force.

    Attributes
    ----------
    prices, power : mapping of str to float
        Overrides by device or platform, in any usual spelling: USD per device-hour, W per device.
    grid : str
        See :func:`grid`.
    basis : {"any", "cloud", "owned"}
        Which default prices count; ``"any"`` takes the cloud's where there is one.

    Raises
    ------
    InvalidWorkloadError, UnknownNameError
    """

    prices: Mapping[str, float] = field(default_factory=dict)
    power: Mapping[str, float] = field(default_factory=dict)
    grid: str = DEFAULT_GRID
    basis: str = "any"
    _prices: Mapping[str, float] = field(init=False, repr=False)
    _power: Mapping[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid(self.grid)
        if self.basis not in ("any", "cloud", "owned"):
            raise unknown("price basis", self.basis, ("any", "cloud", "owned"))
        object.__setattr__(self, "_prices", _canonical(self.prices, "price", "USD per hour"))
        object.__setattr__(self, "_power", _canonical(self.power, "power", "W"))

    def price(self, device: str, platform: str) -> Price | None:
        """Price of an hour of one device; None if nobody states one."""
        given = _override(self._prices, device, platform)
        if given is not None:
            return Price(given, "given", "given by the caller", "")
        listed = list_prices().get(device, ())
        if listed and self.basis != "owned":
            return listed[0]
        return self._owned(device, platform) if self.basis != "cloud" else None

    def _owned(self, device: str, platform: str) -> Price | None:
        known = devices.match(device, platform) if device else None
        if known is None or not known.price_usd:
            return None
        watts = self.watts(device, platform)
        hourly = known.price_usd / LIFETIME_HOURS + (watts or 0.0) / 1e3 * ELECTRICITY_USD_PER_KWH
        what = f"launch price {known.price_usd:,.0f} USD over {LIFETIME_HOURS / 365.25 / 24:.0f} years"
        return Price(hourly, "owned", what + (" plus electricity" if watts else ""), known.price_date)

    def watts(self, device: str, platform: str) -> float | None:
        """Board power of one device, W; None if nobody states one."""
        given = _override(self._power, device, platform)
        if given is not None:
            return given
        known = devices.match(device, platform) if device else None
        return known.tdp_w if known is not None else None

    @property
    def grams_per_kwh(self) -> float:
        """Carbon intensity of the grid."""
        return grid(self.grid).grams_per_kwh


def _override(given: Mapping[str, float], device: str, platform: str) -> float | None:
    return given[device] if device in given else given.get(platform)


def _canonical(given: Mapping[str, float], what: str, unit: str) -> dict[str, float]:
    """Overrides keyed by canonical device or platform name."""
    out = {}
    for name, value in given.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InvalidWorkloadError(f"the {what} of {name} is {value!r}: give a number in {unit}") from None
        if not 0 < number < math.inf:
            raise InvalidWorkloadError(f"the {what} of {name} is {value}: give a positive number in {unit}")
        text = str(name).strip()
        if text.casefold() in {str(p) for p in Platform}:
            out[text.casefold()] = number
            continue
        platform, _, rest = text.partition(":")
        try:
            known = devices.find(rest, platform.casefold()) if rest else devices.find(text)
        except UnknownNameError as error:
            raise UnknownNameError(f"{what} given for {name!r}: {error}") from None
        out[known.name] = number
    return out
