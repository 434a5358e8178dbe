"""The catalog of devices: facts that hang together, and look-ups that find the product or nothing."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog import _device_names as names, devices
from hwpredict.catalog.devices import DEFAULT_TARGETS, RATES, catalog, find, match, representatives
from hwpredict.errors import UnknownNameError
from hwpredict.workload import PRECISIONS, Platform

MEASUREMENTS = Path(__file__).parents[2] / "shared" / "data" / "measurements.parquet"
FILES = sorted(
    (f for f in resources.files("hwpredict.catalog").joinpath("data").iterdir() if f.name.startswith("devices_")),
    key=lambda f: f.name,
)
#: Share of the rows of the shared measurements whose device must be known.
COVERED = {"cuda": 0.97, "rocm": 0.97, "mps": 0.97, "tpu": 0.97, "openvino": 0.97, "webgpu": 0.97, "other": 0.85}


def rows(name: str) -> list[dict[str, str]]:
    file = next(f for f in FILES if f.name == name)
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def only_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Match against the sheets alone, without deriving from the description."""
    monkeypatch.setattr(devices, "_derive", lambda name, platform: None)


# ---------------------------------------------------------------------------------------------------------- the facts
def test_names_are_unique_over_all_files() -> None:
    found = [row["name"] for file in FILES for row in rows(file.name)]
    assert len(found) == len(set(found)) == len(catalog())
    assert len(catalog()) > 800


def test_no_spelling_means_two_devices() -> None:
    """One spelling, one platform, one kind of processor: at most one device."""
    claims: dict[tuple[str, str, str, frozenset[str]], set[str]] = defaultdict(set)
    for device in catalog().values():
        for spelling in (device.name, *device.aliases):
            makers = names.split(names.plain(spelling))[1]
            for platform in device.platforms:
                claims[names.key(spelling), platform, device.kind, makers].add(device.name)
    # SiMa's MLPerf entries call their chip DaVinci, as Huawei calls its architecture
    shared = {entry: owners for entry, owners in claims.items() if len(owners) > 1 and entry[0] != "davinci"}
    assert not shared


@pytest.mark.parametrize("file", ["devices_gpu.csv", "devices_accelerator.csv"])
def test_rows_are_complete(file: str) -> None:
    for row in rows(file):
        device = catalog()[row["name"]]
        assert device.source, device.name
        assert device.platforms, device.name
        assert set(device.platforms) <= {p.value for p in Platform}, device.name
        assert device.kind in {"gpu", "igpu", "tpu", "npu", "fpga", "asic"}, device.name
        assert device.vendor, device.name
        assert device.architecture, device.name
        assert device.segment in {
            "datacenter", "workstation", "consumer", "laptop", "edge", "mobile", "unstated",
        }, device.name  # fmt: skip
        assert device.year is not None, device.name
        assert 2010 <= device.year <= 2026, device.name
        assert {"fp32", "fp16", "bf16", "int8"} & set(device.rates), device.name
        assert device.bandwidth_gb_s or device.kind in {"npu", "asic"}, device.name
        if "gpu" in device.kind:
            assert "fp32" in device.rates, device.name
        assert bool(device.price_usd) == bool(device.price_date), device.name


def test_figures_are_positive_and_finite() -> None:
    for device in catalog().values():
        figures = [*device.rates.values(), device.bandwidth_gb_s, device.memory_gb, device.tdp_w, device.price_usd]
        assert all(f is None or (math.isfinite(f) and f > 0) for f in figures), device.name


def test_tensor_units_are_not_slower_than_shaders() -> None:
    for device in catalog().values():
        if "bf16" in device.rates and "fp32" in device.rates:  # GPUs from Ampere and RDNA 3 on, accelerators
            assert device.rates["bf16"] >= 0.99 * device.rates["fp32"], device.name
        for wide, narrow in (("bf16", "fp8"), ("fp8", "fp4"), ("int8", "int4")):
            if wide in device.rates and narrow in device.rates:
                assert device.rates[narrow] >= 0.99 * device.rates[wide], (device.name, wide, narrow)


