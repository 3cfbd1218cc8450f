"""What CloudFormation hears from custom resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc as _lambda
from ministack.services.cloudformation import custom_resource as _custom_resource

from local_aws.hooks.private_names import PrivateNames

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.lambda_svc": ("_execute_function_with_config_scope",),
    "ministack.services.cloudformation.custom_resource": ("deliver_response", "invoke_custom_resource"),
}


def answer_custom_resources(
    answer: Callable[..., tuple[str, dict[str, Any]] | None],
) -> None:
    """Asks `answer(request type, logical id, properties, stack name, resource type, physical id, previous
    properties)` first; where it answers None, the function behind the service token is run.

    A function that fails without having answered is told of at once. AWS waits for an hour, and then says
    the first sentence of it.
    """
    usual = _custom_resource.invoke_custom_resource

    def invoke(
        request_type: str,
        logical_id: str,
        props: dict[str, Any],
        stack_name: str,
        stack_id: str,
        resource_type: str,
        physical_id: str | None = None,
        old_props: dict[str, Any] | None = None,
    ) -> Any:
        answered = answer(request_type, logical_id, props, stack_name, resource_type, physical_id, old_props)
        if answered is not None:
            return answered
        return usual(
            request_type, logical_id, props, stack_name, stack_id, resource_type, physical_id, old_props
        )

    _custom_resource.invoke_custom_resource = invoke
    execute = _lambda._execute_function_with_config_scope

    def run(function: dict[str, Any], event: dict[str, Any]) -> Any:
        url = str(event.get("ResponseURL", "")) if isinstance(event, dict) else ""
        if "/cfn-response/" not in url:
            return execute(function, event)
        try:
            result = execute(function, event)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody answers any more
            result = {"error": True, "body": {"errorMessage": str(error)}}
        if isinstance(result, dict) and result.get("error"):
            reason = (
                "CloudFormation did not receive a response from your custom resource. Its function failed: "
                f"{_error_message(result.get('body'))}"
            )
            _custom_resource.deliver_response(url.rpartition("/")[2], {"Status": "FAILED", "Reason": reason})
        return result

    _lambda._execute_function_with_config_scope = run


_NO_JAVASCRIPT_SDK = (
    " (the local AWS brings no AWS SDK for JavaScript: install the package with npm and start it with"
    " NODE_PATH set to that node_modules folder)"
)


def _error_message(body: Any) -> str:
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except ValueError:
            return str(body)
    message = str(body.get("errorMessage", body)) if isinstance(body, dict) else str(body)
    return message + (_NO_JAVASCRIPT_SDK if "@aws-sdk/" in message else "")
