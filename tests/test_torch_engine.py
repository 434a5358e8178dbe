"""The PyTorch engine, where PyTorch and transformers are installed: right models, steps that repeat, real cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hwpredict.catalog.models import features, hyperparameters
from hwpredict.measure.engines.engine import CannotRunError
from hwpredict.measure.job import Job
from hwpredict.measure.plan import plan
from hwpredict.measure.runner import Settings, run

torch = pytest.importorskip("torch", reason="extra torch is not installed")
transformers = pytest.importorskip("transformers", reason="extra torch is not installed")

from hwpredict.measure.engines import torch_engine  # noqa: E402

SIZES = {"batch": 2, "sequence": 7, "context": 5}
MODELS = [
    ("bert-tiny", "sequence"),
    ("distilgpt2", "token_decode"),
    ("distilgpt2", "token_prefill"),
    ("resnet18", "image"),
    ("vit_tiny_patch16_224", "image"),
]


def job(model: str, item: str, precision: str = "fp32") -> Job:
    return Job("torch", "cpu", model, item, precision, SIZES, 1, config=hyperparameters(model))


@pytest.mark.parametrize(("model", "item"), MODELS)
def test_the_model_has_the_parameters_of_the_catalog(model: str, item: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    build = torch_engine._build
    monkeypatch.setattr(torch_engine, "_build", lambda *given: built.append(build(*given)) or built[-1])
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)  # once in a process, says PyTorch
    loaded = torch_engine.load(job(model, item))
    loaded.step()
    assert loaded.version == torch.__version__
    assert sum(p.numel() for p in built[0].parameters()) == features(model).parameters


def test_every_decode_step_finds_the_same_context(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    crop = transformers.DynamicCache.crop

    def spy(cache: Any, *given: int) -> None:
        lengths.append(cache.get_seq_length())
        crop(cache, *given)
        lengths.append(cache.get_seq_length())

    monkeypatch.setattr(transformers.DynamicCache, "crop", spy)
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)
    loaded = torch_engine.load(job("distilgpt2", "token_decode"))
    for _ in range(3):
        loaded.step()
    assert lengths == [SIZES["context"] + 1, SIZES["context"]] * 3


def test_sixteen_bits_are_never_held_in_thirty_two(monkeypatch: pytest.MonkeyPatch) -> None:
    formats: list[Any] = []
    convert = torch.nn.Module.to

    def spy(module: Any, **place: Any) -> Any:
        formats.extend(weights.dtype for weights in module.parameters())
        return convert(module, **place)

    monkeypatch.setattr(torch.nn.Module, "to", spy)
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)
    torch_engine.load(job("bert-tiny", "sequence", "bf16"))
    assert set(formats) == {torch.bfloat16}


def test_another_model_than_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)
    with pytest.raises(CannotRunError, match="with 4,385,920 parameters, where the catalog has 5,000,000"):
        torch_engine.load(replace(job("bert-tiny", "sequence"), parameters=5_000_000))


def test_a_format_that_eager_mode_has_not_is_refused() -> None:
    with pytest.raises(CannotRunError, match="computes fp32, fp16, bf16, not int8"):
        torch_engine.load(job("bert-tiny", "sequence", "int8"))


def test_a_cell_is_measured_for_real(tmp_path: Path) -> None:
    cells = plan(["bert-tiny"], runtimes=["torch"], batch_sizes=[1], precisions=["fp32", "bf16"], sequence_length=16)
    settings = replace(Settings(threads=1), max_seconds=0.2, warmup_seconds=0.05)
    for outcome in run(cells, settings, tmp_path):
        assert outcome.result.reason == ""
        assert len(outcome.result.latencies_ms) >= 6
        assert outcome.result.memory_mb is not None
        assert outcome.result.idle_memory_mb is not None
        assert outcome.result.memory_mb > outcome.result.idle_memory_mb
        assert outcome.result.details["threads"] == "1"
