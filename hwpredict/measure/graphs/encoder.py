"""Text encoders of BERT's kind (BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT)."""

from __future__ import annotations

from pathlib import Path

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.encoder import ENCODERS
from hwpredict.measure.graphs.builder import Builder, Graph

#: Encoders whose attention has no relative positions.
KINDS = tuple(kind for kind, style in ENCODERS.items() if not style.relative)
#: Added to scores of padding: large enough to vanish in the softmax, small enough for 16 bits.
_MASKED = -1e4


def layer(b: Builder, x: str, name: str, hidden: int, heads: int, inner: int, mask: str | None, *, pre: bool) -> str:
    """One layer of a transformer encoder: attention and feed-forward, normalised before (ViT) or after (BERT).

    Parameters
    ----------
    b : Builder
    x : str
        Value of shape (batch, token, hidden).
    name : str
        Prefix of its weights.
    hidden, heads, inner : int
    mask : str or None
        Added to the attention scores.
    pre : bool
        Norm before each half, which then has a clean residual path.
    """
    width = hidden // heads

    def half(value: str, which: str) -> str:
        return b.layer_norm(value, f"{name}.norm_{which}", hidden)

    inside = half(x, "1") if pre else x
    query, key, value = (
        b.split_heads(b.linear(inside, f"{name}.{part}", hidden, hidden), heads, width)
        for part in ("query", "key", "value")
    )
    mixed = b.linear(b.attend(query, key, value, heads, width, mask), f"{name}.output", hidden, hidden)
    x = b.op("Add", mixed, x)
    x = x if pre else half(x, "1")
    inside = half(x, "2") if pre else x
    inside = b.op("Gelu", b.linear(inside, f"{name}.up", hidden, inner))
    x = b.op("Add", b.linear(inside, f"{name}.down", inner, hidden), x)
    return x if pre else half(x, "2")


def encoder(config: Config, directory: Path, dtype: str = "float32") -> Graph:
    """Build a text encoder without a task head, as the catalog counts it.

    Parameters
    ----------
    config : Config
    directory : path
    dtype : str
        Of weights and activations.

    Returns
    -------
    Graph
        Inputs ``input_ids``, ``attention_mask`` and, where the model has types, ``token_type_ids``, all
        (batch, sequence).
    """
    style = ENCODERS[config.model_type]
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, inner, vocabulary = (config.need(k) for k in ("num_attention_heads", "intermediate_size", "vocab_size"))
    width = config.get(style.embedding_size, hidden) if style.embedding_size else hidden
    b = Builder(directory, config.model_type, dtype)
    shape = ("batch", "sequence")
    ids = b.input("input_ids", shape, "ids", dtype="int64", high=vocabulary)
    attention = b.input("attention_mask", shape, "ones", dtype="int64")
    x = b.op("Gather", b.weight("embeddings.word", (vocabulary, width)), ids)
    if style.types:
        types = b.input("token_type_ids", shape, "zeros", dtype="int64")
        table = b.weight("embeddings.type", (config.get("type_vocab_size", 2), width))
        x = b.op("Add", x, b.op("Gather", table, types))
    if style.positions:
        table = b.weight("embeddings.position", (config.need("max_position_embeddings"), width))
        x = b.op("Add", x, b.op("Gather", table, b.positions(b.length(ids, 1))))
    x = b.layer_norm(x, "embeddings.norm", width)
    if width != hidden:
        x = b.linear(x, "embeddings.project", width, hidden, bias=style.projection_bias)
    padding = b.op("Sub", b.scalar(1.0), b.op("Cast", attention, to=b.type))
    mask = b.op("Mul", b.op("Unsqueeze", padding, b.constant([1, 2])), b.scalar(_MASKED))
    for index in range(layers):
        x = layer(b, x, f"layer.{0 if style.shared else index}", hidden, heads, inner, mask, pre=False)
    b.output(x, "last_hidden_state", 3)
    if style.pooler:
        first = b.op("Gather", x, b.constant(0), axis=1)
        b.output(b.op("Tanh", b.linear(first, "pooler", hidden, hidden)), "pooler_output", 2)
    return b.save()
