"""What one has to be allowed for CloudFormation to make, change or remove a resource.

CloudFormation calls the service with its caller's rights, or with its service role's. AWS's resource schemas
list everything that a type's handler may ever call (`handlers.create.permissions`). Which calls it makes for
the properties at hand is not written anywhere, so these count here:

- the type's own action: the one of the list that is named after the type (`s3:CreateBucket`), or the entry
  in `_OWN` where the list or the names do not tell;
- what `_BY_PROPERTY` says a property is set with, and the action that tags, where the template has tags;
- `iam:PassRole` for each role in the properties, where the list has it;
- `s3:GetObject` for a function's code;
- what `_LOOKS` says a handler looks at, however little it is told to do.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html (handlers)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from local_aws import hooks
from local_aws.cloudformation.schema import UnknownTypeError, resource_type
from local_aws.identity.passing import EC2, ROLE, of_profile

Verb = Literal["create", "update", "delete"]
Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Needed:
    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


_VERBS: Mapping[Verb, tuple[str, ...]] = {
    "create": (
        "Create", "Put", "Register", "Run", "Allocate", "Request", "Associate", "Attach", "Authorize", "Add",
        "Set", "Start", "Publish", "Enable", "Import", "Define", "Subscribe", "Update", "Modify",
    ),
    "update": ("Update", "Modify", "Put", "Set", "Replace", "Change", "Publish", "Create", "Register"),
    "delete": (
        "Delete", "Deregister", "Terminate", "Release", "Remove", "Disassociate", "Detach", "Revoke",
        "Disable", "Schedule", "Unsubscribe", "Cancel", "Stop",
    ),
}  # fmt: skip
"""How the names of actions begin, the likeliest first."""

_OWN: Mapping[tuple[str, Verb], tuple[str, ...]] = {
    ("AWS::Budgets::Budget", "delete"): ("budgets:ModifyBudget",),
    ("AWS::EC2::FlowLog", "update"): (),
    ("AWS::EC2::SecurityGroup", "update"): (
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
    ),
    ("AWS::ECR::Repository", "update"): (),
    ("AWS::IAM::ManagedPolicy", "update"): ("iam:CreatePolicyVersion",),
    ("AWS::IAM::ManagedPolicy", "delete"): ("iam:DeletePolicy",),
    ("AWS::KMS::Key", "update"): (),
    ("AWS::Logs::LogGroup", "update"): (),
    ("AWS::S3::Bucket", "update"): (),
    ("AWS::SQS::Queue", "update"): ("sqs:SetQueueAttributes",),
    ("AWS::SQS::QueuePolicy", "delete"): ("sqs:SetQueueAttributes",),
    ("AWS::SageMaker::EndpointConfig", "update"): (),
    ("AWS::ServiceCatalog::CloudFormationProduct", "create"): ("servicecatalog:CreateProduct",),
    ("AWS::WAFv2::WebACLAssociation", "create"): ("wafv2:AssociateWebACL",),
    ("AWS::WAFv2::WebACLAssociation", "update"): ("wafv2:AssociateWebACL",),
    ("AWS::WAFv2::WebACLAssociation", "delete"): ("wafv2:DisassociateWebACL",),
}

_API_GATEWAY: Mapping[Verb, str] = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
"""Management of APIs is authorised by HTTP's verbs."""

_NO_ACTION = ("AWS::CDK::Metadata", "AWS::CloudFormation::Wait")

