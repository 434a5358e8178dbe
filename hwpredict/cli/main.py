"""The application: commands, the guide's flat command lines, and errors as one line on stderr.

Exit status: 0 done, 1 failed, 2 bad usage, 3 no feasible option.
"""

from __future__ import annotations

import logging
import sys
import traceback
from importlib import import_module
from keyword import iskeyword

import typer
from typer.exceptions import Abort, TyperException

from hwpredict import __version__
from hwpredict.cli.arguments import flat, spread
from hwpredict.errors import (
    ConfigError,
    HwpredictError,
    IncompatibleError,
    InvalidWorkloadError,
    MissingFigureError,
    UnknownNameError,
)

FAILED, BAD_USAGE, NOT_FEASIBLE, INTERRUPTED = 1, 2, 3, 130

COMMANDS = tuple("recommend predict fit import db detect benchmark matrix plot report compare evaluate".split())


def application(command: str = "") -> typer.Typer:
    """The parser of one command, or of all of them: building the others takes as long as an answer.

    Parameters
    ----------
    command : str
        One of :data:`COMMANDS`; anything else builds all.
    """
    app = typer.Typer(
        name="hwpredict",
        help="How fast will this model run on that hardware, how much memory will it take, and how sure are we?",
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_root)
    for name in (command,) if command in COMMANDS else COMMANDS:
        home = f"{name}_" if iskeyword(name) else name
        module = import_module(f"hwpredict.cli.{home}")
        if name == "db":
            app.add_typer(module.app)
        else:
            app.command(name)(getattr(module, home))
    return app


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Log what is done, and show tracebacks; anywhere in the line."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    _log_to_stderr(debug)
    line = flat([a for a in given if a != "--debug"], COMMANDS)
    raise SystemExit(_run(spread(line) or ["--help"], debug=debug))


def _log_to_stderr(debug: bool) -> None:
    """Warnings of hwpredict on stderr, with ``--debug`` all that it does; those of other libraries stay theirs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s" if debug else "hwpredict: %(message)s"))
    logger = logging.getLogger("hwpredict")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


def _run(arguments: list[str], *, debug: bool) -> int:
    """Exit status of a command line; whatever goes wrong is one line on stderr."""
    failure: Exception
    try:
        return int(application(arguments[0])(args=arguments, prog_name="hwpredict", standalone_mode=False) or 0)
    except HwpredictError as error:
        failure, message, status = error, str(error), _status(error)
    except TyperException as error:  # what the parser does not understand
        failure, message, status = error, error.format_message(), error.exit_code
        if status == BAD_USAGE:
            command = arguments[0] if arguments[0] in COMMANDS else ""
            message = f"{message.rstrip('.')}; see hwpredict {command} --help".replace("  ", " ")
    except BrokenPipeError:  # the reader of our output has had enough
        sys.stderr.close()
        return FAILED
    except OSError as error:
        failure, message, status = error, f"{error.filename or 'input or output'}: {error.strerror or error}", FAILED
    except (KeyboardInterrupt, Abort):
        typer.echo("hwpredict: interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        kind = type(error).__name__
        failure, status = error, FAILED
        message = f"this should not have happened ({kind}: {error}): please report it with the output of --debug"
    if debug:
        traceback.print_exception(failure)
    typer.echo(f"hwpredict: {' '.join(message.split())}", err=True)
    return status


def _status(error: HwpredictError) -> int:
    if isinstance(error, IncompatibleError):
        return NOT_FEASIBLE
    usage = (UnknownNameError, InvalidWorkloadError, ConfigError, MissingFigureError)
    return BAD_USAGE if isinstance(error, usage) else FAILED
