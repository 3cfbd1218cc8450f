"""The sessions that launches act with.

"The IAM role must have a trust relationship with AWS Service Catalog"
(https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html).
"""

from __future__ import annotations

from collections.abc import Mapping

from local_aws.cloudformation.client import client
from local_aws.identity.trust import trusts_service

_SERVICE = "servicecatalog.amazonaws.com"


class NotAssumable(Exception):
    """Why Service Catalog cannot act as a role."""


def session(role_arn: str) -> Mapping[str, str]:
    """Credentials of the role; raises `NotAssumable` where it is not there or does not trust us."""
    if not trusts_service(role_arn, _SERVICE):
        raise NotAssumable(
            f"User: {_SERVICE} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
        )
    answer = client("sts").assume_role(RoleArn=role_arn, RoleSessionName="servicecatalog")
    credentials: Mapping[str, str] = answer["Credentials"]
    return credentials
