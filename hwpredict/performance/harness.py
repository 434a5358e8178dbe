"""What is known of a harness though no column says it: who it is, and the precision that its rules imply."""

from __future__ import annotations

import re
from functools import cache
from math import nan

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
def precision(stated: str, model: str, note: str, source: str = "", checkpoint: str = "") -> str:
    """Precision of a row, ``"unstated"`` where nobody says it and the rules of its harness do not tell.

    ``checkpoint`` is the format of the published weights, where a model runs as it was published.

    A closed submission to MLPerf Inference whose table leaves the data type out runs in the least precise format that
    meets the accuracy target, unless it is the reference implementation; MLPerf Training runs in mixed precision.
    """
    if stated:
        return stated
    if source == "mlperf_training" and not checkpoint:
        return "amp"
    if not _CLOSED.match(note) or _REFERENCE.search(note):
        return checkpoint or "unstated"
    name = model.lower()
    return next((p for pattern, accuracy, p in _SUBMITTED if pattern.search(name) and accuracy in note), "unstated")


#: Networks that a benchmark means by a name in some of its versions: until v1.1, MLPerf Inference's 3D U-Net took whole
#: volumes of BraTS, since then windows of KiTS19; the "ssd" of MLPerf Training is RetinaNet since v2.0. Name of the
#: model, source, beginning of the note.
_MEANT = (
    (re.compile(r"3d-unet"), re.compile(""), re.compile(r"MLPerf Inference v(?:0\.|1\.)"), "unet_3d_medical"),
    (re.compile(r"ssd"), re.compile(r"mlperf_training$"), re.compile(""), "retinanet-resnext50"),
)


@cache
def network(model: str, note_head: str, source: str = "") -> str:
    """The network that a row's harness means by the name of its model."""
    return next(
        (meant for m, s, head, meant in _MEANT if m.fullmatch(model) and s.match(source) and head.match(note_head)),
        model,
    )


#: Tokens of a sequence of BERT's on average, where submissions leave out the padding to 384 (SQuAD) or 512 (training).
_ANSWERING, _PRETRAINING = 180.0, 256.0


@cache
def sequence_length(source: str, model: str, note: str) -> float:
    """Tokens that are computed of a sequence, whatever the table says; NaN where the harness computes all of them."""
    if source == "nvidia_dle" and model.lower() == "transformer":
        return 1.0  # its batches are counted in tokens
    if "bert" not in model.lower():
        return nan
    if source == "mlperf_training":
        return _PRETRAINING
    return _ANSWERING if _CLOSED.match(note) else nan
