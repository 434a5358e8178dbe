"""The application: commands, the guide's flat command lines, and errors as one line on stderr.

Exit status: 0 done, 1 failed, 2 bad usage, 3 no feasible option.
"""

from __future__ import annotations

import logging
import sys

import typer

from hwpredict import __version__
from hwpredict.cli import fit, matrix, predict, recommend
from hwpredict.cli.arguments import flat_matrix, spread
from hwpredict.errors import HwpredictError, IncompatibleError, InvalidWorkloadError, UnknownNameError

app = typer.Typer(
    name="hwpredict",
    help="How fast will this model run on that hardware, how much memory will it take, and how sure are we?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("recommend")(recommend.recommend)
app.command("predict")(predict.predict)
app.command("fit")(fit.fit)
app.command("matrix")(matrix.matrix)

COMMANDS = ("recommend", "predict", "fit", "matrix")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Log what is done, and show tracebacks."),
) -> None:
    if debug:
        logging.basicConfig(level=logging.DEBUG)
    if version:
        typer.echo(__version__)
        raise typer.Exit


def flat(arguments: list[str]) -> list[str]:
    """The guide's flat command lines (``hwpredict --model X``) as subcommands."""
    if "--generate-matrix" in arguments:
        return flat_matrix(arguments)
    if "--model" in arguments and not any(a in COMMANDS for a in arguments[:2]):
        name = arguments[arguments.index("--model") + 1 : arguments.index("--model") + 2]
        rest = [a for i, a in enumerate(arguments) if a != "--model" and arguments[i - 1 : i] != ["--model"]]
        head = [a for a in rest if a == "--debug"]
        return [*head, "recommend", *name, *(a for a in rest if a != "--debug")]
    return arguments


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    given = spread(flat(list(sys.argv[1:] if arguments is None else arguments)))
    try:
        app(args=given, standalone_mode=True)
    except HwpredictError as error:
        if "--debug" in given:
            raise
        message = " ".join(str(error).split())
        typer.echo(f"hwpredict: {message}", err=True)
        if isinstance(error, IncompatibleError):
            raise SystemExit(3) from None
        raise SystemExit(2 if isinstance(error, (UnknownNameError, InvalidWorkloadError)) else 1) from None
