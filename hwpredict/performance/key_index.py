"""Level keys of all effects behind one another, so that one search finds levels of any of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import PosteriorError

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KeyIndex:
    """Where the level of each key is.

    Attributes
    ----------
    keys : ndarray of int64, shape (level,)
        Keys moved by the offset of their effect: ascending throughout.
    offset, missing : ndarray of int64, shape (effect, 1)
        The offsets, and a key that an effect does not have: larger than those that it has.
    """

    keys: Index
    offset: Index
    missing: Index

    @classmethod
    def of(cls, keys: Index, starts: Index) -> KeyIndex:
        """Index of ``keys``, not negative and ascending within ``keys[starts[e]:starts[e + 1]]`` of each effect e.

        Raises
        ------
        PosteriorError
            The keys of all effects together do not fit 64 bits.
        """
        missing = [int(keys[end - 1]) + 1 if end > begin else 0 for begin, end in pairwise(starts.tolist())]
        offset = [0, *accumulate(m + 1 for m in missing)]
        if offset[-1] > np.iinfo(np.int64).max:
            raise PosteriorError(
                f"the effects have {offset[-1]:.0e} combinations of labels, more than 64 bits can number: "
                "fit effects of fewer labels"
            )
        moved = np.array(offset[:-1], np.int64)
        return cls(keys + np.repeat(moved, np.diff(starts)), moved[:, None], np.array(missing, np.int64)[:, None])

    def find(self, key: Index) -> Index:
        """Level of each key, shape (effect, …); -1 where there is none."""
        moved = np.where(key < 0, self.missing, np.minimum(key, self.missing)) + self.offset
        if not len(self.keys):
            return np.full_like(moved, -1)
        found = np.searchsorted(self.keys, moved)
        return np.where(self.keys[np.minimum(found, len(self.keys) - 1)] == moved, found, -1)
