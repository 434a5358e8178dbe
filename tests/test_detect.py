"""Detection on machines that are not here: recorded answers, written by hand in the form that each system gives."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from hwpredict.measure.amd import detect_amd
from hwpredict.measure.apple import detect_apple
from hwpredict.measure.browser import BrowserAnswer, ask_browser, detect_web, find_browser
from hwpredict.measure.cgroup import Limits, limits
from hwpredict.measure.cpu import CpuInfo, detect_cpu
from hwpredict.measure.detect import detect
from hwpredict.measure.nvidia import detect_nvidia
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, Status
from hwpredict.workload import Platform

NO_BROWSER = BrowserAnswer(reason="no browser was asked")


def machine(
    system: str = "Linux",
    files: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    modules: Mapping[str, Any] | None = None,
    *,
    architecture: str = "x86_64",
    environ: Mapping[str, str] | None = None,
    affinity: frozenset[int] | None = None,
) -> Probes:
    """A machine that has these files, answers these commands (by their first word) and has these modules."""
    files, commands, modules = files or {}, commands or {}, modules or {}

    def get(table: Mapping[str, Any], key: str) -> Any:
        if key not in table:
            raise NotObtainedError(f"{key} is not there")
        return table[key]

    def paths(pattern: str) -> list[str]:
        # like a shell: a star does not cross a slash, and a directory is there if something is in it
        depth = pattern.count("/")
        prefixes = {"/".join(path.split("/")[: depth + 1]) for path in files}
        return sorted(p for p in prefixes if p.count("/") == depth and fnmatch.fnmatchcase(p, pattern))

    def run(command: Sequence[str]) -> str:
        return str(get(commands, command[0]))

    return Probes(
        system=system,
        machine=architecture,
        read=lambda path: str(get(files, path)),
        glob=paths,
        run=run,
        load=lambda name: get(modules, name),
        environ=environ or {},
        affinity=affinity,
    )


def matched(report: PlatformReport) -> str | None:
    """Catalog name of the first device of a platform."""
    known = report.devices[0].catalog
    return known.name if known else None


def cpuinfo(count: int, flags: str = "fpu sse2 avx2 fma f16c", **fields: str) -> str:
    """/proc/cpuinfo of an x86 machine with one socket and two threads a core."""
    said = {"vendor_id": "GenuineIntel", "cpu family": "6", "model": "143", "stepping": "8", "cpu MHz": "2000.0"}
    said |= {key.replace("_", " ") if key != "vendor_id" else key: value for key, value in fields.items()}
    blocks = []
    for index in range(count):
        own = {"processor": str(index), **said, "physical id": "0", "core id": str(index // 2), "flags": flags}
        blocks.append("\n".join(f"{key}\t: {value}" for key, value in own.items()))
    return "\n\n".join(blocks) + "\n"


SAPPHIRE = cpuinfo(
    8,
    "fpu avx avx2 fma avx512f avx512_vnni avx512_bf16 amx_tile amx_int8 amx_bf16 hypervisor",
    model_name="Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
)


# --- processors -------------------------------------------------------------------------------------------------------


def test_a_virtual_xeon_is_a_share_of_the_product_with_amx() -> None:
    cpu = detect_cpu(machine(files={"/proc/cpuinfo": SAPPHIRE, "/proc/meminfo": "MemTotal:       32000000 kB\n"}))
    assert (cpu.cores, cpu.threads, cpu.microarchitecture, cpu.virtual) == (4, 8, "sapphirerapids", True)
    assert {"AVX-512", "AVX-512 VNNI", "AMX", "AMX INT8"} <= set(cpu.isa)
    assert cpu.memory_mb == pytest.approx(32768)
    assert cpu.ghz == 2.7
    device = FoundDevice(cpu.description, "cpu").catalog
    assert device is not None
    assert device.cores == 4
    assert "8481C" in device.source


def test_a_hidden_product_name_is_described_by_its_core() -> None:
    text = cpuinfo(2, vendor_id="AuthenticAMD", cpu_family="23", model="49", model_name="AMD EPYC", cpu_MHz="2250.0")
    cpu = detect_cpu(machine(files={"/proc/cpuinfo": text.replace("core id\t: 0", "core id\t: 1", 1)}))
    assert cpu.microarchitecture == "znver2"
    device = FoundDevice(cpu.description, "openvino").catalog
    assert device is not None
    assert device.derived
    assert device.rates["fp32"] == pytest.approx(2 * 2.25 * 32 / 1e3)


def test_an_arm_server_has_neon_and_its_core_type() -> None:
    features = "fp asimd asimdhp asimddp sve i8mm bf16"
    block = f"processor\t: {{}}\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\nFeatures\t: {features}\n"
    text = "\n".join(block.format(i) for i in range(4))
    cpu = detect_cpu(machine(files={"/proc/cpuinfo": text}, architecture="aarch64"))
    assert (cpu.microarchitecture, cpu.cores) == ("Neoverse-V1", 4)
    assert {"NEON", "SVE", "BF16", "I8MM"} <= set(cpu.isa)
    assert FoundDevice(cpu.description, "cpu").catalog is not None


def test_a_raspberry_pi_is_known_by_its_board() -> None:
    block = "processor\t: {}\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\nFeatures\t: fp asimd\n"
    files = {
        "/proc/cpuinfo": "\n".join(block.format(i) for i in range(4)),
        "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\x00",
    }
    found = FoundDevice(detect_cpu(machine(files=files)).description, "cpu").catalog
    assert found is not None
    assert found.name == "Raspberry Pi 4"


MAC = """hw.memsize: 68719476736
hw.physicalcpu: 16
hw.logicalcpu: 16
hw.optional.neon: 1
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
machdep.cpu.brand_string: Apple M3 Max
"""


def test_a_mac() -> None:
    probes = machine("Darwin", commands={"sysctl": MAC, "ioreg": '  "gpu-core-count" = 40\n'}, architecture="arm64")
    cpu = detect_cpu(probes)
    assert (cpu.name, cpu.cores, cpu.memory_mb) == ("Apple M3 Max", 16, pytest.approx(68719.476736))
    assert cpu.isa == ("NEON", "BF16")
    gpu = detect_apple(probes)
    assert matched(gpu) == "Apple M3 Max (40-core GPU)"
    report = detect(probes, answer=NO_BROWSER)
    assert [p for p in report if report[p]] == ["mps", "cpu"]
    assert [t.platform for t in report.targets()] == ["mps", "cpu"]


def test_an_intel_mac_is_not_known_to_have_metal() -> None:
    text = "machdep.cpu.brand_string: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\nhw.optional.avx2_0: 1\n"
    probes = machine("Darwin", commands={"sysctl": text})
    assert detect_apple(probes).status is Status.UNKNOWN
    assert detect_cpu(probes).isa == ("AVX2",)


def test_windows() -> None:
    said = {
        "name": "AMD Ryzen 7 7700X 8-Core Processor",
        "mhz": 4501,
        "memory": 34_359_738_368,
        "cores": 8,
        "threads": 16,
    }
    cpu = detect_cpu(machine("Windows", commands={"powershell": json.dumps(said)}))
    assert (cpu.name, cpu.cores, cpu.usable_cores) == ("AMD Ryzen 7 7700X", 8, 8)
    assert detect_cpu(machine("Windows")) == CpuInfo()


def test_an_unreadable_machine_yields_a_report_and_no_error() -> None:
    report = detect(machine("Plan9", architecture="mips"), answer=NO_BROWSER)
    assert list(report) == [str(p) for p in Platform]
    assert [p for p in report if report[p]] == ["cpu"]
    assert report.targets() == []
    assert report.unmatched()[0].name == "mips"
    json.dumps(report.as_dict())


# --- control groups ---------------------------------------------------------------------------------------------------


def test_version_2_of_control_groups_binds_at_the_tightest_level() -> None:
    files = {
        "/proc/self/cgroup": "0::/kubepods/pod1\n",
        "/sys/fs/cgroup/kubepods/pod1/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/kubepods/pod1/memory.max": "4294967296\n",
        "/sys/fs/cgroup/kubepods/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/kubepods/memory.max": "max\n",
    }
    assert limits(machine(files=files)) == Limits(1.5, 4294967296)


def test_version_1_of_control_groups_and_no_limit() -> None:
    files = {
        "/proc/self/cgroup": "4:memory:/docker/a\n1:cpu,cpuacct:/docker/a\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    }
    assert limits(machine(files=files)) == Limits(2.0, 1073741824)
    assert limits(machine()) == Limits()


def test_quota_affinity_and_memory_limit_bound_what_may_be_used() -> None:
    files = {
        "/proc/cpuinfo": SAPPHIRE,
        "/proc/meminfo": "MemTotal:       32000000 kB\n",
        "/proc/self/cgroup": "0::/\n",
        "/sys/fs/cgroup/cpu.max": "250000 100000",
        "/sys/fs/cgroup/memory.max": "2000000000",
    }
    cpu = detect_cpu(machine(files=files, affinity=frozenset(range(6))))
    assert (cpu.usable_threads, cpu.usable_cores, cpu.cpu_limit) == (3, 3, 2.5)
    assert cpu.usable_memory_mb == 2000


@given(st.floats(0.01, 64))
def test_a_quota_is_never_rounded_to_nothing(processors: float) -> None:
    files = {
        "/proc/cpuinfo": SAPPHIRE,
        "/proc/self/cgroup": "0::/\n",
        "/sys/fs/cgroup/cpu.max": f"{max(1, round(processors * 1e5))} 100000",
    }
    usable = detect_cpu(machine(files=files)).usable_threads
    assert usable is not None
    assert 1 <= usable <= 8


# --- GPUs -------------------------------------------------------------------------------------------------------------


class FakeNvml(SimpleNamespace):
    """The calls of nvidia-ml-py that detection makes."""

    class NVMLError(Exception):
        pass

    def __init__(self, *names: str, broken: bool = False, memory: float = 85_899_345_920) -> None:
        super().__init__(names=names, broken=broken, open=False, memory=memory)

    def nvmlInit(self) -> None:
        if self.broken:
            raise self.NVMLError("Driver Not Loaded")
        self.open = True

    def nvmlShutdown(self) -> None:
        self.open = False

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"570.86.15"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.names)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:
        return 8, 0

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(total=self.memory)

    def nvmlDeviceGetName(self, handle: int) -> str:
        return str(self.names[handle])


def test_nvidia_by_nvml() -> None:
    nvml = FakeNvml("NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB")
    report = detect_nvidia(machine(modules={"pynvml": nvml}))
    assert report
    assert not nvml.open
    assert "570.86.15" in report.reason
    assert [d.catalog.name for d in report.devices if d.catalog] == ["NVIDIA A100-SXM4-80GB"] * 2
    assert report.devices[0].memory_mb == pytest.approx(85899.34592)
    whole = detect(machine(modules={"pynvml": nvml}, files={"/proc/cpuinfo": SAPPHIRE}), answer=NO_BROWSER)
    assert [t.name.partition(":")[0] for t in whole.targets()] == ["cuda", "cpu"]  # two equal GPUs are one target


def test_nvidia_by_its_command_and_by_its_kernel_driver() -> None:
    line = "NVIDIA GeForce RTX 4090, 24564, 550.54.14, 8.9\n"
    report = detect_nvidia(machine(modules={"pynvml": FakeNvml(broken=True)}, commands={"nvidia-smi": line}))
    assert matched(report) == "NVIDIA GeForce RTX 4090"
    assert report.devices[0].memory_mb == pytest.approx(24564 * 1.048576)
    file = "/proc/driver/nvidia/gpus/0000:01:00.0/information"
    report = detect_nvidia(machine(files={file: "Model: \t\t Tesla T4\nIRQ: 33\n"}))
    assert matched(report) == "NVIDIA T4"


def test_nvidia_without_a_driver_is_unavailable_and_says_why() -> None:
    bus = {"/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n"}
    assert "no driver answers" in detect_nvidia(machine(files=bus)).reason
    other = {"/sys/bus/pci/devices/0000:01:00.0/vendor": "0x8086\n"}
    assert detect_nvidia(machine(files=other)).status is Status.UNAVAILABLE
    assert detect_nvidia(machine("Windows")).status is Status.UNKNOWN
    assert detect_nvidia(machine("Darwin")).status is Status.UNAVAILABLE


AMD = {
    "/sys/class/drm/card0/device/vendor": "0x1002\n",
    "/sys/class/drm/card0/device/device": "0x744c\n",
    "/sys/class/drm/card0/device/revision": "0xc8\n",
    "/sys/class/drm/card0/device/mem_info_vram_total": "25753026560\n",
    "/sys/class/drm/card0-DP-1/device/vendor": "0x1002\n",
    "/usr/share/libdrm/amdgpu.ids": "1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n",
}


def test_amd_by_sysfs_needs_the_compute_driver() -> None:
    report = detect_amd(machine(files=AMD))
    assert report.status is Status.UNAVAILABLE
    assert "/dev/kfd" in report.reason
    report = detect_amd(machine(files=AMD | {"/dev/kfd": ""}))
    assert report
    assert [(d.catalog and d.catalog.name, d.memory_mb) for d in report.devices] == [
        ("AMD Radeon RX 7900 XTX", pytest.approx(25753.02656))
    ]
    assert detect_amd(machine()).status is Status.UNKNOWN


def test_an_amd_gpu_without_a_name_keeps_its_number() -> None:
    nameless = {k: v for k, v in AMD.items() if "libdrm" not in k} | {"/dev/kfd": ""}
    found = detect_amd(machine(files=nameless)).devices[0]
    assert found.name == "AMD GPU 1002:744c"
    assert found.catalog is None


def test_amd_by_amdsmi() -> None:
    smi = SimpleNamespace(
        AmdSmiException=RuntimeError,
        amdsmi_init=lambda: None,
        amdsmi_shut_down=lambda: None,
        amdsmi_get_processor_handles=lambda: [0],
        amdsmi_get_gpu_asic_info=lambda h: {"market_name": "AMD Instinct MI300X", "target_graphics_version": "gfx942"},
        amdsmi_get_gpu_vram_info=lambda h: {"vram_size": 196592},
    )
    report = detect_amd(machine(files={"/dev/kfd": ""}, modules={"amdsmi": smi}))
    assert matched(report) == "AMD Instinct MI300X"
    assert report.devices[0].details == {"gfx": "gfx942"}


# --- runtimes, accelerators, browsers ---------------------------------------------------------------------------------


class FakeCore:
    """OpenVINO's Core of a laptop."""

    available_devices = ("CPU", "GPU", "NPU")

    def get_property(self, device: str, name: str) -> Any:
        if name == "OPTIMIZATION_CAPABILITIES":
            return ["FP32", "INT8"]
        if name == "GPU_DEVICE_TOTAL_MEM_SIZE":
            return 60_000_000_000
        if name == "DEVICE_TYPE":
            return "Type.INTEGRATED"
        names = {
            "CPU": "Intel(R) Core(TM) Ultra 7 155H",
            "GPU": "Intel(R) Arc(TM) Graphics (iGPU)",
            "NPU": "Intel(R) AI Boost",
        }
        return names[device]


