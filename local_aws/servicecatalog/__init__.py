"""Service Catalog on this machine: portfolios and products over the one store, launches as real stacks.

`operations` answers the API by botocore's service model; each module adds its operations there.
`catalog` holds what there is, `access` who may launch it, `launching` what a launch does, and
`cloudformation` is the same resources from a template.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Makes this server answer for Service Catalog. Cheap: all else is loaded by the first request."""
    from local_aws import hooks
    from local_aws.servicecatalog import cloudformation, stack_callers, stack_inputs

    hooks.server.add_service("servicecatalog", _handle)
    cloudformation.install()
    stack_callers.install()
    stack_inputs.install()


def take_up() -> None:
    """Brings what an earlier server has left half done to an end."""
    from local_aws.servicecatalog import recovery

    recovery.take_up()


async def _handle(*request: Any) -> Any:
    from local_aws.servicecatalog.handler import handle

    return await handle(*request)
