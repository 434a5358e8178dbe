"""Detection: every platform of the vocabulary, whether this machine has it, and which catalog device it is."""

from __future__ import annotations

from hwpredict.measure.accelerators import detect_other, detect_tpu
from hwpredict.measure.amd import detect_amd
from hwpredict.measure.apple import detect_apple
from hwpredict.measure.browser import BrowserAnswer, ask_browser, detect_web, find_browser
from hwpredict.measure.cpu import detect_cpu
from hwpredict.measure.nvidia import detect_nvidia
from hwpredict.measure.probes import Probes
from hwpredict.measure.report import FoundDevice, HardwareReport, available
from hwpredict.measure.software import detect_openvino, detect_qualcomm, detect_software
from hwpredict.workload import Platform


def detect(
    probes: Probes | None = None, *, browser: bool = True, answer: BrowserAnswer | None = None
) -> HardwareReport:
    """Find out what this machine has.

    Parameters
    ----------
    probes : Probes, optional
        What may be asked; by default this machine.
    browser : bool
        Whether a browser may be started to ask for WebGPU and WebNN (some seconds).
    answer : BrowserAnswer, optional
        A browser's answer that is already there.

    Returns
    -------
    HardwareReport
        A mapping from platform to report, in the order of :class:`hwpredict.workload.Platform`.
    """
    probes = probes or Probes()
    cpu = detect_cpu(probes)
    software = detect_software(probes)
    cuda, rocm, mps = detect_nvidia(probes), detect_amd(probes), detect_apple(probes)
    openvino = detect_openvino(probes, cpu)
    if answer is None:
        answer = ask_browser(find_browser(probes.environ)) if browser else BrowserAnswer(reason="no browser was asked")
    gpus = tuple(d for report in (cuda, rocm, mps) for d in report.devices)
    gpus += tuple(d for d in openvino.devices if d.details.get("openvino", "").startswith("GPU"))
    webnn, webgpu = detect_web(answer, gpus)
    name = cpu.description or probes.machine
    host = FoundDevice(name, str(Platform.CPU), cpu.usable_memory_mb, {"isa": " ".join(cpu.isa)} if cpu.isa else {})
    reports = (
        cuda,
        rocm,
        mps,
        available(str(Platform.CPU), "this process runs on it", host),
        openvino,
        webnn,
        webgpu,
        detect_qualcomm(probes, cpu, software),
        detect_tpu(probes),
        detect_other(probes),
    )
    return HardwareReport(cpu, reports, software)
