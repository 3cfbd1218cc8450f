"""CDK's own custom resources, done here; everybody else's functions run, and say at once when they fail.

CDK puts functions of its own into an app: they empty buckets, close default security groups, keep logs,
copy assets, make single calls of the SDK. Most are written for Node with the AWS SDK for JavaScript, or
bring a whole AWS CLI. Neither is here, so what they do is done natively, with their functions' roles.
(aws-cdk-lib, `custom-resource-handlers`; their resource types and properties are CDK's own.)

Everything else is a function of the user's: it runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.custom_resources import bucket_deployment, framework, handlers, sdk_call
from local_aws.cloudformation.custom_resources.request import Answer, CustomResourceFailed, Request

_BY_TYPE: Mapping[str, Callable[[Request], Answer]] = {
    "Custom::AWSCDKOpenIdConnectProvider": handlers.identity_provider,
    "Custom::CrossRegionExportReader": handlers.read_exports,
    "Custom::CrossRegionExportWriter": handlers.write_exports,
    "Custom::ECRAutoDeleteImages": handlers.delete_images,
    "Custom::LogRetention": handlers.keep_logs,
    "Custom::S3AutoDeleteObjects": handlers.delete_objects,
    "Custom::VpcRestrictDefaultSG": handlers.restrict_default_group,
}
"""Types that CDK's functions for Node serve; a function in another language is somebody else's."""


def install() -> None:
    hooks.custom_resources.answer_custom_resources(_answer)


def _answer(
    request_type: str,
    logical_id: str,
    properties: Mapping[str, Any],
    stack_name: str,
    resource_type: str,
    physical_id: str | None,
    previous: Mapping[str, Any] | None,
) -> tuple[str, dict[str, Any]] | None:
    """The physical id and the attributes; None where the function is to be run."""
    function = hooks.functions.function_configuration(str(properties.get("ServiceToken", "")))
    if function is None:
        return None
    request = Request(
        type=request_type,
        logical_id=logical_id,
        properties=properties,
        previous=previous or {},
        physical_id=physical_id,
        stack_name=stack_name,
        resource_type=resource_type,
        function=function,
    )
    handler = _handler(request)
    if handler is None:
        return None
    try:
        answer = handler(request)
    except CustomResourceFailed:
        raise
    except Exception as error:
        raise CustomResourceFailed(
            f"Received response status [FAILED] from custom resource. {error}"
        ) from error
    return answer.physical_id or physical_id or request.own_id, dict(answer.data)


def _handler(request: Request) -> Callable[[Request], Answer] | None:
    if framework.is_framework(request.function):
        return framework.run
    if request.resource_type == "Custom::CDKBucketDeployment":
        return bucket_deployment.deploy
    if not str(request.function.get("Runtime", "")).startswith("nodejs"):
        return None
    if sdk_call.is_sdk_call(request.properties):
        return sdk_call.call
    return _BY_TYPE.get(request.resource_type)
