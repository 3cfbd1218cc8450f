"""What serves an endpoint: containers that make an instance, instances that make a variant, variants
that make a fleet, and the traffic among fleets.

A fleet is what one endpoint configuration runs. While an endpoint is updated there are two, the old one
and the new one ("blue" and "green" on AWS's pages).
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from local_aws import hooks, metrics, settings
from local_aws.sagemaker.metrics import ENDPOINTS, count, duration
from local_aws.sagemaker.model_server import Answer, ModelServer, NoAnswer, Reply, ServingPlan
from local_aws.sagemaker.multi_model import ModelCache, ModelStore

logger = logging.getLogger("local_aws.sagemaker")

INVOCATION_SECONDS = 60.0
"""How long a real-time invocation may take (SageMaker quotas)."""
MOST_PROCESSES = 4
"""A variant of more instances than these is served by so many: an instance is a machine on AWS and a
process here. DescribeEndpoint tells the number that was asked for."""

_IDLE_SECONDS = 300.0
"""How long a serverless container waits for the next request before it is stopped, on AWS's clock.
(AWS says only that it is some time.)"""


class NoVariant(Exception):
    """Why no variant of an endpoint can be chosen."""


class NoCapacity(Exception):
    """No instance of the variant is running."""


class NoComponent(Exception):
    """There is no inference component of that name on the endpoint."""


class NoCopies(Exception):
    """No copy of the inference component is running."""


class Throttled(Exception):
    """A serverless variant answers as many requests at once as it may."""


class WrongTarget(Exception):
    """Why an invocation does not fit the endpoint's containers."""


@dataclass(frozen=True)
class ContainerPlan:
    name: str
    """`primary`, or the host name in a pipeline."""
    serving: ServingPlan
    models: ModelStore | None = None


@dataclass(frozen=True)
class Serverless:
    concurrency: int
    provisioned: int = 0


@dataclass(frozen=True)
class VariantPlan:
    name: str
    weight: float
    instances: int
    containers: Sequence[ContainerPlan]
    dimensions: metrics.Dimensions
    direct: bool = False
    """Whether a request is for one of the containers, and not for all, one after the other."""
    serverless: Serverless | None = None
    host: metrics.Dimensions | None = None
    """Of an inference component: the dimensions of the variant that it is placed on. Its copies are
    instances here."""


@dataclass(frozen=True)
class Invocation:
    body: bytes
    headers: Mapping[str, str]
    """What the container gets, with names in lower case."""
    variant: str | None = None
    model: str | None = None
    container: str | None = None
    component: str | None = None
    """The inference component that is asked, where there are some."""
    seconds: float = INVOCATION_SECONDS


class _Served:
    """A container in its place: with its name, and with its models where it has many."""

    def __init__(self, plan: ContainerPlan, stream: str, measure: Callable[[metrics.Values], None]) -> None:
        self.name = plan.name
        self.server = ModelServer(plan.serving, stream)
        self.cache = ModelCache(self.server, plan.models, measure) if plan.models else None

    def open(
        self, body: bytes, headers: Mapping[str, str], model: str | None, seconds: float
    ) -> Reply | Answer:
        try:
            if self.cache is not None and model is not None:
                return self.cache.ask(model, body, headers, seconds)
            return self.server.open("POST", "/invocations", body, headers, seconds)
        except NoAnswer as error:
            error.container = self.name
            raise


