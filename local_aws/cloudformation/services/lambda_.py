"""Lambda: what ministack's `AWS::Lambda::Function` drops."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.client import client
from local_aws.cloudformation.registry import Properties, reconciles


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
    if configuration:
        functions.update_function_configuration(FunctionName=physical_id, **configuration)
