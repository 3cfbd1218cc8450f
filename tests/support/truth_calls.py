"""Rows of truth tables as requests to AWS's APIs: the action's parameters from its resource and its keys.

What the server makes of a request (the resource, the condition keys, the role that is handed over) is so
compared with what the row says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.truth import Row, Table
from support.truth_world import World

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Call:
    service: str
    operation: str
    parameters: Parameters


@dataclass(frozen=True)
class _Asked:
    world: World
    arn: str
    name: str
    """What stands after the ARN's kind."""
    keys: Mapping[str, Any]


_Maker = Callable[[_Asked], Parameters]


def call_of(world: World, row: Row, action: str, of: Table) -> Call | None:
    """None for an action without a request of its own, or of which the table says not to make any."""
    if row.simulated or action not in _CALLS or _cannot_be_sent(world.context(row, of)):
        return None
    service, operation, maker = _CALLS[action]
    arn = world.resource(row, of)
    name = arn.rpartition(":")[2] if arn.startswith("arn:aws:s3") else arn.split(":", 5)[-1].partition("/")[2]
    return Call(service, operation, maker(_Asked(world, arn, name, world.context(row, of))))


def _cannot_be_sent(keys: Mapping[str, Any]) -> bool:
    """Subnets without groups, or the reverse, are no `VpcConfig`, and boto3 does not send it."""
    return ("sagemaker:VpcSubnets" in keys) != ("sagemaker:VpcSecurityGroupIds" in keys)


def _present(**members: Any) -> Parameters:
    return {name: value for name, value in members.items() if value not in (None, {}, [])}


# --- SageMaker ----------------------------------------------------------------------------------------


def _vpc(asked: _Asked) -> Parameters | None:
    found = _present(
        Subnets=asked.keys.get("sagemaker:VpcSubnets"),
        SecurityGroupIds=asked.keys.get("sagemaker:VpcSecurityGroupIds"),
    )
    return found or None


def _encrypts_traffic(asked: _Asked) -> bool | None:
    said = asked.keys.get("sagemaker:InterContainerTrafficEncryption")
    return None if said is None else bool(said == "true")


def _instance_type(asked: _Asked) -> str:
    return str(asked.keys.get("sagemaker:InstanceTypes", ["ml.m5.large"])[0])


def _training(asked: _Asked) -> Parameters:
    resources = _present(
        InstanceType=_instance_type(asked),
        InstanceCount=1,
        VolumeSizeInGB=5,
        VolumeKmsKeyId=asked.keys.get("sagemaker:VolumeKmsKey"),
    )
    output = _present(
        S3OutputPath=f"s3://{asked.world.models}/research/",
        KmsKeyId=asked.keys.get("sagemaker:OutputKmsKey"),
    )
    return _present(
        AlgorithmSpecification={"TrainingImage": "nothing/to:run", "TrainingInputMode": "File"},
        RoleArn=asked.world.job_role("research"),
        OutputDataConfig=output,
        ResourceConfig=resources,
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        VpcConfig=_vpc(asked),
        EnableInterContainerTrafficEncryption=_encrypts_traffic(asked),
    )


def _training_job(asked: _Asked) -> Parameters:
    definition = _training(asked)
    algorithm = {**definition["AlgorithmSpecification"], "TrainingImage": _image(asked)}
    return {"TrainingJobName": asked.name, **definition, "AlgorithmSpecification": algorithm}


def _image(asked: _Asked) -> str:
    return f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{asked.world.repository}:none"


def _processing_job(asked: _Asked) -> Parameters:
    cluster = _present(
        InstanceType=_instance_type(asked),
        InstanceCount=1,
        VolumeSizeInGB=5,
        VolumeKmsKeyId=asked.keys.get("sagemaker:VolumeKmsKey"),
    )
    output = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": f"s3://{asked.world.data}/research/",
            "LocalPath": "/opt/ml/processing/output",
            "S3UploadMode": "EndOfJob",
        },
    }
    return _present(
        ProcessingJobName=asked.name,
        ProcessingResources={"ClusterConfig": cluster},
        AppSpecification={"ImageUri": _image(asked)},
        RoleArn=asked.world.job_role("research"),
        ProcessingOutputConfig=_present(Outputs=[output], KmsKeyId=asked.keys.get("sagemaker:OutputKmsKey")),
        NetworkConfig=_present(
            VpcConfig=_vpc(asked), EnableInterContainerTrafficEncryption=_encrypts_traffic(asked)
        ),
    )


