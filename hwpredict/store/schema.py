"""What one measurement is: a single table of columns from which the DDL, the validation and the documentation derive.

Each column is described once, in :data:`COLUMNS`. The SQL built here cleans a raw column, says what is wrong with a row
and addresses a row by its content; :mod:`hwpredict.store.benchmark_store` strings these pieces together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hwpredict.workload import PRECISIONS, Family, Item, Mode, Platform

#: At least one of these must be given in a row.
METRICS = ("throughput", "latency_ms", "memory_mb")

#: Kept beside the schema's columns. Both are understood when read back, so that an export loads without loss.
EXTRA = "extra"  # JSON object: columns of the file that are not in the schema, values as text
REPLICATES = "replicates"  # how often the row occurred in one file: a true re-measurement with the same figures

_MISSING_WORDS = ("", "nan", "na", "n/a", "none", "null", "-")
_SEPARATOR = 31  # ASCII "unit separator"
_INTEGER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMERIC_TYPES = {"FLOAT", "DOUBLE", "DECIMAL", *_INTEGER_TYPES, *(f"U{name}" for name in _INTEGER_TYPES)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a measurement.

    Attributes
    ----------
    name : str
        Name in files, in data frames and in the database.
    sql_type : str
        VARCHAR, DOUBLE or BIGINT (a whole number). Every number must be finite and greater than zero.
    unit : str
        Unit of a number, empty for text.
    meaning : str
        One sentence.
    required : bool
        Whether a row without it is rejected.
    words : tuple of str
        Permitted values, empty when any text will do.
    aliases : Mapping
        Other spellings of the permitted values.
    """

    name: str
    sql_type: str
    unit: str
    meaning: str
    required: bool = False
    words: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether the column holds a number."""
        return self.sql_type != "VARCHAR"


def _text(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "VARCHAR", "", meaning, required)


def _word(
    name: str,
    words: Iterable[str],
    meaning: str,
    *,
    required: bool = False,
    aliases: Mapping[str, str] | None = None,
) -> Column:
    return Column(name, "VARCHAR", "", meaning, required, tuple(map(str, words)), aliases or {})


def _quantity(name: str, unit: str, meaning: str, *, whole: bool = False) -> Column:
    return Column(name, "BIGINT" if whole else "DOUBLE", unit, meaning)


_PRECISION_ALIASES = {
    "double": "fp64",
    "float64": "fp64",
    "float": "fp32",
    "float32": "fp32",
    "half": "fp16",
    "float16": "fp16",
    "bfloat16": "bf16",
}

#: The measurement schema, in the order in which files and data frames hold it.
COLUMNS: tuple[Column, ...] = (
    _text("table", "Collection that the row comes from, when several sources were gathered in one."),
    _text("source", "Who published the figures: the harness or the repository."),
    _text("source_path", "File, commit or page in the source."),
    _text("measured", "When, as the source says it: a date, a year, a release."),
    _text("model", "Name of the model.", required=True),
    _word("model_family", Family, "What the model is for."),
    _quantity("parameters", "1", "Number of parameters; all experts of a mixture."),
    _quantity("gmacs", "1e9 MAC", "Multiply-accumulates per item, forward, at the given size."),
    _quantity("activations_m", "1e6 elements", "Activation elements per item."),
    _text("input_size", "Input of vision and audio models: 224, 3x224x224, 30s."),
    _quantity(
        "sequence_length",
        "tokens",
        "Length of the sequence or of the context; denoising steps of a diffusion pipeline (20 where unstated).",
        whole=True,
    ),
    _word(
        "hardware",
        Platform,
        "Platform that drives the device.",
        required=True,
        aliases={"metal": Platform.MPS, "hip": Platform.ROCM},
    ),
    _text("device", "Product name, as the source spells it."),
    _quantity("n_devices", "1", "Number of devices that work together.", whole=True),
    _word("precision", PRECISIONS, "Number format of weights and arithmetic.", aliases=_PRECISION_ALIASES),
    _text("layout", "Memory layout of the tensors: nchw, nhwc."),
    _text("runtime", "Framework or engine, with the options that matter."),
    _text("runtime_version", "Version of the runtime."),
    _word(
        "mode",
        Mode,
        "Inference or training; inference when empty.",
        aliases={"infer": Mode.INFERENCE, "train": Mode.TRAINING},
    ),
    _quantity("batch_size", "items", "Batch size of all devices together.", whole=True),
    _quantity("throughput", "s-1", "Items per second of all devices together."),
    _quantity("latency_ms", "ms", "Time of one step of the whole batch."),
    _quantity("memory_mb", "Mbyte", "Peak memory on one device."),
    _word(
        "item",
        Item,
        "What one unit of throughput is, and what the latency spans.",
        aliases={"audio_second": Item.SECOND_AUDIO},
    ),
    _text("note", "Whatever else the source says."),
)

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
COLUMN_NAMES: tuple[str, ...] = tuple(BY_NAME)
REQUIRED: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.required)


# --- quoting ----------------------------------------------------------------------------------------------------------


def identifier(name: str) -> str:
    """Quote a name for SQL (``table`` is a reserved word)."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text value for SQL."""
    return "'" + text.replace("'", "''") + "'"


# --- documentation ----------------------------------------------------------------------------------------------------


def describe(column: Column) -> str:
    """Meaning of a column with its unit and its permitted words."""
    unit = f" [{column.unit}]" if column.unit else ""
    words = f" One of: {', '.join(column.words)}." if column.words else ""
    return f"{column.meaning}{unit}{words}"


