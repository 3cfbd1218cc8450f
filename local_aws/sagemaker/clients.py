"""Clients of this server's own services: SageMaker reads S3 and ECR as any client does."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from local_aws import hooks

_LOCK = threading.Lock()
"""Making a client is not safe on several threads; using one is."""


def url() -> str:
    """Where this server answers."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


def of_account(service: str) -> Any:
    """A client of the request's account and region, with all permissions: the service's own."""
    return _of_account(service, hooks.account_id(), hooks.region())


@cache
def _of_account(service: str, account: str, region: str) -> Any:
    # A key of twelve digits is the account, on this server.
    return _client(service, region, {"aws_access_key_id": account, "aws_secret_access_key": "local"})


def warm_up() -> None:
    """Reads the models of the services in use: the first client of each is the slow one."""
    for service in ("ecr", "iam", "logs", "s3", "sts"):
        of_account(service)


def of_role(service: str, credentials: Mapping[str, str]) -> Any:
    """A client with a role's session: what a job reads and writes, it does as its role."""
    return _client(
        service,
        hooks.region(),
        {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        },
    )


def assume(role_arn: str) -> Mapping[str, str]:
    """Temporary credentials of a role."""
    session = f"SageMaker-{uuid.uuid4().hex[:12]}"
    answer = of_account("sts").assume_role(RoleArn=role_arn, RoleSessionName=session)
    credentials: Mapping[str, str] = answer["Credentials"]
    return credentials


def environment_of(credentials: Mapping[str, str], *, isolated: bool) -> dict[str, str]:
    """What a container's own AWS clients need, to come here as its role.

    One that is isolated gets no credentials, as on AWS
    (https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html).
    """
    if isolated:
        return {"AWS_DEFAULT_REGION": hooks.region(), "AWS_REGION": hooks.region()}
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_DEFAULT_REGION": hooks.region(),
        "AWS_ENDPOINT_URL": url(),
        "AWS_REGION": hooks.region(),
    }


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
