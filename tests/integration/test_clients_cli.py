"""The AWS command line, unmodified, with AWS_ENDPOINT_URL alone: what people do with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import client_programs
from support.deployed import LocalAws
from support.sagemaker import Workshop

_ACCOUNT = "220000000001"

Aws = Callable[..., str]


@pytest.fixture
def aws(local_aws: LocalAws, tmp_path: Path) -> Aws:
    """Runs `aws ...` and returns what it printed; `failing=True` returns what it complained of."""
    environment = local_aws.environment | {"AWS_ACCESS_KEY_ID": _ACCOUNT, "AWS_PAGER": ""}

    def run(*words: str | Path, failing: bool = False) -> str:
        for _ in range(20):
            done = client_programs.run("aws", *words, environment=environment, at=tmp_path)
            # `deploy` names its change sets by the second, and two of them take less than one here.
            if "ChangeSet [awscli-" not in done.stderr or "already exists" not in done.stderr:
                break
        assert (done.returncode != 0) is failing, done.stdout + done.stderr
        return done.stderr if failing else done.stdout

    return run


def test_copies_files_to_a_bucket_and_back(aws: Aws, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.csv").write_text("1,2\n")
    (folder / "deeper" / "größe 1.csv").write_text("3,4\n")
    large = (tmp_path / "large.bin").resolve()
    large.write_bytes(bytes(range(256)) * 80_000)  # 20 MB: in parts

    aws("s3", "mb", "s3://cli-copies")
    aws("s3", "sync", folder, "s3://cli-copies/data")
    aws("s3", "cp", large, "s3://cli-copies/large.bin")
    aws("s3", "cp", "s3://cli-copies/large.bin", "back.bin")

    assert (tmp_path / "back.bin").read_bytes() == large.read_bytes()
    assert aws("s3", "cp", "s3://cli-copies/data/deeper/größe 1.csv", "-") == "3,4\n"
    listed = [
        line.split(maxsplit=3)[2:] for line in aws("s3", "ls", "--recursive", "s3://cli-copies").splitlines()
    ]
    assert listed == [["4", "data/a.csv"], ["4", "data/deeper/größe 1.csv"], ["20480000", "large.bin"]]
    aws("s3", "rb", "--force", "s3://cli-copies")
    assert "cli-copies" not in aws("s3", "ls")


def test_deploys_a_template_changes_it_and_deletes_the_stack(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        """
Parameters:
  Purpose: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "for ${Purpose}"}
  Group:
    Type: AWS::SageMaker::ModelPackageGroup
    Properties: {ModelPackageGroupName: !Sub "cli-${Purpose}"}
Outputs:
  Topic: {Value: !Ref Topic}
"""
    )
    deploy = ["cloudformation", "deploy", "--template-file", "template.yaml", "--stack-name", "cli-deploys"]

    aws(*deploy, "--parameter-overrides", "Purpose=trying")
    query = "Stacks[0].[StackStatus, Outputs[0].OutputValue]"
    status, topic = json.loads(
        aws("cloudformation", "describe-stacks", "--stack-name", "cli-deploys", "--query", query)
    )
    again = aws(*deploy, "--parameter-overrides", "Purpose=trying", "--no-fail-on-empty-changeset")
    refused = aws(*deploy, "--parameter-overrides", "Purpose=not allowed", failing=True)
    events = aws(
        "cloudformation", "describe-stack-events", "--stack-name", "cli-deploys",
        "--query", "StackEvents[?ResourceStatus=='UPDATE_FAILED'].ResourceStatusReason", "--output", "text",
    )  # fmt: skip
    aws("cloudformation", "delete-stack", "--stack-name", "cli-deploys")
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli-deploys")

    assert status == "CREATE_COMPLETE"
    assert topic.startswith(f"arn:aws:sns:us-east-1:{_ACCOUNT}:")
    assert "No changes to deploy" in again
    assert "Failed to create/update the stack" in refused
    assert "Properties validation failed for resource Group" in events
    assert "#/ModelPackageGroupName" in events
    gone = aws("cloudformation", "describe-stacks", "--stack-name", "cli-deploys", failing=True)
    assert "Stack with id cli-deploys does not exist" in gone


def test_trains_serves_and_invokes_a_model(aws: Aws, local_aws: LocalAws, tmp_path: Path) -> None:
    workshop = Workshop(local_aws, _ACCOUNT, tmp_path / "image")
    output = f"s3://{workshop.bucket}/out"
    job: dict[str, Any] = {
        "TrainingJobName": "cli-trains",
        "RoleArn": workshop.role,
        "AlgorithmSpecification": {"TrainingImage": workshop.image, "TrainingInputMode": "File"},
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{workshop.bucket}/data"}
                },
            }
        ],
        "HyperParameters": {"factor": "3"},
        "OutputDataConfig": {"S3OutputPath": output},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    (tmp_path / "job.json").write_text(json.dumps(job))

    aws("sagemaker", "create-training-job", "--cli-input-json", "file://job.json")
    workshop.trained("cli-trains")  # the waiter asks every two minutes
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", "cli-trains")
    jobs = aws(
        "sagemaker", "list-training-jobs", "--name-contains", "cli-",
        "--query", "TrainingJobSummaries[].[TrainingJobName, TrainingJobStatus]", "--output", "text",
    )  # fmt: skip
    artifact = aws(
        "sagemaker", "describe-training-job", "--training-job-name", "cli-trains",
        "--query", "ModelArtifacts.S3ModelArtifacts", "--output", "text",
    ).strip()  # fmt: skip
    aws(
        "sagemaker", "create-model", "--model-name", "cli", "--execution-role-arn", workshop.role,
        "--primary-container", f"Image={workshop.image},ModelDataUrl={artifact}",
    )  # fmt: skip
    variant = "VariantName=All,ModelName=cli,InitialInstanceCount=1,InstanceType=ml.m5.large"
    aws(
        "sagemaker",
        "create-endpoint-config",
        "--endpoint-config-name",
        "cli",
        "--production-variants",
        variant,
    )
    aws("sagemaker", "create-endpoint", "--endpoint-name", "cli", "--endpoint-config-name", "cli")
    workshop.settled("cli")
    (tmp_path / "rows.csv").write_text("14")
    aws(
        "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "cli", "--content-type", "text/csv",
        "--body", "fileb://rows.csv", "answer.txt",
    )  # fmt: skip

    assert jobs.split() == ["cli-trains", "Completed"]
    assert artifact == f"{output}/cli-trains/output/model.tar.gz"
    assert (tmp_path / "answer.txt").read_text() == "42.0"


def test_says_what_aws_says_of_what_is_not_there(aws: Aws) -> None:
    described = aws("sagemaker", "describe-endpoint", "--endpoint-name", "nothing", failing=True)
    head = aws("s3", "cp", "s3://cli-nothing/key", "-", failing=True)

    assert "An error occurred (ValidationException) when calling the DescribeEndpoint operation" in described
    assert f'Could not find endpoint "arn:aws:sagemaker:us-east-1:{_ACCOUNT}:endpoint/nothing"' in described
    assert "(404)" in head or "NoSuchBucket" in head
