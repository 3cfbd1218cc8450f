"""Capabilities: what somebody in a team may be able to do, and which rights that takes.

Each capability is a list of rights, as data: the roles of personas and of jobs are made of it, and the
permissions boundary lets through what is in it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from aws_cdk import aws_s3 as s3

from clary_constructs._cluster_right import LIST_CLUSTERS, USE_CLUSTERS, connect_to_emr
from clary_constructs._experiment_right import ON_EXPERIMENTS, ON_NO_EXPERIMENT, track_experiments
from clary_constructs._feature_right import (
    ON_FEATURES,
    ON_NO_FEATURES,
    read_features,
    write_features,
)
from clary_constructs._glue_right import use_glue_sessions
from clary_constructs._right import (
    AS_IT_IS_MADE,
    NO_RESOURCE,
    PASS_ROLE,
    TAG,
    TO_SAGEMAKER,
    Position,
    Right,
    Topic,
)
from clary_constructs._workspace import TeamWorkspace

LIST_OBJECTS = ["s3:ListBucket"]
READ_OBJECTS = ["s3:GetObject", "s3:GetObjectVersion"]
WRITE_OBJECTS = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
USE_KEY = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
]
READ_KEY = ["kms:Decrypt"]
GRANT_KEY = ["kms:CreateGrant"]
LOG_IN_TO_REGISTRY = ["ecr:GetAuthorizationToken"]
PULL_IMAGES = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
]
PULL_FROM_OTHERS = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH_IMAGES = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]
WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
READ_LOGS = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"]
PUT_METRICS = ["cloudwatch:PutMetricData"]
MAKE_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
]
DESCRIBE_NETWORK = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]
DESCRIBE_STUDIO = [
    "sagemaker:DescribeApp",
    "sagemaker:DescribeDomain",
    "sagemaker:DescribeSpace",
    "sagemaker:DescribeUserProfile",
]
LIST_STUDIO = [
    "sagemaker:ListApps",
    "sagemaker:ListDomains",
    "sagemaker:ListSpaces",
    "sagemaker:ListUserProfiles",
]
RUN_APPS = ["sagemaker:CreateApp", "sagemaker:DeleteApp"]
CHANGE_SPACE = ["sagemaker:UpdateSpace"]
DELETE_SPACE = ["sagemaker:DeleteSpace"]
START_JOBS = [
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
]
TRANSFORM = ["sagemaker:CreateTransformJob"]
DESCRIBE_JOBS = [
    "sagemaker:DescribeHyperParameterTuningJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:DescribeTransformJob",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
]
STOP_JOBS = [
    "sagemaker:StopHyperParameterTuningJob",
    "sagemaker:StopProcessingJob",
    "sagemaker:StopTrainingJob",
    "sagemaker:StopTransformJob",
]
LIST_JOBS = [
    "sagemaker:ListHyperParameterTuningJobs",
    "sagemaker:ListProcessingJobs",
    "sagemaker:ListTrainingJobs",
    "sagemaker:ListTransformJobs",
]
CALL_ENDPOINTS = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"]
REGISTER_MODELS = ["sagemaker:CreateModelPackage"]
READ_REGISTRY = ["sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup"]
GROUP_MODELS = ["sagemaker:CreateModelPackageGroup"]
LIST_REGISTRY = ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]
APPROVE_MODELS = ["sagemaker:UpdateModelPackage"]
MAKE_MODELS = ["sagemaker:CreateModel"]
CONFIGURE_ENDPOINTS = ["sagemaker:CreateEndpointConfig"]
RUN_ENDPOINTS = [
    "sagemaker:CreateEndpoint",
    "sagemaker:DeleteEndpoint",
    "sagemaker:DeleteEndpointConfig",
    "sagemaker:DeleteModel",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:UpdateEndpoint",
]
LIST_ENDPOINTS = ["sagemaker:ListEndpointConfigs", "sagemaker:ListEndpoints", "sagemaker:ListModels"]
START_AUTOML = ["sagemaker:CreateAutoMLJobV2"]
DEFINE_PIPELINES = ["sagemaker:CreatePipeline", "sagemaker:DeletePipeline", "sagemaker:UpdatePipeline"]
RUN_PIPELINES = [
    "sagemaker:RetryPipelineExecution",
    "sagemaker:StartPipelineExecution",
    "sagemaker:StopPipelineExecution",
    "sagemaker:UpdatePipelineExecution",
]
FOLLOW_PIPELINES = [
    "sagemaker:DescribePipeline",
    "sagemaker:DescribePipelineDefinitionForExecution",
    "sagemaker:DescribePipelineExecution",
    "sagemaker:ListPipelineExecutionSteps",
    "sagemaker:ListPipelineExecutions",
    "sagemaker:ListPipelineParametersForExecution",
    "sagemaker:ListPipelineVersions",
]
LIST_PIPELINES = ["sagemaker:ListPipelines"]
FOLLOW_AUTOML = [
    "sagemaker:DescribeAutoMLJobV2",
    "sagemaker:ListCandidatesForAutoMLJob",
    "sagemaker:StopAutoMLJob",
]
# --- what everybody has -----------------------------------------------------------------------------


def in_studio(position: Position) -> Iterator[Right]:
    """What it takes to be in Studio at all."""
    # without conditions on the grant, or private spaces do not start:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-spaces-access.html
    yield Right("Data", [*USE_KEY, *GRANT_KEY], [position.workspace.encryption_key.key_arn])
    yield Right(
        "Data",
        ["s3:GetObject"],
        [position.workspace.data_bucket.arn_for_objects(position.workspace.defaults_key)],
    )
    yield Right(
        "Studio",
        DESCRIBE_STUDIO,
        [position.sagemaker(kind, "*") for kind in ("app", "domain", "space", "user-profile")],
        wildcard_because="the domain is made after its roles; settings can be read, not changed",
    )
    yield Right("Studio", LIST_STUDIO, ["*"], wildcard_because=NO_RESOURCE)
    yield Right(
        "Studio",
        WRITE_LOGS,
        [position.log_group("/aws/sagemaker/studio"), position.log_group("/aws/sagemaker/studio:*")],
        wildcard_because="Studio has one log group, with a stream for each app",
    )


# --- data -------------------------------------------------------------------------------------------


def objects(
    actions: Sequence[str], bucket: s3.IBucket, prefix: str, because: str, topic: Topic = "Data"
) -> Right:
    return Right(topic, actions, [bucket.arn_for_objects(f"{prefix}*")], wildcard_because=because)


def listing(buckets: Sequence[s3.IBucket], prefix: str) -> Right:
    return Right(
        "Data",
        LIST_OBJECTS,
        [bucket.bucket_arn for bucket in buckets],
        {"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}},
    )


def team_files(workspace: TeamWorkspace) -> Iterator[Right]:
    """To read and write all that is the team's, of data and of models."""
    yield listing([workspace.data_bucket, workspace.models_bucket], workspace.object_prefix)
    for bucket in (workspace.data_bucket, workspace.models_bucket):
        yield objects(
            [*READ_OBJECTS, *WRITE_OBJECTS], bucket, workspace.object_prefix, below_the_name(workspace)
        )