class Instance:
    """The containers of one instance of a variant."""

    def __init__(self, plan: VariantPlan) -> None:
        self._plan = plan
        self.name = f"i-{uuid.uuid4().hex[:17]}"
        stream = f"{plan.name}/{self.name}"
        several = len(plan.containers) > 1
        self._containers = [
            _Served(one, f"{stream}/{one.name}" if several else stream, self._measure)
            for one in plan.containers
        ]
        self.in_flight = 0
        self.used = time.monotonic()
        self._released = threading.Condition()
        self._started = threading.Event()
        self._failure: Exception | None = None

    @property
    def healthy(self) -> bool:
        return all(one.server.healthy for one in self._containers)

    @property
    def loaded_models(self) -> int | None:
        """How many models a multi-model container has loaded; None where there is none."""
        caches = [one.cache for one in self._containers if one.cache is not None]
        return sum(cache.loaded for cache in caches) if caches else None

    def start(self) -> None:
        """Returns when all containers are ready. Raises `NotHealthy`, with none left."""
        try:
            _side_by_side([one.server.start for one in self._containers])
        except Exception as error:
            self._failure = error
            self.stop()
            raise
        finally:
            self._started.set()

    def await_start(self, seconds: float) -> None:
        """Raises why it did not start, or `TimeoutError`."""
        if not self._started.wait(seconds):
            raise TimeoutError
        if self._failure is not None:
            raise self._failure

    def open(self, invocation: Invocation) -> tuple[str, Reply | Answer]:
        """The last container that was asked and its answer, or that of the first one that refused.

        Raises `NoAnswer`, `WrongTarget`, and what a multi-model container raises.
        """
        deadline = time.monotonic() + invocation.seconds
        steps = self._steps(invocation)
        body, headers = invocation.body, dict(invocation.headers)
        for step in steps[:-1]:
            seconds = max(0.001, deadline - time.monotonic())
            opened = step.open(body, headers, invocation.model, seconds)
            if not 200 <= opened.status < 300:
                return step.name, opened
            body = _read(opened, step.name)
            if "content-type" in opened.headers:
                headers["content-type"] = opened.headers["content-type"]
        last = steps[-1]
        seconds = max(0.001, deadline - time.monotonic())
        return last.name, last.open(body, headers, invocation.model, seconds)

    def ask(self, invocation: Invocation) -> tuple[str, Answer]:
        name, opened = self.open(invocation)
        return name, Answer(opened.status, opened.headers, _read(opened, name))

    def occupy(self) -> None:
        with self._released:
            self.in_flight += 1

    def release(self) -> None:
        with self._released:
            self.in_flight -= 1
            self.used = time.monotonic()
            self._released.notify_all()

    def stop(self) -> None:
        """Ends the containers, after the requests that they are answering."""
        with self._released:
            self._released.wait_for(lambda: self.in_flight == 0, INVOCATION_SECONDS)
        _side_by_side([one.server.stop for one in self._containers])

    def _steps(self, invocation: Invocation) -> Sequence[_Served]:
        if invocation.model is None and any(one.cache is not None for one in self._containers):
            raise WrongTarget("is a multi-model endpoint, the request must have a target model header")
        if invocation.model is not None and all(one.cache is None for one in self._containers):
            raise WrongTarget("is not a multi-model endpoint and does not support target model header")
        if not self._plan.direct:
            if invocation.container is not None:
                raise WrongTarget("does not support the target container hostname header")
            return self._containers
        if invocation.container is None:
            raise WrongTarget("invokes its containers directly, the request must name a target container")
        for one in self._containers:
            if one.name == invocation.container:
                return [one]
        raise WrongTarget(f"has no container with the hostname '{invocation.container}'")

    def _measure(self, values: metrics.Values) -> None:
        metrics.record(ENDPOINTS, values, self._plan.dimensions)


class Variant:
    """The instances of a variant, as many as are asked for."""

    def __init__(self, plan: VariantPlan) -> None:
        self.plan = plan
        self.name = plan.name
        self.weight = plan.weight
        self.desired = 0
        self._lock = threading.Lock()
        self._instances: list[Instance] = []

    @property
    def instances(self) -> Sequence[Instance]:
        with self._lock:
            return list(self._instances)

    def take(self) -> Instance:
        """The least busy of the healthy instances, occupied. Raises `NoCapacity`."""
        with self._lock:
            healthy = [one for one in self._instances if one.healthy]
            if not healthy:
                raise NoCapacity
            least = min(one.in_flight for one in healthy)
            # Which of them is no secret.
            instance = random.choice([one for one in healthy if one.in_flight == least])  # noqa: S311
            instance.occupy()
        return instance

    def resize(self, count: int) -> None:
        """Starts or stops instances. Raises `NotHealthy`, with those left that were there before."""
        with self._lock:
            running = len(self._instances)
        wanted = min(count, MOST_PROCESSES)
        if count > wanted:
            logger.warning("%s: %d instances were asked for, %d run", self.plan.dimensions, count, wanted)
        started = [Instance(self.plan) for _ in range(wanted - running)]
        try:
            _side_by_side([one.start for one in started])
        except Exception:
            _side_by_side([one.stop for one in started])
            raise
        with self._lock:
            self._instances += started
            stopped, self._instances = self._instances[wanted:], self._instances[:wanted]
            self.desired = count
        _side_by_side([one.stop for one in stopped])

    def begin(self) -> None:
        """Starts what there is from the beginning. Raises `NotHealthy`."""
        self.resize(self.plan.instances)

    def stop(self) -> None:
        self.resize(0)


class VariantForComponents(Variant):
    """A variant without a model: inference components are placed on it, which run by themselves."""

    def resize(self, count: int) -> None:
        self.desired = count


