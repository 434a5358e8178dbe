"""Command lines as people type them, made into those that the parser takes."""

from __future__ import annotations

from collections.abc import Collection

#: Options after which several values may stand: ``--hardware cuda cpu``.
SEVERAL = ("--hardware", "--source", "--browser", "--price", "--power", "--constraint")
#: Further ones, where a command asks for many cells at once.
OF_COMMAND = {
    "matrix": ("--batch-size", "-b", "--seq-length", "--precision", "--phase", "--model", "--quantile", "--kind"),
    "plot": ("--kind", "--effect"),
    "report": ("--kind",),
}


def spread(arguments: list[str]) -> list[str]:
    """Repeat an option before each of its values: ``--hardware a b`` becomes ``--hardware a --hardware b``."""
    if arguments[:1] == ["import"]:  # whose files stand behind its options
        return arguments
    options = (*SEVERAL, *OF_COMMAND.get(arguments[0] if arguments else "", ()))
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

    ``--generate-matrix …`` is ``matrix …``, which prints the JSON where no output is named.

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
    if "--generate-matrix" in names:
        printed = [] if names & {"--output-file", "-o", "--visualize", "--format"} else ["--format", "json"]
        return ["matrix", *(a for a in arguments if a != "--generate-matrix"), *printed]
    if names & {"--model", "--family", "--model-config"}:
        return ["recommend", *arguments]
    return arguments
