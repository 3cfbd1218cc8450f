"""Containers as processes: a program with an `/opt/ml` of its own, and an end that takes all along.

On Linux a container has namespaces of its own for mounts and processes, and for the network when it
asks for one; as root as well as unprivileged. Where the kernel refuses (macOS, some hardened Linux
hosts) it is a plain process group: `SAGEMAKER_BASE_DIR`, which SageMaker's own toolkits honour, says
where its `/opt/ml` is, programs that insist on the path do not work, and nothing can be isolated.
`CLARY_CONTAINER_NAMESPACES=off` in the server's environment asks for that.

An image is a root file system, and then the program sees nothing else of this machine's files, or a
folder of programs: those see this machine's files, start in the folder, and find this interpreter's
programs first on PATH.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from local_aws import container_init, container_network

_PROBE_SECONDS = 10
_LARGEST_NETWORK = 64
_ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_ENDING = threading.Event()
"""Set when this process ends: whoever restarts what dies shall not, then."""
_RUNNING: set[Container] = set()
_RUNNING_LOCK = threading.Lock()


class CannotStart(Exception):
    """Why a container cannot be started here."""


@dataclass(frozen=True)
class Place:
    """An address among other containers, on a `Network`."""

    address: str
    namespace: int
    """The descriptor of its network namespace, and of the user namespace that this belongs to or -1."""
    users: int


@dataclass(frozen=True)
class Program:
    """What to run: `folder` is its image's, `environment` the container's own.

    `arguments[0]` is a path, or a name on PATH. `working_folder` is the image's folder, or `/` in an
    image that is a root file system, unless it is given.

    The network is this machine's own, unless one of three asks for another: with `network_isolated`
    nothing can be reached; with `own_network` the ports are the container's own (any number of them can
    listen on 8080), and it reaches this server's port and nothing else; a `place` is that, and the
    containers of the same `Network` in addition. `hosts` are names with addresses that it shall know.
    """

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    network_isolated: bool = False
    own_network: bool = False
    place: Place | None = None
    hostname: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    working_folder: str | None = None

    @property
    def network(self) -> str:
        if self.place is not None:
            return "given"
        return "own" if self.network_isolated or self.own_network else "host"


class Launcher(Protocol):
    """Starts programs as containers. A server that forks processes with their libraries imported would
    be another one."""

    def __call__(self, program: Program, home: ContainerHome) -> Container: ...


class ContainerHome:
    """A container's own folder: its `/opt/ml` to fill before the start and to read after the end."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="container-", dir=parent))
        for name in ("ml", "opt", "root", "scratch", "tmp", "upper"):
            (self.path / name).mkdir()

    @property
    def ml(self) -> Path:
        """What the container sees as `/opt/ml`."""
        return self.path / "ml"

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Container:
    """A running container. Whoever starts it reads its `output`, and waits for it."""

    def __init__(
        self, process: subprocess.Popen[bytes], control: socket.socket, connector: socket.socket | None
    ) -> None:
        assert process.stdout is not None
        self.output: IO[bytes] = process.stdout
        self._process = process
        self._control = control
        self._connector = connector
        """Where the container has a network of its own: connections to its ports come from here."""
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
        if self._connector is not None:
            connection = self._connection_from_inside(self._connector, port)
        else:
            connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _connection_from_inside(self, connector: socket.socket, port: int) -> socket.socket:
        with self._lock:
            connector.sendall(port.to_bytes(2, "big"))
            answer, descriptors, _, _ = socket.recv_fds(connector, 2, 1)
        if not descriptors:
            number = int.from_bytes(answer, "big")
            raise ConnectionRefusedError(number, os.strerror(number) if answer else "the container has ended")
        return socket.socket(fileno=descriptors[0])

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Asks the program to end: SIGTERM, or SIGINT."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the program and all that it started, at once."""
        self._control.close()  # the container's first process ends it when this end is closed
        self._process.wait()
        if self._connector is not None:
            self._connector.close()
        with _RUNNING_LOCK:
            _RUNNING.discard(self)

    def stop(self, seconds: float) -> int:
        """Asks, and after `seconds` ends it; returns the exit code."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(seconds)
        self.kill()
        return self.wait()


class Network:
    """A network of its own for `size` containers, which know each other by `hosts`; to be closed.

    Raises `CannotStart` where the kernel has none.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if len(names) > _LARGEST_NETWORK:
            raise CannotStart(f"{len(names)} containers on one network, {_LARGEST_NETWORK} at most")
        reason = why_not_separated()
        if reason is not None:
            raise CannotStart(f"a network of containers needs namespaces, and there are none: {reason}")
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", str(Path(container_network.__file__))]
        with ours, theirs:
            done = subprocess.run(  # noqa: S603 - our own program
                [*command, str(theirs.fileno()), str(len(names))],
                pass_fds=[theirs.fileno()],
                capture_output=True,
                check=False,
                text=True,
            )
            if done.returncode != 0:
                raise CannotStart(done.stderr.strip())
            _, self._descriptors, _, _ = socket.recv_fds(ours, 1, len(names) + 2)
        namespaces = self._descriptors[-len(names) :]
        users = self._descriptors[0] if len(self._descriptors) > len(names) + 1 else -1
        self.hosts = {name: container_network.ADDRESS.format(n) for n, name in enumerate(names, 1)}
        self.places = {
            name: Place(self.hosts[name], namespace, users)
            for name, namespace in zip(names, namespaces, strict=True)
        }

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())


