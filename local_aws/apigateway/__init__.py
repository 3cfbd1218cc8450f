"""REST APIs as API Gateway serves them.

`serving` takes a request all the way; the other modules are its stations: `deployments` (what a stage
serves), `authorization`, `limits` (keys, throttles, quotas), `validation`, `integration` with `functions`,
`aws_service`, `mapping` and `vtl`, `gateway_response` for errors, `execution_log`. `control` is what the
service refuses while an API is made, `address` where an API of AWS's is found here. HTTP APIs and WebSocket
APIs are ministack's own.
"""

from __future__ import annotations

from local_aws import hooks
from local_aws.apigateway import address, authorization, control, deployments, limits, serving
from local_aws.apigateway.serving import remember_requests

__all__ = ["install", "remember_requests"]


def install() -> None:
    hooks.apis.replace_rest_api_front(serving.serve)
    hooks.apis.find_apis_in_every_account()
    hooks.apis.watch_deployments(deployments.refusal, deployments.made, deployments.gone)
    hooks.apis.read_user_pool_keys_here()
    hooks.apis.let_people_return(address.here)
    hooks.server.on_reset(authorization.reset)
    hooks.server.on_reset(limits.reset)
    control.install()
