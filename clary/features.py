"""What is done with feature groups: records brought in, and training sets taken out."""

from __future__ import annotations

import csv
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clary.environment import features
from clary.environment.part import no_such
from clary.errors import ClaryError
from clary.outputs import stack_outputs
from clary.point_in_time import MOMENT, ROW, SECONDS, History, query
from clary.progress import Tell
from clary.target import Target
from clary.workspace import ROOT

PROGRAM = ROOT / "workloads" / "features" / "container" / "ingest"
"""What a processing job runs, too."""

_TYPES = {"string": "String", "integral": "Integral", "fractional": "Fractional"}
_COLUMN_TYPES = {"String": "VARCHAR", "Integral": "BIGINT", "Fractional": "DOUBLE"}


def group_of(target: Target, name: str) -> features.FeatureGroup:
    groups = target.environment.features
    if name not in groups:
        raise ClaryError(no_such("feature group", name, list(groups)))
    return groups[name]


def ingest(target: Target, name: str, files: Sequence[str], only: str | None) -> int:
    """Runs the program that brings files in, and returns its exit code."""
    group_of(target, name)
    for address in (each for each in files if each.startswith("s3://")):
        raise ClaryError(f"'{address}' is read by a job: give '--job', or a file of this machine")
    chosen = [] if only is None else ["--only", only]
    command = [sys.executable, str(PROGRAM), target.environment.feature_group_name(name), *files]
    return subprocess.run([*command, *chosen], env=target.process_environment(), check=False).returncode  # noqa: S603 - our own program, no shell


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a group: `patients` for all, `patients:bmi,visits` for some."""

    group: str
    features: Sequence[str]
    key: str | None = None
    """The labels' column with the group's keys. By default, it is called as the group's identifier."""

    @classmethod
    def parsed(cls, said: str, keys: Mapping[str, str]) -> Wanted:
        group, _, names = said.partition(":")
        return cls(group, [name for name in names.split(",") if name], keys.get(group))


@dataclass(frozen=True)
class Labels:
    """What a training set is made for: lines with the keys of things, and a time each."""

    file: Path
    time: str
    """The column with the time: ISO 8601, or seconds since 1970."""


def training_set(
    target: Target,
    labels: Labels,
    wanted: Sequence[Wanted],
    out: Path,
    *,
    team: str | None = None,
    max_age_seconds: int | None = None,
    tell: Tell,
) -> int:
    """Writes the labels' lines with the features that were known at their times; returns how many.

    Athena joins: it is sent the keys and the times, and nothing else of the labels. What it is sent, and
    the table that shows it, go afterwards.
    """
    environment = target.environment
    histories = [_history(target, each) for each in wanted]
    asking = team or environment.features[wanted[0].group].team
    if asking not in environment.teams:
        raise ClaryError(no_such("team", asking, list(environment.teams)))
    with tempfile.TemporaryDirectory(prefix="training-set-") as folder:
        table = _LabelTable(labels, histories, Path(folder))
        tell(f"{table.rows:,} lines")
        with _shown(target, asking, table.asked) as name:
            statement = query(f'"{name}"', histories, max_age_seconds=max_age_seconds)
            answer = _answered(target, asking, statement, Path(folder), tell)
        table.join(answer, histories, _types(target, wanted), out)
    return table.rows


def _history(target: Target, wanted: Wanted) -> History:
    group = group_of(target, wanted.group)
    if group.offline is None:
        raise ClaryError(f"the feature group '{wanted.group}' has no history, only its latest records")
    for name in wanted.features:
        if name not in group.features:
            raise ClaryError(f"{wanted.group}: {no_such('feature', name, list(group.features))}")
    chosen = wanted.features or sorted(name for name in group.features if name != group.identifier)
    return History(
        wanted.group,
        f'"{features.table_name(group.team, wanted.group)}"',
        group.identifier,
        "Integral" if group.features[group.identifier].type == "integral" else "String",
        group.event_time,
        "Fractional" if group.features[group.event_time].type == "fractional" else "String",
        chosen,
        wanted.key or group.identifier,
    )


def _types(target: Target, wanted: Sequence[Wanted]) -> dict[tuple[str, str], str]:
    groups = target.environment.features
    return {
        (each.group, name): _TYPES[feature.type]
        for each in wanted
        for name, feature in groups[each.group].features.items()
    }


