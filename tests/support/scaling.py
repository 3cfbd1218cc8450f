"""Variants that are scaled: where they are, and what has become of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.serving import Hall

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def place(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/main",
        "ScalableDimension": DIMENSION,
    }


def scaling(hall: Hall) -> Any:
    return hall.client("application-autoscaling")


def instances(hall: Hall, endpoint: str) -> int:
    described = hall.settled(endpoint)
    return int(described["ProductionVariants"][0]["CurrentInstanceCount"])


def activities(hall: Hall, endpoint: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scaling(hall).describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=place(endpoint)["ResourceId"]
    )["ScalingActivities"]
    return found


@contextmanager
def load(hall: Hall, endpoint: str) -> Iterator[None]:
    """One client that asks as fast as it is answered."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            hall.ask(endpoint)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
