"""Clients of this server's own services: SageMaker reads S3 and ECR as any client does."""

from __future__ import annotations

import datetime
import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import botocore.session
from botocore.config import Config

from local_aws import hooks

_LOCK = threading.Lock()
"""Making a client is not safe on several threads; using one is."""

_SESSIONS: dict[tuple[str, str, str, str | None], RoleSession] = {}
_on_behalf_of: ContextVar[str | None] = ContextVar("sagemaker_on_behalf_of", default=None)
_SPARE = datetime.timedelta(minutes=30)
"""A session that expires sooner is not handed out again."""


def url() -> str:
    """Where this server answers."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


def of_account(service: str) -> Any:
    """A client of the request's account and region, with all permissions: the service's own."""
    return _of_account(service, hooks.request.account_id(), hooks.request.region())


@cache
def _of_account(service: str, account: str, region: str) -> Any:
    # A key of twelve digits is the account, on this server.
    return _client(service, region, {"aws_access_key_id": account, "aws_secret_access_key": "local"})


def warm_up() -> None:
    """Reads the models of the services in use: the first client of each is the slow one."""
    for service in ("ecr", "iam", "logs", "s3", "sts"):
        of_account(service)


@dataclass(frozen=True)
class RoleSession:
    """What a job or a container does, it does as its role: with these, and until they expire."""

    credentials: Mapping[str, Any]

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def cloudwatch(self) -> Any:
        return self.client("cloudwatch")

    @cached_property
    def sns(self) -> Any:
        return self.client("sns")

    def client(self, service: str) -> Any:
        found = self.credentials
        return _client(
            service,
            hooks.request.region(),
            {
                "aws_access_key_id": found["AccessKeyId"],
                "aws_secret_access_key": found["SecretAccessKey"],
                "aws_session_token": found["SessionToken"],
            },
        )

    @property
    def fresh(self) -> bool:
        left: datetime.timedelta = self.credentials["Expiration"] - datetime.datetime.now(datetime.UTC)
        return left > _SPARE

    def environment(self, *, isolated: bool) -> dict[str, str]:
        """What a container's own AWS clients need, to come here as its role.

        One that is isolated gets no credentials, as on AWS
        (https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html).
        """
        region = {"AWS_DEFAULT_REGION": hooks.request.region(), "AWS_REGION": hooks.request.region()}
        if isolated:
            return region
        return region | {
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self.credentials["SessionToken"],
            "AWS_ENDPOINT_URL": url(),
        }


@contextmanager
def on_behalf_of(source_identity: str | None) -> Iterator[None]:
    """Sessions of roles that begin here carry on who somebody is: jobs do, for whoever started them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
    """
    token = _on_behalf_of.set(source_identity)
    try:
        yield
    finally:
        _on_behalf_of.reset(token)


def as_role(role_arn: str) -> RoleSession:
    """A session of a role, kept while it is fresh: making one is a good part of a container's start."""
    identity = _on_behalf_of.get()
    key = hooks.request.account_id(), hooks.request.region(), role_arn, identity
    session = _SESSIONS.get(key)
    if session is None or not session.fresh:
        name = f"SageMaker-{uuid.uuid4().hex[:12]}"
        carried = {} if identity is None else {"SourceIdentity": identity}
        answer = of_account("sts").assume_role(RoleArn=role_arn, RoleSessionName=name, **carried)
        session = _SESSIONS[key] = RoleSession(answer["Credentials"])
    return session


def _client(service: str, region: str, credentials: Mapping[str, str]) -> Any:
    with _LOCK:
        return _session().create_client(
            service,
            region_name=region,
            endpoint_url=url(),
            config=Config(
                connect_timeout=5,
                max_pool_connections=32,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
            ),
            **credentials,
        )


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()
