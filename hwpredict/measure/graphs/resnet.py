"""Residual networks (ResNet v1.5, or v1 with ``downsample_in_bottleneck``)."""

from __future__ import annotations

from pathlib import Path

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.vision import classes, image_size
from hwpredict.measure.graphs.builder import Builder, Graph

KINDS = ("resnet",)
#: Scale of the last norm of a block: random residual branches then add up slowly instead of doubling at every block.
_DAMPED = 0.3


def _conv(
    b: Builder, x: str, name: str, inputs: int, outputs: int, kernel: int, stride: int = 1, *, scale: float = 1.0
) -> str:
    """Convolution without bias and a batch norm."""
    weight = b.weight(f"{name}.conv", (outputs, inputs, kernel, kernel), std=(2 / (inputs * kernel**2)) ** 0.5)
    edge = kernel // 2
    x = b.op("Conv", x, weight, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[edge] * 4)
    norm = [b.weight(f"{name}.scale", (outputs,), fill=scale), b.weight(f"{name}.shift", (outputs,), fill=0.0)]
    running = [
        b.weight(f"{name}.{k}", (outputs,), fill=v, trained=False) for k, v in (("mean", 0.0), ("variance", 1.0))
    ]
    return b.op("BatchNormalization", x, *norm, *running)


def resnet(config: Config, directory: Path, dtype: str = "float32") -> Graph:
    """Build a residual network with its classification head.

    Parameters
    ----------
    config : Config
        ``depths``, ``hidden_sizes``, ``layer_type`` as in the catalog's :func:`~hwpredict.catalog.architectures.vision
        .resnet`.
    directory : path
    dtype : str

    Returns
    -------
    Graph
        Input ``pixel_values`` (batch, 3, side, side).
    """
    size, stem, channels = image_size(config, 224), config.get("embedding_size", 64), config.get("num_channels", 3)
    bottleneck = config.raw("layer_type", "bottleneck") == "bottleneck"
    early = config.flag("downsample_in_bottleneck", False)
    b = Builder(directory, "resnet", dtype)
    x = b.input("pixel_values", ("batch", channels, size, size), "normal")
    x = b.op("Relu", _conv(b, x, "stem", channels, stem, 7, 2))
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    before = stem
    for stage, (depth, width) in enumerate(zip(config.numbers("depths"), config.numbers("hidden_sizes"), strict=True)):
        for block in range(depth):
            name, first = f"stage.{stage}.{block}", block == 0
            stride = 2 if first and (stage > 0 or config.flag("downsample_in_first_stage", False)) else 1
            shortcut = x
            if first and (before != width or stride > 1):
                shortcut = _conv(b, x, f"{name}.shortcut", before, width, 1, stride)
            if bottleneck:
                inner = width // 4
                x = b.op("Relu", _conv(b, x, f"{name}.1", before, inner, 1, stride if early else 1))
                x = b.op("Relu", _conv(b, x, f"{name}.2", inner, inner, 3, 1 if early else stride))
                x = _conv(b, x, f"{name}.3", inner, width, 1, scale=_DAMPED)
            else:
                x = b.op("Relu", _conv(b, x, f"{name}.1", before, width, 3, stride))
                x = _conv(b, x, f"{name}.2", width, width, 3, scale=_DAMPED)
            x, before = b.op("Relu", b.op("Add", x, shortcut)), width
    x = b.op("Flatten", b.op("GlobalAveragePool", x))
    head = b.weight("head.weight", (classes(config), before))
    x = b.op("Gemm", x, head, b.weight("head.bias", (classes(config),), fill=0.0), transB=1)
    b.output(x, "logits", 2)
    return b.save()
