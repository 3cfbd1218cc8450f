"""Where people work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk

from clary.environment.model import Environment
from clary_constructs import StudioDomain, StudioRemover, python_code
from constructs import Construct
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack

_FUNCTIONS = Path(__file__).parent.parent / "lambda"


class StudioStack(cdk.Stack):
    """A Studio domain, and for each member of a team a profile and a private space.

    Where data is retained, so are the profile and the disk of somebody who leaves the file: deleting a
    space deletes its disk. Both have to be deleted by hand before somebody of the same name can join.
    Where it is not, the domain goes with all that is in it and behind it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        data: DataStack,
        access: AccessStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # a space starts as soon as it is there, and needs its role's rights on the key by then
        # (https://github.com/aws/aws-cdk/issues/34818)
        self.add_stack_dependency(access, "profiles name their roles")
        domain = StudioDomain(
            self,
            "Studio",
            domain_name=f"clary-{environment.name}",
            vpc=network.vpc,
            subnets=network.subnets,
            security_group=network.workload_security_group,
            encryption_key=data.key,
            permissions_boundary=access.permissions_boundary,
            removal_policy=cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY,
        )
        for team_name, team in environment.teams.items():
            for member_name, member in team.members.items():
                user = domain.add_user(
                    f"{pascal(team_name)}{pascal(member_name)}",
                    name=f"{team_name}-{member_name}",
                    execution_role=access.persona_roles[team_name, member.persona],
                )
                if member.space is not None:
                    user.add_private_space(
                        "Space",
                        instance_type=member.space.instance_type,
                        storage_gib=member.space.storage_gib,
                    )

        if not environment.retain_data:
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
        cdk.CfnOutput(self, "UserProfileNames", value=",".join(domain.user_names))
