"""What cannot run where: platform × precision × mode, as data with sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Rule:
    """A combination that does not run.

    Attributes
    ----------
    platforms, precisions, modes : frozenset of str
        An empty set means any.
    reason, source, date : str
    """

    platforms: frozenset[str]
    precisions: frozenset[str]
    modes: frozenset[str]
    reason: str
    source: str
    date: str


@cache
def rules() -> tuple[Rule, ...]:
    """All rules of ``data/compatibility.toml``."""
    text = (resources.files("hwpredict.catalog") / "data" / "compatibility.toml").read_text(encoding="utf-8")
    return tuple(
        Rule(
            frozenset(rule.get("platforms", ())),
            frozenset(rule.get("precisions", ())),
            frozenset(rule.get("modes", ())),
            rule["reason"],
            rule["source"],
            rule["date"],
        )
        for rule in tomllib.loads(text)["rule"]
    )


@cache
def incompatible(platform: str, precision: str, mode: str) -> str | None:
    """Why a combination does not run, or None if nothing is known against it."""
    for rule in rules():
        if (
            platform in rule.platforms
            and (not rule.precisions or precision in rule.precisions)
            and (not rule.modes or mode in rule.modes)
        ):
            what = precision if rule.precisions else mode
            return f"{what} does not run on {platform}: it {rule.reason} ({rule.source}, {rule.date})"
    return None
