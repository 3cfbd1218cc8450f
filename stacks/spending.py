"""What the environment file says of caps, as the construct library and the function take it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from clary.environment.cap import CAP_PREFIX, Cap
from clary.environment.model import Environment
from clary_constructs import SpendingCap, SpendingGate, StudioDomain, python_code
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.sweeping import place

_FUNCTIONS = Path(__file__).parent.parent / "lambda"
NEW_COMPUTE = (
    "elasticmapreduce:RunJobFlow",
    "glue:CreateSession",
    "sagemaker:CreateApp",
    "sagemaker:CreateAutoMLJobV2",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateInferenceComponent",
    "sagemaker:CreateMlflowTrackingServer",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
    "sagemaker:RetryPipelineExecution",
    "sagemaker:StartMlflowTrackingServer",
    "sagemaker:StartNotebookInstance",
    "sagemaker:StartPipelineExecution",
    "sagemaker:UpdateEndpoint",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "servicecatalog:ProvisionProduct",
    "servicecatalog:UpdateProvisionedProduct",
)
"""The actions that start something that is paid for by the hour, and so what is refused beyond a cap."""


def gate_of(scope: Construct, environment: Environment, team: str) -> iam.IManagedPolicy | None:
    """What refuses new compute to a team's roles, if a cap is about it; closed until somebody has looked."""
    cap = environment.costs.cap
    if cap is None or cap.mode != "act" or team not in cap.gated(environment):
        return None
    closed = {"Sid": "NewCompute", "Effect": "Deny", "Action": list(NEW_COMPUTE), "Resource": "*"}
    return SpendingGate(
        scope,
        f"{pascal(team)}Gate",
        name=f"{_gate_prefix(environment)}{team}",
        document={"Version": "2012-10-17", "Statement": [closed]},
    ).policy


def add_cap(
    scope: Construct,
    cap: Cap,
    *,
    environment: Environment,
    data: DataStack,
    domain: StudioDomain,
    topic: sns.ITopic,
) -> None:
    settings = cap_settings(environment, cap)
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    made = SpendingCap(
        scope,
        "SpendingCap",
        code=python_code(
            _FUNCTIONS,
            ["compute_common", "runtime_common", "spending_cap"],
            {"spending_cap.json": text},
        ),
        settings=text,
        environment_name=environment.name,
        teams=list(environment.teams),
        gate_prefix=_gate_prefix(environment),
        gates=cap.gated(environment) if cap.mode == "act" else [],
        domain=domain,
        bucket=data.data_bucket,
        prefix=CAP_PREFIX,
        topic=topic,
        encryption_key=data.key,
        period=cdk.Duration.minutes(cap.every_minutes),
        stops=cap.mode == "act",
    )
    cdk.CfnOutput(scope, "SpendingCapFunctionName", value=made.function.function_name)


def cap_settings(environment: Environment, cap: Cap) -> dict[str, Any]:
    """What is deployed beside the function."""
    return {
        **place(environment),
        "cap": {
            "acts": cap.mode == "act",
            "teams": dict(cap.teams),
            "people": dict(cap.people),
            "each_person": cap.each_person,
            "warn_percent": cap.warn_percent,
            "blind_minutes": cap.blind_minutes,
            "gates": cap.gated(environment),
            "new_compute": list(NEW_COMPUTE),
        },
        "prices": cap.prices(environment.region),
    }


def _gate_prefix(environment: Environment) -> str:
    return f"clary-{environment.name}-cap-"
