"""What is written in a figure, where, and whether any of it lies on other text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> list[tuple[str, Any]]:
    """Text that is seen, with its extent in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    out, beyond = [], set(_beyond(figure))
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if id(text) in beyond or not text.get_visible() or not text.get_text().strip():
            continue
        axes = text.axes
        if axes is not None and not axes.axison and text is not axes.title:
            continue
        box = text.get_window_extent(renderer)
        out.append((text.get_text(), box))
    return out


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie on each other by more than a pixel, or touch on one line."""
    found = []
    for (a, x), (b, y) in combinations(texts(figure), 2):
        wide = min(x.x1, y.x1) - max(x.x0, y.x0)
        high = min(x.y1, y.y1) - max(x.y0, y.y0)
        if wide > (-1 if abs(x.y0 - y.y0) < 1 else 1) and high > 1.5:
            found.append((a, b))
    return found


def _beyond(figure: Figure) -> Iterator[int]:
    """Labels of ticks outside of their axis, which matplotlib keeps and does not draw."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in axis.get_major_ticks():
                if not low - slack <= tick.get_loc() <= high + slack:
                    yield from (id(tick.label1), id(tick.label2))
