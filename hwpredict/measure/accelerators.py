"""Datacenter accelerators besides GPUs: Google TPU, AWS Neuron, Intel Gaudi."""

from __future__ import annotations

import re

from hwpredict.measure.pci import devices_of, present
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, available, not_known, unavailable
from hwpredict.workload import Platform

_GOOGLE, _HABANA = 0x1AE0, 0x1DA3
#: First part of ``TPU_ACCELERATOR_TYPE`` on a TPU virtual machine (Google Cloud TPU documentation).
_TPU_TYPES = {
    "v2": "TPU v2",
    "v3": "TPU v3",
    "v4": "TPU v4",
    "v5litepod": "TPU v5e",
    "v5p": "TPU v5p",
    "v6e": "TPU v6e",
}
#: PCI device numbers of Gaudi (drivers/accel/habanalabs in Linux).
_GAUDI = {0x1000: "Gaudi", 0x1020: "Gaudi2", 0x1060: "Gaudi3"}


def detect_tpu(probes: Probes) -> PlatformReport:
    """Find a Google TPU: by the environment of a TPU virtual machine, else on the PCI bus.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    PlatformReport
        Of platform ``tpu``.
    """
    platform = str(Platform.TPU)
    kind = probes.environ.get("TPU_ACCELERATOR_TYPE", "").partition("-")[0]
    if kind in _TPU_TYPES:
        return available(platform, f"TPU_ACCELERATOR_TYPE is {kind}", FoundDevice(_TPU_TYPES[kind], platform))
    on_bus = present(probes, _GOOGLE)
    if on_bus and probes.glob("/dev/accel*"):
        return available(platform, "a Google accelerator on the PCI bus; its generation is not stated")
    if on_bus is None and probes.system == "Linux":
        return not_known(platform, "no TPU_ACCELERATOR_TYPE, and the PCI bus cannot be seen")
    return unavailable(platform, "no TPU_ACCELERATOR_TYPE in the environment and no Google device on the PCI bus")


def detect_other(probes: Probes) -> PlatformReport:
    """Find AWS Neuron and Intel Gaudi devices.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    PlatformReport
        Of platform ``other``; unknown rather than unavailable, since other accelerators are not looked for.
    """
    platform = str(Platform.OTHER)
    found = _neuron(probes, platform) + [
        FoundDevice(_GAUDI[number], platform)
        for directory in devices_of(probes, _HABANA)
        if (number := probes.number(f"{directory}/device")) in _GAUDI
    ]
    if found:
        return available(platform, "kernel driver" if found[0].details else "PCI bus", *found)
    return not_known(platform, "no AWS Neuron and no Gaudi device; other accelerators are not looked for")


def _neuron(probes: Probes, platform: str) -> list[FoundDevice]:
    nodes = [node for node in probes.glob("/dev/neuron*") if re.search(r"neuron\d+$", node)]
    if not nodes:
        return []
    try:
        instance = probes.read("/sys/devices/virtual/dmi/id/product_name").strip()
    except NotObtainedError:
        instance = ""
    families = {"inf1": "Inferentia", "inf2": "Inferentia2", "trn1": "Trainium", "trn2": "Trainium2"}
    name = families.get(instance.partition(".")[0][:4], "AWS Neuron device")
    return [FoundDevice(name, platform, None, {"instance": instance, "node": node}) for node in nodes]
