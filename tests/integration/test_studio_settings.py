"""The Studio of examples/studio, deployed: settings arrive, and nothing is replaced."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.cdk_command import Cdk
from support.deployed import LocalAws

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "studio" / "app.py"
ACCOUNT = "220000000021"
REGION = "us-east-1"
BROKEN = f"""
import sys

import aws_cdk as cdk
from aws_cdk import aws_sagemaker

sys.path.insert(0, {str(EXAMPLE.parent)!r})
import app as example

app = cdk.App()
stack = cdk.Stack(app, "Workshop", env=cdk.Environment(account={ACCOUNT!r}, region={REGION!r}))
people = example.studio(stack, idle_minutes=300)
stranger = aws_sagemaker.CfnUserProfile(stack, "Stranger", domain_id="d-unknown", user_profile_name="eve")
stranger.node.add_dependency(people)
app.synth()
"""


class Workshop:
    def __init__(self, folder: Path, local_aws: LocalAws) -> None:
        self._aws = replace(local_aws, account=ACCOUNT)
        self._folder = folder
        self.sagemaker = self._aws.client("sagemaker")
        self._cloudformation = self._aws.client("cloudformation")
        self._cdk(f"{sys.executable} {EXAMPLE}", "bootstrap", f"aws://{ACCOUNT}/{REGION}")

    def deploy(self, idle_minutes: int) -> str:
        return self._cdk(f"{sys.executable} {EXAMPLE}", "deploy", f"idle-minutes={idle_minutes}")

    def deploy_broken(self) -> str:
        broken = self._folder / "broken.py"
        broken.write_text(BROKEN)
        return self._cdk(f"{sys.executable} {broken}", "deploy", "idle-minutes=300", code=1)

    def destroy(self) -> None:
        self._cdk(f"{sys.executable} {EXAMPLE}", "destroy", "--force")

    @property
    def domain(self) -> dict[str, Any]:
        (found,) = self.sagemaker.list_domains()["Domains"]
        return dict(self.sagemaker.describe_domain(DomainId=found["DomainId"]))

    def profile(self, name: str) -> dict[str, Any]:
        return dict(
            self.sagemaker.describe_user_profile(DomainId=self.domain["DomainId"], UserProfileName=name)
        )

    def idle_minutes(self, name: str) -> int:
        lab = self.profile(name)["UserSettings"]["JupyterLabAppSettings"]
        return int(lab["AppLifecycleManagement"]["IdleSettings"]["IdleTimeoutInMinutes"])

    @property
    def stack_status(self) -> str:
        (stack,) = self._cloudformation.describe_stacks(StackName="Workshop")["Stacks"]
        return str(stack["StackStatus"])

    def updates_of(self, resource_type: str) -> int:
        """How often resources of a type were updated in nested stacks since the last deployment began."""
        listed = self._cloudformation.list_stack_resources(StackName="Workshop")["StackResourceSummaries"]
        nested = [
            each["PhysicalResourceId"]
            for each in listed
            if each["ResourceType"] == "AWS::CloudFormation::Stack"
        ]
        return sum(self._updates(stack, resource_type) for stack in nested)

    def _updates(self, stack: str, resource_type: str) -> int:
        count = 0
        for event in self._cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
            status = event["ResourceStatus"]
            if event["PhysicalResourceId"] == event["StackId"] and status == "UPDATE_IN_PROGRESS":
                break
            count += (event["ResourceType"], status) == (resource_type, "UPDATE_COMPLETE")
        return count

    @property
    def startup_scripts(self) -> set[str]:
        listed = self.sagemaker.list_studio_lifecycle_configs()["StudioLifecycleConfigs"]
        return {config["StudioLifecycleConfigArn"] for config in listed}

    def _cdk(self, app: str, *words: str, code: int = 0) -> str:
        cdk = Cdk(self._folder, self._aws, app)
        verb, *others = words
        context = ["-c", f"account={ACCOUNT}", "-c", f"region={REGION}"]
        named = [part for word in others for part in (("-c", word) if "=" in word else (word,))]
        if not any(word.startswith("idle-minutes") for word in others):
            named += ["-c", "idle-minutes=60"]
        done = cdk.deploy(*named, *context) if verb == "deploy" else cdk.run(verb, *named, *context)
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    made = Workshop(tmp_path_factory.mktemp("workshop"), local_aws)
    made.deploy(idle_minutes=60)
    yield made
    made.destroy()
    assert made.sagemaker.list_domains()["Domains"] == []
    assert made.startup_scripts == set()


def test_settings_arrive_twice_and_nothing_is_replaced(workshop: Workshop) -> None:
    workshop.deploy(idle_minutes=60)
    domain, ada = workshop.domain, workshop.profile("ada")
    kept = ("DomainId", "HomeEfsFileSystemId", "CreationTime")
    (first_script,) = workshop.startup_scripts & {
        domain["DefaultUserSettings"]["JupyterLabAppSettings"]["BuiltInLifecycleConfigArn"]
    }
    assert workshop.idle_minutes("ada") == 60
    assert "ml.m5.xlarge" in ada["UserSettings"]["StudioWebPortalSettings"]["HiddenInstanceTypes"]

    for minutes in (120, 180):
        workshop.deploy(idle_minutes=minutes)

        assert [workshop.idle_minutes(name) for name in ("ada", "emmy")] == [minutes, minutes]
        assert [workshop.domain[key] for key in kept] == [domain[key] for key in kept]
        assert workshop.profile("ada")["HomeEfsFileSystemUid"] == ada["HomeEfsFileSystemUid"]
        assert workshop.profile("ada")["CreationTime"] == ada["CreationTime"]

    script = workshop.domain["DefaultUserSettings"]["JupyterLabAppSettings"]["BuiltInLifecycleConfigArn"]
    assert script in workshop.startup_scripts
    assert first_script not in workshop.startup_scripts


def test_what_has_not_changed_is_not_sent(workshop: Workshop) -> None:
    workshop.deploy(idle_minutes=60)
    before = workshop.profile("ada")["LastModifiedTime"], workshop.domain["LastModifiedTime"]

    said = workshop.deploy(idle_minutes=60)

    assert "no changes" in said
    assert (workshop.profile("ada")["LastModifiedTime"], workshop.domain["LastModifiedTime"]) == before


def test_a_failed_deployment_sends_the_old_settings_back(workshop: Workshop) -> None:
    workshop.deploy(idle_minutes=60)

    said = workshop.deploy_broken()

    assert "domain/d-unknown] does not exist" in said
    assert workshop.stack_status == "UPDATE_ROLLBACK_COMPLETE"
    assert workshop.updates_of("Custom::StudioSettings") == 2
    assert workshop.idle_minutes("ada") == 60


def test_somebody_who_was_deleted_by_hand_keeps_nobody_from_settings(workshop: Workshop) -> None:
    workshop.deploy(idle_minutes=60)
    workshop.sagemaker.delete_user_profile(DomainId=workshop.domain["DomainId"], UserProfileName="emmy")

    workshop.deploy(idle_minutes=240)

    assert workshop.idle_minutes("ada") == 240
