"""Words of other tools in our vocabulary: platforms of devices and providers, number formats, kinds of models."""

from __future__ import annotations

import re
from functools import cache

from hwpredict.catalog import devices, models
from hwpredict.workload import PRECISIONS, Family, Item, Platform

_PLATFORMS: tuple[tuple[str, Platform], ...] = (
    (r"nvidia|geforce|quadro|tesla|\brtx\b|\bgtx\b|jetson|orin", Platform.CUDA),
    (r"instinct|radeon|\bmi\d{3}", Platform.ROCM),
    (r"\btpu\b", Platform.TPU),
    (r"\bapple\b|^m[1-9]\b", Platform.MPS),
    (r"snapdragon|\bqcs\d|\bsa\d{4}p", Platform.QNN),
    (r"xeon|epyc|ryzen|core\(tm\)|\bi[3579]-|graviton|neoverse|cortex", Platform.CPU),
)


@cache
def platform_of(device: str) -> str | None:
    """Platform that usually drives a device, from its name; None when nothing is known of it."""
    text = device.lower()
    for pattern, platform in _PLATFORMS:
        if re.search(pattern, text):
            return str(platform)
    found = devices.match(device)
    return found.platforms[0] if found is not None else None


#: Execution providers of ONNX Runtime, and the words of its tools for them.
PROVIDERS = {
    "cpu": Platform.CPU, "dnnl": Platform.CPU, "mlas": Platform.CPU, "xnnpack": Platform.CPU, "cuda": Platform.CUDA,
    "tensorrt": Platform.CUDA, "nvtensorrtrtx": Platform.CUDA, "rocm": Platform.ROCM, "migraphx": Platform.ROCM,
    "openvino": Platform.OPENVINO, "coreml": Platform.MPS, "qnn": Platform.QNN, "webgpu": Platform.WEBGPU,
    "webnn": Platform.WEBNN, "dml": Platform.OTHER, "vulkan": Platform.OTHER,
}  # fmt: skip

#: Backends of ggml (llama.cpp, whisper.cpp).
GGML_BACKENDS = {
    "cuda": Platform.CUDA, "rocm": Platform.ROCM, "hip": Platform.ROCM, "metal": Platform.MPS, "mtl": Platform.MPS,
    "vulkan": Platform.OTHER, "sycl": Platform.OTHER, "opencl": Platform.OTHER, "cann": Platform.OTHER,
    "musa": Platform.OTHER, "cpu": Platform.CPU, "blas": Platform.CPU, "openblas": Platform.CPU, "neon": Platform.CPU,
    "avx2": Platform.CPU, "avx512": Platform.CPU, "coreml": Platform.MPS, "webgpu": Platform.WEBGPU,
    "openvino": Platform.OPENVINO,
}  # fmt: skip

_DTYPES = {
    "float32": "fp32", "float": "fp32", "f32": "fp32", "float16": "fp16", "half": "fp16", "f16": "fp16",
    "bfloat16": "bf16", "float64": "fp64", "double": "fp64", "int8": "int8", "uint8": "int8", "i8": "int8",
    "fp8_e4m3": "fp8", "float8": "fp8", "fp8_e4m3fn": "fp8",
}  # fmt: skip


def precision_of(dtype: object) -> str | None:
    """Number format from the name of a data type ("torch.float16", "<Type: 'float32'>"); None when it says none."""
    text = re.sub(r"^torch\.|<type: '|'>", "", str(dtype or "").strip().lower())
    if text in PRECISIONS:
        return text
    return _DTYPES.get(text)


#: Quantisation of a GGUF file in its name or type: "Q4_K - Medium", "IQ3_XXS", "MXFP4 MoE".
_GGUF = re.compile(
    r"(?<![a-z0-9])(?:(?:ud-)?(?:i?q|tq)([1-8])(?:_[a-z0-9]+)*|(bf16|f16|f32)|(mxfp4))(?![a-z0-9])", re.I
)


def gguf_precision(text: str) -> str | None:
    """Number format of the weights from a quantisation as llama.cpp names it."""
    found = _GGUF.search(text)
    if found is None:
        return None
    if found[3]:
        return "mxfp4"
    return f"int{found[1]}" if found[1] else {"f16": "fp16", "bf16": "bf16", "f32": "fp32"}[found[2].lower()]


def without_quantisation(name: str) -> str:
    """A model's name without the quantisation of the file: "Llama-3.2-1B-Instruct-Q4_K_M" is Llama-3.2-1B-Instruct."""
    return re.sub(r"[-_. ](?:ud-)?(?:(?:i?q|tq)[1-8](?:_[a-z0-9]+)*|bf16|f16|f32|mxfp4)$", "", name, flags=re.I)


def item_of(model: str, family: str | None = None) -> str:
    """What one forward pass of a model counts: an image, a sequence, or a clip of audio."""
    family = family_of(model, family)
    return {Family.VISION: Item.IMAGE}.get(Family(family), Item.SEQUENCE) if family else Item.SEQUENCE


def family_of(model: str, family: str | None = None) -> str | None:
    """Family of a model: as given, else the catalog's; None when neither knows."""
    if family:
        return family
    found = models.match(model)
    return found.family if found is not None else None


def digits(text: str) -> int | None:
    """The first whole number in a text."""
    found = re.search(r"\d+", text)
    return int(found[0]) if found else None
