"""Inference components, and the endpoints without models that they are placed on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from support.deployed import LocalAws, Stacks
from support.servicecatalog import refused
from support.serving import Hall
from support.waiting import eventually

NEEDS = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 256}
VARIANT = {
    "VariantName": "main",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.m5.large",
    "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2},
    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
}
ACCOUNT = "000000000634"
NO_CAPACITY = "Inference Component has no capacity to process this request"


@pytest.fixture(scope="module")
def hall(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with Hall(local_aws, ACCOUNT, tmp_path_factory.mktemp("hall")) as made:
        yield made


@pytest.fixture
def stacks(local_aws: LocalAws) -> Iterator[Stacks]:
    made = Stacks(dataclasses.replace(local_aws, account=ACCOUNT), prefix="components")
    yield made
    made.delete_all()


@pytest.fixture(scope="module")
def endpoint(hall: Hall) -> str:
    client = hall.sagemaker
    client.create_endpoint_config(
        EndpointConfigName="shelf", ExecutionRoleArn=hall.role, ProductionVariants=[VARIANT]
    )
    hall.workshop.serve("shelf", "shelf")
    return "shelf"


def multiplies(hall: Hall, factor: float, **environment: str) -> dict[str, Any]:
    container = hall.container(factor, Environment=environment)
    return {"Container": container, "ComputeResourceRequirements": NEEDS}


def request(hall: Hall, endpoint: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "InferenceComponentName": name,
        "EndpointName": endpoint,
        "VariantName": "main",
        "Specification": multiplies(hall, 2),
        "RuntimeConfig": {"CopyCount": 1},
        **more,
    }


def place(hall: Hall, endpoint: str, name: str, **more: Any) -> dict[str, Any]:
    hall.sagemaker.create_inference_component(**request(hall, endpoint, name, **more))
    return settled(hall, name)


def settled(hall: Hall, name: str) -> dict[str, Any]:
    def described() -> dict[str, Any]:
        found: dict[str, Any] = hall.sagemaker.describe_inference_component(InferenceComponentName=name)
        return found

    eventually(lambda: described()["InferenceComponentStatus"] not in ("Creating", "Updating"))
    return described()


def remove(hall: Hall, *names: str) -> None:
    for name in names:
        hall.sagemaker.delete_inference_component(InferenceComponentName=name)
    listed = hall.sagemaker.list_inference_components
    eventually(
        lambda: not {*names} & {one["InferenceComponentName"] for one in listed()["InferenceComponents"]}
    )


def test_two_of_them_answer_on_one_endpoint_each_by_its_name(hall: Hall, endpoint: str) -> None:
    hall.model("triple", hall.container(3))
    of_model = {"ModelName": "triple", "ComputeResourceRequirements": NEEDS}

    doubled = place(hall, endpoint, "doubled")
    tripled = place(hall, endpoint, "tripled", Specification=of_model)

    assert [one["InferenceComponentStatus"] for one in (doubled, tripled)] == ["InService", "InService"]
    assert doubled["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    assert hall.ask(endpoint, "2", InferenceComponentName="doubled") == "4.0"
    assert hall.ask(endpoint, "2", InferenceComponentName="tripled") == "6.0"
    eventually(lambda: hall.metric("InvocationsPerCopy", InferenceComponentName="tripled") == 1)
    with refused("ValidationError", "Inference Component Name header is required"):
        hall.ask(endpoint)
    with refused("ValidationError", "Inference Component nobody of account"):
        hall.ask(endpoint, InferenceComponentName="nobody")
    remove(hall, "doubled", "tripled")
    with refused("ValidationError", "Inference Component doubled of account"):
        hall.ask(endpoint, InferenceComponentName="doubled")


def test_streams_its_answer(hall: Hall, endpoint: str) -> None:
    place(hall, endpoint, "spring")

    answer = hall.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, InferenceComponentName="spring", Body=b"stream", ContentType="text/csv"
    )

    assert b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]) == b"one two three"
    remove(hall, "spring")


def test_without_copies_it_has_no_capacity_and_its_endpoint_no_instances(hall: Hall, endpoint: str) -> None:
    client = hall.sagemaker
    place(hall, endpoint, "sleeper")
    wanted = {"InferenceComponentName": "sleeper", "DesiredRuntimeConfig": {"CopyCount": 0}}

    client.update_inference_component_runtime_config(**wanted)
    asleep = settled(hall, "sleeper")

    assert asleep["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}
    assert instances(hall, endpoint) == 0
    with refused("ValidationError", NO_CAPACITY):
        hall.ask(endpoint, InferenceComponentName="sleeper")
    eventually(lambda: hall.metric("NoCapacityInvocationFailures", InferenceComponentName="sleeper") == 1)

    client.update_inference_component_runtime_config(**wanted | {"DesiredRuntimeConfig": {"CopyCount": 2}})
    assert settled(hall, "sleeper")["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert instances(hall, endpoint) == 1
    eventually(lambda: len({hall.ask(endpoint, "who", InferenceComponentName="sleeper")}) == 1)
    remove(hall, "sleeper")


def instances(hall: Hall, endpoint: str) -> int:
    described = hall.sagemaker.describe_endpoint(EndpointName=endpoint)
    return int(described["ProductionVariants"][0]["CurrentInstanceCount"])


def test_a_new_specification_replaces_the_old_one_and_a_bad_one_does_not(hall: Hall, endpoint: str) -> None:
    client = hall.sagemaker
    place(hall, endpoint, "changing", RuntimeConfig={"CopyCount": 2})
    policy = {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 0,
    }

    client.update_inference_component(
        InferenceComponentName="changing",
        Specification=multiplies(hall, 5),
        DeploymentConfig={"RollingUpdatePolicy": policy},
    )
    changed = settled(hall, "changing")
    assert "FailureReason" not in changed
    assert changed["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert hall.ask(endpoint, "2", InferenceComponentName="changing") == "10.0"

    broken = multiplies(hall, 7)
    broken["Container"]["Image"] = f"{hall.image}-that-nobody-has-pushed"
    client.update_inference_component(InferenceComponentName="changing", Specification=broken)
    kept = settled(hall, "changing")
    assert kept["InferenceComponentStatus"] == "InService"
    assert "that-nobody-has-pushed" in kept["FailureReason"]
    assert kept["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == hall.image
    assert hall.ask(endpoint, "2", InferenceComponentName="changing") == "10.0"
    remove(hall, "changing")


def test_an_alarm_brings_the_old_specification_back_without_a_failed_request(
    hall: Hall, endpoint: str
) -> None:
    client, cloudwatch = hall.sagemaker, hall.client("cloudwatch")
    place(hall, endpoint, "guarded", RuntimeConfig={"CopyCount": 2})
    cloudwatch.put_metric_alarm(
        AlarmName="wrong",
        Namespace="Ours",
        MetricName="Wrong",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    policy = {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 600,
    }
    guards = {
        "RollingUpdatePolicy": policy,
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "wrong"}]},
    }
    answers: set[str] = set()

    client.update_inference_component(
        InferenceComponentName="guarded", Specification=multiplies(hall, 9), DeploymentConfig=guards
    )
    eventually(lambda: _asked(hall, endpoint, "guarded", answers) == {"4.0", "18.0"})
    cloudwatch.set_alarm_state(AlarmName="wrong", StateValue="ALARM", StateReason="test")
    eventually(
        lambda: (
            _asked(hall, endpoint, "guarded", answers)
            and client.describe_inference_component(InferenceComponentName="guarded")[
                "InferenceComponentStatus"
            ]
            == "InService"
        )
    )

    back = settled(hall, "guarded")
    assert "in the state ALARM: wrong" in back["FailureReason"]
    assert back["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert {hall.ask(endpoint, "2", InferenceComponentName="guarded") for _ in range(10)} == {"4.0"}
    remove(hall, "guarded")


def _asked(hall: Hall, endpoint: str, name: str, answers: set[str]) -> set[str]:
    """What has been answered so far, and once more."""
    answers.add(hall.ask(endpoint, "2", InferenceComponentName=name))
    return answers


def test_what_it_is_asked_is_captured_with_its_endpoint(hall: Hall) -> None:
    hall.serve(
        "seen",
        VARIANT,
        ExecutionRoleArn=hall.role,
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{hall.bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    )
    place(hall, "seen", "witness")

    hall.ask("seen", "2", InferenceComponentName="witness")

    eventually(lambda: hall.workshop.keys("captured/seen/main/"))
    remove(hall, "witness")


def test_one_that_does_not_start_has_failed_and_can_be_deleted(hall: Hall, endpoint: str) -> None:
    broken = multiplies(hall, 1, FACTOR="no number")

    failed = place(hall, endpoint, "broken", Specification=broken)

    assert failed["InferenceComponentStatus"] == "Failed"
    assert "for inference component broken" in failed["FailureReason"]
    with refused("ValidationException", "Cannot update failed inference component"):
        hall.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName="broken", DesiredRuntimeConfig={"CopyCount": 2}
        )
    remove(hall, "broken")


def test_keeps_its_endpoint_from_being_deleted(hall: Hall, endpoint: str) -> None:
    place(hall, endpoint, "book")
    with refused("ValidationException", "it has inference components (book)"):
        hall.sagemaker.delete_endpoint(EndpointName=endpoint)
    hall.configure("with-model", hall.variant(hall.model("other", hall.container(1))))
    with refused("ValidationException", "no variant for its inference components (book)"):
        hall.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="with-model")
    remove(hall, "book")


def test_is_refused_where_it_has_no_place_or_no_model(hall: Hall, endpoint: str) -> None:
    def create(of: dict[str, Any]) -> None:
        hall.sagemaker.create_inference_component(**of)

    with refused("ValidationException", "Could not find endpoint"):
        create(request(hall, "nowhere", "lost"))
    with refused("ValidationException", "Variant other was not found"):
        create(request(hall, endpoint, "lost", VariantName="other"))
    with refused("ValidationException", "larger than 0"):
        create(request(hall, endpoint, "lost", RuntimeConfig={"CopyCount": 0}))
    with refused("ValidationException", "Could not find model"):
        create(
            request(
                hall,
                endpoint,
                "lost",
                Specification={"ModelName": "nobody", "ComputeResourceRequirements": NEEDS},
            )
        )
    with refused("ValidationException", "base inference component nobody"):
        adapter = {"BaseInferenceComponentName": "nobody", "Container": {"ArtifactUrl": "s3://bucket/key"}}
        create(request(hall, endpoint, "lost", Specification=adapter))


def test_a_configuration_without_models_needs_a_role_and_no_serverless_variant(hall: Hall) -> None:
    create = hall.sagemaker.create_endpoint_config
    with refused("ValidationException", "ExecutionRoleArn must be given"):
        create(EndpointConfigName="roleless", ProductionVariants=[VARIANT])
    serverless = {"VariantName": "main", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    with refused("ValidationException", "must have a ModelName"):
        create(EndpointConfigName="serverless", ExecutionRoleArn=hall.role, ProductionVariants=[serverless])


def test_deploys_with_its_endpoint_and_goes_with_it(hall: Hall, stacks: Stacks) -> None:
    def resources(copies: int) -> dict[str, Any]:
        return {
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"ExecutionRoleArn": hall.role, "ProductionVariants": [VARIANT]},
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
            },
            "Component": {
                "Type": "AWS::SageMaker::InferenceComponent",
                "Properties": {
                    "EndpointName": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
                    "VariantName": "main",
                    "Specification": multiplies(hall, 4),
                    "RuntimeConfig": {"CopyCount": copies},
                },
            },
        }

    status = {"Status": {"Fn::GetAtt": ["Component", "InferenceComponentStatus"]}}
    stack = stacks.deploy(resources(1), outputs=status)
    client = hall.sagemaker
    (made,) = client.list_inference_components()["InferenceComponents"]
    name = {"InferenceComponentName": made["InferenceComponentName"]}

    assert stack.outputs["Status"] == "InService"
    assert stack.physical_id("Component") == made["InferenceComponentArn"]
    stacks.deploy(resources(2), name=stack.name, outputs=status)
    assert client.describe_inference_component(**name)["RuntimeConfig"]["CurrentCopyCount"] == 2
    hall.client("cloudformation").delete_stack(StackName=stack.name)
    eventually(lambda: not client.list_inference_components()["InferenceComponents"])
