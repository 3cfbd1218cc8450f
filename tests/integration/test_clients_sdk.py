"""The SageMaker Python SDK 3's resources, unmodified, with AWS_ENDPOINT_URL alone."""

from __future__ import annotations

import json
from pathlib import Path

from support import client_programs
from support.deployed import LocalAws
from support.sagemaker import Workshop

_ACCOUNT = "220000000002"
_PROGRAM = Path(client_programs.__file__).with_name("sdk_program.py")


def test_trains_deploys_invokes_and_cleans_up(local_aws: LocalAws, tmp_path: Path) -> None:
    workshop = Workshop(local_aws, _ACCOUNT, tmp_path / "image")
    environment = local_aws.environment | {"AWS_ACCESS_KEY_ID": _ACCOUNT}

    done = client_programs.run(
        "python", "-P", _PROGRAM, workshop.bucket, workshop.role, workshop.image,
        environment=environment, at=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen.pop("failure").startswith("FailedStatusError: ")
    assert seen == {
        "answer": "42.0",
        "described": "tried",
        "gone": "ValidationException",
        "job": "Completed",
        "jobs": ["sdk-fails", "sdk-trains"],
        "variant": "all",
    }
