"""Write what the commands shown in the documentation print, and the pages that are made from code.

``python docs/refresh.py`` rewrites them, ``--check`` says which are out of date. A block that starts with
``$ hwpredict …`` is replaced by that line and the output of the command.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from hwpredict.cli import main
from hwpredict.store import schema

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SCHEMA = ROOT / "docs" / "measurement-schema.md"

_EXAMPLE = re.compile(r"(```text\n\$ (hwpredict [^\n]*)\n).*?(```)", re.DOTALL)

_SCHEMA_PAGE = """# Measurement schema

One row, one configuration. The same columns describe a row to predict; there the figures are not looked at, and any
column but `model` and `hardware` may be missing. CSV, Parquet and data frames in these columns load as they are. This
page is made from `hwpredict/store/schema.py`.

{table}

`item` fixes what throughput and latency mean: with `token_prefill` the latency is that of the whole prompt, with
`token_decode` that of one step, with `token` that of a whole generation.
"""


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
    return _EXAMPLE.sub(lambda found: found[1] + output(found[2]) + found[3], text)


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
