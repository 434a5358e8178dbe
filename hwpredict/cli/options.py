"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.errors import InvalidWorkloadError

Model = Annotated[str, typer.Argument(help="Model name, e.g. bert-base-uncased or facebook/opt-30b.")]
Family = Annotated[str | None, typer.Option("--family", help="Family of a model that is not in the catalog.")]
BatchSize = Annotated[int, typer.Option("--batch-size", "-b", help="Items in a step.")]
SequenceLength = Annotated[int | None, typer.Option("--seq-length", help="Tokens of a sequence (default 128).")]
Mode = Annotated[str, typer.Option("--mode", help="inference or training.")]
Precision = Annotated[str, typer.Option("--precision", help="fp32, fp16, bf16, int8, int4, amp …")]
Hardware = Annotated[
    list[str] | None,
    typer.Option("--hardware", help="Platforms (cuda), devices (a100) or both (openvino:i7-8700); several allowed."),
]
Item = Annotated[
    str | None, typer.Option("--item", help="What is counted: image, sequence, token_prefill, token_decode …")
]
Runtime = Annotated[str | None, typer.Option("--runtime", help="Software, e.g. pytorch-compile or tensorrt.")]
Devices = Annotated[int, typer.Option("--n-devices", help="Devices working together.")]
Posterior = Annotated[Path | None, typer.Option("--posterior", help="A posterior of your own (.nc).")]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the predictive draws.")]
Store = Annotated[
    Path | None,
    typer.Option("--database", envvar="HWPREDICT_DATABASE", help="Store of measurements (default hwpredict.duckdb)."),
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a store that is in use.")]


def pairs(given: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a dictionary.

    Raises
    ------
    InvalidWorkloadError
        One has no equals sign.
    """
    out = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise InvalidWorkloadError(f"{text!r} is not COLUMN=VALUE, such as hardware=cuda")
        out[name.strip()] = value.strip()
    return out
