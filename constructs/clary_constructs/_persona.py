"""What the people of one team with one persona work as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary_constructs._capability import CAPABILITIES, in_studio
from clary_constructs._policy import AccessPolicy
from clary_constructs._right import Position, Right, Topic
from clary_constructs._workspace import SharedGroup, TeamWorkspace
from constructs import Construct

_ABOUT: dict[Topic, str] = {
    "Data": "Data and images",
    "Studio": "Studio and spaces",
    "Jobs": "Jobs",
    "Models": "Models and endpoints",
    "Experiments": "Experiments",
    "Features": "Histories of features",
}


class Persona(Construct):
    """The role of the members of one team with one persona, in Studio.

    It may what its `capabilities` say, and nothing else. One role serves all of them: the domain's source
    identity tells them apart, in CloudTrail and in their private data, and the policy variables
    `sagemaker:DomainId` and `sagemaker:UserProfileName` keep each in the spaces that are theirs
    (https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-spaces-access.html). Who may
    `run-pipelines` needs the role that these run as, and who may `use-glue-sessions` the one of sessions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        capabilities: Iterable[str],
        job_role: iam.IRole,
        permissions_boundary: iam.IManagedPolicy,
        pipeline_role: iam.IRole | None = None,
        session_role: iam.IRole | None = None,
        shared_groups: Sequence[SharedGroup] = (),
        guardrails: iam.IManagedPolicy | None = None,
        path: str = "/",
        role_name: str | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._workspace = workspace
        self.role: iam.IRole = studio_role(
            self,
            description or f"Studio users of the team {workspace.name}",
            permissions_boundary=permissions_boundary,
            path=path,
            role_name=role_name,
        )
        if guardrails is not None:
            self.role.add_managed_policy(guardrails)
        self._policies: dict[Topic, AccessPolicy] = {}
        position = Position(
            cdk.Stack.of(self), workspace, job_role, pipeline_role, session_role, shared_groups
        )
        for right in _once([*in_studio(position), *_rights(position, capabilities)]):
            self._policy(right.topic).allow_each([right])

    def allow(self, actions: Sequence[str], resources: Sequence[str], *, because: str) -> None:
        """Allows what no capability does; the boundary has to let it through, too."""
        policy = self.node.try_find_child("Own")
        if not isinstance(policy, AccessPolicy):
            policy = AccessPolicy(
                self, "Own", description=f"More for the team {self._workspace.name}", roles=[self.role]
            )
        wildcard = any("*" in resource for resource in resources)
        policy.allow(actions, resources, wildcard_because=because if wildcard else None)

    def _policy(self, topic: Topic) -> AccessPolicy:
        if topic not in self._policies:
            self._policies[topic] = AccessPolicy(
                self,
                topic,
                description=f"{_ABOUT[topic]} of the team {self._workspace.name}",
                roles=[self.role],
            )
        return self._policies[topic]


def studio_role(
    scope: Construct,
    description: str,
    *,
    permissions_boundary: iam.IManagedPolicy,
    path: str,
    role_name: str | None = None,
) -> iam.Role:
    """A role that SageMaker assumes, for this account, and under the name of whoever it is for.

    https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
    """
    service = iam.ServicePrincipal(
        "sagemaker.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
    )
    role = iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=service,
        permissions_boundary=permissions_boundary,
        path=path,
        role_name=role_name,
    )
    if role.assume_role_policy is None:
        raise AssertionError("a role that is made here has a trust policy")
    role.assume_role_policy.add_statements(
        iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=[service])
    )
    return role


def _rights(position: Position, capabilities: Iterable[str]) -> Iterator[Right]:
    for name in sorted(set(capabilities)):
        if name not in CAPABILITIES:
            near = get_close_matches(name, CAPABILITIES, n=1)
            hint = f", did you mean '{near[0]}'?" if near else ","
            raise ValueError(f"no capability '{name}'{hint} choose among: {', '.join(CAPABILITIES)}")
        yield from CAPABILITIES[name](position)


def _once(rights: Iterable[Right]) -> Iterator[Right]:
    """Two capabilities may need the same: handing over the job role, reading the registry."""
    seen: list[tuple[list[str], list[str], object]] = []
    for right in rights:
        said = (list(right.actions), list(right.resources), right.conditions)
        if said not in seen:
            seen.append(said)
            yield right
