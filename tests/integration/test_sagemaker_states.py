"""States that take a time that can be set, and failures that can be asked for."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.settings import Settings

ACCOUNT = "000000000651"
NOTEBOOK = {"InstanceType": "ml.t3.medium", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker"}


@pytest.fixture
def sagemaker(local_aws: LocalAws) -> Any:
    return local_aws.client("sagemaker", ACCOUNT)


@pytest.fixture
def settings(local_aws: LocalAws) -> Iterator[Settings]:
    changed = Settings(local_aws, ACCOUNT)
    yield changed
    changed.reset()


def _status(sagemaker: Any, name: str) -> str:
    found = sagemaker.describe_notebook_instance(NotebookInstanceName=name)
    return str(found["NotebookInstanceStatus"])


def _until(sagemaker: Any, name: str, status: str) -> list[str]:
    """Every state that is seen on the way to one."""
    seen: list[str] = []
    while not seen or seen[-1] != status:
        now = _status(sagemaker, name)
        if now not in seen[-1:]:
            seen.append(now)
    return seen


def test_is_ready_at_the_next_look_by_default(sagemaker: Any) -> None:
    sagemaker.create_notebook_instance(NotebookInstanceName="at-once", **NOTEBOOK)

    assert _status(sagemaker, "at-once") == "InService"


def test_takes_the_time_that_is_set_to_start_and_to_stop(sagemaker: Any, settings: Settings) -> None:
    settings.put(state_seconds_of={"NotebookInstance": 0.2})
    sagemaker.create_notebook_instance(NotebookInstanceName="slow", **NOTEBOOK)

    assert _until(sagemaker, "slow", "InService") == ["Pending", "InService"]
    sagemaker.stop_notebook_instance(NotebookInstanceName="slow")
    assert _until(sagemaker, "slow", "Stopped") == ["Stopping", "Stopped"]


def test_a_notebook_instance_that_is_changed_stays_stopped(sagemaker: Any) -> None:
    sagemaker.create_notebook_instance(NotebookInstanceName="changed", **NOTEBOOK)
    sagemaker.stop_notebook_instance(NotebookInstanceName="changed")
    _until(sagemaker, "changed", "Stopped")

    sagemaker.update_notebook_instance(NotebookInstanceName="changed", InstanceType="ml.t3.large")

    assert _until(sagemaker, "changed", "Stopped")[-1] == "Stopped"
    described = sagemaker.describe_notebook_instance(NotebookInstanceName="changed")
    assert described["InstanceType"] == "ml.t3.large"


def test_refuses_what_its_state_does_not_allow(sagemaker: Any) -> None:
    arn = sagemaker.create_notebook_instance(NotebookInstanceName="running", **NOTEBOOK)
    assert _status(sagemaker, "running") == "InService"

    with pytest.raises(ClientError) as raised:
        sagemaker.delete_notebook_instance(NotebookInstanceName="running")

    assert raised.value.response["Error"]["Message"] == (
        "Status (InService) not in ([Stopped, Failed]). Unable to transition to (Deleting) for Notebook"
        f" Instance ({arn['NotebookInstanceArn']})."
    )


def test_waiters_see_it_through(sagemaker: Any, settings: Settings) -> None:
    settings.put(state_seconds=0.1)
    notebook = {"NotebookInstanceName": "waited-for"}
    sagemaker.create_notebook_instance(**notebook, **NOTEBOOK)

    def wait(state: str) -> None:
        waiter = sagemaker.get_waiter(f"notebook_instance_{state}")
        waiter.wait(**notebook, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})

    wait("in_service")
    sagemaker.stop_notebook_instance(**notebook)
    wait("stopped")
    sagemaker.delete_notebook_instance(**notebook)
    wait("deleted")


def test_fails_with_the_reason_that_is_set(sagemaker: Any, settings: Settings) -> None:
    settings.put(failures=[{"family": "NotebookInstance", "name": "broken-*", "reason": "no capacity"}])
    sagemaker.create_notebook_instance(NotebookInstanceName="broken-one", **NOTEBOOK)
    sagemaker.create_notebook_instance(NotebookInstanceName="whole-one", **NOTEBOOK)

    found = sagemaker.describe_notebook_instance(NotebookInstanceName="broken-one")

    assert (found["NotebookInstanceStatus"], found["FailureReason"]) == ("Failed", "no capacity")
    assert _status(sagemaker, "whole-one") == "InService"


def test_a_job_that_nothing_runs_fails_and_says_so(sagemaker: Any) -> None:
    sagemaker.create_compilation_job(
        CompilationJobName="compiled",
        RoleArn=NOTEBOOK["RoleArn"],
        OutputConfig={"S3OutputLocation": "s3://bucket/out", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )

    found = sagemaker.describe_compilation_job(CompilationJobName="compiled")

    assert found["CompilationJobStatus"] == "FAILED"
    assert found["FailureReason"] == "The local AWS does not run this: there is no compiler here."


def test_a_stack_waits_for_it_and_fails_with_its_reason(local_aws: LocalAws, stacks: Stacks) -> None:
    settings = Settings(local_aws, local_aws.account)
    settings.put(
        state_seconds_of={"FeatureGroup": 0.1},
        failures=[{"family": "FeatureGroup", "name": "houses", "reason": "the store is full"}],
    )
    group = {
        "Type": "AWS::SageMaker::FeatureGroup",
        "Properties": {
            "FeatureGroupName": "houses",
            "RecordIdentifierFeatureName": "id",
            "EventTimeFeatureName": "time",
            "FeatureDefinitions": [
                {"FeatureName": "id", "FeatureType": "String"},
                {"FeatureName": "time", "FeatureType": "String"},
            ],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
        },
    }

    with pytest.raises(DeploymentFailed, match="the store is full"):
        stacks.deploy({"Group": group})
    settings.reset()

    found = local_aws.client("sagemaker").list_feature_groups(NameContains="houses")["FeatureGroupSummaries"]
    assert found == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"speed": 1}', "no setting 'speed'"),
        (b'{"state_seconds": -1}', "'-1' is not a number of zero or more"),
        (b'{"failures": [{"family": "Domain"}]}', "a family, a name and a reason"),
        (b'{"quotas": [1]}', "not the right form"),
    ],
)
def test_refuses_settings_that_are_none(local_aws: LocalAws, document: bytes, words: str) -> None:
    url = f"{local_aws.url}/_local_aws/settings?account={ACCOUNT}"

    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(urllib.request.Request(url, data=document, method="PUT"), timeout=10)

    with raised.value as answer:
        assert (answer.status, words in answer.read().decode()) == (400, True)
