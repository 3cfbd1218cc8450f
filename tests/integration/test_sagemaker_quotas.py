"""Quotas: what an account may have, and SageMaker's refusal of more, in AWS's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.settings import Settings

ACCOUNT = "000000000641"
NOTEBOOKS = "ml.t3.medium for notebook instance usage"


@pytest.fixture
def sagemaker(local_aws: LocalAws) -> Iterator[Any]:
    client = local_aws.client("sagemaker", ACCOUNT)
    yield client
    for notebook in client.list_notebook_instances()["NotebookInstances"]:
        name = notebook["NotebookInstanceName"]
        if notebook["NotebookInstanceStatus"] != "Stopped":
            client.stop_notebook_instance(NotebookInstanceName=name)
            client.describe_notebook_instance(NotebookInstanceName=name)
        client.delete_notebook_instance(NotebookInstanceName=name)


@pytest.fixture
def quotas(local_aws: LocalAws) -> Any:
    return local_aws.client("service-quotas", ACCOUNT)


@pytest.fixture
def settings(local_aws: LocalAws) -> Iterator[Settings]:
    changed = Settings(local_aws, ACCOUNT)
    yield changed
    changed.reset()


def _create(sagemaker: Any, name: str) -> None:
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name,
        InstanceType="ml.t3.medium",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker",
    )


def test_refuses_more_than_the_quota_in_awss_words(sagemaker: Any, settings: Settings) -> None:
    settings.put(quotas={NOTEBOOKS: 1})
    _create(sagemaker, "first")

    with pytest.raises(ClientError) as raised:
        _create(sagemaker, "second")

    error = raised.value.response["Error"]
    assert error["Code"] == "ResourceLimitExceeded"
    assert error["Message"].startswith(
        f"The account-level service limit '{NOTEBOOKS}' is 1 Instances, with current utilization of 1"
        " Instances and a request delta of 1 Instances."
    )


def test_gives_back_what_is_stopped(sagemaker: Any, settings: Settings) -> None:
    settings.put(quotas={NOTEBOOKS: 1})
    _create(sagemaker, "first")
    sagemaker.describe_notebook_instance(NotebookInstanceName="first")
    sagemaker.stop_notebook_instance(NotebookInstanceName="first")

    _create(sagemaker, "second")

    assert len(sagemaker.list_notebook_instances()["NotebookInstances"]) == 2


def _found(quotas: Any, name: str) -> dict[str, Any]:
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    (found,) = [quota for page in pages for quota in page["Quotas"] if quota["QuotaName"] == name]
    return dict(found)


@pytest.mark.parametrize(
    "name",
    [
        "ml.m5.large for endpoint usage",
        "ml.m5.xlarge for training job usage",
        "ml.m5.xlarge for spot training job usage",
        "ml.m5.xlarge for processing job usage",
        "ml.m5.xlarge for transform job usage",
        "Studio JupyterLab Apps running on ml.t3.medium instances",
        "Total domains",
    ],
)
def test_lists_the_quotas_by_awss_names(quotas: Any, name: str) -> None:
    found = _found(quotas, name)

    got = quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=found["QuotaCode"])["Quota"]
    assert (got["QuotaName"], got["Value"]) == (name, found["Value"])


def test_tells_the_quota_that_is_set(quotas: Any, settings: Settings) -> None:
    settings.put(quotas={NOTEBOOKS: 3})

    assert _found(quotas, NOTEBOOKS)["Value"] == 3


def test_grants_what_is_asked_for(quotas: Any) -> None:
    quota = _found(quotas, "ml.c5.large for endpoint usage")
    code = {"ServiceCode": "sagemaker", "QuotaCode": quota["QuotaCode"]}

    asked = quotas.request_service_quota_increase(**code, DesiredValue=quota["Value"] + 1)["RequestedQuota"]

    assert asked["Status"] == "APPROVED"
    assert quotas.get_service_quota(**code)["Quota"]["Value"] == quota["Value"] + 1
    history = quotas.list_requested_service_quota_change_history(ServiceCode="sagemaker")["RequestedQuotas"]
    assert asked["Id"] in [one["Id"] for one in history]


def test_knows_no_other_quotas(quotas: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-00000000")
