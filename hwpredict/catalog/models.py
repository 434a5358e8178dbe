"""Features of models, from a name, a config.json, or the family alone.

The catalog knows transformers by their hyper-parameters, from which everything is computed; image models by counts at
the sizes they are run at; and some hundred others by published figures. Names come in many spellings:

- :func:`features` is strict: the name of a model, whatever its case, separators, organisation and weight tag.
- :func:`match` is tolerant, for the tables of others: it also sees through quantisation, roles, frameworks and tasks.
- :func:`canonical` gives the one name under which measurements of a model are pooled.
- :func:`architecture` gives the label under which effects of related models are pooled.

A model that is in no table, known by its config.json, is made known for the life of the process by :func:`register`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache

from hwpredict.catalog.architectures.config import Config, parse
from hwpredict.catalog.architectures.counts import counted
from hwpredict.catalog.architectures.facts import Row, number, parse_size, rows_of
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.registry import build, read
from hwpredict.catalog.architectures.rules import architecture_by_name
from hwpredict.catalog.architectures.spelled import spelled
from hwpredict.catalog.architectures.work import NAN, Stack, area
from hwpredict.catalog.names import candidates, key, normalise, opened
from hwpredict.errors import InvalidWorkloadError, unknown

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from hwpredict.catalog.architectures.families import FamilyDefault

__all__ = [
    "ModelFeatures",
    "architecture",
    "canonical",
    "families_default",
    "features",
    "from_config",
    "hyperparameters",
    "known",
    "match",
    "register",
]

#: Names whose answers are kept: more than any table has.
_REMEMBERED = 2**16
_HINT = "give its features (parameters, gmacs, activations_m), its config.json or its family"


@cache
def _table(file: str) -> dict[str, list[Row]]:
    """Rows of a table by model; a model has several where it is known at several sizes."""
    table: dict[str, list[Row]] = {}
    for row in rows_of(file):
        table.setdefault(row["model"], []).append(row)
    return table


#: Models that a caller described, by key: see :func:`register`.
_registered: dict[str, ModelFeatures] = {}

#: In the order in which they are searched: from the smallest to the largest.
_FILES = ("models_transformers.csv", "models_facts.csv", "models_torchvision.csv", "models_timm.csv")


@cache
def _index(file: str) -> dict[str, tuple[str, str]]:
    """Row of the table and name of the model for each key: names first, so that no alias hides one.

    The two differ where ~ says that the alias is another model with the same network; | stands between its spellings.
    """
    table = _table(file)
    index = {key(normalise(name)): (name, name) for name in table}
    for name, rows in table.items():
        for alias in filter(None, (rows[0].get("aliases") or "").split(";")):
            spellings = alias.removeprefix("~").split("|")
            model = name if alias[0] != "~" else normalise(spellings[0])
            for spelling in spellings:
                index.setdefault(key(normalise(spelling)), (name, model))
        repository = rows[0].get("source") or ""
        if "/" in repository and " " not in repository:
            index.setdefault(key(normalise(repository)), (name, name))
    return index


@cache
def _aliases() -> dict[str, str]:
    return {key(normalise(row["alias"])): row["model"] for row in rows_of("models_aliases.csv") if row["model"]}


@cache
def _deceptive() -> frozenset[str]:
    """Spellings that look like one model and are used for another."""
    return frozenset(row["alias"] for row in rows_of("models_aliases.csv") if not row["model"])


_TIMM = (
    "result tables of timm (Apache-2.0)",
    "counted from the model definitions of timm 1.0.31, as in its result tables (Apache-2.0)",
)


def _by_counts(rows: list[Row]) -> ModelFeatures:
    """Features of a model that is known by published or counted figures."""
    row = rows[0]
    family = row.get("family") or "vision"
    parts = counted(rows)
    parameters = number(row, "parameters", NAN)
    active = number(row, "active_parameters", parameters)
    looked_up = number(row, "embedding_parameters")
    decoder = None
    if family == "text_generation" and not parts:
        decoder = Stack(active - looked_up, NAN)
        parts = (decoder,)
    length = int(number(row, "sequence_length"))
    size = row.get("input_size") or ""
    return ModelFeatures(
        name=row["model"],
        family=family,
        architecture=row.get("architecture") or architecture_by_name(row["model"], family),
        parameters=parameters,
        active_parameters=active,
        embedding_parameters=looked_up,
        layers=int(number(row, "layers")),
        hidden=int(number(row, "width")),
        calls=int(number(row, "calls")),
        default_input_size=round(area(parse_size(size)) ** 0.5) if size else None,
        default_sequence_length=length or (512 if decoder else None),
        source=row.get("source") or _TIMM[int(row.get("counted") or 0)],
        parts=parts,
        decoder=decoder,
    )


def _by_config(row: Row) -> ModelFeatures:
    """Features of a model that is known by its hyper-parameters."""
    text = row["config"]
    base = text.removeprefix("like=")
    found = _load("models_transformers.csv", base) if base != text else build(Config(parse(text), row["model"]))
    network = found.network if base != text else row["model"]
    source = f"computed from hyper-parameters: {row['source']}"
    return replace(found, name=row["model"], network=network, source=source)


@cache
def _load(file: str, name: str) -> ModelFeatures:
    rows = _table(file)[name]
    return _by_config(rows[0]) if "config" in rows[0] else _by_counts(rows)


def _lookup(text: str) -> ModelFeatures | None:
    """Features under a normalised name, or None."""
    wanted = key(text)
    if not wanted:
        return None
    if wanted in _registered:
        return _registered[wanted]
    for file in _FILES:
        row, name = _index(file).get(wanted, ("", ""))
        if row:
            found = _load(file, row)
            return found if found.name == name else found.named(name)
    target = _aliases().get(wanted)
    if target is not None:
        return _lookup(normalise(target))
    return _mobilenet(text)


def _mobilenet(text: str) -> ModelFeatures | None:
    """MobileNet of any width and size; of the widths that timm has, timm's counts."""
    if not text.startswith("mobilenet"):
        return None
    from hwpredict.catalog.architectures.mobilenet import by_name

    found = by_name(text)
    if found is None:
        return None
    table = _index("models_timm.csv")
    if key(found.name) in table:
        counted = _load("models_timm.csv", table[key(found.name)][0])
        return replace(counted, default_input_size=found.default_input_size)
    return found


