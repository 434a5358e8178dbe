"""Configuration: a TOML or JSON file whose keys replace the defaults one by one.

.. code-block:: toml

    draws = 400
    utility = "latency"
    candidates = ["a100", "rtx 4090", "openvino:core ultra 7 155h"]

    constraints = ["latency <= 20 ms with probability 0.95", "price <= 3 usd/h"]
    risk = "cvar:0.1"
    grid = "france"

    [runtime]
    cuda = "torch.compile"

    [prices]  # USD per device-hour
    a100 = 1.79

    [power]  # W per device
    a100 = 330

``utility`` is a name, an arithmetic expression on quantities (``"log(throughput) - 0.3 * log(price)"``) or a table of
weights of named utilities. ``selection_criteria`` and ``hardware_preferences`` are read as the guide writes them.

What a caller or the command line says outright goes before the file, and the file before the defaults. Paths in the
file are relative to it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hwpredict.errors import ConfigError, HwpredictError, unknown
from hwpredict.workload import Platform, choice

#: Predictive draws: 400 give the ends of a 90 % interval to about 3 % of its width.
DRAWS = 400
#: How many times slower a draw counts that does not fit into memory: somebody has to notice, shrink the batch or
#: quantise, and deploy again. It prices a wrong "fits" into every utility, whatever its unit.
OOM_SLOWDOWN = 100.0
#: Probability of the central intervals that answers report.
PROBABILITY = 0.9


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a predictor.

    Attributes
    ----------
    draws : int
        Predictive draws of each cell.
    seed : int
        Seed of the draws; equal seeds give equal predictions.
    candidates : tuple of str
        Platforms and devices that are considered when a call names none; empty stands for the package's own choice.
    runtime : mapping of str to str
        Software by platform that is meant when a call names none; the others keep the platform's usual one.
    utility : str or mapping of str to float
        What a recommendation is ranked by when a call does not say: a name, an expression, or weights of names.
    risk : str
        Attitude to risk: see :func:`hwpredict.decision.risk.get_risk`.
    constraints : tuple of str
        What must hold: see :mod:`hwpredict.decision.constraints`.
    prices, power : mapping of str to float
        By device or platform, in the place of the catalog's: USD per device-hour, W per device.
    price_basis : str
        ``"any"``, ``"cloud"`` or ``"owned"``: which of the catalog's prices count.
    grid : str
        Country or region whose carbon intensity counts, or g CO2/kWh.
    oom_slowdown : float
        How many times slower a draw counts that does not fit into memory.
    selection_criteria, hardware_preferences : mapping
        The guide's weights by mode, and its factors (0 to 1) by platform.
    posterior : Path or None
        A posterior in place of the one that ships with the package.
    database, benchmark_dir : Path or None
        Measurements of your own: a store or table (a string, if it is a URL), and a folder of results.
    """

    draws: int = DRAWS
    seed: int = 0
    candidates: tuple[str, ...] = ()
    runtime: Mapping[str, str] = field(default_factory=dict)
    utility: str | Mapping[str, float] = "throughput"
    risk: str = "neutral"
    constraints: tuple[str, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    power: Mapping[str, float] = field(default_factory=dict)
    price_basis: str = "any"
    grid: str = "world"
    oom_slowdown: float = OOM_SLOWDOWN
    selection_criteria: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    hardware_preferences: Mapping[str, float] = field(default_factory=dict)
    posterior: Path | None = None
    database: Path | str | None = None
    benchmark_dir: Path | None = None


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ConfigError(f"{name} is {value!r}: give a whole number of at least {least}")
    return int(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} is {value!r}: give a name")
    return value.strip()


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        what = "constraints" if name == "constraints" else "platforms or devices"
        raise ConfigError(f"{name} is {value!r}: give a list of {what}")
    return tuple(_text(f"{name}[{i}]", item) for i, item in enumerate(value))


def _number(name: str, value: Any, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < math.inf:
        raise ConfigError(f"{name} is {value!r}: give a number from {least:g} on")
    return float(value)


def _numbers(name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ConfigError(f"{name} is {value!r}: give a table of numbers by name")
    return {str(key): _number(f"{name}.{key}", item) for key, item in value.items()}


def _weights(name: str, value: Any) -> dict[str, dict[str, float]]:
    """The guide's selection criteria: weights by mode, each named ``<figure>_weight``."""
    if not isinstance(value, dict):
        raise ConfigError(f"{name} is {value!r}: give a table of weights by mode")
    return {
        str(mode): {k.removesuffix("_weight"): w for k, w in _numbers(f"{name}.{mode}", table).items()}
        for mode, table in value.items()
    }


def _preferences(name: str, value: Any) -> dict[str, float]:
    """The guide's factors of each platform, as their mean."""
    if not isinstance(value, dict):
        raise ConfigError(f"{name} is {value!r}: give a table of factors by platform")
    out = {}
    for platform, factors in value.items():
        given = list(_numbers(f"{name}.{platform}", factors).values()) if isinstance(factors, dict) else [
            _number(f"{name}.{platform}", factors)
        ]  # fmt: skip
        out[choice("platform", platform, Platform)] = sum(given) / len(given)
        if not out[choice("platform", platform, Platform)] > 0:
            raise ConfigError(f"{name}.{platform} is 0: leave the platform out of the candidates instead")
    return out


def _utility(name: str, value: Any) -> str | dict[str, float]:
    if isinstance(value, dict):
        return _numbers(name, value)
    return _text(name, value)


#: How each setting is read; what is not here is a path.
_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "draws": lambda name, value: _whole(name, value, 2),
    "seed": lambda name, value: _whole(name, value, 0),
    "candidates": lambda name, value: _names(name, value),
    "utility": _utility,
    "risk": lambda name, value: _text(name, value),
    "constraints": lambda name, value: _names(name, value),
    "prices": _numbers,
    "power": _numbers,
    "price_basis": lambda name, value: _text(name, value),
    "grid": lambda name, value: str(value) if isinstance(value, (int, float)) else _text(name, value),
    "oom_slowdown": lambda name, value: _number(name, value, 1.0),
    "selection_criteria": _weights,
    "hardware_preferences": _preferences,
}


def _by_platform(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, str):  # one for all
        return {str(platform): _text(name, value) for platform in Platform}
    if not isinstance(value, dict):
        raise ConfigError(f"{name} is {value!r}: give a name, or a table of names by platform")
    return {choice("platform", key, Platform): _text(f"{name}.{key}", item) for key, item in value.items()}


def merge(config: Config, given: Mapping[str, Any], folder: Path) -> Config:
    """Settings with those that are given in the place of the others.

    Parameters
    ----------
    config : Config
        The defaults.
    given : mapping
        Keys are the attributes of :class:`Config`; a table merges into the table below it.
    folder : Path
        What relative paths start from.

    Raises
    ------
    ConfigError
        A value of the wrong kind.
    UnknownNameError
        A key that is not a setting; the message has the nearest ones.
    """
    known = [f.name for f in fields(Config)]
    new: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise unknown("setting", key, known)
        if key == "runtime":
            new[key] = {**config.runtime, **_by_platform(key, value)}
        elif key in _READERS:
            read_value = _READERS[key](key, value)
            below = getattr(config, key)
            new[key] = {**below, **read_value} if key != "utility" and isinstance(read_value, dict) else read_value
        else:
            place = _text(key, value)
            new[key] = place if "://" in place and key == "database" else folder / Path(place).expanduser()
    return replace(config, **new)


def override(config: Config, given: Mapping[str, Any]) -> Config:
    """Settings with what a caller says outright in the place of the others.

    Parameters
    ----------
    config : Config
    given : mapping
        Keys and values as in a file; a path may be any path, and is relative to where the process runs.

    Raises
    ------
    ConfigError, UnknownNameError
    """
    plain = {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in given.items()}
    return merge(config, plain, Path())


def load(path: str | os.PathLike[str] | None, given: Mapping[str, Any]) -> Config:
    """Settings of a file, if there is one, with what a caller says outright (what is not None) in their place.

    Parameters
    ----------
    path : path, optional
    given : mapping

    Raises
    ------
    ConfigError, UnknownNameError
    """
    return override(Config() if path is None else read(path), {k: v for k, v in given.items() if v is not None})


def read(path: str | os.PathLike[str], base: Config | None = None) -> Config:
    """Settings of a file, over the defaults.

    Parameters
    ----------
    path : path
        JSON if it ends in ``.json``, TOML otherwise.
    base : Config, optional
        Defaults in place of the package's.

    Raises
    ------
    ConfigError
        The file does not exist, is not TOML or JSON, or has a key or value that is not allowed; the message has the
        file, the key, and what is.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration {file}: {getattr(error, 'strerror', error)}") from error
    try:
        return merge(base or Config(), _parse(text, json_text=file.suffix.casefold() == ".json"), file.parent)
    except HwpredictError as error:
        raise ConfigError(f"{file}: {error}") from error


def _parse(text: str, *, json_text: bool) -> dict[str, Any]:
    if not json_text:
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"not TOML: {error}; a JSON file has to end in .json") from error
    import json

    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"it holds a {type(values).__name__}: give an object of settings")
    return values
