"""What a team works with, and the roles its jobs and its people work as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from clary_constructs._policy import AccessPolicy
from clary_constructs._subnets import selected_subnets
from constructs import Construct

_LIST_OBJECTS = ["s3:ListBucket"]
_READ_OBJECTS = ["s3:GetObject", "s3:GetObjectVersion"]
_WRITE_OBJECTS = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_USE_KEY = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
]
_GRANT_KEY = ["kms:CreateGrant"]
_LOG_IN_TO_REGISTRY = ["ecr:GetAuthorizationToken"]
_PULL_IMAGES = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
]
_PUSH_IMAGES = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]
_WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
_READ_LOGS = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"]
_PUT_METRICS = ["cloudwatch:PutMetricData"]
_MAKE_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
]
_DESCRIBE_NETWORK = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]
_DESCRIBE_STUDIO = [
    "sagemaker:DescribeApp",
    "sagemaker:DescribeDomain",
    "sagemaker:DescribeSpace",
    "sagemaker:DescribeUserProfile",
]
_LIST_STUDIO = [
    "sagemaker:ListApps",
    "sagemaker:ListDomains",
    "sagemaker:ListSpaces",
    "sagemaker:ListUserProfiles",
]
_RUN_OWN_SPACE = ["sagemaker:CreateApp", "sagemaker:DeleteApp", "sagemaker:UpdateSpace"]
_TAG = ["sagemaker:AddTags"]
_START_JOBS = [
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
]
_FOLLOW_JOBS = [
    "sagemaker:DescribeHyperParameterTuningJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    "sagemaker:StopHyperParameterTuningJob",
    "sagemaker:StopProcessingJob",
    "sagemaker:StopTrainingJob",
]
_LIST_JOBS = [
    "sagemaker:ListHyperParameterTuningJobs",
    "sagemaker:ListProcessingJobs",
    "sagemaker:ListTrainingJobs",
]
_CALL_ENDPOINTS = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"]
_PASS_ROLE = ["iam:PassRole"]

_IN_A_VPC: Mapping[str, object] = {
    "sagemaker:VpcSecurityGroupIds": "false",
    "sagemaker:VpcSubnets": "false",
}
"""Under `Null`: a job says its subnets and groups. A set operator alone is true of a job that has none:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""


@dataclass(frozen=True)
class TeamWorkspace:
    """What one team works with: its own prefix of the buckets, its repositories, the network."""

    name: str
    """In lower case, its words joined by single hyphens."""
    data_bucket: s3.IBucket
    models_bucket: s3.IBucket
    encryption_key: kms.IKey
    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup
    repositories: Sequence[ecr.IRepository] = ()
    endpoint_names: Sequence[str] = ()

    @property
    def object_prefix(self) -> str:
        """Below which the team's objects lie, in every bucket."""
        return f"{self.name}/"

    @property
    def job_prefix(self) -> str:
        """What the names of the team's jobs begin with.

        Two hyphens, because a team `risk` must not own the jobs of a team `risk-europe`.
        """
        return f"{self.name}--"

    @property
    def subnet_ids(self) -> list[str]:
        return selected_subnets(self.vpc, self.subnets).subnet_ids


