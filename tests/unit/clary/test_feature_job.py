"""What a processing job reads that brings files into a feature group."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.errors import ClaryError
from clary.feature_job import Records

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
