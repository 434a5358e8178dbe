"""What the options of a command mean: the predictor, and the model that is asked about."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict.errors import InvalidWorkloadError

if TYPE_CHECKING:
    from hwpredict.predictor import HardwareModelPredictor
    from hwpredict.query import Model

_COUNT = re.compile(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*([kmbt]?)", re.IGNORECASE)
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def predictor(
    *,
    posterior: Path | None = None,
    database: str | None = None,
    benchmark_dir: Path | None = None,
    config: Path | None = None,
    seed: int | None = None,
) -> HardwareModelPredictor:
    """The predictor that a command line describes."""
    from hwpredict.predictor import HardwareModelPredictor

    return HardwareModelPredictor(benchmark_dir, database, config, posterior=posterior, seed=seed)


def model(argument: str | None, option: str | None, config: Path | None) -> Model:
    """The model, from its name, its config.json, or both (the name then is what it is called).

    Raises
    ------
    InvalidWorkloadError
        Two different names, or a config that cannot be read.
    """
    if argument is not None and option is not None and argument != option:
        raise InvalidWorkloadError(f"two models are named, {argument!r} and {option!r}: a command answers for one")
    name = argument if argument is not None else option
    if config is None:
        return name
    from hwpredict.catalog.models import from_config

    found = from_config(config)
    return found if name is None else found.named(name)


def check_folder(out: Path | None) -> None:
    """See that a file can be written before the work is done.

    Raises
    ------
    InvalidWorkloadError
        The folder that it goes to does not exist.
    """
    if out is not None and not out.resolve().parent.is_dir():
        raise InvalidWorkloadError(f"cannot write {out}: the folder {out.resolve().parent} does not exist")


def store(database: str | None) -> Path:
    """Where predictions are kept: ``--database``, else ``HWPREDICT_DATABASE``, else ``hwpredict.duckdb``."""
    from hwpredict.store import default_path

    return default_path(database)


def rows(path: Path) -> Any:
    """Rows of a CSV or Parquet file: a list of dicts, or a DataFrame.

    Raises
    ------
    InvalidWorkloadError
        It is neither.
    """
    try:
        if path.suffix.casefold() == ".parquet":
            import pandas as pd

            return pd.read_parquet(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True)
            found = list(table)
    except (OSError, ValueError, csv.Error) as error:  # Arrow's parser errors are among them
        raise InvalidWorkloadError(f"cannot read {path} as CSV or Parquet: {error}") from error
    for number, row in enumerate(found, start=2):
        if None in row or None in row.values():
            columns = len(table.fieldnames or ())
            raise InvalidWorkloadError(f"line {number} of {path} does not have {columns} fields, as its header has")
    return found


def count(text: str | None) -> float | None:
    """A number of parameters: ``"7B"``, ``"110M"``, ``"25e6"``.

    Raises
    ------
    InvalidWorkloadError
    """
    if text is None:
        return None
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        raise InvalidWorkloadError(f"parameters is {text!r}: give a positive number, such as 7B, 110M or 25e6")
    return float(found[1]) * _FACTORS[found[2].casefold()]
