"""API keys, throttles and quotas, and what of them is used.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.apigateway.exchange import Exchange, GatewayError

_Slot = tuple[str, ...]
_buckets: dict[_Slot, tuple[float, float]] = {}
"""Tokens left, and when they were counted."""
_used: dict[_Slot, int] = {}
"""Requests by plan, key and day."""


def reset() -> None:
    _buckets.clear()
    _used.clear()


def check(exchange: Exchange) -> None:
    """Raises when the request comes without the key that it needs, or too often."""
    sent = exchange.headers.get("x-api-key")
    if exchange.deployment and exchange.deployment.api.get("apiKeySource") == "AUTHORIZER":
        sent = (exchange.authorizer or {}).get("usageIdentifierKey")
    key = hooks.apis.api_key_of(sent) if sent else None
    plans = hooks.apis.usage_plans_of(key["id"], exchange.api_id, exchange.stage_name) if key else []
    if exchange.served.get("apiKeyRequired"):
        if key is None or not plans:
            raise GatewayError("INVALID_API_KEY", "Forbidden", detail="API Key is not authorized")
        exchange.key = key
        exchange.say(
            f"Usage Plan check succeeded for API Key {key['id']} and API Stage "
            f"{exchange.api_id}/{exchange.stage_name}"
        )
        _throttle_client(exchange, key["id"], plans)
        _count(key["id"], plans)
    _throttle_method(exchange)


def _throttle_client(
    exchange: Exchange, key: str, plans: list[tuple[str, dict[str, Any], dict[str, Any]]]
) -> None:
    method = f"{exchange.resource['path']}/{exchange.served['httpMethod']}"
    for plan_id, plan, stage in plans:
        own = (stage.get("throttle") or {}).get(method)
        if own is not None:
            _take(("plan", plan_id, key, exchange.api_id, exchange.stage_name, method), own)
        _take(("plan", plan_id, key), plan.get("throttle") or {})


def _throttle_method(exchange: Exchange) -> None:
    settings = method_settings(exchange)
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    if rate is None and burst is None:
        return
    where = (exchange.api_id, exchange.stage_name, exchange.resource["path"], exchange.served["httpMethod"])
    _take(("stage", *where), {"rateLimit": rate, "burstLimit": burst})


def method_settings(exchange: Exchange) -> Mapping[str, Any]:
    """The stage's settings for the method: its own, or those of all methods."""
    settings = exchange.stage.get("methodSettings") or {}
    path = str(exchange.resource.get("path", "")).lstrip("/")
    for name in (exchange.method, exchange.served.get("httpMethod"), "*"):
        # A patch of a stage keeps the path's leading slash.
        for key in (f"/{path}/{name}", f"{path}/{name}", f"~1{path.replace('/', '~1')}/{name}"):
            if key in settings:
                return settings[key] or {}
    return settings.get("*/*") or {}


def _take(slot: _Slot, limits: Mapping[str, Any]) -> None:
    """One token of a bucket that holds `burstLimit` and gains `rateLimit` a second."""
    rate, burst = limits.get("rateLimit"), limits.get("burstLimit")
    if rate is None and burst is None:
        return
    full = float(burst if burst is not None else rate or 0)
    gained = float(rate or 0)
    if burst is None:
        full = max(full, 1.0) if gained else 0.0
    now = time.monotonic()
    left, counted = _buckets.get(slot, (full, now))
    left = min(full, left + (now - counted) * gained)
    if left < 1:
        _buckets[slot] = (left, now)
        raise GatewayError("THROTTLED", "Too Many Requests")
    _buckets[slot] = (left - 1, now)


def _count(key: str, plans: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    for plan_id, plan, _ in plans:
        quota = plan.get("quota") or {}
        limit = quota.get("limit")
        if limit is not None and _used_since(plan_id, key, _period_start(quota, today)) >= int(limit):
            raise GatewayError("QUOTA_EXCEEDED", "Limit Exceeded")
    for plan_id, _, _ in plans:
        slot = (plan_id, key, today.isoformat())
        _used[slot] = _used.get(slot, 0) + 1


def _period_start(quota: Mapping[str, Any], today: datetime.date) -> datetime.date:
    """The first day of the period at hand; the offset is a day of the week (0 is Sunday) or of the month."""
    offset = int(quota.get("offset") or 0)
    if quota.get("period") == "WEEK":
        return today - datetime.timedelta(days=(today.isoweekday() - offset) % 7)
    if quota.get("period") == "MONTH":
        first = today.replace(day=1)
        if today.day > offset:
            return first + datetime.timedelta(days=offset)
        before = (first - datetime.timedelta(days=1)).replace(day=1)
        return before + datetime.timedelta(days=offset)
    return today


def _used_since(plan_id: str, key: str, first: datetime.date) -> int:
    return sum(
        count
        for (plan, of, day), count in _used.items()
        if (plan, of) == (plan_id, key) and day >= first.isoformat()
    )


def usage(
    plan_id: str, quota: Mapping[str, Any], first: datetime.date, last: datetime.date, keys: list[str]
) -> dict[str, list[list[int]]]:
    """What GetUsage answers: by key, for each day the requests that were used and those that remain."""
    found: dict[str, list[list[int]]] = {}
    for key in keys:
        days = []
        for day in _days(first, last):
            used = _used.get((plan_id, key, day.isoformat()), 0)
            limit = quota.get("limit")
            start = _period_start(quota, day)
            before = sum(_used.get((plan_id, key, each.isoformat()), 0) for each in _days(start, day))
            days.append([used, -1 if limit is None else max(0, int(limit) - before)])
        if any(used for used, _ in days):
            found[key] = days
    return found


def _days(first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
    for number in range((last - first).days + 1):
        yield first + datetime.timedelta(days=number)
