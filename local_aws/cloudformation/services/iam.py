"""IAM: a role's permissions boundary, which ministack's `AWS::IAM::Role` drops."""

from __future__ import annotations

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles


@reconciles("AWS::IAM::Role")
def reconcile_role(physical_id: str, properties: Properties, previous: Properties) -> None:
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        client("iam").put_role_permissions_boundary(RoleName=physical_id, PermissionsBoundary=boundary)
    elif previous.get("PermissionsBoundary"):
        client("iam").delete_role_permissions_boundary(RoleName=physical_id)
