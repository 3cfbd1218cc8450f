"""The program that brings files into feature groups, as a processing job runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local_aws.sagemaker import images
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import AT_ONCE, eventually

CONTAINER = Path(__file__).parents[2] / "workloads" / "features" / "container"
GROUP = "research--local-patients"


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """With a feature group, and the program's image."""
    made = Workshop(local_aws, "200000000077", tmp_path_factory.mktemp("image"))
    made.client("ecr").create_repository(repositoryName="features")
    # what its Dockerfile says it runs
    config = {"Entrypoint": ["python3", "ingest"]}
    images.push(made.client("ecr"), "features", "one", CONTAINER, local_aws.state / "images", config)
    types = {"patient": "String", "measured_at": "String", "bmi": "Fractional"}
    made.sagemaker.create_feature_group(
        FeatureGroupName=GROUP,
        RecordIdentifierFeatureName="patient",
        EventTimeFeatureName="measured_at",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": type_} for name, type_ in types.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{made.bucket}/features"}},
        RoleArn=made.role,
    )
    eventually(lambda: _group(made)["FeatureGroupStatus"] == "Created")
    return made


def _group(workshop: Workshop) -> dict[str, Any]:
    return dict(workshop.sagemaker.describe_feature_group(FeatureGroupName=GROUP))


def start(workshop: Workshop, name: str, records: bytes) -> None:
    workshop.client("s3").put_object(Bucket=workshop.bucket, Key=f"{name}/records.csv", Body=records)
    workshop.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=workshop.role,
        AppSpecification={
            "ImageUri": workshop.image.replace("tiny:one", "features:one"),
            "ContainerArguments": [GROUP, "/opt/ml/processing/records"],
        },
        ProcessingInputs=[
            {
                "InputName": "records",
                "S3Input": {
                    "S3Uri": f"s3://{workshop.bucket}/{name}/",
                    "LocalPath": "/opt/ml/processing/records",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    )


def end(workshop: Workshop, name: str) -> None:
    waiter = workshop.sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName=name, WaiterConfig=AT_ONCE)


def test_brings_a_folder_of_files_in(workshop: Workshop) -> None:
    records = b"patient,measured_at,bmi\np1,2026-01-01T00:00:00Z,20.5\np1,2026-01-01T01:00:00Z,21.5\n"

    start(workshop, "brings-in", records)
    end(workshop, "brings-in")

    runtime = workshop.client("sagemaker-featurestore-runtime")
    one = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": "p1"}
    found = runtime.get_record(**one, FeatureNames=["bmi"])["Record"]
    assert found == [{"FeatureName": "bmi", "ValueAsString": "21.5"}]
    place = _group(workshop)["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    files = workshop.keys(place.removeprefix(f"s3://{workshop.bucket}/"))
    assert [file.rpartition("/data/")[2].rpartition("/")[0] for file in files] == [
        "year=2026/month=01/day=01/hour=00",
        "year=2026/month=01/day=01/hour=01",
    ]


def test_a_job_fails_whose_records_are_not_as_the_group_has_them(workshop: Workshop) -> None:
    start(workshop, "refused", b"patient,measured_at,bmi\np2,2026-01-01T00:00:00Z,much\n")

    with pytest.raises(WaiterError):
        end(workshop, "refused")

    runtime = workshop.client("sagemaker-featurestore-runtime")
    answer = runtime.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString="p2")
    assert "Record" not in answer
