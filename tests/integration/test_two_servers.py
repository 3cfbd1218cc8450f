"""Two local AWSes side by side: what one has is nothing to the other, and each ends alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import process
from support.deployed import LocalAws
from support.processes import processes_of
from support.sagemaker import Workshop

_ACCOUNT = "230000000001"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[LocalAws, LocalAws]]:
    states = (tmp_path / "one", tmp_path / "two")
    running = [process.start(state, port=0) for state in states]
    one, two = (
        LocalAws(url=server.url, state=state, pid=server.pid)
        for server, state in zip(running, states, strict=True)
    )
    yield one, two
    for state in states:
        process.stop(state)


def test_each_has_its_own_resources_under_the_same_names(two: tuple[LocalAws, LocalAws]) -> None:
    for number, aws in enumerate(two):
        aws.client("s3").create_bucket(Bucket="same")
        aws.client("s3").put_object(Bucket="same", Key="which", Body=str(number).encode())
        aws.client("sagemaker").create_model_package_group(
            ModelPackageGroupName="same", ModelPackageGroupDescription=str(number)
        )

    told = [
        (
            aws.client("s3").get_object(Bucket="same", Key="which")["Body"].read().decode(),
            aws.client("sagemaker").describe_model_package_group(ModelPackageGroupName="same")[
                "ModelPackageGroupDescription"
            ],
        )
        for aws in two
    ]

    assert two[0].url != two[1].url
    assert told == [("0", "0"), ("1", "1")]


def test_both_serve_an_endpoint_of_one_name_and_one_goes_on_when_the_other_is_killed(
    two: tuple[LocalAws, LocalAws], tmp_path: Path
) -> None:
    workshops = [Workshop(aws, _ACCOUNT, tmp_path / f"image-{number}") for number, aws in enumerate(two)]
    for factor, workshop in enumerate(workshops, start=2):
        assert workshop.serve("same", workshop.configure("same", factor))["EndpointStatus"] == "InService"

    assert [workshop.invoke("same", "10") for workshop in workshops] == ["20.0", "30.0"]

    os.kill(two[0].pid, signal.SIGKILL)
    while processes_of(two[0].state):
        process.stop(two[0].state)

    assert process.running(two[0].state) is None
    assert workshops[1].invoke("same", "10") == "30.0"
