"""Serverless endpoints: started when they are asked, stopped when they are not, and throttled."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually

LIMIT = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    made = Hall(local_aws, "200000000023", tmp_path_factory.mktemp("hall"))
    with made, made.time_scale(3000):  # five minutes without a request are a tenth of a second
        yield made


def serverless(model: str, concurrency: int) -> dict[str, Any]:
    limits = {"MemorySizeInMB": 1024, "MaxConcurrency": concurrency}
    return {"VariantName": "main", "ModelName": model, "ServerlessConfig": limits}


@pytest.fixture(scope="module")
def endpoint(hall: Hall) -> str:
    described = hall.serve("serverless", serverless(hall.model("serverless", hall.container(2)), 1))
    assert described["ProductionVariants"][0]["CurrentServerlessConfig"]["MaxConcurrency"] == 1
    assert "CurrentInstanceCount" not in described["ProductionVariants"][0]
    return "serverless"


def test_starts_a_new_container_after_it_was_idle(hall: Hall, endpoint: str, local_aws: LocalAws) -> None:
    first = hall.ask(endpoint, "who")
    # What is there after an invocation and goes without one is the folder of the container.
    folders = set((local_aws.state / "tmp" / "sagemaker").iterdir())

    def stopped() -> bool:
        hall.sagemaker.describe_endpoint(EndpointName=endpoint)
        return not folders <= set((local_aws.state / "tmp" / "sagemaker").iterdir())

    eventually(stopped)
    assert hall.ask(endpoint, "who") != first
    assert hall.ask(endpoint, "21") == "42.0"


def test_throttles_what_is_above_its_concurrency(hall: Hall, endpoint: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    answers: list[str] = []

    def hold() -> None:
        while not answers:
            with contextlib.suppress(ClientError):  # it may come while the other one is being answered
                answers.append(hall.ask(endpoint, f"hold:{go}"))

    holding = threading.Thread(target=hold)
    holding.start()

    refusals: list[str] = []

    def throttled() -> bool:
        try:
            hall.ask(endpoint, "1")
        except ClientError as error:
            refusals.append(error.response["Error"]["Code"])
        return bool(refusals)

    eventually(throttled)
    go.touch()
    holding.join()
    assert refusals == ["ThrottlingException"]
    assert answers == ["held"]


def test_raises_its_limit_in_place(hall: Hall, endpoint: str) -> None:
    hall.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "main", "ServerlessUpdateConfig": {"MaxConcurrency": 3}}
        ],
    )

    config = hall.settled(endpoint)["ProductionVariants"][0]["CurrentServerlessConfig"]
    assert config == {"MemorySizeInMB": 1024, "MaxConcurrency": 3}


def test_takes_four_megabytes_and_no_more(hall: Hall, endpoint: str) -> None:
    assert hall.ask(endpoint, "1" + " " * (LIMIT - 1)) == "2.0"
    with pytest.raises(ClientError) as raised:
        hall.ask(endpoint, "1" + " " * LIMIT)

    assert raised.value.response["Error"]["Code"] == "413"


def test_does_not_come_into_service_with_a_model_that_does_not_start(hall: Hall) -> None:
    model = hall.model("useless", hall.container(Environment={"LIMIT": "none"}))

    assert hall.serve("useless", serverless(model, 1))["EndpointStatus"] == "Failed"
