"""Names of models: the many spellings of one name, and the pooling label of any name.

The functions here know no catalog; :mod:`hwpredict.catalog.models` looks up what they return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

#: Tags of pretrained weights after a dot, which do not change the network ("resnet50.a1_in1k").
_TAG = re.compile(
    r"\.(?=[\w.]*(?:in1k|in12k|in21k|in22k|in22ft1k|laion|openai|webli|lvd|merged2b|metaclip|dfn|datacomp|untrained"
    r"|sa1b|mae|seer|dino))\w+$"
)
#: A part of a model, not an organisation and a model ("whisper_tiny/HfWhisperEncoder", "CLIP-ViT-B/32").
_COMPONENT = re.compile(
    r"^(?:[a-z0-9_]+/\w*(?:(?:en|de)coder\d?|detector|detection|joiner|quantizable|segment|generator|head|classifier"
    r"|value|shrinkage)|[a-z0-9_]+/(?:unet|vae|controlnet|text_encoder)|.*/(?:text|image)-encoder"
    r"|.*[a-z]/\d+(?:@\w+)?)$"
)
_SPACE = re.compile(r"\s+")


def normalise(name: str) -> str:
    """A name in lower case, without organisation, weight tag and decoration.

    Parameters
    ----------
    name : str
        Any name of a model.

    Returns
    -------
    str
        For example "resnet50" for "timm/resnet50.a1_in1k".
    """
    text = name.lower().replace("⭐", " ")
    while True:  # until nothing more goes, so that the name of a name is that name
        shorter = _SPACE.sub(" ", text).strip(" /")
        if "/" in shorter and not _COMPONENT.match(shorter):
            shorter = shorter.rsplit("/", 1)[-1]
        shorter = _TAG.sub("", shorter)
        if shorter == text:
            return text
        text = shorter


_TOKEN = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)*")


@cache
def key(text: str) -> str:
    """What remains of a normalised name when spelling is taken away.

    Letters are joined whatever stands between them; numbers keep a dash between them, and a dot within. So "ResNet-50",
    "resnet_50" and "resnet50" are one, "llama-3.2-1b" and "llama3.2:1b" too, but "llama-2-7b" and "llama-27b" are not.

    Parameters
    ----------
    text : str
        A normalised name.

    Returns
    -------
    str
        The key; empty if the name has neither letters nor digits.
    """
    parts: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        if parts and token[0].isdigit() and parts[-1][-1].isdigit():
            parts.append("-")
        parts.append(token)
    return "".join(parts)


_QUANTISATION = (
    r"(?:ud[-_. ])?(?:i1[-_. ])?(?:i?q\d(?:[-_](?:k|nl|xxs|xs|s|m|l|xl|xxl|\d)){0,4}|tq\d[-_]\d|mxfp[48](?:[-_ ]moe)?"
    r"|nvfp4|[bf]?fp?(?:8|16|32|64)|u?int(?:4|8|16)|w\d+a\d+|\d(?:\.\d)?[- ]?bits?|gptq|awq|gguf|ggml|bnb\d?|qat"
    r"|quanti[sz]ed|dynamic|static|fft|amp|fp4)"
)
_ROLE = r"(?:instruct|chat|it|thinking|base|hf|pt|sft|dpo|preview)(?:[-_ ]2[3-6](?:0[1-9]|1[0-2]))?"
_FRAMEWORK = (
    r"pytorch|torch|torchvision|tf2?|tensorflow2?|caffe2?|mxnet|gluon|onnx|keras|paddle|openvino|tflite|coreml|mlx"
    r"|vllm|ollama|tensorrt|trt|hf|huggingface|deepspeed|pretrained|cf|slim|hub"
)
_TASK = (
    r"squad(?:[- ]?v?[12](?:\.1)?)?|mrpc|sst-?2|qnli|cola|rte|sts-?b|mnli|wnli|qqp|wikitext|lm[- ]head"
    r"|distilled[- ]squad|imagenet(?:[- ]?1k)?|in(?:1|12|21|22)k"
    r"|ssld|wsl|auto[-_]aug|pre-?training|fine-?tun(?:ing|ed)|lora|ph[12]|mlperf|offline|server|99(?:\.9)?|backbone"
)
_SUFFIX = (
    rf"(?:[-_. :]+(?:{_QUANTISATION}|{_ROLE}|{_FRAMEWORK}|{_TASK}|latest)"
    r"|\s*\((?:onnx model zoo|hugging ?face|tf|pytorch|language model)\)|\s*\[\d+x\d+(?:x\d+)?\])$"
)


@cache
def _suffix() -> re.Pattern[str]:
    """The pattern of one thing to take away; it takes milliseconds to compile, and strict look-ups do without."""
    return re.compile(_SUFFIX)


_PREFIX = re.compile(r"^(?:meta|nvidia|huggingface|hf|tf2?|pt|cf|onnx|torchvision|torch|openai|google)[-_. ]+")
#: An LLM's name is over with its size: what follows a blank is how it was run.
_SIZED = re.compile(r"^(\S*\d(?:\.\d+)?[bm](?:-a\d+(?:\.\d+)?b)?(?:-\S*)?) ")
#: The name proper in parentheses behind a plainer one.
_INSIDE = re.compile(r"^[\w -]+ \(([a-z][\w.]*(?:-[\w.]+)+)\)$")
#: "llama-v2", "llama_v3".
_LLAMA_V = re.compile(r"^(llama)[-_ ]?v(?=\d)")
#: Side of the image behind the name of a detector: it is no part of the network.
_YOLO_SIZE = re.compile(r"^(.*yolo.*[a-z0-9])[-_ ](?:320|352|416|448|480|512|544|608|640|1280)(?:x\d{3,4})?$")
#: Labels of one public comparison of engines, which names its two models by their first word and the engine.
_LABELS = (
    (re.compile(r"^qwen3\.5(?: (?!.*\d+b\b)|$)"), "qwen3.5-35b-a3b"),
    (re.compile(r"^coder(?: |$)"), "qwen3-coder-next"),
)
#: A submission to an open division of MLPerf, behind the name of the language model that it changes.
_OPEN = re.compile(r"^((?:llama|mixtral|gpt-?j|deepseek|qwen)[-\w.]*)\[(?:[^\]]*\]\[)?open:")
#: Widths of PaddleClas ("MobileNetV2_x0_5") as timm writes them, and its names of networks that timm has too.
_WIDTH = re.compile(r"^(rexnet|.*[a-z0-9]_x)_?(\d)_(\d{1,2})$")
_PADDLE = (("pplcnetv2", "lcnetv2"), ("pplcnet", "lcnet"), ("pphgnetv2", "hgnetv2"), ("pphgnet", "hgnet"))
#: Versions whose dot was lost ("qwen2_5_7b").
_DOTLESS = re.compile(r"^(qwen|llama|gemma|phi|granite)([-_]?v?)(\d)[-_](\d)(?=[-_]\d|[-_][a-z])")


#: Training configs of OpenMMLab's one-stage detectors: "yolov8_s_syncbn_fast_8xb16-500e_coco". Those for larger images
#: (p6) are other networks.
_CONFIG = re.compile(
    r"(yolov[5678]|yolox|rtmdet|ppyoloe)(?:_plus)?_(nano|tiny|[ntsmlx])[-_](?!.*p6)(?=.*\dxb?\d).*(?:coco|voc)"
)


def candidates(name: str) -> Iterator[str]:
    """Ever shorter forms of a name, to look up in turn: without quantisation, role, framework, task.

    Sizes, versions and words that change a network (pruned, sparse, distilled) are never taken away. Submissions to an
    open division may run another network under a known name, and yield nothing.

    Parameters
    ----------
    name : str
        Any name of a model.

    Yields
    ------
    str
        Normalised names.
    """
    text = normalise(name)
    if "[open" in text:
        return
    yield text
    if "pruned" in text or "sparse" in text:
        return
    for form in (text, _LLAMA_V.sub(r"\1-", _PREFIX.sub("", text))):
        yield from _shortened(form)
    for pattern in (_SIZED, _INSIDE):
        found = pattern.match(text)
        if found:
            yield from _shortened(found[1])
    yield from (model for label, model in _LABELS if label.match(text))
    trained = _CONFIG.match(text)
    if trained:
        yield f"{trained[1]}-{trained[2]}"


def opened(name: str) -> str | None:
    """The language model that a submission to MLPerf's open division says it changed, or None.

    Such submissions quantise or prune a model, or decode it in another way; its size stays the best guess of theirs.
    """
    text = normalise(name)
    found = _OPEN.match(text)
    return found[1] if found and "pruned" not in text else None


def _shortened(text: str) -> Iterator[str]:
    for _ in range(8):
        if not text:
            return
        yield text
        dotted = _DOTLESS.sub(r"\1\2\3.\4", text)
        if dotted != text:
            yield dotted
        yield from _paddle(text)
        yolo = _YOLO_SIZE.match(text)
        if yolo:
            yield yolo[1]
        shorter = _suffix().sub("", text).strip(" -_.:")
        if shorter == text:
            return
        text = shorter


def _paddle(text: str) -> Iterator[str]:
    for ours, theirs in _PADDLE:
        if text.startswith(ours):
            text = theirs + text[len(ours) :]
            yield text
            break
    width = _WIDTH.match(text)
    name = width[1].removesuffix("_x") if width else ""
    if width and re.match(r"mobilenetv?[12]$", name):
        yield f"{name}_{width[2]}.{width[3]}"
    elif width:
        yield f"{name}_{100 * int(width[2]) + int(f'{width[3]:0<2}'):03d}"
