"""Models known by published or counted figures."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog.architectures.counts import counted
from hwpredict.catalog.models import canonical, features, match

NAMES = ["xlnet-base-cased", "deberta-large", "wavlm-base", "nomic-embed-text-v1", "funnel-transformer"]


@pytest.mark.parametrize(
    ("spelling", "millions", "gmacs"),
    [
        ("stdc1", 8.27, 63.2),
        ("hardnet68", 17.6, 4.25),
        ("slowfast", 34.6, 65.7),
        ("i3d", 28.0, 37.5),
        ("arcface_r50", 43.6, 6.31),
        ("cavaface-ir100", 65.2, 12.09),  # twice that are operations
        ("edsr", 40.7, 667),
        ("srgan", 1.55, 36.3),
        ("darknet19", 20.8, 2.79),
        ("crnn", 8.3, 0.705),
        ("efficientdet_d7", 51.9, 325),
        ("rt-detr-r50", 42, 68),
        ("yolov5m6", 35.7, 100),
        ("yolov5m6u", 41.2, 131.4),
        ("sam_vit_b", 89.7, 486),
        ("dpt-large", 343, 258),
        ("depth-anything-base", 97.5, 190),
        ("nasnet_mobile", 5.3, 0.564),
        ("pixart-alpha", 611, 618),
        ("sdxl-turbo", 2567, 3380),
        ("midasnet", 104, 103.6),
    ],
)
def test_well_known_models(spelling: str, millions: float, gmacs: float) -> None:
    found = match(spelling)
    assert found is not None
    assert found.parameters / 1e6 == pytest.approx(millions, rel=0.02)
    assert found.macs() / 1e9 == pytest.approx(gmacs, rel=0.02)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("olmo-7b", 6.89),
        ("command-r-plus", 103.8),
        ("aya-23-8b", 8.03),
        ("grok-1", 314),
        ("exaone-3.5-7.8b", 7.82),
        ("falcon3-10b", 10.3),
        ("deepseek-v2", 236),
        ("mbart-large-50", 0.611),
        ("mamba-2.8b", 2.77),
        ("dbrx", 132),
        ("Qwen/Qwen2.5-VL-7B", 7.62),  # its language model
        ("Qwen/Qwen3-VL-30B-A3B", 30.5),
        ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", 8.89),
        ("deepseek-ai/DeepSeek-V3.2-Exp", 671),
        ("google/embeddinggemma-300m", 0.303),
        ("google/siglip2-base-patch16-224", 0.375),
        ("google/siglip2-so400m-patch14-384", 1.136),
        ("facebook/m2m100_418M", 0.484),
        ("PekingU/rtdetr_r50vd", 0.042),
    ],
)
def test_parameters_of_language_models(name: str, billions: float) -> None:
    assert features(name).parameters / 1e9 == pytest.approx(billions, rel=0.01)


@given(name=st.sampled_from(NAMES), length=st.integers(2, 4096), times=st.integers(2, 8))
def test_counted_sequences_grow_with_the_length(name: str, length: int, times: int) -> None:
    found = features(name)
    once, more = found.macs(length), found.macs(times * length)
    assert times * once <= more * (1 + 1e-9) <= times**2 * once * (1 + 1e-9)
    assert found.activations(times * length) > found.activations(length)


def test_a_count_without_size_or_length_is_of_any_item() -> None:
    row = dict.fromkeys(["input_size", "activations_m", "square_gmacs", "sequence_length"], "") | {"gmacs": "2"}
    (part,) = counted([row])
    assert part.item_macs(10, 1) == part.item_macs(1000, 5) == 2e9
    assert counted([row | {"gmacs": ""}]) == ()
    (part,) = counted([row | {"sequence_length": "100", "square_gmacs": "1"}])
    assert part.item_macs(200, 1) == pytest.approx(2e9 + 4e9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("depth-anything-base", "depth-anything-small"),
        ("SSD MobileNet V2", "ssd_mobilenet_v2"),
        ("wavlm-base", "wavlm-large"),
        ("yolov5s-cls", "yolov5s"),
        ("edsr", "edsr-baseline-x2"),
    ],
)
def test_different_networks_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
