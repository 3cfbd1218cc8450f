"""One container that serves: started, pinged, asked, started anew when it dies, and stopped.

The container contract: `serve` is started as `serve serve` would be in Docker, answers `GET /ping` with
200 when it is ready and `POST /invocations` with predictions.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

It has a network of its own, where port 8080 is free: it reaches this server there, and nothing else. One
that needs more gets this machine's network by `CLARY_NETWORK=host` in its environment, as all do where
the kernel has no namespaces; it must then listen where `SAGEMAKER_BIND_TO_PORT` says.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws import containers, hooks
from local_aws.polling import readable
from local_aws.sagemaker.image_folder import Image
from local_aws.sagemaker.logs import LogStream
from local_aws.sagemaker.storage import StorageError

_PING_SECONDS = 2.0
_POLL_SECONDS = 0.005
_STOP_SECONDS = 10.0
_RESTARTS = 5
_HEALTHY_SECONDS = 60.0
"""A container that lived this long has earned its restarts anew."""
_IDLE_SECONDS = 4.0
"""Servers close idle connections after five seconds and more: these are not used again before."""
_SERVE_PORT = 8080
_CHUNK = 1 << 16


class NotHealthy(Exception):
    """Why a container does not come into service."""


class NoAnswer(Exception):
    """Why a container has not answered; `timed_out` when it was given up."""

    container = "primary"
    """Which one, where an instance has several."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


@dataclass(frozen=True)
class ServingPlan:
    """What a container runs, known before it starts."""

    title: str
    """`The primary container for production variant AllTraffic`: for whoever reads why it did not start."""
    log_group: str
    image: Image
    environment: Callable[[], Mapping[str, str]]
    """Asked at each start: credentials among it expire."""
    fill: Callable[[Path], None]
    """Puts the model's files below the folder that becomes /opt/ml, at each start."""
    network_isolated: bool
    startup_seconds: float
    homes: Path
    launcher: containers.Launcher = containers.start


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes


class _Connection(http.client.HTTPConnection):
    """A connection to a container, wherever its network is."""

    def __init__(self, container: containers.Container, port: int, seconds: float) -> None:
        super().__init__("127.0.0.1", port, timeout=seconds)
        self._container = container
        self._seconds = seconds
        self.used = time.monotonic()

    def connect(self) -> None:
        self.sock = self._container.connect(self.port, self._seconds)

    def acknowledge_at_once(self) -> None:
        """Spares a server that answers in two writes the 40 ms that it would wait for an acknowledgement.

        Simple servers do so on connections that are kept (Nagle's algorithm, and TCP's delayed
        acknowledgement). Linux forgets it after each exchange.
        """
        if hasattr(socket, "TCP_QUICKACK") and self.sock is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def reusable(self) -> bool:
        """Not when the other side has closed it, or is about to."""
        if self.sock is None or time.monotonic() - self.used > _IDLE_SECONDS:
            return False
        return not readable(self.sock.fileno(), 0)


