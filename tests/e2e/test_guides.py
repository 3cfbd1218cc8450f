"""The administrator's and the data scientist's page: their commands run, so that they cannot rot."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_aws.sagemaker import images
from support.checkout import Checkout
from support.deployed import client_of
from support.guide import blocks, run_in
from support.outside import ROOT
from support.processes import free_port, left_of, processes_of

ACCOUNT = "111122223333"
REGION_OF_THE_PAGE = "eu-west-1"
_ADMINISTRATOR = (ROOT / "docs" / "administrator.md").read_text()
_SCIENTIST = (ROOT / "docs" / "data-scientist.md").read_text()
_PROGRAM = "#!/bin/sh\nexit 0\n"


class Reader:
    """Somebody who does what the pages say, in a checkout of their own."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        (text,) = (each for each in blocks(_ADMINISTRATOR, "yaml") if each.startswith("name: lab"))
        (checkout.root / "environments" / "lab.yaml").write_text(text)
        self._commands = blocks(_ADMINISTRATOR, "sh")

    def administer(self, *, destroy: bool) -> str:
        """All commands but those that destroy, or those."""
        wanted = [each for each in self._commands if ("clary destroy" in each) == destroy]
        # what these answer when they have something to tell
        told = r"\1 || case $? in 2|3) ;; *) false ;; esac"
        lines = re.sub(r"^(clary (diff|drift|doctor) .*)$", told, "".join(wanted), flags=re.MULTILINE)
        script = lines.replace("clary local start\n", f"clary local start --port {self.checkout.port}\n")
        return run_in(self.checkout, ["bash", "-eu", "-o", "pipefail", "-c", script], {})

    def work(self, more: Mapping[str, str]) -> str:
        credentials = {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION_OF_THE_PAGE,
            "AWS_ENDPOINT_URL": self.checkout.url,
        }
        program = "".join(blocks(_SCIENTIST, "python"))
        return run_in(self.checkout, [sys.executable, "-c", program], {**credentials, **more})

    def client(self, service: str) -> Any:
        return client_of(self.checkout.url, service, ACCOUNT, REGION_OF_THE_PAGE)

    def output(self, unit: str, name: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=f"clary-lab-{unit}")["Stacks"]
        return str(next(each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == name))

    def image(self, folder: Path) -> str:
        """A container image with nothing but its base, in a repository of the account."""
        folder.mkdir()
        for name in ("train", "serve"):
            (folder / name).write_text(_PROGRAM)
            (folder / name).chmod(0o755)
        self.client("ecr").create_repository(repositoryName="plain")
        images.push(self.client("ecr"), "plain", "one", folder, self.checkout.state / "images")
        return f"{ACCOUNT}.dkr.ecr.{REGION_OF_THE_PAGE}.amazonaws.com/plain:one"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Checkout.made(tmp_path / "checkout", tmp_path / "state", free_port())
    yield Reader(found)
    found("local", "stop")
    client_of.cache_clear()
    assert left_of(processes_of(found.state)) == []


def test_every_command_of_both_pages_works(reader: Reader, tmp_path: Path) -> None:
    administered = reader.administer(destroy=False)
    worked = reader.work(
        {
            "BUCKET": reader.output("data", "DataBucketName"),
            "IMAGE": reader.image(tmp_path / "image"),
        }
    )
    job = _ended(reader.client("sagemaker"))
    destroyed = reader.administer(destroy=True)

    assert "emmy joins research as data-scientist" in administered
    assert "InService ml.t3.medium" in worked or "Pending ml.t3.medium" in worked
    assert "aws:kms" in worked
    assert job["ProcessingJobStatus"] == "Completed", job
    assert "AWS::SageMaker::Domain" in destroyed
    assert (reader.checkout.state / "lab" / "kept" / "clary-lab-data.json").exists()


def _ended(sagemaker: Any) -> dict[str, Any]:
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="research--houses", WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    return dict(sagemaker.describe_processing_job(ProcessingJobName="research--houses"))


@pytest.mark.parametrize("page", ["administrator.md", "data-scientist.md", "onboarding.md"])
def test_their_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "docs" / page).read_text())

    assert [link for link in links if "://" not in link and not (ROOT / "docs" / link).exists()] == []
