"""GPT-2 and its kin: one decode step on a KV cache, or the prefill of a prompt."""

from __future__ import annotations

from pathlib import Path

from hwpredict.catalog.architectures.config import Config
from hwpredict.measure.graphs.builder import Builder, Graph

KINDS = ("gpt2",)
_MASKED = -1e4


def decoder(config: Config, directory: Path, dtype: str = "float32", *, decode: bool = True) -> Graph:
    """Build a decoder.

    Parameters
    ----------
    config : Config
    directory : path
    dtype : str
        Of weights, activations and cache.
    decode : bool
        One token on a cache of ``context`` tokens, which is handed in and out (each step copies it, as in the usual
        exports); else a prompt of ``sequence`` tokens, which fills a cache.

    Returns
    -------
    Graph
        Logits are those of the last token, the only ones that generation uses.
    """
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, vocabulary = config.need("num_attention_heads"), config.need("vocab_size")
    inner, width = config.get("intermediate_size", 4 * hidden), hidden // heads
    b = Builder(directory, f"{config.model_type} {'decode' if decode else 'prefill'}", dtype)
    ids = b.input("input_ids", ("batch", 1 if decode else "sequence"), "ids", dtype="int64", high=vocabulary)
    cache = ("batch", heads, "context", width)
    past = [
        tuple(b.input(f"past.{i}.{part}", cache, "normal") for part in ("key", "value"))
        for i in range(layers if decode else 0)
    ]
    length = b.length(ids, 1)
    start = b.length(past[0][0], 2) if decode else None
    words = b.weight("wte", (vocabulary, hidden))
    places = b.weight("wpe", (config.need("max_position_embeddings"), hidden))
    x = b.op("Add", b.op("Gather", words, ids), b.op("Gather", places, b.positions(length, start)))
    mask = None if decode else _causal(b, length)
    for i in range(layers):
        name = f"h.{i}"
        inside = b.layer_norm(x, f"{name}.ln_1", hidden)
        query, key, value = (
            b.split_heads(b.linear(inside, f"{name}.attn.{part}", hidden, hidden), heads, width)
            for part in ("query", "key", "value")
        )
        if decode:
            key, value = (b.op("Concat", old, new, axis=2) for old, new in zip(past[i], (key, value), strict=True))
        b.output(key, f"present.{i}.key", 4)
        b.output(value, f"present.{i}.value", 4)
        mixed = b.attend(query, key, value, heads, width, mask)
        x = b.op("Add", x, b.linear(mixed, f"{name}.attn.output", hidden, hidden))
        inside = b.linear(b.layer_norm(x, f"{name}.ln_2", hidden), f"{name}.mlp.up", hidden, inner)
        inside = b.op("Gelu", inside, approximate="tanh")
        x = b.op("Add", x, b.linear(inside, f"{name}.mlp.down", inner, hidden))
    last = b.op("Gather", x, b.constant(-1), axis=1)
    x = b.layer_norm(last, "ln_f", hidden)
    b.output(b.op("Gemm", x, words, transB=1), "logits", 2)
    return b.save()


def _causal(b: Builder, length: str) -> str:
    """What is added to the scores of a prompt: nothing up to the token itself, a large negative number after it."""
    places = b.positions(length)
    later = b.op("Less", b.op("Unsqueeze", places, b.constant([1])), b.op("Unsqueeze", places, b.constant([0])))
    return b.op("Where", later, b.scalar(_MASKED), b.scalar(0.0))
