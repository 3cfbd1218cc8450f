"""Whether SageMaker may act as a role."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local_aws.errors import invalid
from local_aws.identity.trust import trusts_service
from local_aws.sagemaker import clients

_PRINCIPAL = "sagemaker.amazonaws.com"


def check(role_arn: str, source_identity: str | None = None) -> None:
    """Refuses, in AWS's words, a role that is not there or that does not trust SageMaker.

    With the name of whoever a job works for, the role has to let that be set, too
    (https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html).
    """
    name = role_arn.rpartition("/")[2]
    try:
        role = clients.of_account("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        raise _not_assumable(role_arn) from error
    if role["Arn"] != role_arn or not _trusts_sagemaker(role["AssumeRolePolicyDocument"]):
        raise _not_assumable(role_arn)
    if source_identity and not trusts_service(role_arn, _PRINCIPAL, action="sts:SetSourceIdentity"):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that its trust policy allows principal"
            f" '{_PRINCIPAL}' to perform sts:SetSourceIdentity."
        )


def _trusts_sagemaker(document: Any) -> bool:
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement["Effect"] == "Allow" and _PRINCIPAL in (
            [services] if isinstance(services, str) else services
        ):
            return True
    return False


def _not_assumable(role_arn: str) -> Exception:
    return invalid(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal"
        f" '{_PRINCIPAL}' to assume the role."
    )
