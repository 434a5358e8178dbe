"""Command lines as people type them, made into those that the parser takes."""

from __future__ import annotations

from collections.abc import Collection

#: Options after which several values may stand: ``--hardware cuda cpu``.
SEVERAL = ("--hardware", "--source")


def spread(arguments: list[str], options: Collection[str] = SEVERAL) -> list[str]:
    """Repeat an option before each of its values: ``--hardware a b`` becomes ``--hardware a --hardware b``."""
    if arguments[:1] == ["import"]:  # whose files stand behind its options
        return arguments
    out: list[str] = []
    current, given = "", 0
    for argument in arguments:
        if argument.startswith("-"):
            current, given = (argument if argument in options else ""), 0
        elif current:
            if given:
                out.append(current)
            given += 1
        out.append(argument)
    return out


def flat(arguments: list[str], commands: Collection[str]) -> list[str]:
    """The guide's flat command lines as subcommands.

    ``--model X --batch-size 8`` is ``recommend --model X …``, and ``--detect-hardware …`` is ``detect …``.

    Parameters
    ----------
    arguments : list of str
    commands : collection of str
        Names of the subcommands.

    Returns
    -------
    list of str
        ``arguments`` themselves, where they start with a subcommand or say nothing of a model.
    """
    if not arguments or arguments[0] in commands:
        return arguments
    names = {argument.partition("=")[0] for argument in arguments}
    if "--detect-hardware" in names:
        return ["detect", *(argument for argument in arguments if argument != "--detect-hardware")]
    if names & {"--model", "--family", "--model-config"}:
        return ["recommend", *arguments]
    return arguments
