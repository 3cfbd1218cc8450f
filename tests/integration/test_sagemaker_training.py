"""Training jobs through boto3, on a running local AWS."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from botocore.exceptions import ClientError, WaiterError

from support.deployed import LocalAws
from support.sagemaker import Workshop


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(local_aws, "200000000001", tmp_path_factory.mktemp("image"))


def artifact(workshop: Workshop, job: str) -> bytes:
    found = workshop.client("s3").get_object(Bucket=workshop.bucket, Key=f"out/{job}/output/model.tar.gz")
    return bytes(found["Body"].read())


def test_trains_on_its_channels_as_its_role_and_leaves_a_model(workshop: Workshop) -> None:
    workshop.train("plain", factor="2")

    job = workshop.trained("plain")

    assert job["TrainingJobStatus"] == "Completed"
    assert (
        job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{workshop.bucket}/out/plain/output/model.tar.gz"
    )
    with tarfile.open(fileobj=io.BytesIO(artifact(workshop, "plain"))) as archive:
        model = archive.extractfile("model.json")
        assert model is not None
        assert json.load(model) == {"factor": 2.0, "rows": ["1,2\n", "3,4\n"], "role": "ASIA"}


def test_goes_through_the_secondary_states_of_aws(workshop: Workshop) -> None:
    workshop.train("states", factor="2")

    transitions = workshop.trained("states")["SecondaryStatusTransitions"]

    assert [one["Status"] for one in transitions] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(one["StartTime"] <= one["EndTime"] for one in transitions[:-1])


def test_gives_the_same_training_the_same_bytes(workshop: Workshop) -> None:
    for name in ("first", "second"):
        workshop.train(name, factor="5")
        workshop.trained(name)

    assert artifact(workshop, "first") == artifact(workshop, "second")


def test_says_what_the_program_wrote_about_its_failure(workshop: Workshop) -> None:
    workshop.train("failing", say="the data is empty")

    with pytest.raises(WaiterError):
        workshop.trained("failing")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="failing")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: the data is empty, exit code: 1"


def test_keeps_what_the_program_printed(workshop: Workshop) -> None:
    workshop.train("printing", factor="2")
    workshop.trained("printing")

    assert [event["message"] for event in workshop.printed("printing")] == ["training with ['train']"]


def test_stops_a_job_and_keeps_the_model_it_has_left(workshop: Workshop) -> None:
    workshop.train("stopped", forever="yes")
    workshop.begun("stopped")

    workshop.sagemaker.stop_training_job(TrainingJobName="stopped")

    assert workshop.trained("stopped")["TrainingJobStatus"] == "Stopped"


def test_ends_a_job_that_takes_longer_than_it_may(workshop: Workshop) -> None:
    workshop.train("slow", seconds=1, forever="yes")

    job = workshop.trained("slow")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert artifact(workshop, "slow")


@pytest.mark.parametrize(("isolated", "status"), [(False, "Completed"), (True, "Failed")])
def test_isolates_the_network_when_asked(
    workshop: Workshop, local_aws: LocalAws, isolated: bool, status: str
) -> None:
    name = f"isolated-{isolated}"
    workshop.train(name, isolated=isolated, connect=local_aws.url, factor="1")
    while (job := workshop.sagemaker.describe_training_job(TrainingJobName=name))[
        "TrainingJobStatus"
    ] == "InProgress":
        pass

    assert job["TrainingJobStatus"] == status


def test_refuses_a_second_job_of_the_same_name(workshop: Workshop) -> None:
    workshop.train("unique", factor="2")

    with pytest.raises(ClientError, match="ResourceInUse"):
        workshop.train("unique", factor="2")


def test_fails_when_a_channel_is_empty(workshop: Workshop) -> None:
    workshop.client("s3").create_bucket(Bucket="nothing-here")
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://nothing-here/data"}
    workshop.sagemaker.create_training_job(
        TrainingJobName="empty",
        RoleArn=workshop.role,
        AlgorithmSpecification={"TrainingImage": workshop.image, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{workshop.bucket}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )

    with pytest.raises(WaiterError):
        workshop.trained("empty")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="empty")
    assert "No S3 objects found under S3 URL" in job["FailureReason"]


def test_refuses_an_image_that_nobody_pushed(workshop: Workshop) -> None:
    workshop.client("ecr").create_repository(repositoryName="bare")

    with pytest.raises(ClientError, match=r"Requested image .*/bare:none not found.*comes to the local AWS"):
        workshop.sagemaker.create_model(
            ModelName="bare",
            ExecutionRoleArn=workshop.role,
            PrimaryContainer={"Image": workshop.image.replace("tiny:one", "bare:none")},
        )
