"""IAM: boundaries, which ministack's roles drop, and the types that it does not know: groups, inline
policies, access keys, memberships, identity providers and service-linked roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Created, Properties, reconciles, register


@reconciles("AWS::IAM::Role")
def reconcile_role(physical_id: str, properties: Properties, previous: Properties) -> None:
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        client("iam").put_role_permissions_boundary(RoleName=physical_id, PermissionsBoundary=boundary)
    elif previous.get("PermissionsBoundary"):
        client("iam").delete_role_permissions_boundary(RoleName=physical_id)


class Group:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get("GroupName") or hooks.resources.physical_name(stack_name, logical_id, 128)
        client("iam").create_group(GroupName=name, Path=properties.get("Path", "/"))
        return self.update(name, {}, properties, stack_name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        iam, group = client("iam"), {"GroupName": physical_id}
        wanted, present = set(new.get("ManagedPolicyArns", ())), set(old.get("ManagedPolicyArns", ()))
        for arn in sorted(wanted - present):
            iam.attach_group_policy(**group, PolicyArn=arn)
        for arn in sorted(present - wanted):
            iam.detach_group_policy(**group, PolicyArn=arn)
        for policy in new.get("Policies", ()):
            document = _text(policy["PolicyDocument"])
            iam.put_group_policy(**group, PolicyName=policy["PolicyName"], PolicyDocument=document)
        kept = {policy["PolicyName"] for policy in new.get("Policies", ())}
        for policy in old.get("Policies", ()):
            if policy["PolicyName"] not in kept:
                iam.delete_group_policy(**group, PolicyName=policy["PolicyName"])
        return Created(physical_id, {"Arn": iam.get_group(**group)["Group"]["Arn"]})

    def delete(self, physical_id: str, properties: Properties) -> None:
        iam, group = client("iam"), {"GroupName": physical_id}
        try:
            for policy in properties.get("Policies", ()):
                iam.delete_group_policy(**group, PolicyName=policy["PolicyName"])
            for arn in properties.get("ManagedPolicyArns", ()):
                iam.detach_group_policy(**group, PolicyArn=arn)
            iam.delete_group(**group)
        except iam.exceptions.NoSuchEntityException:
            return


class InlinePolicy:
    """`AWS::IAM::RolePolicy` and its like: one policy inside a role, a user or a group."""

    def __init__(self, holder: str) -> None:
        self._holder = holder.lower()
        self._name = f"{holder}Name"

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        put = getattr(client("iam"), f"put_{self._holder}_policy")
        put(**self._names(properties), PolicyDocument=_text(properties.get("PolicyDocument", {})))
        return Created(f"{properties['PolicyName']}|{properties[self._name]}")

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        iam = client("iam")
        try:
            getattr(iam, f"delete_{self._holder}_policy")(**self._names(properties))
        except iam.exceptions.NoSuchEntityException:
            return

    def _names(self, properties: Properties) -> dict[str, Any]:
        return {name: properties[name] for name in (self._name, "PolicyName")}


class AccessKey:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        key = client("iam").create_access_key(UserName=properties["UserName"])["AccessKey"]
        if properties.get("Status") == "Inactive":
            self._set_status(key["AccessKeyId"], properties)
        attributes = {"Id": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
        return Created(key["AccessKeyId"], attributes)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        self._set_status(physical_id, new)
        return Created(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:
        iam = client("iam")
        try:
            iam.delete_access_key(UserName=properties["UserName"], AccessKeyId=physical_id)
        except iam.exceptions.NoSuchEntityException:
            return

    def _set_status(self, key: str, properties: Properties) -> None:
        client("iam").update_access_key(
            UserName=properties["UserName"], AccessKeyId=key, Status=properties.get("Status", "Active")
        )


class Membership:
    """`AWS::IAM::UserToGroupAddition`."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        for user in properties["Users"]:
            client("iam").add_user_to_group(GroupName=properties["GroupName"], UserName=user)
        made = hooks.resources.physical_name(stack_name, logical_id, 128)
        return Created(made, {"Id": made})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        self.delete(
            physical_id, {**old, "Users": [user for user in old["Users"] if user not in new["Users"]]}
        )
        for user in new["Users"]:
            client("iam").add_user_to_group(GroupName=new["GroupName"], UserName=user)
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        iam = client("iam")
        for user in properties["Users"]:
            try:
                iam.remove_user_from_group(GroupName=properties["GroupName"], UserName=user)
            except iam.exceptions.NoSuchEntityException:
                continue


class OidcProvider:
    """`AWS::IAM::OIDCProvider`; its URL is create-only."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        made = client("iam").create_open_id_connect_provider(
            Url=properties["Url"],
            ClientIDList=list(properties.get("ClientIdList", ())),
            ThumbprintList=list(properties.get("ThumbprintList", ())),
            Tags=list(properties.get("Tags", ())),
        )
        arn = made["OpenIDConnectProviderArn"]
        return Created(arn, {"Arn": arn})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        self.delete(physical_id, old)
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        iam = client("iam")
        try:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=physical_id)
        except iam.exceptions.NoSuchEntityException:
            return


class ServiceLinkedRole:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        passed = {
            name: properties[name]
            for name in ("AWSServiceName", "CustomSuffix", "Description")
            if name in properties
        }
        name = client("iam").create_service_linked_role(**passed)["Role"]["RoleName"]
        return Created(name, {"RoleName": name})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        client("iam").update_role(RoleName=physical_id, Description=new.get("Description", ""))
        return Created(physical_id, {"RoleName": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        iam = client("iam")
        try:
            iam.delete_service_linked_role(RoleName=physical_id)
        except iam.exceptions.NoSuchEntityException:
            return


def _text(document: Any) -> str:
    return json.dumps(document) if isinstance(document, Mapping) else str(document)


register("AWS::IAM::Group", Group())
register("AWS::IAM::AccessKey", AccessKey())
register("AWS::IAM::OIDCProvider", OidcProvider())
register("AWS::IAM::ServiceLinkedRole", ServiceLinkedRole())
register("AWS::IAM::UserToGroupAddition", Membership())
for _holder in ("Group", "Role", "User"):
    register(f"AWS::IAM::{_holder}Policy", InlinePolicy(_holder))
