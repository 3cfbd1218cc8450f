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

_Keys = tuple[str, str, str | None]
"""An access key, its secret, and its session's token."""
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
        return self._client(service, None)

    def client_as(self, service: str, role_arn: str | None) -> Any:
        """A client with somebody's own rights: a role's, or those of the credentials at hand.

        On the local AWS these are the process's, where it has any: `client` works as its root user.
        """
        keys = _keys_at_hand() if self.local else None
        if role_arn is not None:
            sts = self._client("sts", keys)
            given = sts.assume_role(RoleArn=role_arn, RoleSessionName=_session_name(sts))["Credentials"]
            keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return self._client(service, keys)

    def _client(self, service: str, keys: _Keys | None) -> Any:
        if keys is None and self.local:
            keys = (self.environment.account, _LOCAL_SECRET, None)
        return _client(service, keys, self.environment.region, self.endpoint_url, self.ca)

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


def _keys_at_hand() -> _Keys | None:
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        return None
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    return os.environ["AWS_ACCESS_KEY_ID"], secret, os.environ.get("AWS_SESSION_TOKEN")


def _session_name(sts: Any) -> str:
    """The same each time: what a session has launched is its own, and nobody else's of the role."""
    return str(sts.get_caller_identity()["Arn"].rpartition("/")[2].rpartition(":")[2])[:64]


@cache
def _client(service: str, keys: _Keys | None, region: str, endpoint_url: str | None, ca: Path | None) -> Any:
    """A session for each client: making clients from several threads at once is then safe."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    access_key, secret, token = keys or (None, None, None)
    if endpoint_url is None:
        session = boto3.Session(access_key, secret, token, region_name=region)
        return session.client(service)
    # The person's own profiles and files, a broken one among them, have nothing to say here.
    none_of_their_files: dict[str, Any] = {
        "profile": (None, [], None, None),
        "config_file": (None, [], os.devnull, None),
        "credentials_file": (None, [], os.devnull, None),
    }
    session = boto3.Session(
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        botocore_session=Session(session_vars=none_of_their_files),
    )
    config = Config(retries={"total_max_attempts": 2}, proxies={})
    trust = {"verify": str(ca)} if ca else {}
    return session.client(service, endpoint_url=endpoint_url, config=config, **trust)
