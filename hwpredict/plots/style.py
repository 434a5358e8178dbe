"""One look for every figure: sizes of a journal column, one colour and mark a platform, hollow marks for prior-only."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict.errors import StoreError, unknown
from hwpredict.workload import Evidence, Platform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Inches: one column of a journal, and the height of a page. Figures are drawn at this size, so 7 pt stays 7 pt.
COLUMN, PAGE = 3.5, 9.0
FORMATS = ("png", "svg", "pdf")
DPI = 220


@dataclass(frozen=True, slots=True)
class Look:
    """Colour (hex) and matplotlib marker of a platform."""

    colour: str
    marker: str


#: Colours that stay apart for the colour-blind: a test simulates protanopia, deuteranopia and tritanopia. The marker
#: says the same again.
PLATFORM_LOOKS: dict[str, Look] = {
    Platform.CUDA: Look("#117733", "o"),
    Platform.ROCM: Look("#882255", "s"),
    Platform.MPS: Look("#D4B000", "D"),
    Platform.CPU: Look("#332288", "^"),
    Platform.OPENVINO: Look("#3F90DA", "v"),
    Platform.WEBNN: Look("#88CCEE", "P"),
    Platform.WEBGPU: Look("#832DB6", "X"),
    Platform.QNN: Look("#E8627A", "h"),
    Platform.TPU: Look("#661100", "p"),
    Platform.OTHER: Look("#000000", "<"),
}
#: For what is no platform: first the one that matters, then the ones beside it.
NEUTRAL = ("#222222", "#777777", "#BBBBBB", "#E4E4E4")
#: Two posteriors side by side.
PAIR = ("#0072B2", "#D55E00")
#: Parts of the time of a step, likewise told apart.
PART_COLOURS = {
    "compute": "#0072B2",
    "activation": "#56B4E9",
    "weights": "#E69F00",
    "kv": "#882255",
    "overhead": "#BBBBBB",
    "comm": "#000000",
}
PART_LABELS = {
    "compute": "arithmetic",
    "activation": "activation traffic",
    "weights": "weight traffic",
    "kv": "KV-cache traffic",
    "overhead": "fixed overhead",
    "comm": "communication",
}

RC: Any = {
    "font.size": 7.0,
    "font.family": ["DejaVu Sans"],
    "axes.titlesize": 7.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": NEUTRAL[1],
    "axes.axisbelow": True,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.minor.width": 0.3,
    "ytick.minor.width": 0.3,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "grid.linewidth": 0.4,
    "grid.color": "#E8E8E8",
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "figure.dpi": 100,
    "savefig.dpi": DPI,
    "svg.fonttype": "none",
    "svg.hashsalt": "hwpredict",
    "pdf.fonttype": 42,
}


def styled[**P](draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a figure function under :data:`RC`, leaving the user's settings as they were."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib as mpl

        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float = COLUMN, height: float = 2.6) -> Figure:
    """An empty figure of its own, outside pyplot's registry: nothing to close, nothing to leak."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def look(platform: str) -> Look:
    """Colour and marker of a platform; those of "other" for a name that is none."""
    return PLATFORM_LOOKS.get(platform, PLATFORM_LOOKS[Platform.OTHER])


def hollow(evidence: str) -> bool:
    """Whether a mark is drawn hollow: nothing of this platform or family was measured."""
    return evidence == Evidence.PRIOR


def check_format(name: str) -> str:
    """``name`` if figures can be written in it.

    Raises
    ------
    UnknownNameError
    """
    if name not in FORMATS:
        raise unknown("figure format", name, FORMATS)
    return name


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure in the format of its ending, atomically and without a date, so that equal figures are equal files.

    Raises
    ------
    UnknownNameError, StoreError
    """
    import matplotlib as mpl

    target = Path(path)
    kind = check_format(target.suffix[1:].casefold())
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(RC):
            figure.savefig(temporary, format=kind, metadata=metadata)
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write the figure {target}: {error.strerror or error}") from error
    return target
