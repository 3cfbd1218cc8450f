"""WAFv2: associations and logging configurations as resources."""

from __future__ import annotations

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Created, Properties, register


class WebAclAssociation:
    """`AWS::WAFv2::WebACLAssociation`; both properties are create-only."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        resource, acl = properties["ResourceArn"], properties["WebACLArn"]
        client("wafv2").associate_web_acl(ResourceArn=resource, WebACLArn=acl)
        return Created(f"{resource}|{acl}")

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        return Created(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002 - the protocol's
        client("wafv2").disassociate_web_acl(ResourceArn=properties["ResourceArn"])


register("AWS::WAFv2::WebACLAssociation", WebAclAssociation())
