"""A million rows into a feature group, killed on the way and run again; then a thousand keys read online.

On a local AWS of its own, with one feature group: what is measured is the program that a processing job runs,
and the local AWS beside it on the same machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from local_aws import process  # noqa: E402 - the same
from support.deployed import client_of  # noqa: E402 - the path comes first

ACCOUNT, REGION, GROUP, BUCKET = "000000000000", "us-east-1", "research--bench-patients", "benchmark"
PROGRAM = ROOT / "workloads" / "features" / "container" / "ingest"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--hours", type=int, default=720, help="how many hours the records lie in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="features-benchmark-") as folder:
        state = Path(folder, "state")
        state.mkdir()
        running = process.start(state)
        try:
            measure(running.url, Path(folder), given.rows, given.keys, given.hours)
        finally:
            process.stop(state)


def measure(url: str, folder: Path, rows: int, keys: int, hours: int) -> None:
    make_group(url)
    file = folder / "records.parquet"
    write(file, rows, keys, hours)
    print(f"{rows:,} rows of {keys:,} keys, {file.stat().st_size / 1e6:.0f} MB of Parquet", flush=True)

    started = time.monotonic()
    first = ingest(url, file)
    while not files(url, most=1) and first.poll() is None:
        pass
    first.kill()
    first.wait()
    there = len(files(url))
    print(
        f"killed after {time.monotonic() - started:.1f} s, with {there:,} of {hours:,} files there",
        flush=True,
    )

    started = time.monotonic()
    assert ingest(url, file).wait() == 0
    took = time.monotonic() - started
    print(f"run again: {took:.1f} s, {rows / took:,.0f} rows a second", flush=True)
    started = time.monotonic()
    assert ingest(url, file).wait() == 0
    print(f"and again, with nothing left to do: {time.monotonic() - started:.1f} s", flush=True)

    started = time.monotonic()
    counted = ask(
        url, "SELECT count(*), count(DISTINCT patient || measured_at) FROM research__bench_patients"
    )
    print(f"Athena counts {counted} (rows, records) in {time.monotonic() - started:.1f} s", flush=True)
    assert counted == [str(rows), str(rows)], counted
    read(url, keys)


def make_group(url: str) -> None:
    client(url, "s3").create_bucket(Bucket=BUCKET)
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        '"Principal":{"Service":"sagemaker.amazonaws.com"}}]}'
    )
    role = client(url, "iam").create_role(RoleName="features", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client(url, "glue").create_database(DatabaseInput={"Name": "features"})
    sagemaker = client(url, "sagemaker")
    types = {"patient": "String", "measured_at": "String", "bmi": "Fractional", "visits": "Integral"}
    sagemaker.create_feature_group(
        FeatureGroupName=GROUP,
        RecordIdentifierFeatureName="patient",
        EventTimeFeatureName="measured_at",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": type_} for name, type_ in types.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={
            "S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/features"},
            "DataCatalogConfig": {
                "Catalog": "AwsDataCatalog",
                "Database": "features",
                "TableName": "research__bench_patients",
            },
        },
        RoleArn=role,
    )
    while sagemaker.describe_feature_group(FeatureGroupName=GROUP)["FeatureGroupStatus"] == "Creating":
        pass


def write(file: Path, rows: int, keys: int, hours: int) -> None:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"COPY (SELECT 'p' || (n % {keys}) AS patient, strftime(TIMESTAMP '2026-01-01'"
            f" + to_milliseconds(n * {hours * 3_600_000 // rows}), '%Y-%m-%dT%H:%M:%S.%gZ') AS measured_at,"
            f" 18 + (n % 200) / 10 AS bmi, n AS visits FROM range({rows}) numbers(n))"
            f" TO '{file}' (FORMAT parquet)"
        )


def ingest(url: str, file: Path) -> subprocess.Popen[bytes]:
    credentials = {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), GROUP, str(file)],
        env={**os.environ, **credentials},
        stdout=subprocess.DEVNULL,
    )


def files(url: str, most: int | None = None) -> list[str]:
    config = {"MaxItems": most, "PageSize": most}
    pages = (
        client(url, "s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig=config)
    )
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def ask(url: str, query: str) -> list[str]:
    athena = client(url, "athena")
    started = athena.start_query_execution(
        QueryString=query,
        QueryExecutionContext={"Database": "features"},
        ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/queries/"},
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.1)
    assert status["State"] == "SUCCEEDED", status
    row = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"][1]
    return [value["VarCharValue"] for value in row["Data"]]


def read(url: str, keys: int) -> None:
    runtime = client(url, "sagemaker-featurestore-runtime")
    single = []
    for number in range(keys):
        started = time.perf_counter()
        found = runtime.get_record(FeatureGroupName=GROUP, RecordIdentifierValueAsString=f"p{number}")
        single.append((time.perf_counter() - started) * 1000)
        assert found["Record"], number
    cut = statistics.quantiles(single, n=100)
    print(
        f"GetRecord, {keys:,} keys one by one: median {cut[49]:.1f} ms, 99 of 100 within {cut[98]:.1f} ms",
        flush=True,
    )
    started = time.perf_counter()
    for begin in range(0, keys, 100):
        wanted = [f"p{number}" for number in range(begin, min(begin + 100, keys))]
        answer = runtime.batch_get_record(
            Identifiers=[{"FeatureGroupName": GROUP, "RecordIdentifiersValueAsString": wanted}]
        )
        assert len(answer["Records"]) == len(wanted)
    print(
        f"BatchGetRecord, 100 at a time: {(time.perf_counter() - started) * 1000:.0f} ms for all", flush=True
    )


def client(url: str, service: str) -> Any:
    return client_of(url, service, ACCOUNT, REGION)


if __name__ == "__main__":
    main()
