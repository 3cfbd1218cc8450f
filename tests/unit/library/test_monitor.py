"""What watches an endpoint, as a template has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from clary_constructs import (
    Instances,
    Judgement,
    ModelContainer,
    ModelEndpoint,
    ModelMonitor,
    ModelVariant,
    MonitorBaseline,
    MonitorImage,
    MonitorJob,
    MonitorLimit,
    RequestCapture,
)


class World:
    def __init__(self) -> None:
        self.stack = cdk.Stack()
        self.bucket = s3.Bucket(self.stack, "Bucket")
        self.repository = ecr.Repository(self.stack, "Images")
        vpc = ec2.Vpc(self.stack, "Vpc", max_azs=1)
        self.place: dict[str, Any] = {
            "encryption_key": kms.Key(self.stack, "Key"),
            "vpc": vpc,
            "subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            "security_groups": [ec2.SecurityGroup(self.stack, "Group", vpc=vpc)],
        }
        self.topic = sns.Topic(self.stack, "Topic")
        self.capture = RequestCapture(bucket=self.bucket, prefix="research/captured")
        self.endpoint = ModelEndpoint(
            self.stack,
            "Model",
            endpoint_name="line",
            variants={
                "main": ModelVariant([ModelContainer(self.repository, "v1")], Instances("ml.m5.large", 1))
            },
            capture=self.capture,
            **self.place,
        )

    def watch(self, kind: Any = "data-quality", **changed: Any) -> ModelMonitor:
        given: dict[str, Any] = {
            "image": MonitorImage(self.repository, "m1"),
            "baseline": MonitorBaseline("research/usual/constraints.json"),
            "reports_prefix": "research/reports",
            "schedule": "cron(0 * ? * * *)",
            "limits": {"violations": MonitorLimit(above=0)},
        }
        return ModelMonitor(
            self.stack,
            "Monitor",
            kind=kind,
            endpoint=self.endpoint,
            capture=self.capture,
            topic=self.topic,
            **self.place,
            **{**given, **changed},
        )

    @property
    def template(self) -> Template:
        return Template.from_stack(self.stack)


def definition(world: World, kind: str) -> Mapping[str, Any]:
    (found,) = world.template.find_resources(f"AWS::SageMaker::{kind}JobDefinition").values()
    told: dict[str, Any] = found["Properties"]
    return told


TRUTH = Judgement(ground_truth_prefix="research/truth", inference="0", problem="Regression")
FAIR = Judgement(
    ground_truth_prefix="research/truth", inference="0", config_key="research/analysis_config.json"
)
WHY = Judgement(inference="0", config_key="research/analysis_config.json")


@pytest.mark.parametrize(
    ("kind", "judgement", "name"),
    [
        ("data-quality", None, "DataQuality"),
        ("model-quality", TRUTH, "ModelQuality"),
        ("bias", FAIR, "ModelBias"),
        ("explainability", WHY, "ModelExplainability"),
    ],
)
def test_each_kind_runs_isolated_encrypted_and_within_the_vpc(
    kind: str, judgement: Judgement | None, name: str
) -> None:
    world = World()
    world.watch(kind, judgement=judgement)

    told = definition(world, name)

    assert told["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert told["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is True
    assert told["NetworkConfig"]["VpcConfig"]["Subnets"]
    assert told["JobResources"]["ClusterConfig"]["VolumeKmsKeyId"]
    assert told[f"{name}JobOutputConfig"]["KmsKeyId"]
    world.template.has_resource_properties(
        "AWS::SageMaker::MonitoringSchedule",
        {
            "MonitoringScheduleName": f"line-{kind}",
            "MonitoringScheduleConfig": {
                "MonitoringType": name,
                "MonitoringJobDefinitionName": told["JobDefinitionName"],
                "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
            },
        },
    )


def test_what_is_found_is_an_alarm_that_stays_until_the_next_run() -> None:
    world = World()
    world.watch()

    world.template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Namespace": "aws/sagemaker/Endpoints/data-metrics",
            "MetricName": "violations",
            "Dimensions": [
                {"Name": "Endpoint", "Value": "line"},
                {"Name": "MonitoringSchedule", "Value": "line-data-quality"},
            ],
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "TreatMissingData": "ignore",
            "AlarmActions": [Match.any_value()],
        },
    )


def test_a_figure_that_must_not_fall_is_watched_at_its_lowest() -> None:
    world = World()
    world.watch(limits={"r2": MonitorLimit(below=0.0)})

    world.template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {"Statistic": "Minimum", "ComparisonOperator": "LessThanThreshold", "Threshold": 0},
    )


def test_changed_content_is_another_definition_and_the_same_schedule() -> None:
    def names(tag: str) -> tuple[str, str]:
        world = World()
        world.watch(image=MonitorImage(world.repository, tag))
        (schedule,) = world.template.find_resources("AWS::SageMaker::MonitoringSchedule").values()
        name = schedule["Properties"]["MonitoringScheduleName"]
        return definition(world, "DataQuality")["JobDefinitionName"], name

    first, again, other = names("m1"), names("m1"), names("m2")

    assert first == again
    assert other[0] != first[0]
    assert other[1] == first[1]


def test_it_reads_what_it_compares_and_writes_reports_and_nothing_else() -> None:
    world = World()
    world.watch("model-quality", judgement=TRUTH)

    written = [
        str(world.stack.resolve(statement["Resource"]))
        for policy in world.template.find_resources("AWS::IAM::ManagedPolicy").values()
        if "monitor" in policy["Properties"]["Description"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
    ]

    assert len(written) == 1
    assert "/research/reports/*" in written[0]


def test_disks_that_encrypt_themselves_get_no_key() -> None:
    world = World()
    world.watch(job=MonitorJob(Instances("ml.m5d.large", 1)))

    assert "VolumeKmsKeyId" not in definition(world, "DataQuality")["JobResources"]["ClusterConfig"]


@pytest.mark.parametrize(
    ("kind", "changed", "words"),
    [
        ("model-quality", {"judgement": Judgement(problem="Regression")}, "give 'ground_truth_prefix'"),
        ("data-quality", {"judgement": TRUTH}, "remove 'ground_truth_prefix'"),
        ("model-quality", {"judgement": FAIR}, "'problem' is for model quality"),
        ("explainability", {"judgement": Judgement(inference="0")}, "'config_key' is for bias"),
        (
            "bias",
            {"judgement": FAIR, "baseline": MonitorBaseline("a.json", "b.json")},
            "remove 'statistics_key'",
        ),
    ],
)
def test_refuses_what_a_kind_has_not(kind: str, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        World().watch(kind, **changed)


@pytest.mark.parametrize("sides", [{}, {"above": 1.0, "below": 0.0}])
def test_refuses_a_limit_without_one_side(sides: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="one side"):
        MonitorLimit(**sides)
