"""The most that a role may do, and what none may whatever its policies say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import PULL_FROM_OTHERS, WITH_A_RESOURCE, WITHOUT_A_RESOURCE
from clary_constructs._catalog_right import ON_NO_PRODUCT, ON_PRODUCTS
from clary_constructs._feature_right import ON_HISTORIES
from clary_constructs._glue_right import ON_NO_SESSION, ON_SESSIONS
from clary_constructs._policy import AccessPolicy
from clary_constructs._project_right import MAKES_STACKS, ON_PROJECTS
from clary_constructs._right import PASS_ROLE
from constructs import Construct

_GROUPS = (
    "athena:*Query*",
    "cloudformation:*Stack",
    "ec2:Describe*",
    "ec2:*Tags",
    "elasticmapreduce:*PersistentAppUI*",
    "elasticmapreduce:List*",
    "glue:*Partition*",
    "glue:*Session*",
    "glue:*Statement*",
    "glue:*Table*",
    "sagemaker:BatchGet*",
    "sagemaker:Describe*",
    "sagemaker:List*",
    "sagemaker:Stop*",
    "sagemaker:*Pipeline*",
    "sagemaker:*Project",
    "sagemaker:*Record",
    "sagemaker:*Trial*",
    "servicecatalog:Describe*",
    "servicecatalog:List*",
    "servicecatalog:Search*",
    "servicecatalog:*ProvisionedProduct",
)
"""What is let through as a whole where a capability has some of it: there is nothing among it that would
let somebody out, and named action by action, a boundary would exceed IAM's 6,144 characters."""


class PermissionsBoundary(Construct):
    """The most that any role of an environment may do, whatever its policies say.

    It grants nothing. What it leaves out is what would let somebody out: roles and policies, users of
    Studio and the URLs that sign them in, keys' administration, and resources of other accounts.
    `guardrails` are statements that deny, in IAM's own words: what holds even where a capability is
    given. By default, there are none, and jobs stay in their network by their roles' policies alone.
    `also` are actions and resources beyond all capabilities that a role may be given, `anywhere` actions
    on what is somebody else's, and `registries` accounts whose images may be pulled, as AWS's own are.
    By default, nothing of Glue's is let through: with `glue_sessions`, its interactive sessions are, with
    `feature_histories` its tables, and Athena's queries over them. Nor is anything of Service Catalog's: with
    `launches`, products may be launched. Where people make projects in Studio, the
    roles of their stacks are below `project_role_path`; by default, nobody does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_path: str,
        guardrails: Sequence[Mapping[str, object]] = (),
        also: Sequence[tuple[Sequence[str], Sequence[str]]] = (),
        anywhere: Sequence[str] = (),
        registries: Sequence[str] = (),
        glue_sessions: bool = False,
        feature_histories: bool = False,
        launches: bool = False,
        project_role_path: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        policy = AccessPolicy(self, "Boundary", description="The most that a role of this environment may do")
        this_account = {"StringEquals": {"aws:ResourceAccount": stack.account}}
        why = "a boundary grants nothing: it caps what the roles' own policies grant, resource by resource"
        without = _shortened(
            [
                *WITHOUT_A_RESOURCE,
                *anywhere,
                *(ON_NO_SESSION if glue_sessions else []),
                *(ON_NO_PRODUCT if launches else []),
            ]
        )
        with_one = _shortened(
            [
                *WITH_A_RESOURCE,
                *(ON_SESSIONS if glue_sessions else []),
                *(ON_HISTORIES if feature_histories else []),
                *(ON_PRODUCTS if launches else []),
                *(ON_PROJECTS if project_role_path else []),
            ]
        )
        about_something = [each for each in with_one if each not in without]
        policy.let_through(about_something, conditions=this_account, because=why)
        policy.let_through(without, because=why)
        if registries:
            theirs = {"StringEquals": {"aws:ResourceAccount": list(registries)}}
            policy.let_through(PULL_FROM_OTHERS, conditions=theirs, because=why)
        services = ["sagemaker.amazonaws.com"]
        services += ["glue.amazonaws.com"] if glue_sessions else []
        paths = [role_path]
        if project_role_path:
            services.append(MAKES_STACKS)
            paths.append(project_role_path)
        policy.allow(
            PASS_ROLE,
            [
                stack.format_arn(
                    service="iam", region="", resource="role", resource_name=f"{path.strip('/')}/*"
                )
                for path in paths
            ],
            conditions={
                "StringEquals": {"iam:PassedToService": services if len(services) > 1 else services[0]}
            },
            wildcard_because=why,
        )
        let_through = {*about_something, *without, *PASS_ROLE}
        for actions, resources in also:
            wildcard = any("*" in resource for resource in resources)
            policy.allow(
                actions, resources, conditions=this_account, wildcard_because=why if wildcard else None
            )
            let_through |= set(actions)
        policy.deny([each for each in (_about(each, let_through) for each in guardrails) if each])
        self.policy: iam.IManagedPolicy = policy.policy


def _shortened(actions: Sequence[str]) -> list[str]:
    """The actions, and in place of those of a group their group."""
    groups = {
        action: next((group for group in _GROUPS if fnmatchcase(action, group)), action) for action in actions
    }
    return sorted(set(groups.values()))


def _about(guardrail: Mapping[str, object], actions: Collection[str]) -> Mapping[str, object]:
    """A guardrail without what is not let through anyway: IAM takes 6,144 characters."""
    key = "NotAction" if "NotAction" in guardrail else "Action"
    named = cast(Sequence[str], guardrail[key])
    left = [
        name
        for name in named
        if any(fnmatchcase(action, name) or fnmatchcase(name, action) for action in actions)
    ]
    return {**guardrail, key: left} if left else {}


class Guardrails(Construct):
    """What roles may not, as a policy that is attached to them, in IAM's own words."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        statements: Sequence[Mapping[str, object]],
    ) -> None:
        super().__init__(scope, construct_id)
        policy = AccessPolicy(self, "Denials", description="What nobody may in this environment")
        policy.deny(statements)
        self.policy: iam.IManagedPolicy = policy.policy
