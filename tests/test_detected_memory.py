"""What detection finds of memory is what P(fits) and the constraints are held against, not what the data sheet says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_detect import NO_BROWSER, SAPPHIRE, FakeNvml, machine

from hwpredict import HardwareModelPredictor
from hwpredict.errors import InfeasibleError, InvalidWorkloadError
from hwpredict.measure.browser import BrowserAnswer
from hwpredict.measure.detect import detect
from hwpredict.measure.report import HardwareReport
from hwpredict.workload import Target, Workload

A100 = "cuda:NVIDIA A100-SXM4-80GB"
GB = 1e9


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=200)


def container(limit: float | None) -> HardwareReport:
    """A server in whose container a control group sets a limit, bytes."""
    files = {"/proc/cpuinfo": SAPPHIRE, "/proc/meminfo": "MemTotal:      256000000 kB\n"}
    if limit is not None:
        files |= {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": f"{limit:.0f}\n"}
    return detect(machine(files=files), answer=NO_BROWSER)


def gpu(memory: float, *more: float) -> HardwareReport:
    """A machine with an A100 whose driver states so much memory, bytes."""
    nvml = FakeNvml("NVIDIA A100-SXM4-80GB", memory=memory)
    if more:
        sizes = (memory, *more)
        nvml.names = ("NVIDIA A100-SXM4-80GB",) * len(sizes)
        nvml.nvmlDeviceGetMemoryInfo = lambda handle: type("Memory", (), {"total": sizes[handle]})()
    return detect(machine(modules={"pynvml": nvml}, files={"/proc/cpuinfo": SAPPHIRE}), answer=NO_BROWSER)


def test_targets_carry_what_can_be_used() -> None:
    assert [t.memory_mb for t in container(8 * GB).targets()] == [8000.0]
    assert [t.memory_mb for t in container(None).targets()] == [pytest.approx(262_144)]
    assert {t.name: t.memory_mb for t in gpu(10 * GB).targets()}[A100] == 10_000
    assert {t.name: t.memory_mb for t in gpu(40 * GB, 10 * GB, 20 * GB).targets()}[A100] == 10_000  # the least


def test_a_control_group_decides_what_fits(predictor: HardwareModelPredictor) -> None:
    def fits(limit: float | None) -> float:
        found = predictor.predict_performance("bert-base-uncased", hardware=container(limit).targets(), batch_size=8)
        return float(next(iter(found["predictions"].values()))["p_fits"])

    loose, tight = fits(None), fits(0.8 * GB)
    assert loose > 0.95
    assert tight < 0.5
    with pytest.raises(InfeasibleError, match="memory fits"):
        predictor.predict_optimal_hardware(
            "bert-base-uncased", batch_size=8, available_hardware=container(0.3 * GB).targets()
        )


def test_the_drivers_figure_goes_before_the_data_sheet(predictor: HardwareModelPredictor) -> None:
    def entry(hardware: Any) -> dict[str, Any]:
        found = predictor.predict_performance("llama-7b", hardware=hardware, precision="fp16")
        return dict(next(iter(found["predictions"].values())))

    slice_, whole, listed = entry(gpu(10 * GB).targets()[:1]), entry(gpu(85.9 * GB).targets()[:1]), entry("a100")
    # 13.5 GB of weights on an eighth of the card
    assert listed["p_fits"] - slice_["p_fits"] > 0.5
    assert whole["p_fits"] >= listed["p_fits"]
    for key in ("throughput", "latency", "memory_usage"):  # a limit changes what fits, not what it takes
        assert slice_[key] == whole[key]
    cells = predictor.cells([(Workload("gpt2"), gpu(10 * GB).targets()[0]), (Workload("gpt2"), Target("cuda", "T4"))])
    assert cells.capacity.tolist() == [10_000, 16_000]


def test_a_platform_whose_memory_is_known_has_a_capacity(predictor: HardwareModelPredictor) -> None:
    cells = predictor.cells([(Workload("gpt2"), Target("cuda", memory_mb=300)), (Workload("gpt2"), Target("cuda"))])
    assert cells.capacity[0] == 300
    assert np.isnan(cells.capacity[1])
    assert cells.fits[0] < cells.fits[1]


def test_the_matrix_and_the_plan_use_it_too(predictor: HardwareModelPredictor) -> None:
    target = gpu(10 * GB).targets()[0]
    matrix = predictor.create_hardware_prediction_matrix(["llama-7b"], [1], [target, "a100"], ["fp16"]).dataset
    assert matrix.capacity.values.tolist() == [10_000, 80_000]
    fits = matrix.p_fits.squeeze(drop=True)
    assert fits[1] - fits[0] > 0.5
    plan = predictor.predict_optimal_hardware(
        "gpt2", mode="training", is_distributed=True, gpu_count=2, available_hardware=[target]
    )
    assert plan["distributed"]["capacity_mb"] == 10_000
    assert "of its 10,000 MB" in plan["explanation"]
    with pytest.raises(InfeasibleError, match="this takes 16 "):
        predictor.predict_optimal_hardware(
            "llama-7b", mode="training", precision="bf16", is_distributed=True, gpu_count=8,
            available_hardware=[target],
        )  # fmt: skip


def test_a_browser_has_the_memory_of_its_gpu() -> None:
    said = {
        "webgpu": {"api": True, "adapter": {"vendor": "nvidia", "architecture": "ampere", "fallback": False}},
        "webnn": {"api": False},
    }
    nvml = FakeNvml("NVIDIA GeForce RTX 3060", memory=12.8 * GB)
    report = detect(machine(modules={"pynvml": nvml}), answer=BrowserAnswer(said=said))
    assert report["webgpu"].devices[0].memory_mb == pytest.approx(12_800)


@pytest.mark.parametrize("memory", [0, -5, float("nan")])
def test_memory_that_makes_no_sense_is_refused(memory: float) -> None:
    with pytest.raises(InvalidWorkloadError, match="memory_mb"):
        Target("cuda", memory_mb=memory)
