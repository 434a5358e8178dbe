"""Write what the commands shown in the documentation print, and the parts that are made from code.

``python docs/refresh.py`` rewrites them, ``--check`` says which are out of date. Below
``<!-- run -->``, a block that starts with ``$ hwpredict …`` becomes that line and the output of the command.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from typer.main import get_command

from hwpredict.cli import main
from hwpredict.cli.main import application
from hwpredict.store import schema

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SCHEMA = ROOT / "docs" / "measurement-schema.md"

_EXAMPLE = re.compile(r"(<!-- run -->\n```text\n\$ (hwpredict [^\n]*)\n).*?(```)", re.DOTALL)

_OPTIONS = re.compile(r"(<!-- options -->\n).*?(<!-- end of options -->)", re.DOTALL)

_SCHEMA_PAGE = """# Measurement schema

One row, one configuration. The same columns describe a row to predict; there the figures are not looked at, and any
column but `model` and `hardware` may be missing. CSV, Parquet and data frames in these columns load as they are. This
page is made from `hwpredict/store/schema.py`.

{table}

`item` fixes what throughput and latency mean: with `token_prefill` the latency is that of the whole prompt, with
`token_decode` that of one step, with `token` that of a whole generation.
"""


def options() -> str:
    """Every command with its options, as the parser knows them."""
    return "\n".join(_commands(get_command(application()), ""))


def _commands(command: Any, name: str) -> Iterator[str]:
    if getattr(command, "commands", None):
        for below, subcommand in command.commands.items():
            yield from _commands(subcommand, f"{name} {below}".strip())
        return
    arguments = [(p.name or "").upper() for p in command.params if p.param_type_name == "argument"]
    yield f"## {' '.join([name, *arguments])}\n"
    yield f"{_cell(command.help)}\n"
    yield "| option | default | meaning |"
    yield "|---|---|---|"
    for p in command.params:
        names = ", ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts))
        default = "" if p.default in (None, False) else f"`{p.default}`"
        if p.param_type_name == "option" and names != "`--help`":
            yield f"| {names} | {default} | {_cell(p.help)} |"
    yield ""


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def output(line: str) -> str:
    """What a command prints on stdout, without the blanks at the ends of lines."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(shlex.split(line)[1:])
        except SystemExit as done:
            if done.code:
                raise RuntimeError(f"{line} failed: {err.getvalue()}") from None
    return "".join(f"{row.rstrip()}\n" for row in out.getvalue().splitlines())


def refreshed(text: str) -> str:
    """A page with the output of its commands as it is now."""
    text = _EXAMPLE.sub(lambda found: found[1] + output(found[2]) + found[3], text)
    return _OPTIONS.sub(lambda found: f"{found[1]}\n{options()}{found[2]}", text)


def stale() -> dict[Path, str]:
    """Pages that are out of date, and what they should be."""
    wanted = {page: refreshed(page.read_text(encoding="utf-8")) for page in PAGES if page != SCHEMA}
    wanted[SCHEMA] = schema_page()
    return {p: t for p, t in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != t}


def schema_page() -> str:
    """The page of the measurement schema."""
    return _SCHEMA_PAGE.format(table=schema.markdown().strip())


if __name__ == "__main__":
    found = stale()
    for page, text in found.items():
        print(page.relative_to(ROOT))
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
    raise SystemExit(bool(found) and "--check" in sys.argv)
