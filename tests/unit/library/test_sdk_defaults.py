"""What the SageMaker SDK fills in: written for each team, and fetched by each space."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs import SdkDefaults, StartupScript, TeamDefaults, TeamWorkspace
from clary_constructs import _studio_startup as startup

SCRIPT = Path(startup.__file__).parent / "startup" / "sdk_defaults.sh"
FIRST_LINE = "# Written by each deployment"


def _stack(*teams: str, stage: str = "test") -> cdk.Stack:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/k")
    bucket = s3.Bucket.from_bucket_name(stack, "Data", "data")
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["eu-west-1a"],
        private_subnet_ids=["subnet-1"],
    )
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1")
    role = iam.Role.from_role_arn(stack, "Jobs", "arn:aws:iam::111122223333:role/jobs", mutable=False)
    defaults = SdkDefaults(
        stack,
        "SdkDefaults",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        bucket=bucket,
        encryption_key=key,
    )
    for team in teams:
        workspace = TeamWorkspace(
            name=team,
            data_bucket=bucket,
            models_bucket=bucket,
            encryption_key=key,
            vpc=vpc,
            subnets=ec2.SubnetSelection(subnets=vpc.private_subnets),
            security_group=group,
        )
        defaults.deliver(team.capitalize(), workspace=workspace, job_role=role, tags={"stage": stage})
    return stack


def _resources(stack: cdk.Stack) -> dict[str, Any]:
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()["Resources"]
    return found


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return _stack("research")


@pytest.fixture(scope="module")
def template(stack: cdk.Stack) -> assertions.Template:
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def written(template: assertions.Template) -> dict[str, Any]:
    (resource,) = template.find_resources(SdkDefaults.RESOURCE_TYPE).values()
    properties: dict[str, Any] = resource["Properties"]
    return properties


def _leaves(part: Any, name: str) -> list[Any]:
    if isinstance(part, list):
        return [leaf for each in part for leaf in _leaves(each, name)]
    if not isinstance(part, dict):
        return []
    return [part[name]] if name in part else [leaf for each in part.values() for leaf in _leaves(each, name)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VpcConfig", {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}),
        ("KmsKeyId", "arn:aws:kms:eu-west-1:111122223333:key/k"),
        ("VolumeKmsKeyId", "arn:aws:kms:eu-west-1:111122223333:key/k"),
        ("RoleArn", "arn:aws:iam::111122223333:role/jobs"),
        ("ExecutionRoleArn", "arn:aws:iam::111122223333:role/jobs"),
        ("EnableInterContainerTrafficEncryption", True),
        ("Tags", [{"Key": "stage", "Value": "test"}]),
    ],
)
def test_says_the_same_wherever_it_is_asked(written: dict[str, Any], name: str, value: Any) -> None:
    said = _leaves(json.loads(written["Text"].partition("\n")[2]), name)

    assert said
    assert all(each == value for each in said)


def test_lies_beside_what_the_team_may_write(written: dict[str, Any]) -> None:
    assert not written["Key"].startswith("research/")


def test_may_write_the_defaults_of_teams_and_nothing_else(template: assertions.Template) -> None:
    (policy,) = template.find_resources("AWS::IAM::ManagedPolicy").values()
    (writing,) = [
        statement
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
    ]

    assert json.dumps(writing["Resource"]).count("*--defaults/sagemaker.yaml") == 1


def test_a_change_is_written_over_the_same_object(stack: cdk.Stack) -> None:
    before, after = _resources(stack), _resources(_stack("research", stage="production"))

    changed = [name for name in before if before[name] != after[name]]
    (properties,) = [(before[name]["Properties"], after[name]["Properties"]) for name in changed]
    assert before.keys() == after.keys()
    assert [key for key in properties[0] if properties[0][key] != properties[1][key]] == ["Text"]


def test_a_team_that_goes_takes_its_own_and_changes_nothing_else(stack: cdk.Stack) -> None:
    left, both = _resources(stack), _resources(_stack("research", "risk"))

    (gone,) = both.keys() - left.keys()
    assert both[gone]["Type"] == SdkDefaults.RESOURCE_TYPE
    assert all(both[name] == resource for name, resource in left.items())


# --- what a space does with it --------------------------------------------------------------------------

_AWS = """#!/bin/bash
# `aws s3api get-object --bucket B --key K FILE`, of a folder in the place of S3
[ "$1 $2 $3 $5" = "s3api get-object --bucket --key" ] || exit 2
echo "$6" >>"$HOME/asked"
cp "$HOME/s3/$4/$6" "$7" 2>/dev/null || { echo "AccessDenied" >&2; exit 254; }
"""


class Space:
    """A home, a role, and a bucket of which the role reads what is in it."""

    def __init__(self, folder: Path, role: str, **team_files: str) -> None:
        self.home = folder
        self.everybodys = folder / "xdg" / "sagemaker" / "config.yaml"
        self.own = folder / ".config" / "sagemaker" / "config.yaml"
        for name in ("bin", ".clary"):
            (folder / name).mkdir()
        (folder / "bin" / "aws").write_text(_AWS)
        (folder / "bin" / "sleep").write_text('#!/bin/bash\necho "$1" >>"$HOME/slept"\n')
        for program in ("aws", "sleep"):
            (folder / "bin" / program).chmod(0o755)
        arn = f"arn:aws:iam::111122223333:role/clary/dev/{role}"
        (folder / "metadata.json").write_text(json.dumps({"ExecutionRoleArn": arn}))
        for team, text in team_files.items():
            place = folder / "s3" / "data" / f"{team.replace('_', '-')}--defaults"
            place.mkdir(parents=True)
            (place / "sagemaker.yaml").write_text(text)

    def start(self) -> int:
        environment = {
            "HOME": str(self.home),
            "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
            "XDG_CONFIG_DIRS": str(self.everybodys.parents[1]),
            "CLARY_SPACE_METADATA": str(self.home / "metadata.json"),
        }
        arguments = ["data", TeamWorkspace.defaults_key_of("{}"), "clary-dev-"]
        done = subprocess.run(
            ["/bin/bash", str(SCRIPT), *arguments], env=environment, check=False, capture_output=True
        )
        return done.returncode

    def said(self, name: str) -> list[str]:
        path = self.home / name
        return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.parametrize(
    ("role", "team"),
    [
        ("clary-dev-research-data-scientist", "research"),
        ("clary-dev-risk-models-data-scientist", "risk_models"),
        ("clary-dev-risk-ada", "risk"),
    ],
)
def test_a_space_fetches_the_file_of_its_team(tmp_path: Path, role: str, team: str) -> None:
    space = Space(tmp_path, role, **{team: f"{FIRST_LINE}\n{team}"})

    assert space.start() == 0

    assert space.everybodys.read_text() == f"{FIRST_LINE}\n{team}"
    assert not space.own.exists()


def test_asks_for_no_more_than_it_has_to(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-data-scientist", research=FIRST_LINE)

    space.start()

    assert space.said("asked") == ["research--defaults/sagemaker.yaml"]
    assert space.said("slept") == ["0"]


def test_tries_again_and_then_gives_up(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-data-scientist")

    assert space.start() == 1

    assert len(space.said("slept")) == 4
    assert not space.everybodys.exists()


def test_the_next_start_brings_what_has_changed(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-ada", research=f"{FIRST_LINE}\nold")
    space.start()
    (tmp_path / "s3" / "data" / "research--defaults" / "sagemaker.yaml").write_text(f"{FIRST_LINE}\nnew")

    space.start()

    assert space.everybodys.read_text() == f"{FIRST_LINE}\nnew"


def test_an_image_without_the_folder_has_it_as_the_persons_own(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-ada", research=f"{FIRST_LINE}\nnew")
    space.everybodys.parents[1].write_text("a file where no folder can be made")
    space.own.parent.mkdir(parents=True)
    space.own.write_text(f"{FIRST_LINE}\nold")

    space.start()

    assert space.own.read_text() == f"{FIRST_LINE}\nnew"


def test_what_somebody_has_written_themselves_stays(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-ada", research=f"{FIRST_LINE}\nnew")
    space.own.parent.mkdir(parents=True)
    space.own.write_text("SchemaVersion: '1.0'\n")

    space.start()
    space.everybodys.unlink()
    space.everybodys.parent.rmdir()
    space.everybodys.parent.write_text("a file where no folder can be made")
    space.start()

    assert space.own.read_text() == "SchemaVersion: '1.0'\n"


def test_what_another_image_has_left_behind_does_not_count(tmp_path: Path) -> None:
    space = Space(tmp_path, "clary-dev-research-ada", research=f"{FIRST_LINE}\nnew")
    space.own.parent.mkdir(parents=True)
    space.own.write_text(f"{FIRST_LINE}\nold")

    space.start()

    assert not space.own.exists()
    assert space.everybodys.exists()


def test_the_script_of_a_space_names_the_bucket(stack: cdk.Stack) -> None:
    bucket = s3.Bucket(stack, "Made")

    text = StartupScript(sdk_defaults=TeamDefaults(bucket, "clary-dev-")).text("CodeEditor")

    assert f"'{bucket.bucket_name}' '{{}}--defaults/sagemaker.yaml' clary-dev-" in text
