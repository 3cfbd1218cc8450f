"""Service Quotas, for SageMaker's: what an account has, and more of it as soon as it is asked for.

The quotas' names are AWS's, their codes are made from the names here: find a quota by its name.
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel

from local_aws import hooks, request_validation
from local_aws.errors import ServiceError, not_supported
from local_aws.sagemaker import listing, quotas
from local_aws.store import STORE

logger = logging.getLogger("local_aws.service_quotas")

Request = Mapping[str, Any]

_TARGET = "ServiceQuotasV20190624."
_SERVICES = {"sagemaker": "Amazon SageMaker"}
_REQUESTS = "ServiceQuotaRequest"
_PAGE = 100


def answer(target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body for a request to the service."""
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    try:
        found = _call(target.removeprefix(_TARGET), json.loads(body or b"{}"))
        return 200, headers, json.dumps(found).encode()
    except ServiceError as error:
        said = {"__type": error.code, "message": error.message, "Message": error.message}
        return error.status, headers, json.dumps(said).encode()
    except Exception:
        logger.exception("%s failed", target)
        said = {"__type": "ServiceException", "message": "the local AWS failed, see its log"}
        return 500, headers, json.dumps(said).encode()


def _call(name: str, request: Request) -> dict[str, Any]:
    if name not in _model().operation_names:
        raise ServiceError("UnknownOperationException", f"Service Quotas has no operation {name}")
    operation = _OPERATIONS.get(name)
    if operation is None:
        raise not_supported(name)
    request_validation.check(_model().operation_model(name).input_shape, request)
    return operation(request)


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("service-quotas")


def _list_services(request: Request) -> dict[str, Any]:
    found = [{"ServiceCode": code, "ServiceName": name} for code, name in _SERVICES.items()]
    return _paged("Services", found, request)


def _list(value: Callable[[str], float]) -> Callable[[Request], dict[str, Any]]:
    def listed(request: Request) -> dict[str, Any]:
        _check_service(request)
        names = [name for name in quotas.names() if request.get("QuotaCode") in (None, _code(name))]
        page = _paged("Quotas", names, request)
        return {**page, "Quotas": [_quota(name, value(name)) for name in page["Quotas"]]}

    return listed


def _get(value: Callable[[str], float]) -> Callable[[Request], dict[str, Any]]:
    def got(request: Request) -> dict[str, Any]:
        name = _named(request)
        return {"Quota": _quota(name, value(name))}

    return got


def _request_increase(request: Request) -> dict[str, Any]:
    """Granted at once: whoever waits for AWS's decision sees the end of it."""
    name = _named(request)
    if request["DesiredValue"] <= quotas.value(name):
        raise ServiceError(
            "IllegalArgumentException",
            f"You must provide a quota value greater than the current quota value ({quotas.value(name):g}).",
        )
    quotas.grant(name, float(request["DesiredValue"]))
    now = time.time()
    record = {
        "Id": uuid.uuid4().hex,
        **{
            key: value
            for key, value in _quota(name, 0).items()
            if key.startswith(("Service", "QuotaN", "QuotaC"))
        },
        "DesiredValue": float(request["DesiredValue"]),
        "Status": "APPROVED",
        "Created": now,
        "LastUpdated": now,
        "Requester": f"arn:aws:iam::{hooks.request.account_id()}:root",
        "QuotaArn": _quota(name, 0)["QuotaArn"],
        "GlobalQuota": False,
        "Unit": "None",
    }
    STORE.add(_REQUESTS, (record["Id"],), record)
    return {"RequestedQuota": record}


def _get_request(request: Request) -> dict[str, Any]:
    record = STORE.get(_REQUESTS, (request["RequestId"],))
    if record is None:
        raise ServiceError("NoSuchResourceException", "The specified resource does not exist.")
    return {"RequestedQuota": record}


def _list_requests(request: Request) -> dict[str, Any]:
    wanted = {key: request[key] for key in ("ServiceCode", "QuotaCode", "Status") if key in request}
    found = [
        record
        for _, record in STORE.all(_REQUESTS)
        if all(record[key] == value for key, value in wanted.items())
    ]
    return _paged("RequestedQuotas", found, request)


def _named(request: Request) -> str:
    _check_service(request)
    for name in quotas.names():
        if _code(name) == request["QuotaCode"]:
            return name
    raise ServiceError(
        "NoSuchResourceException",
        f"The request failed because the quota {request['QuotaCode']} does not exist.",
    )


def _check_service(request: Request) -> None:
    if request["ServiceCode"] not in _SERVICES:
        raise ServiceError(
            "NoSuchResourceException",
            f"The request failed because the service {request['ServiceCode']} does not exist here: it has"
            f" the quotas of {', '.join(_SERVICES)}.",
        )


def _quota(name: str, value: float) -> dict[str, Any]:
    code = _code(name)
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": _SERVICES["sagemaker"],
        "QuotaArn": f"arn:aws:servicequotas:{hooks.request.place()}:sagemaker/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _code(name: str) -> str:
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def _paged(member: str, found: list[Any], request: Request) -> dict[str, Any]:
    return listing.page(member, found, int(request.get("MaxResults", _PAGE)), request.get("NextToken"))


def _default(name: str) -> float:  # noqa: ARG001 - all have the same
    return quotas.DEFAULT


_OPERATIONS: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "GetAWSDefaultServiceQuota": _get(_default),
    "GetRequestedServiceQuotaChange": _get_request,
    "GetServiceQuota": _get(quotas.value),
    "ListAWSDefaultServiceQuotas": _list(_default),
    "ListRequestedServiceQuotaChangeHistory": _list_requests,
    "ListRequestedServiceQuotaChangeHistoryByQuota": _list_requests,
    "ListServiceQuotas": _list(quotas.value),
    "ListServices": _list_services,
    "RequestServiceQuotaIncrease": _request_increase,
}
