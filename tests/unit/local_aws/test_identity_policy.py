"""Statements and conditions: what matches, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.identity.decision import Policies, ResourcePolicy, decide
from local_aws.identity.policy import Caller, Request, Value, conditions_met, statements

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/me"
READER = Caller((SESSION, ROLE), ACCOUNT)
READ = "s3:GetObject"
OBJECT = "arn:aws:s3:::bucket/key"


def _policy(*given: dict[str, Any], version: str = "2012-10-17") -> Any:
    return statements({"Version": version, "Statement": list(given)})


def _allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": READ, "Resource": OBJECT, **more}


def _allowed(*given: dict[str, Any], resource: str = OBJECT, action: str = READ, **context: Value) -> bool:
    keys = {name.replace("__", ":"): value for name, value in context.items()}
    return decide(READER, Request(action, resource, keys), Policies(_policy(*given))).allowed


def _met(operator: str, wanted: Any, actual: Value | None) -> bool:
    context = {} if actual is None else {"a:key": actual}
    return conditions_met({operator: {"A:Key": wanted}}, Request("", "", context), variables=True)


# operator, what the policy says, what the request has (None: nothing), whether it is met
CONDITIONS: list[tuple[str, Any, Value | None, bool]] = [
    ("StringEquals", "x", "x", True),
    ("StringEquals", "x*", "xy", False),
    ("StringEquals", ["x", "y"], "y", True),
    ("StringEquals", "x", None, False),
    ("StringEqualsIfExists", "x", None, True),
    ("StringNotEquals", "x", None, True),
    ("StringNotEquals", ["x", "y"], "y", False),
    ("StringNotEqualsIfExists", "x", "x", False),
    ("StringEqualsIgnoreCase", "X", "x", True),
    ("StringLike", "a?c*", "abcd", True),
    ("StringLike", "A*", "abcd", False),
    ("StringNotLike", "a*", "abcd", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThan", 10, "10", False),
    ("NumericGreaterThan", "ten", "11", False),
    ("NumericNotEquals", "1", "2", True),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", True),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", False),
    ("DateGreaterThan", "1767225600", "2026-06-01T00:00:00Z", True),
    ("Bool", True, "true", True),
    ("Bool", "false", "true", False),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("BinaryEquals", "QUJD", "QUJD", True),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("NotIpAddress", ["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", False),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
    ("ArnLike", "arn:aws:iam::*:role/x*", "arn:aws:iam::123456789012:role/xy", True),
    ("ArnLike", "arn:aws:*:role/x", "arn:aws:iam::123456789012:role/x", False),
    ("ArnEquals", "arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:role/x", True),
    ("ArnNotLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/y", True),
    ("Null", "true", None, True),
    ("Null", "false", None, False),
    ("Null", "true", "x", False),
    ("Null", "false", "", True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAnyValue:StringEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
    ("ForAllValues:StringNotLike", ["ml.p*"], ["ml.m5.large", "ml.p4"], False),
    ("ForAnyValue:StringLike", ["ml.p*"], ["ml.m5.large", "ml.p4"], True),
    ("StringNotLikely", "x", "y", False),
]


@pytest.mark.parametrize(("operator", "wanted", "actual", "met"), CONDITIONS)
def test_conditions_hold_as_aws_defines_them(
    operator: str, wanted: Any, actual: Value | None, met: bool
) -> None:
    assert _met(operator, wanted, actual) is met


def test_all_operators_and_keys_have_to_hold() -> None:
    both = {"StringEquals": {"a:one": "1", "a:two": "2"}, "Bool": {"a:three": "true"}}

    assert _allowed(_allow(Condition=both), a__one="1", a__two="2", a__three="true")
    assert not _allowed(_allow(Condition=both), a__one="1", a__two="3", a__three="true")
    assert not _allowed(_allow(Condition=both), a__one="1", a__two="2", a__three="false")


@pytest.mark.parametrize(
    ("element", "allowed"),
    [
        ({"Action": "s3:get*"}, True),
        ({"Action": ["sqs:*", "*"]}, True),
        ({"Action": "s3:Put?bject"}, False),
        ({"Action": None, "NotAction": "s3:Put*"}, True),
        ({"Action": None, "NotAction": ["s3:Get*"]}, False),
        ({"Resource": "arn:aws:s3:::bucket/*"}, True),
        ({"Resource": "arn:aws:s3:::Bucket/*"}, False),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"Resource": None, "NotResource": "arn:aws:s3:::other/*"}, True),
        ({"Resource": None, "NotResource": "*"}, False),
    ],
)
def test_actions_and_resources_match_by_wildcards(element: dict[str, Any], allowed: bool) -> None:
    statement = {name: value for name, value in {**_allow(), **element}.items() if value is not None}

    assert _allowed(statement) is allowed


def test_a_variables_value_has_no_wildcards() -> None:
    home = _allow(Resource="arn:aws:s3:::bucket/${aws:username}")

    assert _allowed(home, aws__username="key")
    assert not _allowed(home, aws__username="*")
    assert not _allowed(home)


def test_an_old_document_has_no_variables() -> None:
    policy = _policy(_allow(Resource="arn:aws:s3:::bucket/${aws:username}"), version="2008-10-17")
    request = Request(READ, OBJECT, {"aws:username": "key"})

    assert not decide(READER, request, Policies(policy)).allowed


def test_characters_stand_for_themselves_as_variables() -> None:
    literal = _allow(Resource="arn:aws:s3:::bucket/${*}")

    assert not _allowed(literal)
    assert _allowed(literal, resource="arn:aws:s3:::bucket/*")


def test_variables_are_filled_in_in_conditions_too() -> None:
    own = {"StringLike": {"s3:prefix": "home/${aws:username, 'nobody'}/*"}}

    assert _allowed(_allow(Condition=own), s3__prefix="home/ada/x", aws__username="ada")
    assert not _allowed(_allow(Condition=own), s3__prefix="home/bob/x", aws__username="ada")
    assert _allowed(_allow(Condition=own), s3__prefix="home/nobody/x")


@pytest.mark.parametrize(
    ("principal", "named"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ACCOUNT}, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, True),
        ({"AWS": [ROLE]}, True),
        ({"AWS": SESSION}, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, False),
        ({"AWS": "arn:aws:iam::999999999999:root"}, False),
        ({"Service": "s3.amazonaws.com"}, False),
        ({}, False),
    ],
)
def test_principals_name_the_caller(principal: Any, named: bool) -> None:
    (statement,) = _policy(_allow(Principal=principal))

    assert statement.names(READER) is named


def test_not_principal_has_to_list_every_name_of_a_session() -> None:
    root = f"arn:aws:iam::{ACCOUNT}:root"

    def spared(*listed: str) -> bool:
        (statement,) = _policy(_allow(Effect="Deny", NotPrincipal={"AWS": list(listed)}))
        return not statement.names(READER)

    assert spared(SESSION, ROLE, root)
    assert not spared(ROLE, root)
    assert not spared(SESSION, ROLE)


def _decision(policies: Policies) -> str:
    decision = decide(READER, Request(READ, OBJECT, {}), policies)
    return "allowed" if decision.allowed else decision.because(READ)


ALL = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
NONE = _policy()
DENY = _policy({"Effect": "Deny", "Action": "*", "Resource": "*"})


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (Policies(ALL), "allowed"),
        (Policies(None), "allowed"),
        (Policies(NONE), f"because no identity-based policy allows the {READ} action"),
        (Policies(ALL, boundary=NONE), f"because no permissions boundary allows the {READ} action"),
        (Policies(ALL, session=NONE), f"because no session policy allows the {READ} action"),
        (Policies(ALL, controls=[ALL, NONE]), f"because no service control policy allows the {READ} action"),
        (Policies(None, controls=[NONE]), f"because no service control policy allows the {READ} action"),
        (Policies(ALL, endpoint=NONE), f"because no VPC endpoint policy allows the {READ} action"),
        (Policies(ALL, boundary=DENY), "with an explicit deny in a permissions boundary"),
        (Policies(ALL, session=DENY), "with an explicit deny in a session policy"),
        (Policies(ALL, controls=[DENY]), "with an explicit deny in a service control policy"),
        (Policies(DENY), "with an explicit deny in an identity-based policy"),
    ],
)
def test_each_layer_refuses_in_its_own_name(policies: Policies, said: str) -> None:
    assert _decision(policies) == said


def test_another_accounts_resource_needs_both_sides() -> None:
    granting = _policy(_allow(Principal={"AWS": ROLE}))

    assert _decision(Policies(ALL, resource=ResourcePolicy(granting, "999999999999"))) == "allowed"
    assert _decision(Policies(NONE, resource=ResourcePolicy(granting, "999999999999"))).endswith(
        f"no identity-based policy allows the {READ} action"
    )
    assert _decision(Policies(ALL, resource=ResourcePolicy(NONE, "999999999999"))).endswith(
        f"no resource-based policy allows the {READ} action"
    )


def test_a_role_that_is_granted_access_stays_within_its_boundary() -> None:
    to_role = ResourcePolicy(_policy(_allow(Principal={"AWS": ROLE})), ACCOUNT)
    to_session = ResourcePolicy(_policy(_allow(Principal={"AWS": SESSION})), ACCOUNT)

    assert _decision(Policies(NONE, resource=to_role)) == "allowed"
    assert _decision(Policies(NONE, boundary=NONE, resource=to_role)) != "allowed"
    assert _decision(Policies(NONE, boundary=NONE, resource=to_session)) == "allowed"


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"Statement": "x"}', '{"Statement": [1]}', None])
def test_a_document_that_is_none_says_nothing(broken: str | None) -> None:
    assert statements(broken) == ()
