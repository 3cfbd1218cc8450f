"""Who may do what in an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary.environment import cluster, features, project
from clary.environment.catalog import launch_role_path, offers_endpoints, offers_projects
from clary.environment.guardrail import Perimeter, denials, routes, untagged
from clary.environment.model import Environment
from clary.environment.people import Persona, profile_name
from clary_constructs import (
    LICENCE_ACTIONS,
    TEAM_TAG,
    FeatureLibrary,
    GlueEncryption,
    GlueSessionRole,
    Guardrails,
    JobRole,
    PermissionsBoundary,
    PersonRole,
    PersonRoles,
    PipelineRole,
    SdkDefaults,
    SharedGroup,
    TeamWorkspace,
    python_code,
)
from clary_constructs import Persona as PersonaRole
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import GLUE, PIPELINES, glue_name, pascal
from stacks.network import NetworkStack
from stacks.registry import other_registries
from stacks.spending import gate_of

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


class AccessStack(cdk.Stack):
    """A role for each team's jobs, for its pipelines and for each of its personas, none beyond one boundary.

    A team owns the repositories that its models use, and their endpoints. Roles do not outlive the
    environment, even where its data does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._environment = environment
        self._path = f"/clary/{environment.name}/"
        guardrails = denials(environment, _perimeter(network, data))
        self.permissions_boundary = PermissionsBoundary(
            self,
            "Boundary",
            role_path=self._path,
            guardrails=guardrails,
            also=_beyond_capabilities(environment),
            anywhere=[] if environment.studio.r_studio is None else LICENCE_ACTIONS,
            registries=other_registries(environment),
            launches=bool(cluster.teams(environment)),
            glue_sessions=environment.uses_glue,
            feature_histories=environment.has_features,
            project_role_path=launch_role_path(environment.name)
            if project.any_in_studio(environment)
            else None,
        ).policy
        self._guardrails = Guardrails(
            self, "Guardrails", statements=[*guardrails, *routes(environment)]
        ).policy
        defaults = SdkDefaults(
            self,
            "SdkDefaults",
            code=python_code(_FUNCTIONS, ["object_writer", "runtime_common"]),
            bucket=data.data_bucket,
            encryption_key=data.key,
        )
        if environment.uses_glue:
            GlueEncryption(self, "Glue", name=glue_name(environment), encryption_key=data.key)
        self._policies: dict[tuple[str, Persona], list[iam.IManagedPolicy]] = {}
        job_roles: dict[str, iam.IRole] = {}
        pipeline_roles: dict[str, iam.IRole] = {}
        persona_roles: dict[tuple[str, Persona], iam.IRole] = {}
        for name in environment.teams:
            workspace = workspace_of(environment, name, network, data)
            job_roles[name] = JobRole(
                self,
                f"{pascal(name)}Jobs",
                workspace=workspace,
                permissions_boundary=self.permissions_boundary,
                shared_groups=_shared_groups(environment, name, None),
                path=self._path,
            ).role
            pipeline_roles[name] = PipelineRole(
                self,
                f"{pascal(name)}Pipelines",
                workspace=workspace,
                job_role=job_roles[name],
                permissions_boundary=self.permissions_boundary,
                path=self._path,
                role_name=f"clary-{environment.name}-{name}{PIPELINES}",
            ).role
            defaults.deliver(
                pascal(name),
                workspace=workspace,
                job_role=job_roles[name],
                pipeline_role=pipeline_roles[name],
                tags=environment.all_tags | {TEAM_TAG: name},
            )
            session_role = self._session_role(workspace)
            limits = [
                limit for limit in (gate_of(self, environment, name), self._tagged(name)) if limit is not None
            ]
            for limit in limits:
                pipeline_roles[name].add_managed_policy(limit)
            for persona in environment.personas_of(name):
                persona_roles[name, persona] = self._persona_role(
                    persona, workspace, job_roles[name], pipeline_roles[name], session_role, limits
                )
            cdk.CfnOutput(self, f"JobRoleArn{pascal(name)}", value=job_roles[name].role_arn)
            cdk.CfnOutput(self, f"PipelineRoleArn{pascal(name)}", value=pipeline_roles[name].role_arn)
        self._roles_of_their_own(environment)
        self.job_roles: Mapping[str, iam.IRole] = job_roles
        self.pipeline_roles: Mapping[str, iam.IRole] = pipeline_roles
        self.persona_roles: Mapping[tuple[str, Persona], iam.IRole] = persona_roles

    def _tagged(self, team: str) -> iam.IManagedPolicy | None:
        """What refuses to a team's roles what its budget would not see."""
        if not self._environment.costs.require_tags:
            return None
        return Guardrails(
            self, f"{pascal(team)}Tags", statements=list(untagged(self._environment, team))
        ).policy

    def _session_role(self, workspace: TeamWorkspace) -> iam.IRole | None:
        """What the team's sessions of Glue run as, if somebody of the team may have any."""
        environment = self._environment
        personas = environment.personas_of(workspace.name)
        if not any("use-glue-sessions" in environment.capabilities(persona) for persona in personas):
            return None
        role = GlueSessionRole(
            self,
            f"{pascal(workspace.name)}Glue",
            workspace=workspace,
            connection=glue_name(environment),
            permissions_boundary=self.permissions_boundary,
            path=self._path,
            role_name=f"{role_name_stem(environment)}{workspace.name}{GLUE}",
        ).role
        cdk.CfnOutput(self, f"GlueRoleArn{pascal(workspace.name)}", value=role.role_arn)
        return role

    def _persona_role(
        self,
        persona: Persona,
        workspace: TeamWorkspace,
        job_role: iam.IRole,
        pipeline_role: iam.IRole,
        session_role: iam.IRole | None,
        limits: Sequence[iam.IManagedPolicy],
    ) -> iam.IRole:
        """The role, by a name that is fixed.

        Another stack that took its ARN would import it, and CloudFormation keeps what is imported: the
        last data scientist of a team could never leave, because Studio lets go only after this stack.
        """
        construct_id = f"{pascal(workspace.name)}{pascal(persona)}"
        role_name = f"{role_name_stem(self._environment)}{workspace.name}-{persona}"
        made = PersonaRole(
            self,
            construct_id,
            workspace=workspace,
            capabilities=self._environment.capabilities(persona),
            job_role=job_role,
            pipeline_role=pipeline_role,
            session_role=session_role,
            shared_groups=_shared_groups(self._environment, workspace.name, persona),
            permissions_boundary=self.permissions_boundary,
            guardrails=self._guardrails,
            path=self._path,
            role_name=role_name,
            description=f"Every {persona} of the team {workspace.name}",
        )
        for statement in self._environment.statements(persona):
            made.allow(statement.actions, statement.resources, because=statement.reason)
        policies = [each for each in made.node.find_all() if isinstance(each, iam.ManagedPolicy)]
        self._policies[workspace.name, persona] = [self._guardrails, *policies]
        for limit in limits:
            made.role.add_managed_policy(limit)
        self._policies[workspace.name, persona].extend(limits)
        arn = self.format_arn(
            service="iam", region="", resource="role", resource_name=f"{self._path.strip('/')}/{role_name}"
        )
        return iam.Role.from_role_arn(self, f"{construct_id}ByName", arn, mutable=False)

    def _roles_of_their_own(self, environment: Environment) -> None:
        """For the teams that ask for it: here, because policies cannot go before the roles that have them."""
        people = [
            PersonRole(
                profile_name(name, member_name),
                environment.person_role_name(name, member_name),
                f"{pascal(name)}{pascal(member.persona)}",
            )
            for name, team in environment.teams.items()
            for member_name, member in team.members.items()
            if team.role == "person" and not member.left
        ]
        if people:
            groups = {each.group for each in people}
            policies = {
                f"{pascal(team)}{pascal(persona)}": its for (team, persona), its in self._policies.items()
            }
            PersonRoles(
                self,
                "PersonRoles",
                people=people,
                policies={group: its for group, its in policies.items() if group in groups},
                permissions_boundary=self.permissions_boundary,
                path=environment.role_path,
            )


