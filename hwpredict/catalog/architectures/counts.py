"""The work of a model that is known by published or counted figures, from its rows in a table of facts."""

from __future__ import annotations

from hwpredict.catalog.architectures.facts import Row, number, parse_size
from hwpredict.catalog.architectures.work import NAN, Part, Picture, Sample, Stack, Tokens, area


def counted(rows: list[Row]) -> tuple[Part, ...]:
    """Work of a model known by its counts.

    Parameters
    ----------
    rows : list of dict
        Its rows, of one image size each; or one of a sequence of ``sequence_length`` tokens (audio: frames of 20 ms),
        of which ``square_gmacs`` grow with the square of the length; or one of an item of no particular size.

    Returns
    -------
    tuple of Stack or Picture
        Empty if no row has MACs.
    """
    samples = []
    for row in rows:
        macs, outputs = number(row, "gmacs", NAN) * 1e9, number(row, "activations_m", NAN) * 1e6
        if macs != macs:
            continue
        square = number(row, "square_gmacs") * 1e9, number(row, "square_activations_m") * 1e6
        length = number(row, "sequence_length")
        if row["input_size"]:
            samples.append(Sample(area(parse_size(row["input_size"])), macs, outputs, *square))
        elif length:
            pairs = square[0] / length**2, square[1] / length**2
            return (Stack((macs - square[0]) / length, (outputs - square[1]) / length, *pairs),)
        else:
            return (Stack(macs, outputs, tokens=Tokens("fixed", 1)),)
    return (Picture(tuple(samples)),) if samples else ()
