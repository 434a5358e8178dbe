"""Importers: every format is told by its content, read as it means it, and nothing is dropped in silence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.errors import HwpredictError, StoreError, UnknownNameError
from hwpredict.store import BenchmarkStore, importers, read_measurements
from hwpredict.store.importers import words
from hwpredict.store.importers.base import Format, Reading
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.markdown import tables
from hwpredict.workload import PRECISIONS, Item

FIXTURES = Path(__file__).parent / "fixtures" / "importers"
LOGS = FIXTURES / "mlperf" / "closed" / "Acme" / "results" / "L4x2_TRT"


@pytest.fixture(scope="module")
def shared() -> Iterator[BenchmarkStore]:
    with BenchmarkStore() as opened:
        yield opened


def imported(store: BenchmarkStore, path: Path, **options: Any) -> tuple[Any, list[dict[str, Any]], list[str]]:
    """Report, rows by column without what is not stated, and the locations and reasons of rejected rows."""
    report = store.import_file(path, **options)
    # a file whose rows are there already leaves no run of its own, and each fixture is imported once
    runs = store.query("select run_id, origin from runs order by run_id")
    runs = runs[runs["origin"] == str(path)]["run_id"].tolist()
    run = runs[-1] if runs else -1
    frame = store.query("select * from measurements where run_id = ? order by rowid", [run])
    rows = [{k: v for k, v in row.items() if v is not None and v == v} for row in frame.to_dict("records")]
    rejects = store.query("select location, reason from rejects where run_id = ? order by row_number", [run])
    return report, rows, [f"{r.location}: {r.reason}" for r in rejects.itertuples()]


def assert_rows(rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(rows) == len(expected), rows
    for row, wanted in zip(rows, expected, strict=True):
        for name, value in wanted.items():
            if isinstance(value, float):
                assert row[name] == pytest.approx(value, rel=1e-9), name
            else:
                assert row.get(name) == value, (name, row)


SET = {"hardware": "cuda", "device": "NVIDIA L4"}

#: File, what the user says besides, importer, rows (columns that matter), rejects, conversions.
CASES: tuple[tuple[str, dict[str, str], str, list[dict[str, Any]], list[str], dict[str, int]], ...] = (
    (
        "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv",
        {},
        "timm",
        [
            {
                "model": "resnet50", "hardware": "cuda", "device": "NVIDIA GeForce RTX 3090", "precision": "amp",
                "layout": "nhwc", "runtime": "pytorch-eager", "runtime_version": "2.4.0+cu124", "mode": "inference",
                "batch_size": 256, "input_size": "224", "throughput": 2048.0, "latency_ms": 125.0, "item": "image",
                "parameters": 25.56e6, "gmacs": 4.11, "activations_m": 11.11, "source": "timm",
                "source_path": "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv",
            },
            {"model": "vit_base_patch16_224", "latency_ms": 256.0},
        ],
        ["line 4: no infer_samples_per_sec: the run failed"],
        {"parameters: millions → 1": 2},
    ),
    (
        "benchmark-train-bf16-nchw-pt112-cpu-i9_10940x-dynamo.csv",
        {},
        "timm",
        [
            {
                "hardware": "cpu", "device": "Intel Core i9-10940X", "precision": "bf16", "mode": "training",
                "runtime": "pytorch-compile", "runtime_version": "1.12", "batch_size": 32, "latency_ms": 640.0,
            }
        ],
        [],
        {"parameters: millions → 1": 1},
    ),
    (
        "optimum_benchmark.json",
        {},
        "optimum_benchmark",
        [
            {
                "model": "openai-community/gpt2", "hardware": "cuda", "device": "NVIDIA L4", "n_devices": 2,
                "precision": "fp16", "runtime": "pytorch-eager+flash_attention_2", "item": "token_prefill",
                "batch_size": 2, "sequence_length": 64, "latency_ms": 10.0, "throughput": 12800.0,
                "memory_mb": 2100.0, "runtime_version": "2.4.0 transformers 4.45.2",
            },
            {"item": "token_decode", "latency_ms": 10.0, "throughput": 200.0, "sequence_length": 80},
        ],
        ["call: call has neither latency nor throughput"],
        {"latency_ms: s → ms": 2, "latency_ms: whole decode phase → one step": 1},
    ),
    (
        "optimum_report.json",
        {},
        "optimum_benchmark",
        [
            {
                "model": "bert-base-uncased", "hardware": "openvino", "runtime": "openvino", "item": "sequence",
                "device": "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", "latency_ms": 40.0, "memory_mb": 800.0,
                "model_family": "embedding",
            }
        ],
        [],
        {"latency_ms: s → ms": 1},
    ),
    (
        "llama_bench.jsonl",
        {},
        "llama_bench",
        [
            {
                "model": "Qwen2.5-7B-Instruct", "precision": "int4", "hardware": "cuda", "device": "NVIDIA L4",
                "n_devices": 2, "item": "token_prefill", "sequence_length": 512, "throughput": 2048.0,
                "latency_ms": 250.0, "parameters": 7615616512.0, "runtime": "llama.cpp-cuda",
                "runtime_version": "abc1234 (7000)", "measured": "2026-01-02T03:04:05Z",
            },
            {"n_devices": 1, "item": "token_decode", "sequence_length": 1088, "latency_ms": 20.0},
            {
                "hardware": "cpu", "device": "AMD Ryzen 9 5950X", "item": "token", "precision": "mxfp4",
                "throughput": 40.0, "latency_ms": 8000.0, "sequence_length": 320,
            },
        ],
        ["[3]: no avg_ts: the test failed"],
        {},
    ),
    (
        "llama_bench.md",
        {},
        "llama_bench",
        [
            {
                "model": "llama-7B", "precision": "int4", "hardware": "cuda", "device": "NVIDIA GeForce RTX 4090",
                "item": "token_prefill", "sequence_length": 512, "throughput": 12000.0, "parameters": 6.74e9,
                "runtime_version": "abc1234 (7000)",
            },
            {"item": "token_decode", "sequence_length": 4160, "latency_ms": 8.0},
        ],
        ["line 7: its test is not pp… or tg…, or it has no speed"],
        {"parameters: B → 1": 2},
    ),
    (
        "mlperf/closed/Acme/results/L4x2_TRT/bert-99/Offline/performance/run_1/mlperf_log_summary.txt",
        {},
        "mlperf",
        [
            {
                "model": "bert-large-squad", "hardware": "cuda", "device": "NVIDIA L4", "n_devices": 2,
                "throughput": 2000.5, "item": "sequence", "runtime": "TensorRT 10.2.0",
            }
        ],
        [],
        {"latency_ms: ns → ms": 1, "p50_ms: ns → ms": 1, "p90_ms: ns → ms": 1},
    ),
    (
        "mlperf/closed/Acme/results/L4x2_TRT/resnet50/SingleStream/performance/run_1/mlperf_log_summary.txt",
        {},
        "mlperf",
        [{"model": "resnet50-v1.5", "batch_size": 1, "latency_ms": 0.5, "throughput": 2000.0, "item": "image"}],
        [],
        {"latency_ms: ns → ms": 1, "p50_ms: ns → ms": 1, "p90_ms: ns → ms": 1},
    ),
    (
        "mlperf/closed/Acme/results/L4x2_TRT/llama2-70b-99/Server/performance/run_1/mlperf_log_summary.txt",
        {},
        "mlperf",
        [{"model": "llama-2-70b-chat", "throughput": 600.0, "item": "token"}],
        [],
        {"latency_ms: ns → ms": 1},
    ),
    (
        "mlperf/closed/Acme/results/L4x2_TRT/bert-99.9/Offline/performance/run_1/mlperf_log_summary.txt",
        {},
        "mlperf",
        [],
        ["line 8: Result is is 'INVALID', not VALID"],
        {},
    ),
    (
        "mlperf_collected.json",
        {},
        "mlperf",
        [
            {"model": "llama-2-70b-chat", "hardware": "rocm", "n_devices": 8, "throughput": 3000.0, "item": "token"},
            {
                "model": "resnet50-v1.5", "hardware": "openvino", "device": "Intel Xeon Platinum 8480+",
                "n_devices": 2, "batch_size": 8, "latency_ms": 16.0, "throughput": 500.0,
            },
        ],
        ["[2]: inferred from another scenario"],
        {},
    ),
    (
        "benchmark_app.log",
        {"device": "Intel Core i7-8700"},
        "openvino",
        [
            {
                "model": "resnet50", "hardware": "openvino", "device": "Intel Core i7-8700", "precision": "fp32",
                "runtime": "openvino-async", "runtime_version": "2024.4.0", "batch_size": 4, "throughput": 400.0,
                "latency_ms": 59.5, "item": "image",
            }
        ],
        [],
        {},
    ),
    (
        "benchmark_report.csv",
        {},
        "openvino",
        [
            {
                "model": "bert-base-uncased", "runtime": "openvino-sync", "batch_size": 8, "latency_ms": 20.0,
                "throughput": 400.0, "item": "sequence",
            }
        ],
        [],
        {},
    ),
    (
        "benchmark_report.json",
        {},
        "openvino",
        [{"model": "mobilenet_v2", "runtime": "openvino-async", "latency_ms": 2.5, "throughput": 1500.0}],
        [],
        {},
    ),
    (
        "OV-benchmark-data.csv",
        {},
        "openvino",
        [
            {
                "model": "bert-base-cased", "device": "Intel Core i7-1185G7", "precision": "int8",
                "throughput": 51.45, "latency_ms": 22.87, "runtime_version": "2024.1", "item": "sequence",
            },
            {"model": "bert-base-cased", "precision": "fp32", "throughput": 18.39},
            {"model": "resnet-50", "device": "Intel Core i7-1185G7 (iGPU)", "precision": "fp16", "latency_ms": 3.5},
        ],
        [
            "line 5: no throughput and no latency in any number format",
            "line 6: units are msec., tok/s, not FPS and msec.",
        ],
        {},
    ),
    (
        "onnxruntime_perf_test.txt",
        {},
        "onnxruntime",
        [
            {
                "model": "squeezenet", "hardware": "cpu", "runtime": "onnxruntime[cpu]", "batch_size": 1,
                "latency_ms": 0.95, "throughput": 1050.5, "memory_mb": 50.905088,
            }
        ],
        [],
        {"peak_working_set_mb: bytes → MB": 1, "p50_ms: s → ms": 1, "p99_ms: s → ms": 1},
    ),
    (
        "onnxruntime_transformers.csv",
        {"device": "NVIDIA L4"},
        "onnxruntime",
        [
            {
                "model": "bert-base-cased", "hardware": "cuda", "precision": "fp16", "batch_size": 4,
                "runtime": "onnxruntime[CUDAExecutionProvider]", "sequence_length": 128, "throughput": 800.0,
                "latency_ms": 5.0, "device": "NVIDIA L4",
            },
            {"runtime": "torch", "hardware": "cpu", "precision": "fp32", "latency_ms": 10.0},
        ],
        ["line 5: no average_latency_ms: the run failed"],
        {},
    ),
    (
        "vllm_serve.json",
        {},
        "vllm",
        [
            {
                "model": "meta-llama/Llama-3.1-8B-Instruct", "hardware": "cuda", "device": "NVIDIA L4",
                "n_devices": 2, "item": "token_decode", "batch_size": 16, "sequence_length": 1088,
                "throughput": 213.3, "latency_ms": 58.0,
            },
            {"item": "token_prefill", "sequence_length": 1024, "latency_ms": 850.0},
        ],
        ["[1]: no request was completed"],
        {},
    ),
    (
        "vllm_latency.json",
        SET | {"model": "gpt2", "batch_size": "8"},
        "vllm",
        [{"model": "gpt2", "item": "token", "batch_size": 8, "latency_ms": 2000.0}],
        [],
        {"latency_ms: s → ms": 1},
    ),
    (
        "vllm_throughput.json",
        SET | {"model": "gpt2"},
        "vllm",
        [{"model": "gpt2", "item": "token", "throughput": 5000.0}],
        [],
        {},
    ),
    (
        "guidellm.json",
        SET,
        "guidellm",
        [
            {
                "model": "Qwen/Qwen3-0.6B", "hardware": "cuda", "device": "NVIDIA L4", "item": "token_decode",
                "batch_size": 8, "sequence_length": 184, "throughput": 512.0, "latency_ms": 10.0,
                "measured": "2025-09-23T21:59:01+00:00",
            },
            {"item": "token_prefill", "sequence_length": 120, "latency_ms": 50.0},
            {"item": "token_decode", "batch_size": 23, "throughput": 1250.0, "latency_ms": 12.0},
        ],
        ["benchmarks[2]: no request was successful"],
        {},
    ),
    (
        "pytest_benchmark.json",
        {},
        "pytest_benchmark",
        [
            {
                "model": "resnet50", "hardware": "cpu", "device": "AMD Ryzen 9 5950X 16-Core Processor",
                "batch_size": 4, "latency_ms": 20.0, "throughput": 200.0, "item": "image", "precision": "fp32",
                "runtime": "onnxruntime",
            }
        ],
        ["benchmarks[1] tests/test_sort.py::test_sort: neither extra_info nor params says the model"],
        {"latency_ms: s → ms": 1},
    ),
    (
        "perf.yaml",
        {},
        "qai_hub",
        [
            {
                "model": "RegNet-Y-800MF", "hardware": "qnn", "device": "Snapdragon X Elite", "precision": "fp16",
                "runtime": "tflite", "latency_ms": 2.0, "throughput": 500.0, "memory_mb": 17.0,
                "runtime_version": "qairt 2.42.0.251225135753 tflite 2.17.0", "item": "image",
            },
            {"hardware": "cpu", "device": "QCS8550", "precision": "fp32", "runtime": "onnxruntime"},
            {
                "model": "Llama-v3.2-3B-Instruct", "precision": "w4a16", "item": "token_decode",
                "sequence_length": 4096, "throughput": 20.0, "latency_ms": 50.0,
            },
            {"item": "token_prefill", "latency_ms": 2500.0},
        ],
        ["precisions.float.RegNet-Y-800MF.Snapdragon X Elite CRD.onnx: the job ended as Failed"],
        {},
    ),
    (
        "perf_before_2025.yaml",
        {},
        "qai_hub",
        [{"model": "ResNet50", "device": "Samsung Galaxy S23", "latency_ms": 1.5, "memory_mb": 2.0}],
        [],
        {"latency_ms: us → ms": 1, "memory_mb: bytes → MB": 2},
    ),
    (
        "whisper_cpp.txt",
        {},
        "whisper_cpp",
        [
            {
                "model": "whisper-base", "hardware": "mps", "device": "Apple M2 Ultra", "precision": "fp16",
                "item": "sequence", "sequence_length": 1500, "latency_ms": 16.0, "throughput": 62.5,
            },
            {"item": "token_decode", "batch_size": 1, "latency_ms": 2.0, "throughput": 500.0},
            {"item": "token_decode", "batch_size": 5, "latency_ms": 2.5, "throughput": 2000.0},
            {"item": "token_prefill", "batch_size": 1, "latency_ms": 5.12, "throughput": 50000.0},
            {"hardware": "cuda", "device": "V100", "precision": "int5", "item": "sequence", "latency_ms": 8.0},
            {"hardware": "cuda", "item": "token_decode", "batch_size": 5, "latency_ms": 2.0},
        ],
        [
            "line 8, Dec.: Dec. is 'ms': not a time",
            "line 8, PP: PP is '0.00': below the resolution of the table",
        ],
        {"latency_ms: ms per token → ms per call": 3},
    ),
    (
        "mlx_table.md",
        {},
        "mlx",
        [
            {
                "model": "Qwen3-8B-4bit", "hardware": "mps", "device": "Apple M5 Max", "precision": "int4",
                "item": "token_prefill", "sequence_length": 21000, "throughput": 1000.0, "latency_ms": 21000.0,
                "memory_mb": 6000.0, "measured": "2026-03-30",
            },
            {"item": "token_decode", "throughput": 50.0, "latency_ms": 20.0},
        ],
        ["line 19: no Generation tps"],
        {"memory_mb: GB → MB": 1},
    ),
    (
        "mlx_benchmark.txt",
        {},
        "mlx",
        [
            {
                "model": "mlx-community/Llama-3.2-1B-Instruct-4bit", "precision": "int4", "batch_size": 2,
                "item": "token_prefill", "sequence_length": 512, "latency_ms": 250.0, "memory_mb": 1500.0,
            },
            {"item": "token_decode", "batch_size": 2, "latency_ms": 10.0, "sequence_length": 576},
            {"item": "token_prefill", "latency_ms": 256.0},
            {"item": "token_decode", "throughput": 190.0},
        ],
        [],
        {"memory_mb: GB → MB": 2},
    ),
    (
        "mlx_generate.txt",
        {"model": "mlx-community/gemma-2-2b-it-8bit"},
        "mlx",
        [
            {"model": "mlx-community/gemma-2-2b-it-8bit", "precision": "int8", "latency_ms": 200.0},
            {"item": "token_decode", "latency_ms": 25.0, "memory_mb": 2500.0},
        ],
        [],
        {"memory_mb: GB → MB": 1},
    ),
    (
        "guide_results.json",
        {},
        "guide_results",
        [
            {
                "model": "bert-base-uncased", "hardware": "cpu", "batch_size": 1, "sequence_length": 32,
                "device": "Intel(R) Xeon(R) CPU E3-1535M v6 @ 3.10GHz", "latency_ms": 50.0, "throughput": 20.0,
                "precision": "fp32", "item": "sequence",
            },
            {"batch_size": 4, "latency_ms": 400.0, "throughput": 10.0},
            {"hardware": "cuda", "device": "Quadro P4000", "memory_mb": 524.288, "latency_ms": 10.0},
        ],
        [
            "benchmarks.embedding.bert-base-uncased.cpu.batch_8_seq_512: the run failed: out of memory",
            "benchmarks.embedding.bert-base-uncased.cpu.warmup: 'warmup' is not batch_<n>_seq_<n>",
            "benchmarks.embedding.bert-base-uncased.cuda.batch_1_seq_32: labelled cuda, but nothing shows that it did "
            "not run on the CPU",
            "benchmarks.embedding.bert-base-uncased.openvino: no benchmark_results (no model)",
            "benchmarks.embedding.bert-base-uncased.mps.batch_1_seq_32: labelled mps, but nothing shows that it did "
            "not run on the CPU",
        ],
        {"latency_ms: s → ms": 5, "memory_mb: bytes → MB": 1},
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("file", "said", "importer", "expected", "rejects", "conversions"), CASES, ids=[case[0][-45:] for case in CASES]
)
def test_a_format_is_recognised_and_read_as_it_means_it(
    shared: BenchmarkStore,
    file: str,
    said: dict[str, str],
    importer: str,
    expected: list[dict[str, Any]],
    rejects: list[str],
    conversions: dict[str, int],
) -> None:
    report, rows, refused = imported(shared, FIXTURES / file, assume=said)
    assert report.importer == importer
    assert_rows(rows, expected)
    assert refused == rejects
    assert dict(report.conversions) == conversions
    assert (report.read, report.added, report.rejected) == (len(rows) + len(rejects), len(rows), len(rejects))
    assert all(row["item"] in set(map(str, Item)) and row["source"] == importer for row in rows)
    again = shared.import_file(FIXTURES / file, assume=said)
    assert (again.added, again.known) == (0, len(rows))


def test_a_pipeline_that_makes_images_counts_images(tmp_path: Path) -> None:
    report = json.loads((FIXTURES / "optimum_benchmark.json").read_text())
    figures = next(v for k, v in report["report"].items() if isinstance(v, dict) and "latency" in v)
    report["config"]["backend"] |= {"task": "text-to-image", "model": "runwayml/stable-diffusion-v1-5"}
    (tmp_path / "b.json").write_text(json.dumps(report | {"report": {"call": figures}}))
    with BenchmarkStore() as store:
        store.import_file(tmp_path / "b.json")
        row = store.query("select item, model_family from measurements").iloc[0]
    assert tuple(row) == ("image", "multimodal")


def test_every_format_has_a_fixture() -> None:
    with_fixture = {case[2] for case in CASES} | {"hwpredict", "guide_duckdb", "guide_matrix", "guide_table"}
    assert with_fixture == {f.name for f in importers.FORMATS}


def test_notes_are_readable_by_the_model(shared: BenchmarkStore) -> None:
    from hwpredict.performance import notes

    for name in ("llama_bench.jsonl", "llama_bench.md"):
        shared.import_file(FIXTURES / name)
    frame = shared.query("select item, note from measurements where note is not null")
    phases = {(item, notes.phase(item, note[:9])) for item, note in frame.itertuples(index=False)}
    assert ("token", notes.GENERATE) in phases
    assert {p for i, p in phases if i == "token_prefill"} == {notes.PREFILL}
    settings_seen = {notes.setting(note) for note in frame["note"]}
    assert {"threads=16 flash attention", "threads=16"} <= settings_seen
    whole = [notes.passage(notes.GENERATE, n, 0.0) for i, n in frame.itertuples(index=False) if i == "token"]
    assert any((p.prompt, p.generated, p.counted) == (256, 64, 320) for p in whole)


# --- the guide's other formats ----------------------------------------------------------------------------------------


def test_a_prediction_matrix_is_kept_as_predictions() -> None:
    with BenchmarkStore() as store:
        report = store.import_file(FIXTURES / "guide_matrix.json")
        assert (report.read, report.added, report.rejected, report.predictions) == (2, 0, 2, 1)
        assert any("not measured" in note for note in report.notes)
        assert store.count() == 0
        kept = store.query("select * from predictions").to_dict("records")[0]
        assert (kept["origin"], kept["hardware"], kept["batch_size"]) == ("guide_matrix", "cuda", 8)
        assert kept["latency_ms_quantiles"].tolist() == [20.0]
        again = store.import_file(FIXTURES / "guide_matrix.json")
        assert again.predictions == 0
        assert "1 predictions were known already" in str(again)


GUIDE_SCHEMA = """
    create table hardware_platforms (hardware_id INTEGER primary key, hardware_type VARCHAR not null,
      device_name VARCHAR, platform VARCHAR, platform_version VARCHAR, driver_version VARCHAR, memory_gb FLOAT,
      compute_units INTEGER, metadata JSON, created_at TIMESTAMP default '2026-01-02');
    create table models (model_id INTEGER primary key, model_name VARCHAR not null, model_family VARCHAR,
      modality VARCHAR, source VARCHAR, version VARCHAR, parameters_million FLOAT, metadata JSON, created_at TIMESTAMP);
    create table test_runs (run_id INTEGER primary key, test_name VARCHAR not null);
    create table performance_results (result_id INTEGER primary key, run_id INTEGER, model_id INTEGER not null,
      hardware_id INTEGER not null, test_case VARCHAR not null, batch_size INTEGER default 1, precision VARCHAR,
      total_time_seconds FLOAT, average_latency_ms FLOAT, throughput_items_per_second FLOAT, memory_peak_mb FLOAT,
      iterations INTEGER, warmup_iterations INTEGER, metrics JSON, created_at TIMESTAMP default '2026-01-02');
    insert into hardware_platforms (hardware_id, hardware_type, device_name) values
      (1, 'cuda', 'NVIDIA A100-SXM4-80GB'), (2, 'cpu', 'CPU');
    insert into models (model_id, model_name, model_family, parameters_million) values
      (1, 'bert-base-uncased', 'bert', 110), (2, 'mine', 'llm', 0);
