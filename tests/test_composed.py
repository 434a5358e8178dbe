"""Networks whose names say backbone, head and crop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog.composed import estimate, macs, usual_side
from hwpredict.catalog.models import features, match
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates

DETECTION = math.sqrt(800 * 1280)
WIDE = math.sqrt(512 * 2048)
#: Name, side (pixels), GMACs. Swin Transformer's and ConvNeXt's READMEs count at 1280 x 800 and 2048 x 512.
PUBLISHED = [
    ("mask_rcnn_swin-t-p4-w7_fpn_1x_coco", DETECTION, 267),
    ("mask_rcnn_swin-s-p4-w7_fpn_1x_coco", DETECTION, 359),
    ("cascade_mask_rcnn_swin-t-p4-w7_fpn_giou_4conv1f_3x_coco", DETECTION, 745),
    ("cascade_mask_rcnn_swin-s-p4-w7_fpn_giou_4conv1f_3x_coco", DETECTION, 838),
    ("cascade_mask_rcnn_swin-b-p4-w7_fpn_giou_4conv1f_3x_coco", DETECTION, 982),
    ("mask_rcnn_convnext-t_p4_w7_fpn_coco", DETECTION, 262),
    ("cascade_mask_rcnn_convnext-t_p4_w7_fpn_giou_4conv1f_coco", DETECTION, 741),
    ("cascade_mask_rcnn_convnext-s_p4_w7_fpn_giou_4conv1f_coco", DETECTION, 827),
    ("cascade_mask_rcnn_convnext-b_p4_w7_fpn_giou_4conv1f_coco", DETECTION, 964),
    ("cascade_mask_rcnn_convnext-l_p4_w7_fpn_giou_4conv1f_coco", DETECTION, 1354),
    ("upernet_swin_tiny_patch4_window7_512x512_160k_ade20k", WIDE, 945),
    ("upernet_swin_small_patch4_window7_512x512_160k_ade20k", WIDE, 1038),
    ("upernet_swin_base_patch4_window7_512x512_160k_ade20k", WIDE, 1188),
    ("pspnet_r50-d8_512x512_80k_ade20k", 512.0, 178.586),  # Open Model Zoo
]
#: The same networks as torchvision defines them.
COUNTED = [
    ("faster_rcnn_r50_fpn_1x_coco", "fasterrcnn_resnet50_fpn"),
    ("mask_rcnn_r50_fpn_1x_coco", "maskrcnn_resnet50_fpn"),
    ("retinanet_r50_fpn_1x_coco", "retinanet_resnet50_fpn"),
    ("fcos_r50_caffe_fpn_gn-head_1x_coco", "fcos_resnet50_fpn"),
]


def test_figures_agree_with_published_and_counted_ones() -> None:
    side = math.sqrt(800 * 1344)
    pairs = [(name, side, features(other).macs() / 1e9) for name, other in COUNTED]
    errors = np.array([math.log(macs(name, size) / 1e9 / figure) for name, size, figure in [*PUBLISHED, *pairs]])
    assert np.sqrt(np.mean(errors**2)) < 0.025
    assert np.abs(errors).max() < 0.05


@pytest.mark.parametrize(("name", "other"), COUNTED)
def test_parameters_agree_with_counted_ones(name: str, other: str) -> None:
    found = estimate(name, -1.0)
    assert found is not None
    assert found.parameters == pytest.approx(features(other).parameters, rel=0.2)


def test_dilation_and_crops_cost_what_they_do() -> None:
    coarse, middle, fine = (macs(f"fcn_r50-d{d}_512x1024_40k_cityscapes", -1.0) for d in (32, 16, 8))
    assert coarse < middle < fine
    small, large = (macs(f"deeplabv3_r101-d8_{s}_40k_cityscapes", -1.0) for s in ("512x1024", "769x769"))
    assert large / small == pytest.approx(769**2 / (512 * 1024), rel=0.02)
    assert macs("faster_rcnn_r50_fpn_4x4_1x_coco", -1.0) == macs("faster-rcnn_r50_fpn_1x_coco", -1.0)


@pytest.mark.parametrize("name", ["mask_rcnn_r50_caffe_c4_1x_coco", "resnet50", "yolov3_d53_320", "pspnet", "fcn_abc"])
def test_other_names_are_not_put_together(name: str) -> None:
    assert estimate(name, -1.0) is None


@given(
    head=st.sampled_from(["fcn", "pspnet", "deeplabv3", "deeplabv3plus", "upernet", "danet"]),
    backbone=st.sampled_from(["r18-d8", "r50-d8", "r101-d16", "m-v2-d8"]),
    side=st.floats(64, 2048),
)
def test_work_grows_with_the_image(head: str, backbone: str, side: float) -> None:
    name = f"{head}_{backbone}_40k"
    assert 0 < macs(name, side) < macs(name, 1.5 * side)


def test_a_row_gets_the_estimate_and_keeps_its_label() -> None:
    name = "pspnet_r101-d8_769x769_40k_cityscapes"
    assert match(name) is None
    row: dict[str, Any] = {"hardware": "cuda", "device": "NVIDIA V100", "precision": "fp32", "batch_size": 1}
    row |= {"item": "image", "mode": "inference", "model_family": "vision", "model": name}
    found = covariates(r.table([row, row | {"input_size": "512x1024"}]))
    expected = [macs(name, -1.0), macs(name, math.sqrt(512 * 1024))]
    assert np.exp(found.numbers["log_macs_item"]) == pytest.approx(expected, rel=1e-6)
    assert all(found.labels["no_macs"] != "")
    assert all(found.labels["no_size"] != "")
    known = estimate(name, -1.0)
    assert known is not None
    assert np.exp(found.numbers["log_parameters"]) == pytest.approx(known.parameters)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("mask2former_r101_8xb2-lsj-50e_coco", math.sqrt(800 * 1333)),
        ("segformer_mit-b3_512x1024_160k_cityscapes", math.sqrt(512 * 1024)),
        ("yolov3_d53_8xb8-ms-608-273e_coco", math.nan),  # trained on a size of its own
        ("second_hv_secfpn_8xb6-80e_kitti-3d-car", math.nan),  # not pictures
        ("coconut", math.nan),
    ],
)
def test_usual_side_of_the_pictures_in_a_name(name: str, side: float) -> None:
    assert usual_side(name) == pytest.approx(side, nan_ok=True)


def test_an_unknown_detector_works_on_the_pictures_of_its_data_set() -> None:
    row = {"model": "newdet_8xb2-50e_coco", "model_family": "vision", "hardware": "cuda", "batch_size": 1}
    of_coco, of_nothing = (
        covariates(r.table([row | {"model": name}])).numbers["log_activation_bytes"][0]
        for name in ("newdet_8xb2-50e_coco", "newdet_8xb2-50e")
    )
    assert of_coco > of_nothing + 1