def markdown() -> str:
    """Return the schema as a Markdown table, for the documentation."""
    lines = ["| column | type | unit | required | meaning |", "|---|---|---|---|---|"]
    for column in COLUMNS:
        kind = {"VARCHAR": "text", "DOUBLE": "number", "BIGINT": "whole number"}[column.sql_type]
        required = "yes" if column.required else ("one of three" if column.name in METRICS else "")
        words = f" One of: {', '.join(column.words)}." if column.words else ""
        lines.append(f"| `{column.name}` | {kind} | {column.unit} | {required} | {column.meaning}{words} |")
    return "\n".join(lines)


# --- validation, in SQL -----------------------------------------------------------------------------------------------


def _is_numeric(sql_type: str) -> bool:
    return sql_type.split("(")[0] in _NUMERIC_TYPES and not sql_type.endswith("]")


def _number(raw_name: str, raw_type: str) -> str:
    text = identifier(raw_name) if _is_numeric(raw_type) else f"{identifier(raw_name)}::VARCHAR"
    return f"try_cast({text} as DOUBLE)"


def _trimmed(raw_name: str) -> str:
    # the separator of content_hash must not occur in a value
    return rf"trim(replace({identifier(raw_name)}::VARCHAR, chr({_SEPARATOR}), ' '), E' \t\r\n')"


def clean(column: Column, raw_name: str, raw_type: str) -> str:
    """SQL expression of a cleaned column: text trimmed, words in the vocabulary's spelling, numbers as DOUBLE.

    Parameters
    ----------
    column : Column
        What the value shall become.
    raw_name, raw_type : str
        The column of the file and its DuckDB type.
    """
    if column.is_number:
        return f"nullif({_number(raw_name, raw_type)}, 'nan'::DOUBLE)"  # NaN is how data frames say "missing"
    text = f"nullif({_trimmed(raw_name)}, '')"
    if not column.words:
        return text
    word = f"replace(replace(lower({text}), ' ', '_'), '-', '_')"
    if not column.aliases:
        return word
    cases = " ".join(f"when {literal(a)} then {literal(str(w))}" for a, w in column.aliases.items())
    return f"case {word} {cases} else {word} end"


def unreadable(column: Column, raw_name: str, raw_type: str) -> str | None:
    """SQL condition that a number column holds something that is not a number; None when it cannot."""
    if not column.is_number or _is_numeric(raw_type):
        return None
    missing = ", ".join(map(literal, _MISSING_WORDS))
    return f"{_number(raw_name, raw_type)} is null and lower({_trimmed(raw_name)}) not in ({missing})"


def problems(present: Iterable[str], unreadable_flags: Mapping[str, str]) -> str:
    """SQL expression that says what is wrong with a row of cleaned columns, NULL when nothing is.

    Parameters
    ----------
    present : iterable of str
        Names of the schema's columns that the file has.
    unreadable_flags : Mapping
        Column name to the name of the boolean column made of :func:`unreadable`.
    """
    present = set(present)
    checks: list[tuple[str, str]] = []
    for column in (BY_NAME[name] for name in COLUMN_NAMES if name in present):
        value, name = identifier(column.name), column.name
        if column.required:
            checks.append((f"{value} is null", literal(f"no {name}")))
        if column.words:
            known = ", ".join(map(literal, column.words))
            checks.append((f"{value} not in ({known})", f"format({literal(f"unknown {name} '{{}}'")}, {value})"))
        if name in unreadable_flags:
            checks.append((identifier(unreadable_flags[name]), literal(f"{name} is not a number")))
        if column.is_number:
            checks.append((f"not isfinite({value})", literal(f"{name} is not finite")))
            checks.append((f"{value} <= 0", literal(f"{name} is not positive")))
        if column.sql_type == "BIGINT":
            whole = f"{value} = floor({value}) and {value} < 9007199254740992"
            checks.append((f"isfinite({value}) and not ({whole})", literal(f"{name} is not a whole number")))
    metrics = [identifier(name) for name in METRICS if name in present]
    checks.append((f"coalesce({', '.join(metrics)}) is null", literal(f"none of {', '.join(METRICS)}")))
    cases = ", ".join(f"case when {condition} then {reason} end" for condition, reason in checks)
    return f"nullif(concat_ws('; ', {cases}), '')"


def content_hash(present: Iterable[str]) -> str:
    """SQL expression of the address of a row: the first 128 bits of the SHA-256 of what it says.

    The values stand in the order of the schema, an absent one empty and those at the end left out, so that addresses
    stay the same when a later version appends columns to the schema.

    Parameters
    ----------
    present : iterable of str
        Names of the columns that the rows have.
    """
    present = set(present)
    values = [
        f"coalesce({identifier(name)}::VARCHAR, '')" if name in present else "''" for name in (EXTRA, *COLUMN_NAMES)
    ]
    said = f"rtrim(concat_ws(chr({_SEPARATOR}), {', '.join(values)}), chr({_SEPARATOR}))"
    return f"left(sha256({said}), 32)::UUID"


def as_json_object(names: Iterable[str]) -> str:
    """SQL expression of a JSON object of the named columns' texts, without those that are NULL."""
    pairs = ", ".join(f"{literal(name)}, {identifier(name)}::VARCHAR" for name in sorted(names))
    return f"json_merge_patch('{{}}'::JSON, json_object({pairs}))" if pairs else "'{}'::JSON"
