"""The command line and the deployed API, as a test uses them from outside."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

ROOT = Path(__file__).resolve().parents[2]
CLARY = ROOT / ".venv" / "bin" / "clary"

_QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true"}
"""A person's own `cdk` would leave a process behind for a moment, which reports to its makers."""


@dataclass(frozen=True)
class Command:
    """`clary` with a state folder and a port of its own, and without the person's AWS settings."""

    state: Path
    port: int

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**inherited, "CLARY_STATE": str(self.state), "COLUMNS": "200", "TERM": "dumb", **_QUIET}

    def __call__(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CLARY, *arguments],
            cwd=self.state,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self("up", "--port", str(self.port))

    def outputs(self) -> dict[str, Any]:
        done = self("outputs", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def cdk_log(self) -> str:
        return (self.state / "local" / "cdk.log").read_text()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"].startswith("application/problem+json"), self
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Api:
    """The deployed API over real HTTP, with the sample client's key."""

    url: str
    headers: Mapping[str, str]

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = {**self.headers, **(headers or {})}
        with urllib3.PoolManager(retries=False) as pool:
            response = pool.request(method, self.url + path, body=body, headers=sent, timeout=40.0)
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.data)
