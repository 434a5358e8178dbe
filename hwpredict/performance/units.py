"""What the throughput of a row counts, where its table leaves that out: from the documentation of the harness."""

from __future__ import annotations

import re
from functools import cache
from math import nan
from typing import NamedTuple


class Unit(NamedTuple):
    """What throughput counts.

    Attributes
    ----------
    item : str
        As the column of that name; ``""`` if nothing tells.
    per_input : float
        How many of them one input of the batch holds; NaN where its length says so, or one input is one item.
    """

    item: str
    per_input: float = nan


#: Mel frames of a clip of LJ Speech, on average 6.6 s at 22,050 Hz and 256 samples a frame; samples of the 128
#: characters that are spoken in benchmarks of synthesis.
_CLIP, _SPOKEN = 566.0, 169_000.0
_TRANSFORMERXL = r"transformer-xl"
#: Sources, mode, models, beginning of the runtime, what is counted; the first that fits. NVIDIA's scripts are those
#: that Lambda runs.
_COUNTED: tuple[tuple[tuple[str, ...], str, re.Pattern[str], str, Unit], ...] = tuple(
    (tuple(sources.split()), mode, re.compile(models), runtime, unit)
    for sources, mode, models, runtime, unit in (
        # tracked_stats.throughput: samples of the training set; that of GPT-3 are tokens
        ("mlperf_training", "training", r"gpt3", "", Unit("token")),
        ("mlperf_training", "training", r"", "", Unit("sequence")),
        # sequences of pre-training; tokens a second of generation
        ("aws_neuron", "training", r"", "", Unit("sequence")),
        ("aws_neuron", "inference", r"", "", Unit("token_decode")),
        # an inference server counts requests
        ("nvidia_dle", "inference", r"", "triton", Unit("sequence")),
        # both sides of a sentence; one of it is written
        ("lambda nvidia_dle", "training", r"gnmt", "", Unit("token", 50.0)),
        ("nvidia_dle", "inference", r"gnmt", "", Unit("sequence", 25.0)),
        ("lambda nvidia_dle", "training", _TRANSFORMERXL, "", Unit("token")),
        ("nvidia_dle", "inference", _TRANSFORMERXL, "", Unit("token_prefill")),
        ("nvidia_dle", "training", r"transformer$|bart|jasper|quartznet", "", Unit("sequence")),
        ("nvidia_dle", "inference", r"jasper|quartznet", "", Unit("sequence")),
        ("lambda nvidia_dle", "training", r"tacotron2|fastpitch|fastspeech", "", Unit("frame", _CLIP)),
        ("nvidia_dle", "training", r"hifigan", "", Unit("frame", 32.0)),
        ("nvidia_dle", "inference", r"tacotron2|fastpitch|fastspeech|hifigan", "", Unit("sample", _SPOKEN)),
        ("lambda", "training", r"waveglow", "", Unit("sample", 8000.0)),
        ("gavel sia_traces", "training", r"", "", Unit("sequence")),
    )
)


@cache
def counted(stated: str, source: str, mode: str, model: str, family: str, runtime: str = "") -> Unit:
    """What the throughput of a row counts: what it states, or else what its harness counts.

    Parameters
    ----------
    stated, source, mode, model, runtime : str
        Of the row.
    family : str
        Of the model: one input of a network of images is an image, whatever a table calls it.

    Returns
    -------
    Unit
    """
    if stated == "sequence" and family == "vision":
        return Unit("image")
    if stated:
        return Unit(stated)
    fitting = (
        unit
        for sources, m, models, begins, unit in _COUNTED
        if source in sources and m == mode and models.match(model) and runtime.startswith(begins)
    )
    return next(fitting, Unit(""))