class Reply:
    """An answer whose body is still on its way; whoever asked for it reads it to its end, or closes it."""

    def __init__(self, server: ModelServer, connection: _Connection, deadline: float) -> None:
        self._server = server
        self._connection = connection
        self._socket = connection.sock
        self._deadline = deadline
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes. Raises `NoAnswer`."""
        try:
            while True:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                # Without it, each piece would have the whole time again. (The connection lets go of its
                # socket when no other exchange follows.)
                self._socket.settimeout(left)
                chunk = self._response.read1(_CHUNK)
                if not chunk:
                    break
                yield chunk
            if self._response.length:
                raise ConnectionResetError(f"{self._response.length} bytes of its answer are missing")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise _no_answer(error) from error
        except BaseException:
            self._connection.close()
            raise
        self._response.close()
        self._server.take_back(self._connection, reusable=not self._response.will_close)

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def close(self) -> None:
        self._connection.close()


class ModelServer:
    """A container, restarted when it dies."""

    def __init__(self, plan: ServingPlan, log_stream: str) -> None:
        self._plan = plan
        self.log = LogStream(plan.log_group, log_stream)
        self.healthy = False
        self.life = 0
        """Counts the starts: what a container has been told is forgotten with the next one."""
        self._life_lock = threading.RLock()
        """Held while a container is started or ended: one that is stopped is not started again."""
        self._stopping = threading.Event()
        self._container: containers.Container | None = None
        self._home: containers.ContainerHome | None = None
        self._port = 0
        self._idle: deque[_Connection] = deque()

    @property
    def ml(self) -> Path:
        """What the container sees as `/opt/ml`. Raises `NoAnswer` while there is none."""
        home = self._home
        if home is None:
            raise NoAnswer("the container is not running")
        return home.ml

    def start(self) -> None:
        """Returns when the container has answered a ping with 200. Raises `NotHealthy`."""
        try:
            self._launch()
            self._await_health()
        except (containers.CannotStart, StorageError) as error:
            self.stop()
            raise NotHealthy(str(error)) from error
        except BaseException:
            self.stop()
            raise
        hooks.request.in_background(self._keep, name=f"keep-{self.log.name}")

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """One exchange, all of it within so many seconds. Raises `NoAnswer`."""
        reply = self.open(method, path, body, headers, seconds)
        return Answer(reply.status, reply.headers, reply.read())

    def open(self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        """An exchange whose answer is read as it comes. Raises `NoAnswer`."""
        deadline = time.monotonic() + seconds
        connection = None
        try:
            connection = self._connection(seconds)
            connection.request(method, path, body, dict(headers))
            connection.acknowledge_at_once()
            return Reply(self, connection, deadline)
        except (OSError, http.client.HTTPException) as error:
            if connection is not None:
                connection.close()
            raise _no_answer(error) from error

    def take_back(self, connection: _Connection, *, reusable: bool) -> None:
        """After an exchange: the connection serves the next one, where the container keeps it open."""
        if reusable:
            connection.used = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()

    def stop(self) -> None:
        self._stopping.set()
        self._end()

    def _launch(self) -> None:
        plan = self._plan
        with self._life_lock:
            if self._stopping.is_set():
                raise NotHealthy("it was stopped")
            self._home = containers.ContainerHome(plan.homes)
            plan.fill(self._home.ml)
            given = {**plan.image.environment, **plan.environment()}
            own = containers.why_not_separated() is None and given.get("CLARY_NETWORK") != "host"
            self._port = _SERVE_PORT if own or plan.network_isolated else _free_port()
            # Where the host's network is the container's, none shall listen to the world.
            environment = {
                "CLARY_BIND_HOST": "127.0.0.1",
                **given,
                "SAGEMAKER_BIND_TO_PORT": str(self._port),
            }
            program = containers.Program(
                plan.image.contract("serve"),
                plan.image.folder,
                environment,
                network_isolated=plan.network_isolated,
                own_network=own,
                working_folder=plan.image.working_folder,
            )
            self.life += 1
            self._container = plan.launcher(program, self._home)
            self.log.follow(self._container.output)

    def _await_health(self) -> None:
        container = self._running()
        until = time.monotonic() + self._plan.startup_seconds
        while time.monotonic() < until and not self._stopping.is_set():
            if self._ping():
                self.healthy = True
                return
            try:
                code = container.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            self.log.finish()
            raise NotHealthy(self._failure(f"it ended with exit code {code}"))
        raise NotHealthy(self._failure(f"no answer of 200 within {self._plan.startup_seconds:g} s"))

    def _ping(self) -> bool:
        connection = _Connection(self._running(), self._port, _PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _failure(self, detail: str) -> str:
        said = self.log.tail()
        return (
            f"{self._plan.title} did not pass the ping health check. Please check CloudWatch logs for this"
            f" endpoint. ({detail}{'; it said: ' + said if said else ''})"
        )

    def _keep(self) -> None:
        """Starts the container anew when it ends by itself, a few times."""
        restarts = 0
        while (container := self._container) is not None:
            began = time.monotonic()
            code = container.wait()
            if self._stopping.is_set():
                return
            self.healthy = False
            if time.monotonic() - began > _HEALTHY_SECONDS:
                restarts = 0
            self.log.say(f"the container ended with exit code {code}")
            if restarts == _RESTARTS:
                self.log.say(f"{_RESTARTS} restarts did not help, no more follow")
                self._end()
                return
            restarts += 1
            self._restart()

    def _restart(self) -> None:
        self._end()
        try:
            self._launch()
            self._await_health()
        except Exception as error:  # noqa: BLE001 - whatever it is: told in the log, and tried again
            if not self._stopping.is_set():
                self.log.say(f"the restart failed: {error}")

    def _connection(self, seconds: float) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                connection.sock.settimeout(seconds)
                return connection
            connection.close()
        return _Connection(self._running(), self._port, seconds)

    def _running(self) -> containers.Container:
        if self._container is None:
            raise ConnectionRefusedError("the container is not running")
        return self._container

    def _end(self) -> None:
        self.healthy = False
        with self._life_lock:
            container, self._container = self._container, None
            home, self._home = self._home, None
            while self._idle:
                self._idle.pop().close()
            if container is not None:
                container.stop(_STOP_SECONDS)
                self.log.finish()
            if home is not None:
                home.remove()


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, TimeoutError):
        return NoAnswer("it timed out", timed_out=True)
    return NoAnswer(f"the container closed the connection: {error}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
