"""HyperPod clusters: described only, there are no machines behind them here."""

from __future__ import annotations

import secrets
import string

from local_aws import hooks
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.sagemaker.families import families
from local_aws.store import Record


class Cluster(Behaviour):
    def prepare(self, record: Record) -> None:
        """Its ARN has an identifier of its own in it, and not its name."""
        letters = string.ascii_lowercase + string.digits
        identifier = "".join(secrets.choice(letters) for _ in range(12))
        record["ClusterArn"] = families()["Cluster"].arn(
            (identifier,), hooks.request.account_id(), hooks.request.region()
        )
