"""Peak memory of one device under a strategy, from the real parameters of the model.

Weights, gradients and optimizer states are arithmetic (Rajbhandari et al. 2020, section 3); activations follow
Korthikanti et al. 2022; what is uncertain (activations, context, allocator) is drawn from ``data/scaling.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Picture, Stack
from hwpredict.decision.parallel.scaling import facts, lognormal
from hwpredict.decision.parallel.strategy import TRAINING_NUMBERS, Numbers, Optimizer, Strategy
from hwpredict.workload import PRECISIONS

Array = NDArray[np.float64]

#: Layers whose weights FSDP holds whole at a time: the one that computes and the one that is fetched ahead.
GATHERED_LAYERS = 2
#: Bytes of a logit: its fp32 value and gradient (Korthikanti et al. 2022 keep 4 of them, the gradient is the rest).
LOGIT_BYTES = 8.0
#: Buffers of a forward pass against the outputs of two layers: workspaces and what the allocator keeps; assumed.
FORWARD = (1.5, 0.4)
MB = 1e-6


@dataclass(frozen=True, slots=True)
class Shape:
    """What memory and communication need to know of a model.

    Attributes
    ----------
    parameters : float
    layers, heads, hidden : int
        0 where it is no stack of transformer layers.
    vocabulary : float
        Logits per token, 0 for none.
    outputs : float
        Elements of matrix and convolution outputs of one item, attention scores apart.
    tokens : float
        Of one item; 1 for an image.
    step_tokens : float
        Tokens of one item that pass through in one step: 1 in a decode step.
    kv_bytes_per_token : float
        At 16 bits.
    attention : bool
        Whether it is a transformer, over tokens or over the patches of an image.
    """

    parameters: float
    layers: int
    heads: int
    hidden: int
    vocabulary: float
    outputs: float
    tokens: float
    step_tokens: float
    kv_bytes_per_token: float
    attention: bool

    @property
    def stacked(self) -> bool:
        """Whether it is a stack of equal layers over tokens, which tensors and pipelines can split."""
        return self.heads > 0


def shape(
    features: ModelFeatures, sequence_length: float | None, input_size: float | None, *, decode: bool = False
) -> Shape:
    """Shape of a model at a length or size; ``decode`` for one step of generation at that context."""
    stack = next((p for p in features.parts if isinstance(p, Stack)), None)
    size = None if input_size is None else round(input_size)
    outputs = features.activations(sequence_length, size)
    if stack is None or not features.layers:
        side = float(size or features.default_input_size or 1)
        scores = sum(_scores(p, side) for p in features.parts if isinstance(p, Picture))
        return Shape(features.parameters, 0, 0, 0, 0.0, outputs - scores, 1.0, 1.0, 0.0, attention=scores > 0)
    tokens = float(sequence_length or features.default_sequence_length or 1)
    scores = stack.pair_outputs * tokens**2
    heads = round(stack.pair_outputs / features.layers)
    return Shape(
        features.parameters, features.layers, heads, features.hidden, float(features.vocabulary),
        max(outputs - scores, 0.0), tokens, 1.0 if decode else tokens, features.kv_bytes(tokens) / tokens,
        attention=True,
    )  # fmt: skip


def _scores(picture: Picture, side: float) -> float:
    """Elements that grow with the square of the area: attention scores and weighted values."""
    nearest = min(picture.samples, key=lambda s: abs(np.log(s.area / side**2)))
    return nearest.square_outputs * (side**2 / nearest.area) ** 2


@dataclass(frozen=True)
class Memory:
    """Parts of the peak of one device, MB; uncertain ones have shape (draw,)."""

    weights: float
    gradients: float
    optimizer: float
    gathered: float
    activations: Array
    kv_cache: Array
    context: Array

    @property
    def total(self) -> Array:
        """Peak, shape (draw,)."""
        return np.asarray(sum(getattr(self, f.name) for f in fields(self)))

    @property
    def static(self) -> float:
        """What is known without a doubt: weights, gradients and optimizer states."""
        return self.weights + self.gradients + self.optimizer


def training(
    model: Shape, strategy: Strategy, precision: str, optimizer: Optimizer, *, draws: int, seed: int
) -> Memory:
    """Memory of a training step.

    Parameters
    ----------
    model : Shape
    strategy : Strategy
    precision : str
        Key of :data:`hwpredict.decision.parallel.strategy.TRAINING_NUMBERS`.
    optimizer : Optimizer
    draws, seed : int

    Returns
    -------
    Memory
    """
    n = TRAINING_NUMBERS[precision]
    split = strategy.tensor * strategy.pipeline
    own = model.parameters / split
    states = optimizer.state_bytes + (4.0 if n.half and optimizer.master else 0.0)
    weights = own * n.weight / (strategy.data if strategy.zero >= 3 else 1)
    gradients = own * n.gradient / (strategy.data if strategy.zero >= 2 else 1)
    held = own * states / (strategy.data if strategy.zero >= 1 else 1)
    gathered = 0.0
    if strategy.zero == 3 and strategy.data > 1:
        layer = model.parameters / max(model.layers, 1) / strategy.tensor
        largest = max(layer, model.vocabulary * model.hidden / strategy.tensor)
        gathered = (GATHERED_LAYERS * n.weight + n.gradient) * min(largest, own)
    fragmentation = lognormal("fragmentation", facts()["memory"]["fragmentation"], draws, seed)
    context = lognormal("context", facts()["memory"]["context"], draws, seed)
    activations = _activations(model, strategy, n, draws, seed)
    # the allocator rounds what comes and goes; weights and states are allocated once
    return Memory(
        weights * MB, gradients * MB, held * MB, gathered * MB, activations * fragmentation, np.zeros(draws), context
    )


def _activations(model: Shape, strategy: Strategy, n: Numbers, draws: int, seed: int) -> Array:
    """Activations that wait for the backward pass, MB, shape (draw,)."""
    kind = "transformer" if model.attention else "convolution"
    factor = lognormal(f"activations {kind}", facts()["memory"][kind], draws, seed)
    logits = model.tokens * model.vocabulary * LOGIT_BYTES
    body = max(model.outputs - model.tokens * model.vocabulary, 0.0) * n.compute
    # the first stage of a 1F1B pipeline holds one micro-batch of its layers per stage behind it: all layers' worth
    # (Korthikanti et al. 2022, section 4.2.3); with sequence parallelism everything splits over the tensor group
    waiting = min(strategy.pipeline, strategy.accumulation) / strategy.pipeline
    if strategy.checkpointing:
        if model.stacked:  # the input of every layer, and one layer whole
            inputs = model.tokens * model.hidden * n.compute * model.layers
            body_draws = inputs * waiting + factor * body / model.layers
        else:  # sqrt(n) segments of n layers, and one segment whole (Chen et al. 2016); some fifty layers
            body_draws = factor * body * 2 / np.sqrt(50)
    else:
        body_draws = factor * body * waiting
    total = (body_draws + logits / (strategy.pipeline if strategy.pipeline > 1 else 1)) / strategy.tensor
    return np.broadcast_to(np.asarray(total * strategy.micro_batch * MB, dtype=float), (draws,)).copy()


def inference(model: Shape, strategy: Strategy, precision: str, *, draws: int, seed: int) -> Memory:
    """Memory of a forward pass or a decode step.

    Parameters
    ----------
    model, strategy, precision, draws, seed
        As in :func:`training`; any precision of :data:`hwpredict.workload.PRECISIONS`.
    """
    f = PRECISIONS[precision]
    split = strategy.tensor * strategy.pipeline
    weights = model.parameters * f.weight_bits / 8 / split
    cache = model.kv_bytes_per_token * model.tokens * strategy.micro_batch / split
    layers = max(model.layers, 1)
    # two layers' outputs are alive at a time, and the logits of the last
    factor = lognormal("activations forward", FORWARD, draws, seed)
    live = 2 * model.outputs * model.step_tokens / model.tokens / (layers if model.stacked else 10)
    live *= f.activation_bits / 8
    fragmentation = lognormal("fragmentation", facts()["memory"]["fragmentation"], draws, seed)
    context = lognormal("context", facts()["memory"]["context"], draws, seed)
    return Memory(
        weights * MB, 0.0, 0.0, 0.0,
        factor * live * strategy.micro_batch / strategy.tensor * MB * fragmentation,
        cache * MB * fragmentation, context,
    )  # fmt: skip
