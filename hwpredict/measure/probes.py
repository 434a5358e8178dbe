"""Eyes and hands of detection: the files, commands and libraries that it may ask.

They are injected, so that tests can say what another machine would have answered.
"""

from __future__ import annotations

import glob
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

#: Seconds after which a command that only prints facts is given up.
COMMAND_TIMEOUT = 10.0


class NotObtainedError(Exception):
    """A probe has no answer; the message says why, for the report."""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotObtainedError(f"cannot read {path}: {error.strerror or error}") from error


def _glob(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))


def _run(command: Sequence[str], timeout: float = COMMAND_TIMEOUT) -> str:
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise NotObtainedError(f"{command[0]} is not installed") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotObtainedError(f"{command[0]} did not answer: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotObtainedError(f"{command[0]} failed: {said[-1] if said else f'status {done.returncode}'}")
    return done.stdout


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == module.split(".")[0]:
            raise NotObtainedError(f"{module} is not installed") from error
        raise NotObtainedError(f"{module} is installed, but {error.name} is not") from error
    except Exception as error:  # a native library that is missing or broken raises anything
        raise NotObtainedError(f"{module} is installed, but cannot be imported: {error}") from error


def _affinity() -> frozenset[int] | None:
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@dataclass(frozen=True)
class Probes:
    """What detection may ask of a machine.

    Attributes
    ----------
    system, machine : str
        As :func:`platform.system` and :func:`platform.machine` say them.
    read : callable
        Text of a file; raises :class:`NotObtainedError`.
    glob : callable
        Sorted paths that fit a pattern.
    run : callable
        Standard output of a command; raises :class:`NotObtainedError`.
    load : callable
        A Python module by name; raises :class:`NotObtainedError`.
    environ : Mapping of str to str
    affinity : frozenset of int or None
        Logical processors that this process may run on; None where the system cannot say.
    """

    system: str = field(default_factory=platform.system)
    machine: str = field(default_factory=platform.machine)
    read: Callable[[str], str] = _read
    glob: Callable[[str], list[str]] = _glob
    run: Callable[[Sequence[str]], str] = _run
    load: Callable[[str], Any] = _load
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    affinity: frozenset[int] | None = field(default_factory=_affinity)

    def text(self, path: str) -> str:
        """Stripped text of a file, empty when it cannot be read."""
        try:
            return self.read(path).strip("\x00 \n\t")
        except NotObtainedError:
            return ""

    def number(self, path: str) -> int | None:
        """Whole number that a file holds, None when it holds none or cannot be read."""
        text = self.text(path)
        try:
            return int(text, 0)
        except ValueError:
            return None