class _LabelTable:
    """The labels on this machine: of what they say, only keys and times are sent."""

    def __init__(self, labels: Labels, histories: Sequence[History], folder: Path) -> None:
        import duckdb  # takes a while: not before it is used

        self._duckdb = duckdb
        self._connection = duckdb.connect(str(folder / "labels.db"))
        self._connection.execute("SET TimeZone = 'UTC'")
        if not labels.file.is_file():
            raise ClaryError(f"there is no file '{labels.file}'")
        # what a CSV file says stays as it is written
        csv_file = "read_csv(?, header = true, all_varchar = true)"
        reader = "read_parquet(?)" if labels.file.suffix == ".parquet" else csv_file
        try:
            self._connection.execute(
                f"CREATE TABLE labels AS SELECT row_number() OVER () - 1 AS {ROW}, * FROM {reader}",  # noqa: S608 - our own words
                [str(labels.file)],
            )
        except duckdb.Error as error:
            raise ClaryError(f"'{labels.file}' cannot be read: {str(error).splitlines()[0]}") from error
        self.columns = [row[0] for row in self._rows("DESCRIBE labels") if row[0] != ROW]
        for column in (labels.time, *(history.key for history in histories)):
            if column not in self.columns:
                raise ClaryError(f"{labels.file.name}: {no_such('column', column, self.columns)}")
        self.rows = int(self._rows("SELECT count(*) FROM labels")[0][0])
        self.asked = folder / "asked.csv"
        self._ask(labels, histories)

    def _ask(self, labels: Labels, histories: Sequence[History]) -> None:
        text = f"CAST({_quoted(labels.time)} AS VARCHAR)"
        moment = (
            f"CASE WHEN regexp_full_match({text}, '[0-9]+([.][0-9]+)?')"
            f" THEN make_timestamp(CAST(round(TRY_CAST({text} AS DOUBLE) * 1000000) AS BIGINT))"
            f" ELSE CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) END"
        )
        wrong = self._rows(
            f"SELECT {ROW} + 1, {text} FROM labels WHERE ({moment}) IS NULL ORDER BY 1 LIMIT 1"  # noqa: S608 - names are quoted
        )
        if wrong:
            raise ClaryError(
                f"{labels.file.name}, line {wrong[0][0]}: {wrong[0][1]!r} in '{labels.time}' is no time,"
                " give one like 2026-02-13T09:30:00Z, or seconds since 1970"
            )
        keys = ", ".join(
            f"CAST({_quoted(key)} AS VARCHAR) AS {_quoted(key)}"
            for key in dict.fromkeys(history.key for history in histories)
        )
        self._connection.execute(
            f"COPY (SELECT {ROW}, strftime({moment}, '%Y-%m-%d %H:%M:%S.%g') AS {MOMENT},"  # noqa: S608 - names are quoted
            f" epoch_us({moment}) / 1000000.0 AS {SECONDS}, {keys} FROM labels ORDER BY {ROW})"
            f" TO {_text(str(self.asked))} (FORMAT csv, HEADER true, FORCE_QUOTE *)"
        )

    def join(
        self,
        answer: Path,
        histories: Sequence[History],
        types: Mapping[tuple[str, str], str],
        out: Path,
    ) -> None:
        """Writes the labels' lines in their order, with the features beside them."""
        columns = {
            _quoted(history.column(name)): _COLUMN_TYPES[types[history.name, name]]
            for history in histories
            for name in history.features
        }
        added = ", ".join(f"CAST(answer.{name} AS {type_}) AS {name}" for name, type_ in columns.items())
        format_ = "FORMAT parquet" if out.suffix == ".parquet" else "FORMAT csv, HEADER true"
        self._connection.execute(
            f"COPY (SELECT labels.* EXCLUDE ({ROW}), {added} FROM labels LEFT JOIN"  # noqa: S608 - names are quoted
            f" read_csv({_text(str(answer))}, header = true, all_varchar = true, nullstr = '') AS answer"
            f" ON CAST(answer.{ROW} AS BIGINT) = labels.{ROW} ORDER BY labels.{ROW})"
            f" TO {_text(str(out))} ({format_})"
        )
        self._connection.close()

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()


@contextmanager
def _shown(target: Target, team: str, asked: Path) -> Iterator[str]:
    """The name of a table with what is asked, for as long as it is needed."""
    environment = target.environment
    name = features.table_name(team, f"labels-{secrets.token_hex(6)}")
    bucket = stack_outputs(target, "data")["DataBucketName"]
    folder = f"{features.queries_prefix(team)}/labels/{name}"
    s3, glue = target.client("s3"), target.client("glue")
    with asked.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    table = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "csv", "skip.header.line.count": "1"},
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": "string"} for column in header],
            "Location": f"s3://{bucket}/{folder}/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
        },
    }
    s3.upload_file(str(asked), bucket, f"{folder}/asked.csv")
    try:
        glue.create_table(DatabaseName=features.database_name(environment.name), TableInput=table)
        try:
            yield name
        finally:
            glue.delete_table(DatabaseName=features.database_name(environment.name), Name=name)
    finally:
        s3.delete_object(Bucket=bucket, Key=f"{folder}/asked.csv")


def _answered(target: Target, team: str, statement: str, folder: Path, tell: Tell) -> Path:
    """The file with what Athena answers."""
    athena = target.client("athena")
    started = athena.start_query_execution(
        QueryString=statement,
        QueryExecutionContext={"Database": features.database_name(target.environment.name)},
        WorkGroup=features.workgroup_name(target.environment.name, team),
    )["QueryExecutionId"]
    pause = 0.1 if target.local else 2.0
    while True:
        found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        state = found["Status"]["State"]
        if state not in ("QUEUED", "RUNNING"):
            break
        tell(f"Athena: {state.lower()}")
        time.sleep(pause)
    if state != "SUCCEEDED":
        raise ClaryError(
            f"the query is {state.lower()}: {found['Status'].get('StateChangeReason', 'no reason given')}"
        )
    place = urlsplit(found["ResultConfiguration"]["OutputLocation"])
    answer = folder / "answer.csv"
    target.client("s3").download_file(place.netloc, place.path.lstrip("/"), str(answer))
    return answer


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
