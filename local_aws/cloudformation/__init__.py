"""CloudFormation for every resource type of AWS, checked by AWS's own schemas."""

from __future__ import annotations


def install() -> None:
    """Makes this server deploy everything. Cheap: what takes time is done in the background."""
    # Only now: the server prepares its environment before anything of ministack is imported.
    from local_aws import hooks
    from local_aws.cloudformation import (
        admission,
        client,
        custom_resources,
        engine,
        events,
        patience,
        services,
        stack_policy,
    )

    services.install()
    engine.install()
    admission.install()
    events.install()
    stack_policy.install()
    patience.install()
    custom_resources.install()
    hooks.resources.spare_what_is_needed()
    hooks.resources.delete_once()
    hooks.stacks.delete_nested_stacks_as_others()
    hooks.request.in_background(client.warm_up, name="cloudformation-warm-up")
