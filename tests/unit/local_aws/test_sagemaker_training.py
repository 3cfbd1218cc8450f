"""What CreateTrainingJob refuses, and which numbers are found in what programs print."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import clients, jobs, training_metrics
from local_aws.sagemaker.behaviours import behaviour

SPECIFICATION = {"TrainingImage": "i", "TrainingInputMode": "File"}
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def channel(kind: str = "S3Prefix", source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": "s3://b/k", **(source or {})}},
                **more,
            }
        ]
    }


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"AlgorithmSpecification": SPECIFICATION | {"TrainingInputMode": "Pipe"}}, "Not", "input mode Pipe"),
        (channel(InputMode="Pipe"), "Not", "the input mode Pipe"),
        (
            {"AlgorithmSpecification": {"AlgorithmName": "a"}},
            "Not",
            "without AlgorithmSpecification.Training",
        ),
        (channel(RecordWrapperType="RecordIO"), "Not", "with RecordWrapperType RecordIO"),
        (channel(CompressionType="Gzip"), "Val", "CompressionType is used only in Pipe input mode"),
        (channel("AugmentedManifestFile"), "Val", "can only be used with the input mode Pipe"),
        (channel("ManifestFile", InputMode="FastFile"), "Val", "FastFile needs the S3DataType S3Prefix"),
        (channel(source={"InstanceGroupNames": ["cpu"]}), "Val", "Instance group cpu .* is not defined"),
        ({"ResourceConfig": RESOURCES | {"KeepAlivePeriodInSeconds": 60}}, "Not", "KeepAlivePeriodInSeconds"),
        ({"ResourceConfig": RESOURCES | {"InstanceCount": 17}}, "Not", "on more than 16 instances"),
        ({"ResourceConfig": RESOURCES | {"InstanceCount": 0}}, "Val", "InstanceCount must be at least 1"),
        ({"ResourceConfig": {"VolumeSizeInGB": 1}}, "Val", "needs both InstanceType and InstanceCount"),
        ({"ResourceConfig": None}, "Val", "ResourceConfig must be given"),
        (
            {"ResourceConfig": RESOURCES | {"InstanceGroups": [{"InstanceCount": 1}]}},
            "Val",
            "You can not specify both InstanceGroups",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}}, "Not", "not below /opt/ml/"),
        ({"ProfilerConfig": {"S3OutputPath": "s3://b/p"}}, "Not", "with ProfilerConfig"),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "Not", "with EnableRemoteDebug"),
        ({"ExperimentConfig": {"TrialName": "t"}}, "Not", "with ExperimentConfig"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 2}},
            "Val",
            "only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"EnableManagedSpotTraining": True}, "Val", "It must be present and be greater than or equal"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 3, "MaxWaitTimeInSeconds": 2},
            },
            "Val",
            "It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {"AlgorithmSpecification": SPECIFICATION | {"MetricDefinitions": [{"Name": "m", "Regex": "("}]}},
            "Val",
            "Invalid regular expression for metric m",
        ),
    ],
)
def test_refuses_what_neither_aws_nor_this_machine_runs(more: dict[str, Any], code: str, said: str) -> None:
    request = {"AlgorithmSpecification": SPECIFICATION, "ResourceConfig": RESOURCES, **more}
    request = {name: value for name, value in request.items() if value is not None}

    with pytest.raises(ServiceError, match=said) as refusal:
        behaviour("TrainingJob").check(request)

    assert refusal.value.code.startswith(code)


@pytest.mark.parametrize(
    ("expression", "line", "value"),
    [
        (r"loss: ([0-9.e+-]+)", "epoch 3, loss: 2.5e-1, next", 0.25),
        (r"\d+", "7 rows", 7.0),
        (r"loss: (\w+)", "loss: unknown", None),
        (r"(a+)+b", "a" * 60, None),
    ],
)
def test_finds_numbers_in_what_is_printed(
    expression: str, line: str, value: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[Any] = []

    class CloudWatch:
        def put_metric_data(self, **request: Any) -> None:
            put.append(request)

    monkeypatch.setattr(clients, "of_account", lambda _: CloudWatch())
    metrics = training_metrics.TrainingMetrics("job", [{"Name": "m", "Regex": expression}])

    metrics.see([line])

    assert [one["Value"] for one in metrics.final] == ([] if value is None else [value])
    assert len(put) == len(metrics.final)


def test_refuses_to_stop_what_has_ended() -> None:
    record = {"TrainingJobName": "over", "TrainingJobStatus": "Completed"}

    with pytest.raises(ServiceError, match="because the training job is in status Completed"):
        behaviour("TrainingJob").stop(record)


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_refuses_to_delete_what_runs(status: str) -> None:
    with pytest.raises(ServiceError, match=f"is in status {status}") as refusal:
        behaviour("TrainingJob").check_deletion({"TrainingJobName": "busy", "TrainingJobStatus": status})

    assert refusal.value.code == "ResourceInUse"


def test_knows_how_many_instances_are_too_many() -> None:
    with pytest.raises(ServiceError, match="on more than 16 instances, on AWS only"):
        jobs.check_count(jobs.MOST_INSTANCES + 1)
