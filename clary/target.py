"""Where an environment lives: on AWS, or on the local AWS. All else is the same for both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clary.environment.model import Environment

LOCAL_ACCOUNT = "000000000000"
"""No AWS account has this number: an environment that names it can only be meant for the local AWS."""


@dataclass(frozen=True)
class Target:
    """`endpoint_url` is the local AWS's, or None for AWS itself."""

    environment: Environment
    endpoint_url: str | None
    state: Path

    @property
    def folder(self) -> Path:
        """What is kept on this machine about the environment: assemblies and logs."""
        folder = self.state / self.environment.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def local(self) -> bool:
        return self.endpoint_url is not None

    def client(self, service: str) -> Any:
        """A boto3 client (untyped: boto3 makes its methods at run time)."""
        return _client(self, service)

    def credentials(self) -> Mapping[str, str]:
        """For the local AWS, an access key that is the account's number: it belongs to that account there."""
        if not self.local:
            return {}
        return {"AWS_ACCESS_KEY_ID": self.environment.account, "AWS_SECRET_ACCESS_KEY": "local"}

    def process_environment(self) -> dict[str, str]:
        """The environment of child processes: the person's own for AWS, nothing of it for the local AWS."""
        if self.endpoint_url is None:
            return {**os.environ, "AWS_REGION": self.environment.region}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **inherited,
            **self.credentials(),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.environment.region,
            "AWS_DEFAULT_REGION": self.environment.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }


@cache
def _client(target: Target, service: str) -> Any:
    import boto3
    from botocore.config import Config

    if target.endpoint_url is None:
        return boto3.client(service, region_name=target.environment.region)
    credentials = target.credentials()
    session = boto3.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        region_name=target.environment.region,
    )
    return session.client(
        service,
        endpoint_url=target.endpoint_url,
        config=Config(retries={"total_max_attempts": 2}, proxies={}),
    )
