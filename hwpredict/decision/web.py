"""Browsers as part of a target: ``webgpu@firefox:apple m3``, ``webnn@edge``.

A browser decides which JavaScript engine, shader compiler and limits a model meets; public WebGPU rows are of
transformers.js in Chromium and of llama.cpp in Chromium, Firefox and WebKit, and the model learns an effect of each
version. For a browser that no row knows, that effect is drawn from its population. No public WebNN measurement exists:
its predictions are prior only, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hwpredict.catalog import devices
from hwpredict.catalog.compatibility import WEB, Support, browser_support, browsers, find_browser
from hwpredict.errors import InvalidWorkloadError
from hwpredict.workload import Family, Target

_WRITTEN = re.compile(r"^\s*(?P<platform>[a-z]+)\s*@\s*(?P<browser>[^:]+?)\s*(?::\s*(?P<device>.+))?$", re.IGNORECASE)

#: Runtime that public WebGPU rows of language models were measured with.
LLM_RUNTIME = "llama.cpp-wasm-webgpu"
ONNX_RUNTIME = {"webgpu": "transformers.js/onnxruntime-web webgpu", "webnn": "transformers.js/onnxruntime-web webnn"}


def split(text: str) -> tuple[str, str | None]:
    """A target without its browser, and the browser.

    Parameters
    ----------
    text : str
        ``"webgpu@firefox:apple m3"``, or any other target.

    Returns
    -------
    target : str
        ``"webgpu:apple m3"``.
    browser : str or None

    Raises
    ------
    UnknownNameError
        No such browser.
    InvalidWorkloadError
        A browser beside a platform that does not live in one.
    """
    found = _WRITTEN.match(str(text))
    if found is None:
        return text, None
    platform, browser = found["platform"].casefold(), find_browser(found["browser"]).name
    if platform not in WEB:
        raise InvalidWorkloadError(f"{text!r} names a browser, but {platform} does not run in one: {sorted(WEB)} do")
    return platform + (f":{found['device']}" if found["device"] else ""), browser


def spread[T](names: Sequence[T], wanted: str | Sequence[str] | None) -> list[T | str]:
    """Targets with the browsers of a query put in: every web platform once per browser.

    Parameters
    ----------
    names : sequence of str or Target
        Targets as written; one that names its browser keeps it.
    wanted : str or sequence of str or None
        Browsers; ``"all"`` stands for those that are known.
    """
    if wanted is None:
        return list(names)
    listed = [wanted] if isinstance(wanted, str) else list(wanted)
    chosen = list(browsers()) if listed == ["all"] else [find_browser(b).name for b in listed]
    if not chosen:
        raise InvalidWorkloadError(f"the list of browsers is empty: name some of {', '.join(browsers())}")
    out: list[T | str] = []
    for name in names:
        platform, _, device = str(name).partition(":")
        if platform.strip().casefold() in WEB:
            out += [f"{platform.strip()}@{b}" + (f":{device}" if device else "") for b in chosen]
        else:
            out.append(name)
    return out


def in_browser(target: Target, browser: str | None, family: str | None, runtime: str | None = None) -> Target:
    """A target with the software that a browser means.

    Parameters
    ----------
    target : Target
        Of a web platform.
    browser : str or None
    family : str or None
        Language models run in llama.cpp, the others in ONNX Runtime.
    runtime : str, optional
        What the caller says outright.
    """
    if browser is None or target.platform not in WEB:
        return target
    llm = family == Family.TEXT_GENERATION and target.platform == "webgpu"
    software = runtime or (LLM_RUNTIME if llm else ONNX_RUNTIME[target.platform])
    # a browser that no row of this runtime knows is a version of its own, drawn from the population of versions
    version = find_browser(browser).runtimes.get(software, browser)
    return replace(target, runtime=software, runtime_version=version)


def system_of(device: str, platform: str) -> str | None:
    """Operating system that a backing device implies, if it implies one."""
    known = devices.match(device, platform) if device else None
    if known is None:
        return None
    if known.vendor == "Apple":
        return "ios" if known.name.startswith("Apple A") else "macos"
    if known.segment == "mobile":
        return "android"
    return None


def verdict(browser: str, platform: str, device: str) -> tuple[str | None, str]:
    """Whether a browser has a platform on a device.

    Returns
    -------
    reason : str or None
        Why it cannot run.
    note : str
        What to know if it can.
    """
    system = system_of(device, platform)
    # a device that is not Apple's and not a phone's sits in a Windows or Linux machine; Windows is the kinder case
    desktop = system or ("windows" if device else None)
    found = browser_support(browser, platform, desktop)
    if found is None:
        where = f" on {desktop}" if desktop else ""
        return f"nothing is known of {platform} in {browser}{where}", ""
    if found.status == "none":
        return f"{platform} does not run in {browser}: it {found.note} ({found.source}, {found.date})", ""
    return None, _note(found)


def details(name: str, platform: str, device: str) -> dict[str, str]:
    """What a target's name says of its browser: the browser, and what to know of it."""
    browser = split(name)[1]
    if browser is None:
        return {}
    return {"browser": browser, "note": verdict(browser, platform, device)[1]}


def _note(found: Support) -> str:
    since = f"since {found.since}" if found.since else ""
    words = "; ".join(w for w in (since, found.note) if w)
    return f"{words} ({found.source}, {found.date})" if words else ""
