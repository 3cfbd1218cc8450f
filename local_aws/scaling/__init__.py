"""Application Auto Scaling: targets, policies and activities, and what acts on SageMaker's variants.

`operations` answers the API by botocore's service model, `cloudformation` is the same from a template,
`dimensions` says what acts and what is only kept. `tracking` makes the alarms of target tracking, `rules`
decides what an alarm means for a capacity, and `engine` looks at the alarms and changes the capacity.
"""

from __future__ import annotations

from typing import Any

NAMESPACE = "application-autoscaling"


def install() -> None:
    """Makes this server answer for Application Auto Scaling. All else is loaded by the first request."""
    from local_aws import hooks
    from local_aws.scaling import cloudformation

    hooks.server.add_service(NAMESPACE, _handle)
    cloudformation.install()


def take_up() -> None:
    """Goes on to watch the alarms of what an earlier server has left."""
    from local_aws.scaling import records

    if next(records.everywhere(), None) is not None:
        from local_aws.scaling import engine

        engine.start()


async def _handle(*request: Any) -> Any:
    from local_aws.scaling.handler import handle

    return await handle(*request)
