"""A processing job that brings files into a feature group: what it reads, and how it is found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.feature_job import Records, ingest, next_job
from clary.features import ingest as ingest_here
from clary.progress import Progress
from clary.target import Target

PREFIX = "research/ingest"


def written(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_the_same_files_are_the_same_records_wherever_they_lie(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one", a="1", b="2"), written(tmp_path / "other", a="1", b="2")

    records = Records.of([str(one)], prefix=PREFIX)

    assert records.digest == Records.of([str(other)], prefix=PREFIX).digest
    assert [key.removeprefix(f"{PREFIX}/{records.digest[:16]}/") for key in records.files] == [
        "0000/a.csv",
        "0000/b.csv",
    ]


def test_other_bytes_or_another_order_are_other_records(tmp_path: Path) -> None:
    a, b = (str(written(tmp_path / name, records=name)) for name in ("a", "b"))

    found = {Records.of(given, prefix=PREFIX).digest for given in ([a], [b], [a, b], [b, a])}

    assert len(found) == 4


def test_a_job_reads_files_of_one_name_in_the_order_in_which_they_are_given(tmp_path: Path) -> None:
    b, a = (str(written(tmp_path / name, records=name) / "records.csv") for name in ("b", "a"))

    records = Records.of([b, a], prefix=PREFIX)

    assert [file.parent.name for _, file in sorted(records.files.items())] == ["b", "a"]
    assert records.inputs("bucket") == [
        (f"s3://bucket/{PREFIX}/{records.digest[:16]}/", "/opt/ml/processing/records")
    ]


def test_addresses_are_read_where_they_are() -> None:
    records = Records.of(["s3://b/one/", "s3://b/two/"], prefix=PREFIX)

    assert records.files == {}
    assert records.inputs("bucket") == [
        ("s3://b/one/", "/opt/ml/processing/records/0000"),
        ("s3://b/two/", "/opt/ml/processing/records/0001"),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["nowhere.csv"], "there is no file 'nowhere.csv'"),
        (["empty"], "there is no CSV or Parquet file in 'empty'"),
        (["s3://b/one/", "nowhere.csv"], "give one or the other"),
        ([f"s3://b/{number}/" for number in range(11)], "11 addresses, a job takes 10"),
    ],
)
def test_says_what_a_job_cannot_read(
    given: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()

    with pytest.raises(ClaryError, match=words):
        Records.of(given, prefix=PREFIX)


class Jobs:
    """SageMaker's list of processing jobs."""

    def __init__(self, **statuses: str) -> None:
        self._summaries = [
            {"ProcessingJobName": name.replace("_", "-"), "ProcessingJobStatus": status}
            for name, status in statuses.items()
        ]

    def get_paginator(self, operation: str) -> Jobs:
        assert operation == "list_processing_jobs"
        return self

    def paginate(self, *, NameContains: str) -> list[dict[str, Any]]:  # noqa: N803 - as boto3 has it
        found = [each for each in self._summaries if NameContains in each["ProcessingJobName"]]
        return [{"ProcessingJobSummaries": found[:1]}, {"ProcessingJobSummaries": found[1:]}]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({}, ("r--task-1", None)),
        ({"r__task_1": "InProgress"}, ("r--task-1", "InProgress")),
        ({"r__task_1": "Failed", "r__task_2": "Stopping"}, ("r--task-2", "Stopping")),
        ({"r__task_1": "Completed", "r__task_2": "Failed"}, ("r--task-3", None)),
        ({"r__task_9": "Failed", "r__task_10": "Failed"}, ("r--task-11", None)),
        ({"other_r__task_1": "InProgress", "r__task_1_more": "InProgress"}, ("r--task-1", None)),
    ],
)
def test_finds_the_job_that_is_at_it_or_else_names_the_next_one(
    statuses: dict[str, str], expected: tuple[str, str | None]
) -> None:
    assert next_job(Jobs(**statuses), "r--task-") == expected


ENVIRONMENT = Environment.model_validate(
    {
        "name": "dev",
        "account": "111122223333",
        "region": "eu-west-1",
        "teams": {"research": {"members": {"ada": "data-scientist"}}},
        "features": {
            "patients": {
                "team": "research",
                "identifier": "patient",
                "event_time": "at",
                "features": {"patient": "string", "at": "string"},
            }
        },
    }
)


def test_a_group_without_a_repository_for_jobs_has_none(tmp_path: Path) -> None:
    target = Target(ENVIRONMENT, None, tmp_path)

    with pytest.raises(ClaryError, match=r"give 'features.patients.job: \{repository: …\}'"):
        ingest(target, "patients", ["records.csv"], None, Progress(Console(quiet=True)))


def test_addresses_are_for_jobs(tmp_path: Path) -> None:
    target = Target(ENVIRONMENT, None, tmp_path)

    with pytest.raises(ClaryError, match="'s3://b/one/' is read by a job: give '--job'"):
        ingest_here(target, "patients", ["s3://b/one/"], None)
