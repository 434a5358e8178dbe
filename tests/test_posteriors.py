"""A caller's own measurements: taken in once, whatever the way they came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hwpredict import HardwareModelPredictor
from hwpredict.config import Config
from hwpredict.errors import InvalidWorkloadError
from hwpredict.posteriors import condition, read

DEVICE = "NVIDIA GeForce RTX 5090"
ROWS = [
    {
        "source": "my lab", "model": "resnet50", "hardware": "cuda", "device": DEVICE, "precision": "fp16",
        "runtime": "pytorch-eager", "batch_size": batch, "latency_ms": milliseconds, "mode": "inference",
        "item": "image",
    }
    for batch, milliseconds in ((8, 3.1), (64, 15.0))
]  # fmt: skip


def evidence(predictor: HardwareModelPredictor) -> list[str]:
    answer = predictor.predict_performance("resnet50", hardware=["rtx 5090", "t4"], batch_size=8, precision="fp16")
    return [p["evidence"] for p in answer["predictions"].values()]


def test_an_update_moves_what_was_measured_and_no_row_counts_twice() -> None:
    predictor = HardwareModelPredictor(draws=50)
    before = predictor.posterior
    assert evidence(predictor)[0] != "measured"
    assert predictor.update(ROWS) is predictor
    assert evidence(predictor)[0] == "measured"
    once = predictor.posterior
    assert once.fingerprint != before.fingerprint
    assert "my lab" in once.attrs["sources"]
    assert predictor.update(ROWS).posterior.fingerprint != once.fingerprint  # measured again, as the caller says
    assert condition(once, ROWS) is once


def test_database_folder_and_frame_agree(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).to_parquet(tmp_path / "mine.parquet")
    (tmp_path / "notes.txt").write_text("not a table", encoding="utf-8")
    by_frame = HardwareModelPredictor().update(ROWS).posterior.fingerprint
    assert HardwareModelPredictor(database_path=tmp_path / "mine.parquet").posterior.fingerprint == by_frame
    assert HardwareModelPredictor(benchmark_dir=tmp_path).posterior.fingerprint == by_frame
    given = HardwareModelPredictor(posterior=HardwareModelPredictor().posterior, benchmark_dir=tmp_path)
    assert given.posterior.fingerprint == by_frame
    assert given.update().posterior.fingerprint == by_frame


def test_what_the_posterior_was_fitted_to_is_not_taken_in_again() -> None:
    posterior = HardwareModelPredictor().posterior
    known = replace(posterior, attrs=posterior.attrs | {"sources": ["my lab"]})
    assert condition(known, ROWS) is known
    with pytest.raises(InvalidWorkloadError, match="nothing to learn"):
        condition(posterior, [{"model": "resnet50", "hardware": "cuda"}])


def test_no_measurements_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkloadError, match="no measurements are given"):
        read(Config())
    with pytest.raises(InvalidWorkloadError, match="holds no measurements"):
        read(Config(benchmark_dir=tmp_path))
    with pytest.raises(InvalidWorkloadError, match="no measurements are given"):
        HardwareModelPredictor().fit()
