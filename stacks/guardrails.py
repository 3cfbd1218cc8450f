"""What nobody in an account may, where an organization says so."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_organizations as organizations

from clary.environment.guardrail import control_policies
from clary.environment.model import Environment
from clary.environment.rails import Organization
from constructs import Construct


class GuardrailsStack(cdk.Stack):
    """The environment's guardrails as service control policies, attached where the file says.

    Deployed with the credentials of the organization's management account, or of one that policies are
    delegated to: nobody else has any (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_policies.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        organization: Organization,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        for number, document in enumerate(control_policies(environment), 1):
            organizations.CfnPolicy(
                self,
                f"Guardrails{number}",
                name=f"clary-{environment.name}-guardrails-{number}",
                description=f"What nobody may in the environment {environment.name}",
                type="SERVICE_CONTROL_POLICY",
                content=json.loads(document),
                target_ids=list(organization.targets),
            )