_BY_PROPERTY: Mapping[str, Mapping[str, str]] = {
    "AWS::ECR::Repository": {
        "LifecyclePolicy": "ecr:PutLifecyclePolicy",
        "RepositoryPolicyText": "ecr:SetRepositoryPolicy",
    },
    "AWS::IAM::Role": {
        "AssumeRolePolicyDocument": "iam:UpdateAssumeRolePolicy",
        "ManagedPolicyArns": "iam:AttachRolePolicy",
        "PermissionsBoundary": "iam:PutRolePermissionsBoundary",
        "Policies": "iam:PutRolePolicy",
    },
    "AWS::KMS::Key": {
        "EnableKeyRotation": "kms:EnableKeyRotation",
        "KeyPolicy": "kms:PutKeyPolicy",
    },
    "AWS::Lambda::Function": {
        "Code": "lambda:UpdateFunctionCode",
        "ReservedConcurrentExecutions": "lambda:PutFunctionConcurrency",
    },
    "AWS::Logs::LogGroup": {"RetentionInDays": "logs:PutRetentionPolicy"},
    "AWS::S3::Bucket": {
        "AccelerateConfiguration": "s3:PutAccelerateConfiguration",
        "AnalyticsConfigurations": "s3:PutAnalyticsConfiguration",
        "BucketEncryption": "s3:PutEncryptionConfiguration",
        "CorsConfiguration": "s3:PutBucketCORS",
        "IntelligentTieringConfigurations": "s3:PutIntelligentTieringConfiguration",
        "InventoryConfigurations": "s3:PutInventoryConfiguration",
        "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
        "LoggingConfiguration": "s3:PutBucketLogging",
        "MetricsConfigurations": "s3:PutMetricsConfiguration",
        "NotificationConfiguration": "s3:PutBucketNotification",
        "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "OwnershipControls": "s3:PutBucketOwnershipControls",
        "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
        "ReplicationConfiguration": "s3:PutReplicationConfiguration",
        "VersioningConfiguration": "s3:PutBucketVersioning",
        "WebsiteConfiguration": "s3:PutBucketWebsite",
    },
    "AWS::SNS::Topic": {"Subscription": "sns:Subscribe"},
}
"""Set with a call of their own. On creation, what `_PART_OF_CREATION` has is part of the first call."""

_PART_OF_CREATION = {
    "iam:PutRolePermissionsBoundary",
    "iam:UpdateAssumeRolePolicy",
    "kms:PutKeyPolicy",
    "lambda:UpdateFunctionCode",
}

_LOOKS: Mapping[str, str] = {
    "AWS::EC2::SecurityGroup": "ec2:DescribeSecurityGroups",
    "AWS::EC2::SecurityGroupEgress": "ec2:DescribeSecurityGroupRules",
    "AWS::EC2::SecurityGroupIngress": "ec2:DescribeSecurityGroupRules",
    "AWS::Logs::LogGroup": "logs:DescribeLogGroups",
}
"""What handlers find their own resources by; it takes no resource."""

_ATTACHED: Mapping[Verb, str] = {"create": "Put", "update": "Put", "delete": "Delete"}

_SERVICE_NAMES = {
    "AWS::EC2::FlowLog": "vpc-flow-logs",
    "AWS::ECS::TaskDefinition": "ecs-tasks",
    "AWS::IAM::InstanceProfile": "ec2",
    "AWS::KinesisFirehose": "firehose",
    "AWS::StepFunctions": "states",
}
"""To whom roles are passed, where it is not the service's name in small letters."""

_ROLE_PROPERTY = re.compile(r"role|credentials|permissionarn", re.IGNORECASE)


