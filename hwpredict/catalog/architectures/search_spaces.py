"""Networks of neural architecture search, counted from the description that tables give beside their names.

A name like "nb201-1662" is a number in a list; the network is in the description: ``arch=|avg_pool_3x3~0|+…`` for
NAS-Bench-201, ``arch=2-1-0-3-…`` (22 blocks) for FBNet, ``arch=ks=… e=… d=…`` for Once-for-all MobileNetV3, ``arch enc
d640 L6 ffn1621 dec d640 L5 ffn1946`` for Hardware-aware Transformers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.mobilenet import rounded
from hwpredict.catalog.architectures.vision import Convolutions
from hwpredict.catalog.architectures.work import Picture, Sample, Stack, Tokens

#: Output tokens of HAT's latency tables: one translated sentence (Wang et al. 2020, section 3.1).
_SENTENCE = 30

_NB201 = re.compile(r"arch=(\|[|+~\w]+\|)")
_FBNET = re.compile(r"arch=(\d(?:-\d){21})(?![-\d])")
_OFA = re.compile(r"arch=ks=([357]{20}) e=([346]{20}) d=([234]{5})")
_HAT = re.compile(r"arch enc d(\d+) L(\d+) ffn(\d+) dec d(\d+) L(\d+) ffn(\d+)")


def _nasbench201(found: re.Match[str], classes: int) -> ModelFeatures:
    """Cell of six edges, five times at each of 16, 32 and 64 channels (Dong & Yang 2020, section 2)."""
    edges = re.findall(r"[a-z]\w*(?=~)", found[1])
    net = Convolutions(32)
    net.conv(3, 16, 3)
    for channels in (16, 32, 64):
        if channels > 16:
            net.conv(channels // 2, channels, 3, 2)
            net.conv(channels, channels, 3)
            net.conv(channels // 2, channels, 1, extra=0)
        for _ in range(5):
            for edge in edges:
                if edge.startswith("nor_conv"):
                    net.conv(channels, channels, int(edge[-1]))
    net.parameters += 2 * 64  # the last batch norm
    net.head(64, classes)
    return _image("NAS-Bench-201 (Dong & Yang 2020)", "nasbench201", net, 32, 64)


#: Kernel, expansion and groups of FBNet's block types; the last skips (Wu et al. 2019, table 2).
_FBNET_BLOCKS = ((3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1), (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1))
_FBNET_STAGES = ((1, 16, 1), (4, 24, 1), (4, 32, 2), (4, 64, 2), (4, 112, 1), (4, 184, 2), (1, 352, 1))


def _fbnet(found: re.Match[str], classes: int) -> ModelFeatures:
    """FBNet for CIFAR-100 as in HW-NAS-Bench (Li et al. 2021)."""
    choices = iter(int(c) for c in found[1].split("-"))
    net = Convolutions(32)
    net.conv(3, 16, 3)
    before = 16
    for repeats, channels, first in _FBNET_STAGES:
        for block in range(repeats):
            stride, choice = first if block == 0 else 1, next(choices)
            if choice < len(_FBNET_BLOCKS):
                kernel, expansion, groups = _FBNET_BLOCKS[choice]
                inner = before * expansion
                net.conv(before, inner, 1, groups=groups)
                net.conv(inner, inner, kernel, stride, groups=inner)
                net.conv(inner, channels, 1, groups=groups)
            elif stride > 1 or before != channels:
                net.conv(before, channels, 1, stride)
            before = channels
    net.conv(before, 1504, 1)
    net.head(1504, classes)
    return _image("FBNet space of HW-NAS-Bench (Li et al. 2021)", "fbnet", net, 32, 1504)


#: Width, stride, squeeze-and-excitation of Once-for-all's stages (Cai et al. 2020, code of ofa_mbv3_d234_e346_k357).
_OFA_STAGES = ((24, 2, False), (40, 2, True), (80, 2, False), (112, 1, True), (160, 2, True))
_OFA_WIDTH = 1.2


def _ofa(found: re.Match[str], classes: int) -> ModelFeatures:
    """Once-for-all MobileNetV3 of width 1.2, whose sub-networks are the space of HELP (Lee et al. 2021)."""
    kernels, expansions, depths = ([int(c) for c in group] for group in found.groups())
    net = Convolutions(224)
    before = rounded(16 * _OFA_WIDTH)
    net.conv(3, before, 3, 2)
    net.conv(before, before, 3, groups=before)
    net.conv(before, before, 1)
    for stage, (width, first, excited) in enumerate(_OFA_STAGES):
        channels = rounded(width * _OFA_WIDTH)
        for block in range(depths[stage]):
            index = 4 * stage + block
            inner = rounded(before * expansions[index])
            net.conv(before, inner, 1)
            net.conv(inner, inner, kernels[index], first if block == 0 else 1, groups=inner)
            if excited:
                squeezed = rounded(inner / 4)
                net.head(inner, squeezed)
                net.head(squeezed, inner)
            net.conv(inner, channels, 1)
            before = channels
    last = rounded(960 * _OFA_WIDTH)
    net.conv(before, last, 1)
    net.head(last, rounded(1280 * _OFA_WIDTH))
    net.head(rounded(1280 * _OFA_WIDTH), classes)
    return _image("Once-for-all MobileNetV3 w1.2 (Cai et al. 2020)", "ofa", net, 224, last)


def _image(source: str, label: str, net: Convolutions, size: int, width: int) -> ModelFeatures:
    return ModelFeatures(
        name="",
        family="vision",
        architecture=label,
        parameters=net.parameters,
        layers=net.calls,
        hidden=width,
        calls=net.calls,
        default_input_size=size,
        source=f"counted from its description: {source}",
        parts=(Picture((Sample(float(size) ** 2, net.macs, net.outputs),)),),
    )


def _hat(found: re.Match[str], classes: int) -> ModelFeatures:
    """Encoder-decoder of Hardware-aware Transformers, without embeddings; attention as wide as the code's 512."""
    width, layers, inner, out_width, out_layers, out_inner = (int(group) for group in found.groups())
    attention = 512
    encoder = layers * (4 * width * attention + 2 * width * inner)
    # self-attention, and attention to the encoder, whose keys and values are as wide as its output
    decoder = out_layers * (6 * out_width * attention + 2 * width * attention + 2 * out_width * out_inner)
    outputs = layers * (4 * attention + width + inner) + out_layers * (8 * attention + out_width + out_inner)
    part = Stack(float(encoder + decoder), float(outputs), tokens=Tokens())
    return ModelFeatures(
        name="",
        family="text_generation",
        architecture="hat",
        parameters=float(encoder + decoder),
        layers=out_layers,  # those that every token is written by, one after the other
        hidden=out_width,
        calls=6 * layers + 10 * _SENTENCE * out_layers,
        default_sequence_length=_SENTENCE,
        source="counted from its description: Hardware-aware Transformers (Wang et al. 2020)",
        parts=(part,),
    )


_SPACES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str], int], ModelFeatures], int], ...] = (
    ("nb201-", _NB201, _nasbench201, 100),
    ("fbnet-", _FBNET, _fbnet, 100),
    ("ofa-", _OFA, _ofa, 1000),
    ("hat-", _HAT, _hat, 0),
)


@lru_cache(maxsize=2**15)
def features(name: str, description: str) -> ModelFeatures | None:
    """Features of a network of a search space.

    Parameters
    ----------
    name : str
        Its name in the table; the part before the first dash names the space.
    description : str
        Text in which the table says what the network is made of.

    Returns
    -------
    ModelFeatures or None
        Under the given name in lower case; None if the name is of no search space, or the description has no network.
        Multiply-accumulates and activations (outputs of convolutions and linear layers) are counted layer by layer.

    Examples
    --------
    >>> cell = "arch=|avg_pool_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    >>> found = features("nb201-3370", cell)
    >>> found.parameters, round(found.macs() / 1e6, 3)
    (593236.0, 82.493)
    """
    text = name.lower()
    for prefix, pattern, count, classes in _SPACES:
        if text.startswith(prefix):
            found = pattern.search(description)
            return count(found, classes).named(text) if found else None
    return None
