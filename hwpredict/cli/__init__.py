"""Command line: one command a file, no logic."""

from hwpredict.cli.main import main

__all__ = ["main"]
