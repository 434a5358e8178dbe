"""What became of the rows of one import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of the rows of one import; ``read = added + known + duplicates + rejected``.

    Attributes
    ----------
    origin : str
        The file, or "data frame".
    read : int
        Rows that were given.
    added : int
        Rows that are new in the store.
    known : int
        Rows that the store had already.
    duplicates : int
        Repetitions within what was given; the store keeps how many in the column ``replicates``.
    rejected : int
        Rows that make no sense; they are in the table ``rejects`` with the reason.
    reasons : Mapping of str to int
        Reason of rejection to number of rows, most frequent first.
    unknown_columns : tuple of str
        Columns that the schema does not have; their values are in the JSON column ``extra``.
    importer : str
        Name of the format.
    conversions : Mapping of str to int
        Conversions of units ("latency_ms: s → ms") to number of values.
    notes : tuple of str
        What else the importer has to say.
    superseded : int
        Older rows that the import corrects.
    predictions : int
        Predictions among what was read, kept as such and counted in none of the others.
    """

    origin: str
    read: int
    added: int
    known: int
    duplicates: int
    rejected: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    importer: str = "hwpredict"
    conversions: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    superseded: int = 0
    predictions: int = 0

    def __str__(self) -> str:
        text = f"{self.origin}: {self.read:,} rows read, {self.added:,} added"
        if self.known:
            text += f", {self.known:,} known already"
        if self.duplicates:
            text += f", {self.duplicates:,} repeated"
        if self.superseded:
            text += f", {self.superseded:,} older ones superseded"
        if self.predictions:
            text += f", {self.predictions:,} kept as predictions"
        if self.rejected:
            shown = ", ".join(f"{reason} ({count:,})" for reason, count in list(self.reasons.items())[:3])
            more = ", …" if len(self.reasons) > 3 else ""
            text += f", {self.rejected:,} rejected: {shown}{more}"
        if self.conversions:
            text += "; converted " + ", ".join(f"{what} ({count:,})" for what, count in self.conversions.items())
        if self.unknown_columns:
            text += f"; columns kept as extra: {', '.join(self.unknown_columns)}"
        return text + "".join(f"; {note}" for note in self.notes)

    def as_dict(self) -> dict[str, object]:
        """The report as plain values, for JSON."""
        return {
            "origin": self.origin,
            "importer": self.importer,
            "read": self.read,
            "added": self.added,
            "known": self.known,
            "repeated": self.duplicates,
            "rejected": self.rejected,
            "superseded": self.superseded,
            "predictions": self.predictions,
            "reasons": dict(self.reasons),
            "conversions": dict(self.conversions),
            "unknown_columns": list(self.unknown_columns),
            "notes": list(self.notes),
        }
