"""A data lake: a stream into buckets that are encrypted and tidied, a catalog, a way to ask."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3


class DataLake(cdk.Stack):
    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "data-lake")
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        logs = s3.Bucket(
            self,
            "AccessLogs",
            object_ownership=s3.ObjectOwnership.OBJECT_WRITER,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        raw, curated, results = (
            s3.Bucket(
                self,
                name,
                encryption=s3.BucketEncryption.KMS,
                encryption_key=key,
                bucket_key_enabled=True,
                versioned=True,
                enforce_ssl=True,
                server_access_logs_bucket=logs,
                server_access_logs_prefix=name.lower(),
                removal_policy=cdk.RemovalPolicy.DESTROY,
                auto_delete_objects=True,
                lifecycle_rules=[
                    s3.LifecycleRule(
                        transitions=[
                            s3.Transition(
                                storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                                transition_after=cdk.Duration.days(30),
                            )
                        ],
                        noncurrent_version_expiration=cdk.Duration.days(90),
                    )
                ],
            )
            for name in ("Raw", "Curated", "Results")
        )
        stream = kinesis.Stream(
            self, "Stream", encryption=kinesis.StreamEncryption.KMS, encryption_key=key, shard_count=1
        )
        firehose.DeliveryStream(
            self,
            "Delivery",
            source=firehose.KinesisStreamSource(stream),
            destination=firehose.S3Bucket(raw, encryption_key=key),
        )
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name="lake"),
        )
        table = glue.CfnTable(
            self,
            "Events",
            catalog_id=self.account,
            database_name=database.ref,
            table_input=glue.CfnTable.TableInputProperty(
                name="events",
                table_type="EXTERNAL_TABLE",
                parameters={"classification": "json"},
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=curated.s3_url_for_object("events/"),
                    columns=[glue.CfnTable.ColumnProperty(name="id", type="string")],
                ),
            ),
        )
        crawler_role = iam.Role(self, "CrawlerRole", assumed_by=iam.ServicePrincipal("glue.amazonaws.com"))
        raw.grant_read(crawler_role)
        crawler = glue.CfnCrawler(
            self,
            "Crawler",
            role=crawler_role.role_arn,
            database_name=database.ref,
            targets=glue.CfnCrawler.TargetsProperty(
                s3_targets=[glue.CfnCrawler.S3TargetProperty(path=raw.s3_url_for_object())]
            ),
        )
        crawler.add_dependency(table)
        athena.CfnWorkGroup(
            self,
            "Analysts",
            name="analysts",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=results.s3_url_for_object(),
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key.key_arn
                    ),
                ),
            ),
        )
