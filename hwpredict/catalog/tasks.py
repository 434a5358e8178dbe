"""What a model's name says of its task: the family it is of, and the length of its sequences ("bert-large-squad")."""

from __future__ import annotations

import re
from functools import cache
from math import nan

from hwpredict.catalog import models

#: Names of networks of images, some of which tables take for text ("ResNet50" ends like T5).
_PICTURES = re.compile(r"res-?ne(?:t|xt|st)|mobilenet|inception|densenet|squeezenet|vgg-?1|yolo|(?<![a-z])ssd(?![a-z])")
#: Lengths that the reference scripts of the tasks pad or cut to: SQuAD's of BERT, the others' of GLUE; sentences of
#: WMT 16 are of some 25; segments of Transformer-XL as NVIDIA's scripts cut them.
_LENGTHS = (
    (re.compile(r"(?<![a-z])squad(?![a-uw-z])"), 384.0),
    (re.compile(r"(?<![a-z])(?:mrpc|rte|sst-?2?|cola|sts-?b|qnli|mnli|wnli|qqp)(?![a-z])"), 128.0),
    (re.compile(r"^lite-transformer"), 16.0),
    (re.compile(r"^gnmt"), 25.0),
    (re.compile(r"^transformer-xl-large"), 384.0),
    (re.compile(r"^transformer-xl"), 192.0),
)
_FAMILIES = ("embedding", "text_generation")


@cache
def sequence_length(name: str, family: str) -> float:
    """Tokens of a sequence of the task that a model's name says.

    Parameters
    ----------
    name : str
        Any name of a model.
    family : str
        Value of :class:`hwpredict.workload.Family`; only models of text have such tasks.

    Returns
    -------
    float
        NaN if the name says no task.
    """
    if family not in _FAMILIES:
        return nan
    text = name.lower()
    return next((length for pattern, length in _LENGTHS if pattern.search(text)), nan)


@cache
def family(name: str, stated: str) -> str:
    """Family of a model: what the catalog knows of its name, or else what is stated.

    Parameters
    ----------
    name : str
        Any name of a model.
    stated : str
        Value of :class:`hwpredict.workload.Family` that a table gives, or ``""``.

    Returns
    -------
    str
        Value of :class:`hwpredict.workload.Family`; ``stated`` where nothing is known.
    """
    features = models.match(name) if name else None
    if features is not None:
        return features.family
    return "vision" if stated and _PICTURES.search(name.lower()) else stated
