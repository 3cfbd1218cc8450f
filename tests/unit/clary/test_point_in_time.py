"""Training sets against a plain reference, on random histories."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.point_in_time import History, query

KEYS = ["a", "b", "c"]
BEGIN = datetime.datetime.fromisoformat("2026-01-01T00:00:00")
TEXT = History("patients", "patients", "patient", "String", "at", "String", ["at", "bmi"], "patient")
NUMBERS = History("Visits", "visits", "Patient", "Integral", "when", "Fractional", ["Count"], "number")


@dataclass(frozen=True)
class Record:
    key: str
    milliseconds: int
    value: float | None
    deleted: bool
    invoked: int
    """When it was put, in milliseconds."""

    @property
    def text(self) -> str:
        moment = BEGIN + datetime.timedelta(milliseconds=self.milliseconds)
        if self.milliseconds % 1000:
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.milliseconds % 1000:03}Z"
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def seconds(self) -> float:
        return BEGIN.replace(tzinfo=datetime.UTC).timestamp() + self.milliseconds / 1000


@dataclass(frozen=True)
class Label:
    key: str
    milliseconds: int


def reference(records: Sequence[Record], label: Label, max_age_seconds: int | None) -> Record | None:
    """What was known: in words, for one line."""
    best: Record | None = None
    for record in records:
        if record.key != label.key or record.milliseconds > label.milliseconds:
            continue
        if best is None or (record.milliseconds, record.invoked) > (best.milliseconds, best.invoked):
            best = record
    if best is None or best.deleted:
        return None
    if max_age_seconds is not None and best.milliseconds < label.milliseconds - max_age_seconds * 1000:
        return None
    return best


def answered(
    records: Sequence[Record],
    labels: Sequence[Label],
    histories: Sequence[History],
    max_age_seconds: int | None = None,
) -> list[tuple[Any, ...]]:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(
            'CREATE TABLE patients (patient VARCHAR, "at" VARCHAR, bmi DOUBLE, is_deleted BOOLEAN,'
            " api_invocation_time TIMESTAMP, write_time TIMESTAMP);"
            'CREATE TABLE visits (patient BIGINT, "when" DOUBLE, count DOUBLE, is_deleted BOOLEAN,'
            " api_invocation_time TIMESTAMP, write_time TIMESTAMP);"
            "CREATE TABLE labels (_row VARCHAR, _moment VARCHAR, _seconds VARCHAR, patient VARCHAR,"
            " number VARCHAR)"
        )
        for record in records:
            invoked = BEGIN + datetime.timedelta(milliseconds=record.invoked)
            rest = (record.value, record.deleted, invoked, invoked)
            connection.execute("INSERT INTO patients VALUES (?,?,?,?,?,?)", (record.key, record.text, *rest))
            number = KEYS.index(record.key)
            connection.execute("INSERT INTO visits VALUES (?,?,?,?,?,?)", (number, record.seconds, *rest))
        for row, label in enumerate(labels):
            moment = BEGIN + datetime.timedelta(milliseconds=label.milliseconds)
            seconds = Record(label.key, label.milliseconds, None, False, 0).seconds
            connection.execute(
                "INSERT INTO labels VALUES (?,?,?,?,?)",
                (str(row), moment.isoformat(sep=" "), repr(seconds), label.key, str(KEYS.index(label.key))),
            )
        return connection.execute(query("labels", histories, max_age_seconds=max_age_seconds)).fetchall()


# few moments, so that they coincide, some of them by half a second
MOMENTS = st.integers(0, 12).map(lambda halves: halves * 500)
RECORDS = st.lists(
    st.builds(
        Record,
        st.sampled_from(KEYS),
        MOMENTS,
        st.one_of(st.none(), st.integers(0, 9).map(float)),
        st.booleans(),
        st.integers(0, 10**6),
    ),
    max_size=25,
    unique_by=lambda record: (record.key, record.milliseconds, record.invoked),
)
LABELS = st.lists(st.builds(Label, st.sampled_from(KEYS), MOMENTS), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(records=RECORDS, labels=LABELS, max_age=st.one_of(st.none(), st.integers(0, 4)))
def test_each_line_has_what_was_known_at_its_time(
    records: list[Record], labels: list[Label], max_age: int | None
) -> None:
    wanted = [reference(records, label, max_age) for label in labels]

    assert answered(records, labels, [TEXT, NUMBERS], max_age) == [
        (row, None, None, None) if known is None else (row, known.text, known.value, known.value)
        for row, known in enumerate(wanted)
    ]


def test_half_a_second_is_later_than_none_although_its_text_is_not() -> None:
    whole, half = Record("a", 1000, 1.0, False, 0), Record("a", 1500, 2.0, False, 1)

    assert answered([whole, half], [Label("a", 1500)], [TEXT]) == [(0, half.text, 2.0)]


def test_what_comes_later_is_not_known_yet() -> None:
    later = Record("a", 2000, 1.0, False, 0)

    assert answered([later], [Label("a", 1999), Label("a", 2000)], [TEXT]) == [
        (0, None, None),
        (1, later.text, 1.0),
    ]


def test_a_record_that_was_written_twice_is_one_line() -> None:
    once, again = Record("a", 0, 1.0, False, 0), Record("a", 0, 1.0, False, 7)

    assert len(answered([once, again], [Label("a", 0)], [TEXT])) == 1


@pytest.mark.parametrize(
    ("feature", "column"), [("bmi", "patients_bmi"), ("Body-Mass", "patients_body_mass")]
)
def test_columns_are_named_by_their_group(feature: str, column: str) -> None:
    assert TEXT.column(feature) == column
