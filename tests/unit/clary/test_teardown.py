"""What an environment leaves behind is written down as CloudFormation takes it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clary import teardown
from clary.teardown import Kept


class Target:
    """An environment with a domain, and nothing else that is asked for here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def client(self, _: str) -> Any:
        return self

    def describe_domain(self, **_: str) -> dict[str, str]:
        return {"HomeEfsFileSystemId": "fs-1"}


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(teardown, "stack_outputs", lambda *_: {"DomainId": "d-1"})
    return Target(tmp_path)


@pytest.mark.parametrize(
    ("type_name", "physical_id", "identifier"),
    [
        ("AWS::S3::Bucket", "data", {"BucketName": "data"}),
        ("AWS::SageMaker::Domain", "d-1", {"DomainId": "d-1"}),
        ("AWS::SageMaker::UserProfile", "ada|d-1", {"UserProfileName": "ada", "DomainId": "d-1"}),
        ("AWS::SageMaker::Space", "d-1|lab", {"DomainId": "d-1", "SpaceName": "lab"}),
        ("AWS::EC2::SecurityGroup", "sg-1", {"Id": "sg-1"}),
    ],
)
def test_names_things_by_their_primary_identifiers(
    type_name: str, physical_id: str, identifier: dict[str, str]
) -> None:
    assert Kept("stack", "It", type_name, physical_id).to_import() == {
        "ResourceType": type_name,
        "LogicalResourceId": "It",
        "ResourceIdentifier": identifier,
    }


def test_keeps_what_a_killed_run_has_written_though_its_stack_is_gone_by_now(target: Any) -> None:
    bucket = Kept("clary-lab-data", "Bucket", "AWS::S3::Bucket", "data")
    domain = Kept("clary-lab-studio", "Domain", "AWS::SageMaker::Domain", "d-1")
    teardown._write_down(target, [bucket, domain])

    teardown._write_down(target, [bucket])

    assert list(teardown._written_down(target).words) == [
        "AWS::S3::Bucket data",
        "AWS::SageMaker::Domain d-1",
        "home directories: file system fs-1 of the domain d-1",
    ]


def test_names_a_stack_within_a_stack_by_both(target: Any) -> None:
    teardown._write_down(
        target, [Kept("clary-lab-studio/People", "Ada", "AWS::SageMaker::UserProfile", "ada|d-1")]
    )

    written = json.loads((target.folder / "kept" / "clary-lab-studio.People.json").read_text())
    assert [each["LogicalResourceId"] for each in written] == ["Ada"]


def test_puts_what_was_kept_before_aside(target: Any) -> None:
    for number in (1, 2):
        (target.folder / "kept" / "data.json").write_text(str(number))
        teardown._put_aside(target.folder / "kept")

    assert (target.folder / "kept.1" / "data.json").read_text() == "1"
    assert (target.folder / "kept.2" / "data.json").read_text() == "2"
    assert list((target.folder / "kept").iterdir()) == []


def test_tells_of_cdks_lines_the_stacks_that_are_gone() -> None:
    assert teardown._news(" ✅  Studio (clary-lab-studio): destroyed ") == (
        "✅  Studio (clary-lab-studio): destroyed"
    )
    assert teardown._news("clary-lab-studio | DELETE_IN_PROGRESS | AWS::SageMaker::Space") == ""
