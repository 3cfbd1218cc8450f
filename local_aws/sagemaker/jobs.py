"""What training, processing and transform jobs share: a life in AWS's states, and hosts that run programs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local_aws import containers, hooks
from local_aws.errors import ServiceError, invalid, not_supported
from local_aws.sagemaker import callers, clients, events
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.sagemaker.image_folder import Image
from local_aws.store import Record

MOST_INSTANCES = 16
"""Of one job: an instance is a machine on AWS, and a program here."""
DEFAULT_SECONDS = 24 * 60 * 60
"""MaxRuntimeInSeconds, where a request does not say."""
LONGEST_REASON = 1024
"""The service model's limit of FailureReason."""
GRACE_SECONDS = 120
"""Between the signal and SIGKILL, when a job is stopped (StopTrainingJob in the API reference)."""

_ON_BEHALF_OF = "_on_behalf_of"
"""The source identity that a job was started with, which no answer shows."""

Cause = Literal["ended", "stopped", "time", "interrupted"]


class JobFailed(Exception):
    """The job's FailureReason."""


class Run:
    """A job under way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.stopping = False
        self._interrupted = False
        self._to_end: list[Callable[[], None]] = []
        self.thread: threading.Thread | None = None

    def stop(self) -> None:
        with self._changed:
            self.stopping = True
            self._changed.notify_all()
            ends, self._to_end = self._to_end, []
        for end in ends:
            hooks.request.in_background(end, name="stop-job")

    def on_stop(self, end: Callable[[], None]) -> None:
        """What is to be ended when the job is stopped; at once, when it is being stopped already."""
        with self._changed:
            if not self.stopping:
                self._to_end.append(end)
                return
        end()

    def interrupt(self) -> None:
        """Takes the job's machines away, as EC2 does with spot instances."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def wait(
        self,
        running: Sequence[containers.Container],
        seconds: float,
        *,
        interrupt_after: float | None = None,
        by: signal.Signals = signal.SIGTERM,
    ) -> tuple[Cause, list[int]]:
        """Waits until all containers have ended by themselves, one has failed, or they were ended.

        Returns why, and the exit codes. None is left running.
        """
        codes: dict[int, int] = {}

        def collect(number: int, container: containers.Container) -> None:
            code = container.wait()
            with self._changed:
                codes[number] = code
                self._changed.notify_all()

        with self._changed:
            self._interrupted = False
        waiting = [
            hooks.request.in_background(collect, number, container, name="job-host")
            for number, container in enumerate(running)
        ]
        cause: Cause = "ended"
        try:
            with self._changed:
                patience = seconds if interrupt_after is None else min(seconds, interrupt_after)
                self._changed.wait_for(
                    lambda: (
                        self.stopping
                        or self._interrupted
                        or len(codes) == len(running)
                        or any(codes.values())
                    ),
                    patience,
                )
                if len(codes) < len(running) and not any(codes.values()):
                    timed: Cause = (
                        "interrupted" if interrupt_after is not None and patience < seconds else "time"
                    )
                    cause = "stopped" if self.stopping else "interrupted" if self._interrupted else timed
                    for container in running:
                        container.terminate(by)
                    self._changed.wait_for(lambda: len(codes) == len(running), GRACE_SECONDS)
        finally:
            for container in running:
                container.kill()
            for thread in waiting:
                thread.join()
        return cause, [codes[number] for number in range(len(running))]


_RUNS: dict[tuple[str, str, str, str], Run] = {}