def read_data(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    yield listing([workspace.data_bucket], workspace.object_prefix)
    yield objects(READ_OBJECTS, workspace.data_bucket, workspace.object_prefix, below_the_name(workspace))


def _write_data(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    yield objects(WRITE_OBJECTS, workspace.data_bucket, workspace.object_prefix, below_the_name(workspace))


def use_private_data(workspace: TeamWorkspace) -> Iterator[Right]:
    yield listing([workspace.data_bucket], workspace.private_prefix)
    yield objects(
        [*READ_OBJECTS, *WRITE_OBJECTS],
        workspace.data_bucket,
        workspace.private_prefix,
        "the objects of whoever asks, which lie below the name that the session began with",
    )


def _read_models(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    yield listing([workspace.models_bucket], workspace.object_prefix)
    yield objects(READ_OBJECTS, workspace.models_bucket, workspace.object_prefix, below_the_name(workspace))


def _write_models(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    yield objects(WRITE_OBJECTS, workspace.models_bucket, workspace.object_prefix, below_the_name(workspace))


def below_the_name(workspace: TeamWorkspace) -> str:
    return f"the objects of the team {workspace.name}, which lie below its name"


def pull_images(position: Position) -> Iterator[Right]:
    """The team's images, and those of the registries that are known: theirs are public to AWS's accounts.

    https://docs.aws.amazon.com/sagemaker/latest/dg/pre-built-containers-frameworks-deep-learning.html
    """
    workspace = position.workspace
    if workspace.repositories:
        yield Right("Data", PULL_IMAGES, [each.repository_arn for each in workspace.repositories])
    if workspace.repositories_for_projects:
        yield _on_projects(position, PULL_IMAGES)
    if workspace.registries:
        yield Right(
            "Data",
            PULL_FROM_OTHERS,
            [
                position.stack.format_arn(
                    service="ecr", account=account, resource="repository", resource_name="*"
                )
                for account in workspace.registries
            ],
            wildcard_because="AWS has a repository for each framework and algorithm, and adds to them",
        )
    if workspace.repositories or workspace.repositories_for_projects or workspace.registries:
        yield Right(
            "Data",
            LOG_IN_TO_REGISTRY,
            ["*"],
            wildcard_because="ECR's login is to a registry, and takes no resource",
        )


def _push_images(position: Position) -> Iterator[Right]:
    if position.workspace.repositories:
        yield Right("Data", PUSH_IMAGES, [each.repository_arn for each in position.workspace.repositories])
    if position.workspace.repositories_for_projects:
        yield _on_projects(position, PUSH_IMAGES)


def _on_projects(position: Position, actions: Sequence[str]) -> Right:
    ours = f"{position.workspace.job_prefix}*"
    return Right(
        "Data",
        actions,
        [position.stack.format_arn(service="ecr", resource="repository", resource_name=ours)],
        wildcard_because=_of_the_team("the repositories of projects", position.workspace),
    )


# --- Studio -----------------------------------------------------------------------------------------


def _run_spaces(position: Position) -> Iterator[Right]:
    mine = {
        "ArnLike": {
            "sagemaker:OwnerUserProfileArn": position.sagemaker(
                "user-profile", "${sagemaker:DomainId}/${sagemaker:UserProfileName}"
            )
        },
        "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
    }
    here = [position.sagemaker(kind, "${sagemaker:DomainId}/*") for kind in ("app", "space")]
    yield Right(
        "Studio",
        [*RUN_APPS, *CHANGE_SPACE],
        here,
        mine,
        "apps and spaces of this domain whose owner, in the condition, is the caller",
    )
    yield _tag_in_studio(position)


def _tag_in_studio(position: Position) -> Right:
    return Right(
        "Studio",
        TAG,
        [position.sagemaker(kind, "${sagemaker:DomainId}/*") for kind in ("app", "space")],
        AS_IT_IS_MADE,
        "Studio tags what it creates, as it creates it: the condition allows only that",
    )


def _use_shared_spaces(position: Position) -> Iterator[Right]:
    """The spaces that the team shares, whoever's of the team they are.

    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-spaces-access.html
    """
    prefix = position.workspace.job_prefix
    yield Right(
        "Studio",
        [*RUN_APPS, *CHANGE_SPACE],
        [position.sagemaker(kind, f"${{sagemaker:DomainId}}/{prefix}*") for kind in ("app", "space")],
        {"StringEquals": {"sagemaker:SpaceSharingType": "Shared"}},
        _of_the_team("shared spaces", position.workspace),
    )
    yield _tag_in_studio(position)


def _build_in_canvas(position: Position) -> Iterator[Right]:
    """Canvas names what it makes after itself, and keeps its files in a part of the team's data.

    https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol-canvas.html has what Canvas
    calls at most; this is what building models from tables takes.
    """
    workspace = position.workspace
    yield Right(
        "Studio",
        RUN_APPS,
        [position.sagemaker("app", "${sagemaker:DomainId}/${sagemaker:UserProfileName}/canvas/*")],
        wildcard_because="Canvas is an app of one's own profile",
    )
    yield objects(
        WRITE_OBJECTS,
        workspace.data_bucket,
        f"{workspace.object_prefix}canvas/",
        f"what Canvas keeps for the team {workspace.name}, which lies in a folder of its own",
    )
    jobs = [position.sagemaker("automl-job", name) for name in ("Canvas*", "canvas*")]
    why = "Canvas makes up the names of its jobs, which begin with its own"
    yield Right("Jobs", START_AUTOML, jobs, _placed_and_encrypted(workspace), why)
    yield Right("Jobs", FOLLOW_AUTOML, jobs, wildcard_because=why)
    yield Right("Jobs", TAG, jobs, AS_IT_IS_MADE, why)
    yield Right("Jobs", PASS_ROLE, [position.job_role.role_arn], TO_SAGEMAKER)


def _administer_studio(position: Position) -> Iterator[Right]:
    why = "an administrator keeps order among everybody's: what exists is known by the file, not here"
    mine = position.sagemaker("user-profile", "${sagemaker:DomainId}/${sagemaker:UserProfileName}")
    yield Right(
        "Studio",
        ["sagemaker:DeleteApp"],
        [position.sagemaker("app", "*")],
        # what has no owner at all, too: negation is met by what is not there
        {"ArnNotLike": {"sagemaker:OwnerUserProfileArn": mine}},
        why,
    )
    yield Right("Studio", DELETE_SPACE, [position.sagemaker("space", "*")], wildcard_because=why)
    yield Right(
        "Jobs",
        [*DESCRIBE_JOBS, *STOP_JOBS],
        [position.sagemaker(kind, "*") for kind in _JOBS],
        wildcard_because=why,
    )
    yield Right("Jobs", LIST_JOBS, ["*"], wildcard_because=NO_RESOURCE)
    yield Right(
        "Jobs",
        ["logs:DescribeLogStreams"],
        [position.log_group(f"/aws/sagemaker/{group}") for group in ("*Jobs", "*Jobs:*", "Endpoints/*")],
        wildcard_because=why,
    )
    yield Right(
        "Jobs",
        ["logs:FilterLogEvents", "logs:GetLogEvents"],
        [position.log_group("/aws/sagemaker/*")],
        wildcard_because=why,
    )


# --- jobs, models and endpoints ---------------------------------------------------------------------

_IN_THE_NETWORK = ("hyper-parameter-tuning-job", "processing-job", "training-job")
_JOBS = (*_IN_THE_NETWORK, "transform-job")


def in_the_network(workspace: TeamWorkspace) -> dict[str, Mapping[str, object]]:
    """A set operator alone is true of a job that has no subnets, so that both are needed:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    return {
        "Null": {"sagemaker:VpcSecurityGroupIds": "false", "sagemaker:VpcSubnets": "false"},
        "ForAllValues:StringEquals": {
            "sagemaker:VpcSubnets": workspace.subnet_ids,
            "sagemaker:VpcSecurityGroupIds": [workspace.security_group.security_group_id],
        },
    }


def _placed_and_encrypted(workspace: TeamWorkspace) -> dict[str, Mapping[str, object]]:
    """In the team's network and with its key.

    Instance types with local disks take no key for them, and so cannot be asked for:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
    """
    key = workspace.encryption_key.key_arn
    return {**in_the_network(workspace), "ArnEquals": _with_key(key)}


def _with_key(key: str) -> dict[str, object]:
    return {"sagemaker:VolumeKmsKey": key, "sagemaker:OutputKmsKey": key}


def start_jobs(position: Position) -> Iterator[Right]:
    """The team's jobs, in its network and with its key, under its job role.

    A transform has neither: its model brings them along, which has to be one of the team's
    (https://docs.aws.amazon.com/sagemaker/latest/dg/batch-vpc.html).
    """
    workspace = position.workspace
    jobs, why = position.ours(*_JOBS), _of_the_team("the jobs", workspace)
    yield Right("Jobs", START_JOBS, position.ours(*_IN_THE_NETWORK), _placed_and_encrypted(workspace), why)
    yield Right(
        "Jobs",
        TRANSFORM,
        position.ours("transform-job"),
        {
            "ArnEquals": _with_key(workspace.encryption_key.key_arn),
            "ArnLike": {"sagemaker:ModelArn": position.ours("model")[0]},
        },
        why,
    )
    yield Right("Jobs", [*DESCRIBE_JOBS, *STOP_JOBS], jobs, wildcard_because=why)
    yield Right("Jobs", TAG, jobs, AS_IT_IS_MADE, why)
    yield Right("Jobs", PASS_ROLE, [position.job_role.role_arn], TO_SAGEMAKER)


def _of_the_team(what: str, workspace: TeamWorkspace) -> str:
    return f"{what} of the team {workspace.name}, told by what their names begin with"


def _run_jobs(position: Position) -> Iterator[Right]:
    workspace = position.workspace
    yield from start_jobs(position)
    yield Right("Jobs", LIST_JOBS, ["*"], wildcard_because=NO_RESOURCE)
    # searching a group would show the streams of other teams, too:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    groups = [f"/aws/sagemaker/{kind}" for kind in ("ProcessingJobs", "TrainingJobs", "TransformJobs")]
    yield Right(
        "Jobs",
        ["logs:GetLogEvents"],
        [position.log_group(f"{group}:log-stream:{workspace.job_prefix}*") for group in groups],
        wildcard_because=_of_the_team("the jobs", workspace),
    )
    yield Right(
        "Jobs",
        ["logs:DescribeLogStreams"],
        [position.log_group(f"{group}{end}") for group in groups for end in ("", ":*")],
        wildcard_because="streams are listed by their group, which all teams' jobs share",
    )


def _run_pipelines(position: Position) -> Iterator[Right]:
    """An execution's ARN begins as its pipeline's. What a pipeline does, it does in a role of its own.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """
    if position.pipeline_role is None:
        raise ValueError("'run-pipelines' takes the role that pipelines run as, give 'pipeline_role'")
    ours, why = position.ours("pipeline"), _of_the_team("the pipelines", position.workspace)
    yield Right("Jobs", [*DEFINE_PIPELINES, *RUN_PIPELINES, *FOLLOW_PIPELINES], ours, wildcard_because=why)
    yield Right("Jobs", TAG, ours, AS_IT_IS_MADE, why)
    yield Right("Jobs", LIST_PIPELINES, ["*"], wildcard_because=NO_RESOURCE)
    yield Right("Jobs", PASS_ROLE, [position.pipeline_role.role_arn], TO_SAGEMAKER)


def _call_endpoints(position: Position) -> Iterator[Right]:
    if position.workspace.endpoint_names:
        yield Right(
            "Models",
            CALL_ENDPOINTS,
            [position.sagemaker("endpoint", name) for name in position.workspace.endpoint_names],
        )
    if position.workspace.launched_endpoints:
        why = _of_the_team("the endpoints that people launch", position.workspace)
        yield Right("Models", CALL_ENDPOINTS, position.ours("endpoint"), wildcard_because=why)


def _registry(position: Position) -> tuple[list[str], str]:
    return (
        position.ours("model-package", "model-package-group"),
        f"the models of the team {position.workspace.name}, told by what their groups' names begin with",
    )


def register(position: Position) -> Iterator[Right]:
    """Registered is not approved: somebody else decides what comes into service."""
    registry, why = _registry(position)
    yield Right(
        "Models",
        REGISTER_MODELS,
        registry,
        {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}},
        why,
    )
    yield Right("Models", [*GROUP_MODELS, *READ_REGISTRY], registry, wildcard_because=why)


def _register_models(position: Position) -> Iterator[Right]:
    yield from register(position)
    yield Right("Models", LIST_REGISTRY, ["*"], wildcard_because=NO_RESOURCE)


def _approve_models(position: Position) -> Iterator[Right]:
    registry, why = _registry(position)
    yield Right("Models", [*APPROVE_MODELS, *READ_REGISTRY], registry, wildcard_because=why)


def make_models(position: Position) -> Right:
    workspace = position.workspace
    why = _of_the_team("the models", workspace)
    return Right("Models", MAKE_MODELS, position.ours("model"), in_the_network(workspace), why)


def _deploy_models(position: Position) -> Iterator[Right]:
    """The team's own endpoints, beside those of the environment file."""
    workspace = position.workspace
    endpoint, configuration, model = position.ours("endpoint", "endpoint-config", "model")
    named = [endpoint, configuration, model]
    why = _of_the_team("models and endpoints", workspace)
    yield make_models(position)
    yield Right(
        "Models",
        CONFIGURE_ENDPOINTS,
        [configuration],
        {"ArnEquals": {"sagemaker:VolumeKmsKey": workspace.encryption_key.key_arn}},
        why,
    )
    yield Right("Models", [*RUN_ENDPOINTS, "sagemaker:InvokeEndpoint"], named, wildcard_because=why)
    yield Right("Models", ["sagemaker:DescribeEndpoint"], [endpoint], wildcard_because=why)
    yield Right("Models", TAG, named, AS_IT_IS_MADE, why)
    yield Right("Models", LIST_ENDPOINTS, ["*"], wildcard_because=NO_RESOURCE)
    yield Right("Models", PASS_ROLE, [position.job_role.role_arn], TO_SAGEMAKER)


CAPABILITIES: Mapping[str, Callable[[Position], Iterator[Right]]] = {
    "administer-studio": _administer_studio,
    "approve-models": _approve_models,
    "build-in-canvas": _build_in_canvas,
    "call-endpoints": _call_endpoints,
    "connect-to-emr": connect_to_emr,
    "deploy-models": _deploy_models,
    "pull-images": pull_images,
    "push-images": _push_images,
    "read-data": read_data,
    "read-features": read_features,
    "read-models": _read_models,
    "register-models": _register_models,
    "run-jobs": _run_jobs,
    "run-pipelines": _run_pipelines,
    "run-spaces": _run_spaces,
    "track-experiments": track_experiments,
    "use-glue-sessions": use_glue_sessions,
    "use-private-data": lambda position: use_private_data(position.workspace),
    "use-shared-spaces": _use_shared_spaces,
    "write-data": _write_data,
    "write-features": write_features,
    "write-models": _write_models,
}

WITH_A_RESOURCE = [
    *LIST_OBJECTS,
    *READ_OBJECTS,
    *WRITE_OBJECTS,
    *USE_KEY,
    *GRANT_KEY,
    *PULL_IMAGES,
    *PUSH_IMAGES,
    *sorted({*WRITE_LOGS, *READ_LOGS}),
    *DESCRIBE_STUDIO,
    *RUN_APPS,
    *CHANGE_SPACE,
    *DELETE_SPACE,
    *TAG,
    *START_JOBS,
    *TRANSFORM,
    *DESCRIBE_JOBS,
    *STOP_JOBS,
    *CALL_ENDPOINTS,
    *REGISTER_MODELS,
    *READ_REGISTRY,
    *GROUP_MODELS,
    *APPROVE_MODELS,
    *MAKE_MODELS,
    *CONFIGURE_ENDPOINTS,
    *RUN_ENDPOINTS,
    *START_AUTOML,
    *FOLLOW_AUTOML,
    *DEFINE_PIPELINES,
    *RUN_PIPELINES,
    *FOLLOW_PIPELINES,
    *ON_EXPERIMENTS,
    *ON_FEATURES,
    *USE_CLUSTERS,
]
"""Everything that a capability, or a job, may do with something that has an ARN."""

WITHOUT_A_RESOURCE = [
    *LOG_IN_TO_REGISTRY,
    *PUT_METRICS,
    *MAKE_INTERFACES,
    *DESCRIBE_NETWORK,
    *LIST_STUDIO,
    *LIST_JOBS,
    *LIST_REGISTRY,
    *LIST_ENDPOINTS,
    *LIST_PIPELINES,
    *ON_NO_EXPERIMENT,
    *ON_NO_FEATURES,
    *LIST_CLUSTERS,
]
"""What is about nothing in particular, or about something that has no ARN yet."""
