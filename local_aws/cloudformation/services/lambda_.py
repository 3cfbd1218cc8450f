"""Lambda: what ministack's functions, aliases and versions drop."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.refusal import refused_by
from local_aws.cloudformation.registry import Properties, checks, reconciles
from local_aws.errors import ServiceError
from local_aws.functions import check


@checks("AWS::Lambda::Function")
def check_function(properties: Properties) -> None:
    try:
        check(properties)
    except ServiceError as error:
        raise refused_by("Lambda", error.message) from error


@reconciles("AWS::Lambda::Function")
def reconcile_function(physical_id: str, properties: Properties, previous: Properties) -> None:
    functions = client("lambda")

    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        functions.put_function_concurrency(FunctionName=physical_id, ReservedConcurrentExecutions=reserved)
    elif previous.get("ReservedConcurrentExecutions") is not None:
        functions.delete_function_concurrency(FunctionName=physical_id)

    configuration: dict[str, Any] = {}
    network = properties.get("VpcConfig")
    if network or previous.get("VpcConfig"):
        network = network or {}
        configuration["VpcConfig"] = {
            "SubnetIds": list(network.get("SubnetIds", ())),
            "SecurityGroupIds": list(network.get("SecurityGroupIds", ())),
        }
    letters = properties.get("DeadLetterConfig")
    if letters or previous.get("DeadLetterConfig"):
        configuration["DeadLetterConfig"] = {"TargetArn": (letters or {}).get("TargetArn", "")}
    if properties.get("KmsKeyArn") or previous.get("KmsKeyArn"):
        configuration["KMSKeyArn"] = properties.get("KmsKeyArn", "")
    if properties.get("FileSystemConfigs") or previous.get("FileSystemConfigs"):
        configuration["FileSystemConfigs"] = list(properties.get("FileSystemConfigs", ()))
    if configuration:
        functions.update_function_configuration(FunctionName=physical_id, **configuration)


@reconciles("AWS::Lambda::Alias")
def reconcile_alias(physical_id: str, properties: Properties, previous: Properties) -> None:  # noqa: ARG001 - the reconciler's
    functions = client("lambda")
    alias = {"FunctionName": properties["FunctionName"], "Name": properties["Name"]}
    if any(properties.get(name) != previous.get(name) for name in ("Description", "RoutingConfig")):
        weights = (properties.get("RoutingConfig") or {}).get("AdditionalVersionWeights", ())
        functions.update_alias(
            **alias,
            Description=properties.get("Description", ""),
            RoutingConfig={
                "AdditionalVersionWeights": {
                    weight["FunctionVersion"]: weight["FunctionWeight"] for weight in weights
                }
            },
        )
    _provision(properties["FunctionName"], properties["Name"], properties, previous)


@reconciles("AWS::Lambda::Version")
def reconcile_version(physical_id: str, properties: Properties, previous: Properties) -> None:
    _provision(properties["FunctionName"], physical_id.rsplit(":", 1)[-1], properties, previous)


def _provision(function: str, qualifier: str, properties: Properties, previous: Properties) -> None:
    functions, key = client("lambda"), "ProvisionedConcurrencyConfig"
    wanted = properties.get(key) or {}
    if wanted == (previous.get(key) or {}):
        return
    place = {"FunctionName": function, "Qualifier": qualifier}
    if wanted:
        count = wanted["ProvisionedConcurrentExecutions"]
        functions.put_provisioned_concurrency_config(**place, ProvisionedConcurrentExecutions=count)
    else:
        functions.delete_provisioned_concurrency_config(**place)
