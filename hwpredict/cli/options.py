"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.errors import InvalidWorkloadError


def _whole(text: str | int) -> int:
    """A whole number; whether it is positive is for the vocabulary to say."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def _number(text: str | float) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number") from None


def is_there(text: str) -> bool:
    """Whether measurements can be at a place: a path that exists, or a URL."""
    return "://" in text or Path(text).expanduser().exists()


def _store(text: str) -> str:
    """Where measurements are: a path that exists, or a URL."""
    if not is_there(text):
        raise typer.BadParameter(f"path {text!r} does not exist", param_hint="'--database'")
    return text


Model = Annotated[
    str | None,
    typer.Argument(help="Model name (bert-base-uncased, facebook/opt-30b), or the path of its config.json."),
]
ModelName = Annotated[str | None, typer.Option("--model", help="The model, as an option.")]
ModelConfig = Annotated[
    Path | None,
    typer.Option("--model-config", help="config.json of the model, or the folder that holds it.", exists=True),
]
Family = Annotated[
    str | None,
    typer.Option(
        "--family",
        help="vision, text_generation, embedding, audio, multimodal or recommendation; enough if no more is known.",
    ),
]
Parameters = Annotated[
    str | None, typer.Option("--parameters", help="Parameters of a model that is not in the catalog (7B, 110M, 25e6).")
]
Gmacs = Annotated[
    float | None,
    typer.Option("--gmacs", parser=_number, metavar="FLOAT", help="Its 10^9 multiply-accumulates for one item."),
]
Activations = Annotated[
    float | None,
    typer.Option("--activations", parser=_number, metavar="FLOAT", help="Its 10^6 activation elements for one item."),
]
BatchSize = Annotated[
    int, typer.Option("--batch-size", "-b", parser=_whole, metavar="INTEGER", help="Items in a step.")
]
#: Of one device or of several, which have another default.
JointBatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size", "-b", parser=_whole, metavar="INTEGER",
        help="Items in a step (default 1; with --distributed one a device).",
    ),
]  # fmt: skip
SequenceLength = Annotated[
    int | None,
    typer.Option("--seq-length", parser=_whole, metavar="INTEGER", help="Tokens of a sequence (default 128)."),
]
InputSize = Annotated[str | None, typer.Option("--input-size", help="Pixels of an image: 224 or 480x640.")]
Mode = Annotated[str, typer.Option("--mode", help="inference or training.")]
Precision = Annotated[str, typer.Option("--precision", help="fp32, fp16, bf16, int8, int4, amp …")]
Hardware = Annotated[
    list[str] | None,
    typer.Option("--hardware", help="Platforms (cuda), devices (a100) or both (openvino:i7-8700); several allowed."),
]
Browser = Annotated[
    list[str] | None,
    typer.Option("--browser", help="chrome, edge, firefox, safari or all, for webgpu and webnn; several allowed."),
]
Item = Annotated[
    str | None, typer.Option("--item", help="What is counted: image, sequence, token_prefill, token_decode …")
]
Runtime = Annotated[str | None, typer.Option("--runtime", help="Software, e.g. pytorch-compile or tensorrt.")]
Devices = Annotated[
    int, typer.Option("--n-devices", parser=_whole, metavar="INTEGER", help="Devices working together.")
]
OnUnknown = Annotated[
    str, typer.Option("--on-unknown", help="error: refuse unknown names; prior: predict them from their population.")
]
Posterior = Annotated[
    Path | None, typer.Option("--posterior", help="A posterior of your own (.nc).", exists=True, dir_okay=False)
]
Database = Annotated[
    str | None, typer.Option("--database", help="Your measurements: DuckDB store, Parquet or CSV.", parser=_store)
]
DatabaseToKeepIn = Annotated[
    str | None,
    typer.Option("--database", help="Your measurements: DuckDB store, Parquet or CSV. With --store it may be new."),
]
BenchmarkDir = Annotated[
    Path | None, typer.Option("--benchmark-dir", help="Folder of your measurements.", exists=True, file_okay=False)
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML or JSON of settings; see the documentation.", exists=True, dir_okay=False),
]
Workloads = Annotated[
    Path | None,
    typer.Option(
        "--workloads", help="CSV or Parquet of rows to predict, in the schema's columns.", exists=True, dir_okay=False
    ),
]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
Seed = Annotated[
    int | None,
    typer.Option("--seed", parser=_whole, metavar="INTEGER", help="Seed of the predictive draws (default 0)."),
]
Store = Annotated[  # text, since a path has no "//" and a URL has
    str | None,
    typer.Option("--database", envvar="HWPREDICT_DATABASE", help="Store of measurements (default hwpredict.duckdb)."),
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a store that is in use.")]


def measured(database: str | None, *, may_be_new: bool) -> str | None:
    """Where measurements are, of what :data:`DatabaseToKeepIn` says; None of a store that is yet to be made.

    Raises
    ------
    typer.BadParameter
        There is nothing, and there should be.
    """
    if database is None or (may_be_new and not is_there(database)):
        return None
    return _store(database)


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
