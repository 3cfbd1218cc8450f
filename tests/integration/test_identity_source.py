"""Source identities: set once, carried along, asked for by policies."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from support.identity import ACCOUNT, EnforcingAws, Somebody, document, statement

_MINE = statement("s3:GetObject", "arn:aws:s3:::*/${aws:SourceIdentity}/*")


def _role(aws: EnforcingAws, *actions: str) -> str:
    trust = document(
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", *actions]}
    )
    return aws.role(_MINE, statement("sts:*"), trust=trust)


def _ada(aws: EnforcingAws, role: str) -> Somebody:
    by = aws.user(statement(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    return aws.session(role, by=by, SourceIdentity="ada")


def test_a_policy_tells_people_of_one_role_apart(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers", "emmy/1": b"not hers"})
    ada = _ada(enforcing, _role(enforcing, "sts:SetSourceIdentity"))

    assert ada.may("s3", "get_object", Bucket=bucket, Key="ada/1")
    assert not ada.may("s3", "get_object", Bucket=bucket, Key="emmy/1")


def test_nobody_has_one_without_being_given_it(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers"})

    anybody = enforcing.session(_role(enforcing, "sts:SetSourceIdentity"))

    assert not anybody.may("s3", "get_object", Bucket=bucket, Key="ada/1")


def test_a_role_has_to_let_it_be_set(enforcing: EnforcingAws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        _ada(enforcing, _role(enforcing))


def test_it_stays_with_the_next_role_and_cannot_become_another(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers"})
    first, second = (_role(enforcing, "sts:SetSourceIdentity") for _ in range(2))
    ada = _ada(enforcing, first)

    still_ada = enforcing.session(second, by=ada)

    assert still_ada.may("s3", "get_object", Bucket=bucket, Key="ada/1")
    with pytest.raises(ClientError, match="AccessDenied"):
        enforcing.session(second, by=ada, SourceIdentity="emmy")


def test_a_trust_policy_may_ask_who_it_is(enforcing: EnforcingAws) -> None:
    asking = json.loads(
        document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": ACCOUNT},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": {"StringEquals": {"sts:SourceIdentity": "emmy"}},
            }
        )
    )
    role = enforcing.role(_MINE, trust=json.dumps(asking))

    with pytest.raises(ClientError, match="AccessDenied"):
        _ada(enforcing, role)
