"""Command lines as people type them, made into those that the parser takes."""

from __future__ import annotations

from collections.abc import Collection

#: Options after which several values may stand: ``--hardware cuda cpu``.
SEVERAL = (
    "--hardware", "--batch-size", "-b", "--seq-length", "--precision", "--phase", "--model", "--quantile", "--kind",
)  # fmt: skip


def spread(arguments: list[str], options: Collection[str] = SEVERAL) -> list[str]:
    """Repeat an option before each of its values: ``--hardware a b`` becomes ``--hardware a --hardware b``."""
    out: list[str] = []
    current, given = "", 0
    for argument in arguments:
        if argument.startswith("-") and not _is_number(argument):
            current, given = (argument if argument in options else ""), 0
        elif current:
            if given:
                out.append(current)
            given += 1
        out.append(argument)
    return out


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def flat_matrix(arguments: list[str]) -> list[str]:
    """The guide's ``--generate-matrix …`` as ``matrix …``; without an output it prints JSON, as there."""
    rest = [a for a in arguments if a not in ("--generate-matrix", "--debug")]
    names = {a.partition("=")[0] for a in rest}
    if not names & {"--output-file", "-o", "--visualize", "--format"}:
        rest += ["--format", "json"]
    return [*(a for a in arguments if a == "--debug"), "matrix", *rest]
