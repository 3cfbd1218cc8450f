"""What metric filters match."""

from __future__ import annotations

import pytest

from local_aws.metric_filters import matcher

LINE = '{"status": "429", "latency": 12.5, "path": "/models/a", "user": {"roles": ["x", "y"]}, "gone": null}'


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        '{ $.status = "429" }',
        "{ $.status = 4* }",
        "{ $.latency = 12.5 }",
        "{ $.latency >= 12 && $.status != 200 }",
        "{ $.latency > 100 || $.path = /models/* }",
        "{ ($.latency > 100 || $.latency < 20) && $.status = 429 }",
        "{ $.user.roles[1] = y }",
        "{ $.gone IS NULL }",
        "{ $.never NOT EXISTS }",
        "429",
        '"/models/a" status',
        "?never ?latency",
        "status -never",
    ],
)
def test_matches(pattern: str) -> None:
    assert matcher(pattern)(LINE)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.status = "42" }',
        "{ $.latency > 12.5 }",
        "{ $.never != 1 }",
        "{ $.user = x }",
        "{ $.user.roles[2] = y }",
        "{ $.gone EXISTS && $.latency = 1 }",
        "{ $.status = }",
        "{ $.status ~ 4 }",
        "{ ($.status = 429 }",
        "{ $.status = 429 } }",
        "[ip, status = 429]",
        "never",
        "?never ?either",
        "status -latency",
    ],
)
def test_does_not_match(pattern: str) -> None:
    assert not matcher(pattern)(LINE)


@pytest.mark.parametrize("line", ["", "text 429", "[", '"429"'])
def test_what_is_no_json_fits_no_json_pattern(line: str) -> None:
    assert not matcher('{ $.status = "429" }')(line)
