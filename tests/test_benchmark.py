"""The benchmark runner without any runtime: plan, statistics, what the two processes say, rows, interruptions."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog.models import features, hyperparameters
from hwpredict.errors import InvalidWorkloadError, StoreError, UnknownNameError
from hwpredict.measure import child, statistic
from hwpredict.measure.cpu import CpuInfo
from hwpredict.measure.engines.engine import ENGINES, Loaded, parse_runtime
from hwpredict.measure.graphs.build import ITEMS, config_of
from hwpredict.measure.graphs.builder import Input
from hwpredict.measure.job import Job, Result
from hwpredict.measure.plan import Cell, default_runtimes, installed, plan
from hwpredict.measure.report import HardwareReport
from hwpredict.measure.rows import to_row
from hwpredict.measure.runner import Outcome, Settings, run
from hwpredict.measure.session import benchmark, default_settings
from hwpredict.measure.synthetic import arrays
from hwpredict.performance import notes, rows as r
from hwpredict.store import BenchmarkStore
from hwpredict.store.schema import COLUMN_NAMES
from hwpredict.workload import Platform

HERE = HardwareReport(CpuInfo("AMD EPYC 7551", "znver1", 4, 8, 8, 2.0, ("AVX2",), memory_mb=16000.0), ())
SETTINGS = Settings(threads=4)


def everything(package: str) -> bool:
    return True


# --- the median and how well it is known ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [6, 15, 40, 300])
def test_the_interval_covers_the_median_as_often_as_it_says(n: int, rng: np.random.Generator) -> None:
    samples = np.exp(rng.normal(0, 0.3, (600, n)))  # the median is 1
    inside = [m.low <= 1 <= m.high for m in map(statistic.median, samples)]
    assert np.mean(inside) > statistic.CONFIDENCE - 0.03


def test_correlated_steps_say_less(rng: np.random.Generator) -> None:
    walk = np.empty((300, 200))
    walk[:, 0] = rng.normal(size=300)
    for i in range(1, 200):
        walk[:, i] = 0.8 * walk[:, i - 1] + 0.6 * rng.normal(size=300)
    samples = np.exp(0.1 * walk)
    assert np.median([statistic.effective_size(s) for s in samples]) == pytest.approx(200 * 0.2 / 1.8, rel=0.3)
    inside = [m.low <= 1 <= m.high for m in map(statistic.median, samples)]
    assert np.mean(inside) > 0.88  # with 200 independent samples assumed it would be about .5


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=200))
def test_any_latencies_have_a_median_inside_its_interval(samples: list[float]) -> None:
    m = statistic.median(samples)
    assert m.low <= m.value <= m.high
    assert 1 <= m.effective <= len(samples)
    assert m.relative >= 0
    if len(samples) < statistic.FEWEST:
        assert math.isinf(m.relative)


def test_percentiles_are_named_as_their_columns() -> None:
    named = statistic.percentiles(np.arange(1, 101))
    assert named["latency_p50_ms"] == pytest.approx(50.5)
    assert named["latency_max_ms"] == 100


# --- stepping ---------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that only a step moves on."""

    def __init__(self, milliseconds: Iterator[float]) -> None:
        self.now = 0.0
        self._next = milliseconds

    def step(self) -> None:
        self.now += next(self._next) * 1e6

    def __call__(self) -> int:
        return round(self.now)


def steps(values: Iterator[float], **options: Any) -> tuple[list[float], int]:
    clock = Clock(values)
    job = Job("onnxruntime", "cpu", "bert-tiny", "sequence", "fp32", {"batch": 1}, 1, **options)
    return child.sample(Loaded(clock.step, "1"), job, clock)


def constant(value: float) -> Iterator[float]:
    while True:
        yield value


def test_steady_steps_end_as_soon_as_the_median_is_known() -> None:
    latencies, warm = steps(constant(100.0), warmup_seconds=0.5)
    assert latencies == [100.0] * statistic.FEWEST
    assert warm == 5


def test_noisy_steps_go_on_until_time_is_up(rng: np.random.Generator) -> None:
    noisy = (float(x) for x in np.exp(rng.normal(3, 1, 100_000)))
    latencies, _ = steps(noisy, max_seconds=5.0, precision_target=0.001)
    assert 5 <= sum(latencies) / 1e3 < 7


