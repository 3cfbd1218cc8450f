"""Endpoints that really serve: a container for each instance of each variant, kept alive and swapped.

The container contract: `serve` is started as `serve serve` would be in Docker, answers `GET /ping` with
200 when it is ready and `POST /invocations` with predictions.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import http.client
import logging
import random
import select
import socket
import subprocess
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local_aws import containers, hooks
from local_aws.sagemaker.logs import LogStream
from local_aws.sagemaker.storage import StorageError

logger = logging.getLogger("local_aws.sagemaker")

INVOCATION_SECONDS = 60.0
"""How long a real-time invocation may take (SageMaker quotas)."""

_PING_SECONDS = 2.0
_POLL_SECONDS = 0.005
_STOP_SECONDS = 10.0
_RESTARTS = 5
_HEALTHY_SECONDS = 60.0
"""A container that lived this long has earned its restarts anew."""
_IDLE_SECONDS = 4.0
"""Servers close idle connections after five seconds and more: these are not used again before."""
_SERVE_PORT = 8080


class NotHealthy(Exception):
    """Why a container does not come into service."""


class NoVariant(Exception):
    """Why no variant of an endpoint can be chosen."""


@dataclass(frozen=True)
class ServingPlan:
    """What an instance of a variant runs, known before it starts."""

    endpoint: str
    variant: str
    image: Path
    environment: Mapping[str, str]
    network_isolated: bool
    startup_seconds: float
    fill: Callable[[Path], None]
    """Puts the model's files below the folder that becomes /opt/ml/model."""
    homes: Path
    launcher: containers.Launcher = containers.start


@dataclass(frozen=True)
class VariantPlan:
    name: str
    weight: float
    instances: int
    serving: ServingPlan


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
        readable, _, _ = select.select([self.sock], [], [], 0)
        return not readable


class Instance:
    """One container of a variant, restarted when it dies."""

    def __init__(self, plan: ServingPlan) -> None:
        self._plan = plan
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        self.log = LogStream(f"/aws/sagemaker/Endpoints/{plan.endpoint}", f"{plan.variant}/{self.name}")
        self.healthy = False
        self.in_flight = 0
        self._released = threading.Condition()
        self._life = threading.RLock()
        """Held while a container is started or ended: one that is stopped is not started again."""
        self._stopping = threading.Event()
        self._container: containers.Container | None = None
        self._home: containers.ContainerHome | None = None
        self._port = 0
        self._idle: deque[_Connection] = deque()

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
        hooks.in_background(self._keep, name=f"keep-{self._plan.endpoint}")

    def invoke(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Raises `OSError` or `http.client.HTTPException`; `TimeoutError` when it takes too long."""
        connection = self._connection(seconds)
        try:
            connection.request("POST", "/invocations", body, dict(headers))
            connection.acknowledge_at_once()
            response = connection.getresponse()
            answer = Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            connection.used = time.monotonic()
            self._idle.append(connection)
        return answer

    def occupy(self) -> None:
        with self._released:
            self.in_flight += 1

    def release(self) -> None:
        with self._released:
            self.in_flight -= 1
            self._released.notify_all()

    def stop(self) -> None:
        """Ends the container, after the requests that it is answering."""
        with self._released:
            self._released.wait_for(lambda: self.in_flight == 0, INVOCATION_SECONDS)
        self._stopping.set()
        self._end()

    def _launch(self) -> None:
        plan = self._plan
        with self._life:
            if self._stopping.is_set():
                raise NotHealthy("it was stopped")
            self._home = containers.ContainerHome(plan.homes)
            model = self._home.ml / "model"
            model.mkdir()
            plan.fill(model)
            self._port = _SERVE_PORT if plan.network_isolated else _free_port()
            # The host's network is the container's: none shall listen to the world.
            environment = {
                "CLARY_BIND_HOST": "127.0.0.1",
                **plan.environment,
                "SAGEMAKER_BIND_TO_PORT": str(self._port),
            }
            program = containers.Program(
                [str(plan.image / "serve"), "serve"], plan.image, environment, plan.network_isolated
            )
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
            f"The primary container for production variant {self._plan.variant} did not pass the ping health"
            f" check. Please check CloudWatch logs for this endpoint. ({detail}"
            f"{'; it said: ' + said if said else ''})"
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
        with self._life:
            container, self._container = self._container, None
            home, self._home = self._home, None
            while self._idle:
                self._idle.pop().close()
            if container is not None:
                container.stop(_STOP_SECONDS)
                self.log.finish()
            if home is not None:
                home.remove()


@dataclass
class Variant:
    name: str
    weight: float
    instances: Sequence[Instance]

    @property
    def healthy(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.healthy]


@dataclass
class Fleet:
    """What serves an endpoint now. A swap is one assignment: each request sees the old or the new."""

    variants: Sequence[Variant] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def instance(self, variant: str | None) -> Iterator[tuple[Variant, Instance | None]]:
        """A variant, by name or else by weight, and the least busy of its healthy instances.

        Raises `NoVariant`.
        """
        with self._lock:
            chosen = self._choose(variant)
            instance = min(chosen.healthy, key=lambda one: one.in_flight, default=None)
            if instance is not None:
                instance.occupy()
        try:
            yield chosen, instance
        finally:
            if instance is not None:
                instance.release()

    def swap(self, variants: Sequence[Variant]) -> Sequence[Variant]:
        """New requests go to the new variants from now on; returns the old ones, to be stopped."""
        with self._lock:
            old, self.variants = self.variants, variants
        return old

    def _choose(self, name: str | None) -> Variant:
        if name is None:
            weights = [variant.weight for variant in self.variants]
            if not any(weights):
                raise NoVariant("no variant has a weight above 0")
            return random.choices(self.variants, weights)[0]  # noqa: S311 - a share of traffic, not a secret
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise NoVariant(f"there is no variant '{name}'")


def start(plans: Sequence[VariantPlan]) -> list[Variant]:
    """Starts all instances side by side. Raises `NotHealthy`, with none left, when one does not start."""
    variants = [
        Variant(plan.name, plan.weight, [Instance(plan.serving) for _ in range(plan.instances)])
        for plan in plans
    ]
    failures: list[Exception] = []

    def run(instance: Instance) -> None:
        try:
            instance.start()
        except Exception as error:  # noqa: BLE001 - told to whoever started it
            failures.append(error)

    instances = [instance for variant in variants for instance in variant.instances]
    threads = [hooks.in_background(run, instance, name="start-instance") for instance in instances[1:]]
    run(instances[0])
    for thread in threads:
        thread.join()
    if failures:
        stop(variants)
        raise NotHealthy(str(failures[0])) from failures[0]
    return variants


def stop(variants: Sequence[Variant]) -> None:
    threads = [
        hooks.in_background(instance.stop, name="stop-instance")
        for variant in variants
        for instance in variant.instances
    ]
    for thread in threads:
        thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
