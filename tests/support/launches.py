"""What CloudFormation asks AWS for when a product is launched and terminated, and who may.

It is read from templates alone: what a launch takes is what local AWS asks of whoever deploys a resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws import hooks
from local_aws.identity.decision import Policies, decide
from local_aws.identity.permissions import Needed, needed
from local_aws.identity.policy import Caller, Request, statements

_DYNAMIC = re.compile(r"\{\{resolve:ssm:([^}]*)\}\}")
_PSEUDO = {"AWS::Partition": "aws"}


@dataclass(frozen=True)
class Launch:
    """A product's template with values for its fields, and the catalog's template, which has its role.

    Values are shared by the catalog's template, and by the network's.
    """

    account: str
    region: str
    catalog: Mapping[str, Any]
    product: Mapping[str, Any]
    values: Mapping[str, str]
    network: Mapping[str, Any]

    def calls(self) -> Sequence[Needed]:
        """Of a launch that succeeds, and of its termination."""
        with hooks.request.scope(self.account, self.region):
            return list(self._calls())

    def said(self) -> Mapping[str, Any]:
        """The product's template with its references written out."""
        written: Mapping[str, Any] = self._said(dict(self.product), self._shared())
        return written

    def allowed(self, policy: Mapping[str, Any], call: Needed) -> bool:
        found = statements(policy, "launch role")
        keys = {key.lower(): value for key, value in call.context.items()}
        caller = Caller((f"arn:aws:sts::{self.account}:assumed-role/launch/servicecatalog",), self.account)
        request = Request(call.action, call.resource, keys)
        return decide(caller, request, Policies(identity=found)).allowed

    def policy(self) -> Mapping[str, Any]:
        """The launch role's, with its references written out."""
        resources = self.catalog["Resources"].values()
        (role,) = (
            each["Properties"]["RoleArn"]["Fn::GetAtt"][0]
            for each in resources
            if each["Type"] == "AWS::ServiceCatalog::LaunchRoleConstraint"
        )
        (found,) = (
            each["Properties"]
            for each in resources
            if each["Type"] == "AWS::IAM::ManagedPolicy"
            and each["Properties"].get("Roles") == [{"Ref": role}]
        )
        document: Mapping[str, Any] = self._said(found["PolicyDocument"], {})
        return document

    def _calls(self) -> Iterator[Needed]:
        stack = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/SC-{self.account}-pp-1/1"
        for action in ("CreateStack", "DescribeStacks", "UpdateStack", "DeleteStack"):
            yield Needed(f"cloudformation:{action}", stack)
        copy = {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}
        yield Needed("s3:GetObject", "arn:aws:s3:::servicecatalog-templates/pa-1", copy)
        for parameter in sorted(self._parameters()):
            where = f"arn:aws:ssm:{self.region}:{self.account}:parameter/{parameter.lstrip('/')}"
            yield Needed("ssm:GetParameters", where)
        for name, resource in self.product["Resources"].items():
            properties = self._said(resource.get("Properties", {}), self._shared())
            for verb in ("create", "delete"):
                for call in needed(
                    resource["Type"],
                    verb,
                    properties,
                    previous={},
                    physical_id=None if verb == "create" else name.lower(),
                    name=name.lower(),
                ):
                    yield self._in_the_vpc(call)

    def _in_the_vpc(self, call: Needed) -> Needed:
        """Where a security group is that the launch itself has made."""
        if "ec2:Vpc" not in call.context:
            return call
        vpc = next(value for name, value in self._shared().items() if name.endswith("/vpc-id"))
        where = f"arn:aws:ec2:{self.region}:{self.account}:vpc/{vpc}"
        return Needed(call.action, call.resource, {**call.context, "ec2:Vpc": where})

    def _parameters(self) -> set[str]:
        return {*_DYNAMIC.findall(str(self.product["Resources"]))}

    def _shared(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for template in (self.network, self.catalog):  # the catalog shares some of the network's anew
            found |= {
                resource["Properties"]["Name"]: str(self._said(resource["Properties"]["Value"], found))
                for resource in template["Resources"].values()
                if resource["Type"] == "AWS::SSM::Parameter"
            }
        return found

    def _said(self, value: Any, shared: Mapping[str, str]) -> Any:
        match value:
            case {"Ref": name} if len(value) == 1:
                pseudo = {**_PSEUDO, "AWS::AccountId": self.account, "AWS::Region": self.region}
                return self.values.get(name, pseudo.get(name, f"the-{name.lower()}"))
            case {"Fn::FindInMap": [name, key, attribute]}:
                return self.product["Mappings"][name][self._said(key, shared)][attribute]
            case {"Fn::If": [_, _, otherwise]}:
                return self._said(otherwise, shared)
            case {"Fn::GetAtt": [name, attribute]} if attribute == "Arn":
                return self._arn(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"the-{name.lower()}-{attribute.lower()}"
            case {"Fn::ImportValue": name}:
                return self._arn(name) if "Arn" in name else f"imported-{name.rpartition(':')[2].lower()}"
            case {"Fn::Split": [separator, text]}:
                return str(self._said(text, shared)).split(separator)
            case {"Fn::Join": [separator, items]}:
                return separator.join(str(item) for item in self._said(items, shared))
            case {"Fn::Sub": str(text)}:
                return re.sub(
                    r"\$\{([^}]*)\}", lambda found: str(self._said({"Ref": found[1]}, shared)), text
                )
            case dict():
                return {key: self._said(item, shared) for key, item in value.items()}
            case list():
                return [self._said(item, shared) for item in value]
            case str():
                return _DYNAMIC.sub(lambda found: shared[found[1]], value)
            case _:
                return value

    def _arn(self, name: str) -> str:
        resource = self.catalog["Resources"].get(name, {})
        if resource.get("Type") == "AWS::IAM::Role":
            return f"arn:aws:iam::{self.account}:role/{name.lower()}"
        if resource.get("Type") == "AWS::IAM::InstanceProfile":
            # local AWS takes a profile that is not there for one of the role of its name
            (role,) = resource["Properties"]["Roles"]
            return f"arn:aws:iam::{self.account}:instance-profile/{role['Ref'].lower()}"
        return f"arn:aws:any:{self.region}:{self.account}:thing/{name.lower()}"
