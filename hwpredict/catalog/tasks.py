"""Lengths of sequences that the task in a model's name implies ("BERT base MRPC", "bert-large-squad")."""

from __future__ import annotations

import re
from functools import cache
from math import nan

#: Lengths that the reference scripts of the tasks pad or cut to: SQuAD's of BERT, the others' of GLUE.
_LENGTHS = (
    (re.compile(r"(?<![a-z])squad(?![a-uw-z])"), 384.0),
    (re.compile(r"(?<![a-z])(?:mrpc|rte|sst-?2?|cola|sts-?b|qnli|mnli|wnli|qqp)(?![a-z])"), 128.0),
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
