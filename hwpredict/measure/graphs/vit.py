"""Vision transformers (ViT, and DeiT without distillation token)."""

from __future__ import annotations

from pathlib import Path

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.vision import classes, image_size
from hwpredict.measure.graphs.builder import Builder, Graph
from hwpredict.measure.graphs.encoder import layer

KINDS = ("vit",)


def vit(config: Config, directory: Path, dtype: str = "float32") -> Graph:
    """Build a vision transformer with its classification head on the class token.

    Parameters
    ----------
    config : Config
        Keys of ViT.
    directory : path
    dtype : str

    Returns
    -------
    Graph
        Input ``pixel_values`` (batch, 3, side, side).
    """
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, patch = config.need("num_attention_heads"), config.need("patch_size")
    inner = config.get("intermediate_size", hidden * config.get("mlp_ratio", 4))
    side, channels = image_size(config, 224), config.get("num_channels", 3)
    b = Builder(directory, "vit", dtype)
    pixels = b.input("pixel_values", ("batch", channels, side, side), "normal")
    kernel = b.weight("patch.weight", (hidden, channels, patch, patch))
    bias = b.weight("patch.bias", (hidden,), fill=0.0)
    x = b.op("Conv", pixels, kernel, bias, kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = b.op("Transpose", b.reshape(x, [0, 0, -1]), perm=[0, 2, 1])
    batch = b.op("Gather", b.op("Shape", pixels), b.constant([0]))
    shape = b.op("Concat", batch, b.constant([1, hidden]), axis=0)
    token = b.op("Expand", b.weight("class_token", (1, 1, hidden)), shape)
    x = b.op("Concat", token, x, axis=1)
    x = b.op("Add", x, b.weight("positions", (1, (side // patch) ** 2 + 1, hidden)))
    for index in range(layers):
        x = layer(b, x, f"layer.{index}", hidden, heads, inner, None, pre=True)
    x = b.layer_norm(x, "norm", hidden)
    first = b.op("Gather", x, b.constant(0), axis=1)
    b.output(b.linear(first, "head", hidden, classes(config)), "logits", 2)
    return b.save()
