"""Defaults delivered, not typed: the SageMaker SDK reads them in a space, and jobs are as they have to be.

With IAM enforced, as people of a team: what their roles may do only in the team's network, with its key and
under its role, they do without naming one of these.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws import process
from support import client_programs
from support.identity import ACCOUNT, REGION, EnforcingAws, Somebody
from support.outside import ROOT, Command
from support.processes import left_of, processes_of
from support.waiting import eventually

_PROGRAMS = {
    client_programs.SDK_2: Path(client_programs.__file__).with_name("sdk_defaults_program.py"),
    client_programs.CLIENTS: Path(client_programs.__file__).with_name("sdk3_defaults_program.py"),
}
_DATA = ROOT / "workloads" / "housing" / "data"


@dataclass(frozen=True)
class Space:
    """Somebody's space: a home, what SageMaker says of it, and the credentials of their role."""

    aws: EnforcingAws
    who: Somebody
    role_arn: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        running = process.running(self.aws.state)
        assert running is not None
        return {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            **running.environment,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": self.who.access_key,
            "AWS_SECRET_ACCESS_KEY": self.who.secret,
            "AWS_SESSION_TOKEN": str(self.who.token),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "XDG_CONFIG_DIRS": str(self.home / "xdg"),
            "CLARY_SPACE_METADATA": str(self.home / "resource-metadata.json"),
        }

    def start(self, script: str) -> None:
        """Runs a startup script as Studio does, until it has brought the defaults."""
        (self.home / "resource-metadata.json").write_text(json.dumps({"ExecutionRoleArn": self.role_arn}))
        path = f"{client_programs.folder()}{os.pathsep}{self.environment['PATH']}"
        started = subprocess.Popen(
            ["/bin/bash", "-c", script],
            env={**self.environment, "PATH": path},
            cwd=self.home,
            start_new_session=True,
        )
        try:
            assert started.wait(timeout=60) == 0
            eventually((self.home / "xdg" / "sagemaker" / "config.yaml").exists)
        finally:
            # what reaps idle kernels runs as long as its space
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)

    def run(
        self, *arguments: str | Path, sdk: str = client_programs.SDK_2, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return client_programs.run(
            "python",
            "-P",
            _PROGRAMS[sdk],
            *arguments,
            environment={**self.environment, **environment},
            at=self.home,
            which=sdk,
        )

    def make(self, *arguments: str | Path, sdk: str = client_programs.SDK_2) -> dict[str, dict[str, str]]:
        """What the SDK has made, thing by thing, by the names of SageMaker's members."""
        done = self.run(*arguments, sdk=sdk)
        assert done.returncode == 0, done.stdout + done.stderr
        made: dict[str, dict[str, str]] = json.loads((self.home / "seen.json").read_text())
        return made


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    clary = Command(tmp_path_factory.mktemp("sdk-defaults"), 0)
    started = clary("local", "start", "--port", "0", "--enforce-iam")
    assert started.returncode == 0, started.stderr
    yield clary
    clary("local", "stop")
    assert left_of(processes_of(clary.state)) == []


@pytest.fixture(scope="module")
def aws(command: Command) -> EnforcingAws:
    done = command("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    running = process.running(command.state)
    assert running is not None
    assert running.ca is not None
    return EnforcingAws(running.url, running.ca, command.state)


@pytest.fixture(scope="module")
def script(aws: EnforcingAws) -> str:
    """What JupyterLab spaces of the deployed domain start with."""
    sagemaker = aws.client("sagemaker")
    (domain,) = sagemaker.list_domains()["Domains"]
    settings = sagemaker.describe_domain(DomainId=domain["DomainId"])["DefaultUserSettings"]
    arn = settings["JupyterLabAppSettings"]["BuiltInLifecycleConfigArn"]
    found = sagemaker.describe_studio_lifecycle_config(StudioLifecycleConfigName=arn.rpartition("/")[2])
    return base64.b64decode(found["StudioLifecycleConfigContent"]).decode()


def _space(aws: EnforcingAws, script: str, home: Path, member: str, persona: str) -> Space:
    name = f"clary-local-research-{persona}"
    who = aws.in_studio(name, f"research-{member}")
    role = f"arn:aws:iam::{ACCOUNT}:role/clary/local/{name}"
    space = Space(aws, who, role, home)
    space.start(script)
    return space


@pytest.fixture(scope="module")
def ada(aws: EnforcingAws, script: str, tmp_path_factory: pytest.TempPathFactory) -> Space:
    return _space(aws, script, tmp_path_factory.mktemp("ada"), "ada", "data-scientist")


@pytest.fixture(scope="module")
def grace(aws: EnforcingAws, script: str, tmp_path_factory: pytest.TempPathFactory) -> Space:
    return _space(aws, script, tmp_path_factory.mktemp("grace"), "grace", "mlops-engineer")


@dataclass(frozen=True)
class Place:
    """What the environment's stacks have made, and so what nobody types."""

    role: str
    pipeline_role: str
    key: str
    bucket: str
    vpc: Mapping[str, Any]
    image: str
    tags: Mapping[str, str]


@pytest.fixture(scope="module")
def place(aws: EnforcingAws) -> Place:
    cloudformation = aws.client("cloudformation")

    def of(unit: str, kind: str, logical: str = "") -> list[str]:
        found = cloudformation.list_stack_resources(StackName=f"clary-local-{unit}")
        return [
            each["PhysicalResourceId"]
            for each in found["StackResourceSummaries"]
            if each["ResourceType"] == kind and logical in each["LogicalResourceId"]
        ]

    (key,) = of("data", "AWS::KMS::Key", "Encryption")
    (bucket,) = of("data", "AWS::S3::Bucket", "DataBucket")
    (role,) = of("access", "AWS::IAM::Role", "ResearchJobs")
    (pipeline_role,) = of("access", "AWS::IAM::Role", "ResearchPipelines")
    (group,) = of("network", "AWS::EC2::SecurityGroup", "Workload")
    (name,) = of("data", "AWS::ECR::Repository")
    (repository,) = aws.client("ecr").describe_repositories(repositoryNames=[name])["repositories"]
    (image,) = aws.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    return Place(
        role=f"arn:aws:iam::{ACCOUNT}:role/clary/local/{role}",
        pipeline_role=f"arn:aws:iam::{ACCOUNT}:role/clary/local/{pipeline_role}",
        key=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}",
        bucket=bucket,
        vpc={"Subnets": sorted(of("network", "AWS::EC2::Subnet")), "SecurityGroupIds": [group]},
        image=f"{repository['repositoryUri']}:{image['imageTags'][0]}",
        tags={"clary:environment": "local", "clary:team": "research"},
    )


def _vpc(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"Subnets": sorted(found["Subnets"]), "SecurityGroupIds": found["SecurityGroupIds"]}


def _tags(aws: EnforcingAws, arn: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]}


