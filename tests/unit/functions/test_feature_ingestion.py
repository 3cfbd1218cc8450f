"""The function that writes messages into feature groups."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feature_ingestion.ports import NotTaken, Record
from feature_ingestion.rules import Message, Unreadable, ingest, record_of


class Store:
    def __init__(self, *refused: str) -> None:
        self.records: list[tuple[str, Record]] = []
        self._refused = refused

    def put(self, group: str, record: Record) -> None:
        if record.get("patient") in self._refused:
            raise NotTaken("the service says no")
        self.records.append((group, record))


def message(number: int, **values: Any) -> Message:
    return Message(f"m{number}", "patients", json.dumps(values))


def test_writes_each_message_into_its_group() -> None:
    store = Store()

    failed = ingest([message(1, patient="a", bmi=21.5, visits=3)], store, time_is_up=lambda: False)

    assert failed == []
    assert store.records == [("patients", {"patient": "a", "bmi": "21.5", "visits": "3"})]


def test_one_that_fails_keeps_none_of_the_others() -> None:
    store = Store("b")
    messages = [
        message(1, patient="a"),
        message(2, patient="b"),
        Message("m3", "patients", "no"),
        message(4, patient="c"),
    ]

    failed = ingest(messages, store, time_is_up=lambda: False)

    assert [message_id for message_id, _ in failed] == ["m2", "m3"]
    assert [record["patient"] for _, record in store.records] == ["a", "c"]


def test_what_there_is_no_time_for_comes_again() -> None:
    failed = ingest([message(1, patient="a")], Store(), time_is_up=lambda: True)

    assert failed == [("m1", "there was no time left")]


def test_what_is_null_has_no_value_and_a_list_has_several() -> None:
    assert record_of('{"patient": "a", "bmi": null, "visits": ["x", 2]}') == {
        "patient": "a",
        "visits": ["x", "2"],
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not JSON"),
        ("[1]", "no JSON object"),
        ("{}", "no values"),
        ('{"bmi": null}', "no values"),
        ('{"bmi": NaN}', "not JSON"),
        ('{"bmi": 1e999}', "'bmi' is no text, number"),
        ('{"smokes": true}', "'smokes' is no text, number"),
        ('{"visits": [[1]]}', "'visits' is no text, number"),
        ('{"at": {"day": 1}}', "'at' is no text, number"),
    ],
)
def test_says_what_no_record_is(body: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        record_of(body)