def _transform_job(asked: _Asked) -> Parameters:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{asked.world.data}/research/"}}
    return {
        "TransformJobName": asked.name,
        "ModelName": asked.keys["sagemaker:ModelArn"].rpartition("/")[2],
        "TransformInput": {"DataSource": source},
        "TransformOutput": _present(
            S3OutputPath=f"s3://{asked.world.data}/research/",
            KmsKeyId=asked.keys.get("sagemaker:OutputKmsKey"),
        ),
        "TransformResources": _present(
            InstanceType=_instance_type(asked),
            InstanceCount=1,
            VolumeKmsKeyId=asked.keys.get("sagemaker:VolumeKmsKey"),
        ),
    }


def _model(asked: _Asked) -> Parameters:
    return _present(
        ModelName=asked.name,
        PrimaryContainer={"Image": _image(asked)},
        ExecutionRoleArn=asked.world.job_role("research"),
        VpcConfig=_vpc(asked),
    )


def _endpoint_config(asked: _Asked) -> Parameters:
    variant = {
        "VariantName": "all",
        "ModelName": "research--none",
        "InstanceType": _instance_type(asked),
        "InitialInstanceCount": 1,
    }
    return _present(
        EndpointConfigName=asked.name,
        ProductionVariants=[variant],
        KmsKeyId=asked.keys.get("sagemaker:VolumeKmsKey"),
    )


def _endpoint(asked: _Asked) -> Parameters:
    return {"EndpointName": asked.name, "EndpointConfigName": "research--none"}


def _notebook(asked: _Asked) -> Parameters:
    subnets = asked.keys.get("sagemaker:VpcSubnets")
    return _present(
        NotebookInstanceName=asked.name,
        InstanceType=_instance_type(asked),
        RoleArn=asked.world.job_role("research"),
        SubnetId=subnets[0] if subnets else None,
        SecurityGroupIds=asked.keys.get("sagemaker:VpcSecurityGroupIds"),
        KmsKeyId=asked.keys.get("sagemaker:VolumeKmsKey"),
        DirectInternetAccess=asked.keys.get("sagemaker:DirectInternetAccess"),
        RootAccess=asked.keys.get("sagemaker:RootAccess"),
    )


def _changed_notebook(asked: _Asked) -> Parameters:
    types = asked.keys.get("sagemaker:InstanceTypes")
    return _present(
        NotebookInstanceName=asked.name,
        InstanceType=types[0] if types else None,
        RootAccess=asked.keys.get("sagemaker:RootAccess"),
    )


def _changed_domain(asked: _Asked) -> Parameters:
    return _present(
        DomainId=asked.name, AppNetworkAccessType=asked.keys.get("sagemaker:AppNetworkAccessType")
    )


def _app(asked: _Asked) -> Parameters:
    domain, owner, kind, name = asked.name.split("/")
    kinds = {"jupyterlab": "JupyterLab", "canvas": "Canvas"}
    of = "UserProfileName" if kind == "canvas" else "SpaceName"
    return {"DomainId": domain, of: owner, "AppType": kinds[kind], "AppName": name}


def _in_domain(member: str) -> _Maker:
    def parameters(asked: _Asked) -> Parameters:
        domain, name = asked.name.split("/")
        return {"DomainId": domain, member: name}

    return parameters


def _named(member: str) -> _Maker:
    return lambda asked: {member: asked.name}


def _tags(asked: _Asked) -> Parameters:
    return {"ResourceArn": asked.arn, "Tags": [{"Key": "a", "Value": "b"}]}