@pytest.mark.parametrize(
    ("name", "figure", "value"),
    [
        ("NVIDIA A100-SXM4-80GB", "fp16", 312),  # A100 datasheet, dense
        ("NVIDIA A100-SXM4-40GB", "bandwidth_gb_s", 1555),
        ("NVIDIA H100-SXM5-80GB", "fp8", 1979),  # half of the sparse 3,958
        ("NVIDIA H100-PCIE-80GB", "bf16", 756),
        ("NVIDIA V100-SXM2-16GB", "fp16", 125),
        ("NVIDIA T4", "int8", 130),
        ("NVIDIA GeForce RTX 3090", "fp16", 71),  # with fp32 accumulation
        ("NVIDIA GeForce RTX 4090", "fp16", 165),
        ("NVIDIA RTX A6000", "fp16", 154.8),
        ("NVIDIA GeForce GTX 1080 Ti", "fp32", 11.3),
        ("NVIDIA P100-PCIE-16GB", "fp16", 19.05),
        ("NVIDIA GeForce RTX 5090", "bandwidth_gb_s", 1792),
        ("AMD Instinct MI300X", "fp16", 1307),
        ("AMD Radeon RX 7900 XTX", "fp16", 122.8),
        ("AMD Radeon RX 9070 XT", "fp16", 195),
        ("Apple M2 Ultra (76-core GPU)", "fp32", 27.2),
        ("Apple M3 Max (40-core GPU)", "bandwidth_gb_s", 400),
        ("Intel UHD Graphics 630", "fp32", 0.46),
        ("Intel Arc A770", "int8", 262),
        ("Google TPU v4", "bf16", 275),
        ("Google TPU v5e", "int8", 394),
        ("AWS Inferentia2", "bf16", 190),
        ("Hailo-8", "int8", 26),
        ("AMD/Xilinx ZCU104", "int8", 2.46),
    ],
)
def test_well_known_figures(name: str, figure: str, value: float) -> None:
    device = catalog()[name]
    found = device.rates[figure] if figure in RATES else getattr(device, figure)
    assert found == pytest.approx(value, rel=0.03)


# --------------------------------------------------------------------------------------------------------- the rates
@pytest.mark.parametrize(
    ("name", "compute", "rate", "used"),
    [
        ("a100", "fp16", 312e12, "fp16"),
        ("a100", "fp8", 312e12, "fp16"),
        ("a100", "fp4", 312e12, "fp16"),
        ("t4", "bf16", 8.1e12, "fp32"),
        ("v100", "tf32", 15.7e12, "fp32"),
        ("v100", "int4", 62.8e12, "int8"),
        ("tpu v5e", "fp32", 197e12, "bf16"),
        ("tpu v5e", "fp16", 197e12, "bf16"),
        ("m3 max", "int8", 14.13e12, "fp16"),
        ("m1", "fp64", 2.617e12 / 32, "fp32"),
    ],
)
def test_peak_falls_back_as_software_does(name: str, compute: str, rate: float, used: str) -> None:
    found = find(name).peak(compute)
    assert found is not None
    assert found[0] == pytest.approx(rate, rel=1e-3)
    assert found[1] == used


def test_slow_half_precision_is_computed_in_fp32() -> None:
    card = find("gtx 1080 ti")
    assert card.rates["fp16"] < card.rates["fp32"]
    assert card.peak("fp16") == (card.rates["fp32"] * 1e12, "fp32")
    assert card.peak("fp8") == (card.rates["fp32"] * 1e12, "fp32")


def test_integer_accelerators_cannot_run_floating_point() -> None:
    assert find("Hailo-8").peak("int8") == (26e12, "int8")
    assert find("Hailo-8").peak("fp16") is None
    assert find("Hailo-8").peak("fp64") is None


def test_peak_refuses_unknown_formats() -> None:
    with pytest.raises(UnknownNameError, match="fp16"):
        find("a100").peak("fp17")


def test_every_gpu_runs_every_precision() -> None:
    for device in catalog().values():
        if device.kind in {"gpu", "igpu", "cpu"}:
            for precision in PRECISIONS.values():
                found = device.peak(precision.compute)
                assert found is not None, (device.name, precision)
                assert found[0] > 0
                assert found[1] in device.rates


# ------------------------------------------------------------------------------------------------------- the look-ups
@pytest.mark.parametrize(
    ("shorthand", "name"),
    [
        ("a100", "NVIDIA A100-SXM4-80GB"),
        ("h100", "NVIDIA H100-SXM5-80GB"),
        ("v100", "NVIDIA V100-SXM2-16GB"),
        ("rtx 3090", "NVIDIA GeForce RTX 3090"),
        ("RTX3090", "NVIDIA GeForce RTX 3090"),
        ("4090", "NVIDIA GeForce RTX 4090"),
        ("4070 ti super", "NVIDIA GeForce RTX 4070 Ti SUPER"),
        ("mi300x", "AMD Instinct MI300X"),
        ("7900xtx", "AMD Radeon RX 7900 XTX"),
        ("m3 max", "Apple M3 Max (40-core GPU)"),
        ("M1", "Apple M1 (8-core GPU)"),
        ("arc a770", "Intel Arc A770"),
        ("tpu v5e", "Google TPU v5e"),
        ("rk3588", "Rockchip RK3588"),
        ("inferentia2", "AWS Inferentia2"),
        ("nvidia geforce rtx-4090", "NVIDIA GeForce RTX 4090"),
    ],
)
def test_find(shorthand: str, name: str) -> None:
    assert find(shorthand).name == name


