"""CloudFormation for every resource type of AWS, checked by AWS's own schemas."""

from __future__ import annotations


def install() -> None:
    # Only now: the server prepares its environment before anything of ministack is imported.
    from local_aws.cloudformation import engine, patience, services

    services.install()
    engine.install()
    patience.install()
