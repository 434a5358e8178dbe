"""MobileNet v1 and v2 of any width and image size, from the layer tables of their papers."""

from __future__ import annotations

import re

from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.vision import CLASSES, Convolutions
from hwpredict.catalog.architectures.work import Picture, Sample

_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
#: Expansion, channels, repeats, stride.
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

#: "mobilenet-v2-1.4-224", "mobilenet_v1_0.25_128", "mobilenetv2_0.5", "mobilenet1.0", "mobilenet-v2".
NAME = re.compile(r"^mobilenet[-_ ]?(?:v([12])(?![0-9]))?(?:[-_ ]?([0-2]\.\d+))?(?:[-_ ](\d{2,3}))?$")
#: The names that :func:`mobilenet` gives, like timm's: the width in hundredths. No image is 0xx pixels wide, nor 1x0.
HUNDREDTHS = re.compile(r"^mobilenetv([12])_(0\d\d|1[0-4][05]|200)$")


def rounded(channels: float) -> int:
    """Channels to the nearest multiple of eight, never more than a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def _v1(net: Convolutions, width: float) -> int:
    before = rounded(32 * width)
    net.conv(3, before, 3, 2)
    for channels, stride in _V1:
        after = rounded(channels * width)
        net.conv(before, before, 3, stride, groups=before)
        net.conv(before, after, 1)
        before = after
    return before


def _v2(net: Convolutions, width: float) -> int:
    before = rounded(32 * width)
    net.conv(3, before, 3, 2)
    for expansion, channels, repeats, stride in _V2:
        after = rounded(channels * width)
        for block in range(repeats):
            inner = before * expansion
            if expansion > 1:
                net.conv(before, inner, 1)
            net.conv(inner, inner, 3, stride if block == 0 else 1, groups=inner)
            net.conv(inner, after, 1)
            before = after
    last = rounded(1280 * max(1.0, width))
    net.conv(before, last, 1)
    return last


def mobilenet(version: int, width: float, size: int = 224) -> ModelFeatures:
    """Features of a MobileNet.

    Parameters
    ----------
    version : {1, 2}
        Version.
    width : float
        Width multiplier.
    size : int
        Side of the image, pixels.

    Returns
    -------
    ModelFeatures
        Named like timm's ("mobilenetv2_140"), with a head of 1000 classes.
    """
    net = Convolutions(size)
    last = _v1(net, width) if version == 1 else _v2(net, width)
    net.head(last, CLASSES)
    return ModelFeatures(
        name=f"mobilenetv{version}_{round(100 * width):03d}",
        family="vision",
        architecture=f"mobilenetv{version}",
        parameters=net.parameters,
        layers=net.calls,
        hidden=last,
        calls=net.calls,
        default_input_size=size,
        source="Howard et al. 2017, table 1" if version == 1 else "Sandler et al. 2018, table 2",
        parts=(Picture((Sample(float(size) ** 2, net.macs, net.outputs),)),),
    )


def by_name(text: str) -> ModelFeatures | None:
    """Features of a name like "mobilenet-v2-1.4-224"; without width or size 1.0 and 224 are meant."""
    hundredths = HUNDREDTHS.match(text)
    if hundredths:
        return mobilenet(int(hundredths[1]), int(hundredths[2]) / 100) if int(hundredths[2]) else None
    found = NAME.match(text)
    if not found:
        return None
    version, width, size = found.groups()
    if version is None and width is None:
        return None  # "mobilenet" alone could be any of them
    return mobilenet(int(version or 1), float(width or 1), int(size or 224))
