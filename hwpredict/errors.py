"""Every exception that hwpredict raises on purpose.

HwpredictError
├── UnknownNameError (also KeyError)      a model, device, platform, precision … that is not known
├── InvalidWorkloadError (also ValueError) a batch of -4, a NaN, a missing column
│   └── NothingToShowError                 a figure of what cannot run
├── IncompatibleError (also ValueError)    a platform that cannot run what was asked
│   └── InfeasibleError                    options that run but meet the constraints in no case
├── MissingFigureError (also ValueError)   a price or power that the utility needs and nobody stated
├── ConfigError (also ValueError)          a configuration file that cannot be read, or a key in it that is not known
├── PosteriorError (also ValueError)       a posterior file that is missing, corrupt or of another version
└── StoreError (also OSError)              a measurement store that cannot be opened, locked or read
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HwpredictError(Exception):
    """Base class of all errors that hwpredict raises on purpose."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class UnknownNameError(HwpredictError, KeyError):
    """A name that is not in the vocabulary or the catalog."""


class InvalidWorkloadError(HwpredictError, ValueError):
    """A workload that makes no sense: a negative batch, a NaN, an empty table."""


class NothingToShowError(InvalidWorkloadError):
    """A figure of a slice in which nothing can run."""


class IncompatibleError(HwpredictError, ValueError):
    """A target that cannot run the workload."""


class InfeasibleError(IncompatibleError):
    """No option meets the constraints.

    Attributes
    ----------
    options : list of dict
        What each option reaches: name, P(feasible), P of every constraint.
    """

    def __init__(self, message: str, options: list[dict[str, object]] | None = None) -> None:
        super().__init__(message)
        self.options = options or []


class MissingFigureError(HwpredictError, ValueError):
    """A figure (price, power …) that a utility or constraint needs and that is not known.

    Attributes
    ----------
    options : tuple of str
        Options without it.
    """

    def __init__(self, message: str, options: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.options = options


class ConfigError(HwpredictError, ValueError):
    """A configuration file that cannot be read, or a key or value in it that makes no sense."""


class PosteriorError(HwpredictError, ValueError):
    """A posterior file that is missing, corrupt or written by another version."""


class StoreError(HwpredictError, OSError):
    """A measurement store that cannot be opened, locked or read."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Known names that look most like ``name``, best first, case-insensitively."""
    by_fold = {k.casefold(): k for k in known}
    return [by_fold[m] for m in difflib.get_close_matches(name.casefold(), by_fold, n=count, cutoff=0.45)]


def unknown(kind: str, name: object, known: Iterable[str], *, hint: str = "") -> UnknownNameError:
    """Build the error for an unknown name: what was given, the nearest known ones, what to do next."""
    known = sorted({str(k) for k in known})  # members of an enumeration print as their values
    close = nearest(str(name), known)
    if close:
        advice = f"did you mean {' or '.join(repr(c) for c in close)}?"
    else:
        shown = ", ".join(known[:12])
        advice = f"known: {shown}" + (f", … ({len(known)} in all)" if len(known) > 12 else "")
    return UnknownNameError(f"unknown {kind} {str(name)!r}: {advice}" + (f" {hint}" if hint else ""))
