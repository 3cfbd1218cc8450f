"""Asking a deployed model, through the API that its clients use."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from clary.errors import ClaryError
from clary.target import Target

if TYPE_CHECKING:
    import urllib3

_MOST_SECONDS = 900
_POLL_SECONDS = 1


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes


def predict(
    target: Target,
    outputs: Mapping[str, Any],
    model: str,
    data: bytes,
    content_type: str | None,
    artifact: str | None = None,
) -> Answer:
    """POSTs `data` to the model. What is answered later is waited for.

    Where the model is many, `artifact` is the one that is meant. Raises ClaryError when there is no such
    model or no API, and when a job does not end well.
    """
    models = outputs["models"] | outputs["launched"]
    if model not in models:
        raise ClaryError(
            f"no model '{model}', choose one of: {', '.join(models) or 'none, there are no models'}"
        )
    if outputs["api"] is None:
        raise ClaryError(f"the environment '{outputs['environment']}' has no API yet, deploy it first")
    access = models[model]["access"]
    if access is None:
        what, where = ("its team", "launched") if model in outputs["launched"] else ("it", "models")
        raise ClaryError(f"no program may ask '{model}', list {what} below 'api.clients', in one's '{where}'")
    if models[model]["targets"] and artifact is None:
        raise ClaryError(f"'{model}' is many models, say which one with --target, like nearby.tar.gz")
    if artifact is not None and not models[model]["targets"]:
        raise ClaryError(f"'{model}' is one model, leave --target out")
    url = access["url"] if artifact is None else f"{access['url']}?{urlencode({'target': artifact})}"
    if access["authorization"] == "cognito":
        access = access | {
            "headers": {**access["headers"], "authorization": f"Bearer {_token(target, access)}"}
        }
    kind = content_type or models[model]["content_types"][0]
    first = _send(target, access, "POST", url, data, {"content-type": kind})
    if first.status != 202:
        return Answer(first.status, first.headers.get("content-type", ""), first.data)
    where = urljoin(url, first.headers["location"])
    until = time.monotonic() + _MOST_SECONDS
    while True:
        told = _send(target, access, "GET", where, b"", {})
        if told.status != 200:
            return Answer(told.status, told.headers.get("content-type", ""), told.data)
        order = json.loads(told.data)
        if order["state"] == "completed":
            return _fetched(target, order["result"]["url"])
        if order["state"] != "in-progress":
            reason = order.get("problem", {}).get("detail", "nobody says why")
            raise ClaryError(f"what was asked of '{model}' is {order['state']}: {reason}")
        if time.monotonic() > until:
            raise ClaryError(f"'{model}' has not answered within {_MOST_SECONDS} seconds, see {where}")
        time.sleep(_POLL_SECONDS)


def _fetched(target: Target, url: str) -> Answer:
    """The link has its own signature."""
    answer = _request(target, "GET", url, b"", {})
    return Answer(answer.status, answer.headers.get("content-type", ""), answer.data)


def _send(
    target: Target, access: Mapping[str, Any], method: str, url: str, data: bytes, headers: Mapping[str, str]
) -> urllib3.BaseHTTPResponse:
    headers = {**headers, **access["headers"]}
    if access["authorization"] == "iam":
        headers = _signed(target, method, url, headers, data)
    return _request(target, method, url, data, headers)


def _token(target: Target, access: Mapping[str, Any]) -> str:
    """For a program, for this model alone.

    https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    """
    form = {"grant_type": "client_credentials"} | {
        name: access[name] for name in ("client_id", "client_secret", "scope")
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = _request(target, "POST", access["token_url"], urlencode(form).encode(), headers)
    if answer.status != 200:
        raise ClaryError(f"no token for '{access['client']}': {answer.data.decode(errors='replace')}")
    return str(json.loads(answer.data)["access_token"])


def _request(
    target: Target, method: str, url: str, data: bytes, headers: Mapping[str, str]
) -> urllib3.BaseHTTPResponse:
    import urllib3

    trust = str(target.ca) if target.ca else None
    try:
        return urllib3.PoolManager(retries=False, ca_certs=trust).request(
            method, url, body=data, headers=headers, timeout=urllib3.Timeout(connect=5, read=30)
        )
    except urllib3.exceptions.HTTPError as error:
        raise ClaryError(f"no answer from {url}: {error}") from error


def curl(outputs: Mapping[str, Any], model: str, example: str) -> str:
    """The same request for a terminal, of a model that some program may ask."""
    access = outputs["models"][model]["access"]
    words = ["curl", "-sS", access["url"]]
    if outputs["aws_ca_bundle"]:
        words += ["--cacert", outputs["aws_ca_bundle"]]
    for name, value in access["headers"].items():
        words += ["-H", f"'{name}: {value}'"]
    if access["authorization"] == "iam":
        signed_for = f"aws:amz:{outputs['region']}:execute-api"
        words += ["--aws-sigv4", f"'{signed_for}'", "--user", '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"']
    if access["authorization"] == "cognito":
        words += ["-H", '"authorization: Bearer $TOKEN"']
    words += [
        "-H",
        f"'content-type: {outputs['models'][model]['content_types'][0]}'",
        "--data-binary",
        f"'{example}'",
    ]
    return " ".join(words)


def _signed(target: Target, method: str, url: str, headers: Mapping[str, str], data: bytes) -> dict[str, str]:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = target.credentials()
    if given:
        credentials: Any = Credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
    else:
        credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise ClaryError("this API takes signed requests and there are no AWS credentials to sign with")
    request = AWSRequest(method, url, headers=dict(headers), data=data)
    SigV4Auth(credentials, "execute-api", target.environment.region).add_auth(request)
    return dict(request.headers.items())
