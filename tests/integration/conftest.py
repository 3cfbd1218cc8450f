"""One local AWS for all of these tests: a port of its own, a state folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_aws import process
from support.deployed import LocalAws, Stacks, client_of
from support.identity import EnforcingAws
from support.sagemaker import Workshop
from support.served_api import ServedApi


@pytest.fixture(scope="package")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    state = tmp_path_factory.mktemp("local-aws")
    running = process.start(state, port=0)
    yield LocalAws(url=running.url, state=state, pid=running.pid)
    client_of.cache_clear()
    process.stop(state)


@pytest.fixture(scope="package")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnforcingAws]:
    """One that enforces IAM."""
    state = tmp_path_factory.mktemp("enforcing")
    running = process.start(state, port=0, enforce_iam=True)
    assert running.ca is not None
    yield EnforcingAws(running.url, running.ca, state)
    process.stop(state)


@pytest.fixture
def stacks(local_aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Stacks]:
    """Deploys plain templates: `stacks.deploy({"Bucket": {"Type": "AWS::S3::Bucket"}})`."""
    words = request.node.name.removeprefix("test_").split("[")[0].split("_")
    made = Stacks(local_aws, prefix="-".join(words)[:60].rstrip("-"))
    yield made
    made.delete_all()


@pytest.fixture(scope="package")
def stacks_workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """One for all who need it in the account where `stacks` deploys."""
    return Workshop(local_aws, local_aws.account, tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="package")
def served(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    """The inference API, in front of models of every mode."""
    made = ServedApi(local_aws, "220000000055", tmp_path_factory.mktemp("served"))
    made.deploy()
    yield made
    made.destroy()
