"""WebGPU and WebNN: asked of a headless browser, because only it knows what it offers a page.

The page is served on this machine's loopback address, which counts as a secure context (WebGPU and WebNN exist in no
other), and posts what it finds back to the same server.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hwpredict.catalog import devices
from hwpredict.measure.report import FoundDevice, PlatformReport, available, not_known, unavailable
from hwpredict.workload import Platform

#: Seconds that a browser gets to start and answer.
TIMEOUT = 30.0
#: Chromium and its kin, which alone have both interfaces; ``CHROME_PATH`` comes first, as in other tools.
_EXECUTABLES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge",
    "msedge",
    "brave-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-sync",
    "--mute-audio",
    # WebNN is behind this flag in released browsers
    "--enable-features=WebMachineLearningNeuralNetwork",
)
_PAGE = """<!doctype html><meta charset="utf-8"><title>hwpredict</title><script>
(async () => {
  const out = {agent: navigator.userAgent, webgpu: {api: "gpu" in navigator}, webnn: {api: "ml" in navigator}};
  if (out.webgpu.api) {
    try {
      const adapter = await navigator.gpu.requestAdapter();
      if (adapter) {
        const i = adapter.info;
        out.webgpu.adapter = {vendor: i.vendor, architecture: i.architecture, device: i.device,
          description: i.description, fallback: !!(i.isFallbackAdapter ?? adapter.isFallbackAdapter)};
        out.webgpu.f16 = adapter.features.has("shader-f16");
      }
    } catch (e) { out.webgpu.error = String(e); }
  }
  if (out.webnn.api) {
    out.webnn.contexts = [];
    for (const type of ["cpu", "gpu", "npu"]) {
      try { await navigator.ml.createContext({deviceType: type}); out.webnn.contexts.push(type); }
      catch (e) { out.webnn.error = String(e); }
    }
  }
  await fetch("/answer", {method: "POST", body: JSON.stringify(out)});
})();
</script>"""


@dataclass(frozen=True, slots=True)
class BrowserAnswer:
    """What a browser said, or why there is no answer.

    Attributes
    ----------
    browser : str
        Executable that was asked; empty if there is none.
    said : Mapping
        ``webgpu`` and ``webnn`` as the page found them; empty without an answer.
    reason : str
        Why there is no answer.
    """

    browser: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def find_browser(environ: Mapping[str, str], which: Callable[[str], str | None] = shutil.which) -> str | None:
    """Executable of a browser built on Chromium, or None.

    Parameters
    ----------
    environ : Mapping of str to str
        ``CHROME_PATH`` names one.
    which : callable
        Full path of a command, None if there is none.
    """
    candidates = (environ.get("CHROME_PATH", ""), *_EXECUTABLES)
    return next((path for name in candidates if name and (path := which(name))), None)


def ask_browser(executable: str | None, timeout: float = TIMEOUT) -> BrowserAnswer:
    """Start a headless browser and ask it what it offers.

    Parameters
    ----------
    executable : str or None
    timeout : float
        Seconds.

    Returns
    -------
    BrowserAnswer
    """
    if executable is None:
        return BrowserAnswer(reason="no browser built on Chromium is installed to ask (or set CHROME_PATH)")
    answered = threading.Event()
    answers: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _PAGE.encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            answers.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            answered.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: standard error belongs to the command."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory(prefix="hwpredict-browser-", ignore_cleanup_errors=True) as profile:
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            return _drive(executable, url, profile, answered, answers, timeout)
    finally:
        server.shutdown()
        server.server_close()


def _drive(
    executable: str, url: str, profile: str, answered: threading.Event, answers: list[bytes], timeout: float
) -> BrowserAnswer:
    # Chromium refuses to sandbox itself for root, which containers usually are
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    command = [executable, *_FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if root else []), url]
    log = Path(profile) / "stderr.txt"
    with log.open("wb") as stderr:
        try:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
        except OSError as error:
            return BrowserAnswer(executable, reason=f"{executable} does not start: {error.strerror}")
        try:
            while not answered.wait(0.1) and process.poll() is None and timeout > 0:
                timeout -= 0.1
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if answers:
        try:
            return BrowserAnswer(executable, json.loads(answers[0]))
        except ValueError:
            return BrowserAnswer(executable, reason=f"{executable} answered with something that is not JSON")
    return BrowserAnswer(executable, reason=f"{executable} gave no answer (headless, {TIMEOUT:g} s)")


def detect_web(answer: BrowserAnswer, gpus: tuple[FoundDevice, ...] = ()) -> tuple[PlatformReport, PlatformReport]:
    """Reports of WebNN and WebGPU from what a browser said.

    Parameters
    ----------
    answer : BrowserAnswer
    gpus : tuple of FoundDevice
        GPUs that the drivers found: a browser tells a maker and a generation, seldom a product.

    Returns
    -------
    tuple of PlatformReport
        ``webnn`` and ``webgpu``.
    """
    if not answer.said:
        return not_known(str(Platform.WEBNN), answer.reason), not_known(str(Platform.WEBGPU), answer.reason)
    gpu = answer.said["webgpu"]
    return _webnn(answer.said["webnn"], gpu, gpus), _webgpu(gpu, gpus)


def _webgpu(said: Mapping[str, Any], gpus: tuple[FoundDevice, ...]) -> PlatformReport:
    platform = str(Platform.WEBGPU)
    if not said["api"]:
        return unavailable(platform, "the browser has no navigator.gpu")
    adapter = said.get("adapter")
    if not adapter:
        return unavailable(platform, said.get("error") or "the browser has WebGPU, but no adapter for it")
    if adapter["fallback"] or "swiftshader" in " ".join(map(str, adapter.values())).casefold():
        return unavailable(platform, "the browser has only a software adapter (SwiftShader)")
    details = {k: str(v) for k, v in adapter.items() if v and k != "fallback"}
    found = _device(adapter, gpus, platform, details | {"shader_f16": str(said.get("f16", False))})
    return available(platform, "the browser offers an adapter", found)


def _gpu(adapter: Mapping[str, Any], gpus: tuple[FoundDevice, ...]) -> str:
    """Name of the adapter's product: what the browser says if the catalog knows it, else the one GPU of that maker."""
    said = str(adapter.get("description") or adapter.get("device") or "")
    if said and devices.match(said, str(Platform.WEBGPU)):
        return said
    maker = str(adapter.get("vendor", "")).casefold()
    same = [g.name for g in gpus if maker and maker in f"{g.name} {g.catalog.vendor if g.catalog else ''}".casefold()]
    return same[0] if len(same) == 1 else said or " ".join(str(adapter.get(k, "")) for k in ("vendor", "architecture"))


def _device(
    adapter: Mapping[str, Any], gpus: tuple[FoundDevice, ...], platform: str, details: dict[str, str]
) -> FoundDevice:
    """The GPU behind an adapter, with the memory that its driver states."""
    name = _gpu(adapter, gpus)
    return FoundDevice(name, platform, next((g.memory_mb for g in gpus if g.name == name), None), details)


def _webnn(said: Mapping[str, Any], webgpu: Mapping[str, Any], gpus: tuple[FoundDevice, ...]) -> PlatformReport:
    platform = str(Platform.WEBNN)
    if not said["api"]:
        return unavailable(platform, "the browser has no navigator.ml, even with its flag")
    contexts = said.get("contexts") or ()
    if not contexts:
        return unavailable(platform, said.get("error") or "the browser has WebNN, but makes no context")
    adapter = webgpu.get("adapter") or {}
    real = "gpu" in contexts and adapter and not adapter["fallback"]
    found = [_device(adapter, gpus, platform, {})] if real else []
    return available(platform, f"the browser makes contexts of type {', '.join(contexts)}", *found)
