"""Lineage artifacts: they have no name, and are known by an ARN that the service makes up."""

from __future__ import annotations

import uuid

from local_aws import hooks
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.store import Record


class Artifact(Behaviour):
    def prepare(self, record: Record) -> None:
        identifier = uuid.uuid4().hex
        record["ArtifactArn"] = (
            f"arn:aws:sagemaker:{hooks.region()}:{hooks.account_id()}:artifact/{identifier}"
        )