"""
SIMULATED = """
    alter table performance_results add column is_simulated BOOLEAN default false;
    alter table performance_results add column simulation_reason VARCHAR;
    update performance_results set is_simulated = true, simulation_reason = 'no GPU here' where result_id = 3;
"""
RESULTS = """
    insert into performance_results (result_id, model_id, hardware_id, test_case, batch_size, precision,
      average_latency_ms, throughput_items_per_second, memory_peak_mb, metrics) values
      (1, 1, 1, 'inference', 8, 'fp16', 4.0, 2000.0, 900.0, '{"sequence_length": 64}'),
      (2, 2, 2, 'training', 4, 'fp32', 100.0, 40.0, 0.0, null),
      (3, 1, 1, 'inference', 1, 'fp16', 1.0, 1000.0, 900.0, null),
      (4, 1, 1, 'inference', 1, 'fp16', 0.0, 0.0, 0.0, null);
"""


@pytest.mark.parametrize("marked", [True, False])
def test_the_guides_database_is_read_without_what_it_simulated(tmp_path: Path, marked: bool) -> None:
    path = tmp_path / "benchmark_db.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in (GUIDE_SCHEMA + RESULTS + (SIMULATED if marked else "")).split(";"):
            if statement.strip():
                connection.execute(statement)
    with BenchmarkStore() as store:
        report, rows, rejects = imported(store, path)
        assert report.importer == "guide_duckdb"
        assert_rows(
            rows[:2],
            [
                {
                    "model": "bert-base-uncased", "model_family": "embedding", "hardware": "cuda", "precision": "fp16",
                    "device": "NVIDIA A100-SXM4-80GB", "batch_size": 8, "sequence_length": 64, "throughput": 2000.0,
                    "latency_ms": 4.0, "memory_mb": 900.0, "item": "sequence", "parameters": 110e6,
                },
                {"model": "mine", "model_family": "text_generation", "mode": "training", "hardware": "cpu"},
            ],
        )  # fmt: skip
        assert "device" not in rows[1]
        assert "memory_mb" not in rows[1]
        none = "performance_results.result_id 4: no figures: latency, throughput and memory are 0 or missing"
        simulated = "performance_results.result_id 3: simulated, not measured: no GPU here"
        assert rejects == ([simulated, none] if marked else [none])
        assert ("1 rows are marked as simulated and were left out" in report.notes) == marked
    assert len(read_measurements(path)) == len(rows)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_guides_table_is_read(tmp_path: Path, ending: str) -> None:
    base = {"model": "bert", "model_name": "bert-base-uncased", "category": "text_embedding", "hardware": "cuda",
            "batch_size": 8, "precision": "fp32", "mode": "inference", "status": "success", "throughput": 400.0,
            "latency_mean": 20.0, "latency_p95": 22.0, "memory_usage": 0.0}  # fmt: skip
    frame = pd.DataFrame([base, base | {"status": "failed"}, base | {"hardware": "distributed_ddp"},
                          base | {"throughput": 0.0, "latency_mean": 0.0}])  # fmt: skip
    path = tmp_path / f"hardware_model_benchmark_db.{ending}"
    frame.to_parquet(path) if ending == "parquet" else frame.to_csv(path, index=False)
    with BenchmarkStore() as store:
        report, rows, rejects = imported(store, path)
        assert report.importer == "guide_table"
        assert_rows(rows, [{"model": "bert-base-uncased", "model_family": "embedding", "latency_ms": 20.0}])
        assert "memory_mb" not in rows[0]
        assert json.loads(rows[0]["extra"])["latency_p95"] == "22.0"
        assert [r.split(": ", 1)[1] for r in rejects] == [
            "status is 'failed', not success",
            "hardware is 'distributed_ddp': a strategy, not a platform",
            "no figures: throughput, latency_mean and memory_usage are 0 or missing",
        ]
    assert read_measurements(path)["model"].tolist() == ["bert-base-uncased"]  # not "bert", as the column `model` says


def test_a_user_may_vouch_for_what_the_guide_labelled() -> None:
    with BenchmarkStore() as store:
        _, rows, _ = imported(store, FIXTURES / "guide_results.json", assume={"hardware": "mps", "device": "Apple M1"})
        assert {row["hardware"] for row in rows} == {"mps"}
        assert len(rows) == 5


# --- our own schema ---------------------------------------------------------------------------------------------------

OWN = {"model": "resnet50", "hardware": "cuda", "device": "NVIDIA T4", "batch_size": 8, "latency_ms": 10.0, "host": "a"}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([OWN, OWN | {"batch_size": 16}]),
        json.dumps({"measurements": [OWN, OWN | {"batch_size": 16}]}),
        "\n".join(json.dumps(row) for row in (OWN, OWN | {"batch_size": 16})),
        json.dumps({name: [value, 16 if name == "batch_size" else value] for name, value in OWN.items()}),
    ],
    ids=["records", "wrapped", "lines", "columns"],
)
def test_json_in_the_schemas_columns_is_the_same_as_a_frame(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content, encoding="utf-8")
    with BenchmarkStore() as store:
        report = store.import_file(path, source="lab")
        assert (report.importer, report.added) == ("hwpredict", 2)
        frame = pd.DataFrame([OWN, OWN | {"batch_size": 16}]).assign(source="lab", source_path="rows.json")
        assert store.load(frame).known == 2


def test_tables_in_the_schemas_columns_are_told_what_they_do_not_say(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hardware,latency_ms\na,,1\nb,cpu,2\nc,abacus,3\n", encoding="utf-8")
    with BenchmarkStore() as store:
        report = store.import_file(path, source="lab", assume={"hardware": "cuda", "batch_size": 4})
        assert report.reasons == {"unknown hardware 'abacus'": 1}
        kept = store.measurements(columns=["model", "hardware", "batch_size", "source"])
        assert kept.values.tolist() == [["a", "cuda", 4.0, "lab"], ["b", "cpu", 4.0, "lab"]]
        assert json.loads(store.runs()["provenance"][0])["assumed"] == {
            "hardware": "cuda", "batch_size": "4", "source": "lab",
        }  # fmt: skip
        with pytest.raises(UnknownNameError, match=r"unknown column 'hardwear': did you mean .*'hardware'"):
            store.import_file(path, assume={"hardwear": "cpu"})


def test_what_the_user_says_is_judged_like_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,latency_ms\na,1\n", encoding="utf-8")
    with BenchmarkStore() as store:
        report = store.import_file(path, assume={"hardware": "cpu", "batch_size": "eight"})
        assert report.reasons == {"batch_size is not a number": 1}


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"a": 1,\n "b": }', r"a.json is of no known format: .*broken at line 2, column 7"),
        ("a.json", '{"num_layer": 24, "e2e_latency": 1.5}', r"JSON with the keys num_layer, e2e_latency"),
        ("a.json", "[1, 2]", r"a JSON list, whose entries have the keys \(none\)"),
        ("a.csv", "name_gpu,num_gpu,watt\nA,1,2\n", r"it has the columns name_gpu, num_gpu, watt"),
        ("a.md", "\n# Title\n\ntext\n", r"line 2 is '# Title'"),
        (
            "a.md",
            "# T\n\n| op | MACs |\n|---|---|\n| qk | 1 |\n",
            r"no Markdown table .*line 3: op, MACs\)",
        ),
        ("a.bin", b"\x00\xff\xfe\x01", r"neither Parquet nor text in UTF-8"),
        ("a.txt", "", r"it is empty"),
        ("a.yaml", "a: 1\nb: [\n", r"a.yaml is not valid YAML: "),
        ("a.yaml", "a: 1\nb: 2\n", r"YAML with the keys a, b"),
        ("benchmark.csv", "model,infer_samples_per_sec\na,1\n", r"does not say the hardware; add --set hardware="),
        ("mlperf_log_summary.txt", "MLPerf Results Summary\nScenario : Offline\n", r"names no model .*--set model="),
        ("guidellm.json", '{"benchmarks": [{"metrics": {"time_to_first_token_ms": {}}}]}', r"--set hardware="),
        ("l.json", '{"avg_latency": 1, "latencies": [], "percentiles": {}}', r"does not say the model; add --set"),
        ("r.json", '{"load": {"latency": {}, "throughput": null}}', r"no key 'config', and no .* beside it"),
        ("c.json", '{"backend": {}, "scenario": {}, "launcher": {}}', r"is a configuration and holds no results"),
        ("s.json", '{"accelerator_model_name": "x", "host_processor_model_name": "y", "submitter": "z"}', r"a system"),
        ("b.json", '{"machine_info": {}, "commit_info": {}, "benchmarks": []}', r"it holds no results"),
        ("g.json", '{"system_info": {}, "benchmarks": {"vision": {"a": 1}}}', r"g.json .*not formed as expected"),
        ("m.txt", "Prompt: 1 tokens, 5.0 tokens-per-sec\nPeak memory: 2.5 GB\n", r"does not say the model"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line_with_the_file(
    shared: BenchmarkStore, tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    before = shared.count()
    with pytest.raises(StoreError, match=message) as caught:
        shared.import_file(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert shared.count() == before


def test_a_foreign_database_and_missing_files_are_refused(shared: BenchmarkStore, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("create table t (a INTEGER)")
    for path, message in (
        (tmp_path / "x.duckdb", "DuckDB database of someone else"),
        (tmp_path / "missing", "no such file"),
        (tmp_path, "is not a file"),
    ):
        with pytest.raises(StoreError, match=message):
            shared.import_file(path)


json_value = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_files_of_known_formats_are_refused_and_never_crash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any value of a fixture in JSON replaced by any other: rows, rejects or one error of ours."""
    file = data.draw(st.sampled_from(sorted(p.name for p in FIXTURES.glob("*.json"))))
    given_value = json.loads((FIXTURES / file).read_text().splitlines()[0] if "vllm_serve" in file else
                             (FIXTURES / file).read_text())  # fmt: skip
    spot: Any = given_value
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        inner = spot[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.booleans()):
            spot = inner
            continue
        spot[key] = data.draw(json_value)
        break
    path = tmp_path_factory.mktemp("damaged") / file
    path.write_text(json.dumps(given_value))
    try:
        parsed = importers.read(path, {"hardware": "cuda", "model": "gpt2", "batch_size": "1"})
    except HwpredictError as error:
        said = str(error)
    else:
        said = file
        assert parsed.rows or parsed.refused or parsed.predictions or parsed.table is not None
    assert file in said


