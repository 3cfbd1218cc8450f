"""`POST /_ministack/reset` forgets everything, of the services that are added here, too."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import process
from support.deployed import LocalAws, client_of
from support.processes import children_of
from support.sagemaker import Workshop
from support.settings import Settings
from support.waiting import eventually


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """Nobody else's: it is about to forget everything."""
    running = process.start(tmp_path / "state", port=0)
    yield LocalAws(url=running.url, state=tmp_path / "state", pid=running.pid)
    process.stop(tmp_path / "state")
    client_of.cache_clear()


def test_forgets_resources_settings_and_what_runs(own_aws: LocalAws, tmp_path: Path) -> None:
    workshop = Workshop(own_aws, own_aws.account, tmp_path / "image")
    workshop.train("endless", forever="yes")
    workshop.begun("endless")
    assert children_of(own_aws.pid)
    workshop.sagemaker.create_hub(HubName="hub", HubDescription="to be forgotten")
    Settings(own_aws, own_aws.account).put(quotas={"Total domains": 0})

    urllib.request.urlopen(
        urllib.request.Request(f"{own_aws.url}/_ministack/reset", method="POST"), timeout=30
    ).close()

    assert workshop.sagemaker.list_hubs()["HubSummaries"] == []
    assert workshop.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    quotas = own_aws.client("service-quotas").get_paginator("list_service_quotas")
    found = [quota for page in quotas.paginate(ServiceCode="sagemaker") for quota in page["Quotas"]]
    assert [quota["Value"] for quota in found if quota["QuotaName"] == "Total domains"] == [1000.0]
    eventually(lambda: not children_of(own_aws.pid))
