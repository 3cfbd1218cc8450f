"""The query of a training set: what was known of each thing at its time, and nothing of what came later.

In the part of SQL that Athena and DuckDB have in common, so that the same query runs on AWS and here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MOMENT, SECONDS, ROW = "_moment", "_seconds", "_row"
"""Columns of the labels: when, as a time and in seconds since 1970, and which line."""


@dataclass(frozen=True)
class History:
    """A feature group's history, and what is wanted of it."""

    name: str
    """Of the group: what its columns begin with."""
    table: str
    identifier: str
    identifier_type: Literal["String", "Integral"]
    event_time: str
    event_time_type: Literal["String", "Fractional"]
    features: Sequence[str]
    key: str
    """The column of the labels that says whose record it is."""

    def column(self, feature: str) -> str:
        """How a feature is called in the training set."""
        return f"{self.name}_{feature}".replace("-", "_").lower()


def query(labels: str, histories: Sequence[History], *, max_age_seconds: int | None = None) -> str:
    """Each line of the table `labels` with the features of its keys as they were at its time.

    Of a key's records, the last one before or at that time counts; what was deleted then has no values, nor
    has what is older than `max_age_seconds`. Where several have the same time, the last one that was written
    counts: a record is its key and its time
    (https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-concepts.html).
    """
    parts = [f"labels AS ({_labels(labels, histories)})"]
    columns, joins = [f"labels.{ROW}"], []
    for number, history in enumerate(histories):
        parts += [f"h{number} AS ({_intervals(history)})"]
        columns += [
            f"h{number}.{_quoted(name.lower())} AS {_quoted(history.column(name))}"
            for name in history.features
        ]
        joins.append(_join(number, history, max_age_seconds))
    return (
        f"WITH {', '.join(parts)} SELECT {', '.join(columns)} FROM labels {' '.join(joins)}"  # noqa: S608 - names are checked and quoted
        f" ORDER BY labels.{ROW}"
    )


def _labels(table: str, histories: Sequence[History]) -> str:
    """Everything is text in the file."""
    keys = {
        f"k{number}": f"CAST({_quoted(history.key)} AS {_KEYS[history.identifier_type]})"
        for number, history in enumerate(histories)
    }
    columns = [
        f"CAST({_quoted(ROW)} AS bigint) AS {ROW}",
        f"CAST({_quoted(MOMENT)} AS timestamp) AS {MOMENT}",
        f"CAST({_quoted(SECONDS)} AS double) AS {SECONDS}",
        *(f"{value} AS {name}" for name, value in keys.items()),
    ]
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - names are checked and quoted


_KEYS = {"String": "varchar", "Integral": "bigint"}


def _intervals(history: History) -> str:
    """Each record once, with the time from which on another one of its key counts."""
    identifier, at = _quoted(history.identifier.lower()), _at(history)
    kept = ", ".join(
        dict.fromkeys([identifier, *(_quoted(each.lower()) for each in history.features), "is_deleted"])
    )
    versions = (
        f"SELECT {kept}, {at} AS _at, row_number() OVER (PARTITION BY {identifier}, {at}"  # noqa: S608 - names are checked and quoted
        f" ORDER BY api_invocation_time DESC, write_time DESC) AS _version FROM {history.table}"
    )
    return (
        f"SELECT {kept}, _at, lead(_at) OVER (PARTITION BY {identifier} ORDER BY _at) AS _until"  # noqa: S608 - names are checked and quoted
        f" FROM ({versions}) WHERE _version = 1"
    )


def _at(history: History) -> str:
    """Times of ISO 8601 as times: as text, half a second would come before none."""
    event_time = _quoted(history.event_time.lower())
    if history.event_time_type == "Fractional":
        return event_time
    return f"CAST(replace(replace({event_time}, 'T', ' '), 'Z', '') AS timestamp)"


def _join(number: int, history: History, max_age_seconds: int | None) -> str:
    at, as_seconds = f"h{number}._at", history.event_time_type == "Fractional"
    then = f"labels.{SECONDS if as_seconds else MOMENT}"
    conditions = [
        f"h{number}.{_quoted(history.identifier.lower())} = labels.k{number}",
        f"{at} <= {then}",
        f"(h{number}._until IS NULL OR h{number}._until > {then})",
        f"NOT h{number}.is_deleted",
    ]
    if max_age_seconds is not None:
        age = f"{max_age_seconds}" if as_seconds else f"INTERVAL '{max_age_seconds}' SECOND"
        conditions.append(f"{at} >= {then} - {age}")
    return f"LEFT JOIN h{number} ON {' AND '.join(conditions)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def columns(histories: Sequence[History]) -> Iterator[str]:
    """The training set's columns, in order."""
    for history in histories:
        yield from (history.column(name) for name in history.features)
