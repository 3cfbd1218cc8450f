"""Feature groups: the latest record of each key, and all records that there ever were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnTag, RemovalPolicies, RemovalPolicy, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from clary_constructs._feature_type import FeatureType
from clary_constructs._feature_view import FeatureView
from clary_constructs._policy import AccessPolicy
from constructs import Construct, IDependable

MAKE_TABLES = ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]


@dataclass(frozen=True)
class OnlineFeatures:
    """The latest record of each key. By default, a record stays until there is a later one."""

    in_memory: bool = False
    time_to_live: tuple[str, int] | None = None
    """A unit (`Seconds`, `Minutes`, `Hours`, `Days`, `Weeks`), and how many of it."""


@dataclass(frozen=True)
class ReservedThroughput:
    """Units a second."""

    write_units: int
    read_units: int | None = None


class FeatureHistory(Construct):
    """Where the histories of a team's feature groups lie, in which Glue database, and who writes them.

    SageMaker does, in a role for these alone. A feature group names its role for good, so that the role
    and what it may are kept with what the groups hold: by default, they are retained.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        prefix: str,
        database: glue.CfnDatabase | None = None,
        database_name: str,
        table_prefix: str,
        encryption_key: kms.IKey,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """`prefix` and `table_prefix` tell what is the team's in the bucket and in the database.

        By default, the database is another stack's.
        """
        super().__init__(scope, construct_id)
        self.bucket = bucket
        self.prefix = prefix
        self.database_name = database_name
        self.table_prefix = table_prefix
        self.files = f"s3://{bucket.bucket_name}/{prefix}"
        stack = Stack.of(self)
        self.catalog_arns: Sequence[str] = [
            stack.format_arn(service="glue", resource="catalog"),
            stack.format_arn(service="glue", resource="database", resource_name=database_name),
            stack.format_arn(
                service="glue", resource="table", resource_name=f"{database_name}/{table_prefix}*"
            ),
        ]
        self.role = iam.Role(
            self,
            "Role",
            description=f"Feature Store writes the histories below {prefix}",
            # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
        )
        policy = AccessPolicy(
            self, "Policy", description=f"Writes the histories below {prefix}", roles=[self.role]
        )
        # what AmazonSageMakerFeatureStoreAccess allows, here alone, and the key
        # (https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-cross-account-access-offline-store.html);
        # Iceberg's tables read what they have written, and delete what they compact
        policy.allow(
            ["s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"],
            [bucket.arn_for_objects(f"{prefix}/*")],
            wildcard_because="Feature Store names its files, below a folder of its own",
        )
        policy.allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], [bucket.bucket_arn])
        policy.allow(
            ["s3:ListBucket"],
            [bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}/*"]}},
        )
        policy.allow(["kms:Decrypt", "kms:GenerateDataKey"], [encryption_key.key_arn])
        policy.allow(
            MAKE_TABLES,
            self.catalog_arns,
            wildcard_because="a table for each feature group of the team, which Feature Store makes",
        )
        RemovalPolicies.of(self).apply(removal_policy)
        self.ready: Sequence[IDependable] = [policy] if database is None else [policy, database]


class FeatureGroup(Construct):
    """What is known of one kind of thing, by its key: `features` has the type of each.

    Features may be added, and SageMaker adds them in place. It removes and retypes none. In the template
    they are in an order of their own, so that the order in which they are given means nothing. Of tags and
    of collections, CloudFormation's type knows too little: `FeatureSettings` sends these.

    With `view_name`, there is a view beside the history's table, with each record once. By default, the group
    is retained.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        identifier: str,
        event_time: str,
        features: Mapping[str, FeatureType],
        encryption_key: kms.IKey,
        online: OnlineFeatures | None = None,
        history: FeatureHistory | None = None,
        table_name: str | None = None,
        view_name: str | None = None,
        iceberg: bool = False,
        reserved: ReservedThroughput | None = None,
        tags: Mapping[str, str] | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """`tags` are those that never change: another value would be another group."""
        super().__init__(scope, construct_id)
        for key in (identifier, event_time):
            if key not in features:
                raise ValueError(f"no feature '{key}', choose one of: {', '.join(sorted(features))}")
        if online is None and history is None:
            raise ValueError("a feature group without a store, give 'online', 'history' or both")
        if (history is None) != (table_name is None):
            raise ValueError("a history has a table, give both 'history' and 'table_name', or neither")
        if view_name is not None and history is None:
            raise ValueError("a view is of a history, give 'history', or remove 'view_name'")
        if online is not None and online.in_memory and history is not None:
            raise ValueError("an in-memory store keeps no history, remove 'history'")
        self.name = name
        rest = sorted(set(features) - {identifier, event_time})
        group = sagemaker.CfnFeatureGroup(
            self,
            "Group",
            feature_group_name=name,
            record_identifier_feature_name=identifier,
            event_time_feature_name=event_time,
            feature_definitions=[
                sagemaker.CfnFeatureGroup.FeatureDefinitionProperty(
                    feature_name=feature, feature_type=features[feature]
                )
                for feature in (identifier, event_time, *rest)
            ],
            online_store_config=None if online is None else online_store(online, encryption_key),
            offline_store_config=(
                None
                if history is None or table_name is None
                else offline_store(history.files, history.database_name, table_name, iceberg, encryption_key)
            ),
            role_arn=None if history is None else history.role.role_arn,
            throughput_config=None if reserved is None else _throughput(reserved),
            tags=[CfnTag(key=key, value=value) for key, value in sorted((tags or {}).items())],
        )
        if history is not None:
            group.node.add_dependency(*history.ready)
        if history is not None and table_name is not None and view_name is not None:
            FeatureView(
                self,
                "Once",
                name=view_name,
                database_name=history.database_name,
                table_name=table_name,
                identifier=identifier,
                event_time=event_time,
                features=features,
                after=group,
            )
        group.apply_removal_policy(removal_policy)
        self.resource = group


def online_store(online: OnlineFeatures, key: kms.IKey) -> dict[str, object]:
    """In CloudFormation's words, which are also those of SageMaker's API: to CDK it is any JSON."""
    config: dict[str, object] = {
        "EnableOnlineStore": True,
        "SecurityConfig": {"KmsKeyId": key.key_arn},
        "StorageType": "InMemory" if online.in_memory else "Standard",
    }
    if online.time_to_live is not None:
        unit, value = online.time_to_live
        config["TtlDuration"] = {"Unit": unit, "Value": value}
    return config


def offline_store(
    files: str, database: str, table_name: str, iceberg: bool, key: kms.IKey
) -> dict[str, object]:
    """In CloudFormation's words, which are also those of SageMaker's API; `files` is where they go."""
    return {
        "S3StorageConfig": {"S3Uri": files, "KmsKeyId": key.key_arn},
        "DataCatalogConfig": {
            "Catalog": "AwsDataCatalog",
            "Database": database,
            "TableName": table_name,
        },
        "DisableGlueTableCreation": False,
        "TableFormat": "Iceberg" if iceberg else "Glue",
    }


def _throughput(reserved: ReservedThroughput) -> sagemaker.CfnFeatureGroup.ThroughputConfigProperty:
    return sagemaker.CfnFeatureGroup.ThroughputConfigProperty(
        throughput_mode="Provisioned",
        provisioned_read_capacity_units=reserved.read_units,
        provisioned_write_capacity_units=reserved.write_units,
    )
