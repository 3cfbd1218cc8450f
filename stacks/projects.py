"""What stands behind the workspaces of all projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from clary.environment import features, project
from clary.environment.catalog import launch_role_path
from clary.environment.model import Environment
from clary_constructs import (
    FeatureHistory,
    FieldRule,
    LaunchRight,
    ProjectTemplate,
    ProjectTemplates,
    ProjectWorkspaces,
    StudioDomain,
    python_code,
)
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import pascal

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


class Projects(Construct):
    """The function that keeps workspaces, and for each team the role that writes their histories.

    A feature group names that role for good: it stays with what the groups hold.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment
        self._data = data
        self._templates: ProjectTemplates | None = None
        teams = list(environment.catalog.portfolios)
        self.histories: Mapping[str, FeatureHistory] = {
            team: FeatureHistory(
                self,
                f"{pascal(team)}History",
                bucket=data.data_bucket,
                prefix=features.history_prefix(team),
                database_name=features.database_name(environment.name),
                table_prefix=features.table_name(team, ""),
                encryption_key=data.key,
                removal_policy=cdk.RemovalPolicy.RETAIN
                if environment.retain_data
                else cdk.RemovalPolicy.DESTROY,
            )
            for team in teams
            if project.keep_histories(environment, team)
        }
        with_features = [team for team in teams if project.features_of_team(environment, team) is not None]
        self._workspaces = ProjectWorkspaces(
            self,
            "Workspaces",
            code=python_code(_FUNCTIONS, ["project_workspace", "runtime_common"]),
            encryption_key=data.key,
            name_prefixes=[f"{team}--" for team in with_features],
            histories=list(self.histories.values()),
        )

    def show_in_studio(
        self,
        team: str,
        *,
        domain: StudioDomain,
        template: Mapping[str, Any],
        rights: Sequence[LaunchRight],
        rules: Sequence[FieldRule],
        people: Sequence[iam.IRole],
    ) -> None:
        """Offers a template of a team's among those of Studio's projects, to whom has one of these roles."""
        if self._templates is None:
            self._templates = ProjectTemplates(
                self,
                "Templates",
                tag_code=python_code(_FUNCTIONS, ["domain_tag", "runtime_common"]),
                object_code=python_code(_FUNCTIONS, ["object_writer", "runtime_common"]),
                domain=domain,
                bucket=self._data.data_bucket,
                prefix=project.TEMPLATES,
                encryption_key=self._data.key,
            )
        shown = ProjectTemplate(
            self,
            pascal(team),
            templates=self._templates,
            team=team,
            name="project-workspace",
            template=template,
            rights=rights,
            rules=rules,
            people=people,
            role_path=launch_role_path(self._environment.name),
        )
        cdk.CfnOutput(cdk.Stack.of(self), f"ProjectTemplate{pascal(team)}", value=shown.url)
        cdk.CfnOutput(cdk.Stack.of(self), f"ProjectRoleArn{pascal(team)}", value=shown.role.role_arn)

    @classmethod
    def of(cls, stack: cdk.Stack, environment: Environment, data: DataStack) -> Projects:
        """Those of a stack, which has them once."""
        found = stack.node.try_find_child("Projects")
        if found is None:
            return cls(stack, "Projects", environment=environment, data=data)
        assert isinstance(found, cls)
        return found

    @property
    def service_token(self) -> str:
        return self._workspaces.service_token
