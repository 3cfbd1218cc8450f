"""Who one is, and what AWS says to those who cannot show it."""

from __future__ import annotations

import datetime
import ssl
import urllib.request

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from local_aws import process
from support.identity import EnforcingAws, Somebody, statement


def _error(somebody: Somebody, service: str, operation: str, **parameters: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(somebody.client(service), operation)(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_wrong_secret_makes_a_wrong_signature(enforcing: EnforcingAws) -> None:
    user = enforcing.user(statement("*"))
    liar = Somebody(enforcing, user.arn, user.access_key, "not-the-secret")

    code, message = _error(liar, "iam", "list_users")

    assert code == "SignatureDoesNotMatch"
    assert message.startswith(
        "The request signature we calculated does not match the signature you provided."
    )
    assert _error(liar, "sagemaker", "list_domains")[0] == "InvalidSignatureException"


def test_an_unknown_key_is_told_so(enforcing: EnforcingAws) -> None:
    nobody = Somebody(enforcing, "", "AKIAIOSFODNN7EXAMPLE", "secret")

    assert _error(nobody, "iam", "list_users") == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
    assert _error(nobody, "s3", "list_buckets")[0] == "InvalidAccessKeyId"
    assert _error(nobody, "sagemaker", "list_domains")[0] == "UnrecognizedClientException"


def test_an_inactive_key_is_refused(enforcing: EnforcingAws) -> None:
    user = enforcing.user(statement("*"))
    enforcing.client("iam").update_access_key(
        UserName=user.arn.rpartition("/")[2], AccessKeyId=user.access_key, Status="Inactive"
    )

    assert _error(user, "sts", "get_caller_identity")[0] == "InvalidClientTokenId"


def test_a_session_without_its_token_is_nobodys(enforcing: EnforcingAws) -> None:
    session = enforcing.somebody(statement("*"))
    without = Somebody(enforcing, session.arn, session.access_key, session.secret)
    wrong = Somebody(enforcing, session.arn, session.access_key, session.secret, "another token")

    assert _error(without, "iam", "list_users")[0] == "InvalidClientTokenId"
    assert _error(wrong, "iam", "list_users")[0] == "InvalidClientTokenId"


def test_a_deleted_roles_session_may_nothing(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("s3:*"))
    session = enforcing.session(role)
    before = session.may("s3", "list_buckets")
    iam = enforcing.client("iam")
    iam.delete_role_policy(RoleName=role.rpartition("/")[2], PolicyName="inline")
    iam.delete_role(RoleName=role.rpartition("/")[2])

    assert before
    assert not session.may("s3", "list_buckets")


def test_an_old_request_is_refused(enforcing: EnforcingAws, monkeypatch: pytest.MonkeyPatch) -> None:
    user = enforcing.user(statement("*"))
    long_ago = datetime.datetime(2020, 1, 1)  # noqa: DTZ001 - as botocore has it
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: long_ago)

    code, message = _error(user, "iam", "list_users")

    assert code == "SignatureDoesNotMatch"
    assert message.startswith("Signature expired: 20200101T000000Z is now earlier than")


def test_requests_without_a_signature_are_refused(enforcing: EnforcingAws) -> None:
    trust = ssl.create_default_context(cafile=str(enforcing.ca))
    request = urllib.request.Request(
        f"{enforcing.url}/?Action=ListUsers&Version=2010-05-08", headers={"Host": "iam.amazonaws.com"}
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, context=trust)
    with refused.value as answer:
        assert answer.code == 403
        assert b"MissingAuthenticationToken" in answer.read()


def test_identity_asks_for_no_rights(enforcing: EnforcingAws) -> None:
    session = enforcing.somebody()

    assert session.client("sts").get_caller_identity()["Arn"] == session.arn


def test_nobody_trusts_it_unasked(enforcing: EnforcingAws) -> None:
    import botocore.session

    client = botocore.session.Session().create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=enforcing.url,
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(SSLError):
        client.get_caller_identity()


def test_its_authority_stays_from_start_to_start(enforcing: EnforcingAws) -> None:
    from local_aws.tls import material

    before = enforcing.ca.read_bytes()

    assert material(enforcing.state).authority.read_bytes() == before
    running = process.running(enforcing.state)
    assert running is not None
    assert running.environment == {
        "AWS_CA_BUNDLE": str(enforcing.ca),
        "NODE_EXTRA_CA_CERTS": str(enforcing.ca),
    }
