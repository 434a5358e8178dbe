"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RULE = re.compile(r"^\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_HEADING = re.compile(r"^#+\s+(.*)$")


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes
    ----------
    names : tuple of str
        Column names as written, without the blanks around them.
    rows : tuple of (int, dict)
        Line and cells by column name; a row of another length than the header is not in it.
    line : int
        Line of the header.
    headings : tuple of str
        Headings that stand above it, outermost first.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    line: int
    headings: tuple[str, ...] = ()


def tables(lines: Sequence[str]) -> Iterator[Table]:
    """Tables of a text, in order."""
    headings: list[tuple[int, str]] = []
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        if found := _HEADING.match(line):
            level = len(line) - len(line.lstrip("#"))
            headings = [(n, text) for n, text in headings if n < level] + [(level, found[1].strip())]
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if "|" in line and "|" in following and _RULE.match(following):
            names, rows, start = tuple(_cells(line)), [], number
            number += 2
            while number < len(lines) and "|" in lines[number]:
                cells = _cells(lines[number])
                if len(cells) == len(names) and not _RULE.match(lines[number].strip()):
                    rows.append((number + 1, dict(zip(names, cells, strict=True))))
                number += 1
            yield Table(names, tuple(rows), start + 1, tuple(text for _, text in headings))
            continue
        number += 1


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
