"""Who answers an invocation, and what a caller is told when nobody does."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import runtime
from local_aws.sagemaker.hosting import (
    Fleet,
    Invocation,
    NoCapacity,
    NoVariant,
    Serverless,
    ServerlessVariant,
    Throttled,
    Traffic,
    Variant,
    VariantPlan,
    WrongTarget,
)
from local_aws.sagemaker.live import LiveEndpoint
from local_aws.sagemaker.model_server import Answer, NoAnswer, NotHealthy
from local_aws.sagemaker.multi_model import ModelNotReady, UnknownModel


class Instance:
    """Containers that answer what they are given, or fail so."""

    loaded_models = None

    def __init__(self, answer: Answer | Exception, *, healthy: bool = True, in_flight: int = 0) -> None:
        self._answer = answer
        self.healthy = healthy
        self.in_flight = in_flight

    def occupy(self) -> None:
        self.in_flight += 1

    def release(self) -> None:
        self.in_flight -= 1

    def await_start(self, seconds: float) -> None:
        if isinstance(self._answer, NotHealthy):
            raise self._answer

    def ask(self, invocation: Invocation) -> tuple[str, Answer]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return "primary", self._answer


GOOD = Answer(200, {"content-type": "text/csv"}, b"1.5")


def plan(name: str = "main", weight: float = 1.0, serverless: Serverless | None = None) -> VariantPlan:
    return VariantPlan(name, weight, 1, [], {"VariantName": name}, serverless=serverless)


def variant(*instances: Instance, name: str = "main", weight: float = 1.0) -> Variant:
    made = Variant(plan(name, weight))
    made._instances = list(instances)  # type: ignore[arg-type]  # as good as real ones
    return made


def traffic(*variants: Variant) -> Traffic:
    made = Traffic()
    made.share((Fleet("config", variants), 1.0))
    return made


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a variant behind the endpoint `e`."""

    def put(served: Variant) -> None:
        live = LiveEndpoint("e", traffic(served), Fleet("config", [served]))
        monkeypatch.setattr(runtime.endpoints, "find", lambda name: live)
        monkeypatch.setattr(runtime.STORE, "get", lambda family, key: {"EndpointName": "e"})

    return put


def invoke(headers: dict[str, str] | None = None, body: bytes = b"1") -> Any:
    return runtime.answer("POST", "/endpoints/e/invocations", headers or {}, body)


def test_prefers_the_least_busy_instance() -> None:
    busy, idle = Instance(GOOD, in_flight=2), Instance(GOOD)

    with traffic(variant(busy, idle)).lease(None) as lease:
        assert lease.instance is idle  # type: ignore[comparison-overlap]  # a stand-in


def test_leaves_out_instances_that_are_not_healthy() -> None:
    with (
        pytest.raises(NoCapacity),
        traffic(variant(Instance(GOOD, healthy=False))).lease(None),
    ):
        pass


def test_knows_when_an_instance_is_free_again() -> None:
    instance = Instance(GOOD)

    with pytest.raises(ZeroDivisionError), traffic(variant(instance)).lease("main"):
        _ = 1 / 0

    assert instance.in_flight == 0


def test_sends_nothing_where_no_variant_has_a_weight() -> None:
    with (
        pytest.raises(NoVariant, match="no variant has a weight above 0"),
        traffic(variant(Instance(GOOD), weight=0)).lease(None),
    ):
        pass


def test_shares_requests_among_variants_by_their_weights() -> None:
    served = traffic(
        variant(Instance(GOOD), name="much", weight=9), variant(Instance(GOOD), name="little", weight=1)
    )
    counts: collections.Counter[str] = collections.Counter()

    for _ in range(1000):
        with served.lease(None) as lease:
            counts[lease.variant.name] += 1

    assert 850 < counts["much"] < 950


def test_shares_requests_among_fleets() -> None:
    served = Traffic()
    old, new = Fleet("old", [variant(Instance(GOOD))]), Fleet("new", [variant(Instance(GOOD))])
    served.share((old, 0.75), (new, 0.25))
    counts: collections.Counter[str] = collections.Counter()

    for _ in range(1000):
        with served.lease("main") as lease:
            counts[lease.fleet.configuration] += 1

    assert 680 < counts["old"] < 820


def test_throttles_a_serverless_variant_above_its_concurrency() -> None:
    served = ServerlessVariant(plan(serverless=Serverless(concurrency=1)))
    served._instances = [Instance(GOOD)]  # type: ignore[list-item]  # a stand-in
    shared = traffic(served)

    with shared.lease(None), pytest.raises(Throttled), shared.lease(None):
        pass


def test_answers_what_the_container_answers(serving: Any) -> None:
    serving(variant(Instance(GOOD)))

    assert invoke() == (
        200,
        {"x-Amzn-Invoked-Production-Variant": "main", "content-type": "text/csv"},
        b"1.5",
    )


@pytest.mark.parametrize(
    ("instance", "code", "status", "said"),
    [
        (Instance(NoAnswer("late", timed_out=True)), "ModelError", 424, "Your invocation timed out"),
        (Instance(NoAnswer("it closed the connection")), "ModelError", 424, "it closed the connection"),
        (Instance(Answer(500, {}, b"boom")), "ModelError", 424, "Received server error (500) from primary"),
        (Instance(Answer(200, {}, b"x" * (6 << 20 | 1))), "ModelError", 424, "The response is larger than"),
        (Instance(GOOD, healthy=False), "ServiceUnavailable", 503, "no instance of the endpoint e"),
        (Instance(NotHealthy("it did not start")), "ModelError", 424, "it did not start"),
        (Instance(Throttled()), "ThrottlingException", 400, "Rate exceeded"),
        (Instance(UnknownModel("b", "k")), "ValidationError", 400, "model data(bucket: b, key: k)"),
        (Instance(ModelNotReady()), "ModelNotReadyException", 429, "not ready"),
        (Instance(WrongTarget("is not right")), "ValidationError", 400, "Endpoint e is not right."),
    ],
)
def test_tells_what_went_wrong(serving: Any, instance: Instance, code: str, status: int, said: str) -> None:
    serving(variant(instance))

    with pytest.raises(ServiceError) as raised:
        invoke()

    assert (raised.value.code, raised.value.status) == (code, status)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/endpoints/e/invocations", {}),
        ("POST", "/endpoints/e/invocations", {"x-amzn-sagemaker-session-id": "s"}),
    ],
)
def test_says_what_it_does_not_emulate(method: str, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="the local AWS does not emulate it"):
        runtime.answer(method, path, headers, b"")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"x-amzn-sagemaker-target-variant": "no spaces"}, "'no spaces' at 'targetVariant'"),
        ({"x-amzn-sagemaker-inference-id": "x" * 65}, "at 'inferenceId'"),
        ({"x-amzn-sagemaker-custom-attributes": "x" * 1025}, "at 'customAttributes'"),
    ],
)
def test_refuses_headers_that_the_service_model_does_not_allow(headers: dict[str, str], said: str) -> None:
    with pytest.raises(ServiceError, match="1 validation error detected") as raised:
        invoke(headers)

    assert raised.value.code == "ValidationError"
    assert said in raised.value.message
