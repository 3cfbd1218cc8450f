"""What the templates hold that is paid for, besides instances: every type of resource is accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clary.pricing import table
from clary.pricing.estimate import Line, Unknowable
from clary.templates import Templates

Count = Callable[[Mapping[str, Any]], int]


def _one(properties: Mapping[str, Any]) -> int:  # noqa: ARG001 - a Count
    return 1


def _zones(properties: Mapping[str, Any]) -> int:
    """An interface endpoint is paid for in each zone that it is in: https://aws.amazon.com/privatelink/pricing/"""
    return len(properties["SubnetIds"]) if properties.get("VpcEndpointType") == "Interface" else 0


def _rules(properties: Mapping[str, Any]) -> int:
    """A managed group counts as one: https://aws.github.io/aws-security-services-best-practices/guides/waf/"""
    return len(properties.get("Rules", ()))


_STANDING: Mapping[str, tuple[tuple[str, str, table.Thing, Count], ...]] = {
    "AWS::CloudWatch::Alarm": (("alarms", "alarm", "alarm", _one),),
    "AWS::CloudWatch::Dashboard": (("dashboards", "dashboard", "dashboard", _one),),
    "AWS::EC2::VPCEndpoint": (("interface endpoints", "endpoint in a zone", "interface-endpoint", _zones),),
    "AWS::KMS::Key": (("keys", "key", "key", _one),),
    "AWS::WAFv2::WebACL": (
        ("the firewall", "web ACL", "web-acl", _one),
        ("the firewall's rules", "rule", "web-acl-rule", _rules),
    ),
}
"""What costs the same whether or not it is used: what it is, one of it, its price, and how many there are."""
_NOTES: Mapping[table.Thing, str] = {
    "alarm": "the account's first 10 are free",
    "dashboard": "the account's first 3 are free",
    "key": "one dollar more after each of the first two rotations, a year apart",
}
_UNPRICED: Mapping[str, str] = {"AWS::SageMaker::MlflowApp": "MLflow Apps"}
"""What is paid for in ways that the table says nothing of."""
_BY_USE: Mapping[str, str] = {
    "AWS::ApiGateway::RestApi": "requests to the API",
    "AWS::Athena::WorkGroup": "queries, by what they read",
    "AWS::Cognito::UserPool": "people and programs that sign in",
    "AWS::DynamoDB::Table": "reads, writes and bytes of tables",
    "AWS::EC2::FlowLog": "flow logs, by their size",
    "AWS::ECR::Repository": "images, by their size",
    "AWS::Glue::Table": "the data catalog, beyond a million objects",
    "AWS::Kinesis::Stream": "what streams carry",
    "AWS::Lambda::Function": "runs of functions",
    "AWS::Logs::LogGroup": "logs, by their size",
    "AWS::S3::Bucket": "data in buckets, and requests for it",
    "AWS::SNS::Topic": "messages",
    "AWS::SQS::Queue": "messages that wait",
    "AWS::SageMaker::Domain": "home directories, by their size",
    "AWS::SageMaker::FeatureGroup": "features, by reads, writes and bytes",
    "AWS::Scheduler::Schedule": "calls by the clock",
    "AWS::ServiceCatalog::CloudFormationProduct": "what people launch for themselves, as long as it runs",
    "AWS::StepFunctions::StateMachine": "steps of state machines",
    "AWS::WAFv2::WebACL": "requests that the firewall looks at",
}
_FREE = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::GatewayResponse",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Model",
        "AWS::ApiGateway::RequestValidator",
        "AWS::ApiGateway::Resource",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::Budgets::Budget",
        "AWS::CloudFormation::Stack",
        "AWS::CloudFormation::WaitConditionHandle",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolGroup",
        "AWS::Cognito::UserPoolResourceServer",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EMR::SecurityConfiguration",
        "AWS::Events::Rule",
        "AWS::Glue::Connection",
        "AWS::Glue::Database",
        "AWS::Glue::SecurityConfiguration",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
        "AWS::Logs::MetricFilter",
        "AWS::Organizations::Policy",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",
        "AWS::SSO::ApplicationAssignment",
        "AWS::SageMaker::AppImageConfig",
        "AWS::SageMaker::DataQualityJobDefinition",
        "AWS::SageMaker::Image",
        "AWS::SageMaker::ImageVersion",
        "AWS::SageMaker::Model",
        "AWS::SageMaker::ModelBiasJobDefinition",
        "AWS::SageMaker::ModelExplainabilityJobDefinition",
        "AWS::SageMaker::ModelPackageGroup",
        "AWS::SageMaker::ModelQualityJobDefinition",
        "AWS::SageMaker::NotebookInstanceLifecycleConfig",
        "AWS::SageMaker::StudioLifecycleConfig",
        "AWS::SageMaker::UserProfile",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::ServiceCatalog::LaunchRoleConstraint",
        "AWS::ServiceCatalog::LaunchTemplateConstraint",
        "AWS::ServiceCatalog::Portfolio",
        "AWS::ServiceCatalog::PortfolioPrincipalAssociation",
        "AWS::ServiceCatalog::PortfolioProductAssociation",
        "AWS::ServiceCatalog::PortfolioShare",
        "AWS::ServiceCatalog::ResourceUpdateConstraint",
        "AWS::ServiceCatalog::TagOption",
        "AWS::ServiceCatalog::TagOptionAssociation",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACLAssociation",
    }
)
"""What costs nothing by itself."""
_IN_THE_FILE = frozenset(
    {
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::InferenceComponent",
        "AWS::SageMaker::MonitoringSchedule",
        "AWS::SageMaker::Space",
    }
)
"""What the file says better: see :mod:`clary.pricing.capacity`."""


def of_templates(templates: Templates, region: str) -> Iterator[Line | Unknowable]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for template in templates.values():
        for resource in template.get("Resources", {}).values():
            found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    for resource_type, of_type in sorted(found.items()):
        for what, unit, thing, count in _STANDING.get(resource_type, ()):
            total = sum(count(properties) for properties in of_type)
            if total:
                price = table.thing(region, thing)
                yield Line(what, "always", total, unit, price, _NOTES.get(thing, ""))
        if resource_type in _UNPRICED:
            yield Line(_UNPRICED[resource_type], "always", len(of_type), "app", None)
        if resource_type in _BY_USE:
            yield Unknowable(_BY_USE[resource_type], "paid for by use")
        elif not _is_known(resource_type):
            yield Unknowable(resource_type, f"{len(of_type)} of a type that Clary's table says nothing of")


def _is_known(resource_type: str) -> bool:
    own = resource_type.startswith(("Custom::", "AWS::CDK::"))
    return own or resource_type in {*_STANDING, *_UNPRICED, *_FREE, *_IN_THE_FILE}
