"""Work of detectors and segmenters whose names say backbone, head and crop, as OpenMMLab's do.

"pspnet_r101-d8_769x769_40k_cityscapes" is a ResNet-101 whose last stages keep the resolution of stride 8, with PSPNet's
head, on crops of 769 pixels. The backbone is that of the catalog; heads are counted from the layers of the default
configs of MMSegmentation and MMDetection. Of 18 networks with published or counted figures
(``tests/test_composed.py``) the root mean square error in log units is 0.012, and the largest 0.036; heads that only
are like a counted one (attention of some kind between FCN's convolutions, say) are less certain. So these are prior
means: such a model keeps an effect of its own (``no_macs``, ``no_size``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import nan

from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import area

#: Backbones by how names spell them, words separated by dashes. First match wins.
_BACKBONES = (
    (r"x(50|101)-(\d+x\d+d)", r"resnext\1_\2"),
    (r"(?:r2-|res2net-?)(50|101)", r"res2net\1_26w_4s"),
    (r"s50", "resnest50d"),
    (r"s101", "resnest101e"),
    (r"(?:r|resnet-?)(18|34|50|101|152)[bc]?", r"resnet\1"),
    (r"regnetx-400mf", "regnetx_004"),
    (r"regnetx-800mf", "regnetx_008"),
    (r"regnetx-(\d)\.(\d)gf", r"regnetx_0\1\2"),
    (r"regnetx-(\d)gf", r"regnetx_0\g<1>0"),
    (r"regnetx-12gf", "regnetx_120"),
    (r"(?:hrnetv2p?-w|hr)(18|30|32|40|48)", r"hrnet_w\1"),
    (r"(?:hrnetv2p?-w|hr)18s", "hrnet_w18_small_v2"),
    (r"swin-(?:t|tiny)(?:-p4-w7|-patch4-window7)?", "swin_tiny_patch4_window7_224"),
    (r"swin-(?:s|small)(?:-p4-w7|-patch4-window7)?", "swin_small_patch4_window7_224"),
    (r"swin-(?:b|base)(?:-p4-w\d+|-patch4-window\d+)?", "swin_base_patch4_window7_224"),
    (r"swin-(?:l|large)(?:-p4-w\d+|-patch4-window\d+)?", "swin_large_patch4_window7_224"),
    (r"convnext-(?:t|tiny)", "convnext_tiny"),
    (r"convnext-(?:s|small)", "convnext_small"),
    (r"convnext-(?:b|base)", "convnext_base"),
    (r"convnext-(?:l|large)", "convnext_large"),
    (r"(?:m-v2|mobilenet-?v2)", "mobilenetv2_100"),
    (r"(?:pcpvt|svt)-([sbl])", r"twins_\g<0>"),
    (r"deit-s16", "deit_small_patch16_224"),
    (r"(?:vit-b|deit-b)16?", "vit_base_patch16_224"),
)
#: Shares of a ResNet's MACs in its third and fourth stage, which dilation enlarges, by depth.
_STAGES = {18: (0.227, 0.227), 34: (0.365, 0.175), 50: (0.358, 0.198), 101: (0.664, 0.104), 152: (0.696, 0.07)}
#: Of ResNets alike in their blocks (ResNeXt, ResNeSt), and of MobileNetV2 (bottlenecks 4 and 5, 6 and 7).
_MOBILE = (0.35, 0.25)


#: Channels that segmenters' heads see, of backbones other than ResNets of bottlenecks (2048).
_BASIC = 512.0
_CHANNELS = {"resnet18": _BASIC, "resnet34": _BASIC, "mobilenetv2_100": 320.0} | {
    f"hrnet_w{width}": 15.0 * width for width in (18, 30, 32, 40, 48)
}


@dataclass(frozen=True, slots=True)
class _Head:
    """Work of neck and head: multiply-accumulates per pixel of a map of some stride, and per image.

    Attributes
    ----------
    macs : float
        Per pixel of the map.
    stride : int
        Of the map.
    once : float
        Per image, whatever its size (regions of interest).
    parameters : float
        Weights; of convolutions on one map as many as ``macs``.
    boxes : int
        Box heads, to which some configs add convolutions.
    """

    macs: float
    stride: int
    once: float = 0.0
    parameters: float = 0.0
    boxes: int = 0


def _segmenter(wide: Callable[[float, float], float]) -> Callable[[float], _Head]:
    def head(channels: float) -> _Head:
        weights = wide(channels, 128.0 if channels == _BASIC else 512.0)
        return _Head(weights, 8, parameters=weights)

    return head


def _fcn(c: float, inner: float) -> float:
    return 9 * (c * inner + inner**2 + (c + inner) * inner)


def _psp(c: float, inner: float) -> float:
    return 9 * (c + 4 * inner) * inner


def _aspp(c: float, inner: float) -> float:
    return 28 * c * inner + 9 * 5 * inner**2


def _separable_aspp(c: float, inner: float) -> float:
    # and a decoder on the map of stride 4, of four times as many pixels
    return 4 * c * inner + 9 * 5 * inner**2 + 4 * ((inner + 48) * inner + inner**2)


#: A feature pyramid of 256 channels from stride 4 on with a region proposal network (108.6 G at 1280 x 800); a box head
#: of two layers of 1024 over 1000 regions, and four convolutions before it; a mask head over 100 regions.
_PYRAMID, _BOXES, _CONVOLUTIONS, _MASKS = 108.6e9 / (800 * 1280), 14.3e9, 115.6e9, 53.0e9


def _two_stage(boxes: int, masks: int) -> Callable[[float], _Head]:
    once = boxes * _BOXES + masks * _MASKS
    return lambda channels: _Head(_PYRAMID, 1, once, 4.0e6 + 13.9e6 * boxes + 2.6e6 * masks, boxes)


def _one_stage(outputs: int, convolutions: int = 8) -> Callable[[float], _Head]:
    """A pyramid from stride 8 on, and a head of convolutions of 256 channels with as many outputs a position."""
    positions = (1 + 1 / 4 + 1 / 16 + 1 / 64 + 1 / 256) / 64  # of each pixel of the image
    weights = 9 * 256 * (256 * convolutions + outputs)
    return lambda channels: _Head(weights * positions + 16.5e9 / (800 * 1280), 1, parameters=weights + 3.3e6)


#: Heads by the start of the name. Of all heads of FCN's kind (attention of some sort between convolutions) FCN's.
_HEADS: tuple[tuple[str, Callable[[float], _Head]], ...] = (
    (r"deeplabv3plus", _segmenter(_separable_aspp)),
    (r"deeplabv3", _segmenter(_aspp)),
    (r"pspnet|apcnet|dmnet", _segmenter(_psp)),
    (r"upernet|twins-.*uperhead", lambda channels: _Head(13.0e6, 4, parameters=37.0e6)),
    (r"fpn-", lambda channels: _Head(1.48e6, 4, parameters=5.0e6)),
    (r"fcn-hr", lambda channels: _Head(channels**2, 4, parameters=channels**2)),
    (r"ocrnet-hr", lambda channels: _Head(9 * channels * 512 + 1.1e6, 4, parameters=9 * channels * 512 + 1.1e6)),
    (r"encnet-", _segmenter(lambda c, inner: 9 * c * inner)),
    (r"(?:fcn|ann|ccnet|danet|dnl|emanet|gcnet|isanet|nonlocal|psanet|ocrnet)-", _segmenter(_fcn)),
    (r"(?:rfnext-.*)?cascade-mask-rcnn|htc|scnet|detectors-htc", _two_stage(3, 3)),
    (r"(?:ga-|rfnext-.*)?cascade-rcnn|detectors-cascade", _two_stage(3, 0)),
    (r"(?:mask|ms)-(?:scoring-)?rcnn|point-rend-.*fpn|panoptic-fpn", _two_stage(1, 1)),
    (r"(?:ga-|libra-)?(?:faster|fast)-rcnn|(?:dynamic|grid)-rcnn|ga-faster", _two_stage(1, 0)),
    (r"(?:ga-)?rpn", _two_stage(0, 0)),
    (r"(?:ga-|libra-)?retinanet|freeanchor", _one_stage(9 * 84)),
    (r"gfl|ld-", _one_stage(80 + 68)),
    (r"atss|paa|ddod|tood", _one_stage(85)),
    (r"fcos|fsaf|fovea|autoassign", _one_stage(85)),
    (r"reppoints", _one_stage(80, 9)),
)
_SIZE = re.compile(r"(?<![\dx])(\d{3,4})x(\d{3,4})(?![\dx])")
#: Configs whose box heads have four convolutions before one layer.
_DEEP = re.compile(r"4conv1f|gn-(?:ws-)?all|backbone\+head")
_STRIDE = re.compile(r"-d(8|16|32)(?=-|$)")
#: Detectors that are trained on images of a size of their own.
_ONE_STAGE = re.compile(r"yolo|ssd|rtmdet|ppyoloe|efficientdet")
_DATA_SIZE = (("cityscapes", (512, 1024)), ("coco", (800, 1333)), ("lvis", (800, 1333)))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Multiply-accumulates of one image and parameters of a network put together from a backbone and a head."""

    macs: float
    parameters: float


