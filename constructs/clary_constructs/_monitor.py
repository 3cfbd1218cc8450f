"""What watches a model that is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from clary_constructs._content_name import content_name
from clary_constructs._endpoint import ModelEndpoint
from clary_constructs._endpoint_capacity import Instances, RequestCapture, has_local_storage
from clary_constructs._model_container import (
    ModelContainer,
    ModelNetwork,
    execution_policy,
    execution_role,
)
from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

MonitorKind = Literal["data-quality", "model-quality", "bias", "explainability"]

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_NAMES: Mapping[MonitorKind, str] = {
    "data-quality": "DataQuality",
    "model-quality": "ModelQuality",
    "bias": "ModelBias",
    "explainability": "ModelExplainability",
}
_METRICS: Mapping[MonitorKind, str] = {
    "data-quality": "data-metrics",
    "model-quality": "model-metrics",
    "bias": "bias-metrics",
    "explainability": "explainability-metrics",
}
"""https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-cloudwatch.html"""
_LONGEST_NAME = 63


@dataclass(frozen=True)
class MonitorImage:
    """A container that keeps Model Monitor's contract."""

    repository: ecr.IRepository
    tag: str


@dataclass(frozen=True)
class MonitorLimit:
    """When a metric of a monitor is an alarm."""

    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError("a limit has one side, give 'above' or 'below'")


@dataclass(frozen=True)
class Judgement:
    """How the answers are understood, and where it is said what was true.

    `start_offset` and `end_offset` are durations of ISO 8601, from when a job begins: what became true later.
    """

    ground_truth_prefix: str | None = None
    inference: str | None = None
    probability: str | None = None
    probability_threshold: float | None = None
    start_offset: str | None = None
    end_offset: str | None = None
    problem: str | None = None
    """For model quality."""
    config_key: str | None = None
    """For bias and explainability: Clarify's `analysis_config.json`, an object of the bucket."""


@dataclass(frozen=True)
class MonitorBaseline:
    """What is usual: objects of the bucket. Statistics are for data quality."""

    constraints_key: str
    statistics_key: str | None = None


@dataclass(frozen=True)
class MonitorJob:
    """What a monitor runs as."""

    capacity: Instances = field(default_factory=lambda: Instances("ml.m5.large", 1))
    volume_gib: int = 20
    max_runtime: Duration = field(default_factory=lambda: Duration.minutes(30))
    environment: Mapping[str, str] = field(default_factory=dict)