# --- pieces -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("llama 1B Q4_K - Medium", "int4"), ("gpt-oss 20B MXFP4 MoE", "mxfp4"), ("llama 7B F16", "fp16"),
        ("qwen BF16", "bf16"), ("IQ2_XXS - 2.0625 bpw", "int2"), ("tiny-q5_0", "int5"), ("UD-Q3_K_XL", "int3"),
        ("TQ1_0", "int1"), ("plain", None), ("f16c", None),
    ],
)  # fmt: skip
def test_quantisations_of_llama_cpp(text: str, precision: str | None) -> None:
    assert words.gguf_precision(text) == precision
    assert precision is None or precision in PRECISIONS


@pytest.mark.parametrize(
    ("device", "platform"),
    [
        ("NVIDIA H100 80GB HBM3", "cuda"), ("AMD Instinct MI300X", "rocm"), ("Apple M2 Ultra", "mps"),
        ("M1 Pro", "mps"), ("Google TPU v5e", "tpu"), ("Snapdragon 8 Elite", "qnn"),
        ("AMD EPYC 9654", "cpu"), ("Tesla T4", "cuda"),
        ("no such thing", None),
    ],
)  # fmt: skip
def test_platforms_of_devices(device: str, platform: str | None) -> None:
    assert words.platform_of(device) == platform


