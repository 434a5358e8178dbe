"""Graphs built from hyper-parameters: the right size, the right results, and measured for real where runtimes are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwpredict.catalog.models import features
from hwpredict.measure.graphs.build import build_graph
from hwpredict.measure.graphs.builder import WEIGHTS, Graph
from hwpredict.measure.plan import plan
from hwpredict.measure.runner import Settings, run
from hwpredict.measure.synthetic import arrays, shape

onnx = pytest.importorskip("onnx", reason="extra onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="extra onnx is not installed")

SIZES = {"batch": 2, "sequence": 7, "context": 5}
MODELS = [
    ("bert-tiny", "sequence"),
    ("google/electra-small-discriminator", "sequence"),
    ("albert-base-v2", "sequence"),
    ("distilgpt2", "token_decode"),
    ("resnet18", "image"),
    ("vit_tiny_patch16_224", "image"),
]


def evaluate(graph: Graph, given: dict[str, Any] | None = None, sizes: dict[str, int] | None = None) -> dict[str, Any]:
    session = ort.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = given if given is not None else arrays(graph.inputs, sizes or SIZES)
    return dict(zip(names, session.run(None, values), strict=True))


@pytest.mark.parametrize(("model", "item"), MODELS)
def test_a_graph_has_the_parameters_of_its_model_and_runs(model: str, item: str, tmp_path: Path) -> None:
    graph = build_graph(model, item, tmp_path)
    assert graph.parameters == features(model).parameters
    assert (tmp_path / WEIGHTS).stat().st_size >= 4 * graph.parameters
    assert Path(graph.path).stat().st_size < 2e6  # the weights are not in it
    for name, value in evaluate(graph).items():
        assert np.isfinite(value).all(), name
        assert value.shape[0] == 2


def test_a_decode_step_continues_what_a_prefill_began(tmp_path: Path) -> None:
    """The logits of token n + 1 are the same from a cache of n tokens as from a prompt of n + 1."""
    prefill = build_graph("distilgpt2", "token_prefill", tmp_path / "prefill")
    decode = build_graph("distilgpt2", "token_decode", tmp_path / "decode")
    tokens = arrays(prefill.inputs, SIZES)["input_ids"]
    whole = evaluate(prefill, {"input_ids": tokens})
    begun = evaluate(prefill, {"input_ids": tokens[:, :-1]})
    cache = {name.replace("present", "past"): v for name, v in begun.items() if name.startswith("present")}
    step = evaluate(decode, {"input_ids": tokens[:, -1:], **cache})
    np.testing.assert_allclose(step["logits"], whole["logits"], atol=1e-4)
    np.testing.assert_allclose(step["present.5.key"], whole["present.5.key"], atol=1e-4)


def test_padding_changes_nothing(tmp_path: Path) -> None:
    graph = build_graph("bert-tiny", "sequence", tmp_path)
    given = arrays(graph.inputs, SIZES)
    given["attention_mask"][:, 5:] = 0
    other = dict(given, input_ids=given["input_ids"].copy())
    other["input_ids"][:, 5:] = 1
    np.testing.assert_allclose(
        evaluate(graph, given)["pooler_output"], evaluate(graph, other)["pooler_output"], atol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_halve_the_weights(dtype: str, tmp_path: Path) -> None:
    whole = build_graph("bert-tiny", "sequence", tmp_path / "a")
    half = build_graph("bert-tiny", "sequence", tmp_path / "b", dtype)
    assert half.parameters == whole.parameters
    assert (tmp_path / "b" / WEIGHTS).stat().st_size < 0.52 * (tmp_path / "a" / WEIGHTS).stat().st_size


@pytest.mark.parametrize(("model", "item"), [("bert-tiny", "sequence"), ("resnet18", "image")])
def test_eight_bits_give_nearly_the_same_result(model: str, item: str, tmp_path: Path) -> None:
    from hwpredict.measure.graphs.quantize import quantize

    graph = build_graph(model, item, tmp_path / model)
    small = quantize(graph, tmp_path / f"{model}-int8")
    a, b = (list(evaluate(g).values())[-1] for g in (graph, small))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98
    kinds = {node.op_type for node in onnx.load(small.path, load_external_data=False).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


@pytest.mark.parametrize(("model", "item"), MODELS[::3])
def test_openvino_computes_the_same(model: str, item: str, tmp_path: Path) -> None:
    ov = pytest.importorskip("openvino", reason="extra openvino is not installed")
    graph = build_graph(model, item, tmp_path)
    network = ov.Core().read_model(graph.path)
    network.reshape({i.name: list(shape(i, SIZES)) for i in graph.inputs})
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = compiled.create_infer_request().infer(arrays(graph.inputs, SIZES))
    theirs = {output.get_any_name(): answer[output] for output in compiled.outputs}
    for name, value in evaluate(graph).items():
        np.testing.assert_allclose(theirs[name], value, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_cell_is_measured_for_real(runtime: str, tmp_path: Path) -> None:
    pytest.importorskip(runtime, reason=f"extra {runtime} is not installed")
    cells = plan(["bert-tiny"], runtimes=[runtime], batch_sizes=[1], precisions=["fp32", "fp16"], sequence_length=16)
    settings = Settings(threads=1, max_seconds=0.2, warmup_seconds=0.05)
    real, refused = run(cells, settings, tmp_path)
    assert real.result.reason == ""
    assert len(real.result.latencies_ms) >= 6
    assert all(latency > 0 for latency in real.result.latencies_ms)
    assert real.result.memory_mb is not None
    assert real.result.idle_memory_mb is not None
    assert real.result.memory_mb > real.result.idle_memory_mb + 4e-6 * real.parameters
    assert real.parameters == features("bert-tiny").parameters
    if runtime == "onnxruntime":
        assert "not fp16" in refused.result.reason
    assert not list(tmp_path.iterdir())


def test_a_cell_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    cells = plan(["bert-tiny"], runtimes=["onnxruntime"], batch_sizes=[1])
    (outcome,) = run(cells, replace(Settings(threads=1), timeout=0.05), tmp_path)
    assert "given up" in outcome.result.reason