class PermissionsBoundary(Construct):
    """The most that any role of an environment may do, whatever its policies say.

    It grants nothing. What it leaves out is what would let somebody out: roles and policies, users of
    Studio and the URLs that sign them in, keys' administration, jobs outside the VPC, and resources of
    other accounts.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role_path: str) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        policy = AccessPolicy(self, "Boundary", description="The most that a role of this environment may do")
        why = "a boundary grants nothing: it caps what the roles' own policies grant, resource by resource"
        this_account = {"StringEquals": {"aws:ResourceAccount": stack.account}}
        policy.allow(
            [
                *_LIST_OBJECTS,
                *_READ_OBJECTS,
                *_WRITE_OBJECTS,
                *_USE_KEY,
                *_GRANT_KEY,
                *_PULL_IMAGES,
                *_PUSH_IMAGES,
                *sorted({*_WRITE_LOGS, *_READ_LOGS}),
                *_DESCRIBE_STUDIO,
                *_RUN_OWN_SPACE,
                *_TAG,
                *_FOLLOW_JOBS,
                *_CALL_ENDPOINTS,
            ],
            ["*"],
            conditions=this_account,
            wildcard_because=why,
        )
        policy.allow(
            [
                *_LOG_IN_TO_REGISTRY,
                *_PUT_METRICS,
                *_MAKE_INTERFACES,
                *_DESCRIBE_NETWORK,
                *_LIST_STUDIO,
                *_LIST_JOBS,
            ],
            ["*"],
            wildcard_because=why,
        )
        policy.allow(_START_JOBS, ["*"], conditions={"Null": _IN_A_VPC}, wildcard_because=why)
        policy.allow(
            _PASS_ROLE,
            [_role_arn(stack, f"{role_path.strip('/')}/*")],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            wildcard_because=why,
        )
        self.policy: iam.IManagedPolicy = policy.policy


class JobRole(Construct):
    """What a team's training, processing and tuning jobs run as.

    It reads and writes the team's part of the buckets, pulls the team's images, and works in the given
    network: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
    ) -> None:
        super().__init__(scope, construct_id)
        self.role: iam.IRole = iam.Role(
            self,
            "Role",
            description=f"Jobs of the team {workspace.name}",
            assumed_by=_sagemaker(self),
            permissions_boundary=permissions_boundary,
            path=path,
        )
        policy = AccessPolicy(
            self, "Jobs", description=f"What jobs of the team {workspace.name} may do", roles=[self.role]
        )
        _list_objects(policy, workspace)
        _objects(policy, [*_READ_OBJECTS, *_WRITE_OBJECTS], workspace.data_bucket, workspace)
        _objects(policy, [*_READ_OBJECTS, *_WRITE_OBJECTS], workspace.models_bucket, workspace)
        policy.allow(_USE_KEY, [workspace.encryption_key.key_arn])
        # volumes of jobs are encrypted by EC2, on behalf of SageMaker
        policy.allow(
            _GRANT_KEY,
            [workspace.encryption_key.key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
        _pull_images(policy, workspace)
        policy.allow(
            _WRITE_LOGS,
            [_log_group(policy, "/aws/sagemaker/*")],
            wildcard_because="SageMaker has a log group for each kind of job, and a stream for each instance",
        )
        policy.allow(
            _PUT_METRICS,
            ["*"],
            conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
            wildcard_because="metrics have no ARN; the namespace is the condition",
        )
        _work_in_network(policy, workspace)


class StudioRole(Construct):
    """What the members of one team with one persona work as, in Studio.

    They run their own private spaces, read and write the team's data, read its models, run jobs with
    the team's job role in the given network, and call the team's endpoints. One role serves them all:
    the domain's source identity tells them apart, and the policy variables `sagemaker:DomainId` and
    `sagemaker:UserProfileName` keep each in the spaces that are theirs
    (https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-spaces-access.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        job_role: iam.IRole,
        permissions_boundary: iam.IManagedPolicy,
        path: str = "/",
        role_name: str | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._workspace = workspace
        service = _sagemaker(self)
        role = iam.Role(
            self,
            "Role",
            description=description or f"Studio users of the team {workspace.name}",
            assumed_by=service,
            permissions_boundary=permissions_boundary,
            path=path,
            role_name=role_name,
        )
        if role.assume_role_policy is None:
            raise AssertionError("a role that is made here has a trust policy")
        # https://docs.aws.amazon.com/sagemaker/latest/dg/monitor-user-access.html
        role.assume_role_policy.add_statements(
            iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=[service])
        )
        self.role: iam.IRole = role
        self._data = AccessPolicy(
            self, "Data", description=f"Data, models and images of the team {workspace.name}", roles=[role]
        )
        _list_objects(self._data, workspace)
        _objects(self._data, [*_READ_OBJECTS, *_WRITE_OBJECTS], workspace.data_bucket, workspace)
        _objects(self._data, _READ_OBJECTS, workspace.models_bucket, workspace)
        # without conditions on the grant, or private spaces do not start:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-spaces-access.html
        self._data.allow([*_USE_KEY, *_GRANT_KEY], [workspace.encryption_key.key_arn])
        _pull_images(self._data, workspace)

        self._studio = AccessPolicy(
            self,
            "Studio",
            description=f"Spaces, jobs and endpoints of the team {workspace.name}",
            roles=[role],
        )
        self._run_own_spaces()
        self._run_jobs(job_role)
        if workspace.endpoint_names:
            self._studio.allow(
                _CALL_ENDPOINTS,
                [_sagemaker_arn(self._studio, "endpoint", name) for name in workspace.endpoint_names],
            )

    def allow_image_push(self) -> None:
        """Lets them push to the team's repositories."""
        if self._workspace.repositories:
            self._data.allow(_PUSH_IMAGES, [each.repository_arn for each in self._workspace.repositories])

    def allow_model_upload(self) -> None:
        """Lets them write the team's part of the models bucket, which jobs write otherwise."""
        _objects(self._data, _WRITE_OBJECTS, self._workspace.models_bucket, self._workspace)

    def _run_own_spaces(self) -> None:
        policy = self._studio
        policy.allow(
            _DESCRIBE_STUDIO,
            [_sagemaker_arn(policy, kind, "*") for kind in ("app", "domain", "space", "user-profile")],
            wildcard_because="the domain is made after its roles; settings can be read, not changed",
        )
        policy.allow(_LIST_STUDIO, ["*"], wildcard_because="SageMaker's list operations take no resource")
        mine = {
            "ArnLike": {
                "sagemaker:OwnerUserProfileArn": _sagemaker_arn(
                    policy, "user-profile", "${sagemaker:DomainId}/${sagemaker:UserProfileName}"
                )
            },
            "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
        }
        policy.allow(
            _RUN_OWN_SPACE,
            [_sagemaker_arn(policy, kind, "${sagemaker:DomainId}/*") for kind in ("app", "space")],
            conditions=mine,
            wildcard_because="apps and spaces of this domain whose owner, in the condition, is the caller",
        )
        policy.allow(
            _TAG,
            [_sagemaker_arn(policy, kind, "${sagemaker:DomainId}/*") for kind in ("app", "space")],
            conditions={"Null": {"sagemaker:TaggingAction": "false"}},
            wildcard_because="Studio tags what it creates, as it creates it: the condition allows only that",
        )
        policy.allow(
            _WRITE_LOGS,
            [_log_group(policy, "/aws/sagemaker/studio"), _log_group(policy, "/aws/sagemaker/studio:*")],
            wildcard_because="Studio has one log group, with a stream for each app",
        )

    def _run_jobs(self, job_role: iam.IRole) -> None:
        policy, workspace = self._studio, self._workspace
        jobs = [
            _sagemaker_arn(policy, kind, f"{workspace.job_prefix}*")
            for kind in ("hyper-parameter-tuning-job", "processing-job", "training-job")
        ]
        why = f"the jobs of the team {workspace.name}, told by what their names begin with"
        policy.allow(
            _START_JOBS,
            jobs,
            conditions={
                "Null": _IN_A_VPC,
                "ForAllValues:StringEquals": {
                    "sagemaker:VpcSubnets": workspace.subnet_ids,
                    "sagemaker:VpcSecurityGroupIds": [workspace.security_group.security_group_id],
                },
                # instance types with local disks take no key for them, and so cannot be asked for:
                # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
                "ArnEquals": {
                    "sagemaker:VolumeKmsKey": workspace.encryption_key.key_arn,
                    "sagemaker:OutputKmsKey": workspace.encryption_key.key_arn,
                },
            },
            wildcard_because=why,
        )
        policy.allow(_FOLLOW_JOBS, jobs, wildcard_because=why)
        policy.allow(
            _TAG, jobs, conditions={"Null": {"sagemaker:TaggingAction": "false"}}, wildcard_because=why
        )
        policy.allow(_LIST_JOBS, ["*"], wildcard_because="SageMaker's list operations take no resource")
        policy.allow(
            _PASS_ROLE,
            [job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        policy.allow(
            _READ_LOGS,
            [
                _log_group(policy, f"/aws/sagemaker/{kind}:log-stream:{workspace.job_prefix}*")
                for kind in ("ProcessingJobs", "TrainingJobs")
            ],
            wildcard_because=why,
        )


def _sagemaker(scope: Construct) -> iam.IPrincipal:
    """SageMaker, and only on behalf of this account.

    https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    """
    return iam.ServicePrincipal(
        "sagemaker.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
    )


def _list_objects(policy: AccessPolicy, workspace: TeamWorkspace) -> None:
    policy.allow(
        _LIST_OBJECTS,
        [workspace.data_bucket.bucket_arn, workspace.models_bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": [workspace.object_prefix, f"{workspace.object_prefix}*"]}},
    )


def _objects(
    policy: AccessPolicy, actions: Sequence[str], bucket: s3.IBucket, workspace: TeamWorkspace
) -> None:
    policy.allow(
        actions,
        [bucket.arn_for_objects(f"{workspace.object_prefix}*")],
        wildcard_because=f"the objects of the team {workspace.name}, which lie below its name",
    )


def _pull_images(policy: AccessPolicy, workspace: TeamWorkspace) -> None:
    if workspace.repositories:
        policy.allow(_PULL_IMAGES, [each.repository_arn for each in workspace.repositories])
        policy.allow(
            _LOG_IN_TO_REGISTRY, ["*"], wildcard_because="ECR's login is to a registry, and takes no resource"
        )


def _work_in_network(policy: AccessPolicy, workspace: TeamWorkspace) -> None:
    stack = cdk.Stack.of(policy)
    interfaces = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
    policy.allow(
        _MAKE_INTERFACES,
        [
            interfaces,
            stack.format_arn(
                service="ec2",
                resource="security-group",
                resource_name=workspace.security_group.security_group_id,
            ),
            *(
                stack.format_arn(service="ec2", resource="subnet", resource_name=subnet)
                for subnet in workspace.subnet_ids
            ),
        ],
        wildcard_because="a network interface has no ARN before it is made; its subnet and group are named",
    )
    policy.allow(_DESCRIBE_NETWORK, ["*"], wildcard_because="EC2's describe operations take no resource")


def _sagemaker_arn(scope: Construct, kind: str, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(service="sagemaker", resource=kind, resource_name=name)


def _role_arn(stack: cdk.Stack, name: str) -> str:
    return stack.format_arn(service="iam", region="", resource="role", resource_name=name)


def _log_group(scope: Construct, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