class Job(Behaviour):
    """A family of jobs: subclasses say what a job does, and how it ends."""

    family: str
    words: str

    def perform(self, record: Record, run: Run) -> None:
        """Does the job, and leaves it in its last state. Raises nothing."""
        raise NotImplementedError

    def finish(self, record: Record, status: str, reason: str | None = None) -> None:
        """Notes the job's end."""
        raise NotImplementedError

    def created(self, record: Record) -> None:
        name = self._name(record)
        record.setdefault(_ON_BEHALF_OF, callers.source_identity())
        events.changed(self.family, record)
        run = _RUNS[self._key(name)] = Run()
        run.thread = hooks.request.in_background(self._perform, record, run, name=f"{self.family}-{name}")

    def resume(self, record: Record) -> None:
        """A job that was running begins anew, as it does on an instance that replaces a broken one."""
        status = record[f"{self.family}Status"]
        if status == "InProgress":
            self.created(record)
        elif status == "Stopping":
            self.finish(record, "Stopped")

    def check_deletion(self, record: Record) -> None:
        status = record[f"{self.family}Status"]
        if status in ("InProgress", "Stopping"):
            raise ServiceError(
                "ResourceInUse",
                f"The {self.words} {self._name(record)} is in status {status}: stop it first.",
            )

    def stop(self, record: Record) -> None:
        status = record[f"{self.family}Status"]
        run = _RUNS.get(self._key(self._name(record)))
        if status != "InProgress" or run is None:
            raise invalid(f"The request was rejected because the {self.words} is in status {status}.")
        self.stopping(record)
        events.changed(self.family, record)
        run.stop()

    def stopping(self, record: Record) -> None:
        record[f"{self.family}Status"] = "Stopping"

    def settle(self, record: Record) -> str | None:
        run = _RUNS.get(self._key(self._name(record)))
        if run is not None and run.thread is not None:
            run.thread.join()
        return record.get("FailureReason")

    def _perform(self, record: Record, run: Run) -> None:
        try:
            with clients.on_behalf_of(record.get(_ON_BEHALF_OF)):
                self.perform(record, run)
        finally:
            _RUNS.pop(self._key(self._name(record)), None)
            events.changed(self.family, record)

    def _name(self, record: Record) -> str:
        return str(record[f"{self.family}Name"])

    def _key(self, name: str) -> tuple[str, str, str, str]:
        return hooks.request.account_id(), hooks.request.region(), self.family, name


# --- hosts -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Host:
    """An instance of a job: `name` among its hosts, `label` in logs."""

    name: str
    label: str
    home: containers.ContainerHome

    @property
    def ml(self) -> Path:
        return self.home.ml

    def inside(self, path: str) -> Path:
        """Where a path below /opt/ml of the container is here."""
        return self.ml / path.removeprefix("/opt/ml").strip("/")


class Hosts:
    """A job's instances. One uses this machine's network, unless it is isolated; several have a network
    of their own, on which each reaches the others, and this server unless they are isolated: nothing
    else, and so not the internet."""

    def __init__(self, count: int, parent: Path) -> None:
        names = [f"algo-{number}" for number in range(1, count + 1)]
        self._network = containers.Network(names) if count > 1 else None
        self.addresses = self._network.hosts if self._network else {names[0]: "127.0.0.1"}
        # Without namespaces nobody else knows the name, and SageMaker's toolkits wait for it to be known.
        own_names = names if containers.why_not_separated() is None else ["localhost"]
        self.all = [
            Host(name, label, containers.ContainerHome(parent))
            for name, label in zip(own_names, names, strict=True)
        ]

    @property
    def names(self) -> list[str]:
        return [host.name for host in self.all]

    @property
    def interface(self) -> str:
        return "eth0" if self._network else "lo"

    def start(
        self,
        host: Host,
        image: Image,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        isolated: bool,
    ) -> containers.Container:
        """Raises `CannotStart`."""
        if containers.why_not_separated() is not None:
            # What is insisted on in arguments at least can be put right.
            arguments = [argument.replace("/opt/ml/", f"{host.ml}/") for argument in arguments]
        return containers.start(
            containers.Program(
                arguments,
                image.folder,
                {**image.environment, **environment},
                network_isolated=isolated,
                place=self._network.places[host.label] if self._network else None,
                hostname=host.name,
                hosts=self.addresses,
                working_folder=image.working_folder,
            ),
            host.home,
        )

    def close(self) -> None:
        for host in self.all:
            host.home.remove()
        if self._network is not None:
            self._network.close()


@contextmanager
def hosts_of(count: int, parent: Path) -> Iterator[Hosts]:
    hosts = Hosts(count, parent)
    try:
        yield hosts
    finally:
        hosts.close()


def check_count(count: int) -> None:
    """Refuses what cannot run here. Raises `ServiceError`."""
    if count < 1:
        raise invalid("InstanceCount must be at least 1.")
    if count > MOST_INSTANCES:
        raise not_supported(f"a job on more than {MOST_INSTANCES} instances")
    reason = containers.why_not_separated()
    if count > 1 and reason is not None:
        raise not_supported(f"a job on several instances (there are no network namespaces: {reason})")


def check_isolation(isolated: bool) -> None:
    reason = containers.why_not_separated()
    if isolated and reason is not None:
        raise not_supported(f"network isolation (there are no network namespaces: {reason})")


def elapsed(since: float) -> int:
    """Whole seconds, at least one."""
    return max(1, round(time.time() - since))
