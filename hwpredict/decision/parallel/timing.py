"""Time of a step over several devices: one device's prediction, split, plus what the devices tell each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog.devices import Device
from hwpredict.decision.parallel.memory import Shape
from hwpredict.decision.parallel.scaling import link, replica_straggler, scaling, tensor_straggler
from hwpredict.decision.parallel.strategy import TRAINING_NUMBERS, Strategy
from hwpredict.workload import PRECISIONS

Array = NDArray[np.float64]

#: A forward pass again on top of forward and backward (Chen et al. 2016; Korthikanti et al. 2022, section 5).
RECOMPUTE = 4 / 3
#: All-reduces of the activations per layer: two forward, two backward (Shoeybi et al. 2019, figure 4).
TENSOR_COLLECTIVES = {"training": 4, "inference": 2}


def ring(bytes_: float, devices: int, passes: float = 2.0) -> float:
    """Bytes that each device sends in a ring collective.

    Parameters
    ----------
    bytes_ : float
        Size of the whole buffer.
    devices : int
    passes : float
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather (Patarasuk & Yuan 2009).
    """
    return passes * (devices - 1) / devices * bytes_


@dataclass(frozen=True)
class Step:
    """Time of a step.

    Attributes
    ----------
    seconds : ndarray, shape (draw,)
    compute, communication, bubble : ndarray, shape (draw,)
        Parts of it: arithmetic and memory traffic, communication that does not hide, idle pipeline stages.
    efficiency : ndarray, shape (draw,)
        Speed against as many times one device with the same micro-batch.
    """

    seconds: Array
    compute: Array
    communication: Array
    bubble: Array
    efficiency: Array


def step(
    one: Array,
    model: Shape,
    strategy: Strategy,
    device: Device,
    precision: str,
    *,
    mode: str = "training",
    network_gb_s: float | None = None,
    seed: int = 0,
) -> Step:
    """Time of a step.

    Parameters
    ----------
    one : ndarray, shape (draw,)
        Seconds that one device would take for a micro-batch of the whole model.
    model : Shape
    strategy : Strategy
    device : Device
    precision : str
    mode : {"training", "inference"}
    network_gb_s : float, optional
        GB/s one way per device between machines.
    seed : int

    Returns
    -------
    Step
    """
    draws = len(one)
    s = strategy
    stages = s.tensor * s.pipeline
    micro = one / stages
    if s.checkpointing:
        micro = micro * RECOMPUTE
    exposed = np.zeros(draws)
    if s.tensor > 1:
        within = link(device, s.tensor, network_gb_s)
        speed = scaling(within.kind, draws, seed)
        micro = micro * np.exp(tensor_straggler(mode, draws, seed) * np.log2(s.tensor))
        message = s.micro_batch * model.step_tokens * model.hidden * _activation_bytes(precision, mode)
        volume = ring(message, s.tensor) * TENSOR_COLLECTIVES[mode] * model.layers / s.pipeline
        exposed = exposed + volume / (speed.bus * within.gb_s * 1e9)
    busy = s.accumulation * micro
    per_stage = s.accumulation * exposed
    bubble = (s.pipeline - 1) * (micro + exposed)
    synchronous, factor = _synchronise(model, s, device, precision, mode, busy, network_gb_s, seed)
    if s.pipeline > 1:  # activations pass from stage to stage, once per micro-batch and direction
        wide = link(device, s.devices // s.data, network_gb_s)
        message = s.micro_batch * model.step_tokens * model.hidden * _activation_bytes(precision, mode)
        ways = 2 if mode == "training" else 1
        per_stage = per_stage + s.accumulation * ways * message / (wide.gb_s * 1e9)
    communication = per_stage + synchronous
    seconds = (busy + communication + bubble) * factor
    ideal = s.accumulation * one / stages
    return Step(seconds, busy * factor, communication * factor, bubble * factor, ideal / seconds)


def _activation_bytes(precision: str, mode: str) -> float:
    return TRAINING_NUMBERS[precision].compute if mode == "training" else PRECISIONS[precision].activation_bits / 8


def _synchronise(
    model: Shape,
    s: Strategy,
    device: Device,
    precision: str,
    mode: str,
    busy: Array,
    network_gb_s: float | None,
    seed: int,
) -> tuple[Array, Array]:
    """Seconds of data-parallel communication that do not hide, and the slow-down by waiting for one another."""
    draws = len(busy)
    if s.data == 1:
        return np.zeros(draws), np.ones(draws)
    if mode == "inference":  # replicas do not talk
        return np.zeros(draws), np.exp(replica_straggler(draws, seed) * np.log2(s.data))
    n = TRAINING_NUMBERS[precision]
    own = model.parameters / (s.tensor * s.pipeline)
    if s.zero == 3:  # weights are gathered forward and backward, gradients scattered, in every micro-batch
        volume = s.accumulation * (ring(own * n.weight, s.data, 2.0) + ring(own * n.gradient, s.data, 1.0))
    else:  # an all-reduce, or a reduce-scatter and an all-gather: the same bytes
        volume = ring(own * n.gradient, s.data, 1.0) + ring(own * n.weight, s.data, 1.0)
    over = link(device, s.devices, network_gb_s)
    speed = scaling(over.kind, draws, seed)
    seconds = volume / (speed.bus * over.gb_s * 1e9)
    hidden = speed.overlap * busy
    return np.maximum(seconds - hidden, 0.0), np.exp(speed.straggler * np.log2(s.data) + speed.residual)
