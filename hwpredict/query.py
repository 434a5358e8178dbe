"""From what a caller writes to workloads and targets: names, files, features and defaults resolved in one place."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict.catalog import devices, models
from hwpredict.config import Config
from hwpredict.decision import web
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.performance import rows as r
from hwpredict.performance.cells import resolve_target, to_rows
from hwpredict.workload import Family, Platform, Target, Workload, choice

#: What names a model: its name; its parsed config.json, or where that is; its features; None where only the family is
#: known.
Model = str | Mapping[str, Any] | os.PathLike[str] | models.ModelFeatures | None

#: Parameters below which a model is called small, medium.
MODEL_SIZES = {"small": 1e8, "medium": 1e9}
#: Largest batch that is called small, medium.
BATCH_SIZES = {"small": 1, "medium": 8}

_log = logging.getLogger(__name__)


def resolve_model(model: Model, family: str | None = None) -> tuple[str, str | None]:
    """The name under which a model is known, and its family.

    Parameters
    ----------
    model : str, Mapping, path, ModelFeatures or None
    family : str, optional

    Returns
    -------
    name : str
    family : str or None
        The catalog's, where it knows the model.

    Raises
    ------
    UnknownNameError
        The family, or the config's ``model_type``.
    InvalidWorkloadError
        A config that cannot be read or lacks a key, or neither model nor family.
    """
    if family is not None:
        family = choice("family", family, Family)
    if model is None:
        if family is None:
            raise InvalidWorkloadError(
                "no model is named: give its name, its config.json, or at least its family "
                f"({', '.join(Family)}), with its parameters if you know them"
            )
        return f"some {family} model", family
    name = _described(model)
    known = models.match(name)
    if known is not None and family is not None and family != known.family:
        _log.warning("%s is known as %s: the family %s that was given is not used", name, known.family, family)
    return name, known.family if known is not None else family


def _described(model: str | Mapping[str, Any] | os.PathLike[str] | models.ModelFeatures) -> str:
    """The name of a model; one that is described by a file or by its features is registered."""
    if not isinstance(model, (str, Mapping, os.PathLike, models.ModelFeatures)):
        raise InvalidWorkloadError(
            f"the model is {model!r}: give its name, its config.json (parsed, or the path of it), or ModelFeatures"
        )
    if isinstance(model, str) and not _is_config(model):
        return model
    if isinstance(model, models.ModelFeatures):
        return models.register(model)
    found = models.from_config(model if isinstance(model, (str, Mapping)) else Path(model))
    name = models.register(found)
    _log.info("%s: %.4g parameters, from its config", name, found.parameters)
    return name


def read_rows(workloads: Any) -> r.Table:
    """Rows to predict, from whatever holds them.

    Parameters
    ----------
    workloads : pandas.DataFrame or list of dict or list of (Workload, Target)

    Raises
    ------
    InvalidWorkloadError
        It is none of these, or the column ``model`` or ``hardware`` is missing.
    """
    if isinstance(workloads, (list, tuple)) and workloads and isinstance(workloads[0], tuple):
        return to_rows(workloads)
    if not hasattr(workloads, "columns") and not isinstance(workloads, list):
        raise InvalidWorkloadError(
            f"workloads is a {type(workloads).__name__}: give a DataFrame, a list of dicts or of "
            "(Workload, Target) pairs"
        )
    names = set(workloads.columns) if hasattr(workloads, "columns") else {k for w in workloads for k in w}
    for column in ("model", "hardware"):
        if column not in names and len(workloads):
            raise InvalidWorkloadError(f"the column {column!r} is missing; there are {sorted(names)}")
    return resolve_models(r.table(workloads))


def resolve_models(rows: r.Table) -> r.Table:
    """Rows whose models are names: a model that is the path of a config.json is read and registered."""
    written = rows["model"].tolist()
    found = {name: _described(name) for name in set(written) if name.casefold().endswith(".json")}
    if not found:
        return rows
    return {**rows, "model": np.array([found.get(name, name) for name in written], dtype=object)}


def _is_config(text: str) -> bool:
    """Whether a name is that of a config.json, or of a folder with one."""
    return text.casefold().endswith(".json") or Path(text, "config.json").is_file()


def resolve_targets(
    hardware: str | Sequence[str | Target] | None,
    config: Config,
    *,
    runtime: str | None = None,
    n_devices: int = 1,
    browser: str | Sequence[str] | None = None,
    family: str | None = None,
) -> list[Target]:
    """Targets from what a caller writes, or the usual candidates.

    Parameters
    ----------
    hardware : str or sequence of (str or Target) or None
        A target keeps its device, whatever the catalog calls it.
    config : Config
        Says the candidates, and the runtime by platform.
    runtime : str, optional
        Goes before the config's.
    n_devices : int
    browser : str or sequence of str, optional
        Every web platform is answered for once per browser.
    family : str, optional
        Of the model: language models run in another runtime in a browser.

    Raises
    ------
    UnknownNameError
        Neither a platform nor a device of the catalog, or no browser.
    InvalidWorkloadError
        An empty list.
    """
    names = [hardware] if isinstance(hardware, str) else None if hardware is None else list(hardware)
    if names is None and config.candidates:
        names = list(config.candidates)
    if names is None:
        targets = [Target(platform, device, runtime, None, n_devices) for platform, device in devices.DEFAULT_TARGETS]
    elif not names:
        raise InvalidWorkloadError("the list of hardware is empty: name at least one platform or device")
    else:
        written = web.spread(list(dict.fromkeys(names)), browser)
        targets = [_resolve(n, family, runtime=runtime, n_devices=n_devices) for n in written]
    if runtime is not None or not config.runtime:
        return targets
    return [t if t.runtime else replace(t, runtime=config.runtime.get(t.platform)) for t in targets]


def _resolve(name: str | Target, family: str | None, *, runtime: str | None, n_devices: int) -> Target:
    """A target as written, which may name a browser."""
    if isinstance(name, Target):
        return replace(name, n_devices=n_devices, runtime=name.runtime or runtime)
    plain, browser = web.split(name)
    found = replace(_target(plain, runtime, n_devices), label=str(name).strip())
    return web.in_browser(found, browser, family, runtime)


def _target(name: str, runtime: str | None, n_devices: int) -> Target:
    """A target; a misspelt platform is told from an unknown device."""
    try:
        return resolve_target(name, n_devices=n_devices, runtime=runtime)
    except UnknownNameError as error:
        close = difflib.get_close_matches(str(name).strip().casefold(), [str(p) for p in Platform], n=1, cutoff=0.7)
        if not close:
            raise
        raise UnknownNameError(
            f"unknown hardware {name!r}: did you mean the platform {close[0]!r}? ({error})"
        ) from None


def describe(work: Workload, rows: r.Table) -> dict[str, Any]:
    """A query as results repeat it, with the guide's keys.

    Parameters
    ----------
    work : Workload
    rows : dict of str to ndarray
        What was predicted, with the defaults filled in.
    """
    known = models.match(work.model)
    size = work.parameters or (known.parameters if known else None)
    length = rows["sequence_length"][0]
    return {
        "model_name": work.model,
        "model_family": rows["model_family"][0] or None,
        "model_size": size,
        "model_size_category": None if size is None else _category(size, MODEL_SIZES, strict=True),
        "batch_size": int(work.batch_size),
        "batch_category": _category(work.batch_size, BATCH_SIZES, strict=False),
        "sequence_length": None if length != length else int(length),
        "mode": work.mode,
        "precision": work.precision,
    }


def _category(value: float, limits: Mapping[str, float], *, strict: bool) -> str:
    for name, limit in limits.items():
        if value < limit or (not strict and value == limit):
            return name
    return "large"
