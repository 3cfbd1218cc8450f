"""Who may do what, decided on the environment that is deployed with enforcement on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from support.truth import TABLES, questions, table
from support.truth_world import World, listed, without


@pytest.mark.parametrize("name", TABLES)
def test_deployed_policies_decide_as_the_table_says(world: World, name: str) -> None:
    of = table(name)
    policies = world.policies(of)

    wrong = [
        f"{row.told}: {action}"
        for row, action in questions(of)
        if world.decide(row, action, of, policies).allowed is not row.may
    ]

    assert wrong == []


@pytest.mark.parametrize("name", TABLES)
def test_the_simulator_decides_as_the_table_says(world: World, name: str) -> None:
    of = table(name)
    source = world.role_of(of)

    wrong = [
        f"{row.told}: {action}"
        for row in of.rows
        if not row.outside  # the simulator tries no resource's policy with a role
        for action, allowed in world.simulate(row, of, source).items()
        if allowed is not row.may
    ]

    assert wrong == []


@pytest.mark.parametrize("name", TABLES)
def test_every_action_that_is_allowed_has_a_row_that_fails_without_it(
    world: World, name: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    of = table(name)
    policies = world.policies(of)
    identity = policies.identity
    assert identity is not None
    allowed = [(row, action) for row, action in questions(of) if row.may]

    noticed = {
        f"{statement.source}: {action} on {statement.element['Resource']}": any(
            not world.decide(
                row, asked, of, replace(policies, identity=without(identity, index, action))
            ).allowed
            for row, asked in allowed
            if asked == action
        )
        for index, statement in enumerate(identity)
        if statement.allows
        for action in listed(statement)
    }

    _report(name, noticed, record_testsuite_property)


def test_every_action_that_the_boundary_lets_through_has_a_row_that_fails_without_it(
    world: World, record_testsuite_property: Callable[[str, object], None]
) -> None:
    boundary = world.document(world.boundary)
    rows = [(of, row, action) for of in map(table, TABLES) for row, action in questions(of) if row.may]
    policies = {name: world.policies(table(name)) for name in TABLES}

    noticed = {
        f"{action} on {statement.element['Resource']}": any(
            not world.decide(
                row, asked, of, replace(policies[of.name], boundary=without(boundary, index, action))
            ).allowed
            for of, row, asked in rows
            if fnmatchcase(asked, action)
        )
        for index, statement in enumerate(boundary)
        if statement.allows
        for action in listed(statement)
    }

    _report("boundary", noticed, record_testsuite_property)


def _report(whose: str, noticed: Mapping[str, bool], record: Callable[[str, object], None]) -> None:
    """Says how many actions were taken out one by one (`pytest --junit-xml` keeps it), and which of them
    no row has noticed."""
    record(f"{whose}: actions taken out", len(noticed))
    record(f"{whose}: noticed by a row", sum(noticed.values()))

    assert noticed
    assert [action for action, by_a_row in noticed.items() if not by_a_row] == []