def test_a_step_longer_than_the_limit_is_still_repeated() -> None:
    latencies, warm = steps(constant(60_000.0), max_seconds=1.0)
    assert (len(latencies), warm) == (statistic.FEWEST, 2)


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_covers_all_combinations_in_the_order_of_its_models() -> None:
    cells = plan(
        ["bert-base-uncased", "gpt2", "resnet50", "vit-b-16"],
        runtimes=["onnxruntime", "openvino:gpu"],
        batch_sizes=[1, 8],
        precisions=["fp32", "int8"],
        has=everything,
    )
    assert len(cells) == 4 * 2 * 2 * 2
    assert list(dict.fromkeys(c.model for c in cells)) == [
        "bert-base-uncased",
        "gpt2",
        "resnet50",
        "vit_base_patch16_224",
    ]
    assert {(c.engine, c.device, c.platform) for c in cells} == {
        ("onnxruntime", "cpu", "cpu"),
        ("openvino", "gpu", "openvino"),
    }
    decode = next(c for c in cells if c.model == "gpt2")
    assert decode.sizes == {"batch": 1, "context": 128}
    assert next(c for c in cells if c.model == "resnet50").sizes == {"batch": 1}


def test_prefill_and_decode_are_items_of_a_generator_alone() -> None:
    cells = plan(["gpt2"], runtimes=["torch"], items=["token_prefill", "token_decode", "image"], has=everything)
    assert {c.item for c in cells} == {"token_prefill", "token_decode"}
    assert {tuple(c.sizes) for c in cells} == {("batch", "sequence"), ("batch", "context")}


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"names": []}, InvalidWorkloadError, "no model"),
        ({"names": ["bert-bas-uncased"]}, UnknownNameError, "bert-base-uncased"),
        ({"names": ["llama-2-7b"]}, InvalidWorkloadError, "graphs can be built of"),
        ({"names": ["efficientnet_b0"]}, InvalidWorkloadError, "by its counts"),
        ({"runtimes": ["onnx"]}, UnknownNameError, "onnxruntime"),
        ({"runtimes": ["torch:npu"]}, UnknownNameError, "device of torch"),
        ({"precisions": ["fp31"]}, UnknownNameError, "fp32"),
        ({"batch_sizes": [0]}, InvalidWorkloadError, "positive"),
        ({"sequence_length": 513}, InvalidWorkloadError, "512 positions"),
        ({"items": ["image"]}, UnknownNameError, "sequence"),
        ({"has": lambda package: package != "onnx"}, InvalidWorkloadError, "hwpredict[onnx]"),
        ({"runtimes": None, "has": lambda package: False}, InvalidWorkloadError, "no runtime is installed"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    usual: dict[str, Any] = {"names": ["bert-base-uncased"], "runtimes": ["onnxruntime"], "has": everything}
    given = usual | arguments
    with pytest.raises(error, match=said.replace("[", r"\[")) as raised:
        plan(given.pop("names"), **given)
    assert "\n" not in str(raised.value)


def test_int8_needs_the_tool_that_quantises() -> None:
    without = {"runtimes": ["openvino"], "has": lambda package: package != "onnxruntime"}
    assert plan(["bert-tiny"], precisions=["fp32"], **without)
    with pytest.raises(InvalidWorkloadError, match="int8 needs onnxruntime"):
        plan(["bert-tiny"], precisions=["int8"], **without)


def test_runtimes_that_need_a_graph_need_onnx_too() -> None:
    assert default_runtimes(everything) == ["onnxruntime", "openvino", "torch"]
    assert default_runtimes(lambda package: package != "onnx") == ["torch"]


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_devices_of_engines_are_platforms(name: str) -> None:
    for device, platform in ENGINES[name].devices.items():
        assert parse_runtime(f"{name}:{device}") == (ENGINES[name], device)
        assert platform in set(Platform)


@pytest.mark.parametrize(
    "name", "bert-tiny roberta-base distilbert-base-uncased gpt2 resnet18 vit_tiny_patch16_224".split()
)
def test_hyperparameters_lead_to_the_counts_of_the_catalog(name: str) -> None:
    from hwpredict.catalog.architectures.registry import build

    config = config_of(name)
    assert config.model_type in ITEMS
    assert build(config).parameters == features(name).parameters
    assert build(config).macs() == pytest.approx(features(name).macs(), rel=1e-3)


def test_fine_tunes_have_the_hyperparameters_of_their_network() -> None:
    assert hyperparameters("biobert") == hyperparameters("bert-base-cased")


# --- what the two processes say ---------------------------------------------------------------------------------------


def test_jobs_and_results_survive_the_way_to_the_other_process() -> None:
    inputs = (Input("input_ids", "int64", ("batch", "sequence"), "ids", 30522),)
    job = Job("openvino", "cpu", "m", "sequence", "int8", {"batch": 2}, 3, (0, 1), "g.onnx", inputs, {"a": [1]}, seed=4)
    assert Job.from_json(job.to_json()) == job
    result = Result((1.5, 2.0), 100.0, None, "1.2", {"a": "b"}, 3, 0.5, 0.9)
    assert Result.from_json(result.to_json()) == result


def test_synthetic_inputs_fit_what_they_are_for() -> None:
    inputs = (
        Input("ids", "int64", ("batch", "sequence"), "ids", 10),
        Input("mask", "int64", ("batch", "sequence"), "ones"),
        Input("pixels", "float16", ("batch", 3, 4, 4), "normal"),
    )
    made = arrays(inputs, {"batch": 2, "sequence": 50})
    assert made["ids"].shape == (2, 50)
    assert 0 <= made["ids"].min() <= made["ids"].max() < 10
    assert made["mask"].all()
    assert made["pixels"].dtype == np.float16
    np.testing.assert_array_equal(made["ids"], arrays(inputs, {"batch": 2, "sequence": 50})["ids"])


def test_peak_memory_is_that_of_the_process_itself() -> None:
    # the parent occupies more than the child, which must not inherit it
    ballast = np.ones(40_000_000)
    code = "from hwpredict.measure.child import peak_memory_mb; print(peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mine = child.peak_memory_mb()
    if done.stdout.strip() == "None":
        pytest.skip("this system does not tell")
    assert mine is not None
    assert float(done.stdout) < ballast.nbytes / 1e6 < mine


def test_a_runtime_that_is_not_there_costs_one_cell_and_no_traceback(tmp_path: Path) -> None:
    cell = Cell("bert-tiny", "sequence", "fp32", "torch", "cpu", "cpu", 1, 16)
    if installed("torch"):
        pytest.skip("torch is here")
    (outcome,) = run([cell], replace(SETTINGS, threads=1), tmp_path)
    assert "torch" in outcome.result.reason
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [{"threads": 0}, {"target": 0.0}, {"timer": "sundial"}, {"threads": 2, "timer": "processor"}]
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises((InvalidWorkloadError, UnknownNameError)):
        replace(SETTINGS, **options)


def test_default_settings_use_and_pin_to_the_usable_cores() -> None:
    from hwpredict.measure.probes import Probes

    settings = default_settings(HERE, Probes(affinity=frozenset({5, 2, 7, 1, 0})))
    assert (settings.threads, settings.processors) == (4, (0, 1, 2, 5))
    assert default_settings(HERE, Probes(affinity=None), threads=2).processors == ()


# --- rows and sessions ------------------------------------------------------------------------------------------------


CELLS = [
    Cell("bert-base-uncased", "sequence", "fp32", "onnxruntime", "cpu", "cpu", 8, 128),
    Cell("gpt2", "token_decode", "int8", "openvino", "cpu", "openvino", 4, 64),
    Cell("gpt2", "token_prefill", "fp32", "openvino", "cpu", "openvino", 2, 64),
    Cell("resnet50", "image", "fp32", "onnxruntime", "cpu", "cpu", 2, None),
]


def measured(cell: Cell, latency: float = 50.0) -> Outcome:
    result = Result((latency,) * 8, 300.0, 60.0, "1.32.0", {"provider": "CPU"}, 3, 0.5, 0.99)
    return Outcome(cell, result, 1000, 1.7e9, 0.5)


def test_rows_fit_the_schema_and_say_the_same_twice() -> None:
    rows = [to_row(measured(cell), HERE, SETTINGS) for cell in CELLS]
    assert {"source", "model", "latency_ms", "item"} <= set(rows[0]) & set(COLUMN_NAMES)
    assert [row["throughput"] for row in rows] == pytest.approx([160, 80, 2 * 64 / 0.05, 40])
    assert [row["hardware"] for row in rows] == ["cpu", "openvino", "openvino", "cpu"]
    assert rows[3]["input_size"] == "224"
    assert rows[0]["gmacs"] == pytest.approx(11.2, rel=0.01)
    assert rows[1]["gmacs"] is None
    table = r.table(rows)
    assert table["latency_ms"].tolist() == [50.0] * 4
    # nothing in the note is taken for a setting of the harness …
    assert [notes.setting(note) for note in table["note"]] == [""] * 4
    # … but a thread count that is not the machine's is one
    few = to_row(measured(CELLS[0]), HERE, replace(SETTINGS, threads=1, timer="processor"))
    assert notes.setting(few["note"]) == "threads=1"
    assert "processor time" in few["note"]


def sequence(*outcomes: Outcome | BaseException) -> Any:
    def runner(cells: list[Cell], settings: Settings) -> Iterator[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome

    return runner


def test_a_session_stores_every_row_with_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "here.duckdb"
    failed = Outcome(CELLS[1], Result(reason="no such kernel"))
    seen: list[tuple[str, bool]] = []
    session = benchmark(
        CELLS[:3],
        HERE,
        SETTINGS,
        database=path,
        progress=lambda cell, outcome: seen.append((str(cell), outcome is not None)),
        runner=sequence(measured(CELLS[0]), failed, measured(CELLS[2])),
    )
    assert [reason for _, reason in session.failed] == ["no such kernel"]
    assert len(seen) == 6
    with BenchmarkStore(path, read_only=True) as store:
        frame = store.measurements(columns=["model", "latency_ms", "device", "extra"])
    assert frame["model"].tolist() == ["bert-base-uncased", "gpt2"]
    assert frame["device"][0] == "AMD EPYC 7551 (8 vCPU)"
    assert '"timer"' in frame["extra"][0]


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "here.duckdb"
    session = benchmark(CELLS, HERE, SETTINGS, database=path, runner=sequence(measured(CELLS[0]), KeyboardInterrupt()))
    assert session.interrupted
    assert session.left == 3
    with BenchmarkStore(path, read_only=True) as store:
        assert store.count() == 1


def test_ctrl_c_during_a_write_comes_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a shell starts in the background
    path = tmp_path / "here.duckdb"
    load = BenchmarkStore.load

    def interrupted(self: BenchmarkStore, *given: Any, **how: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return load(self, *given, **how)

    monkeypatch.setattr(BenchmarkStore, "load", interrupted)
    session = benchmark(CELLS, HERE, SETTINGS, database=path, runner=sequence(*map(measured, CELLS)))
    assert session.interrupted
    assert len(session.rows) == 1
    with BenchmarkStore(path, read_only=True) as store:
        assert store.count() == 1


def test_a_store_that_is_taken_meanwhile_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "here.duckdb"

    class Taken:
        def __init__(self, *_: Any, **__: Any) -> None:
            raise StoreError("here.duckdb is in use by process 1")

    def runner(cells: list[Cell], settings: Settings) -> Iterator[Outcome]:
        monkeypatch.setattr("hwpredict.measure.session.BenchmarkStore", Taken)
        yield measured(CELLS[0])
        yield measured(CELLS[1])

    with pytest.raises(StoreError, match=r"2 rows are in hwpredict-benchmark-.*\.parquet"):
        benchmark(CELLS[:2], HERE, SETTINGS, database=path, runner=runner)
    (rescued,) = tmp_path.glob("*.parquet")
    monkeypatch.undo()
    with BenchmarkStore(path) as store:
        assert store.load(rescued).added == 2


def test_a_store_that_cannot_be_written_stops_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        benchmark(CELLS, HERE, SETTINGS, database=tmp_path / "no" / "such.duckdb", runner=sequence(AssertionError()))


def test_the_command_refuses_in_one_line() -> None:
    command = [sys.executable, "-m", "hwpredict", "benchmark", "bert-bas-uncased", "--batch-size", "1,x", "--no-store"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "'x'" in done.stderr
