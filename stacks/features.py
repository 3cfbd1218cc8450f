"""What teams know of things, and share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue

from clary.environment import features
from clary.environment.model import Environment
from clary_constructs import (
    TEAM_TAG,
    AlarmTopic,
    CollectionFeature,
    CollectionKind,
    FeatureGroup,
    FeatureHistory,
    FeatureSettings,
    FeatureStream,
    FeatureType,
    OnlineFeatures,
    ReservedThroughput,
    python_code,
)
from constructs import Construct
from stacks.data import DataStack
from stacks.naming import pascal
from stacks.network import NetworkStack

_FUNCTIONS = Path(__file__).parent.parent / "lambda"
_TYPES: dict[str, FeatureType] = {"string": "String", "integral": "Integral", "fractional": "Fractional"}

_KINDS: dict[str, CollectionKind] = {"list": "List", "set": "Set", "vector": "Vector"}


class FeaturesStack(cdk.Stack):
    """Feature groups, with their histories' tables, queues, and a workgroup for each team that queries them.

    All of it outlives the environment, unless the file says twice that data is to be deleted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        data: DataStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._environment = environment
        self._data = data
        self._removal_policy = (
            cdk.RemovalPolicy.RETAIN if environment.retain_data else cdk.RemovalPolicy.DESTROY
        )
        histories = self._histories()
        groups = {
            name: self._group(name, said, histories.get(said.team))
            for name, said in environment.features.items()
        }
        self._send_settings(groups)
        if any(said.stream for said in environment.features.values()):
            stream = FeatureStream(
                self,
                "Stream",
                code=python_code(_FUNCTIONS, ["feature_ingestion"]),
                vpc=network.vpc,
                subnets=network.subnets,
                security_groups=[network.gateway_security_group],
                encryption_key=data.key,
                alarm_topic=AlarmTopic(self, "Alarms", encryption_key=data.key).topic,
                removal_policy=self._removal_policy,
            )
            for name, said in environment.features.items():
                if said.stream:
                    queue = stream.feed(groups[name])
                    cdk.CfnOutput(self, f"QueueUrl{pascal(name)}", value=queue.queue_url)

    def _histories(self) -> dict[str, FeatureHistory]:
        """Of each team that has any, in one database, and a workgroup for each team that reads them."""
        environment = self._environment
        owners = sorted({said.team for said in environment.features.values() if said.offline is not None})
        if not environment.keeps_histories:
            return {}
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=features.database_name(environment.name),
                description=f"The histories of the feature groups of the environment {environment.name}",
            ),
        )
        database.apply_removal_policy(self._removal_policy)
        for team in environment.teams:
            if environment.asks_histories(team):
                self._workgroup(team)
        return {
            team: FeatureHistory(
                self,
                f"History{pascal(team)}",
                bucket=self._data.data_bucket,
                prefix=features.history_prefix(team),
                database=database,
                database_name=features.database_name(environment.name),
                table_prefix=features.table_name(team, ""),
                encryption_key=self._data.key,
                removal_policy=self._removal_policy,
            )
            for team in owners
        }

    def _workgroup(self, team: str) -> None:
        """Where the team's queries are answered: below its own name, encrypted, whatever a query says.

        https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html
        """
        athena.CfnWorkGroup(
            self,
            f"Queries{pascal(team)}",
            name=features.workgroup_name(self._environment.name, team),
            description=f"Queries of the team {team}",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=self._data.data_bucket.s3_url_for_object(
                        f"{features.queries_prefix(team)}/"
                    ),
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self._data.key.key_arn
                    ),
                ),
            ),
        )

    def _group(self, name: str, said: features.FeatureGroup, history: FeatureHistory | None) -> FeatureGroup:
        reserved = said.throughput
        return FeatureGroup(
            self,
            f"Group{pascal(name)}",
            name=self._environment.feature_group_name(name),
            identifier=said.identifier,
            event_time=said.event_time,
            features={
                feature: _TYPES[each.type] for feature, each in said.features.items() if not each.collection
            },
            encryption_key=self._data.key,
            online=online_features(said.online),
            history=None if said.offline is None else history,
            table_name=None if said.offline is None else features.table_name(said.team, name),
            view_name=None if said.offline is None else features.view_name(said.team, name),
            iceberg=said.offline is not None and said.offline.table == "iceberg",
            reserved=(
                None if reserved is None else ReservedThroughput(reserved.write_units, reserved.read_units)
            ),
            tags=self._fixed_tags(said),
            removal_policy=self._removal_policy,
        )

    def _fixed_tags(self, said: features.FeatureGroup) -> dict[str, str]:
        """They are in the group's name, too: with others, it would be another one."""
        return {"clary:environment": self._environment.name, TEAM_TAG: said.team}

    def _send_settings(self, groups: dict[str, FeatureGroup]) -> None:
        environment = self._environment
        sent = {
            name: (_collections(said.features), {**environment.tags, **said.tags})
            for name, said in environment.features.items()
        }
        if not any(collections or tags for collections, tags in sent.values()):
            return
        settings = FeatureSettings(
            self,
            "Settings",
            code=python_code(_FUNCTIONS, ["feature_settings", "runtime_common"]),
            name_prefixes=[
                f"{team}--{environment.name}-"
                for team in sorted({said.team for said in environment.features.values()})
            ],
            encryption_key=self._data.key,
        )
        for name, (collections, tags) in sent.items():
            if collections or tags:
                settings.send(groups[name], collections=collections, tags=tags)


def online_features(said: features.OnlineStore | None) -> OnlineFeatures | None:
    """An online store, as the construct library takes it."""
    if said is None:
        return None
    lived = None if said.time_to_live is None else said.time_to_live.duration
    return OnlineFeatures(said.storage == "in-memory", lived)


def _collections(said_features: Mapping[str, features.Feature]) -> list[CollectionFeature]:
    return [
        CollectionFeature(name, _TYPES[each.type], _KINDS[each.collection], each.dimension)
        for name, each in said_features.items()
        if each.collection is not None
    ]
