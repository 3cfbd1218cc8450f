"""AWS's own images: as the SageMaker SDK knows them, without the SDK."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from clary.environment import aws_image
from support import client_programs
from support.synthesis import ROOT


def test_an_image_is_found_by_name_version_region_and_processor() -> None:
    found = aws_image.find("framework", "pytorch", "2.6.0", region="eu-west-1", processor="gpu")

    assert (found.account, found.repository, found.tag) == (
        "763104351884",
        "pytorch-inference",
        "2.6.0-gpu-py312",
    )


def test_the_same_name_can_lie_in_another_account_in_another_region() -> None:
    accounts = {
        aws_image.find("algorithm", "xgboost", "1.7-1", region=region, processor="cpu").account
        for region in ("eu-west-1", "us-east-1")
    }

    assert len(accounts) == 2


def test_knows_what_runs_on_processors_alone() -> None:
    assert aws_image.processors("framework", "sklearn", "1.2-1") == ["cpu"]


@pytest.mark.parametrize("kind", ["framework", "algorithm"])
def test_every_version_lies_somewhere_and_runs_on_something(kind: aws_image.Kind) -> None:
    nowhere = [
        (name, version)
        for name in aws_image.names(kind)
        for version in aws_image.versions(kind, name)
        if not aws_image.regions(kind, name, version) or not aws_image.processors(kind, name, version)
    ]

    assert nowhere == []


def test_the_table_is_what_the_sdk_says(tmp_path: Path) -> None:
    written = tmp_path / "aws_images.json"

    subprocess.run(
        [client_programs.folder() / "python", ROOT / "clary" / "environment" / "aws_image_table.py", written],
        check=True,
        capture_output=True,
    )

    assert json.loads(written.read_text()) == json.loads(aws_image.TABLE.read_text())
