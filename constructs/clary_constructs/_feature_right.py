"""What it takes to work with features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clary_constructs._right import NO_RESOURCE, Position, Right
from clary_constructs._workspace import FeatureLibrary, SharedGroup

READ_FEATURES = [
    "sagemaker:BatchGetRecord",
    "sagemaker:DescribeFeatureGroup",
    "sagemaker:DescribeFeatureMetadata",
    "sagemaker:GetRecord",
]
WRITE_FEATURES = ["sagemaker:DeleteRecord", "sagemaker:PutRecord", "sagemaker:UpdateFeatureMetadata"]
WRITE_RECORDS = ["sagemaker:DeleteRecord", "sagemaker:PutRecord"]
LIST_FEATURES = ["sagemaker:ListFeatureGroups"]
SEND_RECORDS = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
ASK = [
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
]
SEE_TABLES = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"]
SHOW_LABELS = ["glue:CreateTable", "glue:DeleteTable"]
ADD_PARTITIONS = ["glue:BatchCreatePartition"]
LOCATE_BUCKET = ["s3:GetBucketLocation"]

ON_FEATURES = [*READ_FEATURES, *WRITE_FEATURES]
ON_NO_FEATURES = LIST_FEATURES
ON_HISTORIES = [*SEND_RECORDS, *ASK, *SEE_TABLES, *SHOW_LABELS, *ADD_PARTITIONS, *LOCATE_BUCKET]
"""What it takes besides, where an environment has feature groups."""

_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_WRITE = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
_EPOCH = "?" * 10
"""What follows a group's name in its history's folder: the second in which it was made."""


def read_features(position: Position) -> Iterator[Right]:
    yield Right("Data", READ_FEATURES, position.ours("feature-group"), wildcard_because=_why(position))
    yield Right("Data", LIST_FEATURES, ["*"], wildcard_because=NO_RESOURCE)
    yield from query_histories(position)


def write_features(position: Position) -> Iterator[Right]:
    yield Right("Data", WRITE_FEATURES, position.ours("feature-group"), wildcard_because=_why(position))
    yield from write_histories(position)


def use_features(position: Position) -> Right:
    """What a job needs of them."""
    actions = [*READ_FEATURES, *WRITE_FEATURES]
    return Right("Data", actions, position.ours("feature-group"), wildcard_because=_why(position))


def query_histories(position: Position) -> Iterator[Right]:
    """Other teams' groups that are shared, and Athena's queries over all that may be read.

    Of Glue, a query needs the catalog and the database with each table, and of S3 the files themselves
    (https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html).
    """
    library, shared = position.workspace.features, position.shared_groups
    if shared:
        yield Right("Features", READ_FEATURES, _groups(position, shared))
    if library is None:
        return
    bucket = position.workspace.data_bucket
    theirs = [name for each in shared for name in (each.table, each.view) if name is not None]
    tables = [f"{library.table_prefix}*", *theirs]
    why = f"{_why(position)}, and what it is told of them"
    folders = [f"{library.history_prefix}/", f"{library.queries_prefix}/"]
    folders += [_folder(position, each) for each in shared if each.table is not None]
    yield Right(
        "Features",
        ASK,
        [position.stack.format_arn(service="athena", resource="workgroup", resource_name=library.workgroup)],
    )
    yield Right("Features", SEE_TABLES, _catalog(position, library, tables), wildcard_because=why)
    yield Right(
        "Features",
        SHOW_LABELS,
        _catalog(position, library, [f"{library.table_prefix}labels_*"]),
        wildcard_because="a query joins with what it is asked for, in a table that goes afterwards",
    )
    yield Right(
        "Features", _READ, [bucket.arn_for_objects(f"{folder}*") for folder in folders], wildcard_because=why
    )
    yield Right(
        "Features", _WRITE, [bucket.arn_for_objects(f"{library.queries_prefix}/*")], wildcard_because=why
    )
    yield Right(
        "Features",
        ["s3:ListBucket"],
        [bucket.bucket_arn],
        {"StringLike": {"s3:prefix": [f"{folder}*" for folder in folders]}},
    )
    yield Right("Features", LOCATE_BUCKET, [bucket.bucket_arn])


def write_histories(position: Position) -> Iterator[Right]:
    """Queues, which are named as their groups, and the files of histories."""
    library = position.workspace.features
    shared = [each for each in position.shared_groups if each.to_write]
    if shared:
        yield Right("Features", WRITE_RECORDS, _groups(position, shared))
    if library is None:
        return
    queues = [f"{library.group_prefix}*", *(each.name for each in shared)]
    yield Right(
        "Features",
        SEND_RECORDS,
        [position.stack.format_arn(service="sqs", resource=name) for name in queues],
        wildcard_because=f"queues of the {_why(position)}",
    )
    bucket, why = position.workspace.data_bucket, _why(position)
    folders = [f"{library.history_prefix}/", *(_folder(position, each) for each in shared if each.table)]
    yield Right(
        "Features", _WRITE, [bucket.arn_for_objects(f"{folder}*") for folder in folders], wildcard_because=why
    )
    tables = [f"{library.table_prefix}*", *(each.table for each in shared if each.table is not None)]
    yield Right("Features", ADD_PARTITIONS, _catalog(position, library, tables), wildcard_because=why)


def _groups(position: Position, shared: Sequence[SharedGroup]) -> list[str]:
    return [position.sagemaker("feature-group", each.name) for each in shared]


def _folder(position: Position, shared: SharedGroup) -> str:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html"""
    stack = position.stack
    where = f"{shared.history_prefix}/{stack.account}/sagemaker/{stack.region}/offline-store"
    return f"{where}/{shared.name}-{_EPOCH}/"


def _catalog(position: Position, library: FeatureLibrary, tables: Sequence[str]) -> list[str]:
    def arn(resource: str, name: str | None = None) -> str:
        return position.stack.format_arn(service="glue", resource=resource, resource_name=name)

    database = library.database
    return [
        arn("catalog"),
        arn("database", database),
        *(arn("table", f"{database}/{name}") for name in tables),
    ]


def _why(position: Position) -> str:
    return f"feature groups of the team {position.workspace.name}, told by what their names begin with"
