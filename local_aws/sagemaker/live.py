"""An endpoint in service: its traffic, what is measured and captured of it, and its queue."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from local_aws import hooks, metrics
from local_aws.sagemaker.asynchronous import Queue
from local_aws.sagemaker.capture import Capture
from local_aws.sagemaker.hosting import (
    Fleet,
    Invocation,
    Lease,
    NoCapacity,
    NoComponent,
    NoCopies,
    Traffic,
    Variant,
    VariantForComponents,
    WrongTarget,
)
from local_aws.sagemaker.metrics import ENDPOINTS, INSTANCES, count, duration
from local_aws.sagemaker.model_server import Answer, NoAnswer, Reply

_COPIES = 16
"""Requests that are copied to shadow variants at the same time; what comes on top is not copied."""


@dataclass(frozen=True)
class Served:
    """What an endpoint has answered, and who of it."""

    variant: str
    container: str
    answer: Answer


@dataclass(frozen=True)
class Streamed:
    """An answer whose body is read as it comes."""

    variant: str
    container: str
    reply: Reply | Answer

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.reply.headers

    def chunks(self) -> Iterator[bytes]:
        """Raises `NoAnswer`."""
        return iter([self.reply.body]) if isinstance(self.reply, Answer) else self.reply.chunks()


@dataclass
class LiveComponent:
    """An inference component that is placed: its copies, and those of a new specification meanwhile."""

    name: str
    fleet: Fleet
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def copies(self) -> Variant:
        return self.fleet.variants[0]

    @contextmanager
    def lease(self, seconds: float) -> Iterator[Lease]:
        """Raises `NoCopies`, and what keeps a container from starting."""
        with ExitStack() as stack:
            try:
                lease = stack.enter_context(self.traffic.lease(None, seconds))
            except NoCapacity as error:
                # What wakes it up: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
                metrics.record(
                    ENDPOINTS, {"NoCapacityInvocationFailures": count(1)}, self.copies.plan.dimensions
                )
                raise NoCopies from error
            yield lease


@dataclass
class LiveEndpoint:
    name: str
    traffic: Traffic = field(default_factory=Traffic)
    fleet: Fleet | None = None
    """What serves it once no deployment is under way."""
    leftover: Fleet | None = None
    """What a rollback that failed has left of the new fleet, beside the old one."""
    capture: Capture | None = None
    queue: Queue | None = None
    """Of an asynchronous endpoint, which answers nothing else."""
    components: dict[str, LiveComponent] = field(default_factory=dict)
    _copying: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_COPIES))

    @property
    def for_components(self) -> bool:
        """Whether its variants have no models: requests are for inference components."""
        return self.fleet is not None and isinstance(self.fleet.variants[0], VariantForComponents)

    def invoke(self, invocation: Invocation, began: float | None = None) -> Served:
        """Raises what `Traffic.lease` and `Instance.open` raise. `began`: when the request came in
        (`time.perf_counter`)."""
        began = began or time.perf_counter()
        with self._lease(invocation) as lease:
            with self._measured(lease, began) as measured:
                container, answer = lease.instance.ask(invocation)
                measured.status = answer.status
            if self.capture is not None and 200 <= answer.status < 300:
                self.capture.keep(lease.variant.name, invocation, answer)
            if lease.fleet.shadows:
                self._copy(lease, invocation)
            return Served(lease.variant.name, container, answer)

    @contextmanager
    def stream(self, invocation: Invocation) -> Iterator[Streamed]:
        """As `invoke`; the body is read while inside."""
        began = time.perf_counter()
        with self._lease(invocation) as lease:
            with self._measured(lease, began) as measured:
                container, reply = lease.instance.open(invocation)
                measured.status = reply.status
            yield Streamed(lease.variant.name, container, reply)

    @contextmanager
    def _lease(self, invocation: Invocation) -> Iterator[Lease]:
        if invocation.component is None:
            with self.traffic.lease(invocation.variant, invocation.seconds) as lease:
                yield lease
            return
        if not self.for_components:
            raise WrongTarget("has models and does not support the inference component header")
        component = self.components.get(invocation.component)
        if component is None:
            raise NoComponent(invocation.component)
        if invocation.variant not in (None, component.copies.name):
            raise WrongTarget(f"has no copies of '{component.name}' on the variant '{invocation.variant}'")
        with component.lease(invocation.seconds) as lease:
            yield lease

    def stop(self) -> None:
        metrics.forget(self.gauge)
        if self.queue is not None:
            self.queue.stop()
        fleets, self.fleet, self.leftover = (self.fleet, self.leftover), None, None
        self.traffic.share()
        components, self.components = self.components, {}
        for component in components.values():
            component.fleet.stop()
        for fleet in fleets:
            if fleet is not None:
                fleet.stop()
        if self.capture is not None:
            self.capture.stop()

    def gauge(self) -> Iterator[tuple[str, metrics.Values, metrics.Dimensions]]:
        """How many models each multi-model container has loaded, and how many requests are under way: of what
        is busy."""
        for variant in self.fleet.variants if self.fleet else ():
            for instance in variant.instances:
                loaded = instance.loaded_models
                if loaded is not None:
                    yield INSTANCES, {"LoadedModelCount": count(loaded)}, variant.plan.dimensions
            yield from _under_way("ConcurrentRequestsPerModel", variant)
        for component in list(self.components.values()):
            yield from _under_way("ConcurrentRequestsPerCopy", component.copies)

    @contextmanager
    def _measured(self, lease: Lease, began: float) -> Iterator[_Measured]:
        measured = _Measured()
        asked = time.perf_counter()
        try:
            yield measured
        except NoAnswer:
            measured.status = 500
            raise
        finally:
            if measured.status:
                self._measure(lease.fleet, lease.variant, measured.status, began, asked)

    def _measure(self, fleet: Fleet, variant: Variant, status: int, began: float, asked: float) -> None:
        now = time.perf_counter()
        values = {
            "Invocations": count(1),
            "Invocation4XXErrors": count(400 <= status < 500),
            "Invocation5XXErrors": count(status >= 500),
            "InvocationModelErrors": count(not 200 <= status < 300),
            "ModelLatency": duration(now - asked),
            "OverheadLatency": duration(asked - began),
        }
        dimensions, host = variant.plan.dimensions, variant.plan.host
        if variant.desired:
            values["InvocationsPerCopy" if host else "InvocationsPerInstance"] = count(1 / variant.desired)
        # The second ones tell an old fleet's from a new one's
        # (https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html).
        metrics.record(
            ENDPOINTS, values, dimensions, host or {**dimensions, "EndpointConfigName": fleet.configuration}
        )

    def _copy(self, lease: Lease, invocation: Invocation) -> None:
        """To each shadow variant, a share of what the production variant gets: its weight, beside that
        variant's (https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html)."""
        for shadow in lease.fleet.shadows:
            share = shadow.weight / lease.variant.weight if lease.variant.weight else 0.0
            # A share of the requests, not a secret.
            if random.random() < share and self._copying.acquire(blocking=False):  # noqa: S311
                hooks.request.in_background(self._ask_shadow, lease.fleet, shadow, invocation, name="shadow")

    def _ask_shadow(self, fleet: Fleet, shadow: Variant, invocation: Invocation) -> None:
        try:
            began = time.perf_counter()
            instance = shadow.take()
            try:
                with self._measured(Lease(fleet, shadow, instance), began) as measured:
                    _, answer = instance.ask(invocation)
                    measured.status = answer.status
            finally:
                instance.release()
            if self.capture is not None and 200 <= answer.status < 300:
                self.capture.keep(shadow.name, invocation, answer)
        except Exception:  # noqa: BLE001 - nobody waits for a shadow: its metrics tell
            return
        finally:
            self._copying.release()


def _under_way(metric: str, variant: Variant) -> Iterator[tuple[str, metrics.Values, metrics.Dimensions]]:
    busy = sum(instance.in_flight for instance in variant.instances)
    if busy and variant.desired:
        yield ENDPOINTS, {metric: count(busy / variant.desired)}, variant.plan.dimensions


_LIVE: dict[tuple[str, str, str], LiveEndpoint] = {}


def find(name: str) -> LiveEndpoint | None:
    """What answers an endpoint's requests; None while it has not been in service."""
    return _LIVE.get(_key(name))


def keep(endpoint: LiveEndpoint) -> None:
    _LIVE[_key(endpoint.name)] = endpoint


def take_out(name: str) -> LiveEndpoint | None:
    return _LIVE.pop(_key(name), None)


def stop_all() -> None:
    """Ends every endpoint of every account, and forgets it."""
    for key in list(_LIVE):
        endpoint = _LIVE.pop(key, None)
        if endpoint is not None:
            with hooks.request.scope(*key[:2]):
                endpoint.stop()


def _key(name: str) -> tuple[str, str, str]:
    return hooks.request.account_id(), hooks.request.region(), name


@dataclass
class _Measured:
    status: int = 0
    """0 until there is one: what never came to a container is no invocation of it."""
