"""What one forward pass costs, as a function of the length of a sequence or the size of an image.

Two kinds of part suffice: a :class:`Stack` runs a fixed amount of work per token (and per pair of tokens, where there
is attention), a :class:`Picture` is known at one or more image areas and scales from there. A model is a tuple of
parts.

Counting follows timm's result tables: a multiply-accumulate (MAC) is one, activations are the elements written by
convolutions and matrix products, the two products of attention (scores, context) included as if they were materialised.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from typing import Literal

type Size = int | tuple[int, int]

NAN = float("nan")


def area(size: Size) -> float:
    """Pixels of an image given as its side or as (height, width)."""
    if isinstance(size, tuple):
        return float(size[0]) * float(size[1])
    return float(size) ** 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many tokens an item has.

    Attributes
    ----------
    kind : {"sequence", "image", "fixed"}
        As long as the sequence; one per patch of the image; always the same number.
    count : float
        Tokens added to those of a sequence or an image (class token, image tokens of a prompt), or the fixed number.
    patch : int
        Side of a patch, pixels (kind "image").
    """

    kind: Literal["sequence", "image", "fixed"] = "sequence"
    count: float = 0.0
    patch: int = 1

    def of(self, sequence_length: float, size: Size) -> float:
        """Tokens of an item of that length or image size."""
        if self.kind == "fixed":
            return self.count
        if self.kind == "sequence":
            return sequence_length + self.count
        height, width = size if isinstance(size, tuple) else (size, size)
        return max(1, height // self.patch) * max(1, width // self.patch) + self.count


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers that do the same work for every token, and attend from each token to others.

    Attributes
    ----------
    macs, outputs : float
        MACs of the weight products per token, and the elements they write per token.
    pair_macs, pair_outputs : float
        The same of the attention products, per token and context token.
    windows : tuple of (int, float, float)
        Layers of sliding-window attention: window (tokens), pair MACs, pair outputs.
    once_macs, once_outputs : float
        Work done once an item (a pooler, a classification head).
    tokens : Tokens
    cross : Tokens, optional
        Context, where it is not the stack's own tokens (cross-attention).
    """

    macs: float
    outputs: float
    pair_macs: float = 0.0
    pair_outputs: float = 0.0
    windows: tuple[tuple[int, float, float], ...] = ()
    once_macs: float = 0.0
    once_outputs: float = 0.0
    tokens: Tokens = field(default_factory=Tokens)
    cross: Tokens | None = None

    def step_macs(self, context: float) -> float:
        """MACs of one token that attends to ``context`` tokens."""
        local = sum(macs * min(window, context) for window, macs, _ in self.windows)
        return self.macs + self.pair_macs * context + local

    def step_outputs(self, context: float) -> float:
        """Elements written for one token that attends to ``context`` tokens."""
        local = sum(outputs * min(window, context) for window, _, outputs in self.windows)
        return self.outputs + self.pair_outputs * context + local

    def fused(self) -> Stack:
        """The same with attention that never writes its scores (FlashAttention, Dao et al. 2022)."""
        windows = tuple((window, macs, 0.0) for window, macs, _ in self.windows)
        return replace(self, pair_outputs=0.0, windows=windows)

    def _tokens(self, sequence_length: float, size: Size) -> tuple[float, float]:
        count = self.tokens.of(sequence_length, size)
        return count, count if self.cross is None else self.cross.of(sequence_length, size)

    def item_macs(self, sequence_length: float, size: Size) -> float:
        """MACs of one item."""
        count, context = self._tokens(sequence_length, size)
        return count * self.step_macs(context) + self.once_macs

    def item_outputs(self, sequence_length: float, size: Size) -> float:
        """Activation elements of one item."""
        count, context = self._tokens(sequence_length, size)
        return count * self.step_outputs(context) + self.once_outputs


@dataclass(frozen=True, slots=True)
class Sample:
    """Work counted at one image area (pixels): totals, and the share of them that grows with the square of the area."""

    area: float
    macs: float
    outputs: float
    square_macs: float = 0.0
    square_outputs: float = 0.0

    def macs_at(self, area_: float) -> float:
        """MACs at another area."""
        ratio = area_ / self.area
        return (self.macs - self.square_macs) * ratio + self.square_macs * ratio**2

    def outputs_at(self, area_: float) -> float:
        """Activation elements at another area."""
        ratio = area_ / self.area
        return (self.outputs - self.square_outputs) * ratio + self.square_outputs * ratio**2


@dataclass(frozen=True, slots=True)
class Picture:
    """A network over images, known at one or more areas; elsewhere it is scaled from the nearest of them.

    Convolutions and windowed attention grow with the area, global attention with its square. Classifier heads, which do
    not grow, are some per mille of the whole and are not told apart.
    """

    samples: tuple[Sample, ...]

    def _nearest(self, pixels: float) -> Sample:
        return min(self.samples, key=lambda s: abs(math.log(s.area / pixels)))

    def item_macs(self, sequence_length: float, size: Size) -> float:
        """MACs of one image."""
        pixels = area(size)
        return self._nearest(pixels).macs_at(pixels)

    def item_outputs(self, sequence_length: float, size: Size) -> float:
        """Activation elements of one image."""
        pixels = area(size)
        return self._nearest(pixels).outputs_at(pixels)


type Part = Stack | Picture


@dataclass(slots=True)
class Tally:
    """Running count of a stack of layers while it is walked through.

    Attributes
    ----------
    parameters, active : float
        All parameters; those that act on one token (a mixture of experts uses a few of its experts).
    macs, outputs, pair_macs, pair_outputs, windows, once_macs, once_outputs
        As in :class:`Stack`.
    kv_elements : float
        Elements that one token leaves in the key-value cache.
    kv_windows : dict of int to float
        Those of them that only so many tokens leave: of layers with a sliding window, by window.
    calls : int
        Convolutions and matrix products launched in one forward pass, attention products included.
    """

    parameters: float = 0.0
    active: float = 0.0
    macs: float = 0.0
    outputs: float = 0.0
    pair_macs: float = 0.0
    pair_outputs: float = 0.0
    kv_elements: float = 0.0
    calls: int = 0
    once_macs: float = 0.0
    once_outputs: float = 0.0
    windows: dict[int, tuple[float, float]] = field(default_factory=dict)
    kv_windows: dict[int, float] = field(default_factory=dict)

    def cache(self, elements: float, window: int | None = None) -> None:
        """Add what one token leaves in the key-value cache of a layer."""
        self.kv_elements += elements
        if window:
            self.kv_windows[window] = self.kv_windows.get(window, 0.0) + elements

    def linear(self, inputs: float, outputs: float, bias: bool = False, copies: float = 1, used: float = 1) -> None:
        """Add ``copies`` linear layers of which ``used`` act on a token."""
        size = inputs * outputs + (outputs if bias else 0)
        self.parameters += copies * size
        self.active += used * size
        self.macs += used * inputs * outputs
        self.outputs += used * outputs
        self.calls += 1

    def vector(self, *sizes: float) -> None:
        """Add parameters that only scale or shift: norms, biases, gates."""
        self.parameters += sum(sizes)
        self.active += sum(sizes)

    def table(self, rows: float, width: float) -> None:
        """Add an embedding table: parameters that are looked up, not multiplied."""
        self.parameters += rows * width
        self.active += rows * width

    def attend(
        self, heads: float, query_width: float, value_width: float | None = None, window: int | None = None
    ) -> None:
        """Add the two products of attention of ``heads`` heads, each of that width."""
        value_width = query_width if value_width is None else value_width
        pair_macs, pair_outputs = heads * (query_width + value_width), heads
        self.outputs += heads * value_width
        self.calls += 2
        if window:
            before = self.windows.get(window, (0.0, 0.0))
            self.windows[window] = (before[0] + pair_macs, before[1] + pair_outputs)
        else:
            self.pair_macs += pair_macs
            self.pair_outputs += pair_outputs

    def once(self, inputs: float, outputs: float, bias: bool = True) -> None:
        """Add a linear layer that runs once an item."""
        size = inputs * outputs + (outputs if bias else 0)
        self.parameters += size
        self.active += size
        self.once_macs += inputs * outputs
        self.once_outputs += outputs
        self.calls += 1

    def stack(self, tokens: Tokens | None = None, cross: Tokens | None = None) -> Stack:
        """Freeze the count."""
        return Stack(
            macs=self.macs,
            outputs=self.outputs,
            pair_macs=self.pair_macs,
            pair_outputs=self.pair_outputs,
            windows=tuple((w, m, o) for w, (m, o) in sorted(self.windows.items())),
            once_macs=self.once_macs,
            once_outputs=self.once_outputs,
            tokens=Tokens() if tokens is None else tokens,
            cross=cross,
        )


def total_macs(parts: Iterable[Part], sequence_length: float, size: Size) -> float:
    """MACs of one item over all parts; not a number if nothing is known."""
    parts = tuple(parts)
    return sum(p.item_macs(sequence_length, size) for p in parts) if parts else NAN


def total_outputs(parts: Iterable[Part], sequence_length: float, size: Size) -> float:
    """Activation elements of one item over all parts; not a number if nothing is known."""
    parts = tuple(parts)
    return sum(p.item_outputs(sequence_length, size) for p in parts) if parts else NAN
