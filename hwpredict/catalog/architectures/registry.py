"""From a config.json, whatever its kind, to features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.errors import InvalidWorkloadError, unknown

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


#: Modules with builders, in the order in which they are asked: none is imported before it is needed.
_MODULES = ("encoder", "decoder", "vision", "audio", "multimodal")


def _builders() -> Iterator[dict[str, Callable[[Config], ModelFeatures]]]:
    for module in _MODULES:
        yield import_module(f"hwpredict.catalog.architectures.{module}").BUILDERS


#: Multimodal models whose language model is nested, under a type of its own.
_NESTED = {
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "llama4": "llama4_text",
    "mistral3": "mistral",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "kimi_k25": "kimi_k2",
}


def build(config: Config) -> ModelFeatures:
    """Features of a config.

    Parameters
    ----------
    config : Config
        A config with a ``model_type``.

    Returns
    -------
    ModelFeatures
        Named by its ``model_type``.
    """
    kind = config.model_type
    if kind in _NESTED and isinstance(config.raw("text_config"), Mapping):
        nested = config.part("text_config").values
        config = Config({"model_type": _NESTED[kind], **nested} | {"model_type": _NESTED[kind]}, config.where)
        kind = config.model_type
    for builders in _builders():
        if kind in builders:
            return builders[kind](config)
    kinds = [known for builders in _builders() for known in builders]
    raise unknown("model_type", kind, [*kinds, *_NESTED], hint="give the model's features instead")


def read(source: Mapping[str, Any] | str | Path) -> Config:
    """A config from a mapping, or from a config.json or the directory that holds it.

    Parameters
    ----------
    source : Mapping or path
        The parsed file, or where it is.

    Returns
    -------
    Config
        Not yet checked.
    """
    if isinstance(source, Mapping):
        return Config(source)
    import json  # these two are slow to import, and most callers name a model instead
    from pathlib import Path

    path = Path(source)
    if path.is_dir():
        path /= "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidWorkloadError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidWorkloadError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidWorkloadError(f"{path} is not a config.json: it holds a {type(values).__name__}, not an object")
    return Config(values)
