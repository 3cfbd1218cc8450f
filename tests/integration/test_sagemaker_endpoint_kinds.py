"""Endpoints of several variants, instances, containers and models, through boto3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws
from support.serving import Hall
from support.waiting import eventually


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, "200000000021", tmp_path_factory.mktemp("hall")) as made:
        yield made


def refusal(hall: Hall, endpoint: str, **more: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        hall.ask(endpoint, **more)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_serves_several_instances_as_several_processes(hall: Hall) -> None:
    described = hall.serve("machines", hall.variant(hall.model("machines", hall.container()), instances=2))

    seen: set[str] = set()
    eventually(lambda: bool(seen.add(hall.ask("machines", "who")) or len(seen) == 2))
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_changes_weights_and_capacities_in_place(hall: Hall) -> None:
    hall.serve(
        "scaled",
        hall.variant(hall.model("scaled-a", hall.container(2)), "a"),
        hall.variant(hall.model("scaled-b", hall.container(3)), "b", weight=0),
    )
    before = hall.ask("scaled", "who", TargetVariant="a")

    hall.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="scaled",
        DesiredWeightsAndCapacities=[
            {"VariantName": "a", "DesiredWeight": 0.0},
            {"VariantName": "b", "DesiredWeight": 2.0, "DesiredInstanceCount": 2},
        ],
    )
    a, b = hall.settled("scaled")["ProductionVariants"]

    assert (a["CurrentWeight"], a["CurrentInstanceCount"]) == (0.0, 1)
    assert (b["CurrentWeight"], b["DesiredWeight"], b["CurrentInstanceCount"]) == (2.0, 2.0, 2)
    assert hall.ask("scaled", "1") == "3.0"
    assert hall.ask("scaled", "who", TargetVariant="a") == before


# --- many models -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(hall: Hall) -> str:
    for name, factor in (("two", 2), ("three", 3), ("deeper/four", 4)):
        hall.put_model(f"many/{name}.tar.gz", factor)
    container = hall.container(
        Mode="MultiModel", ModelDataUrl=f"s3://{hall.bucket}/many/", Environment={"LIMIT": "2"}
    )
    hall.serve("many", hall.variant(hall.model("many", container)))
    return "many"


def test_loads_the_model_that_is_asked_for(hall: Hall, many: str) -> None:
    assert hall.ask(many, "1", TargetModel="two.tar.gz") == "2.0"
    assert hall.ask(many, "1", TargetModel="three.tar.gz") == "3.0"
    assert hall.ask(many, "1", TargetModel="two.tar.gz") == "2.0"


def test_unloads_the_model_that_was_not_used_for_longest_when_memory_is_short(hall: Hall, many: str) -> None:
    for target in ("two.tar.gz", "three.tar.gz", "deeper/four.tar.gz"):
        hall.ask(many, "1", TargetModel=target)

    assert hall.ask(many, "1", TargetModel="deeper/four.tar.gz") == "4.0"
    assert hall.ask(many, "loaded", TargetModel="three.tar.gz") == "2"
    eventually(lambda: hall.metric("ModelUnloadingTime", EndpointName="many", VariantName="main") > 0)


def test_tells_that_there_is_no_such_model(hall: Hall, many: str) -> None:
    code, message = refusal(hall, many, TargetModel="none.tar.gz")

    assert code == "ValidationError"
    assert message.startswith(
        f"Failed to download model data(bucket: {hall.bucket}, key: many/none.tar.gz). Please ensure"
    )


def test_wants_to_know_which_model(hall: Hall, many: str) -> None:
    assert "must have a target model header" in refusal(hall, many)[1]


# --- several containers ----------------------------------------------------------------------------


def test_passes_a_request_through_all_containers_of_a_pipeline(hall: Hall) -> None:
    hall.serve("pipeline", hall.variant(hall.model("pipeline", hall.container(2), hall.container(5))))

    assert hall.ask("pipeline", "3") == "30.0"
    code, message = refusal(hall, "pipeline", body="nonsense")
    assert (code, message.split(". See")[0]) == (
        "ModelError",
        'Received client error (400) from container-1 with message "not a number: nonsense"',
    )


def test_asks_one_of_several_containers_directly(hall: Hall) -> None:
    hall.serve(
        "direct",
        hall.variant(
            hall.model(
                "direct",
                hall.container(2, ContainerHostname="double"),
                hall.container(3, ContainerHostname="triple"),
                InferenceExecutionConfig={"Mode": "Direct"},
            )
        ),
    )

    assert hall.ask("direct", "1", TargetContainerHostname="double") == "2.0"
    assert hall.ask("direct", "1", TargetContainerHostname="triple") == "3.0"
    assert "must name a target container" in refusal(hall, "direct")[1]
    assert (
        "no container with the hostname 'none'" in refusal(hall, "direct", TargetContainerHostname="none")[1]
    )


def test_refuses_targets_that_an_endpoint_does_not_have(hall: Hall) -> None:
    hall.serve("simple", hall.variant(hall.model("simple", hall.container())))

    assert refusal(hall, "simple", TargetModel="m.tar.gz") == (
        "ValidationError",
        "Endpoint simple is not a multi-model endpoint and does not support target model header.",
    )
    assert refusal(hall, "simple", TargetContainerHostname="x")[0] == "ValidationError"


# --- copies and streams ----------------------------------------------------------------------------


def test_copies_requests_to_a_shadow_variant_and_drops_its_answers(hall: Hall) -> None:
    described = hall.serve(
        "shadowed",
        hall.variant(hall.model("shadowed", hall.container(2))),
        ShadowProductionVariants=[
            hall.variant(hall.model("shadow", hall.container(Environment={"BROKEN": "1"})), "shadow")
        ],
    )

    answers = {hall.ask("shadowed", "1") for _ in range(5)}
    errors = {"EndpointName": "shadowed", "VariantName": "shadow"}
    eventually(lambda: hall.metric("Invocation5XXErrors", **errors) == 5)
    assert answers == {"2.0"}
    assert described["ShadowProductionVariants"][0]["VariantName"] == "shadow"


def test_streams_an_answer(hall: Hall) -> None:
    hall.serve("streaming", hall.variant(hall.model("streaming", hall.container())))

    answer = hall.runtime.invoke_endpoint_with_response_stream(EndpointName="streaming", Body=b"stream")
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]

    assert b"".join(parts) == b"one two three"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "main")


def test_tells_at_once_that_a_stream_has_failed(hall: Hall) -> None:
    hall.serve("refusing", hall.variant(hall.model("refusing", hall.container())))

    with pytest.raises(ClientError) as raised:
        hall.runtime.invoke_endpoint_with_response_stream(EndpointName="refusing", Body=b"nonsense")

    assert raised.value.response["Error"]["Code"] == "ModelError"
    assert raised.value.response["OriginalStatusCode"] == 400


def test_serves_a_version_of_a_model_package_once_it_is_approved(hall: Hall) -> None:
    hall.sagemaker.create_model_package_group(ModelPackageGroupName="registered")
    arn = hall.sagemaker.create_model_package(
        ModelPackageGroupName="registered",
        InferenceSpecification={
            "Containers": [hall.container(2)],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]

    with pytest.raises(ClientError, match="must be approved before it is deployed"):
        hall.model("registered", {"ModelPackageName": arn})
    hall.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    hall.serve("registered", hall.variant(hall.model("registered", {"ModelPackageName": arn})))

    assert hall.ask("registered", "21") == "42.0"
