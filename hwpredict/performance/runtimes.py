"""Runtimes as they are spelt in benchmark tables, reduced to a framework.

A framework (PyTorch, TensorRT, llama.cpp …) is a level of pooling; the exact spelling and version remain levels of
their own below it.
"""

from __future__ import annotations

import re
from functools import cache

#: First match wins, on the lower-cased runtime. Wrappers are filed under the engine that does the arithmetic.
_RULES: tuple[tuple[str, str], ...] = (
    (r"ctranslate", "ctranslate2"),
    (r"fastertransformer", "fastertransformer"),
    (r"neuron", "neuron"),
    (r"ollama|llama|localscore|lm-studio|unsloth|docker-model", "llama.cpp"),
    (r"mlx|dflash", "mlx"),
    (r"whisper\.cpp", "whisper.cpp"),
    (r"stable-diffusion|sd\.?next|^webui|^automatic|^url-", "sd-webui"),
    (r"vllm", "vllm"),
    (r"sglang", "sglang"),
    (r"trtllm|tensorrt-llm|tensorrt_llm", "tensorrt-llm"),
    (r"tgis|tgi", "tgi"),
    (r"deepspeed", "deepspeed"),
    (r"openvino", "openvino"),
    (r"tensorrt|jetpack|jetson|^cuda \d|connecttech|triton", "tensorrt"),
    (r"onnx", "onnxruntime"),
    (r"deepsparse|neural magic", "deepsparse"),
    (r"armnn", "armnn"),
    (r"tflite|tensorflow[- ]lite|litert|xnnpack", "tflite"),
    (r"tvm", "tvm"),
    (r"mxnet", "mxnet"),
    (r"ncnn", "ncnn"),
    (r"coreml", "coreml"),
    (r"qnn|snapdragon|qualcomm|^genie", "qnn"),
    (r"tensorflow|^tf$|^tf |^tf\d|keras", "tensorflow"),
    (r"paddle", "paddle"),
    (r"wasm|webgl|webgpu|webnn|tfjs|transformers\.js", "browser"),
    (r"hugectr|merlin", "hugectr"),
    (r"\bdgl\b", "dgl"),
    (r"jax|maxtext|sax|^flax", "jax"),
    (r"torch7|torch-7|\(torch\)|cudnn\[", "torch7"),
    (r"torch|huggingface|transformers|megatron|diffusers|^ipex|^nemo|^ngc", "pytorch"),
    (r"caffe", "caffe"),
)
_COMPILED = re.compile(r"compile|dynamo|xla|inductor|torchscript|hybrid|trace")


def _ruled(text: str) -> str | None:
    return next((name for pattern, name in _RULES if re.search(pattern, text)), None)


@cache
def known(runtime: str) -> bool:
    """Whether a rule names the framework of a runtime, so that it is pooled with others of that framework."""
    return _ruled(runtime.casefold().strip()) is not None


@cache
def framework(runtime: str) -> str:
    """Framework of a runtime; the leading word of the spelling where no rule knows it, ``"unstated"`` if empty."""
    text = runtime.casefold().strip()
    if not text:
        return "unstated"
    found = _ruled(text)
    if found is not None:
        return found
    lead = re.match(r"[a-z]+", text)
    return lead.group() if lead else "unstated"


@cache
def compiled(runtime: str) -> bool:
    """Whether the runtime compiles the graph ahead of running it (torch.compile, XLA, TorchScript …)."""
    return bool(_COMPILED.search(runtime.casefold()))
