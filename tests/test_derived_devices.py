from __future__ import annotations

import csv
import math
import re
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog import derived
from hwpredict.catalog.derived import cpu_name, derive, described
from hwpredict.catalog.devices import RATES, catalog, match
from hwpredict.workload import Platform

DATA = resources.files("hwpredict.catalog").joinpath("data")
COLUMNS = (
    "name,platforms,vendor,kind,architecture,segment,year,fp64,fp32,tf32,fp16,bf16,fp8,fp4,int8,int4,bandwidth_gb_s,"
    "memory_gb,tdp_w,cores,interconnect,interconnect_gb_s,price_usd,price_date,aliases,source"
).split(",")
SEGMENTS = {"datacenter", "workstation", "consumer", "laptop", "edge", "mobile", "mcu"}


def rows(file: str) -> list[dict[str, str]]:
    with DATA.joinpath(file).open(encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@pytest.fixture(scope="module")
def devices() -> list[dict[str, str]]:
    return rows("devices_cpu.csv") + rows("devices_soc.csv")


def spellings(row: dict[str, str]) -> list[str]:
    return [row["name"], *filter(None, row["aliases"].split("|"))]


def test_catalog_is_broad(devices: list[dict[str, str]]) -> None:
    assert len(devices) > 2000
    assert len(derived.core_types()) > 150


def test_names_and_aliases_are_unique(devices: list[dict[str, str]]) -> None:
    counts = Counter(spelling.casefold() for row in devices for spelling in spellings(row))
    assert [s for s, n in counts.items() if n > 1] == []


def test_names_are_unique_over_all_files() -> None:
    files = [f.name for f in DATA.iterdir() if f.name.startswith("devices_")]
    counts = Counter(row["name"].casefold() for file in files for row in rows(file))
    assert [s for s, n in counts.items() if n > 1] == []


def test_words_are_of_the_vocabulary(devices: list[dict[str, str]]) -> None:
    for row in devices:
        assert set(row["platforms"].split()) <= set(Platform), row["name"]
        assert row["kind"] in {"cpu", "npu"}, row["name"]
        assert row["segment"] in SEGMENTS, row["name"]
        assert row["vendor"], row["name"]
        assert row["architecture"], row["name"]
        assert row["source"].strip(), row["name"]


def test_figures_are_positive_and_plausible(devices: list[dict[str, str]]) -> None:
    for row in devices:
        figures = {c: float(row[c]) for c in (*RATES, "bandwidth_gb_s", "memory_gb", "tdp_w", "price_usd") if row[c]}
        assert all(v > 0 and math.isfinite(v) for v in figures.values()), row["name"]
        assert "bandwidth_gb_s" in figures, row["name"]
        assert {"fp32", "int8"} <= figures.keys() or row["kind"] == "npu", row["name"]
        assert figures.get("fp64", 0.0) <= figures.get("fp32", math.inf), row["name"]
        assert figures.get("fp16", math.inf) >= figures.get("fp32", 0.0), row["name"]
        assert 2000 <= int(row["year"]) <= 2027, row["name"]
        assert bool(row["price_usd"]) == bool(row["price_date"]), row["name"]
        assert re.fullmatch(r"(?:20\d\d-(?:0[1-9]|1[0-2]))?", row["price_date"]), row["name"]


def test_rates_follow_the_rule_that_the_source_states(devices: list[dict[str, str]]) -> None:
    factor = r"(\d+) (?:cores|[\w+-][\w .+-]*?) x ([\d.]+) ([GM])Hz x ([\d.]+) flop/cycle"
    checked = 0
    for row in devices:
        stated = [
            int(n) * float(clock) * (1.0 if unit == "G" else 1e-3) * float(rate) / 1e3
            for n, clock, unit, rate in re.findall(factor, row["source"])
        ]
        if stated:
            checked += 1
            assert sum(stated) == pytest.approx(float(row["fp32"]), rel=0.02), row["name"]
    assert checked > 2000


def test_core_types_state_their_source_and_grow_with_narrower_formats() -> None:
    with DATA.joinpath("core_types.csv").open(encoding="utf-8") as stream:
        assert all(row["source"].strip() for row in csv.DictReader(stream))
    for core in derived.core_types().values():
        assert core.per_cycle["fp32"] > 0, core.name
        assert core.per_cycle["int8"] >= core.per_cycle["fp32"], core.name
        assert core.per_cycle.get("fp16", math.inf) > core.per_cycle["fp32"], core.name
        assert 0 < core.ghz < 6, core.name


@pytest.mark.parametrize(
    ("text", "tflops"),
    [
        # clusters: sum of cores x GHz x flop/cycle
        ("Rockchip RK3399 (Cortex-A72 1.8GHz x 2 + Cortex-A53 1.5GHz x 4)", (2 * 1.8 * 8 + 4 * 1.5 * 8) / 1e3),
        ("Phytium FT-2000+/64 (FTC662 armv8 2.4GHz x 8)", 8 * 2.4 * 8 / 1e3),
        ("Quad Core A76 2.4GHz + Quad Core A55 1.8GHz", (4 * 2.4 * 16 + 4 * 1.8 * 8) / 1e3),
        ("Loongson 3A4000 (GS464V 1.8GHz * 4 with MSA128)", 4 * 1.8 * 16 / 1e3),
        ("Loongson 3A6000 (LA664 2.5GHz * 4+4)", 4 * 2.5 * 32 / 1e3),
        ("Amlogic S805 (Cortex-A5, 4 × 1.536GHz)", 4 * 1.536 * 2 / 1e3),
        ("T-Head TH1520 (C910V, 1.848 GHz x 4 + BXM-4-64 PowerVR)", 4 * 1.848 * 16 / 1e3),
        ("CVITEK SG2000 (C906, 1 GHz x 1 + 700MHz x 1)", (1.0 + 0.7) * 4 / 1e3),
        ("PhytiumPi, Phytium E2000 (FTC664@1.8GHz x2 + FTC310@1.5GHz x2)", (2 * 1.8 * 8 + 2 * 1.5 * 8) / 1e3),
        ("Radxa Zero 3W, Cortex-A55 (ARMv82) (1.416 GHz x 4)", 4 * 1.416 * 8 / 1e3),
        ("Raspberry Pi 5 Broadcom BCM2712, Cortex-A76 (ARMv8) (2.4GHz x 4)", 4 * 2.4 * 16 / 1e3),
        ("Arduino UNO Q - QRB2210 (ARM Cortex-A53 @ 2.0GHz x 4)", 4 * 2.0 * 8 / 1e3),
        ("Freescale i.MX7 Dual (Cortex A7 1.0GHz x 2)", 2 * 1.0 * 2 / 1e3),
        ("Z7-Lite 7020 XC7Z020CLG400-2 (Cortex-A9 766MHz x 2)", 2 * 0.766 * 4 / 1e3),
        ("NVIDIA Jetson AGX Xavier (Carmel 2.2 GHz x 8 + Volta Tensor Cores 64)", 8 * 2.2 * 16 / 1e3),
        (
            "NVIDIA Jetson AGX Orin (Cortex-A78AE 2.2 GHz x 12 + Ampere@1.3 GHz Tensor Cores 64)",
            12 * 2.2 * 16 / 1e3,
        ),
        (
            "NVIDIA Jetson TX2 NX(NV-Denver2 2.0Ghz x 2 + Cortex-A57 2.0Ghz x 4 + 256-core NVIDIA Pascal iGPU)",
            (2 * 2.0 * 16 + 4 * 2.0 * 8) / 1e3,
        ),
        (
            "Qualcomm SM8150-AC Snapdragon 855+ (Kyro485 2.96 GHz + 2.42 GHz x 3 + 1.80 GHz x 4 + Adreno 640)",
            (2.96 * 16 + 3 * 2.42 * 16 + 4 * 1.8 * 8) / 1e3,
        ),
        (
            "MediaTek Dimensity 9300 (MT6989) (Cortex-X4 3.25 GHz + 2.85 GHz x 3 + Cortex-A720 2.0 GHz x 4 + "
            "Mali-G720-Immortalis MC12)",
            (3.25 * 32 + 3 * 2.85 * 32 + 4 * 2.0 * 16) / 1e3,
        ),
        (
            "Radxa Orion O6 (Big Cortex\u2011A720 2.6Ghz x4 + Medium Cortex\u2011A720 x 4 + Little Cortex\u2011A520 x 4"
            " + Arm Immortals G720 MC10 GPU 1.1Ghz)",
            (8 * 2.6 * 16 + 4 * 2.0 * 8) / 1e3,
        ),
        ("Qualcomm Snapdragon X Elite (X1E78100), Oryon 3.4GHz x 12 + Adreno X1-85", 12 * 3.4 * 32 / 1e3),
        ("Station P2, Rockchip RK3568 (Cortex-A55 2.0GHz x 4)", 4 * 2.0 * 8 / 1e3),
        ("VisionFive2 , JH7110 (SiFive-U74(RV64GC) 1.5GHz x 4) riscv64 with PowerVR BXE-4-32", 4 * 1.5 * 2 / 1e3),
        ("Sunway SW831 (sw_64 2.5GHz * 8)", 8 * 2.5 * 16 / 1e3),
        ("Spacemit M1 (Spacemit X60 *8 + PowerVR B-Series BXE-2-32 MC1)", 8 * 1.6 * 16 / 1e3),
        ("Mystery phone: 2 x Cortex-A78 @ 2.2GHz; 6 x Cortex-A55 @ 2.0GHz", (2 * 2.2 * 16 + 6 * 2.0 * 8) / 1e3),
        ("Neoverse-N1", 4 * 2.6 * 16 / 1e3),
        # x86: clock, cores and micro-architecture from the words
        ("Intel Celeron M 420 (Yonah 1.60 GHz x 1)", 1.6 * 4 / 1e3),
        ("AMD Ryzen Embedded V1605B (Zen 2.0 GHz ~ 3.6 GHz x 4 + Radeon Vega 8 1.1GHz 8CU)", 4 * 2.8 * 16 / 1e3),
        ("AMD Ryzen Threadripper 3970X (Zen2 3.7 GHz ~ 4.5 GHz x 32)", 32 * 4.1 * 32 / 1e3),
        ("Intel Xeon CPU @ 2.20GHz (2 vCPU)", 1 * 2.2 * 32 / 1e3),
        ("x86_64 CPU (model unknown) (2 vCPU)", 1 * 2.6 * 32 / 1e3),
        ("Intel Core Processor (Haswell, no TSX) (haswell)", 4 * 3.3 * 32 / 1e3),
        ("AMD Eng Sample 8-Core Processor (znver4)", 8 * 4.2 * 32 / 1e3),
        ("Intel Xeon Gold 6299 CPU @ 2.50GHz (cascadelake)", 32 * 2.5 * 64 / 1e3),
    ],
)
def test_reads_descriptions(text: str, tflops: float) -> None:
    device = described(text)
    assert device is not None
    assert device.derived
    assert device.rates["fp32"] == pytest.approx(tflops, rel=1e-6)
    assert device.source.startswith("derived from the description: ")
    assert device.bandwidth_gb_s is not None
    assert device.bandwidth_gb_s > 0


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("13th Gen Intel(R) Core(TM) i7-13700H @ 2.40GHz (alderlake)", "Intel Core i7-13700H"),
        ("Intel(R) Xeon(R) CPU E5-2697 v2 @ 2.70GHz (ivybridge)", "Intel Xeon E5-2697 v2"),
        ("Intel® Core™ i7-13700K of Desktop[2023-10-12]", "Intel Core i7-13700K"),
        ("Intel Xeon Platinum 8480+ 56-Core Processor", "Intel Xeon Platinum 8480+"),
        ("Intel Core Ultra 7 155H CPU", "Intel Core Ultra 7 155H"),
        ("2x Intel Xeon E5-2630 v3", "Intel Xeon E5-2630 v3"),
        ("AMD Ryzen 7 5800H with Radeon Graphics (znver3)", "AMD Ryzen 7 5800H"),
        ("AMD Ryzen 9 5950X 16-Core Processor (znver3)", "AMD Ryzen 9 5950X"),
        ("AMD Ryzen 9 7940HS w/ Radeon 780M Graphics (znver4)", "AMD Ryzen 9 7940HS"),
        ("AMD Ryzen Threadripper PRO 3955WX 16-Cores (znver2)", "AMD Ryzen Threadripper PRO 3955WX"),
        ("AMD FX(tm)-8320 Eight-Core Processor (bdver2)", "AMD FX-8320"),
        ("AMD Opteron(tm) Processor 6378 (bdver2)", "AMD Opteron 6378"),
        ("AMD EPYC 7742 (2.25GHz) ubuntu 22.04", "AMD EPYC 7742 ubuntu 22.04"),
        ("Ryzen 9 5950X CPU", "AMD Ryzen 9 5950X"),
        ("Intel  Xeon  Max 9480", "Intel Xeon Max 9480"),
        ("Apple M4 Max 12P+4E", "Apple M4 Max"),
        ("Raspberry Pi 5", "Raspberry Pi 5"),
    ],
)
def test_cpu_name_reaches_the_product(text: str, product: str) -> None:
    assert cpu_name(text) == product


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Google Pixel 3", "Snapdragon 845 CPU"),
        ("Samsung Galaxy S7", "Exynos 8890 CPU"),
        ("Essential PH-1", "Snapdragon 835 CPU"),
        ("OrangePi5, Rockchip RK3588s (Quad Core A76 2.4GHz + Quad Core A55 1.8GHz)", "Rockchip RK3588 CPU"),
        ("Raspberry Pi 4 Model B Rev 1.1", "Raspberry Pi 4"),
        ("NVIDIA Carmel CPU (Jetson AGX Xavier)", "NVIDIA Jetson AGX Xavier CPU"),
        ("Apple M1 Ultra 16P+4E", "Apple M1 Ultra CPU"),
        ("Snapdragon 8 Elite", "Snapdragon 8 Elite CPU"),
        ("Hyper-V Linux Guest with GPU-PV enabled (Intel Core i7-7700K, GeForce GTX 1050 Ti)", "Intel Core i7-7700K"),
        ("AMD EPYC 7742 (2.25GHz) ubuntu 22.04 AOCC_4.2.0-Build#89", "AMD EPYC 7742"),
        ("11th Gen Intel Core i5-1135G7 @ 2.40GHz (tigerlake)", "Intel Core i5-1135G7"),
        ("Intel Xeon GOLD 6538Y+", "Intel Xeon Gold 6538Y+"),
    ],
)
def test_known_products_keep_their_identity(text: str, name: str) -> None:
    device = derive(text, "cpu")
    assert device is not None
    assert device.name == name
    assert not device.derived
    assert match(text, "cpu") == device