def test_every_device_is_found_by_its_name_on_each_of_its_platforms() -> None:
    lost = [(d.name, p) for d in catalog().values() for p in d.platforms if find(d.name, p) is not d]
    assert not lost


@given(
    st.sampled_from(
        sorted(row["name"] for file in ("devices_gpu.csv", "devices_accelerator.csv") for row in rows(file))
    ),
    st.sampled_from(["upper", "lower", "swapcase"]),
    st.sampled_from([" ", "-", "_", "  "]),
)
def test_case_and_separators_do_not_matter(name: str, case: str, separator: str) -> None:
    device = catalog()[name]
    spelled = getattr(name.replace(" ", separator), case)()
    assert find(spelled, device.platforms[0]) is device


def test_unknown_devices_are_refused_with_suggestions() -> None:
    with pytest.raises(UnknownNameError, match="RTX 4090"):
        find("rtx 4095")
    with pytest.raises(UnknownNameError, match="runs on rocm"):
        find("mi300x", "cuda")


@pytest.mark.parametrize(
    ("spelling", "platform", "name"),
    [
        ("NVIDIA RTX 4000 Ada Generation", "cuda", "NVIDIA RTX 4000 Ada Generation"),
        ("NVIDIA RTX 4000 Ada", "cuda", "NVIDIA RTX 4000 Ada Generation"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "cuda", "NVIDIA RTX 4000 SFF Ada Generation"),
        ("NVIDIA RTX 4000 Ada Generation Laptop GPU", "cuda", "NVIDIA RTX 4000 Ada Generation Laptop GPU"),
        ("Quadro RTX 4000", "cuda", "NVIDIA Quadro RTX 4000"),
        ("Quadro RTX 4000 with Max-Q Design", "cuda", "NVIDIA Quadro RTX 4000 Max-Q"),
        ("NVIDIA RTX 6000 Ada", "cuda", "NVIDIA RTX 6000 Ada Generation"),
        ("Quadro RTX 6000", "cuda", "NVIDIA Quadro RTX 6000"),
        ("NVIDIA RTX A6000", "cuda", "NVIDIA RTX A6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q", "cuda", "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition"),
        ("NVIDIA RTX PRO 6000 Blackwell Server", "cuda", "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
        ("NVIDIA GeForce GTX TITAN X (Maxwell)", "cuda", "NVIDIA GeForce GTX TITAN X (Maxwell)"),
        ("NVIDIA GeForce GTX TITAN X", "cuda", "NVIDIA GeForce GTX TITAN X (Maxwell)"),
        ("NVIDIA TITAN X (Pascal)", "cuda", "NVIDIA TITAN X (Pascal)"),
        ("NVIDIA TITAN Xp", "cuda", "NVIDIA TITAN Xp"),
        ("NVIDIA RTX 4070 Ti", "cuda", "NVIDIA GeForce RTX 4070 Ti"),
        ("NVIDIA RTX 4070 Ti Super", "cuda", "NVIDIA GeForce RTX 4070 Ti SUPER"),
        ("NVIDIA GeForce RTX 4070 SUPER", "cuda", "NVIDIA GeForce RTX 4070 SUPER"),
        ("NVIDIA GeForce RTX 3080 Ti Laptop GPU", "cuda", "NVIDIA GeForce RTX 3080 Ti Laptop GPU"),
        ("NVIDIA GeForce RTX 3080 Lite Hash Rate", "cuda", "NVIDIA GeForce RTX 3080"),
        ("NVIDIA GeForce RTX 3080 12GB", "cuda", "NVIDIA GeForce RTX 3080 12GB"),
        ("NVIDIA GeForce RTX 5090 D v2", "cuda", "NVIDIA GeForce RTX 5090 D v2"),
        ("NVIDIA GeForce GTX 1070 with Max-Q Design", "cuda", "NVIDIA GeForce GTX 1070 Max-Q"),
        ("nVIDIA RTX2060 of Notebook [Vulkan GPU]", "other", "NVIDIA GeForce RTX 2060 Laptop GPU"),
        ("NVIDIA GeForce RTX 3060 Ti of Desktop[2023-10-12] [Vulkan GPU]", "other", "NVIDIA GeForce RTX 3060 Ti"),
        ("NVIDIA A100 40GB PCIe", "cuda", "NVIDIA A100-PCIE-40GB"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "cuda", "NVIDIA A100-SXM4-40GB-MIG-1g.5gb"),
        ("NVIDIA H100 SXM5", "cuda", "NVIDIA H100-SXM5-80GB"),
        ("NVIDIA H100 80GB HBM3", "cuda", "NVIDIA H100-SXM5-80GB"),
        ("NVIDIA H100 PCIe", "cuda", "NVIDIA H100-PCIE-80GB"),
        ("NVIDIA H100-NVL-94GB", "cuda", "NVIDIA H100-NVL-94GB"),
        ("Tesla V100-SXM2-32GB", "cuda", "NVIDIA V100-SXM2-32GB"),
        ("NVIDIA V100-SXM3-32GB", "cuda", "NVIDIA V100-SXM3-32GB"),
        ("NVIDIA V100", "cuda", "NVIDIA V100-SXM2-16GB"),
        ("2x NVIDIA GeForce RTX 3090", "cuda", "NVIDIA GeForce RTX 3090"),
        ("AMD Radeon RX 7900 XT", "rocm", "AMD Radeon RX 7900 XT"),
        ("AMD Radeon RX 7900 XTX", "rocm", "AMD Radeon RX 7900 XTX"),
        ("AMD Radeon RX 7900 GRE", "rocm", "AMD Radeon RX 7900 GRE"),
        ("AMD Radeon RX 6700", "other", "AMD Radeon RX 6700"),
        ("AMD Radeon RX 6600M", "rocm", "AMD Radeon RX 6600M"),
        ("AMD Radeon Pro VII", "rocm", "AMD Radeon Pro VII"),
        ("AMD Radeon VII", "rocm", "AMD Radeon VII"),
        ("AMD Radeon(TM) 780M Graphics", "rocm", "AMD Radeon 780M"),
        ("AMD Ryzen AI Max+ 395", "rocm", "AMD Radeon 8060S"),
        ("Apple M1 Max 8P+2E+24GPU", "mps", "Apple M1 Max (24-core GPU)"),
        ("Apple M3 Max 48GB", "mps", "Apple M3 Max (40-core GPU)"),
        ("Apple MacBook Pro (M1 Max, 32-core GPU)", "mps", "Apple M1 Max (32-core GPU)"),
        ("Apple Mac Studio (M2 Ultra)", "mps", "Apple M2 Ultra (76-core GPU)"),
        ("Apple iPhone 14 Pro Max", "mps", "Apple A16 Bionic"),
        ("Apple iPhone 14", "mps", "Apple A15 Bionic"),
        ("MacBook Air (13-inch, M3, 2024) [Vulkan GPU]", "other", "Apple M3 (10-core GPU)"),
        ("Intel Core Ultra 7 258V (Arc 140V iGPU)", "openvino", "Intel Arc 140V"),
        ("Intel Core Ultra 7 155H NPU", "openvino", "Intel Core Ultra 7 155H NPU"),
        ("Intel UHD Graphics 630 (Intel Core i3-8100)", "openvino", "Intel UHD Graphics 630 (Core i3-8100)"),
        ("Intel Core i9-12900 (CPU+iGPU)", "openvino", "Intel Core i9-12900 (CPU+iGPU)"),
        ("Intel Arc A770 Graphics (dGPU) openvino:2024.6.0", "openvino", "Intel Arc A770"),
        ("Rockchip RK3588", "other", "Rockchip RK3588"),
        ("Rockchip RK3588 (Cortex-A76 2.4GHz x 4) [Vulkan GPU]", "other", "Arm Mali-G610 MP4"),
        ("Snapdragon 888 (Cortex-X1 2.84GHz x1 + Adreno 660) [Vulkan GPU]", "other", "Qualcomm Adreno 660"),
        ("AWS Inferentia2 (inf2.xlarge)", "other", "AWS Inferentia2"),
        ("Google TPU v6e", "tpu", "Google TPU v6e (Trillium)"),
        ("Intel® Gaudi® 2 AI Accelerator", "other", "Intel Gaudi2"),
        ("NVIDIA Turing GPU (unstated)", "webgpu", "NVIDIA Turing GPU (unstated)"),
        (
            "Hyper-V Linux Guest with GPU-PV enabled (Intel Core i7-7700K, NVIDIA GeForce GTX 1050 Ti) [Vulkan GPU]",
            "other",
            "NVIDIA GeForce GTX 1050 Ti",
        ),
    ],
)
@pytest.mark.usefixtures("only_catalog")
def test_match(spelling: str, platform: str, name: str) -> None:
    found = match.__wrapped__(spelling, platform)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "spelling",
    [
        "NVIDIA RTX 4000",  # Quadro, Ada or SFF?
        "NVIDIA RTX 6000",
        "NVIDIA GeForce RTX 3080 SUPER",
        "NVIDIA GeForce RTX 4095",
        "NVIDIA GeForce RTX 4060 GRE",
        "NVIDIA RTX 4000 XYZ Ada Generation",
        "AMD Radeon RX 7900",
        "AMD Radeon RX 7900 XTX GRE",
        "NVIDIA A101",
        "Apple M9 Max",
        "",
        "GPU",
        "unknown",
    ],
)
@pytest.mark.usefixtures("only_catalog")
def test_no_sibling_is_taken_for_a_product_that_is_not_there(spelling: str) -> None:
    assert match.__wrapped__(spelling, None) is None