@lru_cache(maxsize=_REMEMBERED)
def features(name: str) -> ModelFeatures:
    """Features of a model that the catalog knows.

    Parameters
    ----------
    name : str
        Its name, in any case, with or without separators, organisation ("meta-llama/…") and weight tag ("….a1_in1k").

    Returns
    -------
    ModelFeatures
        Under its canonical name.

    Raises
    ------
    UnknownNameError
        If the catalog does not know the name; the message has the nearest ones.

    Examples
    --------
    >>> bert = features("google-bert/bert-base-uncased")
    >>> round(bert.parameters / 1e6, 2), round(bert.macs(128) / 1e9, 1)
    (109.48, 11.2)
    """
    found = _lookup(normalise(name))
    if found is None:
        raise unknown("model", name, known(), hint=_HINT)
    return found


@lru_cache(maxsize=_REMEMBERED)
def match(name: str) -> ModelFeatures | None:
    """Features of the model that a table of measurements means, if the catalog knows it.

    Parameters
    ----------
    name : str
        A name as tables have them: "Llama-3.2-3B-Instruct-UD-Q4_K_XL", "resnet-50-pytorch", "BERT base MRPC".

    Returns
    -------
    ModelFeatures or None
        Never those of another size, version, or pruned form of the model. A language model in an open division of
        MLPerf keeps a name of its own.
    """
    if name in _deceptive():
        return None
    for text in candidates(name):
        found = _lookup(text)
        if found is not None:
            return found
    base = opened(name)
    if base is not None:
        found = match(base)
        return None if found is None else found.named(normalise(name))
    from hwpredict.catalog import variants  # its patterns take a while to compile, and most names do without

    return variants.resolve(normalise(name), _lookup)


@lru_cache(maxsize=_REMEMBERED)
def canonical(name: str) -> str:
    """The one name of a model, under which measurements of it are pooled.

    Parameters
    ----------
    name : str
        Any of its names.

    Returns
    -------
    str
        The catalog's name; if it does not know the model, the given one in lower case without organisation and tag, and
        without what the names of some model zoos say of size and operations.
    """
    found = match(name)
    if found is not None:
        return found.name
    from hwpredict.catalog import variants

    text = normalise(name)
    variant = variants.parse(text)
    if variant is None or _lookup(variant.name) is not None:
        return text  # in the form of a zoo, but with operations of another network than the one of this name
    return variant.name