def test_names_without_quantisation() -> None:
    for name in ("Llama-3.2-1B-Instruct-Q4_K_M", "Llama-3.2-1B-Instruct-IQ3_XXS", "Llama-3.2-1B-Instruct.F16"):
        assert words.without_quantisation(name) == "Llama-3.2-1B-Instruct"
    assert words.without_quantisation("resnet50") == "resnet50"


def test_tables_in_markdown_know_their_lines_and_headings() -> None:
    text = "# A\n## B\n| x | y |\n|---|---|\n| 1 | 2 |\n| 3 |\n\n## C\n| z |\n| --- |\n| 4 |\n"
    found = list(tables(text.splitlines()))
    assert [(t.names, t.headings, t.line) for t in found] == [(("x", "y"), ("A", "B"), 3), (("z",), ("A", "C"), 9)]
    assert found[0].rows == ((5, {"x": "1", "y": "2"}),)


def test_units_that_are_not_known_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    reading = Reading(Document(tmp_path / "x.txt"), Format("f", "title", lambda _: True, lambda *_: None), {})
    assert reading.megabytes(1, "MiB") == pytest.approx(1.048576)
    assert reading.milliseconds("1,000", "us") == 1.0
    assert reading.milliseconds(None, "s") is None
    assert dict(reading.conversions) == {"memory_mb: MiB → MB": 1, "latency_ms: us → ms": 1}
    with pytest.raises(StoreError, match=r"x.txt \(title\): unknown unit 'h' of latency_ms"):
        reading.milliseconds(1, "h")


