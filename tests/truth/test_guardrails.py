"""What nobody may, whatever they are allowed: decided for each of the three forms that guardrails have.

A role that is allowed everything has them attached, has the boundary, or is in an account with the control
policies; the rows of the table hold in each, and each denial has a row that fails without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import pytest

from clary.environment.guardrail import control_policies
from local_aws.identity.decision import Policies
from local_aws.identity.policy import Statement, statements
from support.identity import ACCOUNT, Somebody, document, statement
from support.truth import GUARDRAILS, Row, questions, table
from support.truth_calls import call_of
from support.truth_world import World, listed, truth_environment

Form = Literal["attached", "boundary", "controls"]
FORMS: tuple[Form, ...] = ("attached", "boundary", "controls")
_EVERYTHING = statements(document(statement("*")))


def _denials(world: World, form: Form) -> tuple[Statement, ...]:
    if form == "attached":
        return world.document(world.guardrails)
    if form == "boundary":
        return tuple(each for each in world.document(world.boundary) if not each.allows)
    found = [each for text in control_policies(truth_environment()) for each in statements(text)]
    return tuple(found)


def _policies(world: World, form: Form, denials: Sequence[Statement]) -> Policies:
    if form == "attached":
        return Policies(identity=(*_EVERYTHING, *denials))
    if form == "controls":
        return Policies(identity=_EVERYTHING, controls=[(*_EVERYTHING, *denials)])
    let_through = [each for each in world.document(world.boundary) if each.allows]
    return Policies(identity=_EVERYTHING, boundary=(*let_through, *denials))


def _rows(world: World, form: Form) -> Iterator[tuple[Row, str]]:
    """The boundary has no say about allowing what it does not let through anyway."""
    for row, action in questions(table(GUARDRAILS)):
        known = {"roles": ("attached", "boundary"), "controls": ("controls",), None: FORMS}[row.known_to]
        if form in known and (form != "boundary" or not row.may or _let_through(world, action)):
            yield row, action


def _let_through(world: World, action: str) -> bool:
    boundary = [each for each in world.document(world.boundary) if each.allows]
    return any(
        fnmatchcase(action, name) and each.element["Resource"] == "*"
        for each in boundary
        if "Action" in each.element
        for name in listed(each)
    )


@pytest.mark.parametrize("form", FORMS)
def test_guardrails_decide_as_the_table_says(world: World, form: Form) -> None:
    of = table(GUARDRAILS)
    policies = _policies(world, form, _denials(world, form))

    wrong = [
        f"{row.told}: {action}"
        for row, action in _rows(world, form)
        if world.decide(row, action, of, policies).allowed is not row.may
    ]

    assert wrong == []


@pytest.mark.parametrize("form", FORMS)
def test_every_denial_has_a_row_that_fails_without_it(world: World, form: Form) -> None:
    of = table(GUARDRAILS)
    denials = _denials(world, form)
    denied = [(row, action) for row, action in _rows(world, form) if not row.may]

    unnoticed = [
        each.element["Sid"]
        for index, each in enumerate(denials)
        if not any(
            world.decide(
                row, action, of, _policies(world, form, [*denials[:index], *denials[index + 1 :]])
            ).allowed
            for row, action in denied
        )
    ]

    assert unnoticed == []


def test_a_role_with_everything_is_refused_by_what_is_attached(world: World) -> None:
    role = world.aws.role(statement("*"))
    world.aws.client("iam").attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=world.guardrails)

    assert _wrong(world, world.aws.session(role), "attached") == []


def test_a_role_with_everything_is_refused_by_the_account(world: World) -> None:
    organizations = world.aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    somebody = world.aws.somebody(statement("*"))
    attached = [
        organizations.create_policy(
            Name=f"guardrails-{number}",
            Description="",
            Type="SERVICE_CONTROL_POLICY",
            Content=text,
        )["Policy"]["PolicySummary"]["Id"]
        for number, text in enumerate(control_policies(truth_environment()), 1)
    ]
    for policy in attached:
        organizations.attach_policy(PolicyId=policy, TargetId=ACCOUNT)
    try:
        assert _wrong(world, somebody, "controls") == []
    finally:
        for policy in attached:
            organizations.detach_policy(PolicyId=policy, TargetId=ACCOUNT)


def _wrong(world: World, somebody: Somebody, form: Form) -> list[str]:
    of = table(GUARDRAILS)
    calls = [(row, action, call_of(world, row, action, of)) for row, action in _rows(world, form)]
    return [
        f"{row.told}: {action}: {refusal}"
        for row, action, call in calls
        if call is not None
        for refusal in [somebody.refusal(call.service, call.operation, **call.parameters)]
        if (refusal is None) is not row.may
    ]


def test_no_managed_policy_of_aws_is_attached_to_anybody(world: World) -> None:
    text = json.dumps(world.templates["Access"])

    assert "arn:aws:iam::aws:policy" not in text
    assert "FullAccess" not in text
