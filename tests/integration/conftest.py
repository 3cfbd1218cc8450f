"""One local AWS for the whole session: a port of its own, a state folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from local_aws import process


@dataclass(frozen=True)
class LocalAws:
    """Where the session's local AWS is, and who one is there."""

    url: str
    state: Path
    pid: int
    account: str = "000000000000"
    region: str = "us-east-1"

    def client(self, service: str, account: str | None = None) -> Any:
        """A boto3 client of this AWS, in an account of its own where one is given."""
        return _client(self.url, service, account or self.account, self.region)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to work with this AWS and no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@cache
def _client(url: str, service: str, account: str, region: str) -> Any:
    session = botocore.session.Session()
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    state = tmp_path_factory.mktemp("local-aws")
    running = process.start(state, port=0)
    yield LocalAws(url=running.url, state=state, pid=running.pid)
    _client.cache_clear()
    process.stop(state)
