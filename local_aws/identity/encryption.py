"""Keys: their policies, and what S3 does with them for a caller.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.identity.decision import ResourcePolicy
from local_aws.identity.policy import statements
from local_aws.identity.request import Arrived

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_READS = {"s3:GetObject", "s3:GetObjectVersion"}


def key_policy(identifier: str) -> ResourcePolicy | None:
    """A key's policy, with its grants as statements; None for a key that is not there.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """
    key = hooks.encryption.kms_key(identifier)
    if key is None:
        return None
    granted = [_as_statement(grant) for grant in key["Grants"]]
    return ResourcePolicy(
        (*statements(key.get("Policy")), *statements({"Statement": granted})),
        key["Arn"].split(":")[4],
        required=True,
    )


def _as_statement(grant: Mapping[str, Any]) -> dict[str, Any]:
    constraints = grant.get("Constraints") or {}
    pairs = {
        **constraints.get("EncryptionContextSubset", {}),
        **constraints.get("EncryptionContextEquals", {}),
    }
    condition: dict[str, Any] = {
        "StringEquals": {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    }
    if "EncryptionContextEquals" in constraints:
        exact = list(constraints["EncryptionContextEquals"])
        condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": exact}
    return {
        "Effect": "Allow",
        "Principal": {"AWS": grant["GranteePrincipal"]},
        "Action": [f"kms:{operation}" for operation in grant["Operations"]],
        "Resource": "*",
        "Condition": condition,
    }


def uses(action: str, resource: str, request: Arrived) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What S3 does with a customer's key to serve a request: action, key and context.

    The account's own `aws/s3` key serves everybody in the account, and is not asked about.
    """
    bucket, _, name = resource.removeprefix("arn:aws:s3:::").partition("/")
    if not name:
        return
    if action in _READS and _reads_content(request):
        yield from _use(("kms:Decrypt",), hooks.encryption.s3_encryption_of(bucket, name), bucket, name)
    elif action == "s3:PutObject" and "uploadId" not in request.query:
        wanted = hooks.encryption.s3_encryption_for(request.headers, bucket)
        # A multipart upload has to be decrypted to be put together.
        actions = (
            ("kms:GenerateDataKey", "kms:Decrypt") if "uploads" in request.query else ("kms:GenerateDataKey",)
        )
        yield from _use(actions, wanted, bucket, name)


def _reads_content(request: Arrived) -> bool:
    """Metadata is not encrypted, unlike content and checksums.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    return request.method != "HEAD" or request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"


def _use(
    actions: tuple[str, ...], headers: Mapping[str, str], bucket: str, name: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if headers.get(_ALGORITHM) != "aws:kms":
        return
    key = hooks.encryption.kms_key(headers.get(_KEY, ""))
    if key is None:
        return
    context = {
        "kms:ViaService": f"s3.{hooks.request.region()}.amazonaws.com",
        "kms:CallerAccount": hooks.request.account_id(),
        "kms:EncryptionContextKeys": ["aws:s3:arn"],
        "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/{name}",
        "aws:ViaAWSService": "true",
        "aws:CalledVia": ["s3.amazonaws.com"],
        "aws:CalledViaFirst": "s3.amazonaws.com",
        "aws:CalledViaLast": "s3.amazonaws.com",
    }
    for action in actions:
        yield action, key["Arn"], context
