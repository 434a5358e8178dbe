"""The fitted object: joint posterior draws of every effect, small enough to ship and quick to load.

A level's draws are stored as its mean plus a whole number of steps of 0.004 (0.4 %). The step is the same for all
levels because effects trade off against each other: an intercept and a device may each be uncertain by 50 % while
their sum is known to 1 %, and rounding relative to each one's own spread would drown that sum. The file is netCDF-4 in
the groups that ArviZ uses; NumPy and netCDF4 are all that reading it takes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import PosteriorError
from hwpredict.performance.calibration import Calibration
from hwpredict.performance.design import Vocabulary
from hwpredict.performance.deviations import StoredDeviations
from hwpredict.performance.key_index import KeyIndex
from hwpredict.performance.layout import Layout, layout
from hwpredict.performance.parts import MEMORY, PART_NAMES, Effect

if TYPE_CHECKING:
    from hwpredict.performance.design import Array
    from hwpredict.performance.engine import Laplace  # with SciPy and numba, which only fitting takes

#: Version of the file layout; a file of another version is refused.
FORMAT = 2
#: Resolution of a draw, log scale. The rounding of 90 effects of a row adds sqrt(90 / 12) · 0.004 = 1 % of noise.
STEP = 0.004
#: Draws kept of the shipped posterior.
DRAWS = 112
#: Levels of a chunk of the file: what a prediction reads at a time.
CHUNK = 512
#: The draws are noise below their first bits: the highest level takes a minute and saves one percent.
COMPRESSION = 6


@dataclass(frozen=True)
class Posterior:
    """Joint posterior of a fit.

    Attributes
    ----------
    effects : tuple of Effect
        The model that was fitted, in the order of the levels.
    starts : ndarray of int, shape (effect + 1,)
        First level of each effect.
    keys : ndarray of int64, shape (level,)
        Level keys in ``vocabulary``, ascending within an effect.
    counts : ndarray of int, shape (level,)
        Observations that informed each level.
    mean : ndarray, shape (level,)
    deviation : ndarray of int16, shape (draw, level)
        Draws minus mean, in steps of :data:`STEP`; of a posterior from a file read when they are looked at.
    scale : ndarray, shape (draw, effect)
        Scale from which an unseen level of each effect is drawn.
    noise_names : list of str
    noise : ndarray, shape (noise group,)
        Student-t scale of observations.
    noise_population : ndarray, shape (2, 2)
        Mean and standard deviation of log noise scales over groups, for time and memory: where an unseen harness
        draws its noise from.
    vocabulary : Vocabulary
    harnesses : list of str
        Harnesses that overlap their steps (see :func:`hwpredict.performance.design.overlapped_harnesses`).
    calibration : Calibration
        Stretch of the predictive draws that was fitted on held-out folds; none by default.
    attrs : dict
        Provenance: created, library version, seed, rows, sources, iterations.
    """

    effects: tuple[Effect, ...]
    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    counts: NDArray[np.int32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.int16]
    scale: NDArray[np.float32]
    noise_names: list[str]
    noise: NDArray[np.float32]
    noise_population: NDArray[np.float32]
    vocabulary: Vocabulary
    harnesses: list[str]
    attrs: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=lambda: Calibration({}))

    @property
    def n_draws(self) -> int:
        """Draws of every effect."""
        return int(self.deviation.shape[0])

    @cached_property
    def noise_index(self) -> dict[str, int]:
        """Position of each noise group."""
        return {n: i for i, n in enumerate(self.noise_names)}

    def noise_moments(self, name: str) -> tuple[float, float]:
        """Mean and standard deviation of the log noise scale of a group, or of its population if it is unseen."""
        known = self.noise_index.get(name)
        if known is not None:
            return float(np.log(self.noise[known])), 0.0
        centre, spread = self.noise_population[1 if name.startswith(MEMORY) else 0].tolist()
        return centre, spread

    def effect_slice(self, position: int) -> slice:
        """Levels of the effect at ``position``."""
        return slice(int(self.starts[position]), int(self.starts[position + 1]))

    @cached_property
    def layout(self) -> Layout:
        """The sums that the effects are added up in."""
        return layout(self.effects, {label: len(names) for label, names in self.vocabulary.names.items()})

    @cached_property
    def key_index(self) -> KeyIndex:
        """Where each level is."""
        return KeyIndex.of(self.keys, self.starts)

    def deviations(self, levels: NDArray[np.int64]) -> NDArray[np.int16]:
        """Draws minus mean of some levels, shape (level, draw)."""
        held: Any = self.deviation
        if isinstance(held, StoredDeviations):
            return held.of(levels)
        return np.ascontiguousarray(self.deviation[:, levels].T)

    def level_names(self, position: int) -> list[str]:
        """Readable names of the levels of one effect."""
        return self.vocabulary.level_names(self.effects[position].labels, self.keys[self.effect_slice(position)])

    def draws(self, position: int) -> NDArray[np.float32]:
        """Posterior draws of one effect, shape (draw, level)."""
        s = self.effect_slice(position)
        steps = self.deviations(np.arange(s.start, s.stop)).T
        return np.asarray(self.mean[s] + np.float32(STEP) * steps)

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of what the posterior says; stored beside every prediction."""
        digest = hashlib.sha256()
        for array in (self.keys, self.mean, self.deviation, self.scale, self.noise):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def from_laplace(
        cls,
        state: Laplace,
        effects: Array,
        scale: Array,
        *,
        attrs: Mapping[str, Any] | None = None,
    ) -> Posterior:
        """Pack draws from a fitted approximation (see :meth:`Laplace.sample`)."""
        d = state.design
        mean = effects.mean(axis=0)
        deviation = np.clip(np.rint((effects - mean) / STEP), -32767, 32767).astype(np.int16)
        log_noise, is_memory = np.log(state.noise), d.noise_is_memory
        population = [
            (log_noise[m].mean(), max(log_noise[m].std(), 0.3)) if m.any() else (np.log(0.1), 0.5)
            for m in (~is_memory, is_memory)
        ]
        return cls(
            effects=d.effects,
            starts=d.starts.astype(np.int64),
            keys=np.concatenate(d.keys).astype(np.int64),
            counts=d.counts.astype(np.int32),
            mean=mean.astype(np.float32),
            deviation=deviation,
            scale=scale.astype(np.float32),
            noise_names=d.noise_names,
            noise=state.noise.astype(np.float32),
            noise_population=np.array(population, dtype=np.float32),
            vocabulary=d.vocabulary,
            harnesses=d.harnesses,
            attrs=dict(attrs or {}) | {"history": state.history},
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as netCDF-4 (atomically: a temporary file that takes the name at the end)."""
        from netCDF4 import Dataset

        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        with Dataset(temporary, "w", format="NETCDF4") as f:
            self._write(f)
        os.replace(temporary, target)

    def _write(self, f: Any) -> None:
        packed = {"zlib": True, "complevel": COMPRESSION, "shuffle": True}
        f.setncatts({
            "title": "hwpredict posterior: throughput, latency and memory of deep-learning models",
            "Conventions": "CF-1.11",
            "format": FORMAT,
            "effects": json.dumps([asdict(e) | {"df": str(e.df)} for e in self.effects]),
            "parts": json.dumps(PART_NAMES),
            "harnesses": json.dumps(self.harnesses),
            "calibration": json.dumps(self.calibration.factors),
            "provenance": json.dumps(self.attrs, default=str),
            "fingerprint": self.fingerprint,
        })  # fmt: skip
        for name, size in (
            ("chain", 1),
            ("draw", self.n_draws),
            ("level", len(self.keys)),
            ("effect", len(self.effects)),
        ):
            f.createDimension(name, size)
        f.createDimension("start", len(self.starts))
        f.createDimension("noise_group", len(self.noise_names))
        f.createDimension("metric", 2)
        f.createDimension("moment", 2)
        _strings(f, "effect", "effect", [e.name for e in self.effects])
        _strings(f, "noise_group", "noise_group", self.noise_names)
        post = f.createGroup("posterior")
        chunks = (1, self.n_draws, min(CHUNK, len(self.keys)))
        deviation = post.createVariable("deviation", "i2", ("chain", "draw", "level"), chunksizes=chunks, **packed)
        deviation.set_auto_maskandscale(False)
        deviation.setncatts({"scale_factor": STEP, "long_name": "effect minus its mean, log scale"})
        deviation[:] = np.asarray(self.deviation)[None]
        scale = post.createVariable("scale", "f4", ("chain", "draw", "effect"), **packed)
        scale.long_name = "scale of each effect's levels, log scale"
        scale[:] = self.scale[None]
        data = f.createGroup("constant_data")
        for name, dims, values, kind in (
            ("start", ("start",), self.starts, "i8"),
            ("key", ("level",), self.keys, "i8"),
            ("count", ("level",), self.counts, "i4"),
            ("mean", ("level",), self.mean, "f4"),
            ("noise", ("noise_group",), self.noise, "f4"),
            ("noise_population", ("metric", "moment"), self.noise_population, "f4"),
        ):
            data.createVariable(name, kind, dims, **packed)
            data[name][:] = values
        names = f.createGroup("labels")
        for label, known in self.vocabulary.names.items():
            names.createDimension(f"{label}_name", len(known))
            _strings(names, label, f"{label}_name", known)
        stats = f.createGroup("sample_stats")
        history = self.attrs.get("history", [])
        stats.createDimension("iteration", len(history))
        for name in ("step", "residual", "seconds"):
            stats.createVariable(name, "f4", ("iteration",))[:] = [h[name] for h in history]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Posterior:
        """Read a posterior.

        Raises
        ------
        PosteriorError
            The file is missing, is no posterior of hwpredict, or has another format version.
        """
        from netCDF4 import Dataset

        if not Path(path).is_file():
            raise PosteriorError(f"no posterior at {path}: give the .nc file that `hwpredict fit` wrote")
        try:
            with Dataset(path, "r") as f:
                return cls._read(f, path)
        except (OSError, RuntimeError, KeyError, IndexError, AttributeError, json.JSONDecodeError) as error:
            raise PosteriorError(
                f"{path} is not a posterior that hwpredict can read ({error}): fit or download it again"
            ) from error

    @classmethod
    def _read(cls, f: Any, path: Any) -> Posterior:
        if int(f.format) != FORMAT:
            raise PosteriorError(f"{path} has format {f.format}, this version reads {FORMAT}: fit it again")
        f.set_auto_mask(False)
        post, data = f["posterior"], f["constant_data"]
        effects = []
        for spec in json.loads(f.effects):
            spec |= {"df": float(spec["df"]), "labels": tuple(spec["labels"]), "parts": tuple(spec["parts"])}
            effects.append(Effect(**spec))
        out = cls(
            effects=tuple(effects),
            starts=data["start"][:],
            keys=data["key"][:],
            counts=data["count"][:],
            mean=data["mean"][:],
            deviation=StoredDeviations(path, post["deviation"]),  # type: ignore[arg-type]
            scale=post["scale"][0],
            noise_names=f["noise_group"][:].tolist(),
            noise=data["noise"][:],
            noise_population=data["noise_population"][:],
            vocabulary=Vocabulary({name: v[:].tolist() for name, v in f["labels"].variables.items()}),
            harnesses=json.loads(f.harnesses),
            calibration=Calibration({k: (v[0], v[1]) for k, v in json.loads(f.calibration).items()}),
            attrs=json.loads(f.provenance),
        )
        out.__dict__["fingerprint"] = str(f.fingerprint)  # of a cached property: reading all of it takes a while
        return out


def _strings(group: Any, name: str, dim: str, values: list[str]) -> None:
    group.createVariable(name, str, (dim,))[:] = np.array(values, dtype=object)