class ModelMonitor(Construct):
    """A job by the clock that compares what an endpoint has captured with a baseline.

    It reads what was captured, the baseline and, where there is one, what was true; it writes reports below
    `reports_prefix`, encrypted, and has no other rights. By default it runs within the VPC and isolated from
    all networks. `limits` are alarms on the metrics that its container tells, on `topic`; an alarm stays
    until the next run says otherwise.

    The job definition is named after its content, the schedule keeps its name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        kind: MonitorKind,
        endpoint: ModelEndpoint,
        capture: RequestCapture,
        image: MonitorImage,
        baseline: MonitorBaseline,
        reports_prefix: str,
        schedule: str,
        topic: sns.ITopic,
        limits: Mapping[str, MonitorLimit],
        encryption_key: kms.IKey,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        judgement: Judgement | None = None,
        job: MonitorJob | None = None,
        network_isolation: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        judgement, job = judgement or Judgement(), job or MonitorJob()
        _check(kind, baseline, judgement)
        self._bucket, self._key = capture.bucket, encryption_key
        self.schedule_name = f"{endpoint.endpoint_name}-{kind}"
        if len(self.schedule_name) > _LONGEST_NAME:
            raise ValueError(
                f"the schedule name '{self.schedule_name}' has {len(self.schedule_name)} characters,"
                f" SageMaker takes {_LONGEST_NAME}"
            )
        network = ModelNetwork(selected_subnets(vpc, subnets).subnets, security_groups)
        role = execution_role(self, f"Watches one model ({kind}): reads what was captured, writes reports")
        policy = execution_policy(
            self,
            role,
            f"What the {kind} monitor of one model may do",
            containers=[ModelContainer(image.repository, image.tag)],
            encryption_key=encryption_key,
            log_groups=[],
            network=network,
        )
        truth = judgement.ground_truth_prefix
        self._allow_data(
            policy, [capture.prefix, *([truth] if truth else [])], baseline, judgement, reports_prefix
        )
        policy.allow_logs_of("ProcessingJobs")
        self._allow_metrics(policy)

        given = {
            "endpoint_name": endpoint.endpoint_name,
            "local_path": f"{_INPUT}/endpoint",
            "inference_attribute": judgement.inference,
            "probability_attribute": judgement.probability,
            "probability_threshold_attribute": judgement.probability_threshold,
            "start_time_offset": judgement.start_offset,
            "end_time_offset": judgement.end_offset,
        }
        application: dict[str, Any] = {
            "image_uri": image.repository.repository_uri_for_tag(image.tag),
            "environment": dict(job.environment) or None,
            "problem_type": judgement.problem,
            "config_uri": judgement.config_key and self._url(judgement.config_key),
        }
        words = {
            "kind": kind,
            "application": {name: value for name, value in application.items() if value is not None},
            "given": {name: value for name, value in given.items() if value is not None},
            "truth": truth and self._url(truth),
            "constraints": self._url(baseline.constraints_key),
            "statistics": baseline.statistics_key and self._url(baseline.statistics_key),
            "output": self._url(reports_prefix),
            "key": encryption_key.key_arn,
            # SageMaker refuses a key for disks that encrypt themselves
            "volume_key": None if has_local_storage(job.capacity.type) else encryption_key.key_arn,
            "type": job.capacity.type,
            "count": job.capacity.count,
            "volume": job.volume_gib,
            "seconds": job.max_runtime.to_seconds(),
            "role": role.role_arn,
            "network": network.config,
            "isolated": network_isolation,
        }
        definition = _definition(self, content_name(self, self.schedule_name, words), kind=kind, words=words)
        definition.node.add_dependency(policy)
        self.schedule = sagemaker.CfnMonitoringSchedule(
            self,
            "Schedule",
            monitoring_schedule_name=self.schedule_name,
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=definition.job_definition_name,
                monitoring_type=_NAMES[kind],
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression=schedule
                ),
            ),
        )
        self.schedule.node.add_dependency(definition)
        self.schedule.add_resource_dependency(endpoint.endpoint)
        self.alarms = [
            self._alarm(endpoint.endpoint_name, kind, metric, limit, topic)
            for metric, limit in limits.items()
        ]

    def _alarm(
        self, endpoint_name: str, kind: MonitorKind, metric: str, limit: MonitorLimit, topic: sns.ITopic
    ) -> cloudwatch.Alarm:
        comparison = cloudwatch.ComparisonOperator
        above = limit.above is not None
        alarm = cloudwatch.Alarm(
            self,
            f"Alarm{''.join(part.capitalize() for part in metric.replace('_', '-').split('-'))}",
            alarm_description=f"{endpoint_name}: {kind}, {metric}",
            metric=cloudwatch.Metric(
                namespace=f"aws/sagemaker/Endpoints/{_METRICS[kind]}",
                metric_name=metric,
                dimensions_map={"Endpoint": endpoint_name, "MonitoringSchedule": self.schedule_name},
                statistic="Maximum" if above else "Minimum",
                period=Duration.hours(1),
            ),
            threshold=limit.above if limit.above is not None else float(limit.below or 0),
            evaluation_periods=1,
            comparison_operator=comparison.GREATER_THAN_THRESHOLD
            if above
            else comparison.LESS_THAN_THRESHOLD,
            # between two runs there is nothing to say
            treat_missing_data=cloudwatch.TreatMissingData.IGNORE,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        return alarm

    def _url(self, key: str) -> str:
        return self._bucket.s3_url_for_object(key)

    def _allow_data(
        self,
        policy: AccessPolicy,
        read: Sequence[str],
        baseline: MonitorBaseline,
        judgement: Judgement,
        reports_prefix: str,
    ) -> None:
        bucket = self._bucket
        policy.allow(
            ["s3:GetObject"],
            [bucket.arn_for_objects(f"{prefix}/*") for prefix in read],
            wildcard_because="what was captured, and what was true, is named by its time",
        )
        keys = [baseline.constraints_key, baseline.statistics_key, judgement.config_key]
        policy.allow(["s3:GetObject"], [bucket.arn_for_objects(key) for key in keys if key is not None])
        policy.allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [bucket.arn_for_objects(f"{reports_prefix}/*")],
            wildcard_because="reports are named by their time",
        )
        policy.allow(["s3:GetBucketLocation", "s3:ListBucket"], [bucket.bucket_arn])
        policy.allow(["kms:GenerateDataKey"], [self._key.key_arn])

    def _allow_metrics(self, policy: AccessPolicy) -> None:
        policy.allow(
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringLike": {"cloudwatch:namespace": "aws/sagemaker/Endpoints/*-metrics"}},
            wildcard_because="PutMetricData takes no resource, the namespace confines it",
        )


def _definition(scope: Construct, name: str, *, kind: MonitorKind, words: Mapping[str, Any]) -> Any:
    """The four kinds have the same words, each with its own name before them."""
    cfn: Any = getattr(sagemaker, f"Cfn{_NAMES[kind]}JobDefinition")
    snake = {
        "data-quality": "data_quality",
        "model-quality": "model_quality",
        "bias": "model_bias",
        "explainability": "model_explainability",
    }[kind]
    prefix = _NAMES[kind]
    baseline = {"constraints_resource": cfn.ConstraintsResourceProperty(s3_uri=words["constraints"])}
    if words["statistics"] is not None:
        baseline["statistics_resource"] = cfn.StatisticsResourceProperty(s3_uri=words["statistics"])
    given: dict[str, Any] = {"endpoint_input": cfn.EndpointInputProperty(**words["given"])}
    if words["truth"] is not None:
        given["ground_truth_s3_input"] = cfn.MonitoringGroundTruthS3InputProperty(s3_uri=words["truth"])
    output = cfn.S3OutputProperty(local_path=_OUTPUT, s3_uri=words["output"], s3_upload_mode="EndOfJob")
    properties = {
        f"{snake}_app_specification": getattr(cfn, f"{prefix}AppSpecificationProperty")(
            **words["application"]
        ),
        f"{snake}_baseline_config": getattr(cfn, f"{prefix}BaselineConfigProperty")(**baseline),
        f"{snake}_job_input": getattr(cfn, f"{prefix}JobInputProperty")(**given),
        f"{snake}_job_output_config": cfn.MonitoringOutputConfigProperty(
            kms_key_id=words["key"],
            monitoring_outputs=[cfn.MonitoringOutputProperty(s3_output=output)],
        ),
    }
    return cfn(
        scope,
        "Definition",
        job_definition_name=name,
        job_resources=cfn.MonitoringResourcesProperty(
            cluster_config=cfn.ClusterConfigProperty(
                instance_count=words["count"],
                instance_type=words["type"],
                volume_size_in_gb=words["volume"],
                volume_kms_key_id=words["volume_key"],
            )
        ),
        network_config=cfn.NetworkConfigProperty(
            enable_inter_container_traffic_encryption=True,
            enable_network_isolation=words["isolated"],
            vpc_config=cfn.VpcConfigProperty(**words["network"]),
        ),
        role_arn=words["role"],
        stopping_condition=cfn.StoppingConditionProperty(max_runtime_in_seconds=words["seconds"]),
        **properties,
    )


def _check(kind: MonitorKind, baseline: MonitorBaseline, judgement: Judgement) -> None:
    if kind in ("model-quality", "bias") and judgement.ground_truth_prefix is None:
        raise ValueError(f"'{kind}' compares with what was true, give 'ground_truth_prefix'")
    if kind not in ("model-quality", "bias") and judgement.ground_truth_prefix is not None:
        raise ValueError(f"'{kind}' knows nothing of what was true, remove 'ground_truth_prefix'")
    if (kind == "model-quality") != (judgement.problem is not None):
        raise ValueError("'problem' is for model quality, and is needed there")
    if (kind in ("bias", "explainability")) != (judgement.config_key is not None):
        raise ValueError("'config_key' is for bias and explainability, and is needed there")
    if kind != "data-quality" and baseline.statistics_key is not None:
        raise ValueError(f"'{kind}' has no baseline of statistics, remove 'statistics_key'")