def test_folders_are_walked_and_files_named_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    shutil.copy(FIXTURES / "guide_results.json", tmp_path / "a" / "x.json")
    (tmp_path / "a" / ".hidden").touch()
    (tmp_path / "a" / "plot.png").touch()
    found = importers.files([tmp_path, tmp_path / "a" / "x.json"])
    assert found == [(tmp_path / "a" / "x.json", True)]
    with pytest.raises(StoreError, match="no such file or folder"):
        importers.files([tmp_path / "missing"])


# --- the originals ----------------------------------------------------------------------------------------------------


def test_every_original_is_imported_or_refused_with_its_name(repository: Path) -> None:
    raw = repository.parent / "shared" / "raw"
    if not raw.is_dir():
        pytest.skip("the original benchmark files are not beside this checkout")
    outcomes: dict[str, int] = {}
    refused: list[tuple[str, str]] = []
    with BenchmarkStore() as store:
        for path, _ in importers.files([raw]):
            try:
                report = store.import_file(path)
            except StoreError as error:
                refused.append((path.name, str(error)))
                continue
            assert report.read == report.added + report.known + report.duplicates + report.rejected
            outcomes[report.importer] = outcomes.get(report.importer, 0) + report.added
        assert store.problems() == []
    assert all(name in reason and len(reason) < 600 for name, reason in refused)
    assert outcomes == {
        "guide_matrix": 0, "guide_results": 0, "llama_bench": 20, "mlperf": 12, "optimum_benchmark": 2, "qai_hub": 148,
        "timm": 117, "whisper_cpp": 60,
    }  # fmt: skip
