"""What cannot run where: platform × precision × family × mode, and browser × platform, as data with sources."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from hwpredict.errors import unknown
from hwpredict.workload import PRECISIONS, Family, Mode, Platform


@dataclass(frozen=True, slots=True)
class Rule:
    """A combination that does not run.

    Attributes
    ----------
    platforms, precisions, families, modes : frozenset of str
        An empty set means any.
    reason, source, date : str
    """

    platforms: frozenset[str]
    precisions: frozenset[str]
    families: frozenset[str]
    modes: frozenset[str]
    reason: str
    source: str
    date: str

    def applies(self, platform: str, precision: str, mode: str, family: str) -> bool:
        """Whether a combination falls under the rule; a family that is not known falls under no rule on families."""
        return (
            (not self.platforms or platform in self.platforms)
            and (not self.precisions or precision in self.precisions)
            and (not self.modes or mode in self.modes)
            and (not self.families or family in self.families)
        )


def _load(name: str) -> dict[str, Any]:
    text = (resources.files("hwpredict.catalog") / "data" / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _names(rule: dict[str, Any], key: str, known: Iterable[str]) -> frozenset[str]:
    """The names of one axis of a rule, each of which must exist: a typo would silently switch the rule off."""
    allowed = {str(k) for k in known}
    for name in rule.get(key, ()):
        if name not in allowed:
            raise unknown(f"{key} in compatibility.toml", name, allowed)
    return frozenset(rule.get(key, ()))


@cache
def rules() -> tuple[Rule, ...]:
    """All rules of ``data/compatibility.toml``."""
    return tuple(
        Rule(
            _names(rule, "platforms", Platform),
            _names(rule, "precisions", PRECISIONS),
            _names(rule, "families", Family),
            _names(rule, "modes", Mode),
            rule["reason"],
            rule["source"],
            rule["date"],
        )
        for rule in _load("compatibility.toml")["rule"]
    )


@cache
def incompatible(platform: str, precision: str, mode: str, family: str | None = None) -> str | None:
    """Why a combination does not run, or None if nothing is known against it.

    Parameters
    ----------
    platform, precision, mode : str
    family : str, optional
        Unknown by default: rules on families then do not apply.
    """
    for rule in rules():
        if rule.applies(platform, precision, mode or "inference", family or ""):
            what = " ".join(
                word for word, axis in ((precision, rule.precisions), (mode or "inference", rule.modes)) if axis
            )
            of = f" of {family} models" if rule.families else ""
            return f"{what}{of} does not run on {platform}: it {rule.reason} ({rule.source}, {rule.date})"
    return None


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a browser has a platform on an operating system.

    Attributes
    ----------
    browsers, systems : frozenset of str
        An empty set of systems means any.
    platform : str
    status : str
        ``shipped``, ``flag`` (the user has to switch it on) or ``none``.
    since, note, source, date : str
    """

    browsers: frozenset[str]
    platform: str
    systems: frozenset[str]
    status: str
    since: str
    note: str
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser.

    Attributes
    ----------
    name : str
    aliases : tuple of str
    runtimes : dict of str to str
        Versions under which public benchmarks know it, by runtime.
    """

    name: str
    aliases: tuple[str, ...]
    runtimes: dict[str, str]


#: Platforms that live in a browser.
WEB = frozenset({"webgpu", "webnn"})


@cache
def browsers() -> dict[str, Browser]:
    """Browsers by name, from ``data/browsers.toml``."""
    return {
        b["name"]: Browser(b["name"], tuple(b.get("aliases", ())), dict(b.get("runtimes", {})))
        for b in _load("browsers.toml")["browser"]
    }


def find_browser(name: str) -> Browser:
    """A browser by name or alias.

    Raises
    ------
    UnknownNameError
    """
    text = str(name).strip().casefold()
    for browser in browsers().values():
        if text == browser.name or text in browser.aliases:
            return browser
    raise unknown("browser", name, browsers())


@cache
def support() -> tuple[Support, ...]:
    """All statements of ``data/browsers.toml`` on what browsers support, more specific ones first."""
    return tuple(
        Support(
            frozenset(s["browsers"]),
            s["platform"],
            frozenset(s.get("systems", ())),
            s["status"],
            s.get("since", ""),
            s.get("note", ""),
            s["source"],
            s["date"],
        )
        for s in _load("browsers.toml")["support"]
    )


def browser_support(browser: str, platform: str, system: str | None = None) -> Support | None:
    """What is known of a browser's support of a platform.

    Parameters
    ----------
    browser, platform : str
    system : str, optional
        ``windows``, ``macos``, ``linux``, ``android``, ``ios`` or ``chromeos``; unknown by default.

    Returns
    -------
    Support or None
        The statement on that system; with no system, the most favourable one.
    """
    found = [s for s in support() if browser in s.browsers and platform == s.platform]
    if system is not None:
        found = [s for s in found if system in s.systems] or [s for s in found if not s.systems]
        return found[0] if found else None
    order = {"shipped": 0, "flag": 1, "none": 2}
    return min(found, key=lambda s: order[s.status], default=None)
