"""Vision transformers and convolutional networks, from the hyper-parameters of their config.json."""

from __future__ import annotations

import math

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.encoder import encoder_layer
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Picture, Sample, Tally, Tokens
from hwpredict.errors import InvalidWorkloadError

#: Classes of ImageNet: the head that published parameter counts include.
CLASSES = 1000


def image_size(config: Config, default: int) -> int:
    """Side of the image, pixels; of (height, width) the geometric mean."""
    value = config.raw("image_size", default)
    if isinstance(value, (list, tuple)):
        sides = config.numbers("image_size")
        return max(1, round(math.sqrt(sides[0] * sides[-1])))
    return max(1, config.get("image_size", default))


def classes(config: Config) -> int:
    """Outputs of the classification head: those of the config, else ImageNet's."""
    labels = config.raw("id2label")
    if isinstance(labels, dict) and len(labels) > 2:
        return len(labels)
    return config.get("num_labels", CLASSES)


def _add_head(tally: Tally, config: Config, width: int) -> None:
    tally.once(width, classes(config))


def patch_tower(
    tally: Tally,
    config: Config,
    *,
    extra: int,
    patch_bias: bool = True,
    norms: int = 1,
    scales: int = 0,
    size: int = 224,
) -> Tokens:
    """Add a vision transformer without a head: patches, positions, layers, norms.

    Parameters
    ----------
    tally : Tally
        To add to.
    config : Config
        Keys of ViT.
    extra : int
        Tokens besides the patches, each a learned vector.
    patch_bias : bool
        Bias of the patch embedding.
    norms : int
        Layer norms outside the layers.
    scales : int
        Learned scales per layer (BEiT, DINOv2: 2).
    size : int
        Side of the image where the config does not say, pixels.

    Returns
    -------
    Tokens
        How many tokens an image has.
    """
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads = config.need("num_attention_heads")
    inner = config.get("intermediate_size", hidden * config.get("mlp_ratio", 4))
    patch, channels = config.need("patch_size"), config.get("num_channels", 3)
    side = image_size(config, size)
    tokens = Tokens("image", extra, patch)
    beit = config.values.get("model_type") == "beit"
    for _ in range(layers):
        encoder_layer(tally, hidden, heads, inner, key_bias=not beit)
        tally.vector(scales * hidden)
    tally.linear(channels * patch * patch, hidden, patch_bias)
    tally.vector(extra * hidden, 2 * norms * hidden)
    if config.flag("use_relative_position_bias", False):  # BEiT
        grid = side // patch
        tally.vector(layers * heads * ((2 * grid - 1) ** 2 + 3))
    if config.flag("use_absolute_position_embeddings", not beit):
        tally.table((side // patch) ** 2 + extra, hidden)
    return tokens


#: Of each kind of vision transformer: label, tokens besides the patches, outer norms, learned scales per layer.
VITS: dict[str, tuple[str, int, int, int]] = {
    "vit": ("vit", 1, 1, 0),
    "deit": ("deit", 2, 1, 0),
    "beit": ("beit", 1, 1, 2),
    "dinov2": ("dinov2", 1, 1, 2),
}


def vit(config: Config) -> ModelFeatures:
    """Features of an image classifier of the ViT kind (ViT, DeiT, BEiT, DINOv2).

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        With a classification head of ``id2label`` classes, else 1000.
    """
    label, extra, norms, scales = VITS[config.model_type]
    tally = Tally()
    hidden = config.need("hidden_size")
    tokens = patch_tower(tally, config, extra=extra, norms=norms, scales=scales)
    if config.model_type == "dinov2":
        tally.vector(hidden)  # mask token
        tally.once(2 * hidden, classes(config))
    else:
        _add_head(tally, config, hidden)
    return ModelFeatures(
        name=config.model_type,
        family="vision",
        architecture=label,
        parameters=tally.parameters,
        layers=config.need("num_hidden_layers"),
        hidden=hidden,
        calls=tally.calls,
        attention_macs_per_token_per_context=tally.pair_macs,
        default_input_size=image_size(config, 224),
        source="computed from config.json",
        parts=(tally.stack(tokens),),
    )


class Convolutions:
    """Running count of a convolutional network: parameters, MACs and outputs at one image size."""

    def __init__(self, side: float) -> None:
        self.side = side
        self.parameters = 0.0
        self.macs = 0.0
        self.outputs = 0.0
        self.calls = 0

    def conv(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, extra: int = 2) -> None:
        """Add a convolution; ``extra`` vectors of parameters come with it (batch norm 2, bias 1)."""
        self.side = -(-self.side // stride)
        weights = kernel * kernel * inputs * outputs / groups
        self.parameters += weights + extra * outputs
        self.macs += weights * self.side**2
        self.outputs += outputs * self.side**2
        self.calls += 1

    def pool(self, stride: int = 2) -> None:
        """Shrink the image."""
        self.side = -(-self.side // stride)

    def head(self, inputs: int, outputs: int) -> None:
        """Add the classifier."""
        self.parameters += inputs * outputs + outputs
        self.macs += inputs * outputs
        self.outputs += outputs
        self.calls += 1

    def features(self, config: Config, label: str, size: int, hidden: int) -> ModelFeatures:
        """Freeze the count."""
        return ModelFeatures(
            name=config.model_type,
            family="vision",
            architecture=label,
            parameters=self.parameters,
            layers=self.calls,
            hidden=hidden,
            calls=self.calls,
            default_input_size=size,
            source="computed from config.json",
            parts=(Picture((Sample(float(size) ** 2, self.macs, self.outputs),)),),
        )


def resnet(config: Config) -> ModelFeatures:
    """Features of a residual network (ResNet v1.5, or v1 with ``downsample_in_bottleneck``).

    Parameters
    ----------
    config : Config
        Its config.json: ``depths``, ``hidden_sizes``, ``embedding_size``, ``layer_type``.

    Returns
    -------
    ModelFeatures
        With a classification head of ``id2label`` classes, else 1000.
    """
    depths, widths = config.numbers("depths"), config.numbers("hidden_sizes")
    if len(depths) != len(widths):
        raise InvalidWorkloadError(f"{config.where}: 'depths' and 'hidden_sizes' differ in length")
    size = image_size(config, 224)
    net = Convolutions(size)
    stem = config.get("embedding_size", 64)
    net.conv(config.get("num_channels", 3), stem, 7, 2)
    net.pool()
    before = stem
    bottleneck = config.raw("layer_type", "bottleneck") == "bottleneck"
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for block in range(depth):
            first = block == 0
            stride = 2 if first and (stage > 0 or config.flag("downsample_in_first_stage", False)) else 1
            if first and (before != width or stride > 1):
                shortcut = Convolutions(net.side)
                shortcut.conv(before, width, 1, stride)
                net.parameters += shortcut.parameters
                net.macs += shortcut.macs
                net.outputs += shortcut.outputs
                net.calls += 1
            if bottleneck:
                early = config.flag("downsample_in_bottleneck", False)  # ResNet v1: stride in the first convolution
                net.conv(before, width // 4, 1, stride if early else 1)
                net.conv(width // 4, width // 4, 3, 1 if early else stride)
                net.conv(width // 4, width, 1)
            else:
                net.conv(before, width, 3, stride)
                net.conv(width, width, 3)
            before = width
    net.head(before, classes(config))
    return net.features(config, "resnet", size, before)


def convnext(config: Config) -> ModelFeatures:
    """Features of ConvNeXt and ConvNeXt V2.

    Parameters
    ----------
    config : Config
        Its config.json: ``depths``, ``hidden_sizes``, ``patch_size``.

    Returns
    -------
    ModelFeatures
        With a classification head of ``id2label`` classes, else 1000.
    """
    depths, widths = config.numbers("depths"), config.numbers("hidden_sizes")
    if len(depths) != len(widths):
        raise InvalidWorkloadError(f"{config.where}: 'depths' and 'hidden_sizes' differ in length")
    size = image_size(config, 224)
    net = Convolutions(size)
    patch = config.get("patch_size", 4)
    net.conv(config.get("num_channels", 3), widths[0], patch, patch, extra=3)
    second = config.model_type == "convnextv2"
    before = widths[0]
    for depth, width in zip(depths, widths, strict=True):
        if width != before:
            net.parameters += 2 * before
            net.conv(before, width, 2, 2, extra=1)
        for _ in range(depth):
            net.conv(width, width, 7, groups=width, extra=3)
            net.conv(width, 4 * width, 1, extra=1)
            net.conv(4 * width, width, 1, extra=1)
            net.parameters += 8 * width if second else width  # response norm, or layer scale
        before = width
    net.parameters += 2 * before
    net.head(before, classes(config))
    return net.features(config, "convnextv2" if second else "convnext", size, before)


def swin(config: Config) -> ModelFeatures:
    """Features of Swin: attention within windows, so that work grows with the area.

    Parameters
    ----------
    config : Config
        Its config.json: ``depths``, ``num_heads``, ``embed_dim``, ``window_size``.

    Returns
    -------
    ModelFeatures
        With a classification head of ``id2label`` classes, else 1000.
    """
    depths, heads = config.numbers("depths"), config.numbers("num_heads")
    if len(depths) != len(heads):
        raise InvalidWorkloadError(f"{config.where}: 'depths' and 'num_heads' differ in length")
    width, window = config.need("embed_dim"), config.get("window_size", 7)
    patch, size = config.get("patch_size", 4), image_size(config, 224)
    tokens = float((size // patch) ** 2)
    tally, macs, outputs = Tally(), 0.0, 0.0
    tally.linear(config.get("num_channels", 3) * patch * patch, width, bias=True)
    tally.vector(2 * width)
    macs, outputs = tokens * tally.macs, tokens * tally.outputs
    for stage, (depth, head) in enumerate(zip(depths, heads, strict=True)):
        layers = Tally()
        for _ in range(depth):
            encoder_layer(layers, width, head, int(width * config.real("mlp_ratio", 4)))
            layers.vector(head * (2 * window - 1) ** 2)
        context = min(float(window * window), tokens)
        macs += tokens * (layers.macs + layers.pair_macs * context)
        outputs += tokens * (layers.outputs + layers.pair_outputs * context)
        if stage < len(depths) - 1:
            tokens /= 4
            layers.vector(8 * width)
            layers.linear(4 * width, 2 * width)
            macs += tokens * 8 * width * width
            outputs += tokens * 2 * width
            width *= 2
        tally.parameters += layers.parameters
        tally.calls += layers.calls
    tally.vector(2 * width)
    _add_head(tally, config, width)
    return ModelFeatures(
        name=config.model_type,
        family="vision",
        architecture="swin",
        parameters=tally.parameters,
        layers=sum(depths),
        hidden=width,
        calls=tally.calls,
        default_input_size=size,
        source="computed from config.json",
        parts=(Picture((Sample(float(size) ** 2, macs + tally.once_macs, outputs + tally.once_outputs),)),),
    )


BUILDERS = dict.fromkeys(VITS, vit) | {"resnet": resnet, "convnext": convnext, "convnextv2": convnext, "swin": swin}