def test_the_platform_decides_between_the_parts_of_a_chip() -> None:
    assert (found := match("Apple M3", "mps")) is not None
    assert found.kind == "igpu"
    assert (found := match("Apple M3", "cpu")) is not None
    assert found.kind == "cpu"
    assert (found := match("QCS6490", "cpu")) is not None
    assert found.kind == "cpu"
    assert (found := match("NVIDIA Jetson Nano", "cpu")) is None or found.kind == "cpu"
    assert (found := match("NVIDIA Jetson Nano", "cuda")) is not None
    assert found.kind == "igpu"


@given(st.text(max_size=60), st.sampled_from([None, *Platform]))
def test_match_takes_any_text(text: str, platform: str | None) -> None:
    found = match.__wrapped__(text, platform)
    assert found is None or platform is None or platform in found.platforms


# --------------------------------------------------------------------------------------------------- stand-in devices
@pytest.mark.parametrize("platform", list(Platform))
def test_representatives(platform: str) -> None:
    found = representatives(platform)
    assert 6 <= len(found) <= 20
    assert len(set(found)) == len(found)
    for name in found:
        device = catalog()[name]
        assert platform in device.platforms
        assert device.year is None or device.year >= 2018


def test_default_targets_cover_the_platforms() -> None:
    assert {find(name, platform).name for platform, name in DEFAULT_TARGETS} == {name for _, name in DEFAULT_TARGETS}
    assert {p for p, _ in DEFAULT_TARGETS} >= {
        "cuda",
        "rocm",
        "mps",
        "cpu",
        "openvino",
        "webgpu",
        "qnn",
        "tpu",
        "other",
    }