def kill_all() -> None:
    """Ends every container of this process, for its own end: no other is started afterwards."""
    _ENDING.set()
    end_all()


def end_all() -> None:
    """Ends every container of this process."""
    with _RUNNING_LOCK:
        running = list(_RUNNING)
    for container in running:
        container.kill()


def is_root_file_system(folder: Path) -> bool:
    """Whether an image's folder is the root of a file system, and not a folder of programs."""
    return (folder / "etc").is_dir() and any(os.path.lexists(folder / name) for name in ("bin", "usr/bin"))


def start(program: Program, home: ContainerHome) -> Container:
    """Starts a program as a container of its own; raises `CannotStart`."""
    if _ENDING.is_set():
        raise CannotStart("the local AWS is ending")
    reason = why_not_separated()
    environment = _environment(program, home)
    if reason is None:
        return _launch(program, home, environment)
    for wanted, what in (
        (program.network_isolated, "network isolation"),
        (program.network != "host", "a network of its own"),
        (is_root_file_system(program.folder), "an image with a root file system"),
    ):
        if wanted:
            raise CannotStart(f"{what} needs namespaces, and there are none: {reason}")
    environment["SAGEMAKER_BASE_DIR"] = str(home.ml)
    return _launch(program, home, environment, namespaces=False)


@cache
def why_not_separated() -> str | None:
    """Why containers cannot have namespaces of their own here; None when they can. Tried once."""
    if os.environ.get("CLARY_CONTAINER_NAMESPACES") == "off":
        return "CLARY_CONTAINER_NAMESPACES is off"
    if sys.platform != "linux":
        return f"{sys.platform} has none"
    with tempfile.TemporaryDirectory() as folder:
        home = ContainerHome(Path(folder))
        probe = Program(["/bin/sh", "-c", "test -d /opt/ml"], home.path, {}, network_isolated=True)
        container = _launch(probe, home, {})
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
    program: Program, home: ContainerHome, environment: Mapping[str, str], *, namespaces: bool = True
) -> Container:
    root = program.folder if namespaces and is_root_file_system(program.folder) else None
    names = {"localhost": "127.0.0.1", **program.hosts}
    (home.path / "hosts").write_text("".join(f"{address} {name}\n" for name, address in names.items()))
    place = program.place
    server_port = 0 if program.network_isolated or program.network == "host" else _server_port()
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        control, connector = (socket.socketpair() for _ in range(2))
        for pair in (control, connector):
            ours.enter_context(pair[0])
            theirs.enter_context(pair[1])
        settings: container_init.Settings = {
            "control": control[1].fileno(),
            "connector": connector[1].fileno(),
            "folder": str(home.path),
            "root": None if root is None else str(root.resolve()),
            "working_folder": program.working_folder or ("/" if root else str(program.folder)),
            "program": list(program.arguments),
            "namespaces": namespaces,
            "hostname": program.hostname if namespaces else None,
            "network": program.network,
            "network_namespace": -1 if place is None else place.namespace,
            "user_namespace": -1 if place is None else place.users,
            "server_port": server_port,
        }
        descriptors = [settings["control"], settings["connector"]]
        if place is not None:
            descriptors += [one for one in (place.namespace, place.users) if one >= 0]
        try:
            process = subprocess.Popen(  # noqa: S603 - running a program that somebody pushed is the point
                [
                    *[sys.executable, "-I", "-S", str(Path(container_init.__file__))],
                    marshal.dumps(dict(settings)).hex(),
                ],
                env=environment,
                pass_fds=descriptors,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise CannotStart(str(error)) from error
        ours.pop_all()
    if program.network == "host":
        connector[0].close()
    return Container(process, control[0], None if program.network == "host" else connector[0])


def _server_port() -> int:
    return int(os.environ.get("GATEWAY_PORT", "0"))


def _environment(program: Program, home: ContainerHome) -> dict[str, str]:
    """Nothing of the server's own environment but where programs are: a container starts clean."""
    if is_root_file_system(program.folder):
        usual = {"HOME": "/root", "PATH": _ROOT_PATH}
    else:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        usual = {"HOME": str(home.path / "tmp"), "PATH": path, "TMPDIR": str(home.path / "tmp")}
    return {**usual, "LANG": "C.UTF-8", **program.environment}
