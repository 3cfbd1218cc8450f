"""Endpoints through boto3, on a running local AWS."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from local_aws.containers import why_not_separated
from support.deployed import LocalAws
from support.sagemaker import Workshop
from support.waiting import AT_ONCE


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, "200000000002", tmp_path_factory.mktemp("image")) as made:
        yield made


def failure(call: Callable[[], object]) -> dict[str, object]:
    with pytest.raises(ClientError) as raised:
        call()
    return {**raised.value.response["Error"], **raised.value.response}


def test_serves_a_model_once_it_is_in_service(workshop: Workshop) -> None:
    workshop.sagemaker.create_endpoint(
        EndpointName="plain", EndpointConfigName=workshop.configure("plain", factor=2)
    )
    workshop.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="plain", WaiterConfig=AT_ONCE)

    assert workshop.invoke("plain", "21") == "42.0"


def test_swaps_the_model_without_a_failed_request(workshop: Workshop) -> None:
    workshop.serve("swapped", workshop.configure("old", factor=2))
    answers: list[str] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answers.append(workshop.invoke("swapped", "1"))

    asking = threading.Thread(target=keep_asking)
    asking.start()
    workshop.sagemaker.update_endpoint(
        EndpointName="swapped", EndpointConfigName=workshop.configure("new", factor=3)
    )
    after = workshop.settled("swapped")
    last = workshop.invoke("swapped", "1")
    stop.set()
    asking.join()

    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "new")
    assert last == "3.0"
    assert set(answers) <= {"2.0", "3.0"}
    assert answers == sorted(answers)


def test_stays_with_the_old_model_when_the_new_one_does_not_start(workshop: Workshop) -> None:
    workshop.serve("kept", workshop.configure("working", factor=2))

    workshop.sagemaker.update_endpoint(
        EndpointName="kept", EndpointConfigName=workshop.configure("broken", factor=0)
    )
    after = workshop.settled("kept")

    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "working")
    assert "a factor of 0 is of no use" in after["FailureReason"]
    assert workshop.invoke("kept", "21") == "42.0"


def test_fails_with_the_reason_when_the_first_model_does_not_start(workshop: Workshop) -> None:
    after = workshop.serve("failed", workshop.configure("useless", factor=0))

    assert after["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in after["FailureReason"]


def test_restarts_a_container_that_dies(workshop: Workshop) -> None:
    runtime = workshop.client("sagemaker-runtime")
    workshop.serve("mortal", workshop.configure("mortal", factor=2))

    died = failure(lambda: workshop.invoke("mortal", "die"))
    answer = None
    while answer is None:
        with contextlib.suppress(runtime.exceptions.ServiceUnavailable, runtime.exceptions.ModelError):
            answer = workshop.invoke("mortal", "21")

    assert (died["Code"], died["OriginalStatusCode"]) == ("ModelError", 0)
    assert answer == "42.0"


def test_hands_on_what_the_model_answers_when_it_refuses(workshop: Workshop) -> None:
    workshop.serve("strict", workshop.configure("strict", factor=2))

    refused = failure(lambda: workshop.invoke("strict", "{}", content_type="application/json"))

    assert (refused["Code"], refused["OriginalStatusCode"], refused["OriginalMessage"]) == (
        "ModelError",
        415,
        "only text/csv",
    )
    assert str(refused["Message"]).startswith('Received client error (415) from primary with message "only')


def test_passes_custom_attributes_there_and_back(workshop: Workshop) -> None:
    workshop.serve("attributed", workshop.configure("attributed", factor=2))

    answer = workshop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="attributed", Body=b"1", ContentType="text/csv", CustomAttributes="trace-7"
    )

    assert answer["CustomAttributes"] == "trace-7"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_sends_a_request_to_the_variant_that_is_asked_for(workshop: Workshop) -> None:
    for name, factor in (("double", 2), ("triple", 3)):
        workshop.configure(name, factor)
    workshop.sagemaker.create_endpoint_config(
        EndpointConfigName="both",
        ProductionVariants=[
            workshop.variant("double", "double") | {"InitialVariantWeight": 1.0},
            workshop.variant("triple", "triple") | {"InitialVariantWeight": 0.0},
        ],
    )
    workshop.serve("both", "both")

    assert workshop.invoke("both", "1") == "2.0"
    assert workshop.invoke("both", "1", TargetVariant="triple") == "3.0"
    assert failure(lambda: workshop.invoke("both", "1", TargetVariant="none"))["Code"] == "ValidationError"


@pytest.mark.skipif(why_not_separated() is not None, reason=f"no namespaces here: {why_not_separated()}")
def test_serves_from_a_container_without_a_network(workshop: Workshop) -> None:
    workshop.serve("isolated", workshop.configure("isolated", factor=2, isolated=True))

    seen = json.loads(workshop.invoke("isolated", "environment"))

    assert seen["SAGEMAKER_BIND_TO_PORT"] == "8080"
    assert "AWS_ACCESS_KEY_ID" not in seen
    assert workshop.invoke("isolated", "21") == "42.0"


def test_starts_a_container_with_its_role_and_without_the_servers_environment(workshop: Workshop) -> None:
    workshop.serve("clean", workshop.configure("clean", factor=2))

    seen = json.loads(workshop.invoke("clean", "environment"))

    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "GATEWAY_PORT" not in seen


def test_refuses_a_body_that_is_too_large(workshop: Workshop) -> None:
    refused = failure(lambda: workshop.invoke("any", "1" * (6 * 1024 * 1024 + 1)))

    assert refused["Code"] == "413"


def test_knows_no_endpoint_that_was_not_created(workshop: Workshop) -> None:
    refused = failure(lambda: workshop.invoke("never", "1"))

    assert (refused["Code"], refused["Message"]) == (
        "ValidationError",
        "Endpoint never of account 200000000002 not found.",
    )


def test_is_gone_after_it_was_deleted(workshop: Workshop) -> None:
    workshop.serve("deleted", workshop.configure("deleted", factor=2))

    workshop.sagemaker.delete_endpoint(EndpointName="deleted")
    workshop.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="deleted", WaiterConfig=AT_ONCE)

    assert failure(lambda: workshop.invoke("deleted", "1"))["Code"] == "ValidationError"
