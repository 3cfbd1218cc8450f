"""Containers as processes: a program with an `/opt/ml` of its own, and an end that takes all along.

On Linux a container has namespaces of its own for mounts and processes, and for the network when it is
isolated; as root as well as unprivileged. Where the kernel refuses (macOS, some hardened Linux hosts)
it is a plain process group: `SAGEMAKER_BASE_DIR`, which SageMaker's own toolkits honour, says where
its `/opt/ml` is, programs that insist on the path do not work, and nothing can be isolated.

There is no image file system: the program sees the host's, starts in its image's folder, and finds
this interpreter's programs first on PATH.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from local_aws import container_init

_PROBE_SECONDS = 10

_ENDING = threading.Event()
"""Set when this process ends: whoever restarts what dies shall not, then."""
_RUNNING: set[Container] = set()
_RUNNING_LOCK = threading.Lock()


class CannotStart(Exception):
    """Why a container cannot be started here."""


@dataclass(frozen=True)
class Program:
    """What to run: `arguments[0]` is a path, `folder` its image's, `environment` the container's own."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    network_isolated: bool = False


class Launcher(Protocol):
    """Starts programs as containers. A server that forks processes with their libraries imported would
    be another one."""

    def __call__(self, program: Program, home: ContainerHome) -> Container: ...


class ContainerHome:
    """A container's own folder: its `/opt/ml` to fill before the start and to read after the end."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="container-", dir=parent))
        for name in ("ml", "opt", "tmp"):
            (self.path / name).mkdir()

    @property
    def ml(self) -> Path:
        """What the container sees as `/opt/ml`."""
        return self.path / "ml"

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Container:
    """A running container. Whoever starts it reads its `output`, and waits for it."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, *, isolated: bool) -> None:
        assert process.stdout is not None
        self.output: IO[bytes] = process.stdout
        self._process = process
        self._control = control
        self._isolated = isolated
        self._lock = threading.Lock()
        with _RUNNING_LOCK:
            _RUNNING.add(self)

    @property
    def pid(self) -> int:
        """The process that stands for the container; the program's own is one of its children."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int:
        """The program's exit code; raises `subprocess.TimeoutExpired`."""
        return self._process.wait(seconds)

    def connect(self, port: int, seconds: float) -> socket.socket:
        """A connection to a port of the container; raises `OSError`."""
        connection = self._connection_from_inside(port) if self._isolated else None
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _connection_from_inside(self, port: int) -> socket.socket:
        with self._lock:
            self._control.sendall(container_init.CONNECT + port.to_bytes(2, "big"))
            answer, descriptors, _, _ = socket.recv_fds(self._control, 2, 1)
        if not descriptors:
            number = int.from_bytes(answer, "big")
            raise ConnectionRefusedError(number, os.strerror(number) if answer else "the container has ended")
        return socket.socket(fileno=descriptors[0])

    def terminate(self) -> None:
        """Asks the program to end (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends the program and all that it started, at once."""
        self._control.close()  # the container's first process ends it when this end is closed
        self._process.wait()
        with _RUNNING_LOCK:
            _RUNNING.discard(self)

    def stop(self, seconds: float) -> int:
        """Asks, and after `seconds` ends it; returns the exit code."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(seconds)
        self.kill()
        return self.wait()


def kill_all() -> None:
    """Ends every container of this process, for its own end: no other is started afterwards."""
    _ENDING.set()
    with _RUNNING_LOCK:
        running = list(_RUNNING)
    for container in running:
        container.kill()


def start(program: Program, home: ContainerHome) -> Container:
    """Starts a program as a container of its own; raises `CannotStart`."""
    if _ENDING.is_set():
        raise CannotStart("the local AWS is ending")
    separated = why_not_separated() is None
    if program.network_isolated and not separated:
        raise CannotStart(f"network isolation needs namespaces, and there are none: {why_not_separated()}")
    namespaces = "none" if not separated else "own+network" if program.network_isolated else "own"
    environment = _environment(program, home)
    if not separated:
        environment["SAGEMAKER_BASE_DIR"] = str(home.ml)
    return _launch(program, home, namespaces, environment)


@cache
def why_not_separated() -> str | None:
    """Why containers cannot have namespaces of their own here; None when they can. Tried once."""
    if sys.platform != "linux":
        return f"{sys.platform} has none"
    with tempfile.TemporaryDirectory() as folder:
        home = ContainerHome(Path(folder))
        probe = Program(["/bin/sh", "-c", "test -d /opt/ml"], home.path, {}, network_isolated=True)
        container = _launch(probe, home, "own+network", {})
        try:
            code = container.wait(_PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            return f"a first container did not end within {_PROBE_SECONDS} s"
        finally:
            container.kill()
            with container.output:
                said = container.output.read().decode(errors="replace").strip()
    return None if code == 0 else said or f"a first container ended with exit code {code}"


def _launch(
    program: Program, home: ContainerHome, namespaces: str, environment: Mapping[str, str]
) -> Container:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-I", "-S", str(Path(container_init.__file__))]
        command += [str(theirs.fileno()), str(home.path), namespaces, str(program.folder)]
        try:
            process = subprocess.Popen(  # noqa: S603 - running a program that somebody pushed is the point
                [*command, *program.arguments],
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            ours.close()
            raise CannotStart(str(error)) from error
    return Container(process, ours, isolated=program.network_isolated)


def _environment(program: Program, home: ContainerHome) -> dict[str, str]:
    """Nothing of the server's own environment but where programs are: a container starts clean."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {
        "HOME": str(home.path / "tmp"),
        "LANG": "C.UTF-8",
        "PATH": path,
        "TMPDIR": str(home.path / "tmp"),
        **program.environment,
    }
