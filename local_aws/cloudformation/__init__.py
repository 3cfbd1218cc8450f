"""CloudFormation for every resource type of AWS, checked by AWS's own schemas."""

from __future__ import annotations

from local_aws.cloudformation import engine


def install() -> None:
    engine.install()
