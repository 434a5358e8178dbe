"""What is assumed of a model of which only the family is known, and perhaps its number of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from hwpredict.catalog.architectures.facts import Row, number, rows_of
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Part, Picture, Sample, Stack, Tokens
from hwpredict.errors import InvalidWorkloadError, unknown

#: Size that stands for a family's typical item: side of an image in pixels; tokens; frames of a window of speech.
_TYPICAL = {
    "vision": 224,
    "multimodal": 512,
    "embedding": 128,
    "text_generation": 512,
    "audio": 1500,
    "recommendation": 1,
}


@dataclass(frozen=True, slots=True)
class FamilyDefault:
    """A typical model of a family, and the spread of the family about it.

    Attributes
    ----------
    features : ModelFeatures
        Of a model with the family's median log parameters (or the given ones), and the work that goes with them.
    sd_log_parameters : float
        Standard deviation of log parameters between the models of the family; 0 if they were given.
    sd_log_macs, sd_log_activations : float
        Standard deviation of log MACs and log activations between models of the same parameters at the same size.
    n : int
        Models (at a size) that it is derived from.
    """

    features: ModelFeatures
    sd_log_parameters: float
    sd_log_macs: float
    sd_log_activations: float
    n: int


@cache
def _regressions() -> dict[str, dict[str, Row]]:
    table: dict[str, dict[str, Row]] = {}
    for row in rows_of("feature_regression.csv"):
        table.setdefault(row["family"], {})[row["target"]] = row
    return table


def _at(row: Row, log_parameters: float, log_size: float) -> float:
    slopes = number(row, "slope_log_parameters") * log_parameters + number(row, "slope_log_size") * log_size
    return math.exp(number(row, "intercept") + slopes)


def families_default(family: str, parameters: float | None = None) -> FamilyDefault:
    """Typical features of a family, and how far its models spread about them.

    Parameters
    ----------
    family : str
        Value of :class:`hwpredict.workload.Family`.
    parameters : float, optional
        The model's parameters, if they are known.

    Returns
    -------
    FamilyDefault
        From log-linear regressions of MACs and activations on parameters and size over the models of the family that
        public benchmarks measure (``data/feature_regression.csv``).

    Raises
    ------
    UnknownNameError
        If there is no such family.
    InvalidWorkloadError
        If the parameters are not a positive number.
    """
    targets = _regressions().get(family)
    if targets is None:
        raise unknown("model family", family, _regressions())
    if parameters is not None and not (parameters > 0 and math.isfinite(parameters)):
        raise InvalidWorkloadError(f"parameters must be a positive number, not {parameters!r}")
    median = targets["parameters"]
    log_parameters = number(median, "intercept") if parameters is None else math.log(parameters)
    item = median["item"]
    size = _TYPICAL[family]
    log_size = math.log(size)
    macs = _at(targets["macs"], log_parameters, log_size)
    outputs = _at(targets["activations"], log_parameters, log_size)
    part: Part
    if item == "image":
        part = Picture((Sample(float(size) ** 2, macs, outputs),))
    else:
        per = 1 if item == "token" else size
        part = Stack(macs / per, outputs / per, tokens=Tokens())
    return FamilyDefault(
        features=ModelFeatures(
            name=f"typical {family}",
            family=family,
            architecture="other",
            parameters=math.exp(log_parameters),
            default_input_size=size if item == "image" else None,
            default_sequence_length=None if item == "image" else size,
            source=f"regression over {median['n']} models of public benchmarks",
            parts=(part,),
            decoder=part if isinstance(part, Stack) and item == "token" else None,
        ),
        sd_log_parameters=number(median, "residual_sd") if parameters is None else 0.0,
        sd_log_macs=number(targets["macs"], "residual_sd"),
        sd_log_activations=number(targets["activations"], "residual_sd"),
        n=int(number(median, "n")),
    )
