"""Asking a deployed model, through the API that its clients use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.errors import ClaryError
from clary.target import Target


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes


def predict(
    target: Target, outputs: Mapping[str, Any], model: str, data: bytes, content_type: str | None
) -> Answer:
    """POSTs `data` to the model. Raises ClaryError when there is no such model or no API."""
    import urllib3

    models = outputs["models"]
    if model not in models:
        raise ClaryError(
            f"no model '{model}', choose one of: {', '.join(models) or 'none, the file has no models'}"
        )
    api = outputs["api"]
    if api is None:
        raise ClaryError(f"the environment '{outputs['environment']}' has no API yet, deploy it first")
    url = models[model]["url"]
    headers = {"content-type": content_type or models[model]["content_types"][0], **api["headers"]}
    if api["authorization"] == "iam":
        headers = _signed(target, url, headers, data)
    try:
        trust = str(target.ca) if target.ca else None
        response = urllib3.PoolManager(retries=False, ca_certs=trust).request(
            "POST", url, body=data, headers=headers, timeout=urllib3.Timeout(connect=5, read=30)
        )
    except urllib3.exceptions.HTTPError as error:
        raise ClaryError(f"no answer from {url}: {error}") from error
    return Answer(response.status, response.headers.get("content-type", ""), response.data)


def curl(outputs: Mapping[str, Any], model: str, example: str) -> str:
    """The same request for a terminal."""
    api = outputs["api"]
    words = ["curl", "-sS", outputs["models"][model]["url"]]
    if outputs["aws_ca_bundle"]:
        words += ["--cacert", outputs["aws_ca_bundle"]]
    for name, value in api["headers"].items():
        words += ["-H", f"'{name}: {value}'"]
    if api["authorization"] == "iam":
        signed_for = f"aws:amz:{outputs['region']}:execute-api"
        words += ["--aws-sigv4", f"'{signed_for}'", "--user", '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"']
    words += [
        "-H",
        f"'content-type: {outputs['models'][model]['content_types'][0]}'",
        "--data-binary",
        f"'{example}'",
    ]
    return " ".join(words)


def _signed(target: Target, url: str, headers: Mapping[str, str], data: bytes) -> dict[str, str]:
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
    request = AWSRequest("POST", url, headers=dict(headers), data=data)
    SigV4Auth(credentials, "execute-api", target.environment.region).add_auth(request)
    return dict(request.headers.items())
