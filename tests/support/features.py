"""A feature group on a local AWS, with what it needs, and Athena's answers about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from support.identity import document, statement, trusting
from support.waiting import eventually

T = TypeVar("T")

DEFINITIONS = [
    {"FeatureName": "id", "FeatureType": "String"},
    {"FeatureName": "at", "FeatureType": "String"},
    {"FeatureName": "rooms", "FeatureType": "Integral"},
    {"FeatureName": "price", "FeatureType": "Fractional"},
]


def once(ask: Callable[[], T], enough: Callable[[T], bool]) -> T:
    """The answer that is enough, when there is one."""
    answers: list[T] = []

    def asked() -> bool:
        answers[:] = [ask()]
        return enough(answers[0])

    eventually(asked)
    return answers[0]


def as_record(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"FeatureName": name, "ValueAsStringList" if isinstance(one, list) else "ValueAsString": one}
        for name, one in values.items()
    ]


@dataclass
class FeatureWorld:
    """An account with a bucket, and a role that writes there; `client(service)` is whoever may all."""

    client: Any
    prefix: str
    bucket: str = field(init=False)
    role: str = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = f"{self.prefix}-features"
        self.client("s3").create_bucket(Bucket=self.bucket)
        made = self.client("iam").create_role(
            RoleName=f"{self.prefix}-store",
            AssumeRolePolicyDocument=trusting({"Service": "sagemaker.amazonaws.com"}),
        )
        self.role = made["Role"]["Arn"]
        self.allow_writing()

    def allow_writing(self, *actions: str) -> None:
        """What AmazonSageMakerFeatureStoreAccess allows, of this bucket; or else these actions."""
        allowed = actions or ("s3:PutObject", "s3:PutObjectAcl", "s3:GetBucketAcl")
        arn = f"arn:aws:s3:::{self.bucket}"
        self.client("iam").put_role_policy(
            RoleName=f"{self.prefix}-store",
            PolicyName="writes",
            PolicyDocument=document(statement(list(allowed), [arn, f"{arn}/*"])),
        )

    def offline(self, **storage: str) -> dict[str, Any]:
        return {
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{self.bucket}/team", **storage}},
            "RoleArn": self.role,
        }

    def create(self, name: str, **members: Any) -> dict[str, Any]:
        sagemaker = self.client("sagemaker")
        sagemaker.create_feature_group(
            **{
                "FeatureGroupName": name,
                "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "at",
                "FeatureDefinitions": DEFINITIONS,
                "OnlineStoreConfig": {"EnableOnlineStore": True},
                **members,
            }
        )
        return self.describe(name)

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("sagemaker").describe_feature_group(FeatureGroupName=name)
        return found

    def put(self, group: str, **values: Any) -> None:
        self.client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName=group, Record=as_record(values)
        )

    def get(self, group: str, identifier: str) -> dict[str, Any]:
        answer = self.client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName=group, RecordIdentifierValueAsString=identifier
        )
        return {
            one["FeatureName"]: one.get("ValueAsString", one.get("ValueAsStringList"))
            for one in answer.get("Record", [])
        }

    def files(self, group: Mapping[str, Any]) -> list[str]:
        """The keys of a group's files, below its folder."""
        uri = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        prefix = uri.removeprefix(f"s3://{self.bucket}/") + "/"
        found = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [one["Key"].removeprefix(prefix) for one in found]

    def rows(self, group: Mapping[str, Any], columns: str, *, count: int) -> list[list[str | None]]:
        """What Athena finds of a group, once there are so many rows."""
        return once(lambda: self.query(group, columns), lambda found: len(found) >= count)

    def query(self, group: Mapping[str, Any], columns: str, *, client: Any = None) -> list[list[str | None]]:
        athena, table = (client or self.client)("athena"), group["OfflineStoreConfig"]["DataCatalogConfig"]
        made = athena.start_query_execution(
            QueryString=f'SELECT {columns} FROM "{table["TableName"]}" ORDER BY {columns}',
            QueryExecutionContext={"Database": table["Database"]},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/answers"},
        )
        query = {"QueryExecutionId": made["QueryExecutionId"]}
        status = once(
            lambda: athena.get_query_execution(**query)["QueryExecution"]["Status"],
            lambda found: found["State"] in ("SUCCEEDED", "FAILED"),
        )
        assert status["State"] == "SUCCEEDED", status
        answer: Sequence[Any] = athena.get_query_results(**query)["ResultSet"]["Rows"]
        return [[one.get("VarCharValue") for one in row["Data"]] for row in answer[1:]]
