"""What batch transform does with records, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import json_path, records

TEN = list(range(10))


@pytest.mark.parametrize(
    ("path", "value", "taken"),
    [
        ("$", TEN, TEN),
        ("$[1]", TEN, 1),
        ("$[-1]", TEN, 9),
        ("$[1,3,5]", TEN, [1, 3, 5]),
        ("$[0,-1]", TEN, [0, 9]),
        ("$[7:]", TEN, [7, 8, 9]),
        ("$[:2]", TEN, [0, 1, 2]),  # to the third column, as AWS's page counts
        ("$[1:4]", TEN, [1, 2, 3, 4]),
        ("$[-2:]", TEN, [8, 9]),
        ("$[0,5:]", TEN, [0, 5, 6, 7, 8, 9]),
        ("$.features", {"id": 1, "features": [1, 2]}, [1, 2]),
        ("$['id','label']", {"id": 1, "x": 2, "label": 3}, {"id": 1, "label": 3}),
        ("$.a.['b','c']", {"a": {"b": 1, "c": 2, "d": 3}}, {"b": 1, "c": 2}),
        ("$.id.*", {"id": {"a": 1, "b": 2}}, [1, 2]),
        ("$.rows[*].name", {"rows": [{"name": 1}, {"name": 2}]}, [1, 2]),
        ('$["two words"]', {"two words": 1}, 1),
    ],
)
def test_takes_what_an_expression_says(path: str, value: Any, taken: Any) -> None:
    assert json_path.parse(path).select(value) == taken


@pytest.mark.parametrize("path", ["", "features", "$.", "$[", "$[a]", "$..id", "$[?(@.x>1)]", "$[1:2:3]"])
def test_knows_which_expressions_are_not_supported(path: str) -> None:
    with pytest.raises(json_path.InvalidPath, match="is not a JSONPath that is supported"):
        json_path.parse(path)


@pytest.mark.parametrize(
    ("path", "value"),
    [("$[10]", TEN), ("$[-11]", TEN), ("$.x", {"y": 1}), ("$.x", TEN), ("$[0]", {"y": 1}), ("$.*", 1)],
)
def test_says_what_a_record_has_not(path: str, value: Any) -> None:
    with pytest.raises(json_path.NotFound):
        json_path.parse(path).select(value)


def processing(
    content_type: str = "text/csv", lines: bool = True, accept: str | None = None, **asked: str
) -> records.DataProcessing:
    request: dict[str, Any] = {
        "TransformInput": {"ContentType": content_type, "SplitType": "Line" if lines else "None"},
        "TransformOutput": {"AssembleWith": "Line" if lines else "None"}
        | ({"Accept": accept} if accept else {}),
        "DataProcessing": asked,
    }
    return records.data_processing(request)


@pytest.mark.parametrize(
    ("content_type", "asked", "record", "sent", "answer", "kept"),
    [
        ("text/csv", {}, b"1,2", b"1,2", b"3", b"3"),
        ("text/csv", {"InputFilter": "$[1:]"}, b"7,1,2", b"1,2", b"3", b"3"),
        ("text/csv", {"JoinSource": "Input"}, b"1,2", b"1,2", b"3", b"1,2,3"),
        (
            "text/csv",
            {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
            b'"a, b",1,2',
            b"1,2",
            b"3",
            b'"a, b",3',
        ),
        ("application/jsonlines", {"InputFilter": "$.x"}, b'{"x": [1]}', b"[1]", b"3", b"3"),
        (
            "application/jsonlines",
            {"InputFilter": "$.x", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            b'{"id": 7, "x": [1, 2]}',
            b"[1,2]",
            b'{"label": 3}',
            b'{"id":7,"SageMakerOutput":{"label":3}}',
        ),
        (
            "application/json",
            {"JoinSource": "Input"},
            b"[1, 2]",
            b"[1, 2]",
            b"3",
            b'{"SageMakerInput":[1,2],"SageMakerOutput":3}',
        ),
    ],
)
def test_filters_and_joins_a_record(
    content_type: str, asked: dict[str, str], record: bytes, sent: bytes, answer: bytes, kept: bytes
) -> None:
    found = processing(content_type, lines=content_type != "application/json", **asked)

    assert found.before(record) == sent
    assert found.after(record, answer) == kept


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"InputFilter": "$..x"}, r"Invalid InputFilter: .*is not a JSONPath that is supported"),
        ({"InputFilter": "$.x"}, "only indexes can be applied to text/csv"),
        ({"JoinSource": "Input", "content_type": "image/png"}, "needs a ContentType of text/csv"),
        ({"JoinSource": "Input", "accept": "application/x-npy"}, "needs a Accept of text/csv"),
        ({"JoinSource": "Input", "accept": "application/json"}, "of one format"),
        ({"JoinSource": "Input", "lines": False}, "needs the SplitType Line and AssembleWith Line"),
    ],
)
def test_refuses_what_cannot_be_filtered_or_joined(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        processing(**more)


def test_puts_as_many_records_into_a_request_as_fit() -> None:
    lines = records.split(b"1111\n2222\r\n\n3333\n")

    assert list(records.batches(lines, 10, single=False)) == [[b"1111", b"2222"], [b"3333"]]
    assert list(records.batches(lines, 10, single=True)) == [[b"1111"], [b"2222"], [b"3333"]]
    assert list(records.batches(lines, None, single=False)) == [[b"1111", b"2222", b"3333"]]


def test_refuses_a_record_that_is_larger_than_a_request_may_be() -> None:
    with pytest.raises(records.BadRecord, match="a record of 11 bytes is larger than MaxPayloadInMB"):
        list(records.batches([b"1" * 11], 10, single=False))
