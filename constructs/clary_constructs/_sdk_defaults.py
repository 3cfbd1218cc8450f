"""What the SageMaker Python SDK fills in, so that nobody types a role, a subnet, a key or a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import CustomResource, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from clary_constructs._cleanup_function import cleanup_function
from clary_constructs._workspace import TeamWorkspace
from constructs import Construct

_FIRST_LINE = "# Written by each deployment of this environment: what is changed here does not stay."


class SdkDefaults(Construct):
    """The configuration files of the SageMaker Python SDK, one for each team, in the data bucket.

    A file is written in place when a subnet, a role or a tag changes, and goes with its team; a
    StartupScript fetches it into each space. It lies beside what the team may write: nobody decides by
    it what their colleagues' jobs run as. The function (`code` holds `object_writer.handler.handler`)
    may write those files and nothing else.
    """

    RESOURCE_TYPE = "Custom::SdkDefaults"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        bucket: s3.IBucket,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        function, self._policy = cleanup_function(
            self,
            code=code,
            handler="object_writer.handler.handler",
            description="Writes the defaults of the SageMaker SDK",
            allowed="Writes the teams' defaults of the SageMaker SDK",
            encryption_key=encryption_key,
            reaches="S3",
        )
        self._service_token = function.function_arn
        # not team by team: what a team that has left needs no more is removed after the policy has changed
        self._policy.allow(
            ["s3:DeleteObject", "s3:PutObject"],
            [bucket.arn_for_objects(TeamWorkspace.defaults_key_of("*"))],
            wildcard_because="the defaults of each team, and teams come and go",
        )
        self._policy.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])

    def deliver(
        self,
        construct_id: str,
        *,
        workspace: TeamWorkspace,
        job_role: iam.IRole,
        pipeline_role: iam.IRole | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> CustomResource:
        """Writes the file of one team, for jobs that work as `job_role` and carry `tags`.

        By default, pipelines work as `job_role`, too.
        """
        document = sdk_defaults(
            workspace, job_role=job_role, pipeline_role=pipeline_role or job_role, tags=tags or {}
        )
        # JSON is YAML, too, and the only form in which CDK leaves room for what the deployment makes
        text = f"{_FIRST_LINE}\n{Stack.of(self).to_json_string(document, 2)}\n"
        written = CustomResource(
            self,
            construct_id,
            resource_type=self.RESOURCE_TYPE,
            service_token=self._service_token,
            properties={
                "BucketName": workspace.data_bucket.bucket_name,
                "Key": workspace.defaults_key,
                "Text": text,
            },
        )
        written.node.add_dependency(self._policy)
        return written


def sdk_defaults(
    workspace: TeamWorkspace, *, job_role: iam.IRole, pipeline_role: iam.IRole, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The configuration, for all that the SDK makes and that has a place, a key or a role.

    It is of the schema that both versions of the SDK in use check it by, 2 and 3:
    https://sagemaker.readthedocs.io/en/stable/overview.html#configuring-and-using-defaults-with-the-sagemaker-python-sdk
    Jobs reach what the network lets them reach, experiment tracking for one: containers are not cut off
    from all of it (`EnableNetworkIsolation`), which somebody's own configuration may still say.
    """
    key = workspace.encryption_key.key_arn
    vpc = {
        "SecurityGroupIds": [workspace.security_group.security_group_id],
        "Subnets": workspace.subnet_ids,
    }
    role = {"RoleArn": job_role.role_arn}
    output = {"KmsKeyId": key}
    volume = {"VolumeKmsKeyId": key}
    between_containers = {"EnableInterContainerTrafficEncryption": True}
    tagged = {"Tags": [{"Key": name, "Value": value} for name, value in sorted(tags.items())]}
    security = {**between_containers, **volume, "VpcConfig": vpc}
    network = {**between_containers, "VpcConfig": vpc}
    below = f"s3://{workspace.data_bucket.bucket_name}/{workspace.sdk_prefix}"
    return {
        "SchemaVersion": "1.0",
        "SageMaker": {
            "PythonSDK": {
                "Modules": {
                    "Session": {
                        "DefaultS3Bucket": workspace.data_bucket.bucket_name,
                        "DefaultS3ObjectKeyPrefix": workspace.sdk_prefix,
                    },
                    "RemoteFunction": {
                        **role,
                        **between_containers,
                        **volume,
                        **tagged,
                        "S3KmsKeyId": key,
                        "S3RootUri": f"{below}/remote-functions",
                        "VpcConfig": vpc,
                    },
                    "NotebookJob": {
                        **role,
                        **volume,
                        "S3KmsKeyId": key,
                        "S3RootUri": f"{below}/notebook-jobs",
                        "VpcConfig": vpc,
                    },
                    "Serve": {**role, "S3ModelDataUri": f"{below}/models"},
                    # it would call an address of AWS's on the internet, at each step
                    "TelemetryOptOut": True,
                }
            },
            "TrainingJob": {
                **role,
                **between_containers,
                **tagged,
                "OutputDataConfig": output,
                "ResourceConfig": volume,
                "VpcConfig": vpc,
            },
            "ProcessingJob": {
                **role,
                **tagged,
                "NetworkConfig": network,
                "ProcessingOutputConfig": output,
                "ProcessingResources": {"ClusterConfig": volume},
            },
            "TransformJob": {
                **tagged,
                "DataCaptureConfig": output,
                "TransformOutput": output,
                "TransformResources": volume,
            },
            "AutoMLJob": {
                **role,
                **tagged,
                "AutoMLJobConfig": {"SecurityConfig": security},
                "OutputDataConfig": output,
            },
            "AutoMLJobV2": {**role, **tagged, "OutputDataConfig": output, "SecurityConfig": security},
            "CompilationJob": {**role, **tagged, "OutputConfig": output, "VpcConfig": vpc},
            "Pipeline": {"RoleArn": pipeline_role.role_arn, **tagged},
            "Model": {"ExecutionRoleArn": job_role.role_arn, **tagged, "VpcConfig": vpc},
            "ModelPackage": {"ValidationSpecification": {"ValidationRole": job_role.role_arn}},
            "EndpointConfig": {
                **output,
                **tagged,
                "AsyncInferenceConfig": {"OutputConfig": output},
                "DataCaptureConfig": output,
            },
            "Endpoint": tagged,
            "FeatureGroup": {
                **role,
                **tagged,
                "OfflineStoreConfig": {"S3StorageConfig": output},
                "OnlineStoreConfig": {"SecurityConfig": output},
            },
            "MonitoringSchedule": {
                **tagged,
                "MonitoringScheduleConfig": {
                    "MonitoringJobDefinition": {
                        **role,
                        "MonitoringOutputConfig": output,
                        "MonitoringResources": {"ClusterConfig": volume},
                        "NetworkConfig": network,
                    }
                },
            },
        },
    }
