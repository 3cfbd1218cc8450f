"""Data goes with its stack, and not because an edit says that it is kept from now on."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_common.stack_state import is_going


class CloudFormation:
    def __init__(self, status: str) -> None:
        self._status = status

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        assert request == {"StackName": "arn:of:the:stack"}
        return {"Stacks": [{"StackStatus": self._status}]}


@pytest.mark.parametrize(
    ("status", "going"),
    [
        ("DELETE_IN_PROGRESS", True),
        ("ROLLBACK_IN_PROGRESS", True),  # it could not be created
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("UPDATE_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_IN_PROGRESS", False),
    ],
)
def test_a_stack_goes_when_it_is_deleted_or_was_never_finished(status: str, going: bool) -> None:
    assert is_going(CloudFormation(status), "arn:of:the:stack") == going
