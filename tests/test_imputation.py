"""Guesses of features that nobody stated."""

from __future__ import annotations

import numpy as np
import pytest

from hwpredict.catalog import imputation
from hwpredict.catalog.models import features


def guesses(name: str, label: str | None) -> tuple[float, float]:
    """Log errors of the guessed MACs and activations of a model, from its parameters, size and label."""
    known = features(name)
    size = float(known.default_input_size or 0)
    family, parameters, sizes = np.array([known.family]), np.log([known.parameters]), np.array([size])
    labels = np.array([label]) if label else None
    macs = np.log([known.macs()])
    guessed = imputation.log_macs(family, parameters, sizes, labels)
    written = imputation.log_activations(family, macs, parameters, sizes, labels)
    return float((guessed - macs)[0]), float((written - np.log(known.activations()))[0])


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("vgg16", "vgg"),
        ("mobilenetv3_large_100", "mobilenetv3"),
        ("tf_efficientnetv2_b0", "efficientnetv2"),
        ("resnet50", "resnet"),
        ("vit_base_patch16_224", "vit"),
    ],
)
def test_an_architecture_sharpens_the_guess(name: str, label: str) -> None:
    alone, within = guesses(name, None), guesses(name, label)
    assert sum(map(abs, within)) < sum(map(abs, alone)) + 0.1
    assert max(map(abs, within)) < 1.0


def test_unknown_architectures_get_the_common_line() -> None:
    assert guesses("resnet50", "frobnicator") == guesses("resnet50", None)


def test_parameters_follow_the_architecture_and_the_work() -> None:
    family = np.array(["vision"] * 4 + ["text_generation"])
    labels = np.array(["vgg", "mobilenetv3", "resnet", "resnet", "llama"])
    macs = np.log([np.nan, np.nan, 1e9, 8e9, 1e9])
    small_net, large_net = imputation.log_parameters(family, labels, macs, np.full(5, 224.0))[[1, 0]]
    assert small_net < np.log(1e7) < np.log(5e7) < large_net
    light, heavy, language = imputation.log_parameters(family, labels, macs, np.full(5, np.nan))[2:]
    assert np.log(5e6) < light < np.log(2e7) < heavy
    assert language == pytest.approx(np.log(8e9))


def test_sequences_do_a_mac_a_parameter_and_token() -> None:
    family, labels = np.array(["embedding"]), np.array(["bert"])
    assert imputation.log_macs(family, np.log([1e8]), np.array([128.0]), labels)[0] == pytest.approx(np.log(1.28e10))
