"""Start, find and stop the local AWS in the background.

A server holds a lock on its state folder for as long as it lives, so that a record it left behind,
or a process id that somebody else has by now, is never taken for a running one.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
LOCK_FILE = "local-aws.lock"
RECORD_FILE = "local-aws.json"

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_STEP_SECONDS = 0.02
_LOG_TAIL_LINES = 20
_ROOT = Path(__file__).resolve().parents[1]
_children: dict[int, subprocess.Popen[bytes]] = {}
"""The servers that this process has started: to be collected when they end."""


class LocalAwsFailed(Exception):
    """The local AWS did not start or did not stop; the message says why, and what would do."""


@dataclass(frozen=True)
class Running:
    """A local AWS that is there."""

    port: int
    pid: int
    ca: Path | None = None
    """The authority that its clients have to trust, when it enforces IAM: it speaks TLS then."""
    persists: bool = False
    """Whether it keeps what it answers."""

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What clients need beyond the URL: how they trust it."""
        return {"AWS_CA_BUNDLE": str(self.ca), "NODE_EXTRA_CA_CERTS": str(self.ca)} if self.ca else {}


def log_file(state: Path) -> Path:
    return state / "local-aws.log"


def running(state: Path) -> Running | None:
    """The server that lives with this state folder, if there is one; it may still be starting."""
    if not _locked(state):
        return None
    try:
        record = json.loads((state / RECORD_FILE).read_text())
        ca = record.get("ca")
        found = Running(
            port=int(record["port"]),
            pid=int(record["pid"]),
            ca=Path(ca) if ca else None,
            persists=bool(record.get("persists")),
        )
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None  # it has the lock and has not written its record yet
    return found


def start(
    state: Path, port: int | None = None, *, persist: bool = False, enforce_iam: bool = False
) -> Running:
    """Starts a server in the background, waits until it is healthy, and answers where it is.

    Answers the one that is running with this state folder already, whatever its port. `port` None
    takes 4566, or any free port when that is taken. With `persist` it keeps what it answers, and takes
    up what was kept before. With `enforce_iam` it authenticates and authorises every request.
    """
    state.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _START_SECONDS
    process = None if _locked(state) else _spawn(state, port, persist=persist, enforce_iam=enforce_iam)
    while time.monotonic() < deadline:
        found = running(state)
        if found is not None and _healthy(found):
            if enforce_iam and found.ca is None:
                raise LocalAwsFailed(
                    "a local AWS that does not enforce IAM is running with this state folder, stop it first"
                )
            if persist and not found.persists:
                raise LocalAwsFailed(
                    "a local AWS that keeps nothing is running with this state folder, stop it first"
                )
            return found
        # One that lost the race for the state folder ends, too, and the winner is waited for.
        if process is not None and process.poll() is not None and not _locked(state):
            raise LocalAwsFailed(f"the local AWS did not start:\n{_tail(log_file(state))}")
        time.sleep(_STEP_SECONDS)
    raise LocalAwsFailed(
        f"the local AWS was not healthy after {_START_SECONDS:.0f} s, see '{log_file(state)}'"
    )


def stop(state: Path) -> bool:
    """Stops the server that lives with this state folder; False when there is none."""
    found = running(state)
    if found is None:
        _collect_ended()
        return False
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
        if running(state) != found or not _signal(found.pid, number):
            break
        deadline = time.monotonic() + seconds
        while _locked(state) and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)
    if _locked(state):
        raise LocalAwsFailed(f"process {found.pid} did not end, end it by hand")
    _collect_ended(found.pid)
    deadline = time.monotonic() + _STOP_SECONDS
    while _alive(found.pid) and time.monotonic() < deadline:
        time.sleep(_STEP_SECONDS)  # it lets go of the lock a moment before it is gone
    return True


def _spawn(state: Path, port: int | None, *, persist: bool, enforce_iam: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "local_aws", "--state", str(state.resolve())]
    if port is not None:
        command += ["--port", str(port)]
    if persist:
        command.append("--persist")
    if enforce_iam:
        command.append("--enforce-iam")
    with log_file(state).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _children[process.pid] = process
    return process


def _locked(state: Path) -> bool:
    try:
        with (state / LOCK_FILE).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _healthy(server: Running) -> bool:
    connection: http.client.HTTPConnection
    if server.ca is None:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=5)
    else:
        trust = ssl.create_default_context(cafile=str(server.ca))
        connection = http.client.HTTPSConnection(HOST, server.port, timeout=5, context=trust)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _alive(pid: int) -> bool:
    """One that has ended and was not collected by its parent yet is not alive: it has no command any more."""
    try:
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline")
        return bool(command.read_bytes()) if command.exists() else not Path("/proc/self").exists()
    except (ProcessLookupError, FileNotFoundError):
        return False


def _collect_ended(pid: int | None = None) -> None:
    """Collects what has ended of the servers that this process started, and waits for the one named."""
    for child in list(_children.values()):
        if child.pid == pid:
            child.wait()
        if child.poll() is not None:
            del _children[child.pid]


def _tail(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
