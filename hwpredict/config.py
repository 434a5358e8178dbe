"""Configuration: a TOML or JSON file whose keys replace the defaults one by one.

.. code-block:: toml

    draws = 400
    utility = "latency"
    candidates = ["a100", "rtx 4090", "openvino:core ultra 7 155h"]

    [runtime]
    cuda = "torch.compile"

What a caller or the command line says outright goes before the file, and the file before the defaults. Paths in the
file are relative to it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hwpredict.errors import ConfigError, HwpredictError, unknown
from hwpredict.workload import Platform, choice

#: Predictive draws: 400 give the ends of a 90 % interval to about 3 % of its width.
DRAWS = 400


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
    utility : str
        What a recommendation is ranked by when a call does not say.
    posterior : Path or None
        A posterior in place of the one that ships with the package.
    database, benchmark_dir : Path or None
        Measurements of your own: a store or table, and a folder of results.
    """

    draws: int = DRAWS
    seed: int = 0
    candidates: tuple[str, ...] = ()
    runtime: Mapping[str, str] = field(default_factory=dict)
    utility: str = "throughput"
    posterior: Path | None = None
    database: Path | None = None
    benchmark_dir: Path | None = None


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is {value!r}: give a whole number of at least {least}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} is {value!r}: give a name")
    return value.strip()


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise ConfigError(f"{name} is {value!r}: give a list of platforms or devices")
    return tuple(_text(f"{name}[{i}]", item) for i, item in enumerate(value))


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
        if key in ("draws", "seed"):
            new[key] = _whole(key, value, 2 if key == "draws" else 0)
        elif key == "candidates":
            new[key] = _names(key, value)
        elif key == "runtime":
            new[key] = {**config.runtime, **_by_platform(key, value)}
        elif key == "utility":
            new[key] = _text(key, value)
        else:
            new[key] = folder / Path(_text(key, value)).expanduser()
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
