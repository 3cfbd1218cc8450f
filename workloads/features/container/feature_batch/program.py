"""`ingest GROUP FILE…`: reads files, and says what became of their records."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from feature_batch.adapters import RuntimeLatest, RuntimeRecords, S3History, describe
from feature_batch.group import Refused
from feature_batch.ingestion import Outcome, ingest
from feature_batch.table import Table

_CONNECTIONS = 32
_ML = Path("/opt/ml")
_LONGEST_MESSAGE = 1000
"""Bytes: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="ingest", description="Brings files of records into a feature group. Run again, it goes on."
    )
    parser.add_argument("group", help="the feature group's name in SageMaker")
    parser.add_argument("files", nargs="+", type=Path, help="CSV and Parquet files, or folders of them")
    parser.add_argument("--only", choices=["online", "offline"], help="one of the stores; by default, both")
    given = parser.parse_args(arguments)
    try:
        outcome = run(given.group, _files(given.files), given.only)
    except Refused as error:
        _leave(f"refused: {error}", sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        _leave(f"stopped, run it again to go on: {error}", sys.stderr)
        return 2
    _leave(outcome.words, sys.stdout)
    return 0


def _leave(words: str, stream: TextIO) -> None:
    """What became of it; a job leaves it for whoever describes the job."""
    print(words, file=stream, flush=True)
    if (_ML / "config" / "processingjobconfig.json").exists():
        (_ML / "output").mkdir(exist_ok=True)
        (_ML / "output" / "message").write_bytes(words.encode()[:_LONGEST_MESSAGE])


def run(name: str, files: Sequence[Path], only: str | None) -> Outcome:
    import boto3  # takes a while: not before it is used

    session = boto3.Session()
    config = Config(max_pool_connections=_CONNECTIONS, retries={"mode": "adaptive", "total_max_attempts": 10})
    group = describe(session.client("sagemaker", config=config), name)
    runtime = session.client("sagemaker-featurestore-runtime", config=config)
    history = latest = records = None
    if group.written_by_store and only != "online":
        records = RuntimeRecords(runtime, group, online=group.online and only is None)
    elif group.history is not None and only != "online":
        history = S3History(
            session.client("s3", config=config), session.client("glue", config=config), group.history
        )
    if group.online and only != "offline" and records is None:
        latest = RuntimeLatest(runtime, group)
    if history is None and latest is None and records is None:
        raise Refused(f"the feature group '{name}' has no {only} store")
    with tempfile.TemporaryDirectory(prefix="features-") as scratch:
        table = Table(group, files, Path(scratch))
        try:
            now = datetime.datetime.now(datetime.UTC)
            return ingest(group, table, history, latest, records=records, now=now, tell=_tell)
        finally:
            table.close()


def _files(given: Sequence[Path]) -> list[Path]:
    """Raises Refused."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.suffix in (".csv", ".parquet"))
        elif path.is_file():
            found.append(path)
        else:
            raise Refused(f"there is no file '{path}'")
    if not found:
        raise Refused(f"there is no CSV or Parquet file in {', '.join(str(each) for each in given)}")
    return found


def _tell(words: str) -> None:
    print(words, flush=True)
