"""A server under load: how many requests run at once, how long the rest wait, and what other models' residuals say.

By Little's law, tokens per second times the time between tokens is the number of requests that decode at once. It
grows with the users until the KV cache is full; from there on the time between tokens stands still and requests queue.
What is left between hwpredict's medians and the measurements is pooled over the other models: a Gaussian process of a
few features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices, models

Array = NDArray[np.float64]

#: Share of the users that run at the largest load below which memory limits them.
FULL = 0.35
#: Share of a device's memory that servers use.
USED = 0.9
#: How sharply users give way to slots as what limits the requests that run.
SHARPNESS = 4.0
#: Mean over median of a queue's waits.
QUEUE = 1.4
#: Prior standard deviations of the residual: intercept and slope in log users of a model, the same of a profile of it,
#: and noise.
MODEL, MODEL_SLOPE, PROFILE, PROFILE_SLOPE, NOISE = 0.3, 0.12, 0.15, 0.1, 0.12
#: Residuals beyond this are measurements that went wrong.
CLIP = 1.5


def room(model: str, device: str, n_devices: int) -> float:
    """Thousand tokens that the KV cache has room for, beside weights of 16 bits."""
    f = models.match(model)
    capacity = devices.find(device).memory_gb
    if f is None or not f.kv_bytes_per_token_fp16 or capacity is None:
        return float("nan")
    free = max(USED * capacity * n_devices * 1e9 - 2 * f.parameters, 5e8)
    return free / f.kv_bytes_per_token_fp16 / 1e3


@dataclass(frozen=True)
class Law:
    """What the other models say of the server.

    Attributes
    ----------
    loads : ndarray, shape (load,)
        Users.
    share : ndarray, shape (load,)
        Log of the share of the users whose requests decode, where memory does not limit them.
    slots : dict of bool to float
        Log requests that run at once per thousand tokens of room, by whether attention is without padding.
    generated : float
        Tokens a request.
    """

    loads: Array
    share: Array
    slots: dict[bool, float]
    generated: float

    def log_slots(self, flash: bool, tokens: float) -> float:
        """Log of the requests that run at once at most."""
        return max(self.slots[flash] + np.log(tokens), 0.0)

    def running(self, log_slots: Array) -> Array:
        """Log of the requests that run at once, shape (profile, load)."""
        free, limited = self.share + np.log(self.loads), log_slots[:, None]
        return np.asarray(-np.logaddexp(-SHARPNESS * free, -SHARPNESS * limited) / SHARPNESS)

    def waits(self, between: Array, running: Array) -> Array:
        """Time that a request waits for its turn beyond that of an unlimited server, in the unit of ``between``."""
        excess = np.exp(np.log(self.loads) - running) - np.exp(-self.share)
        return np.asarray(QUEUE * self.generated * between * np.maximum(excess, 0.0))


def law(servers: Sequence[tuple[bool, float, Array]], loads: Array, generated: float) -> Law:
    """What measured servers say.

    Parameters
    ----------
    servers : sequence of (bool, float, ndarray of shape (load,))
        Of each model on each profile: whether attention is without padding, thousand tokens of room, and requests that
        run at once, NaN where a load was not measured.
    loads : ndarray, shape (load,)
    generated : float
        Tokens a request.
    """
    full = [_last(run / loads) < FULL for _, _, run in servers]
    limits: dict[bool, list[float]] = {True: [], False: []}
    for (flash, tokens, run), limited in zip(servers, full, strict=True):
        if limited:
            limits[flash].append(float(np.log(np.nanmax(run) / tokens)))
    either = limits[True] + limits[False] or [0.0]
    free = [run / loads for (_, _, run), limited in zip(servers, full, strict=True) if not limited]
    return Law(
        loads,
        np.log(np.nanmedian(free, axis=0)) if free else np.zeros(len(loads)),
        {flash: float(np.median(values or either)) for flash, values in limits.items()},
        generated,
    )


def _last(values: Array) -> float:
    return float(values[np.isfinite(values)][-1])


@dataclass(frozen=True)
class Served:
    """Figures of one model on several profiles: hwpredict's log medians and what a residual may depend on.

    Attributes
    ----------
    profiles : list of str
    n_devices, log_slots : ndarray, shape (profile,)
    devices : list of str
    flash : bool
    said, measured : ndarray, shape (profile, load)
        Logs; NaN where nothing was measured.
    """

    profiles: list[str]
    n_devices: Array
    log_slots: Array
    devices: list[str]
    flash: bool
    said: Array
    measured: Array


def features(s: Served, loads: Array, names: Sequence[str], centre: float) -> tuple[Array, Array]:
    """Features of the residual, shape (profile · load, feature), and the prior scales of their slopes."""
    users = np.broadcast_to((np.log(loads) - 2.4) / 1.7, s.said.shape)
    over = np.logaddexp(0, np.log(loads) - s.log_slots[:, None])
    many = np.broadcast_to(np.log(s.n_devices)[:, None], s.said.shape)
    flash, said = np.full(s.said.shape, s.flash - 0.5), s.said - centre
    columns = [
        (said, 0.5), (said * users, 0.15), (np.ones_like(users), 0.3), (users, 0.2), (users**2, 0.1), (flash, 0.15),
        (flash * users, 0.1), (over, 0.2), (over * flash, 0.1), (many, 0.1), (many * users, 0.05),
        *((np.broadcast_to([[float(d == n)] for d in s.devices], s.said.shape), 0.15) for n in names),
    ]  # fmt: skip
    return np.stack([c.ravel() for c, _ in columns], axis=1), np.array([scale for _, scale in columns])


def pooled(target: Served, others: Sequence[Served], loads: Array, draws: int, rng: np.random.Generator) -> Array:
    """Draws of the residual of a model that was not measured, shape (profile, load, draw).

    Parameters
    ----------
    target : Served
        Its ``measured`` is not looked at.
    others : sequence of Served
        Said by posteriors that saw neither them nor the target.
    """
    names = sorted({d for s in others for d in s.devices})
    centre = float(np.mean([s.said.mean() for s in others]))
    x, y, model, profile = [], [], [], []
    for k, s in enumerate(others):
        residual = (s.measured - s.said).ravel()
        ok = np.isfinite(residual)
        x.append(features(s, loads, names, centre)[0][ok])
        y.append(np.clip(residual[ok], -CLIP, CLIP))
        model.append(np.full(ok.sum(), k))
        profile.append(k * 100 + np.repeat(np.arange(len(s.profiles)), len(loads))[ok])
    known, seen = (np.concatenate(x), np.concatenate(model), np.concatenate(profile)), np.concatenate(y)
    new, scale = features(target, loads, names, centre)
    unseen = (new, np.full(len(new), -1), -1 - np.repeat(np.arange(len(target.profiles)), len(loads)))
    k11 = _covariance(known, known, scale) + NOISE**2 * np.eye(len(seen))
    k21 = _covariance(unseen, known, scale)
    gain = np.linalg.solve(k11, k21.T).T
    spread = _covariance(unseen, unseen, scale) - gain @ k21.T + NOISE**2 * np.eye(len(new))
    noise = np.linalg.cholesky(spread + 1e-9 * np.eye(len(new))) @ rng.standard_normal((len(new), draws))
    return np.asarray(((gain @ seen)[:, None] + noise).reshape(*target.said.shape, draws))


type _Points = tuple[Array, NDArray[np.int64], NDArray[np.int64]]


def _covariance(a: _Points, b: _Points, scale: Array) -> Array:
    both = a[0][:, None, 3] * b[0][None, :, 3]  # log users
    model, profile = (a[k][:, None] == b[k][None, :] for k in (1, 2))
    out = (a[0] * scale**2) @ b[0].T + model * (MODEL**2 + MODEL_SLOPE**2 * both)
    return np.asarray(out + profile * (PROFILE**2 + PROFILE_SLOPE**2 * both))