def needed(
    kind: str,
    verb: Verb,
    properties: Properties,
    *,
    previous: Properties,
    physical_id: str | None,
    name: str,
) -> Iterator[Needed]:
    """`name` is the resource's where it has not got one yet; `previous` is empty but for an update."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        token = str(properties.get("ServiceToken", ""))
        action = "sns:Publish" if token.split(":")[2:3] == ["sns"] else "lambda:InvokeFunction"
        yield Needed(action, token)
        return
    if kind.startswith(_NO_ACTION):
        return
    resource = arn(kind, properties, physical_id, name)
    changed = {key for key in {*properties, *previous} if properties.get(key) != previous.get(key)}
    tags = _tags(kind, properties)
    context = _context(kind, properties, tags)
    if kind == "AWS::IAM::Policy":
        yield from _inline_policies(verb, properties, previous)
        return
    if kind == "AWS::EMR::Cluster":
        yield from _cluster(verb, properties, previous, physical_id, context)
        return
    for action in own_actions(kind, verb):
        yield Needed(action, resource, context)
    if kind in _LOOKS:
        yield Needed(_LOOKS[kind], "*")
    if kind == "AWS::SageMaker::NotebookInstance":
        yield from _notebook(verb, properties)
    if kind == "AWS::ECR::Repository":
        yield from _repository(verb, properties)
    if kind == "AWS::SageMaker::EndpointConfig" and verb == "create":
        yield from _endpoint_disks(properties)
    if verb == "delete":
        return
    for property_name, action in _BY_PROPERTY.get(kind, {}).items():
        if property_name in changed and not (verb == "create" and action in _PART_OF_CREATION):
            for more in _about_property(property_name, properties):
                yield Needed(action, resource, {**context, **more})
    tagging = _tagging_action(kind, verb)
    if tags and tagging and (verb == "create" or tags != _tags(kind, previous)):
        yield Needed(tagging, resource, context)
    if "Code" in changed and kind == "AWS::Lambda::Function":
        code = properties.get("Code") or {}
        if "S3Bucket" in code:
            yield Needed("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code.get('S3Key', '')}")
    if "iam:PassRole" in _listed(kind, verb):
        held = set(_roles(previous))
        for role in dict.fromkeys(_roles(properties)):
            if role not in held:
                yield Needed("iam:PassRole", role, {"iam:PassedToService": _passed_to(kind)})


@cache
def own_actions(kind: str, verb: Verb) -> tuple[str, ...]:
    """The actions that a type's creation, update or deletion is about."""
    if (kind, verb) in _OWN:
        return _OWN[kind, verb]
    service, short = kind.split("::")[1].lower(), kind.rpartition("::")[2].lower()
    if service.startswith("apigateway"):
        return (f"apigateway:{_API_GATEWAY[verb]}",)
    if service == "cloudformation":
        return (f"cloudformation:{verb.capitalize()}Stack",) if short == "stack" else ()
    listed = [action for action in _listed(kind, verb) if ":" in action]
    found = [(_fit(action, service, short, verb), -place, action) for place, action in enumerate(listed)]
    best = max((candidate for candidate in found if candidate[0] is not None), default=None)
    return (best[2],) if best else ()


def _fit(action: str, service: str, short: str, verb: Verb) -> tuple[bool, bool, bool, int] | None:
    """How well an action's name fits a type's; None where it is about something else altogether."""
    namespace, _, name = action.partition(":")
    rank = next((place for place, start in enumerate(_VERBS[verb]) if name.startswith(start)), None)
    if rank is None or "Tag" in name:
        return None
    noun = name.removeprefix(_VERBS[verb][rank]).lower()
    return (
        noun in (short, f"{short}s"),
        namespace == service,
        noun.startswith(short) or short.startswith(noun),
        -rank,
    )


@cache
def _listed(kind: str, verb: Verb) -> Sequence[str]:
    try:
        handlers = resource_type(kind).schema.get("handlers") or {}
    except UnknownTypeError:
        return ()
    permissions: Sequence[str] = (handlers.get(verb) or {}).get("permissions") or ()
    return permissions


@cache
def _tagging_action(kind: str, verb: Verb) -> str | None:
    service = kind.split("::")[1].lower()
    wanted = re.compile(r"(Put\w*Tagging|TagResource|AddTags|Tag[A-Z]\w*|CreateTags)$")
    for action in _listed(kind, verb):
        namespace, _, name = action.partition(":")
        if namespace == service and wanted.match(name):
            return action
    return None


def _tags(kind: str, properties: Properties) -> dict[str, str]:
    """The tags of the template; CloudFormation's own need no permission."""
    try:
        tagging = resource_type(kind).tag_property
    except UnknownTypeError:
        return {}
    found = properties.get(tagging[0]) if tagging else None
    if isinstance(found, Mapping):
        pairs = {str(key): str(value) for key, value in found.items()}
    else:
        pairs = {str(tag["Key"]): str(tag.get("Value", "")) for tag in found or () if "Key" in tag}
    return {key: value for key, value in pairs.items() if not key.startswith("aws:")}