@pytest.mark.parametrize(
    ("text", "processor", "cores"),
    [
        ("AWS c7g.2xlarge", "AWS Graviton3", 8),
        ("AWS m5.12xlarge (Intel Xeon Platinum 8175M)", "Intel Xeon Platinum 8175M", 24),
        ("Standard_D16ds_v5", "Intel Xeon Platinum 8370C", 8),
        ("Microsoft Azure Standard D32ps v6 Instance", "Microsoft Azure Cobalt 100", 32),
        ("gcp t2a-standard-16", "Ampere Altra Q80-30", 16),
        ("Intel Xeon Platinum 8488C (4 vCPU)", "Intel Xeon Platinum 8488C", 2),
    ],
)
def test_cloud_instances_get_their_share(text: str, processor: str, cores: int) -> None:
    device, whole = derive(text, "cpu"), catalog()[processor]
    assert device is not None
    assert device.derived
    assert device.cores == cores
    assert whole.cores is not None
    assert device.rates["fp32"] == pytest.approx(whole.rates["fp32"] * cores / whole.cores)


def test_every_processor_of_the_cloud_table_is_known() -> None:
    unknown = [p for p in derived._CLOUD.values() if derived._product(p.removesuffix(":1")) is None]
    assert unknown == []


@pytest.mark.parametrize(
    "text",
    [
        "Rockchip RK3399 (Cortex-A72 1.8GHz x 2 + Cortex-A53 1.5GHz x 4) [Vulkan GPU]",
        "iPhone X (WebGL GPU)",
        "Intel Core i7-1185G7 (CPU+iGPU)",
        "Intel Core Ultra 7 155H NPU",
        "host CPU of NVIDIA Turing GPU (unstated)",
        "NVIDIA GeForce RTX 3090",
        "Desktop Linux",
        "nan",
        "",
    ],
)
def test_what_says_nothing_of_a_processor_gives_none(text: str) -> None:
    assert derive(text, "cpu") is None


