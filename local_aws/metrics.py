"""CloudWatch metrics of what happens often: gathered, and told once a second.

A request leaves a dozen values. CloudWatch's front gets them as AWS's services send them, each value
once with how often it occurred: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from local_aws import hooks

logger = logging.getLogger("local_aws.metrics")

_SECONDS = 1.0
_DATA_AT_ONCE = 1000  # of one PutMetricData

_Dimensions = tuple[tuple[str, str], ...]
_waiting: dict[tuple[str, str], dict[tuple[str, str, _Dimensions, str], Counter[float]]] = {}
_told: list[asyncio.TimerHandle] = []


def record(namespace: str, values: Mapping[str, tuple[float, str]], *dimensions: Mapping[str, str]) -> None:
    """Counts values (by metric: the value and its unit) in the request's account and region, once for each
    set of dimensions. To be called on the event loop."""
    metrics = _waiting.setdefault((hooks.account_id(), hooks.region()), {})
    for chosen in dimensions:
        named = tuple(chosen.items())
        for name, (value, unit) in values.items():
            metrics.setdefault((namespace, name, named, unit), Counter())[value] += 1
    if not _told:
        _told.append(asyncio.get_running_loop().call_later(_SECONDS, _tell))


def _tell() -> None:
    _told.clear()
    waiting = dict(_waiting)
    _waiting.clear()
    _sending.add(task := asyncio.get_running_loop().create_task(_send(waiting)))
    task.add_done_callback(_sending.discard)


_sending: set[asyncio.Task[None]] = set()


async def _send(
    waiting: Mapping[tuple[str, str], Mapping[tuple[str, str, _Dimensions, str], Counter[float]]],
) -> None:
    now = time.time()
    for (account, region), metrics in waiting.items():
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for (namespace, name, dimensions, unit), values in metrics.items():
            by_namespace.setdefault(namespace, []).append(
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                    "Timestamp": now,
                    "Unit": unit,
                    "Values": list(values),
                    "Counts": list(values.values()),
                }
            )
        with hooks.scope(account, region):
            for namespace, data in by_namespace.items():
                for first in range(0, len(data), _DATA_AT_ONCE):
                    await _put(namespace, data[first : first + _DATA_AT_ONCE])


async def _put(namespace: str, data: list[dict[str, Any]]) -> None:
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
    }
    body = json.dumps({"Namespace": namespace, "MetricData": data}).encode()
    try:
        status, _, answer = await hooks.service("monitoring")("POST", "/", headers, body, {})
    except Exception:
        logger.exception("no metrics of %s", namespace)
        return
    if status != 200:
        logger.warning("no metrics of %s: %s", namespace, answer.decode(errors="replace"))
