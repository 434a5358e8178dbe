"""What the free text of a row says: its phase, the tokens that it spans, and how the harness was set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import isnan, nan

#: Prompt length of a prefill whose source gives none: the mean of LocalScore's nine shapes (its TTFT rows).
DEFAULT_PROMPT = 1332.0
#: Context of a decode step whose source gives none.
DEFAULT_CONTEXT = 512.0

#: Architectures that make an image or a film by denoising it again and again with one network.
DIFFUSION = frozenset(
    "cogvideox flux hunyuanvideo pixart sana stable-diffusion stable-diffusion-3 stable-diffusion-xl wan".split()
)
#: Denoising steps where nobody states them: those of MLPerf Inference's SDXL and of most quick samplers.
DEFAULT_DENOISING = 20.0
#: Sources whose "image" is one denoising step of one image (it/s of Stable Diffusion WebUI).
COUNTS_DENOISING_STEPS = frozenset({"sd_community"})
#: Architectures of which one item is a whole translation, decoded token by token.
TRANSLATES = frozenset({"hat", "gnmt"})

#: Phases of a workload: what one step is.
FORWARD, PREFILL, DECODE, GENERATE = "forward", "prefill", "decode", "generate"
#: Levels of the effects of prefill for the decoder of a recogniser of speech, and for the first prompt after a start,
#: while kernels are still being loaded.
PROMPT, COLD = "prompt", "cold prompt"


@cache
def phase(item: str, note_head: str, family: str = "", mode: str = "", architecture: str = "") -> str:
    """Phase of a row from its ``item`` and the beginning of its note (``token`` rows say there what they time).

    Inference of a language model that does not say what it counts counts tokens as they are written; a sequence of
    MLPerf's is a whole text that is written, and that of a translator a sentence.
    """
    if mode == "training":
        return FORWARD
    writes = architecture in TRANSLATES or (family == "text_generation" and note_head.startswith("MLPerf"))
    if item == "sequence" and writes:
        return GENERATE
    if not item and family == "text_generation":
        return DECODE
    if item == "token_prefill":
        return PREFILL
    if item in ("token_decode", "token") and note_head.startswith("whole gen"):
        return GENERATE
    if item == "token_decode":
        return DECODE
    if item == "token":
        return PREFILL if note_head.startswith("prefill") else DECODE
    return FORWARD


@dataclass(frozen=True, slots=True)
class Passage:
    """Tokens of one sequence that a row's step covers.

    Attributes
    ----------
    prompt : float
        Tokens that are read at once (prefill, generate).
    generated : float
        Tokens that are decoded one by one (generate), else 0.
    context : float
        Tokens in the KV cache at the middle of decoding, or at the end of a prefill.
    counted : float
        Tokens that throughput counts, per sequence.
    per_token : bool
        Whether latency is that of a whole generation divided by its new tokens.
    """

    prompt: float
    generated: float
    context: float
    counted: float
    per_token: bool = False


_PROMPT = re.compile(
    r"\bpp(\d+)\b(?!-)|\bISL=(\d+)|\binput tokens=(\d+)|\bprompt of (\d+) tokens|^(\d+)-token decoder prompt"
    r"|\bn_p_eval=(\d+)"
)
_DEPTH = re.compile(r"\bdepth=(\d+)")
_EVALUATED = re.compile(r"\bn_p_eval=(\d+); n_eval=(\d+)")
_GENERATE = re.compile(r"input[ =](\d+) output[ =](\d+) tokens|\bpp(\d+)\+tg(\d+)")
_OUTPUT = re.compile(r"output (\d+) tokens.*OUTPUT tokens/s")
_QUEUED = re.compile(r"TTFT")
_NEW = re.compile(r"of (\d+) new tokens incl\. prefill of (\d+)")


def prompt_tokens(note: str) -> float:
    """Prompt length that a note states ("prefill pp512", "ISL=4096"), NaN if it states none."""
    found = _PROMPT.search(note)
    return float(next(g for g in found.groups() if g)) if found else nan


def queued(phase_: str, note: str) -> bool:
    """Whether a prompt waits for those of other users: time to first token of a server under load."""
    return phase_ == PREFILL and bool(_QUEUED.search(note))


_WHOLE = (
    re.compile(r"throughput=whole-run .*\bISL=(\d+) OSL=(\d+)"),
    re.compile(r"throughput=output tokens/s of the whole service\b.*\bmean in=(\d+) out=(\d+)"),
)


@cache
def whole_requests(note: str) -> tuple[float, float]:
    """Tokens that are read and written for a request, where throughput is that of whole requests; else NaN.

    Latency is that of one phase all the same: the time to the first token, or between two of them.
    """
    found = next(filter(None, (pattern.search(note) for pattern in _WHOLE)), None)
    return (max(float(found[1]), 1.0), max(float(found[2]), 1.0)) if found else (nan, nan)


def passage(phase_: str, note: str, sequence_length: float, architecture: str = "") -> Passage:
    """Tokens that a row covers, from its phase, note and sequence length (not positive where unstated)."""
    length = sequence_length if sequence_length >= 1 else nan
    if phase_ == GENERATE and architecture in TRANSLATES and length >= 1:
        return Passage(length, length, 1.5 * length, 1.0)
    if phase_ == GENERATE:
        return _text(note) or _generation(note, length)
    if phase_ == PREFILL:
        prompt = prompt_tokens(note)
        prompt = (DEFAULT_PROMPT if isnan(length) else length) if isnan(prompt) or prompt < 1 else prompt
        depth = _DEPTH.search(note)
        return Passage(prompt, 0.0, prompt + (float(depth[1]) if depth else 0.0), prompt)
    context = DEFAULT_CONTEXT if isnan(length) else length
    evaluated = _EVALUATED.search(note)
    if evaluated:
        context = float(evaluated[1]) + float(evaluated[2]) / 2
    return Passage(1.0, 0.0, max(context, 1.0), 1.0)


#: Tokens that are read and written for a text, on average over the data sets of MLPerf Inference: articles of CNN and
#: Daily Mail that are summed up, questions of OpenOrca.
_TEXTS = (
    (re.compile(r"model dir (?:gptj|llama3\.1-8b)"), Passage(778.0, 70.0, 813.0, 1.0)),
    (re.compile(r"model dir llama2-70b"), Passage(155.0, 294.0, 302.0, 1.0)),
)


def _text(note: str) -> Passage | None:
    return next((passage_ for pattern, passage_ in _TEXTS if pattern.search(note)), None)


def _generation(note: str, length: float) -> Passage:
    """A whole generate(): its prompt, then its new tokens one by one."""
    new = _NEW.search(note)
    if new:
        generated, prompt = float(new[1]), max(float(new[2]), 1.0)
        return Passage(prompt, generated, prompt + generated / 2, generated, per_token=True)
    found = _GENERATE.search(note)
    output = _OUTPUT.search(note)
    if found is None and output:
        generated = max(float(output[1]), 1.0)
        prompt = DEFAULT_CONTEXT if isnan(length) else max(length - generated, 1.0)
        return Passage(prompt, generated, prompt + generated / 2, generated)
    if found:
        prompt, generated = (max(float(g), 1.0) for g in found.groups() if g)
        counted = generated if "OUTPUT tokens/s" in note else prompt + generated
    else:
        counted = 2 * DEFAULT_CONTEXT if isnan(length) else max(length, 2.0)
        prompt = generated = counted / 2
    return Passage(prompt, generated, prompt + generated / 2, counted)


_DENOISING = re.compile(r"\b(\d+)-step generation")


def denoising(architecture: str, mode: str, item: str, source: str, note: str, length: float) -> float:
    """Passes through the network that one item takes: denoising steps of a diffusion pipeline, else 1.

    The column ``sequence_length`` of a pipeline (``item`` "image", "clip" or "sequence") is its number of steps. A
    training step, and a single network of a pipeline ("item"), is one pass.
    """
    pipeline = architecture in DIFFUSION and mode != "training" and item in ("image", "clip", "sequence")
    if not pipeline or source in COUNTS_DENOISING_STEPS:
        return 1.0
    if length >= 1:
        return length
    found = _DENOISING.search(note)
    return float(found[1]) if found else DEFAULT_DENOISING


_COLD = re.compile(r"one cold prompt pass")


def cold(phase_: str, note: str) -> bool:
    """Whether a prompt is the first one after a start."""
    return phase_ == PREFILL and bool(_COLD.search(note))


_INSTANCES = re.compile(r"\bx (\d+) instances")


def instances(note: str) -> float:
    """Copies of the model that run side by side on the device and whose throughput is added up, 1 if unsaid."""
    found = _INSTANCES.search(note)
    return float(found[1]) if found else 1.0


_THREADS = re.compile(r"threads=(\d+)|\b(\d+) threads\b")


def threads(note: str) -> float:
    """Threads of the processor that a run had, NaN if unsaid."""
    found = _THREADS.search(note)
    return max(float(found[1] or found[2]), 1.0) if found else nan


_FLASH = re.compile(r"total_flash=~?(\d+(?:\.\d+)?) KiB")


@cache
def flash(note: str) -> float:
    """Bytes of a microcontroller's flash that weights and code take together, NaN if unsaid."""
    found = _FLASH.search(note)
    return float(found[1]) * 1024 if found else nan


