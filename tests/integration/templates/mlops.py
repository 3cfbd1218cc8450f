"""Machine learning in operation: a domain, a registry, a training that a state machine starts, events."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks


class Mlops(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "mlops")
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        data = s3.Bucket(
            self,
            "Data",
            encryption_key=key,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        data.grant_read_write(role)
        images = ecr.Repository(self, "Images", removal_policy=cdk.RemovalPolicy.DESTROY)
        images.grant_pull(role)
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=True,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="studio", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            ],
        )
        group = ec2.SecurityGroup(self, "Group", vpc=vpc)
        domain = sagemaker.CfnDomain(
            self,
            "Domain",
            auth_mode="IAM",
            domain_name="research",
            vpc_id=vpc.vpc_id,
            subnet_ids=vpc.select_subnets(subnet_group_name="studio").subnet_ids,
            app_network_access_type="VpcOnly",
            kms_key_id=key.key_id,
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=role.role_arn, security_groups=[group.security_group_id]
            ),
        )
        sagemaker.CfnUserProfile(self, "Profile", domain_id=domain.attr_domain_id, user_profile_name="ada")
        sagemaker.CfnModelPackageGroup(
            self,
            "Registry",
            model_package_group_name="churn",
            model_package_group_description="what predicts who leaves",
        )
        training = tasks.SageMakerCreateTrainingJob(
            self,
            "Train",
            training_job_name=sfn.JsonPath.string_at("$.name"),
            role=role,
            algorithm_specification=tasks.AlgorithmSpecification(
                training_image=tasks.DockerImage.from_ecr_repository(images),
                training_input_mode=tasks.InputMode.FILE,
            ),
            input_data_config=[
                tasks.Channel(
                    channel_name="train",
                    data_source=tasks.DataSource(
                        s3_data_source=tasks.S3DataSource(
                            s3_location=tasks.S3Location.from_bucket(data, "train/")
                        )
                    ),
                )
            ],
            output_data_config=tasks.OutputDataConfig(
                s3_output_location=tasks.S3Location.from_bucket(data, "models/")
            ),
        )
        machine = sfn.StateMachine(
            self, "Training", definition_body=sfn.DefinitionBody.from_chainable(training)
        )
        topic = sns.Topic(self, "News", master_key=key)
        events.Rule(
            self,
            "Approved",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"], detail_type=["SageMaker Model Package State Change"]
            ),
            targets=[targets.SnsTopic(topic)],
        )
        events.Rule(
            self,
            "Weekly",
            schedule=events.Schedule.rate(cdk.Duration.days(7)),
            targets=[targets.SfnStateMachine(machine)],
        )