@lru_cache(maxsize=_REMEMBERED)
def architecture(name: str, family: str | None = None) -> str:
    """The label under which the effects of related models are pooled.

    Parameters
    ----------
    name : str
        Any name of a model, known or not.
    family : str, optional
        Value of :class:`hwpredict.workload.Family`; it settles names that could be of either kind.

    Returns
    -------
    str
        The catalog's label; for other names that of the first rule that fits, or their leading word.
    """
    found = match(name)
    if found is not None and (family is None or found.family == family):
        return found.architecture
    return architecture_by_name(name, family)


def from_config(config: Mapping[str, Any] | str | Path) -> ModelFeatures:
    """Features of a transformer or image model from its Hugging Face config.json.

    Parameters
    ----------
    config : Mapping or path
        The parsed file; or where it, or the directory with it, is.

    Returns
    -------
    ModelFeatures
        Named by ``_name_or_path`` if the config has one, else by its ``model_type``.

    Raises
    ------
    InvalidWorkloadError
        If a key is missing (it is named) or makes no sense.
    UnknownNameError
        If the ``model_type`` is not known.
    """
    read_config = read(config)
    found = build(read_config)
    name = read_config.raw("_name_or_path")
    return found.named(normalise(name)) if isinstance(name, str) and normalise(name) else found


def hyperparameters(name: str) -> dict[str, Any]:
    """Hyper-parameters of a model that the catalog knows, as in its config.json.

    Parameters
    ----------
    name : str
        As in :func:`features`.

    Returns
    -------
    dict
        With ``model_type``; a fine-tune has those of the network that it was made from.

    Raises
    ------
    UnknownNameError
        If the catalog does not know the name.
    InvalidWorkloadError
        If it knows the model by its counts alone.
    """
    found = features(name)
    text = next((rows[0]["config"] for n in (found.name, found.network) if (rows := _configs().get(n))), "")
    if text.startswith("like="):
        text = _configs()[text.removeprefix("like=")][0]["config"]
    values = parse(text) if text else spelled(found.network)
    if values is None:
        raise InvalidWorkloadError(
            f"the catalog knows {found.name} by its counts, not by its hyper-parameters: give another model, e.g. "
            "bert-base-uncased, gpt2, resnet50 or vit_base_patch16_224"
        )
    return values


def _configs() -> dict[str, list[Row]]:
    return _table("models_transformers.csv")


def register(described: ModelFeatures) -> str:
    """Make a model known that a caller described, until the process ends.

    Parameters
    ----------
    described : ModelFeatures
        For example the result of :func:`from_config`.

    Returns
    -------
    str
        The name under which all look-ups find it. That of the catalog, if the catalog has this very network (under
        this name, or as the one that was trained further); else the model's own with a digest of its features, so that
        what was measured of another model of the name is not taken for it, and the same description has the same name,
        and hence the same draws, in every process.
    """
    wanted = _fingerprint(described)
    named = match(described.name)
    if named is not None and _fingerprint(named) == wanted:
        return named.name
    for name in _table("models_transformers.csv"):
        if _fingerprint(_load("models_transformers.csv", name)) == wanted:
            return name
    name = f"{normalise(described.name)}@{wanted}"
    if key(name) not in _registered:
        _registered[key(name)] = described.named(name)
        for remembered in (features, match, canonical, architecture):
            remembered.cache_clear()
    return name


def _fingerprint(model: ModelFeatures) -> str:
    """Digest of the network: of everything but what it is called, how long its usual input is, and the sources."""
    from zlib import crc32

    bare = replace(model, name="", network="", source="", default_sequence_length=None)
    return f"{crc32(repr((bare, model.parts, model.decoder)).encode()):08x}"


@cache
def _known() -> tuple[str, ...]:
    return tuple(sorted({name for file in _FILES for _, name in _index(file).values()}))


def known() -> list[str]:
    """Canonical names of all models in the catalog, sorted."""
    return list(_known())


def families_default(family: str, parameters: float | None = None) -> FamilyDefault:
    """Typical features of a family, and how far its models spread about them.

    Parameters
    ----------
    family : str
        Value of :class:`hwpredict.workload.Family`.
    parameters : float, optional
        The model's parameters, if they are known.

    Returns
    -------
    FamilyDefault
        See :mod:`hwpredict.catalog.architectures.families`.
    """
    from hwpredict.catalog.architectures.families import families_default as default

    return default(family, parameters)
