"""What is known of a harness though no column says it: who it is, its precision, the memory that it ran into."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r

#: Harnesses by how their notes begin: tables of one harness are measured alike, whoever collected them. In the open
#: division everybody runs what they like.
_CLOSED = re.compile(r"MLPerf Inference v\d+\.\d+ closed")
#: As much of a note as names its harness.
HEAD = 30


@cache
def identity(source: str, note_head: str) -> str:
    """The harness that a row was measured by: its source, unless the beginning of its note names a common one."""
    return "mlperf_inference" if _CLOSED.match(note_head) else source


#: What closed submissions to MLPerf Inference v0.7 to v5.1 run in that do state their weights' data type: the format
#: of nine in ten of them. Model, accuracy target, precision; the first that fits.
_SUBMITTED: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(model), accuracy, precision)
    for model, accuracy, precision in (
        (r"rnnt|whisper|gpt-?j", "", "fp16"),
        (r"bert", "99.9%", "fp16"),
        (r"llama|mixtral|deepseek|stable-diffusion", "", "fp8"),
        (r"resnet|ssd|retinanet|unet|bert|mobilenet|dlrm", "", "int8"),
    )
)
_REFERENCE = re.compile(r"-reference-")


@cache
def precision(stated: str, model: str, note: str) -> str:
    """Precision of a row, ``"unstated"`` where nobody says it and the rules of its harness do not tell.

    A closed submission to MLPerf Inference whose table leaves the data type out runs in the least precise format that
    meets the accuracy target, unless it is the reference implementation.
    """
    if stated:
        return stated
    if not _CLOSED.match(note) or _REFERENCE.search(note):
        return "unstated"
    name = model.lower()
    return next((p for pattern, accuracy, p in _SUBMITTED if pattern.search(name) and accuracy in note), "unstated")


#: Harnesses that halve a preset batch in two steps until it fits the device, so that the next larger one did not.
_DECAYING = frozenset({"timm"})
#: Batches that such runs start from; one that ran says no more than that it fits.
_PRESETS = (256.0, 512.0, 1024.0, 2048.0)


def log_memory_hint(rows: r.Table, log_capacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log MB that a run must have taken because the next larger batch did not fit, NaN where nothing tells.

    A batch that is left after failures fits the device and the one before it did not: its memory lies between the
    capacity times the ratio of the two (3/4 or 2/3) and the capacity. An interval of a third is narrower than the noise
    of memory figures, so that its geometric middle stands for it.

    Parameters
    ----------
    rows : dict of str to ndarray
    log_capacity : ndarray, shape (row,)
        Natural log of the device's memory in MB.

    Returns
    -------
    ndarray, shape (row,)
    """
    batch = rows["batch_size"]
    decayed = (
        np.isin(rows["source"], list(_DECAYING))
        & (rows["hardware"] == "cuda")
        & (batch > 1)
        & ~np.isin(batch, _PRESETS)
        & np.isnan(rows["memory_mb"])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        power_of_two = np.log2(batch) % 1 == 0
    ratio = np.where(power_of_two, 1.5, 4 / 3)
    return np.where(decayed, log_capacity - 0.5 * np.log(ratio), np.nan)
