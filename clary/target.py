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

_LOCAL_SECRET = "local"  # noqa: S105 - the local AWS takes any


@dataclass(frozen=True)
class Target:
    """`endpoint_url` is the local AWS's, or None for AWS itself; `ca` its authority, where it speaks TLS."""

    environment: Environment
    endpoint_url: str | None
    state: Path
    ca: Path | None = None

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
        return _client(service, self.environment.account, self.environment.region, self.endpoint_url, self.ca)

    def credentials(self) -> Mapping[str, str]:
        """For the local AWS, an access key that is the account's number: it belongs to that account there."""
        if not self.local:
            return {}
        return {"AWS_ACCESS_KEY_ID": self.environment.account, "AWS_SECRET_ACCESS_KEY": _LOCAL_SECRET}

    def process_environment(self) -> dict[str, str]:
        """The environment of child processes: the person's own for AWS, nothing of it for the local AWS."""
        if self.endpoint_url is None:
            return {**os.environ, "AWS_REGION": self.environment.region}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        trust = {"AWS_CA_BUNDLE": str(self.ca), "NODE_EXTRA_CA_CERTS": str(self.ca)} if self.ca else {}
        return {
            **inherited,
            **self.credentials(),
            **trust,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.environment.region,
            "AWS_DEFAULT_REGION": self.environment.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }


@cache
def _client(service: str, account: str, region: str, endpoint_url: str | None, ca: Path | None) -> Any:
    """A session for each client: making clients from several threads at once is then safe."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    if endpoint_url is None:
        return boto3.Session(region_name=region).client(service)
    # The person's own profiles and files, a broken one among them, have nothing to say here.
    none_of_their_files: dict[str, Any] = {
        "profile": (None, [], None, None),
        "config_file": (None, [], os.devnull, None),
        "credentials_file": (None, [], os.devnull, None),
    }
    session = boto3.Session(
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key=_LOCAL_SECRET,
        botocore_session=Session(session_vars=none_of_their_files),
    )
    config = Config(retries={"total_max_attempts": 2}, proxies={})
    trust = {"verify": str(ca)} if ca else {}
    return session.client(service, endpoint_url=endpoint_url, config=config, **trust)
