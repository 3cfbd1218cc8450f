"""What the local AWS's feature store holds in this process, and nothing of it."""

from __future__ import annotations

from local_aws.sagemaker.feature_store import group
from local_aws.sagemaker.feature_store.database import database
from local_aws.store import STORE


def forget() -> None:
    STORE.clear()
    database().clear()
    group.forget()