def eager_attention(note: str) -> bool:
    """Whether scores of attention are written to memory, as unfused implementations do."""
    return "eager attention" in note


_BACKLOG = re.compile(r"MLPerf.*[ ,](?:offline|server|interactive)[,;]", re.IGNORECASE)


def backlogged(note: str) -> bool:
    """Whether the harness has so many inputs waiting that a device takes as many at once as suits it best."""
    return bool(_BACKLOG.search(note))


_OF_EACH_DEVICE = re.compile(r"\bbatch_size=gpu_batch_size\b")


def batch_of_each_device(note: str) -> bool:
    """Whether the batch that a row states is that of each device, not that of all together."""
    return bool(_OF_EACH_DEVICE.search(note))


_ADAPTERS = re.compile(r"\blora\b|(?<![a-z])peft(?![a-z])", re.IGNORECASE)


def adapters(model: str, note: str) -> bool:
    """Whether only adapters of low rank are trained, the model's own weights being kept as they are."""
    return bool(_ADAPTERS.search(note) or _ADAPTERS.search(model.replace("_", " ")))


_ACTIVE = re.compile(r"active(?: params| parameters)?[= ](\d+(?:\.\d+)?e\+?\d{1,2}|\d{7,})\b", re.ASCII)
_SETTINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"threads=(\d+)"), "threads={}"),
    (re.compile(r"gpu_device=(\d)"), "gpu"),
    (re.compile(r"powersave=2"), "little cores"),
    (re.compile(r"config=(\d)\s?[Cc]ore"), "cores={}"),
    (re.compile(r"\bcores=(\d+)"), "cores={}"),
    (re.compile(r"(single|multi) thread"), "{} thread"),
    (re.compile(r"x (\d+) instances"), "instances={}"),
    (re.compile(r"[ ,](singlestream|multistream|offline|server|interactive)[,;]", re.IGNORECASE), "{}"),
    (re.compile(r"(device-only|program-level)"), "{}"),
    (re.compile(r"(?:flash_attn|fa)=(?:-fa )?(1|on)"), "flash attention"),
    (re.compile(r"(5-token batch)"), "{}"),
    (re.compile(r"\bunit=(\w+)"), "unit={}"),
    (re.compile(r"(?:latency=)?(p90|p99)\b(?! ms)"), "{}"),
    (re.compile(r"(TTFT incl\. queueing)"), "queueing"),
    (re.compile(r"attn_dp=(\d+)"), "dp={}"),
    (re.compile(r"(n_batch)=1\b"), "n_batch=1"),
    (re.compile(r"ran_on=(\w+)"), "{}"),
)


#: What tells one machine, submission or table of a source from others that run the same devices.
_MACHINES = (
    re.compile(r"^(discussion \d+);"),
    re.compile(r"^MLPerf Inference v[\d.]+ \w+, ([^,]+, [^,]+),"),
    re.compile(r"\bhost[= ]([^;,(]+)"),
    re.compile(r"\b(example=[^;]*; table=[^;]+)"),
    re.compile(r"\b(DPU MHz=[^;]+)"),
)


def machine(note: str) -> str:
    """Which of a source's machines, submissions or tables a row is of, ``""`` if unsaid."""
    found = next(filter(None, (pattern.search(note) for pattern in _MACHINES)), None)
    return found[1].strip() if found else ""


def active_parameters(note: str) -> float:
    """Active parameters of a mixture of experts that a note states, NaN if it states none."""
    found = _ACTIVE.search(note)
    return float(found.group(1)) if found else nan


def setting(note: str) -> str:
    """How the harness was set (threads, MLPerf scenario, flash attention …) as a short label, ``""`` if unsaid."""
    out = []
    for pattern, label in _SETTINGS:
        found = pattern.search(note)
        if found:
            out.append(label.format(*(g.lower() for g in found.groups() if g)))
    return " ".join(out)
