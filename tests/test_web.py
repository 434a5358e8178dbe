"""Browsers and compatibility: data with sources and dates, and targets that name a browser."""

from __future__ import annotations

import re

import pytest

from hwpredict.catalog.compatibility import (
    WEB,
    browser_support,
    browsers,
    find_browser,
    incompatible,
    rules,
    support,
)
from hwpredict.config import Config
from hwpredict.decision import web
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.query import resolve_targets

DATE = r"(19|20)\d\d-\d\d"


def test_every_rule_has_a_reason_a_source_and_a_date() -> None:
    for rule in rules():
        assert rule.reason
        assert rule.source
        assert re.fullmatch(DATE, rule.date)
        assert rule.platforms or rule.families
        assert rule.precisions or rule.modes
    for s in support():
        assert s.browsers <= set(browsers())
        assert s.platform in WEB
        assert s.status in ("shipped", "flag", "none")
        assert s.source
        assert re.fullmatch(DATE, s.date)
        assert s.since or s.note


def test_rules_are_on_platform_precision_family_and_mode() -> None:
    assert incompatible("webnn", "fp32", "training") is not None
    assert incompatible("webnn", "fp32", "inference") is None
    assert incompatible("cuda", "int4", "training", "vision") is not None
    assert incompatible("cuda", "int4", "training", "text_generation") is None  # QLoRA
    assert incompatible("mps", "int4", "training", "text_generation") is not None
    assert incompatible("cuda", "int4", "training") is None  # unknown family: nothing is known against it
    reason = incompatible("cuda", "int8", "training", "vision")
    assert reason is not None
    assert "int8 training of vision models does not run on cuda" in reason


def test_browsers_support_what_their_makers_say() -> None:
    assert browser_support("chrome", "webgpu", "windows").status == "shipped"  # type: ignore[union-attr]
    assert browser_support("firefox", "webgpu", "macos").status == "shipped"  # type: ignore[union-attr]
    assert browser_support("firefox", "webgpu", "linux").status == "flag"  # type: ignore[union-attr]
    assert browser_support("firefox", "webnn", "windows").status == "none"  # type: ignore[union-attr]
    assert browser_support("safari", "webnn").status == "none"  # type: ignore[union-attr]
    assert browser_support("edge", "webnn", "windows").status == "flag"  # type: ignore[union-attr]
    assert browser_support("safari", "webgpu").status == "shipped"  # type: ignore[union-attr]
    assert find_browser("WebKit").name == "safari"
    with pytest.raises(UnknownNameError, match="firefox"):
        find_browser("firefoxx")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("webgpu@firefox", ("webgpu", "firefox")),
        ("webgpu@Firefox:apple m3", ("webgpu:apple m3", "firefox")),
        ("webnn @ edge", ("webnn", "edge")),
        ("webgpu", ("webgpu", None)),
        ("a100", ("a100", None)),
    ],
)
def test_targets_that_name_a_browser(text: str, expected: tuple[str, str | None]) -> None:
    assert web.split(text) == expected


def test_only_web_platforms_run_in_a_browser() -> None:
    with pytest.raises(InvalidWorkloadError, match="cuda does not run in one"):
        web.split("cuda@chrome")
    with pytest.raises(UnknownNameError):
        web.split("webgpu@netscape")


def test_a_browser_means_the_software_that_was_measured() -> None:
    small = resolve_targets(["webgpu@chrome:apple m3"], Config(), family="embedding")[0]
    assert small.runtime == "transformers.js/onnxruntime-web webgpu"
    assert small.runtime_version == "Chrome 122"
    assert small.name == "webgpu@chrome:apple m3"
    assert small.device == "Apple M3 (10-core GPU)"
    llm = resolve_targets(["webgpu@safari"], Config(), family="text_generation")[0]
    assert (llm.runtime, llm.runtime_version) == ("llama.cpp-wasm-webgpu", "webkit")
    # a browser that no row of the runtime knows is a version of its own
    assert resolve_targets(["webgpu@firefox"], Config(), family="embedding")[0].runtime_version == "firefox"


def test_browsers_are_put_into_web_targets_only() -> None:
    found = resolve_targets(["webgpu:apple m3", "cpu", "webnn@edge"], Config(), browser=["chrome", "safari"])
    assert [t.name for t in found] == ["webgpu@chrome:apple m3", "webgpu@safari:apple m3", "cpu", "webnn@edge"]
    assert len(resolve_targets(["webnn"], Config(), browser="all")) == 4


def test_what_a_browser_lacks_has_a_reason() -> None:
    reason, _ = web.verdict("firefox", "webnn", "")
    assert reason is not None
    assert "standards-positions" in reason
    reason, _ = web.verdict("safari", "webgpu", "NVIDIA GeForce RTX 3060")
    assert reason is not None
    assert "Apple's systems" in reason
    reason, note = web.verdict("safari", "webgpu", "Apple M3 (10-core GPU)")
    assert reason is None
    assert "2025-09" in note
    reason, note = web.verdict("chrome", "webnn", "")
    assert reason is None
    assert "about:flags" in note
