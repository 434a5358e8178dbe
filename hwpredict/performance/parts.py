"""What performance is made of: the one table that the PyMC graph, the sparse engine and the predictor read.

    log seconds of a step = logsumexp over time parts of (log work - log rate + effects of the part) + row effects
    log MB on a device    = logsumexp over memory parts of (log bytes + effects of the part)        + row effects

A *part* is a cost with a physical name. An *effect* is a set of exchangeable levels (devices, architectures, sources
…) that multiplies one part, several parts alike, or the whole sum (a row effect). Adding either is one entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

TIME, MEMORY = "time", "memory"
#: In place of part names: the effect multiplies the whole sum.
ROW = "row"
#: In place of part names: the effect divides throughput only (concurrency of a harness that overlaps its steps).
CONCURRENCY = "concurrency"


@dataclass(frozen=True, slots=True)
class Part:
    """One cost of a step.

    Attributes
    ----------
    name : str
    metric : str
        ``"time"`` (log seconds) or ``"memory"`` (log MB = 10^6 bytes).
    work, rate : tuple of str
        Covariates (natural logs) added and subtracted.
    constant : float
        Added to both: log of a unit, or of a typical fixed cost.
    reason : str
    """

    name: str
    metric: str
    work: tuple[str, ...]
    rate: tuple[str, ...]
    constant: float
    reason: str


PARTS: tuple[Part, ...] = (
    Part("compute", TIME, ("log_flops",), ("log_peak", "log_parallel"), 0.7, "FLOPs at half the peak rate"),
    Part(
        "activation",
        TIME,
        ("log_activation_bytes",),
        ("log_bandwidth", "log_parallel"),
        0.7,
        "written and read once",
    ),
    Part("weights", TIME, ("log_weight_bytes",), ("log_bandwidth", "log_sharded"), 0.2, "weights read once a step"),
    Part("kv", TIME, ("log_kv_bytes",), ("log_bandwidth", "log_parallel"), 0.2, "KV cache read once a step"),
    Part("overhead", TIME, ("log_depth",), (), log(3e-3), "launches and runtime: some milliseconds a step"),
    Part("comm", TIME, ("log_comm_bytes",), ("log_interconnect",), 0.7, "all-reduce over the interconnect"),
    Part("m_weights", MEMORY, ("log_resident_bytes",), ("log_memory_sharded",), -log(1e6), "weights"),
    Part("m_activation", MEMORY, ("log_live_bytes",), ("log_memory_devices",), -log(1e6), "activations alive at once"),
    Part("m_kv", MEMORY, ("log_cache_bytes",), ("log_memory_devices",), -log(1e6), "KV cache"),
    Part("m_state", MEMORY, ("log_state_bytes",), (), -log(1e6), "gradients and optimizer states in training"),
    Part("m_context", MEMORY, ("log_context",), (), 0.0, "runtime and context: some hundred MB"),
)
PART_NAMES: tuple[str, ...] = tuple(p.name for p in PARTS)
TIME_PARTS: tuple[str, ...] = tuple(p.name for p in PARTS if p.metric == TIME)
MEMORY_PARTS: tuple[str, ...] = tuple(p.name for p in PARTS if p.metric == MEMORY)


@dataclass(frozen=True, slots=True)
class Effect:
    """Exchangeable levels that scale a part, several parts alike, or the whole.

    Attributes
    ----------
    name : str
    metric : str
        Whose rows carry it: ``"time"``, ``"memory"`` or ``"both"``.
    labels : tuple of str
        Labels whose combination is the level; none for an intercept. A row whose first label is empty has no level.
    parts : tuple of str
        Part names, or :data:`ROW` or :data:`CONCURRENCY`.
    scale : float
        Prior standard deviation of a level, on the log scale; where ``learned``, the prior median of that scale.
    learned : bool
        Whether the scale is estimated from the levels.
    df : float
        Degrees of freedom of the levels' Student-t; infinite is Gaussian. Finite where some levels are known to be
        odd ones out (a mislabelled board, a throttled laptop), so that they neither get shrunk nor widen the rest.
    slope : str
        Covariate that the level multiplies, ``""`` for 1.
    """

    name: str
    metric: str
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    scale: float
    learned: bool = True
    df: float = float("inf")
    slope: str = ""


# the options of these three are fields of an Effect of several types, which a checker takes for one
def _each(
    name: str, labels: tuple[str, ...], parts: tuple[str, ...], scale: float | tuple[float, ...], **options: object
) -> list[Effect]:
    """The same levels with an effect of their own in each of several parts, of one scale or of one for each part."""
    metric = TIME if parts[0] in TIME_PARTS else MEMORY
    scales = scale if isinstance(scale, tuple) else (scale,) * len(parts)
    return [
        Effect(f"{name}:{p}", metric, labels, (p,), s, **options)  # type: ignore[arg-type]
        for p, s in zip(parts, scales, strict=True)
    ]


def _row(name: str, labels: tuple[str, ...], scale: float, **options: object) -> Effect:
    return Effect(f"{name}:row", TIME, labels, (ROW,), scale, **options)  # type: ignore[arg-type]


def _memory_row(name: str, labels: tuple[str, ...], scale: float, **options: object) -> Effect:
    return Effect(f"{name}:memory", MEMORY, labels, (ROW,), scale, **options)  # type: ignore[arg-type]


_COST = ("compute", "activation", "weights", "overhead")
#: Of those, what does not depend on how large the weights are.
_UNLOADED = ("compute", "activation", "overhead")
_SOFTWARE = ("platform", "runtime", "version", "precision", "layout", "mode")
_ODD = 4.0
#: Harnesses: most agree within some ten percent, and a few time another thing than the rest.
_WILD = 2.0

EFFECTS: tuple[Effect, ...] = (
    # how far reality falls from the data sheet, coarse to fine
    *_each("intercept", (), TIME_PARTS, 1.5, learned=False),
    *_each("platform", ("platform",), TIME_PARTS, 0.7),
    *_each("phase", ("phase", "platform"), ("compute", "weights", "overhead"), 0.5),
    *_each("mode", ("mode", "platform"), _COST, (0.4, 0.4, 0.4, 0.8)),
    *_each("unit", ("platform", "precision", "unit"), ("compute",), 0.4),
    *_each("precision", ("precision", "platform"), ("activation", "weights", "overhead"), 0.3),
    *_each("segment", ("segment", "platform"), _COST, 0.3),
    *_each("generation", ("generation", "platform"), _COST, (0.3, 0.3, 0.3, 0.5)),
    *_each("generation precision", ("generation", "precision"), ("compute",), 0.3),
    Effect(
        "device:all", TIME, ("device", "platform"), ("compute", "activation", "weights", "kv", "overhead"), 0.3, df=_ODD
    ),
    *_each("device", ("device", "platform"), _COST, 0.2, df=_ODD),
    *_each("device precision", ("device", "platform", "precision"), ("compute",), 0.2, df=_ODD),
    # software
    *_each("framework", ("framework", "platform"), _COST, 0.5),
    *_each("framework phase", ("text_phase", "framework", "platform"), ("compute", "weights", "overhead"), 0.3),
    *_each("framework precision", ("framework", "platform", "precision"), ("compute", "activation"), 0.3),
    *_each("framework segment", ("framework", "segment", "platform"), ("compute", "overhead"), 0.4),
    *_each("software", _SOFTWARE, _COST, (0.35, 0.2, 0.2, 0.35)),
    *_each("config", ("device", *_SOFTWARE), _UNLOADED, (0.1, 0.1, 0.2)),
    # models
    *_each("architecture", ("architecture", "family"), _COST, (0.35, 0.35, 0.5, 0.5)),
    *_each("architecture platform", ("architecture", "platform"), _UNLOADED, (0.25, 0.25, 0.5)),
    *_each(
        "architecture software", ("architecture", "platform", "framework", "compiled"), ("compute", "activation"), 0.3
    ),
    *_each("family", ("family", "platform"), _UNLOADED, (0.3, 0.5, 0.5)),
    # what nobody stated
    *_each("no_macs", ("no_macs",), ("compute",), 0.9, df=_ODD),
    *_each("no_acts", ("no_acts",), ("activation",), 0.5, df=_ODD),
    Effect(
        "no_size",
        "both",
        ("no_size",),
        ("compute", "activation", "weights", "m_weights", "m_activation", "m_state"),
        0.5,
    ),
    Effect("untold", TIME, ("untold",), ("compute", "activation"), 0.7, df=_ODD),
    Effect("memory untold", MEMORY, ("untold",), ("m_activation",), 0.7, df=_ODD),
    Effect("no_sheet", TIME, ("no_sheet",), ("compute", "activation", "weights", "kv"), 1.5, learned=False),
    *_each("no_peak", ("no_peak",), ("compute",), 1.0, df=_ODD),
    Effect("no_bandwidth", TIME, ("no_bandwidth",), ("activation", "weights", "kv"), 1.0, df=_ODD),
    # saturation: how efficiency varies with the shape of the work
    *_each("load slope", ("platform", "phase"), ("compute",), 0.15, slope="log_load"),
    *_each("load slope generation", ("generation", "platform"), ("compute",), 0.05, slope="log_load"),
    *_each("peak slope", ("platform",), ("compute",), 0.1, slope="log_peak_centred"),
    *_each("bandwidth slope", ("platform",), ("activation", "weights"), 0.1, slope="log_bandwidth_centred"),
    _row("size slope", ("architecture", "family"), 0.05, slope="log_size"),
    _row("size slope family", ("family", "platform", "phase"), 0.05, slope="log_size"),
    *_each("intensity slope", ("platform", "precision"), ("compute",), 0.1, slope="log_intensity"),
    *_each("intensity slope generation", ("generation", "platform"), ("compute",), 0.1, slope="log_intensity"),
    # how a harness measures
    _row("source", ("harness", "platform"), 0.15, df=_WILD),
    # what is known of sequences, prompts and tokens beyond their parts, before any harness is named
    _row("item", ("text", "item", "mode"), 0.5),
    # harnesses agree on what an image is, and nearly on a token that is written; a sequence or prompt is of any length,
    # padded or not, alone or behind others
    _row("source phase", ("picture", "harness", "item", "mode"), 0.15, df=_WILD),
    _row("source phase written", ("written", "harness", "item", "mode"), 0.15, df=_ODD),
    _row("source phase read", ("read", "harness", "item", "mode"), 0.3, df=_ODD),
    _row("source device", ("source", "device", "platform"), 0.15, df=_ODD),
    _row("machine", ("machine", "harness", "platform"), 0.15, df=_ODD),
    _row("source setting", ("setting", "harness", "platform"), 0.2, df=_ODD),
    _row("device setting", ("setting", "device", "platform"), 0.2, df=_ODD),
    _row("blind batch", ("blind_batch",), 0.5),
    _row("batch slope", ("harness", "platform", "phase"), 0.1, slope="batch_slope"),
    _row("batch slope framework", ("framework", "platform", "phase"), 0.1, slope="batch_slope"),
    _row("length slope", ("harness", "phase"), 0.1, slope="length_slope"),
    _row("length slope framework", ("framework", "platform", "phase"), 0.1, slope="length_slope"),
    _row("several devices", ("several", "mode", "platform"), 0.2),
    _row("several devices source", ("several", "source", "mode"), 0.2, df=_ODD),
    _row("devices slope", ("mode", "platform", "sharded"), 0.2, slope="log_devices"),
    _row("devices slope framework", ("framework", "platform", "phase"), 0.2, slope="log_devices"),
    _row("devices slope source", ("source", "device", "phase"), 0.15, slope="log_devices", df=_ODD),
    _row("devices slope model", ("model", "source", "mode", "phase"), 0.1, slope="log_devices", df=_ODD),
    # models again, as a whole
    _row("architecture config", ("architecture", "device", *_SOFTWARE), 0.05, df=_ODD),
    _row("architecture source", ("picture", "architecture", "harness"), 0.2, df=_ODD),
    _row("architecture source text", ("not_picture", "architecture", "harness"), 0.15, df=_ODD),
    _row("model", ("model",), 0.07, df=_ODD),
    _row("model software", ("model", "platform", "framework", "compiled"), 0.05, df=_ODD),
    _row("model mode", ("model", "mode", "precision", "platform"), 0.04, df=_ODD),
    _row("model layout", ("model", "layout", "size", "platform"), 0.03, df=_ODD),
    _row("model source", ("model", "source", "item"), 0.07, df=_ODD),
    _row("cell", ("model", "device", "platform", "precision"), 0.03, df=_ODD),
    # throughput that is not batch / latency
    Effect("unit source", TIME, ("odd", "source", "mode"), (CONCURRENCY,), 1.5, df=_WILD),
    Effect("unit", TIME, ("odd_unit", "source", "mode"), (CONCURRENCY,), 1.5, df=_WILD),
    Effect("concurrency", TIME, ("overlapped",), (CONCURRENCY,), 0.5, df=_WILD),
    Effect("concurrency device", TIME, ("overlapped", "device", "platform"), (CONCURRENCY,), 0.4, df=_ODD),
    Effect("concurrency model", TIME, ("overlapped", "model"), (CONCURRENCY,), 0.3, df=_ODD),
    Effect("concurrency length", TIME, ("overlapped",), (CONCURRENCY,), 0.5, slope="length_slope"),
    Effect("concurrency batch", TIME, ("overlapped",), (CONCURRENCY,), 0.5, slope="batch_slope"),
    # memory
    *_each("intercept", (), ("m_weights", "m_kv"), 0.2, learned=False),
    *_each("intercept", (), ("m_activation", "m_state"), 1.0, learned=False),
    *_each("intercept", (), ("m_context",), 0.2, learned=False),
    *_each("memory phase", ("lived", "platform"), ("m_activation",), 0.5, learned=False, df=_ODD),
    # a runtime's context is some hundred MB wherever it runs: were it free, it would explain all tables whose batches
    # were chosen to fill the device
    *_each("memory platform", ("platform",), ("m_context",), 0.2, learned=False),
    # weights take what they take: a harness that shows less counts something else (its own process, not the device)
    Effect("memory framework:m_weights", MEMORY, ("framework", "platform"), ("m_weights",), 0.05, False),
    *_each("memory framework", ("framework", "platform"), ("m_activation",), 0.4, df=_WILD),
    *_each("memory framework", ("framework", "platform"), ("m_context",), 0.2, learned=False),
    Effect("memory source:m_weights", MEMORY, ("source", "framework", "platform"), ("m_weights",), 0.05, False, _WILD),
    # a table whose batches were chosen to fill the device: by model, and by device beyond its capacity
    *_each("filling", ("filling", "model"), ("m_context",), 0.3, df=_ODD),
    *_each("filling device", ("filling", "device"), ("m_context",), 0.2, df=_ODD),
    *_each("meter", ("meter", "platform"), ("m_activation", "m_context"), 0.4, learned=False),
    Effect("memory source:m_activation", MEMORY, ("source", "platform"), ("m_activation",), 0.15, df=_WILD),
    Effect("memory source:m_context", MEMORY, ("source", "platform"), ("m_context",), 0.2, False, _ODD),
    *_each("memory precision", ("precision", "platform"), ("m_weights",), 0.2, learned=False),
    *_each("memory precision", ("precision", "platform"), ("m_activation",), 0.2, df=_ODD),
    *_each("memory software", _SOFTWARE, ("m_activation",), 0.4),
    *_each("memory software", _SOFTWARE, ("m_context",), 0.15, learned=False),
    *_each("memory device", ("device", "platform"), ("m_context",), 0.1, learned=False),
    *_each("memory architecture", ("architecture", "family"), ("m_activation",), 0.25),
    *_each("memory architecture mode", ("architecture", "mode"), ("m_activation",), 0.3, learned=False),
    # in training, gradients and copies of the weights count as well
    *_each("memory architecture served", ("served", "architecture", "platform"), ("m_weights",), 0.1, learned=False),
    *_each("memory architecture trained", ("trained", "architecture"), ("m_weights",), 0.2, df=_ODD),
    *_each("memory kv", ("framework", "platform"), ("m_kv",), 0.4, learned=False, df=_ODD),
    *_each("memory kv source", ("source", "platform"), ("m_kv",), 0.2, learned=False, df=_WILD),
    *_each("memory model", ("model",), ("m_activation",), 0.2, df=_ODD),
    # activations that nobody counted are off, so that those measured lie closer together than those imputed
    *_each("memory guess slope", ("source", "mode"), ("m_activation",), 0.4, slope="log_guessed"),
    Effect("memory no_acts", MEMORY, ("no_acts",), ("m_activation",), 0.5, df=_ODD),
    _memory_row("source", ("source", "platform"), 0.05, learned=False, df=_WILD),
    _memory_row("source model", ("model", "source"), 0.05, df=_ODD),
    _memory_row("device", ("device", "source"), 0.05, df=_ODD),
    _memory_row("device shown", ("shown", "device", "runtime"), 0.7, df=_WILD),
    _memory_row("setting", ("setting", "source"), 0.2),
    _memory_row("batch slope", ("source", "mode"), 0.2, slope="batch_slope"),
    _memory_row("devices slope", ("source", "mode"), 0.2, slope="log_memory_devices"),
    _memory_row("architecture software", ("architecture", "runtime", "precision"), 0.1, df=_ODD),
    _memory_row("cell", ("model", "runtime", "precision"), 0.03, df=_ODD),
    _memory_row("cell device", ("model", "runtime", "precision", "device"), 0.03, df=_ODD),
)
#: Degrees of freedom of the Student-t noise: public tables hold wrong rows.
NOISE_DF = 4.0
#: Levels of the noise scale, and the prior median of that scale.
NOISE_LABELS = ("source", "platform", "phase")
NOISE_SCALE = 0.05
