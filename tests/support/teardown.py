"""People at work in an environment that is about to go, what interrupts its going, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from support.checkout import ACCOUNT, Checkout

_PATIENCE_SECONDS = 240
_GONE = "DELETE_COMPLETE"
_NOT_OURS = ("CDKToolkit", "cdk-")


def file_of(people: Sequence[str], *, on_destroy: str = "delete") -> str:
    """An environment file with everything that can be in the way, but for models."""
    confirmed = ", delete_confirmed_for: local" if on_destroy == "delete" else ""
    members = "".join(
        f"      {name}: {persona}\n"
        for name, persona in zip(people, ["data-scientist", "mlops-engineer"] * len(people), strict=False)
    )
    return (
        f'name: local\naccount: "{ACCOUNT}"\nregion: us-east-1\n'
        f"data: {{on_destroy: {on_destroy}{confirmed}}}\n"
        "studio: {startup: {code_sample: true}}\n"
        f"teams:\n  research:\n    members:\n{members}"
    )


def settle(checkout: Checkout, **settings: Any) -> None:
    """Sets how long states take on the local AWS, and what fails there."""
    request = urllib.request.Request(
        f"{checkout.url}/_local_aws/settings", data=json.dumps(settings).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


class Crowd:
    """What people do in a domain that no template knows of."""

    def __init__(self, checkout: Checkout, random: Random) -> None:
        self._sagemaker = checkout.client("sagemaker")
        self._domain = {"DomainId": checkout.domain_id}
        self._random = random
        listed = self._sagemaker.list_user_profiles(DomainIdEquals=checkout.domain_id)
        self._profiles = [each["UserProfileName"] for each in listed["UserProfiles"]]

    def at_work(self, spaces: int) -> int:
        """Spaces of every kind, apps in them and beside them, a profile made by hand: how many apps run."""
        self._sagemaker.create_user_profile(**self._domain, UserProfileName="by-hand")
        self._profiles.append("by-hand")
        for number in range(spaces):
            self._open_space(f"own-{number}")
        for space in self._sagemaker.list_spaces(DomainIdEquals=self._domain["DomainId"])["Spaces"]:
            if self._random.random() < 0.7:
                self.open_app(space["SpaceName"])
        self.open_app(None, profile=self._random.choice(self._profiles))
        with suppress(ClientError):
            self._sagemaker.create_app(
                **self._domain, UserProfileName="by-hand", AppType="KernelGateway", AppName="broken"
            )
        apps = self._sagemaker.list_apps(DomainIdEquals=self._domain["DomainId"])["Apps"]
        return sum(app["Status"] != "Failed" for app in apps)

    def open_app(self, space: str | None, *, profile: str = "") -> None:
        if space is None:
            kind, owner = "KernelGateway", {"UserProfileName": profile}
        else:
            kind, owner = self._random.choice(["JupyterLab", "CodeEditor"]), {"SpaceName": space}
        self._sagemaker.create_app(**self._domain, **owner, AppType=kind, AppName="default")

    def open_app_somewhere(self) -> None:
        """As somebody who does not know that all goes: where it is too late, it is refused."""
        with suppress(ClientError):
            for space in self._sagemaker.list_spaces(DomainIdEquals=self._domain["DomainId"])["Spaces"]:
                with suppress(ClientError):
                    self.open_app(space["SpaceName"])

    def _open_space(self, name: str) -> None:
        """Private, shared, or (as through a presigned address) nobody's."""
        kind = self._random.choice(["Private", "Shared", None])
        owned: Mapping[str, Any] = {}
        if kind is not None:
            owned = {
                "OwnershipSettings": {"OwnerUserProfileName": self._random.choice(self._profiles)},
                "SpaceSharingSettings": {"SharingType": kind},
            }
        self._sagemaker.create_space(**self._domain, SpaceName=name, **owned)


def call_briefly(checkout: Checkout, seconds: int) -> None:
    """Lets the function that removes the domain work for so many seconds a call; it keeps 30 to answer."""
    lambda_ = checkout.client("lambda")
    (name,) = (
        each["FunctionName"]
        for each in lambda_.list_functions()["Functions"]
        if each["Handler"] == "studio_remover.handler.handler"
    )
    lambda_.update_function_configuration(FunctionName=name, Timeout=30 + seconds)


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Waits for a moment while a process runs; False when it has ended before."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.01)
    return True


def interrupt(process: subprocess.Popen[str], how: signal.Signals, *, group: bool) -> None:
    """Ends a command, with its children or without: what it started may go on."""
    with suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
    said, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode != 0, said


def apps_are(checkout: Checkout, status: str) -> bool:
    return any(app["Status"] == status for app in checkout.client("sagemaker").list_apps()["Apps"])


def stack_is(checkout: Checkout, name: str, status: str) -> bool:
    try:
        (stack,) = checkout.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return status == _GONE
    return str(stack["StackStatus"]) == status


def stack_failures(checkout: Checkout) -> list[str]:
    """Resources that could not be deleted, in whichever stack."""
    cloudformation = checkout.client("cloudformation")
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for stack in cloudformation.list_stacks()["StackSummaries"]
        for event in cloudformation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
        if event["ResourceStatus"] == "DELETE_FAILED"
    ]


def left_behind(checkout: Checkout) -> list[str]:
    """Everything that an environment is made of, and is still there."""
    sagemaker, ec2 = checkout.client("sagemaker"), checkout.client("ec2")
    running = [app for app in sagemaker.list_apps()["Apps"] if app["Status"] not in ("Deleted", "Failed")]
    stacks = [
        stack["StackName"]
        for stack in checkout.client("cloudformation").list_stacks()["StackSummaries"]
        if stack["StackStatus"] != _GONE
    ]
    roles = [role["RoleName"] for role in checkout.client("iam").list_roles()["Roles"]]
    found = {
        "app": [str(app["AppName"]) for app in running],
        "space": [each["SpaceName"] for each in sagemaker.list_spaces()["Spaces"]],
        "profile": [each["UserProfileName"] for each in sagemaker.list_user_profiles()["UserProfiles"]],
        "domain": [each["DomainId"] for each in sagemaker.list_domains()["Domains"]],
        "lifecycle configuration": [
            each["StudioLifecycleConfigName"]
            for each in sagemaker.list_studio_lifecycle_configs()["StudioLifecycleConfigs"]
        ],
        "file system": [
            each["FileSystemId"] for each in checkout.client("efs").describe_file_systems()["FileSystems"]
        ],
        "VPC": [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]],
        "security group": [
            each["GroupName"]
            for each in ec2.describe_security_groups()["SecurityGroups"]
            if each["GroupName"] != "default"
        ],
        "bucket": [each["Name"] for each in checkout.client("s3").list_buckets()["Buckets"]],
        "repository": [
            each["repositoryName"] for each in checkout.client("ecr").describe_repositories()["repositories"]
        ],
        "role": [name for name in roles if not name.startswith("AWSServiceRole")],
        "function": [
            each["FunctionName"] for each in checkout.client("lambda").list_functions()["Functions"]
        ],
        "stack": stacks,
    }
    return [
        f"{kind} {name}" for kind, names in found.items() for name in names if not name.startswith(_NOT_OURS)
    ]
