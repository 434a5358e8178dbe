"""Which models to tabulate: names, a TOML, JSON or text file of them, or the guide's own six."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix.grid import ModelSpec

#: What ``--generate-matrix`` tabulates when no model is named: one or two of every family of the guide.
DEFAULT_MODELS: tuple[ModelSpec, ...] = (
    ModelSpec("bert-base-uncased", "embedding"),
    ModelSpec("t5-small", "text_generation"),
    ModelSpec("gpt2", "text_generation"),
    ModelSpec("vit-base-patch16-224", "vision"),
    ModelSpec("openai/clip-vit-base-patch32", "multimodal"),
    ModelSpec("openai/whisper-tiny", "audio"),
)

_ENDINGS = (".toml", ".json", ".txt")


def read_models(path: str | os.PathLike[str]) -> list[ModelSpec]:
    """Models listed in a file.

    Parameters
    ----------
    path : path
        ``.toml`` or ``.json`` with a list ``models`` of names or tables (``name``, ``family``, ``parameters``,
        ``gmacs``, ``activations_m``, ``input_size``), a JSON file that is such a list, or ``.txt`` with a name a line
        (``#`` begins a comment).

    Returns
    -------
    list of ModelSpec

    Raises
    ------
    InvalidWorkloadError
        The file is missing, is not of such a form, or names no model.
    """
    file = Path(path)
    if file.suffix.casefold() not in _ENDINGS:
        raise InvalidWorkloadError(f"{file} is no list of models: give a file that ends in {', '.join(_ENDINGS)}")
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix.casefold() == ".toml":
            content: Any = tomllib.loads(text)
        elif file.suffix.casefold() == ".json":
            content = json.loads(text)
        else:
            content = [line.partition("#")[0].strip() for line in text.splitlines() if line.partition("#")[0].strip()]
    except OSError as error:
        raise InvalidWorkloadError(f"cannot read the models from {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidWorkloadError(f"{file} is not valid {file.suffix[1:].upper()}: {error}") from error
    if isinstance(content, dict):
        content = content.get("models")
    if isinstance(content, dict):  # the guide's matrix: models by name
        content = [
            {"name": name, "family": entry.get("category", entry.get("family"))} for name, entry in content.items()
        ]
    if not isinstance(content, list) or not content:
        raise InvalidWorkloadError(f'{file} lists no models: give models = ["bert-base-uncased", …] or [[models]]')
    return [ModelSpec.of(entry) for entry in content]


def gather(names: Sequence[Any] | None, file: str | os.PathLike[str] | None = None) -> list[ModelSpec]:
    """Named models, then those of a file; the guide's own if there are neither."""
    if names is None and file is None:
        return list(DEFAULT_MODELS)
    return [ModelSpec.of(n) for n in names or ()] + (read_models(file) if file is not None else [])