def role_name_stem(environment: Environment) -> str:
    """What the name of each person's role begins with, before the team's name and a hyphen."""
    return f"clary-{environment.name}-"


def _beyond_capabilities(environment: Environment) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What the file allows in statements of its own, once for whomever it is allowed."""
    personas = {each for team in environment.teams for each in environment.personas_of(team)}
    allowed = [
        (statement.actions, statement.resources)
        for persona in sorted(personas)
        for statement in environment.statements(persona)
    ]
    return list(dict.fromkeys(allowed))


def _perimeter(network: NetworkStack, data: DataStack) -> Perimeter:
    return Perimeter(
        subnets=[each.subnet_id for each in network.subnets.subnets or []],
        security_groups=[network.workload_security_group.security_group_id],
        key_arn=data.key.key_arn,
    )


def workspace_of(
    environment: Environment, team: str, network: NetworkStack, data: DataStack
) -> TeamWorkspace:
    models = {name: model for name, model in environment.models.items() if model.team == team}
    images = [each.image for each in environment.containers.values() if each.team == team]
    of_models = {image.repository for image in images if image and image.repository}
    groups = [group for group in environment.features.values() if group.team == team]
    of_jobs = {group.job.repository for group in groups if group.job is not None}
    repositories = sorted(of_models | of_jobs)
    return TeamWorkspace(
        name=team,
        data_bucket=data.data_bucket,
        models_bucket=data.models_bucket,
        encryption_key=data.key,
        vpc=network.vpc,
        subnets=network.subnets,
        security_group=network.workload_security_group,
        repositories=[data.repositories[name] for name in repositories],
        offers_clusters=cluster.of_team(environment, team) is not None,
        repositories_for_projects=offers_projects(environment.catalog, team),
        registries=other_registries(environment),
        endpoint_names=list(dict.fromkeys(environment.endpoint_name(name) for name in models)),
        launched_endpoints=offers_endpoints(environment.catalog, team),
        features=_library(environment, team),
    )


def _library(environment: Environment, team: str) -> FeatureLibrary | None:
    if not environment.works_with_features(team):
        return None
    return FeatureLibrary(
        group_prefix=f"{team}--{environment.name}-",
        database=features.database_name(environment.name),
        table_prefix=features.table_name(team, ""),
        history_prefix=features.history_prefix(team),
        workgroup=features.workgroup_name(environment.name, team),
        queries_prefix=features.queries_prefix(team),
    )


def _shared_groups(environment: Environment, team: str, persona: Persona | None) -> list[SharedGroup]:
    """Those of other teams that are shared with a persona of the team, or, without one, with its jobs."""
    return [
        SharedGroup(
            environment.feature_group_name(name),
            None if group.offline is None else features.table_name(group.team, name),
            None if group.offline is None else features.view_name(group.team, name),
            features.history_prefix(group.team),
            to_write=group.shared_with(team, persona, to_write=True),
        )
        for name, group in environment.features.items()
        if group.shared_with(team, persona, to_write=False)
    ]
