"""What AWS refuses beyond the schemas: keys that need or exclude each other, values that go together.

cfn-lint writes such rules down as schemas of their own (`data/schemas/extensions`), each with a source in
AWS's documentation. Listed here are those that a service enforces for one resource by itself, and where in
its properties they hold; left out are advice, lists of instance types, and rules that look at several
resources of a template.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local_aws.cloudformation.validation import Finding, Validator

Place = tuple[str, ...]

_GROUP_RULES = ("protocols_and_port_ranges_include", "all_to_and_from_ports")
_CONSTRAINTS: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "AWS::ApiGateway::Authorizer": {"": {"aws_apigateway_authorizer": ("ttl",)}},
    "AWS::ApiGateway::RestApi": {"": {"aws_apigateway_restapi": ("openapi_properties",)}},
    "AWS::ApiGateway::Stage": {
        "MethodSettings/*": {"aws_apigateway_stage": ("method_settings_resource_path",)}
    },
    "AWS::AutoScaling::LaunchConfiguration": {
        "BlockDeviceMappings/*/Ebs": {"aws_ec2_instance": ("blockdevicemappings",)},
    },
    "AWS::CloudFront::Distribution": {
        "DistributionConfig/DefaultCacheBehavior": {"aws_cloudfront_distribution": ("forward_enum",)},
        "DistributionConfig/CacheBehaviors/*": {"aws_cloudfront_distribution": ("forward_enum",)},
    },
    "AWS::CloudWatch::Alarm": {"": {"aws_cloudwatch_alarm": ("period",)}},
    "AWS::CodeBuild::Project": {
        "Artifacts": {"aws_codebuild_project": ("s3_locations",)},
        "Source": {"aws_codebuild_project": ("s3_locations",)},
    },
    "AWS::DynamoDB::Table": {
        "": {"aws_dynamodb_table": ("billingmode_exclusive", "billingmode_provisioned_dependent")},
    },
    "AWS::EC2::Instance": {
        "": {"aws_ec2_instance": ("privateipaddress",)},
        "BlockDeviceMappings/*/Ebs": {"aws_ec2_instance": ("blockdevicemappings",)},
    },
    "AWS::EC2::LaunchTemplate": {
        "LaunchTemplateData/BlockDeviceMappings/*/Ebs": {"aws_ec2_instance": ("blockdevicemappings",)},
    },
    "AWS::EC2::NetworkInterface": {"": {"aws_ec2_instance": ("privateipaddress",)}},
    "AWS::EC2::SecurityGroup": {
        "SecurityGroupIngress/*": {"aws_ec2_securitygroup": _GROUP_RULES},
        "SecurityGroupEgress/*": {"aws_ec2_securitygroup": _GROUP_RULES},
    },
    "AWS::EC2::SecurityGroupEgress": {"": {"aws_ec2_securitygroup": _GROUP_RULES}},
    "AWS::EC2::SecurityGroupIngress": {"": {"aws_ec2_securitygroup": _GROUP_RULES}},
    "AWS::ECS::TaskDefinition": {
        "": {"aws_ecs_taskdefinition": ("fargate_cpu_memory", "fargate_properties")},
        "ContainerDefinitions": {"aws_ecs_taskdefinition": ("containerdefinitions_essential",)},
        "ContainerDefinitions/*/LogConfiguration": {"aws_ecs_taskdefinition": ("logging_configuration",)},
    },
    "AWS::ElastiCache::ReplicationGroup": {
        "": {"aws_elasticache_replicationgroup": ("transitencryptionenabled_valkey",)},
    },
    "AWS::ElasticLoadBalancing::LoadBalancer": {
        "Listeners/*": {"aws_elasticloadbalancing_loadbalancer": ("certificate",)},
    },
    "AWS::ElasticLoadBalancingV2::Listener": {"": {"aws_elasticloadbalancingv2_listener": ("certificate",)}},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "": {"aws_elasticloadbalancingv2_loadbalancer": ("application_subnets",)},
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {
        "": {
            "aws_elasticloadbalancingv2_targetgroup": (
                "healthcheckprotocol_restrictions",
                "protocol_restrictions",
                "targettype_restrictions",
            ),
        },
    },
    "AWS::FSx::FileSystem": {"": {"aws_fsx_filesystem": ("storage_capacity",)}},
    "AWS::Lambda::EventSourceMapping": {
        "": {
            "aws_lambda_eventsourcemapping": (
                "eventsourcearn_sqs_exclusive",
                "eventsourcearn_stream_inclusive",
            ),
        },
    },
    "AWS::Lambda::Function": {
        "": {
            "aws_lambda_function": (
                "capacity_provider_timeout",
                "loglevel_logformat",
                "packagetype_image_exclusions",
                "zipfile_runtime_enum",
                "zipfile_runtime_exists",
            ),
        },
        "Environment/Variables": {"aws_lambda_function": ("environment_variable_keys",)},
    },
    "AWS::RDS::DBCluster": {"": {"aws_rds_dbcluster": ("monitoring", "multiaz", "serverless_exclusive")}},
    "AWS::RDS::DBInstance": {
        "": {
            "aws_rds_dbinstance": (
                "aurora_exclusive",
                "backupretentionperiod_maximum",
                "kmskey_storageencrypted",
                "replicamode_enum",
            ),
        },
    },
    "AWS::Route53::HealthCheck": {
        "HealthCheckConfig": {"aws_route53_healthcheck": ("healthcheckconfig_type_inclusive",)},
    },
    "AWS::Route53::RecordSet": {"": {"aws_route53_recordset": ("recordset_alias", "recordset_pattern")}},
    "AWS::Route53::RecordSetGroup": {
        "RecordSets/*": {"aws_route53_recordset": ("recordset_alias", "recordset_pattern")},
    },
    "AWS::S3::Bucket": {"": {"aws_s3_bucket": ("ownershipcontrols",)}},
    "AWS::SQS::Queue": {"": {"aws_sqs_queue": ("properties",)}},
}


def findings(type_name: str, properties: Mapping[str, Any], schemas: Path) -> Iterator[Finding]:
    """What is wrong with a resource's properties by the rules that are not in its own schema."""
    for place, folders in _CONSTRAINTS.get(type_name, {}).items():
        validators = [
            _validator(schemas / "extensions" / folder / f"{name}.json")
            for folder, names in folders.items()
            for name in names
        ]
        for path, value in _values(properties, tuple(filter(None, place.split("/"))), ()):
            for validator in validators:
                for finding in validator.findings(value):
                    yield Finding((*path, *finding.path), finding.message)


def files() -> Iterator[str]:
    """The rules that are used, as `folder/name`."""
    for places in _CONSTRAINTS.values():
        for folders in places.values():
            for folder, names in folders.items():
                yield from (f"{folder}/{name}" for name in names)


@cache
def _validator(file: Path) -> Validator:
    return Validator(json.loads(file.read_text()))


def _values(value: Any, place: Place, path: Place) -> Iterator[tuple[Place, Any]]:
    if not place:
        yield path, value
    elif place[0] == "*" and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _values(item, place[1:], (*path, str(number)))
    elif isinstance(value, Mapping) and place[0] in value:
        yield from _values(value[place[0]], place[1:], (*path, place[0]))
