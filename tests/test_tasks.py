"""Lengths that the task in a name implies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hwpredict.catalog.models import features
from hwpredict.catalog.tasks import sequence_length
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("BERT base MRPC", 128),
        ("bert-large-squad", 384),
        ("distilbert_squadv1", 384),
        ("roberta-base-sst2", 128),
        ("BERT Base STS-B", 128),
        ("xlnet_base_cased_rte", 128),
        ("albert-wnli", 128),
        ("bert-base-uncased", math.nan),
        ("bert-chocolate", math.nan),
        ("part-encoder", math.nan),
    ],
)
def test_tasks_in_names(name: str, tokens: float) -> None:
    assert sequence_length(name, "embedding") == pytest.approx(tokens, nan_ok=True)
    assert math.isnan(sequence_length(name, "vision"))


def test_a_stated_length_wins() -> None:
    row: dict[str, Any] = {
        "hardware": "cpu",
        "device": "Intel Xeon Platinum 8380",
        "precision": "fp32",
        "batch_size": 1,
    }
    row |= {"item": "sequence", "mode": "inference", "model_family": "embedding", "model": "BERT base MRPC"}
    found = covariates(r.table([row | {"sequence_length": length} for length in (math.nan, 128.0, 64.0)]))
    macs = np.exp(found.numbers["log_macs_item"])
    bert = features("bert-base-uncased")
    assert macs == pytest.approx([bert.macs(128), bert.macs(128), bert.macs(64)], rel=0.01)
