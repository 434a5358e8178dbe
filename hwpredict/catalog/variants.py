"""Names that say how a known network was changed: AMD's Vitis AI model zoo and its pruned networks.

The zoo writes ``framework_network_dataset_height_width_[pruned share]_operations``, or in its later releases
``framework_network_[pruned share]``. Operations are twice the MACs, so that a name can be checked against the network
that it seems to mean: TensorFlow-Slim's ResNet-50 does 6.97 GOP, Caffe's 7.7 and torchvision's 8.2, under one name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from hwpredict.catalog.architectures.facts import rows_of
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Picture, Sample

#: How far the operations in a name may be from those of the network it is taken for. Counts of one network by several
#: tools differ by some per cent (heads of other data sets, padding); its versions differ by 8 % and more.
_TOLERANCE = 0.075
_FRAMEWORKS = ("tf", "tf2", "pt", "cf", "dk")
_OPERATIONS = re.compile(r"^(\d+(?:\.\d+)?)([gm])$")
_SHARE = re.compile(r"^0\.\d+$")
_WIDTHLESS = re.compile(r"^mobilenet-?(?:v\d)?$")
_SIDE = re.compile(r"^\d{2,5}$")


@dataclass(frozen=True, slots=True)
class Variant:
    """What a name of the Vitis AI model zoo says.

    Attributes
    ----------
    network : str
        The network with its data set, words separated by dashes; without ImageNet, which is usual.
    pruned : float
        Share of the operations that was pruned away; 0 for the network as it was published.
    operations : float
        Operations of one image, twice the MACs; not a number if the name does not say.
    size : (int, int) or None
        Height and width of the image, pixels.
    """

    network: str
    pruned: float = 0.0
    operations: float = math.nan
    size: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The name under which measurements are pooled: without framework, size and operations."""
        return f"{self.network}-pruned-{self.pruned:g}" if self.pruned else self.network


@cache
def parse(text: str) -> Variant | None:
    """Take a name of the Vitis AI model zoo apart.

    Parameters
    ----------
    text : str
        A normalised name.

    Returns
    -------
    Variant or None
        None for names that are not in the form of the zoo.

    Examples
    --------
    >>> parse("pt_resnet50_imagenet_224_224_0.6_3.3g")
    Variant(network='resnet50', pruned=0.6, operations=3300000000.0, size=(224, 224))
    """
    framework, *words = text.split("_")
    if framework not in _FRAMEWORKS or not words:
        return None
    counted = _OPERATIONS.match(words[-1])
    operations = math.nan
    if counted:
        operations = float(counted[1]) * (1e9 if counted[2] == "g" else 1e6)
        words.pop()
    pruned = float(words.pop()) if words and _SHARE.match(words[-1]) and _is_pruned(words, bool(counted)) else 0.0
    if not (counted or pruned):
        return None
    size = None
    if len(words) > 2 and _SIDE.match(words[-1]) and _SIDE.match(words[-2]):
        size = int(words[-2]), int(words[-1])
        words = words[:-2]
    words = [w for w in words if w not in ("imagenet", "edd")]
    return Variant("-".join(words), pruned, operations, size) if words else None


def _is_pruned(words: list[str], counted: bool) -> bool:
    """Whether the last word is a pruned share, not the width of a MobileNet ("tf_mobilenetv1_0.25_...")."""
    return len(words) > 1 and (counted or not _WIDTHLESS.match(words[-2]))


@cache
def _parents() -> dict[str, tuple[str, ...]]:
    """Models that a network of the zoo may be, by its words; the operations decide."""
    return {row["network"]: tuple(row["models"].split(";")) for row in rows_of("models_vitis.csv")}


def resolve(text: str, look_up: Callable[[str], ModelFeatures | None]) -> ModelFeatures | None:
    """Features of the model that a name of the Vitis AI model zoo means.

    Parameters
    ----------
    text : str
        A normalised name.
    look_up : callable
        Features under a normalised name, or None.

    Returns
    -------
    ModelFeatures or None
        Those of a known network whose MACs agree with the operations in the name; under a name of its own for a pruned
        form of it, with as many MACs as are left. None if there is no such network.
    """
    variant = parse(text)
    if variant is None:
        return None
    parents = _parents().get(variant.network, (variant.network, variant.network.rpartition("-")[0]))
    best, least = None, _TOLERANCE
    for parent in parents:
        found = look_up(parent) if parent else None
        if found is None:
            continue
        whole = 2 * found.macs(input_size=variant.size)
        if variant.pruned:
            left = variant.operations / whole if variant.operations > 0 else 1 - variant.pruned
            # the share in the name is of the operations, and says whether this is the right parent
            apart, found = abs(left - (1 - variant.pruned)), _pruned(found, variant.name, left)
        else:
            apart = _apart(variant.operations, whole)
        if apart < least:
            best, least = found, apart
    return best


def _apart(said: float, counted: float) -> float:
    """How far operations in a name are from those of a network; of some small networks the zoo states MACs instead."""
    ratio = abs(math.log(said / counted))
    return min(ratio, abs(math.log(2 * said / counted))) if said < 1e9 else ratio


def _pruned(parent: ModelFeatures, name: str, left: float) -> ModelFeatures:
    """A network with channels taken away: weights shrink like MACs, activations like their square root."""
    parts = tuple(
        Picture(tuple(Sample(s.area, s.macs * left, s.outputs * math.sqrt(left)) for s in part.samples))
        if isinstance(part, Picture)
        else part
        for part in parent.parts
    )
    return replace(
        parent,
        name=name,
        network=name,
        parameters=parent.parameters * left,
        active_parameters=parent.active_parameters * left,
        parts=parts,
        source=f"{parent.name} pruned to {left:.0%} of its MACs, which the name says; its weights are assumed to shrink"
        f" alike ({parent.source})",
    )
