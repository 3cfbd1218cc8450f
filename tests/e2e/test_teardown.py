"""An environment with people at work goes, whole, however often that is interrupted; or stays as it was."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import botocore.session
import pytest
from botocore.validate import ParamValidator

from support.checkout import Checkout
from support.deployed import client_of
from support.processes import free_port, left_of, processes_of
from support.teardown import (
    Crowd,
    apps_are,
    call_briefly,
    file_of,
    interrupt,
    left_behind,
    settle,
    stack_failures,
    stack_is,
    until,
)

_STUDIO = "clary-local-studio"
_BROKEN = [{"family": "App", "name": "broken", "reason": "out of capacity"}]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    state = tmp_path / "state"
    found = Checkout.made(tmp_path / "checkout", state, free_port())
    started = found("local", "start", "--port", str(found.port))
    assert started.returncode == 0, started.stderr
    yield found
    assert found("local", "stop").returncode == 0
    client_of.cache_clear()
    assert left_of(processes_of(state)) == []


def _deploy(checkout: Checkout, text: str) -> None:
    checkout.file.write_text(text)
    done = checkout("deploy", "local")
    assert done.returncode == 0, done.stdout + done.stderr


def test_goes_whole_though_it_is_killed_three_times_and_apps_outlast_a_function(checkout: Checkout) -> None:
    _deploy(checkout, file_of(["ada", "grace"]))
    settle(checkout, state_seconds_of={"App": 3}, failures=_BROKEN)
    crowd = Crowd(checkout, Random(1))
    assert crowd.at_work(spaces=4) >= 3
    call_briefly(checkout, 3)

    # clary alone, while it stops the apps: what CloudFormation knows of is not touched yet
    process = checkout.started("destroy", "local", "--yes")
    assert until(lambda: apps_are(checkout, "Deleting"), process)
    interrupt(process, signal.SIGKILL, group=True)
    assert stack_is(checkout, _STUDIO, "CREATE_COMPLETE")
    # cdk alone, which knows nothing of apps; somebody opens more meanwhile
    crowd.open_app_somewhere()
    process = checkout.started_cdk("destroy", "--all", "--force", "--app", str(checkout.assembly))
    assert until(lambda: stack_is(checkout, _STUDIO, "DELETE_IN_PROGRESS"), process)
    crowd.open_app_somewhere()
    interrupt(process, signal.SIGKILL, group=True)
    # Ctrl-C
    process = checkout.started("destroy", "local", "--yes")
    assert until(lambda: stack_is(checkout, _STUDIO, "DELETE_IN_PROGRESS"), process)
    interrupt(process, signal.SIGINT, group=True)

    done = checkout("destroy", "local", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything is destroyed, nothing was kept" in done.stdout
    assert left_behind(checkout) == []
    assert stack_failures(checkout) == []


def test_what_is_to_be_kept_from_now_on_is_kept_with_its_domain_and_only_apps_stop(
    checkout: Checkout,
) -> None:
    _deploy(checkout, file_of(["ada"]))
    s3, sagemaker = checkout.client("s3"), checkout.client("sagemaker")
    (bucket,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "databucket" in each["Name"])
    s3.put_object(Bucket=bucket, Key="research/a", Body=b"precious")
    before = checkout.domain_id
    # the edit takes what deletes data out of the stacks: that must not be the moment when it does
    _deploy(checkout, file_of(["ada"], on_destroy="retain"))
    settle(checkout, state_seconds_of={"App": 1}, failures=_BROKEN)
    Crowd(checkout, Random(2)).at_work(spaces=2)
    spaces = len(sagemaker.list_spaces()["Spaces"])

    done = checkout("destroy", "local", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert stack_failures(checkout) == []
    assert checkout.domain_id == before
    assert s3.get_object(Bucket=bucket, Key="research/a")["Body"].read() == b"precious"
    assert len(sagemaker.list_spaces()["Spaces"]) == spaces
    assert {app["AppName"] for app in sagemaker.list_apps()["Apps"] if app["Status"] != "Deleted"} == {
        "broken"
    }
    assert f"AWS::SageMaker::Domain {before}" in done.stdout
    home = sagemaker.describe_domain(DomainId=before)["HomeEfsFileSystemId"]
    assert f"file system {home}" in done.stdout
    listed = checkout.state / "local" / "kept" / "clary-local-studio.json"
    request = {
        "StackName": _STUDIO,
        "ChangeSetName": "adopt",
        "ChangeSetType": "IMPORT",
        "ResourcesToImport": json.loads(listed.read_text()),
    }
    service = botocore.session.Session().get_service_model("cloudformation")
    shape = service.operation_model("CreateChangeSet").input_shape
    assert not ParamValidator().validate(request, shape).has_errors()
    again = checkout("destroy", "local", "--yes")
    assert "there is nothing to destroy" in again.stdout
