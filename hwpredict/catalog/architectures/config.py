"""Reading of a model's config.json: the same quantity has a dozen names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwpredict.errors import InvalidWorkloadError

#: Other names of a key, in the configs of older models.
ALIASES: dict[str, tuple[str, ...]] = {
    "hidden_size": ("n_embd", "n_embed", "d_model", "dim", "embed_dim"),
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers", "encoder_layers"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads", "encoder_attention_heads"),
    "num_key_value_heads": ("num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "intermediate_size": ("n_inner", "ffn_dim", "d_ff", "hidden_dim", "ffn_hidden_size", "encoder_ffn_dim", "d_inner"),
    "max_position_embeddings": ("n_positions", "seq_length", "max_seq_len", "n_ctx"),
    "vocab_size": ("padded_vocab_size",),
    "num_local_experts": ("num_experts", "n_routed_experts"),
    "num_experts_per_tok": ("moe_topk", "top_k_experts"),
    "head_dim": ("kv_channels", "attention_head_dim"),
}

#: What the nested configs of multimodal models leave out.
NESTED_DEFAULTS = {
    "llama": "hidden_size=4096 intermediate_size=11008 num_hidden_layers=32 num_attention_heads=32 vocab_size=32000",
    "mistral": "hidden_size=4096 intermediate_size=14336 num_hidden_layers=32 num_attention_heads=32"
    " num_key_value_heads=8 vocab_size=32000",
    "gemma3_text": "num_attention_heads=8 num_key_value_heads=4 head_dim=256 vocab_size=262208",
    "clip_text_model": "hidden_size=512 intermediate_size=2048 num_hidden_layers=12 num_attention_heads=8"
    " vocab_size=49408 max_position_embeddings=77",
    "clip_vision_model": "hidden_size=768 intermediate_size=3072 num_hidden_layers=12 num_attention_heads=12"
    " image_size=224 patch_size=32",
    "siglip_text_model": "hidden_size=768 intermediate_size=3072 num_hidden_layers=12 num_attention_heads=12"
    " vocab_size=32000 max_position_embeddings=64",
    "siglip_vision_model": "hidden_size=768 intermediate_size=3072 num_hidden_layers=12 num_attention_heads=12"
    " image_size=224 patch_size=16",
}

#: No network has more layers; a config that says so is broken, and would be walked through for ever.
_MOST_LAYERS = 10_000

_MISSING = object()


class Config:
    """A config.json whose keys are found under any of their names.

    Parameters
    ----------
    values : Mapping
        The parsed file.
    where : str
        What to call it in errors.
    """

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self.values = values
        self.where = where or f"config of model_type {str(values.get('model_type', '?'))!r}"

    def raw(self, key: str, default: Any = None) -> Any:
        """Value of a key under any of its names; ``default`` if it is absent or null."""
        for name in (key, *ALIASES.get(key, ())):
            value = self.values.get(name)
            if value is not None:
                return value
        return default

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, (list, tuple)) and value:  # one per layer (gemma3n) or per expert (hunyuan)
            value = value[-1]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
            raise InvalidWorkloadError(f"{self.where}: {key!r} must be a number of at least 0, not {value!r}")
        if ("layers" in key or key == "depths") and value > _MOST_LAYERS:
            raise InvalidWorkloadError(f"{self.where}: {key!r} must be at most {_MOST_LAYERS}, not {value!r}")
        return value

    def need(self, key: str) -> int:
        """A positive integer that must be there."""
        value = self.raw(key, _MISSING)
        if value is _MISSING:
            other = ", ".join(ALIASES.get(key, ()))
            raise InvalidWorkloadError(f"{self.where} lacks {key!r}" + (f" (or {other})" if other else ""))
        number = self._number(key, value)
        if number < 1:
            raise InvalidWorkloadError(f"{self.where}: {key!r} must be at least 1, not {value!r}")
        return int(number)

    def get(self, key: str, default: int) -> int:
        """An integer, or its default."""
        value = self.raw(key)
        return default if value is None else int(self._number(key, value))

    def real(self, key: str, default: float) -> float:
        """A number that need not be whole, or its default."""
        value = self.raw(key)
        return default if value is None else float(self._number(key, value))

    def flag(self, key: str, default: bool) -> bool:
        """A switch, or its default."""
        return bool(self.raw(key, default))

    def numbers(self, key: str) -> list[int]:
        """A list of integers that must be there."""
        value = self.raw(key)
        if not isinstance(value, (list, tuple)) or not value:
            raise InvalidWorkloadError(f"{self.where} lacks {key!r}, a list of numbers")
        return [int(self._number(key, v)) for v in value]

    def indices(self, key: str) -> frozenset[int]:
        """A list of layers; empty if it is absent."""
        return frozenset(self.numbers(key)) if self.raw(key) else frozenset()

    def part(self, key: str) -> Config:
        """A nested config (``text_config``, ``vision_config``) that must be there.

        Nested configs are saved without what equals the defaults of their type, which are therefore put back.
        """
        value = self.raw(key)
        if not isinstance(value, Mapping):
            raise InvalidWorkloadError(f"{self.where} lacks {key!r}")
        defaults = NESTED_DEFAULTS.get(str(value.get("model_type")), "")
        return Config({**parse(defaults), **value}, f"{self.where}, {key}")

    @property
    def model_type(self) -> str:
        """The value of ``model_type``."""
        value = self.values.get("model_type")
        if not isinstance(value, str):
            raise InvalidWorkloadError(f"{self.where} lacks 'model_type'")
        return value


def _value(text: str) -> Any:
    if "," in text:
        return [_value(item) for item in text.split(",")]
    try:
        return int(text)
    except ValueError:
        return text


def parse(text: str) -> dict[str, Any]:
    """Keys of a config.json from their short form, ``"model_type=gpt2 n_embd=768 text_config.hidden_size=512"``.

    Parameters
    ----------
    text : str
        ``key=value`` pairs separated by spaces; a dot nests, a comma makes a list.

    Returns
    -------
    dict
        As a parsed config.json would be.
    """
    values: dict[str, Any] = {}
    for pair in text.split():
        key, _, value = pair.partition("=")
        *path, last = key.split(".")
        inner = values
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = _value(value)
    return values