@cache
def _compiled() -> tuple[list[tuple[re.Pattern[str], str]], list[tuple[re.Pattern[str], Callable[[float], _Head]]]]:
    backbones = [(re.compile(rf"(?<![a-z0-9]){pattern}(?![a-z0-9])"), model) for pattern, model in _BACKBONES]
    return backbones, [(re.compile(pattern), head) for pattern, head in _HEADS]


def _stretch(backbone: ModelFeatures, stride: int) -> float:
    """How much more a backbone does when its last stages keep the resolution of a stride below 32."""
    depth = re.search(r"(18|34|50|101|152)", backbone.name)
    third, fourth = _STAGES[int(depth[1])] if depth else _MOBILE
    return 1 + third * ({8: 4, 16: 1, 32: 1}[stride] - 1) + fourth * ({8: 16, 16: 4, 32: 1}[stride] - 1)


def _dashed(name: str) -> str:
    """A name in lower case without its organisation, words separated by dashes."""
    return re.sub(r"[_\s]+", "-", name.lower().rsplit("/", 1)[-1])


def _crop(text: str) -> tuple[int, int] | None:
    """Height and width in a name, pixels."""
    found = _SIZE.search(text)
    return (int(found[1]), int(found[2])) if found else None


@cache
def estimate(name: str, side: float) -> Estimate | None:
    """Work and size of a network from the backbone, head and crop in its name.

    Parameters
    ----------
    name : str
        A name as OpenMMLab writes them.
    side : float
        Side of the square of the image's area, pixels; not positive where it is not known: then the crop in the name,
        or that which is usual for the data set in it.

    Returns
    -------
    Estimate or None
        None if the name does not say both.

    Examples
    --------
    >>> round(estimate("pspnet_r101-d8_512x512_80k_ade20k", -1).macs / 1e9)
    261
    """
    from hwpredict.catalog import models  # it imports the tables

    text = _dashed(name)
    backbones, heads = _compiled()
    make = next((head for pattern, head in heads if pattern.match(text)), None)
    spelled = next((found.expand(model) for pattern, model in backbones if (found := pattern.search(text))), None)
    backbone = models.match(spelled) if spelled else None
    if make is None or backbone is None or re.search(r"-(?:c4|dc5)(?=-|$)", text):
        return None
    usual = next((size for data, size in _DATA_SIZE if data in text), (512, 512))
    pixels = side**2 if side > 0 else area(_crop(text) or usual)
    head = make(_CHANNELS.get(backbone.name, 2048.0))
    dilated = _STRIDE.search(text)
    macs = backbone.macs(input_size=round(pixels**0.5)) * (_stretch(backbone, int(dilated[1])) if dilated else 1.0)
    macs += head.macs * pixels / head.stride**2 + head.once + head.boxes * (_CONVOLUTIONS if _DEEP.search(text) else 0)
    return Estimate(macs, backbone.parameters + head.parameters)


@cache
def usual_side(name: str) -> float:
    """Side of the square of the area that images of the data set in a detector's or segmenter's name usually have.

    Parameters
    ----------
    name : str
        A name as OpenMMLab writes them.

    Returns
    -------
    float
        Pixels; NaN for names of another form.
    """
    text = _dashed(name)
    usual = next((size for data, size in _DATA_SIZE if re.search(rf"-{data}(?:-|$)", text)), None)
    return nan if usual is None or _ONE_STAGE.match(text) else area(_crop(text) or usual) ** 0.5


@cache
def macs(name: str, side: float) -> float:
    """Multiply-accumulates of :func:`estimate`; NaN if there is none."""
    found = estimate(name, side)
    return found.macs if found else nan


@cache
def parameters(name: str) -> float:
    """Parameters of :func:`estimate`; NaN if there is none."""
    found = estimate(name, -1.0)
    return found.parameters if found else nan