def test_a_laptop_with_openvino_onnxruntime_and_torch() -> None:
    modules = {
        "openvino": SimpleNamespace(Core=FakeCore, __version__="2026.4.1"),
        "onnxruntime": SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider"], __version__="1.32.0"),
        "torch": SimpleNamespace(
            __version__="2.14.1",
            version=SimpleNamespace(hip=None),
            cuda=SimpleNamespace(is_available=lambda: False),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
            xpu=SimpleNamespace(is_available=lambda: True),
        ),
    }
    text = cpuinfo(22, model="170", model_name="Intel(R) Core(TM) Ultra 7 155H")
    files = {"/proc/cpuinfo": text, "/proc/meminfo": "MemTotal:       32000000 kB\n"}
    report = detect(machine(files=files, modules=modules), answer=NO_BROWSER)
    names = [d.catalog.name if d.catalog else None for d in report["openvino"].devices]
    assert [d.memory_mb for d in report["openvino"].devices] == [32768] * 3  # shared, whatever the GPU says it has
    assert names[0] == "Intel Core Ultra 7 155H"
    assert names[2] == "Intel Core Ultra 7 155H NPU"
    backends = {s.name: s.backends for s in report.software}
    assert backends == {
        "onnxruntime": ("CPUExecutionProvider",),
        "openvino": ("CPU", "GPU", "NPU"),
        "torch": ("cpu", "xpu"),
    }


