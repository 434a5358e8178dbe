"""Networks of search spaces, counted from their descriptions."""

from __future__ import annotations

import pytest

from hwpredict.catalog.architectures.search_spaces import features

CELL = "arch=|avg_pool_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|; "
EMPTY = "arch=|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
FBNET = "arch=2-1-0-3-5-4-5-4-8-7-7-3-5-7-2-8-4-7-3-3-2-4; integer-ms resolution; "
OFA = "arch=ks=57357577577537735777 e=66664346464466443663 d=23243; "
HAT = "std_dec=6.260; arch enc d640 L6 ffn1621 dec d640 L5 ffn1946 arb2.0; parameters are an estimate"


@pytest.mark.parametrize(
    ("name", "description", "parameters", "gmacs"),
    [
        ("nb201-3370", CELL, 593_236, 0.082493),
        ("fbnet-c100-3183", FBNET, 2_413_324, 0.071957),
        ("HAT-wmt14enfr-1222", HAT, 45_875_200, 1.376256),
    ],
)
def test_counts_are_the_stated_ones(name: str, description: str, parameters: float, gmacs: float) -> None:
    found = features(name, description)
    assert found is not None
    assert found.name == name.lower()
    assert found.parameters == pytest.approx(parameters, rel=1e-3)
    assert found.macs() == pytest.approx(gmacs * 1e9, rel=1e-3)
    assert found.activations() > 0


def test_once_for_all_grows_with_its_choices() -> None:
    found, larger = features("ofa-mbv3-4950", OFA), features("ofa-mbv3-1", OFA.replace("d=23243", "d=44444"))
    assert found is not None
    assert larger is not None
    assert 4e6 < found.parameters < larger.parameters < 1.2e7
    assert 2e8 < found.macs(input_size=224) < larger.macs(input_size=224) < 9e8
    assert found.macs(input_size=112) == pytest.approx(found.macs(input_size=224) / 4)
    assert found.layers < larger.layers


def test_an_empty_cell_leaves_the_frame() -> None:
    found = features("nb201-1", EMPTY)
    assert found is not None
    assert found.layers == 1 + 2 * 3 + 1
    assert found.parameters < 80_000


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("resnet50", CELL),  # no search space
        ("nb201-5", ""),
        ("nb201-5", FBNET),
        ("fbnet-c100-5", "arch=2-1-0"),  # 3 of 22 blocks
        ("ofa-mbv3-5", OFA.replace("ks=5", "ks=9")),
        ("", ""),
    ],
)
def test_other_texts_are_no_network(name: str, description: str) -> None:
    assert features(name, description) is None
