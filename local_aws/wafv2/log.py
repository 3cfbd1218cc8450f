"""What is told of an inspected request: a record in CloudWatch Logs, metrics, and a sample.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from local_aws import hooks, logs, metrics
from local_aws.store import STORE
from local_aws.wafv2.evaluation import Verdict
from local_aws.wafv2.request import Request

LOGGING = "AWS::WAFv2::LoggingConfiguration"
_SAMPLES = 500
_samples: dict[tuple[str, str], deque[dict[str, Any]]] = {}
"""By web ACL and metric name."""


def reset() -> None:
    _samples.clear()


async def tell(
    acl: Mapping[str, Any], request: Request, verdict: Verdict, source: str, source_id: str
) -> None:
    _count(acl, verdict)
    _sample(acl, request, verdict)
    configuration = STORE.get(LOGGING, (acl["ARN"],))
    if configuration is None or not _wanted(configuration.get("LoggingFilter"), verdict):
        return
    line = json.dumps(record(acl, request, verdict, source, source_id, configuration), separators=(",", ":"))
    for destination in configuration["LogDestinationConfigs"]:
        if ":log-group:" in destination:
            stream = f"{hooks.request.region()}_{acl['Name']}_0"
            await logs.write(logs.group_of(destination), stream, [line])


def record(
    acl: Mapping[str, Any],
    request: Request,
    verdict: Verdict,
    source: str,
    source_id: str,
    configuration: Mapping[str, Any],
) -> dict[str, Any]:
    redacted = configuration.get("RedactedFields") or ()
    hidden_headers = {each["SingleHeader"]["Name"].lower() for each in redacted if "SingleHeader" in each}
    hidden = {next(iter(each)) for each in redacted}
    inserted = [{"name": name, "value": value} for name, value in verdict.inserted_headers.items()]
    found: dict[str, Any] = {
        "timestamp": round(time.time() * 1000),
        "formatVersion": 1,
        "webaclId": acl["ARN"],
        "terminatingRuleId": verdict.rule,
        "terminatingRuleType": verdict.rule_type,
        "action": verdict.action,
        "terminatingRuleMatchDetails": [],
        "httpSourceName": source,
        "httpSourceId": source_id,
        "ruleGroupList": verdict.groups,
        "rateBasedRuleList": verdict.rates,
        "nonTerminatingMatchingRules": [
            {"ruleId": rule["Name"], "action": "COUNT", "ruleMatchDetails": []} for rule in verdict.counted
        ],
        "requestHeadersInserted": inserted or None,
        "responseCodeSent": verdict.response[0] if verdict.response else None,
        "httpRequest": {
            "clientIp": request.client_address,
            "country": "-",
            "headers": [
                {"name": name, "value": "REDACTED" if name in hidden_headers else value}
                for name, values in request.headers.items()
                for value in values
            ],
            "uri": "REDACTED" if "UriPath" in hidden else request.path,
            "args": "REDACTED" if "QueryString" in hidden else request.query,
            "httpVersion": "HTTP/1.1",
            "httpMethod": "REDACTED" if "Method" in hidden else request.method,
            "requestId": request.request_id,
            "fragment": "",
            "scheme": "https",
            "host": request.header("host") or "",
        },
        "requestBodySize": len(request.body),
        "requestBodySizeInspectedByWAF": min(len(request.body), request.body_limit),
    }
    if verdict.labels:
        found["labels"] = [{"name": label} for label in verdict.labels[:100]]
    return found


def _wanted(chosen: Mapping[str, Any] | None, verdict: Verdict) -> bool:
    """https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingFilter.html"""
    if not chosen:
        return True
    counted = {"COUNT"} if verdict.counted else set()
    excluded = {"EXCLUDED_AS_COUNT"} if any(group["excludedRules"] for group in verdict.groups) else set()
    actions = {verdict.action, *counted, *excluded}
    for each in chosen["Filters"]:
        fits = [
            condition["ActionCondition"]["Action"] in actions
            if "ActionCondition" in condition
            else condition["LabelNameCondition"]["LabelName"] in verdict.labels
            for condition in each["Conditions"]
        ]
        if all(fits) if each["Requirement"] == "MEETS_ALL" else any(fits):
            return bool(each["Behavior"] == "KEEP")
    return bool(chosen["DefaultBehavior"] == "KEEP")


def _count(acl: Mapping[str, Any], verdict: Verdict) -> None:
    name = {
        "ALLOW": "AllowedRequests",
        "BLOCK": "BlockedRequests",
        "CAPTCHA": "CaptchaRequests",
        "CHALLENGE": "ChallengeRequests",
    }[verdict.action]
    own = {"WebACL": acl["VisibilityConfig"]["MetricName"], "Region": hooks.request.region()}
    if acl["VisibilityConfig"]["CloudWatchMetricsEnabled"]:
        metrics.record("AWS/WAFV2", {name: (1, "Count")}, own | {"Rule": "ALL"})
    if verdict.rule != "Default_Action":
        metrics.record("AWS/WAFV2", {name: (1, "Count")}, own | {"Rule": verdict.metric})
    for rule in verdict.counted:
        counted = own | {"Rule": rule["VisibilityConfig"]["MetricName"]}
        metrics.record("AWS/WAFV2", {"CountedRequests": (1, "Count")}, counted)


def _sample(acl: Mapping[str, Any], request: Request, verdict: Verdict) -> None:
    default = acl["VisibilityConfig"]["MetricName"]
    own = default if verdict.rule == "Default_Action" else verdict.metric
    told = {
        "Request": {
            "ClientIP": request.client_address,
            "Country": "-",
            "URI": request.path,
            "Method": request.method,
            "HTTPVersion": "HTTP/1.1",
            "Headers": [
                {"Name": name, "Value": value} for name, values in request.headers.items() for value in values
            ],
        },
        "Weight": 1,
        "Timestamp": time.time(),
        "RequestHeadersInserted": [
            {"Name": name, "Value": value} for name, value in verdict.inserted_headers.items()
        ],
        "Labels": [{"Name": label} for label in verdict.labels],
    }
    if verdict.response:
        told["ResponseCodeSent"] = verdict.response[0]
    for metric, action in (
        (own, verdict.action),
        *((rule["VisibilityConfig"]["MetricName"], "COUNT") for rule in verdict.counted),
    ):
        kept = _samples.setdefault((acl["ARN"], metric), deque(maxlen=_SAMPLES))
        kept.append({**told, "Action": action})


def samples(acl_arn: str, metric: str) -> list[dict[str, Any]]:
    return list(_samples.get((acl_arn, metric), ()))
