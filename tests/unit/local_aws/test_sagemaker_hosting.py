"""Which instance answers, and what a caller is told when none does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from local_aws.sagemaker import runtime
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.hosting import Answer, Fleet, NoVariant, Variant


class Instance:
    """A container that answers what it is given, or fails so."""

    def __init__(self, answer: Answer | Exception, *, healthy: bool = True, in_flight: int = 0) -> None:
        self._answer = answer
        self.healthy = healthy
        self.in_flight = in_flight

    def occupy(self) -> None:
        self.in_flight += 1

    def release(self) -> None:
        self.in_flight -= 1

    def invoke(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


GOOD = Answer(200, {"content-type": "text/csv"}, b"1.5")


def fleet(*instances: Instance, weight: float = 1.0) -> Fleet:
    return Fleet([Variant("main", weight, list(instances))])  # type: ignore[arg-type]  # as good as real ones


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a fleet behind the endpoint `e`."""

    def put(served: Fleet | None) -> None:
        monkeypatch.setattr(runtime.endpoint, "fleet", lambda name: served)
        monkeypatch.setattr(runtime.STORE, "get", lambda family, key: {"EndpointName": "e"})

    return put


def invoke(headers: Mapping[str, str] | None = None, body: bytes = b"1") -> tuple[int, dict[str, str], bytes]:
    return runtime.answer("POST", "/endpoints/e/invocations", headers or {}, body)


def test_prefers_the_least_busy_instance() -> None:
    busy, idle = Instance(GOOD, in_flight=2), Instance(GOOD)

    with fleet(busy, idle).instance(None) as (_, chosen):
        assert chosen is idle  # type: ignore[comparison-overlap]  # a stand-in


def test_leaves_out_instances_that_are_not_healthy() -> None:
    with fleet(Instance(GOOD, healthy=False)).instance(None) as (_, chosen):
        assert chosen is None


def test_knows_when_an_instance_is_free_again() -> None:
    instance = Instance(GOOD)

    with pytest.raises(ZeroDivisionError), fleet(instance).instance("main"):
        _ = 1 / 0

    assert instance.in_flight == 0


def test_sends_nothing_where_no_variant_has_a_weight() -> None:
    with (
        pytest.raises(NoVariant, match="no variant has a weight above 0"),
        fleet(Instance(GOOD), weight=0).instance(None),
    ):
        pass


def test_hands_out_the_old_variants_when_they_are_swapped() -> None:
    served = fleet(Instance(GOOD))
    old = served.variants

    assert served.swap([]) is old
    assert served.variants == []


def test_answers_what_the_container_answers(serving: Any) -> None:
    serving(fleet(Instance(GOOD)))

    assert invoke() == (
        200,
        {"x-Amzn-Invoked-Production-Variant": "main", "Content-Type": "text/csv"},
        b"1.5",
    )


@pytest.mark.parametrize(
    ("instance", "code", "status", "said"),
    [
        (Instance(TimeoutError()), "ModelError", 424, "Your invocation timed out"),
        (Instance(ConnectionResetError("reset")), "ModelError", 424, "closed the connection: reset"),
        (Instance(Answer(500, {}, b"boom")), "ModelError", 424, "Received server error (500) from primary"),
        (Instance(GOOD, healthy=False), "ServiceUnavailable", 503, "no container of the variant main"),
    ],
)
def test_tells_what_went_wrong(serving: Any, instance: Instance, code: str, status: int, said: str) -> None:
    serving(fleet(instance))

    with pytest.raises(ServiceError) as raised:
        invoke()

    assert (raised.value.code, raised.value.status) == (code, status)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/endpoints/e/async-invocations", {}),
        ("POST", "/endpoints/e/invocations-response-stream", {}),
        ("POST", "/endpoints/e/invocations", {"x-amzn-sagemaker-target-model": "a.tar.gz"}),
        ("PUT", "/FeatureGroup/houses", {}),
    ],
)
def test_says_what_it_does_not_emulate(method: str, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="the local AWS does not emulate it"):
        runtime.answer(method, path, headers, b"")