@pytest.fixture(scope="module")
def made(ada: Space, place: Place) -> dict[str, dict[str, str]]:
    """By one program, because the SDK takes seconds to be imported."""
    return ada.make(place.image, _DATA, "train", "process", "tune", "pipeline")


def test_a_training_job_has_all_that_nobody_typed(
    aws: EnforcingAws, made: dict[str, dict[str, str]], place: Place
) -> None:
    job = aws.client("sagemaker").describe_training_job(**made["train"])

    assert job["RoleArn"] == place.role
    assert _vpc(job["VpcConfig"]) == place.vpc
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == place.key
    assert job["OutputDataConfig"]["KmsKeyId"] == place.key
    assert job["OutputDataConfig"]["S3OutputPath"].startswith(f"s3://{place.bucket}/research/sagemaker")
    assert job["EnableInterContainerTrafficEncryption"] is True
    assert _tags(aws, job["TrainingJobArn"]).items() >= place.tags.items()
    eventually(lambda: _status(aws, made["train"]) == "Completed")


def _status(aws: EnforcingAws, job: Mapping[str, str]) -> str:
    found = aws.client("sagemaker").describe_training_job(**job)
    assert found["TrainingJobStatus"] in ("InProgress", "Completed"), found.get("FailureReason")
    return str(found["TrainingJobStatus"])


