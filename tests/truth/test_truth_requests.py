"""Who may do what, tried by requests: in a session of the role, under the person's name, over TLS."""

from __future__ import annotations

import pytest

from support.truth import TABLES, questions, table
from support.truth_calls import call_of
from support.truth_world import World


@pytest.mark.parametrize("name", TABLES)
def test_requests_are_answered_as_the_table_says(world: World, name: str) -> None:
    of = table(name)
    somebody = world.session(of)
    calls = [(row, action, call_of(world, row, action, of)) for row, action in questions(of)]

    wrong = [
        f"{row.told}: {action}: {refusal}"
        for row, action, call in calls
        if call is not None
        for refusal in [world.refusal(somebody, row, call.service, call.operation, **call.parameters)]
        if (refusal is None) is not row.may
    ]

    assert wrong == []


def test_most_of_what_the_tables_say_is_tried(world: World) -> None:
    asked = [(of, row, action) for of in map(table, TABLES) for row, action in questions(of)]

    tried = [each for each in asked if call_of(world, each[1], each[2], each[0]) is not None]

    assert len(tried) > len(asked) * 0.6