def test_the_parts_of_a_chip_driven_together_add_up() -> None:
    cpu, gpu = match("Intel Core i7-8700", "openvino"), match("Intel Core i7-8700 (iGPU)", "openvino")
    both = match("Intel Core i7-8700 (CPU+iGPU)", "openvino")
    assert cpu is not None
    assert gpu is not None
    assert both is not None
    assert both.derived
    assert both.rates["fp32"] == pytest.approx(cpu.rates["fp32"] + gpu.rates["fp32"])
    assert both.bandwidth_gb_s == gpu.bandwidth_gb_s


def test_devices_can_be_keys() -> None:
    assert len({find("a100"), find("A100-SXM4-80GB"), find("h100")}) == 2


# ------------------------------------------------------------------------------------------------ the measured devices
@pytest.mark.skipif(not MEASUREMENTS.exists(), reason="the shared measurements are not here")
def test_measured_devices_are_known() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(MEASUREMENTS, columns=["hardware", "device"])
    counts = table.group_by(["hardware", "device"]).aggregate([([], "count_all")]).to_pylist()
    total: defaultdict[str, int] = defaultdict(int)
    known: defaultdict[str, int] = defaultdict(int)
    for row in counts:
        total[row["hardware"]] += row["count_all"]
        known[row["hardware"]] += row["count_all"] * (match(str(row["device"]), row["hardware"]) is not None)
    short = {p: known[p] / total[p] for p, share in COVERED.items() if p in total and known[p] < share * total[p]}
    assert not short
