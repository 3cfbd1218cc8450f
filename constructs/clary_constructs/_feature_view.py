"""What people ask of a feature group's history: a view with each record once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from aws_cdk import Aws
from aws_cdk import aws_glue as glue

from clary_constructs._feature_type import FeatureType
from constructs import Construct, IDependable

_TYPES: Mapping[FeatureType, tuple[str, str]] = {
    "String": ("string", "varchar"),
    "Integral": ("bigint", "bigint"),
    "Fractional": ("double", "double"),
}
"""In Glue's words, and in Athena's."""
_DELETED = "is_deleted"


class FeatureView(Construct):
    """Each record of a history once: of those with the same key and time, the one that was written last.

    A history has what it was given as often as it was given it, for PutRecord appends whatever comes
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html), and a queue
    delivers a message at least once. What is deleted says so in `is_deleted`.

    It holds nothing, and always goes with its stack. Views are made for Athena by what it keeps of its own:
    Trino's definition, in a comment (https://github.com/trinodb/trino, `ViewReaderUtil`).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        database_name: str,
        table_name: str,
        identifier: str,
        event_time: str,
        features: Mapping[str, FeatureType],
        after: IDependable,
    ) -> None:
        """`after` is what makes the table, with these columns."""
        super().__init__(scope, construct_id)
        # as the table has them, whose columns are in lower case
        columns = {name.lower(): _TYPES[type_] for name, type_ in sorted(features.items())}
        columns[_DELETED] = ("boolean", "boolean")
        at = _quoted(event_time.lower())
        if features[event_time] == "String":
            # the same moment can be written in two ways, with milliseconds and without
            at = f"CAST(replace(replace({at}, 'T', ' '), 'Z', '') AS timestamp)"
        shown = ", ".join(map(_quoted, columns))
        definition = {
            "originalSql": (
                f"SELECT {shown} FROM (SELECT {shown}, row_number() OVER (PARTITION BY"  # noqa: S608 - names are checked and quoted
                f" {_quoted(identifier.lower())}, {at}"
                ' ORDER BY "api_invocation_time" DESC, "write_time" DESC) AS "_version"'
                f' FROM {_quoted(database_name)}.{_quoted(table_name)}) WHERE "_version" = 1'
            ),
            "catalog": "awsdatacatalog",
            "schema": database_name,
            "columns": [{"name": name, "type": type_} for name, (_, type_) in columns.items()],
        }
        encoded = base64.b64encode(json.dumps(definition).encode()).decode()
        view = glue.CfnTable(
            self,
            "View",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                description=f"Each record of {table_name} once",
                table_type="VIRTUAL_VIEW",
                parameters={"presto_view": "true", "comment": "Presto View"},
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[
                        glue.CfnTable.ColumnProperty(name=name, type=type_)
                        for name, (type_, _) in columns.items()
                    ],
                    # without it the table is none to some, and what is empty is left out of a template
                    serde_info=glue.CfnTable.SerdeInfoProperty(name="-", serialization_library="-"),
                ),
                view_original_text=f"/* Presto View: {encoded} */",
                view_expanded_text="/* Presto View */",
            ),
        )
        view.node.add_dependency(after)


def _quoted(name: str) -> str:
    return f'"{name}"'
