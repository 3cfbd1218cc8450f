"""This server's own APIs, for handlers that run on a worker thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from local_aws import hooks

if TYPE_CHECKING:
    from botocore.session import Session

_USED = ("ec2", "efs", "iam", "lambda", "s3", "apigateway", "wafv2")

_lock = threading.Lock()


def client(service: str) -> Any:
    """A client in the account and the region of the request at hand."""
    with _lock:
        return _client(service, hooks.request.account_id(), hooks.request.region())


def warm_up() -> None:
    """Reads the models of the services that handlers use, so that the first stack does not wait for it."""
    for service in _USED:
        client(service)


def client_as(service: str, credentials: Mapping[str, str]) -> Any:
    """A client in the region of the request at hand, signing with somebody's credentials (`AccessKeyId`,
    `SecretAccessKey` and, of a session, `SessionToken`): what it does, they do."""
    keys = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials.get("SessionToken"),
    }
    with _lock:
        return _create(service, hooks.request.region(), keys)


@cache
def _session() -> Session:
    # Only now: importing it takes longer than all else that is ours at the start.
    from botocore.session import Session

    return Session()


@cache
def _client(service: str, account: str, region: str) -> Any:
    # Any secret will do: the key id says whose account it is.
    return _create(service, region, {"aws_access_key_id": account, "aws_secret_access_key": "local"})


def _create(service: str, region: str, keys: Mapping[str, str | None]) -> Any:
    from botocore.config import Config

    return _session().create_client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        **keys,
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