def _context(kind: str, properties: Properties, tags: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        found["aws:TagKeys"] = list(tags)
    if kind in ("AWS::IAM::Role", "AWS::IAM::User") and properties.get("PermissionsBoundary"):
        found["iam:PermissionsBoundary"] = properties["PermissionsBoundary"]
    if kind.startswith("AWS::EC2::SecurityGroup"):
        found |= _security_group(kind, properties)
    if kind.startswith("AWS::SageMaker::"):
        from local_aws.identity.sagemaker import condition_keys

        found |= condition_keys(f"Create{kind.rpartition('::')[2]}", properties)
    return found


def _security_group(kind: str, properties: Properties) -> dict[str, str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"""
    vpc = str(properties.get("VpcId", ""))
    if kind != "AWS::EC2::SecurityGroup":
        groups = {each["GroupId"]: each for each in hooks.networks.ec2_records("security groups")}
        vpc = str(groups.get(properties.get("GroupId"), {}).get("VpcId", ""))
    where = f"arn:aws:ec2:{hooks.request.place()}:vpc/{vpc}"
    return {"ec2:Vpc": where, "ec2:CreateAction": "CreateSecurityGroup"}


def _notebook(verb: Verb, properties: Properties) -> Iterator[Needed]:
    """SageMaker puts a notebook instance into a network, and encrypts its disk, as whoever makes it."""
    where, subnet = hooks.request.place(), properties.get("SubnetId")
    interface = f"arn:aws:ec2:{where}:network-interface/*"
    within = {"ec2:Subnet": f"arn:aws:ec2:{where}:subnet/{subnet}"}
    if subnet and verb == "create":
        yield Needed("ec2:DescribeSubnets", "*")
        yield Needed("ec2:CreateNetworkInterface", interface)
        yield Needed("ec2:CreateNetworkInterface", within["ec2:Subnet"])
        for group in properties.get("SecurityGroupIds") or ():
            yield Needed("ec2:CreateNetworkInterface", f"arn:aws:ec2:{where}:security-group/{group}")
        yield Needed("ec2:CreateNetworkInterfacePermission", interface, within)
    elif subnet and verb == "delete":
        yield Needed("ec2:DeleteNetworkInterface", interface, within)
    key = str(properties.get("KmsKeyId", ""))
    if key and verb == "create":
        via = {"kms:ViaService": f"sagemaker.{hooks.request.region()}.amazonaws.com"}
        arn_of_key = key if key.startswith("arn:") else f"arn:aws:kms:{where}:key/{key}"
        yield Needed("kms:CreateGrant", arn_of_key, via)


def _cluster(
    verb: Verb,
    properties: Properties,
    previous: Properties,
    physical_id: str | None,
    tags: Mapping[str, Any],
) -> Iterator[Needed]:
    """What the schema of clusters says nothing of. Making one is about none yet; the rest knows its tags.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html
    """
    where = hooks.request.place()
    cluster = f"arn:aws:elasticmapreduce:{where}:cluster/{physical_id or '*'}"
    own = {
        key.replace("RequestTag", "ResourceTag"): value
        for key, value in tags.items()
        if key.startswith("aws:RequestTag/")
    }
    if verb == "delete":
        yield Needed("elasticmapreduce:TerminateJobFlows", cluster, own)
        yield Needed("elasticmapreduce:DescribeCluster", cluster, own)
        return
    if verb == "create":
        yield Needed("elasticmapreduce:RunJobFlow", "*", tags)
        # made with the account's first cluster, which there never is here
        cleanup = "aws-service-role/elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup"
        yield Needed(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{hooks.request.account_id()}:role/{cleanup}",
            {"iam:AWSServiceName": "elasticmapreduce.amazonaws.com"},
        )
        for name, service in (("ServiceRole", "elasticmapreduce.amazonaws.com"), ("JobFlowRole", EC2)):
            given = str(properties.get(name, ""))
            for role in [given] if ROLE.fullmatch(given) else of_profile(given):
                yield Needed("iam:PassRole", role, {"iam:PassedToService": service})
    yield Needed("elasticmapreduce:DescribeCluster", cluster, own)
    if verb == "create":
        if tags:  # it has none yet
            yield Needed("elasticmapreduce:AddTags", cluster, tags)
        return
    # the groups' ids are asked for before they are resized
    yield Needed("elasticmapreduce:ListInstanceGroups", cluster, own)
    if properties.get("Instances") != previous.get("Instances"):
        yield Needed("elasticmapreduce:ModifyInstanceGroups", cluster, own)
    if properties.get("AutoTerminationPolicy") != previous.get("AutoTerminationPolicy"):
        yield Needed("elasticmapreduce:PutAutoTerminationPolicy", cluster, own)
    if _tags("AWS::EMR::Cluster", properties) != _tags("AWS::EMR::Cluster", previous):
        yield Needed("elasticmapreduce:AddTags", cluster, {**tags, **own})


def _repository(verb: Verb, properties: Properties) -> Iterator[Needed]:
    """ECR is granted a repository's key by whoever makes it, who retires the grant when it goes.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    """
    key = str((properties.get("EncryptionConfiguration") or {}).get("KmsKey", ""))
    action = {"create": "kms:CreateGrant", "delete": "kms:RetireGrant"}.get(verb)
    if key and action is not None:
        where = hooks.request.place()
        via = {"kms:ViaService": f"ecr.{hooks.request.region()}.amazonaws.com"}
        yield Needed(action, key if key.startswith("arn:") else f"arn:aws:kms:{where}:key/{key}", via)


def _endpoint_disks(properties: Properties) -> Iterator[Needed]:
    """CreateEndpoint takes `kms:CreateGrant` where the configuration has a key, whoever has made that.

    https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
    """
    key = str(properties.get("KmsKeyId", ""))
    if key:
        where = f"arn:aws:kms:{hooks.request.place()}:key/{key}"
        via = {"kms:ViaService": f"sagemaker.{hooks.request.region()}.amazonaws.com"}
        yield Needed("kms:CreateGrant", key if key.startswith("arn:") else where, via)


def _about_property(name: str, properties: Properties) -> Iterator[dict[str, Any]]:
    if name == "ManagedPolicyArns":
        yield from ({"iam:PolicyARN": policy} for policy in properties.get(name) or ())
    else:
        yield {}


def _inline_policies(verb: Verb, properties: Properties, previous: Properties) -> Iterator[Needed]:
    """A policy in a template is put into its roles, users and groups."""
    account = hooks.request.account_id()
    for property_name, word in (("Roles", "Role"), ("Users", "User"), ("Groups", "Group")):
        for name in properties.get(property_name) or previous.get(property_name) or ():
            owner = hooks.principals.iam_role(account, name) if word == "Role" else None
            resource = (owner or {}).get("Arn") or f"arn:aws:iam::{account}:{word.lower()}/{name}"
            yield Needed(f"iam:{_ATTACHED[verb]}{word}Policy", resource)


def _roles(value: Any, name: str = "") -> Iterator[str]:
    """The roles among the properties, outside of policies and of what is only handed on as text."""
    if isinstance(value, Mapping):
        if "Statement" in value:
            return
        for key, item in value.items():
            if key != "Environment":
                yield from _roles(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _roles(item, name)
    elif isinstance(value, str) and _ROLE_PROPERTY.search(name) and ROLE.fullmatch(value):
        yield value


def _passed_to(kind: str) -> str:
    service = kind.rpartition("::")[0]
    name = _SERVICE_NAMES.get(kind) or _SERVICE_NAMES.get(service) or kind.split("::")[1].lower()
    return f"{name}.amazonaws.com"


# --- ARNs -------------------------------------------------------------------------------------------

_ARNS: Mapping[str, tuple[str, str]] = {
    "AWS::Budgets::Budget": ("", "arn:aws:budgets::{account}:budget/{name}"),
    "AWS::CloudFormation::Stack": ("StackName", "arn:aws:cloudformation:{region}:{account}:stack/{name}/*"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "arn:aws:dynamodb:{region}:{account}:table/{name}"),
    "AWS::EC2::SecurityGroupEgress": ("GroupId", "arn:aws:ec2:{region}:{account}:security-group/{name}"),
    "AWS::EC2::SecurityGroupIngress": ("GroupId", "arn:aws:ec2:{region}:{account}:security-group/{name}"),
    "AWS::ECR::Repository": ("RepositoryName", "arn:aws:ecr:{region}:{account}:repository/{name}"),
    "AWS::Events::Rule": ("Name", "arn:aws:events:{region}:{account}:rule/{name}"),
    "AWS::IAM::Group": ("GroupName", "arn:aws:iam::{account}:group{path}{name}"),
    "AWS::IAM::InstanceProfile": (
        "InstanceProfileName",
        "arn:aws:iam::{account}:instance-profile{path}{name}",
    ),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "arn:aws:iam::{account}:policy{path}{name}"),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::{account}:role{path}{name}"),
    "AWS::IAM::User": ("UserName", "arn:aws:iam::{account}:user{path}{name}"),
    "AWS::KMS::Alias": ("AliasName", "arn:aws:kms:{region}:{account}:{name}"),
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::Lambda::Permission": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:{region}:{account}:log-group:{name}"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{name}"),
    "AWS::S3::BucketPolicy": ("Bucket", "arn:aws:s3:::{name}"),
    "AWS::SNS::Subscription": ("TopicArn", "arn:aws:sns:{region}:{account}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "arn:aws:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:{region}:{account}:{name}"),
    "AWS::SSM::Parameter": ("Name", "arn:aws:ssm:{region}:{account}:parameter/{name}"),
    "AWS::SecretsManager::Secret": ("Name", "arn:aws:secretsmanager:{region}:{account}:secret:{name}"),
    "AWS::SageMaker::Space": ("SpaceName", "arn:aws:sagemaker:{region}:{account}:space/{domain}/{name}"),
    "AWS::SageMaker::UserProfile": (
        "UserProfileName",
        "arn:aws:sagemaker:{region}:{account}:user-profile/{domain}/{name}",
    ),
    "AWS::ServiceCatalog::CloudFormationProduct": ("", "arn:aws:catalog:{region}:{account}:product/{name}"),
    "AWS::ServiceCatalog::Portfolio": ("", "arn:aws:catalog:{region}:{account}:portfolio/{name}"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName",
        "arn:aws:states:{region}:{account}:stateMachine:{name}",
    ),
}
"""The property with the name, and the ARN; other types' follow the usual form."""

_SERVER_NAMED = ("AWS::EC2::", "AWS::KMS::Key", "AWS::ServiceCatalog::")
"""What nobody names has no ARN before it is there: a policy about all of its kind fits."""


def arn(kind: str, properties: Properties, physical_id: str | None, name: str) -> str:
    """The ARN of a resource, or the one that it is going to have."""
    if physical_id and physical_id.startswith("arn:"):
        return physical_id
    where = {"account": hooks.request.account_id(), "region": hooks.request.region()}
    if kind.startswith("AWS::ApiGateway"):
        return f"arn:aws:apigateway:{where['region']}::/*"
    service, short = kind.split("::")[1].lower(), kind.rpartition("::")[2]
    usual = f"arn:aws:{service}:{{region}}:{{account}}:{_kebab(short)}/{{name}}"
    name_property, template = _ARNS.get(kind, ("", usual))
    with suppress(UnknownTypeError):
        name_property = name_property or resource_type(kind).name_property or ""
    if physical_id:
        # Some are known by a URL, some by several names at once.
        found = properties.get(name_property) or re.split(r"[|]", physical_id.rpartition("://")[2])[0]
        found = str(found).rpartition("/")[2] if "://" in physical_id else str(found)
    elif kind.startswith(_SERVER_NAMED):
        found = "*"
    else:
        found = str(properties.get(name_property) or (name.lower() if service == "s3" else name))
    if found.startswith("arn:"):
        return found
    if service == "sagemaker":
        found = found.lower()  # as in all of its ARNs
    path = str(properties.get("Path") or "/")
    where["domain"] = str(properties.get("DomainId", "")).lower()
    return template.format(**where, path=path, name=found.lstrip("/") if service == "ssm" else found)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