@pytest.mark.parametrize("platform", ["other", "cuda", None])
def test_only_platforms_that_run_on_processors_are_answered(platform: str | None) -> None:
    assert derive("Board (Cortex-A72 1.8GHz x 2)", platform) is None


def test_openvino_runs_on_the_processor_too() -> None:
    assert derive("Board (Cortex-A72 1.8GHz x 2)", "openvino") == derive("Board (Cortex-A72 1.8GHz x 2)", "cpu")


@pytest.mark.parametrize("platform", ["cpu", "openvino"])
def test_a_virtual_machine_has_its_share_of_the_processor(platform: str) -> None:
    whole, share = match("AMD EPYC 7551", platform), match("AMD EPYC 7551 (8 vCPU)", platform)
    assert whole is not None
    assert share is not None
    assert share.rates["fp32"] == pytest.approx(whole.rates["fp32"] * 4 / 32)


FRAGMENTS = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            "( ) + , ; @ x * GHz 2.4GHz 0GHz 999999999GHz x4 x0 (znver4) Cortex-A72 A76 Kryo 485 Quad Core vCPU 9999 "
            "Intel AMD Ryzen Xeon E5-2697 v9 i7- i9-99999 EPYC 7XX9 AWS c5.999xlarge Standard_D0as_v9 n2-standard-0 "
            "1e999 ٣ ² × – (R) CPU @ Snapdragon".split()
        ),
    ),
    max_size=12,
).map(" ".join)


@given(FRAGMENTS)
def test_never_raises_and_never_invents_nonsense(text: str) -> None:
    device = derive(text, "cpu")
    if device is not None:
        assert all(0 < rate < math.inf for rate in device.rates.values())
        assert device.source
        assert device.cores
    assert isinstance(cpu_name(text), str)


@given(st.sampled_from([d.name for d in catalog().values() if d.kind == "cpu"]))
def test_a_product_name_finds_its_product(name: str) -> None:
    device = derive(name, "cpu") if not derived._GPU.search(name) else catalog()[name]
    assert device is not None
    assert device.name == name or "AWS" in name or "Azure" in name


TABLE = Path(__file__).parents[2] / "shared" / "data" / "measurements.parquet"


@pytest.mark.skipif(not TABLE.exists(), reason="the shared measurement table is not beside this repository")
def test_nearly_all_measured_processors_resolve() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(TABLE, columns=["hardware", "device"]).to_pydict()
    for platform in ("cpu", "qnn"):
        counts = Counter(d for h, d in zip(table["hardware"], table["device"], strict=True) if h == platform)
        found = sum(n for device, n in counts.items() if device and match(str(device), platform))
        assert found > 0.95 * sum(counts.values()), platform