def _model_package(asked: _Asked) -> Parameters:
    return {
        "ModelPackageGroupName": asked.name,
        "ModelApprovalStatus": asked.keys["sagemaker:ModelApprovalStatus"],
        "InferenceSpecification": {
            "Containers": [{"Image": _image(asked)}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }


def _approval(asked: _Asked) -> Parameters:
    return {"ModelPackageArn": asked.arn, "ModelApprovalStatus": "Approved"}


def _pipeline(asked: _Asked) -> Parameters:
    definition = '{"Version": "2020-12-01", "Steps": []}'
    return {
        "PipelineName": asked.name,
        "PipelineDefinition": definition,
        "RoleArn": asked.world.pipeline_role("research"),
        "ClientRequestToken": "1" * 32,
    }


def _execution(**more: str) -> _Maker:
    return lambda asked: {"PipelineExecutionArn": asked.arn, **more}


def _component(asked: _Asked) -> Parameters:
    return {"TrialComponentName": asked.name, "TrialName": asked.name}


def _artifact(asked: _Asked) -> Parameters:
    return {"ArtifactType": "DataSet", "Source": {"SourceUri": f"s3://{asked.world.data}/research/1"}}


def _association(asked: _Asked) -> Parameters:
    return {"SourceArn": asked.arn, "DestinationArn": asked.arn}


# --- S3, KMS, ECR, logs, IAM --------------------------------------------------------------------------


def _object(asked: _Asked) -> Parameters:
    bucket, _, key = asked.name.partition("/")
    return {"Bucket": bucket, "Key": key}


def _listing(asked: _Asked) -> Parameters:
    return _present(Bucket=asked.name, Prefix=asked.keys.get("s3:prefix"))


def _repository(asked: _Asked) -> Parameters:
    return {"repositoryName": asked.name}


def _log_stream(asked: _Asked) -> Parameters:
    group, _, stream = asked.arn.split(":", 6)[-1].partition(":log-stream:")
    return {"logGroupName": group, "logStreamName": stream}


def _log_group(asked: _Asked) -> Parameters:
    return {"logGroupName": asked.arn.split(":", 6)[-1].partition(":")[0]}


def _role(**more: str) -> _Maker:
    return lambda asked: {"RoleName": asked.name.rpartition("/")[2], **more}


def _key(**more: Any) -> _Maker:
    return lambda asked: {"KeyId": asked.arn, **more}


def _nothing(_: _Asked) -> Parameters:
    return {}


_POLICY = '{"Version": "2012-10-17", "Statement": []}'
_CALLS: Mapping[str, tuple[str, str, _Maker]] = {
    "s3:ListBucket": ("s3", "list_objects_v2", _listing),
    "s3:GetObject": ("s3", "get_object", _object),
    "s3:PutObject": ("s3", "put_object", lambda asked: {**_object(asked), "Body": b"1"}),
    "s3:DeleteObject": ("s3", "delete_object", _object),
    "s3:PutBucketPolicy": (
        "s3",
        "put_bucket_policy",
        lambda asked: {"Bucket": asked.name, "Policy": _POLICY},
    ),
    "kms:DescribeKey": ("kms", "describe_key", _key()),
    "kms:Encrypt": ("kms", "encrypt", _key(Plaintext=b"1")),
    "kms:GenerateDataKey": ("kms", "generate_data_key", _key(KeySpec="AES_256")),
    "kms:PutKeyPolicy": ("kms", "put_key_policy", _key(Policy=_POLICY)),
    "kms:ScheduleKeyDeletion": ("kms", "schedule_key_deletion", _key()),
    "kms:DisableKey": ("kms", "disable_key", _key()),
    "ecr:GetAuthorizationToken": ("ecr", "get_authorization_token", _nothing),
    "ecr:DescribeImages": ("ecr", "describe_images", _repository),
    "ecr:BatchGetImage": (
        "ecr",
        "batch_get_image",
        lambda asked: {**_repository(asked), "imageIds": [{"imageTag": "none"}]},
    ),
    "ecr:InitiateLayerUpload": ("ecr", "initiate_layer_upload", _repository),
    "ecr:PutImage": ("ecr", "put_image", lambda asked: {**_repository(asked), "imageManifest": "{}"}),
    "logs:CreateLogGroup": ("logs", "create_log_group", _log_group),
    "logs:CreateLogStream": ("logs", "create_log_stream", _log_stream),
    "logs:DescribeLogStreams": ("logs", "describe_log_streams", _log_group),
    "logs:FilterLogEvents": ("logs", "filter_log_events", _log_group),
    "logs:GetLogEvents": ("logs", "get_log_events", _log_stream),
    "cloudwatch:PutMetricData": (
        "cloudwatch",
        "put_metric_data",
        lambda asked: {
            "Namespace": asked.keys["cloudwatch:namespace"],
            "MetricData": [{"MetricName": "a", "Value": 1.0}],
        },
    ),
    "ec2:DescribeSubnets": ("ec2", "describe_subnets", _nothing),
    "ec2:DescribeVpcs": ("ec2", "describe_vpcs", _nothing),
    "ec2:DescribeSecurityGroups": ("ec2", "describe_security_groups", _nothing),
    "ec2:DescribeNetworkInterfaces": ("ec2", "describe_network_interfaces", _nothing),
    "iam:DeleteRolePermissionsBoundary": ("iam", "delete_role_permissions_boundary", _role()),
    "iam:AttachRolePolicy": (
        "iam",
        "attach_role_policy",
        _role(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    "iam:PutRolePolicy": (
        "iam",
        "put_role_policy",
        _role(PolicyName="more", PolicyDocument=_POLICY),
    ),
    "iam:CreatePolicyVersion": (
        "iam",
        "create_policy_version",
        lambda asked: {"PolicyArn": asked.arn, "PolicyDocument": _POLICY},
    ),
    "iam:CreateUser": ("iam", "create_user", lambda asked: {"UserName": asked.name}),
    "sagemaker:ListApps": ("sagemaker", "list_apps", _nothing),
    "sagemaker:ListDomains": ("sagemaker", "list_domains", _nothing),
    "sagemaker:ListSpaces": ("sagemaker", "list_spaces", _nothing),
    "sagemaker:ListUserProfiles": ("sagemaker", "list_user_profiles", _nothing),
    "sagemaker:ListTrainingJobs": ("sagemaker", "list_training_jobs", _nothing),
    "sagemaker:ListProcessingJobs": ("sagemaker", "list_processing_jobs", _nothing),
    "sagemaker:ListHyperParameterTuningJobs": (
        "sagemaker",
        "list_hyper_parameter_tuning_jobs",
        _nothing,
    ),
    "sagemaker:ListModels": ("sagemaker", "list_models", _nothing),
    "sagemaker:ListEndpoints": ("sagemaker", "list_endpoints", _nothing),
    "sagemaker:ListEndpointConfigs": ("sagemaker", "list_endpoint_configs", _nothing),
    "sagemaker:ListModelPackageGroups": ("sagemaker", "list_model_package_groups", _nothing),
    "sagemaker:ListModelPackages": ("sagemaker", "list_model_packages", _nothing),
    "sagemaker:DescribeDomain": ("sagemaker", "describe_domain", _named("DomainId")),
    "sagemaker:UpdateDomain": ("sagemaker", "update_domain", _changed_domain),
    "sagemaker:DeleteDomain": ("sagemaker", "delete_domain", _named("DomainId")),
    "sagemaker:DescribeUserProfile": (
        "sagemaker",
        "describe_user_profile",
        _in_domain("UserProfileName"),
    ),
    "sagemaker:CreateUserProfile": ("sagemaker", "create_user_profile", _in_domain("UserProfileName")),
    "sagemaker:CreatePresignedDomainUrl": (
        "sagemaker",
        "create_presigned_domain_url",
        _in_domain("UserProfileName"),
    ),
    "sagemaker:DescribeSpace": ("sagemaker", "describe_space", _in_domain("SpaceName")),
    "sagemaker:UpdateSpace": ("sagemaker", "update_space", _in_domain("SpaceName")),
    "sagemaker:DeleteSpace": ("sagemaker", "delete_space", _in_domain("SpaceName")),
    "sagemaker:DescribeApp": ("sagemaker", "describe_app", _app),
    "sagemaker:CreateApp": ("sagemaker", "create_app", _app),
    "sagemaker:DeleteApp": ("sagemaker", "delete_app", _app),
    "sagemaker:AddTags": ("sagemaker", "add_tags", _tags),
    "sagemaker:CreateTrainingJob": ("sagemaker", "create_training_job", _training_job),
    "sagemaker:DescribeTrainingJob": ("sagemaker", "describe_training_job", _named("TrainingJobName")),
    "sagemaker:StopTrainingJob": ("sagemaker", "stop_training_job", _named("TrainingJobName")),
    "sagemaker:CreateTransformJob": ("sagemaker", "create_transform_job", _transform_job),
    "sagemaker:DescribeTransformJob": ("sagemaker", "describe_transform_job", _named("TransformJobName")),
    "sagemaker:StopTransformJob": ("sagemaker", "stop_transform_job", _named("TransformJobName")),
    "sagemaker:ListTransformJobs": ("sagemaker", "list_transform_jobs", _nothing),
    "sagemaker:CreateProcessingJob": ("sagemaker", "create_processing_job", _processing_job),
    "sagemaker:DescribeProcessingJob": (
        "sagemaker",
        "describe_processing_job",
        _named("ProcessingJobName"),
    ),
    "sagemaker:StopProcessingJob": ("sagemaker", "stop_processing_job", _named("ProcessingJobName")),
    "sagemaker:DescribeHyperParameterTuningJob": (
        "sagemaker",
        "describe_hyper_parameter_tuning_job",
        _named("HyperParameterTuningJobName"),
    ),
    "sagemaker:StopHyperParameterTuningJob": (
        "sagemaker",
        "stop_hyper_parameter_tuning_job",
        _named("HyperParameterTuningJobName"),
    ),
    "sagemaker:CreateModel": ("sagemaker", "create_model", _model),
    "sagemaker:DescribeModel": ("sagemaker", "describe_model", _named("ModelName")),
    "sagemaker:DeleteModel": ("sagemaker", "delete_model", _named("ModelName")),
    "sagemaker:CreateEndpointConfig": ("sagemaker", "create_endpoint_config", _endpoint_config),
    "sagemaker:DescribeEndpointConfig": (
        "sagemaker",
        "describe_endpoint_config",
        _named("EndpointConfigName"),
    ),
    "sagemaker:DeleteEndpointConfig": (
        "sagemaker",
        "delete_endpoint_config",
        _named("EndpointConfigName"),
    ),
    "sagemaker:DescribeEndpoint": ("sagemaker", "describe_endpoint", _named("EndpointName")),
    "sagemaker:DeleteEndpoint": ("sagemaker", "delete_endpoint", _named("EndpointName")),
    "sagemaker:UpdateEndpoint": ("sagemaker", "update_endpoint", _endpoint),
    "sagemaker:InvokeEndpoint": (
        "sagemaker-runtime",
        "invoke_endpoint",
        lambda asked: {"EndpointName": asked.name, "Body": b"1"},
    ),
    "sagemaker:CreateModelPackageGroup": (
        "sagemaker",
        "create_model_package_group",
        _named("ModelPackageGroupName"),
    ),
    "sagemaker:DescribeModelPackageGroup": (
        "sagemaker",
        "describe_model_package_group",
        _named("ModelPackageGroupName"),
    ),
    "sagemaker:CreateModelPackage": ("sagemaker", "create_model_package", _model_package),
    "sagemaker:DescribeModelPackage": (
        "sagemaker",
        "describe_model_package",
        lambda asked: {"ModelPackageName": asked.arn},
    ),
    "sagemaker:UpdateModelPackage": ("sagemaker", "update_model_package", _approval),
    "sagemaker:CreatePipeline": ("sagemaker", "create_pipeline", _pipeline),
    "sagemaker:UpdatePipeline": ("sagemaker", "update_pipeline", _named("PipelineName")),
    "sagemaker:DeletePipeline": (
        "sagemaker",
        "delete_pipeline",
        lambda asked: {**_named("PipelineName")(asked), "ClientRequestToken": "1" * 32},
    ),
    "sagemaker:StartPipelineExecution": (
        "sagemaker",
        "start_pipeline_execution",
        lambda asked: {**_named("PipelineName")(asked), "ClientRequestToken": "1" * 32},
    ),
    "sagemaker:DescribePipeline": ("sagemaker", "describe_pipeline", _named("PipelineName")),
    "sagemaker:ListPipelineExecutions": ("sagemaker", "list_pipeline_executions", _named("PipelineName")),
    "sagemaker:ListPipelineVersions": ("sagemaker", "list_pipeline_versions", _named("PipelineName")),
    "sagemaker:DescribePipelineDefinitionForExecution": (
        "sagemaker",
        "describe_pipeline_definition_for_execution",
        _execution(),
    ),
    "sagemaker:DescribePipelineExecution": ("sagemaker", "describe_pipeline_execution", _execution()),
    "sagemaker:ListPipelineExecutionSteps": ("sagemaker", "list_pipeline_execution_steps", _execution()),
    "sagemaker:ListPipelineParametersForExecution": (
        "sagemaker",
        "list_pipeline_parameters_for_execution",
        _execution(),
    ),
    "sagemaker:UpdatePipelineExecution": ("sagemaker", "update_pipeline_execution", _execution()),
    "sagemaker:RetryPipelineExecution": (
        "sagemaker",
        "retry_pipeline_execution",
        _execution(ClientRequestToken="1" * 32),
    ),
    "sagemaker:StopPipelineExecution": (
        "sagemaker",
        "stop_pipeline_execution",
        _execution(ClientRequestToken="1" * 32),
    ),
    "sagemaker:ListPipelines": ("sagemaker", "list_pipelines", _nothing),
    "sagemaker:ListArtifacts": ("sagemaker", "list_artifacts", _nothing),
    "sagemaker:ListAssociations": ("sagemaker", "list_associations", _nothing),
    "sagemaker:ListContexts": ("sagemaker", "list_contexts", _nothing),
    "sagemaker:ListExperiments": ("sagemaker", "list_experiments", _nothing),
    "sagemaker:ListMlflowApps": ("sagemaker", "list_mlflow_apps", _nothing),
    "sagemaker:ListTrialComponents": ("sagemaker", "list_trial_components", _nothing),
    "sagemaker:ListTrials": ("sagemaker", "list_trials", _nothing),
    "sagemaker:ListFeatureGroups": ("sagemaker", "list_feature_groups", _nothing),
    "sagemaker:QueryLineage": ("sagemaker", "query_lineage", _nothing),
    "sagemaker:Search": ("sagemaker", "search", lambda _: {"Resource": "TrainingJob"}),
    "sagemaker:GetSearchSuggestions": (
        "sagemaker",
        "get_search_suggestions",
        lambda _: {"Resource": "TrainingJob"},
    ),
    "sagemaker:DescribeMlflowApp": ("sagemaker", "describe_mlflow_app", lambda asked: {"Arn": asked.arn}),
    "sagemaker:UpdateMlflowApp": ("sagemaker", "update_mlflow_app", lambda asked: {"Arn": asked.arn}),
    "sagemaker:DeleteMlflowApp": ("sagemaker", "delete_mlflow_app", lambda asked: {"Arn": asked.arn}),
    "sagemaker:CreatePresignedMlflowAppUrl": (
        "sagemaker",
        "create_presigned_mlflow_app_url",
        lambda asked: {"Arn": asked.arn},
    ),
    "sagemaker:CreateExperiment": ("sagemaker", "create_experiment", _named("ExperimentName")),
    "sagemaker:DescribeExperiment": ("sagemaker", "describe_experiment", _named("ExperimentName")),
    "sagemaker:UpdateExperiment": ("sagemaker", "update_experiment", _named("ExperimentName")),
    "sagemaker:DeleteExperiment": ("sagemaker", "delete_experiment", _named("ExperimentName")),
    "sagemaker:CreateTrial": (
        "sagemaker",
        "create_trial",
        lambda asked: {"TrialName": asked.name, "ExperimentName": asked.name},
    ),
    "sagemaker:DescribeTrial": ("sagemaker", "describe_trial", _named("TrialName")),
    "sagemaker:UpdateTrial": ("sagemaker", "update_trial", _named("TrialName")),
    "sagemaker:DeleteTrial": ("sagemaker", "delete_trial", _named("TrialName")),
    "sagemaker:CreateTrialComponent": ("sagemaker", "create_trial_component", _named("TrialComponentName")),
    "sagemaker:DescribeTrialComponent": (
        "sagemaker",
        "describe_trial_component",
        _named("TrialComponentName"),
    ),
    "sagemaker:UpdateTrialComponent": ("sagemaker", "update_trial_component", _named("TrialComponentName")),
    "sagemaker:DeleteTrialComponent": ("sagemaker", "delete_trial_component", _named("TrialComponentName")),
    "sagemaker:AssociateTrialComponent": ("sagemaker", "associate_trial_component", _component),
    "sagemaker:DisassociateTrialComponent": ("sagemaker", "disassociate_trial_component", _component),
    "sagemaker:CreateArtifact": ("sagemaker", "create_artifact", _artifact),
    "sagemaker:AddAssociation": ("sagemaker", "add_association", _association),
    "sagemaker:DescribeArtifact": (
        "sagemaker",
        "describe_artifact",
        lambda asked: {"ArtifactArn": asked.arn},
    ),
    "sagemaker:UpdateArtifact": ("sagemaker", "update_artifact", lambda asked: {"ArtifactArn": asked.arn}),
    "sagemaker:DeleteArtifact": ("sagemaker", "delete_artifact", lambda asked: {"ArtifactArn": asked.arn}),
    "sagemaker:DescribeAction": ("sagemaker", "describe_action", _named("ActionName")),
    "sagemaker:DescribeContext": ("sagemaker", "describe_context", _named("ContextName")),
    "sagemaker:DescribeFeatureGroup": ("sagemaker", "describe_feature_group", _named("FeatureGroupName")),
    "sagemaker:DeleteFeatureGroup": ("sagemaker", "delete_feature_group", _named("FeatureGroupName")),
    "sagemaker:GetRecord": (
        "sagemaker-featurestore-runtime",
        "get_record",
        lambda asked: {"FeatureGroupName": asked.name, "RecordIdentifierValueAsString": "1"},
    ),
    "sagemaker:BatchGetRecord": (
        "sagemaker-featurestore-runtime",
        "batch_get_record",
        lambda asked: {
            "Identifiers": [{"FeatureGroupName": asked.name, "RecordIdentifiersValueAsString": ["1"]}]
        },
    ),
    "sagemaker:PutRecord": (
        "sagemaker-featurestore-runtime",
        "put_record",
        lambda asked: {
            "FeatureGroupName": asked.name,
            "Record": [{"FeatureName": "age", "ValueAsString": "1"}],
        },
    ),
    "sagemaker:DeleteRecord": (
        "sagemaker-featurestore-runtime",
        "delete_record",
        lambda asked: {
            "FeatureGroupName": asked.name,
            "RecordIdentifierValueAsString": "1",
            "EventTime": "1",
        },
    ),
    "sagemaker:DescribeFeatureMetadata": (
        "sagemaker",
        "describe_feature_metadata",
        lambda asked: {"FeatureGroupName": asked.name, "FeatureName": "age"},
    ),
    "sagemaker:UpdateFeatureMetadata": (
        "sagemaker",
        "update_feature_metadata",
        lambda asked: {"FeatureGroupName": asked.name, "FeatureName": "age"},
    ),
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob": (
        "sagemaker",
        "list_training_jobs_for_hyper_parameter_tuning_job",
        _named("HyperParameterTuningJobName"),
    ),
    "sagemaker:CreateNotebookInstance": ("sagemaker", "create_notebook_instance", _notebook),
    "sagemaker:UpdateNotebookInstance": ("sagemaker", "update_notebook_instance", _changed_notebook),
}
"""The actions that are tried by a request; of the others the simulator is asked alone."""
