"""Folders as images."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import images
from local_aws.sagemaker.image_folder import folder_of


class Registry:
    """ECR, as far as pushing goes."""

    def __init__(self) -> None:
        self.pushed: list[dict[str, Any]] = []

    def put_image(self, **request: Any) -> dict[str, Any]:
        self.pushed.append(request)
        return {"image": {"imageId": {"imageDigest": "sha256:0"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "container"
    (made / "__pycache__").mkdir(parents=True)
    (made / "__pycache__" / "x.pyc").write_text("not a part of it")
    (made / "serve").write_text("#!/bin/sh\n")
    (made / "serve").chmod(0o755)
    return made


def manifest(request: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(request["imageManifest"]))


def test_names_a_copy_of_the_folder_in_the_manifest(tmp_path: Path, folder: Path) -> None:
    registry = Registry()

    images.push(registry, "tiny", "one", folder, tmp_path / "store")

    kept = Path(manifest(registry.pushed[0])["annotations"][images.FOLDER])
    assert [path.name for path in kept.iterdir()] == ["serve"]
    assert kept.joinpath("serve").stat().st_mode & 0o111


def test_pushes_the_same_content_as_the_same_image(tmp_path: Path, folder: Path) -> None:
    registry = Registry()

    for _ in range(2):
        images.push(registry, "tiny", "one", folder, tmp_path / "store")

    assert registry.pushed[0] == registry.pushed[1]
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_keeps_an_image_when_its_folder_changes(tmp_path: Path, folder: Path) -> None:
    registry = Registry()
    images.push(registry, "tiny", "one", folder, tmp_path / "store")

    (folder / "serve").write_text("#!/bin/sh\nexit 1\n")
    images.push(registry, "tiny", "two", folder, tmp_path / "store")

    first, second = (Path(manifest(one)["annotations"][images.FOLDER]) for one in registry.pushed)
    assert first.joinpath("serve").read_text() == "#!/bin/sh\n"
    assert second.joinpath("serve").read_text() == "#!/bin/sh\nexit 1\n"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("tiny:one", "Invalid image URI tiny:one"),
        (
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "it belongs to the account 683313688378 in us-east-1",
        ),
    ],
)
def test_refuses_images_of_elsewhere(uri: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        folder_of(uri)


def test_is_pushed_without_loading_the_server() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, local_aws.sagemaker.images; print('ministack' in sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert loaded.stdout == "False\n"