@pytest.mark.parametrize("version", [2, 3])
def test_a_processing_job_has_it(
    aws: EnforcingAws, ada: Space, made: dict[str, dict[str, str]], place: Place, version: int
) -> None:
    names = made if version == 2 else ada.make(place.image, sdk=client_programs.CLIENTS)

    job = aws.client("sagemaker").describe_processing_job(**names["process"])

    assert job["RoleArn"] == place.role
    assert _vpc(job["NetworkConfig"]["VpcConfig"]) == place.vpc
    assert job["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is True
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == place.key
    assert job["ProcessingOutputConfig"]["KmsKeyId"] == place.key
    assert _tags(aws, job["ProcessingJobArn"]).items() >= place.tags.items()


def test_a_pipeline_has_it_for_itself_and_for_its_steps(
    aws: EnforcingAws, made: dict[str, dict[str, str]], place: Place
) -> None:
    pipeline = aws.client("sagemaker").describe_pipeline(**made["pipeline"])
    (step,) = json.loads(pipeline["PipelineDefinition"])["Steps"]

    assert pipeline["RoleArn"] == place.pipeline_role
    assert step["Arguments"]["RoleArn"] == place.role
    assert _vpc(step["Arguments"]["VpcConfig"]) == place.vpc


def test_a_tuning_job_has_it(aws: EnforcingAws, made: dict[str, dict[str, str]], place: Place) -> None:
    job = aws.client("sagemaker").describe_hyper_parameter_tuning_job(**made["tune"])
    definition = job["TrainingJobDefinition"]

    assert definition["RoleArn"] == place.role
    assert _vpc(definition["VpcConfig"]) == place.vpc
    assert definition["HyperParameterTuningResourceConfig"]["VolumeKmsKeyId"] == place.key
    assert definition["OutputDataConfig"]["KmsKeyId"] == place.key
    assert definition["EnableInterContainerTrafficEncryption"] is True


def test_the_guardrails_refuse_the_same_job_without_the_defaults(ada: Space, place: Place) -> None:
    without = ada.run(
        place.image, _DATA, f"train={place.role},{place.bucket}", XDG_CONFIG_DIRS=str(ada.home / "nowhere")
    )

    assert without.returncode != 0
    assert "AccessDenied" in without.stderr
    assert "CreateTrainingJob" in without.stderr


def test_a_model_and_its_endpoint_have_it(
    aws: EnforcingAws, made: dict[str, dict[str, str]], grace: Space, place: Place
) -> None:
    sagemaker = aws.client("sagemaker")
    eventually(lambda: _status(aws, made["train"]) == "Completed")
    trained = sagemaker.describe_training_job(**made["train"])["ModelArtifacts"]["S3ModelArtifacts"]

    names = grace.make(place.image, _DATA, f"deploy={trained}")["deploy"]

    model = sagemaker.describe_model(ModelName=names["ModelName"])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=names["EndpointConfigName"])
    assert model["ExecutionRoleArn"] == place.role
    assert _vpc(model["VpcConfig"]) == place.vpc
    assert config["KmsKeyId"] == place.key
    assert "DataCaptureConfig" not in config
    assert "AsyncInferenceConfig" not in config
    assert _tags(aws, config["EndpointConfigArn"]).items() >= place.tags.items()
    endpoint = {"EndpointName": names["EndpointName"]}
    eventually(lambda: sagemaker.describe_endpoint(**endpoint)["EndpointStatus"] == "InService")