class ServerlessVariant(Variant):
    """A variant whose containers start when requests come, and stop when they stay away.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """

    def __init__(self, plan: VariantPlan) -> None:
        super().__init__(plan)
        assert plan.serverless is not None
        self.serverless = plan.serverless
        self._ended = threading.Event()

    def take(self) -> Instance:
        """An idle container, or one that is being started. Raises `Throttled`."""
        with self._lock:
            if self._ended.is_set():
                raise NoCapacity
            busy = sum(one.in_flight for one in self._instances)
            if busy >= self.serverless.concurrency:
                raise Throttled
            instance = next((one for one in self._instances if one.in_flight == 0), None)
            if instance is None and len(self._instances) < min(MOST_PROCESSES, self.serverless.concurrency):
                instance = Instance(self.plan)
                self._instances.append(instance)
                hooks.request.in_background(self._start, instance, name=f"cold-start-{self.name}")
            elif instance is None:
                instance = min(self._instances, key=lambda one: one.in_flight)
            instance.occupy()
        utilization = (busy + 1) / self.serverless.concurrency
        measured = {"ServerlessConcurrentExecutionsUtilization": count(utilization)}
        if self.serverless.provisioned:
            measured["ServerlessProvisionedConcurrencyUtilization"] = count(
                min(1.0, (busy + 1) / self.serverless.provisioned)
            )
        metrics.record(ENDPOINTS, measured, self.plan.dimensions)
        return instance

    def begin(self) -> None:
        """One container shows that the model can be served; what stays is what is provisioned."""
        self.resize(max(1, self.serverless.provisioned))
        hooks.request.in_background(self._tidy_up, name=f"tidy-{self.name}")

    def provide(self, serverless: Serverless) -> None:
        """Changes the limits of a variant that serves. Raises `NotHealthy`."""
        if serverless.provisioned > len(self.instances):
            self.resize(serverless.provisioned)
        self.serverless = serverless

    def stop(self) -> None:
        self._ended.set()
        self.resize(0)

    def _start(self, instance: Instance) -> None:
        began = time.perf_counter()
        try:
            instance.start()
        except Exception:  # noqa: BLE001 - told to the request that waits for it
            with self._lock:
                if instance in self._instances:
                    self._instances.remove(instance)
            return
        measured = {"ModelSetupTime": duration(time.perf_counter() - began)}
        metrics.record(ENDPOINTS, measured, self.plan.dimensions)

    def _tidy_up(self) -> None:
        patience = settings.current().here(_IDLE_SECONDS)
        while not self._ended.wait(min(patience / 4, 5.0)):
            with self._lock:
                spare = len(self._instances) - min(self.serverless.provisioned, MOST_PROCESSES)
                now = time.monotonic()
                idle = [
                    one
                    for one in self._instances
                    if one.in_flight == 0 and one.healthy and now - one.used > patience
                ][: max(0, spare)]
                self._instances = [one for one in self._instances if one not in idle]
            _side_by_side([one.stop for one in idle])


@dataclass
class Fleet:
    """What one endpoint configuration runs."""

    configuration: str
    variants: Sequence[Variant]
    shadows: Sequence[Variant] = ()

    def begin(self) -> None:
        """Starts all there is, side by side. Raises `NotHealthy`, with nothing left."""
        try:
            _side_by_side([variant.begin for variant in (*self.variants, *self.shadows)])
        except Exception:
            self.stop()
            raise

    def stop(self) -> None:
        _side_by_side([variant.stop for variant in (*self.variants, *self.shadows)])

    def choose(self, name: str | None) -> Variant:
        """A variant, by name or else by weight. Raises `NoVariant`."""
        if name is None:
            if len(self.variants) == 1 and self.variants[0].weight > 0:
                return self.variants[0]
            weights = [variant.weight for variant in self.variants]
            if not any(weights):
                raise NoVariant("no variant has a weight above 0")
            return random.choices(self.variants, weights)[0]  # noqa: S311 - a share of traffic, not a secret
        return self.named(name)

    def named(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise NoVariant(f"there is no variant '{name}'")


@dataclass(frozen=True)
class Lease:
    """Who answers a request: nobody stops it meanwhile."""

    fleet: Fleet
    variant: Variant
    instance: Instance


@dataclass
class Traffic:
    """Which fleet gets which share of the requests. A change is one assignment: each request sees what
    was before or what is after, and a fleet that has no share any more gets no new ones."""

    _shares: Sequence[tuple[Fleet, float]] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def share(self, *shares: tuple[Fleet, float]) -> None:
        with self._lock:
            self._shares = shares

    @contextmanager
    def lease(self, variant: str | None, seconds: float = INVOCATION_SECONDS) -> Iterator[Lease]:
        """Raises `NoVariant`, `NoCapacity`, `Throttled`, and what keeps a container from starting."""
        with self._lock:
            if not self._shares:
                raise NoVariant("it serves no variant")
            fleet = (
                self._shares[0][0]
                if len(self._shares) == 1
                else random.choices(  # noqa: S311 - a share of traffic, not a secret
                    [fleet for fleet, _ in self._shares], [share for _, share in self._shares]
                )[0]
            )
            chosen = fleet.choose(variant)
            instance = chosen.take()
        try:
            instance.await_start(seconds)
            yield Lease(fleet, chosen, instance)
        finally:
            instance.release()


def variant_of(plan: VariantPlan) -> Variant:
    if plan.serverless:
        return ServerlessVariant(plan)
    return Variant(plan) if plan.containers else VariantForComponents(plan)


def _read(opened: Reply | Answer, container: str) -> bytes:
    if isinstance(opened, Answer):
        return opened.body
    try:
        return opened.read()
    except NoAnswer as error:
        error.container = container
        raise


def _side_by_side(tasks: Sequence[Callable[[], None]]) -> None:
    """Does all tasks at once and waits for all; raises the first failure."""
    failures: list[Exception] = []

    def do(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [hooks.request.in_background(do, task, name="hosting") for task in tasks[1:]]
    for task in tasks[:1]:
        do(task)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
