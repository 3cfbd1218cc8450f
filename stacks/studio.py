"""Where people work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from clary.environment.model import ENVIRONMENT_TAG, Environment
from clary_constructs import (
    ExperimentTracking,
    StudioDomain,
    StudioImage,
    StudioLeavers,
    StudioRemover,
    StudioSettings,
    StudioUser,
    python_code,
)
from constructs import Construct
from stacks import studio_tools
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack
from stacks.people import Studio, add_people

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


class StudioStack(cdk.Stack):
    """A Studio domain, and everybody who is in no stack of their team's own.

    What may change of the domain is updated in place by CloudFormation; what may change of people is
    sent to them by a function, for all who find the same (`docs/decisions/0008`). Another function sees
    off whoever leaves (`0010`): what they run, their rights, and what would keep their profile.

    Where data is not retained, the domain goes with all that is in it and behind it. Either way, destroying
    this stack stops what runs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        users: Sequence[StudioUser],
        network: NetworkStack,
        data: DataStack,
        access: AccessStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # a space starts as soon as it is there, and needs its role's rights on the key by then
        # (https://github.com/aws/aws-cdk/issues/34818)
        self.add_stack_dependency(access, "profiles name their roles")
        self._removal_policy = (
            cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY
        )
        studio = environment.studio
        images = self._images(environment, data, access)
        domain = StudioDomain(
            self,
            "Studio",
            domain_name=f"clary-{environment.name}",
            tags={ENVIRONMENT_TAG: environment.name},
            vpc=network.vpc,
            subnets=network.subnets,
            security_group=network.workload_security_group,
            encryption_key=data.key,
            permissions_boundary=access.permissions_boundary,
            sign_in="IAM" if studio.authentication == "iam" else "SSO",
            reaches_internet=studio.network == "public",
            startup=studio_tools.startup(environment, data),
            images=[image for name, image in images.items() if studio.images[name].for_everybody],
            docker=studio_tools.docker(studio),
            shared_spaces=studio_tools.shared_spaces(studio),
            r_studio=studio_tools.r_studio(studio),
            removal_policy=self._removal_policy,
        )
        self.studio = Studio(
            domain,
            StudioSettings(
                self,
                "Settings",
                code=python_code(_FUNCTIONS, ["runtime_common", "studio_settings"]),
                domain=domain,
                encryption_key=data.key,
            ),
            StudioLeavers(
                self,
                "Leavers",
                code=python_code(_FUNCTIONS, ["runtime_common", "studio_leavers"]),
                domain=domain,
                encryption_key=data.key,
            ),
            images,
        )
        for group in sorted(
            {each for team in environment.teams.values() for each in team.identity_center_groups}
        ):
            domain.admit(group)
        add_people(
            self,
            environment,
            users,
            studio=self.studio,
            data=data,
            access=access,
        )
        if studio.mlflow:
            self._track_experiments(environment, data, access)

        StudioRemover(
            self,
            "Remover",
            code=python_code(_FUNCTIONS, ["runtime_common", "studio_remover"]),
            domain=domain,
            vpc=network.vpc,
            encryption_key=data.key,
        )

        cdk.CfnOutput(self, "DomainId", value=domain.domain_id)
        cdk.CfnOutput(self, "DomainUrl", value=domain.url)

    def _images(
        self, environment: Environment, data: DataStack, access: AccessStack
    ) -> dict[str, StudioImage]:
        return {
            name: StudioImage(
                self,
                f"Image{pascal(name)}",
                name=f"clary-{environment.name}-{name}",
                repository=data.repositories[image.repository],
                tag=image.tag,
                applications=[studio_tools.SPACE_APPLICATIONS[each] for each in image.applications],
                display_name=image.display_name or name,
                entrypoint=image.entrypoint,
                arguments=image.arguments,
                environment=image.environment,
                permissions_boundary=access.permissions_boundary,
            )
            for name, image in environment.studio.images.items()
        }

    def _track_experiments(self, environment: Environment, data: DataStack, access: AccessStack) -> None:
        for team in environment.teams:
            tracking = ExperimentTracking(
                self,
                f"Experiments{pascal(team)}",
                name=f"clary-{environment.name}-{team}",
                team=team,
                bucket=data.data_bucket,
                prefix=f"{team}/mlflow",
                encryption_key=data.key,
                permissions_boundary=access.permissions_boundary,
                removal_policy=self._removal_policy,
            )
            cdk.CfnOutput(self, f"MlflowAppArn{pascal(team)}", value=tracking.app_arn)