def test_a_runtime_that_fails_is_reported_not_raised() -> None:
    def fail() -> list[str]:
        raise RuntimeError("libcudart.so.13: cannot open shared object file")

    broken = SimpleNamespace(get_available_providers=fail, __version__="1.32.0")
    report = detect(machine(modules={"onnxruntime": broken}), answer=NO_BROWSER)
    assert "libcudart" in report.software[0].reason


def test_intel_hardware_without_openvino_is_hinted_at() -> None:
    bus = "/sys/bus/pci/devices/0000:00:02.0"
    report = detect(machine(files={f"{bus}/vendor": "0x8086", f"{bus}/class": "0x030000"}), answer=NO_BROWSER)
    assert "a GPU of Intel's is there" in report["openvino"].reason


def test_cloud_accelerators_and_snapdragon() -> None:
    environ = {"TPU_ACCELERATOR_TYPE": "v5litepod-8"}
    neuron = {"/dev/neuron0": "", "/sys/devices/virtual/dmi/id/product_name": "inf2.xlarge\n"}
    report = detect(machine(files=neuron, environ=environ), answer=NO_BROWSER)
    assert matched(report["tpu"]) == "Google TPU v5e"
    assert matched(report["other"]) == "AWS Inferentia2"
    assert report["qnn"].status is Status.UNAVAILABLE
    said = json.dumps(
        {"name": "Snapdragon(R) X Elite - X1E80100 - Qualcomm(R) Oryon(TM) CPU", "cores": 12, "threads": 12}
    )
    runtime = SimpleNamespace(get_available_providers=lambda: ["QNNExecutionProvider"], __version__="1.32.0")
    windows = machine("Windows", commands={"powershell": said}, modules={"onnxruntime": runtime})
    assert matched(detect(windows, answer=NO_BROWSER)["qnn"]) == "Snapdragon X Elite"


