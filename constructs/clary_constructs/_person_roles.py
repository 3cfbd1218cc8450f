"""A role for each person, where one for all of a persona will not do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam

from clary_constructs._nested_template import NestedTemplates
from clary_constructs._user_template import shard_of, stem
from constructs import Construct

_POLICIES = 10
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


@dataclass(frozen=True)
class PersonRole:
    """The role of one person."""

    person: str
    """The name of their user profile, which the domain signs them in with."""
    role_name: str
    group: str
    """Whose policies it has: letters and digits."""


class PersonRoles(Construct):
    """Roles that SageMaker assumes for one person each, in up to eight nested stacks.

    All roles of a group have its policies, so that a person costs one resource and no policy. Nobody can
    be somebody else with one: it takes no other source identity than its owner's name, and what is private
    is private by that name (https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html).

    Nested in the stack that has the policies, they go before these do. CloudFormation takes 2,500
    resources in one operation: about 2,300 people.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        people: Sequence[PersonRole],
        policies: Mapping[str, Sequence[iam.IManagedPolicy]],
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
    ) -> None:
        """`policies` are those of each group, at most ten."""
        super().__init__(scope, construct_id)
        values = {"Boundary": permissions_boundary.managed_policy_arn}
        for group, its in policies.items():
            if len(its) > _POLICIES:
                raise ValueError(f"the group {group} has {len(its)} policies, a role takes {_POLICIES}")
            values |= {f"{group}Policy{number}": each.managed_policy_arn for number, each in enumerate(its)}
        shards: dict[int, list[PersonRole]] = {}
        for person in people:
            if person.group not in policies:
                raise ValueError(f"'{person.person}' is of the group {person.group}, which has no policies")
            shards.setdefault(shard_of(person.person), []).append(person)
        templates = NestedTemplates(self)
        for number, of_shard in sorted(shards.items()):
            templates.add(f"Shard{number}", _template(of_shard, policies, path), values)


def _template(
    people: Sequence[PersonRole], policies: Mapping[str, Sequence[iam.IManagedPolicy]], path: str
) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    parameters = {"Boundary"}
    for each in sorted(people, key=lambda each: each.person):
        names = [f"{each.group}Policy{number}" for number in range(len(policies[each.group]))]
        parameters |= {*names}
        resources[f"Role{stem(each.person)}"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _trust(each.person),
                "Description": f"{each.person}, and nobody else",
                "ManagedPolicyArns": [{"Ref": name} for name in names],
                "Path": path,
                "PermissionsBoundary": {"Ref": "Boundary"},
                "RoleName": each.role_name,
            },
        }
    return {
        "Parameters": {name: {"Type": "String"} for name in sorted(parameters)},
        "Resources": resources,
    }


def _trust(person: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html"""
    principal = {"Service": "sagemaker.amazonaws.com"}
    here = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": principal,
                "Condition": {"StringEquals": here},
            },
            {
                "Effect": "Allow",
                "Action": "sts:SetSourceIdentity",
                "Principal": principal,
                "Condition": {"StringEquals": {**here, "sts:SourceIdentity": person}},
            },
        ],
    }