def adapter(**said: Any) -> dict[str, Any]:
    empty = {"vendor": "", "architecture": "", "device": "", "description": "", "fallback": False}
    return {"webgpu": {"api": True, "adapter": empty | said, "f16": True}, "webnn": {"api": False}}


def test_a_browser_names_a_maker_and_the_driver_the_product() -> None:
    gpu = FoundDevice("NVIDIA GeForce RTX 3060", "cuda")
    webnn, webgpu = detect_web(BrowserAnswer("chrome", adapter(vendor="nvidia", architecture="ampere")), (gpu,))
    assert matched(webgpu) == "NVIDIA GeForce RTX 3060"
    assert webgpu.devices[0].details["shader_f16"] == "True"
    assert webnn.status is Status.UNAVAILABLE


def test_a_software_adapter_is_no_gpu() -> None:
    for said in (adapter(fallback=True), adapter(description="SwiftShader Device (Subzero)")):
        assert detect_web(BrowserAnswer("chrome", said))[1].status is Status.UNAVAILABLE
    assert all(r.status is Status.UNKNOWN for r in detect_web(NO_BROWSER))


def test_webnn_contexts() -> None:
    said = adapter(vendor="apple", description="Apple M3 GPU")
    said["webnn"] = {"api": True, "contexts": ["cpu", "gpu"]}
    webnn, _ = detect_web(BrowserAnswer("chrome", said))
    assert webnn
    assert "cpu, gpu" in webnn.reason


def test_a_browser_that_is_missing_or_broken_is_told_of() -> None:
    assert find_browser({}, which=lambda name: None) is None
    assert find_browser({"CHROME_PATH": "/x/chrome"}, which=lambda name: name) == "/x/chrome"
    assert "no browser" in ask_browser(None).reason
    assert "does not start" in ask_browser("/no/such/browser").reason
    assert "gave no answer" in ask_browser("/bin/false", timeout=5).reason


def test_this_machine() -> None:
    report = detect(browser=False)
    assert report["cpu"]
    assert report.cpu.usable_threads
    json.dumps(report.as_dict())
