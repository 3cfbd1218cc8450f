"""What a monitoring job is given: the data of its period, its baseline, and what its container wants to know.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.errors import invalid
from local_aws.sagemaker import batch_capture, storage
from local_aws.schedules import At, InvalidSchedule, Rate, Schedule, parse

BASELINE = "/opt/ml/processing/baseline"
_CODE = "/opt/ml/processing/code"
_CONFIG = "/opt/ml/processing/input/config"
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_HOUR = datetime.timedelta(hours=1)
NOW = "NOW"
_LONGEST_NAME = 63

_METRICS = {
    "DataQuality": "data-metrics",
    "ModelBias": "bias-metrics",
    "ModelExplainability": "explainability-metrics",
    "ModelQuality": "model-metrics",
}
"""https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-cw.html and its neighbours."""
_NAMES = {
    "DataQuality": "model-monitoring",
    "ModelBias": "model-bias-monitoring",
    "ModelExplainability": "model-explainability-monitoring",
    "ModelQuality": "model-quality-monitoring",
}
_ATTRIBUTES = {
    "FeaturesAttribute": "features_attribute",
    "InferenceAttribute": "inference_attribute",
    "ProbabilityAttribute": "probability_attribute",
    "ProbabilityThresholdAttribute": "probability_threshold_attribute",
    "ExcludeFeaturesAttribute": "exclude_features_attribute",
}
_FORMATS = {"Csv": "csv", "Json": "json", "Parquet": "parquet"}


class NoData(Exception):
    """There is nothing to look at in a period."""


@dataclass(frozen=True)
class Definition:
    """What is to be looked at, with what, and by what: inline, or a definition of one of four kinds."""

    kind: str
    application: Mapping[str, Any]
    input: Mapping[str, Any]
    """`EndpointInput` or `BatchTransformInput`, what it says."""
    of_endpoint: bool
    ground_truth: str | None
    baseline: Mapping[str, Any]
    output: Mapping[str, Any]
    key_id: str | None
    resources: Mapping[str, Any]
    network: Mapping[str, Any]
    role: str
    stopping: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def endpoint(self) -> str | None:
        return self.input["EndpointName"] if self.of_endpoint else None

    @property
    def namespace(self) -> str:
        place = "Endpoints" if self.of_endpoint else "ModelMonitoring"
        return f"aws/sagemaker/{place}/{_METRICS[self.kind]}"


def of_definition(kind: str, record: Mapping[str, Any]) -> Definition:
    """A `DataQualityJobDefinition` and its like."""
    given = record[f"{kind}JobInput"]
    application = record[f"{kind}AppSpecification"]
    return Definition(
        kind=kind,
        application=application,
        **_input(given),
        ground_truth=given.get("GroundTruthS3Input", {}).get("S3Uri"),
        baseline=record.get(f"{kind}BaselineConfig", {}),
        **_output(record[f"{kind}JobOutputConfig"]),
        resources=record["JobResources"],
        network=record.get("NetworkConfig", {}),
        role=record["RoleArn"],
        stopping=record.get("StoppingCondition", {}),
        environment=application.get("Environment", {}),
    )


def inline(kind: str, given: Mapping[str, Any]) -> Definition:
    """The definition within a schedule."""
    return Definition(
        kind=kind,
        application=given["MonitoringAppSpecification"],
        **_input(given["MonitoringInputs"][0]),
        ground_truth=given["MonitoringInputs"][0].get("GroundTruthS3Input", {}).get("S3Uri"),
        baseline=given.get("BaselineConfig", {}),
        **_output(given["MonitoringOutputConfig"]),
        resources=given["MonitoringResources"],
        network=given.get("NetworkConfig", {}),
        role=given["RoleArn"],
        stopping=given.get("StoppingCondition", {}),
        environment=given.get("Environment", {}),
    )


def _input(given: Mapping[str, Any]) -> dict[str, Any]:
    of_endpoint = "EndpointInput" in given
    return {
        "input": given["EndpointInput" if of_endpoint else "BatchTransformInput"],
        "of_endpoint": of_endpoint,
    }


def _output(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"output": config["MonitoringOutputs"][0]["S3Output"], "key_id": config.get("KmsKeyId")}


# --- when ------------------------------------------------------------------------------------------


def schedule_of(config: Mapping[str, Any]) -> Schedule | None:
    """When monitoring happens; None for once, now. Raises `ServiceError`.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-schedule-expression.html
    """
    given = config.get("ScheduleConfig", {})
    expression = given.get("ScheduleExpression", NOW)
    if expression == NOW:
        for member in ("DataAnalysisStartTime", "DataAnalysisEndTime"):
            if member in given:
                _duration(given[member])
        return None
    try:
        found = parse(expression)
    except InvalidSchedule as error:
        raise invalid(f"Invalid schedule expression: {error}") from error
    if isinstance(found, At | Rate):
        raise invalid(f"Invalid schedule expression '{expression}': give NOW or a cron expression.")
    return found


@dataclass(frozen=True)
class Period:
    start: datetime.datetime
    end: datetime.datetime

    def hours(self) -> Iterator[datetime.datetime]:
        """The hours that it touches, by whose names data is kept."""
        hour = self.start.replace(minute=0, second=0, microsecond=0)
        while hour < self.end:
            yield hour
            hour += _HOUR


def period(config: Mapping[str, Any], definition: Definition, due: datetime.datetime) -> Period:
    """The time that a job looks at: since the one before, or as its offsets say."""
    asked, given = config.get("ScheduleConfig", {}), definition.input
    if "StartTimeOffset" in given or "EndTimeOffset" in given:
        start, end = given.get("StartTimeOffset", "-PT1H"), given.get("EndTimeOffset", "PT0H")
    elif "DataAnalysisStartTime" in asked or "DataAnalysisEndTime" in asked:
        start, end = asked.get("DataAnalysisStartTime", "-PT1H"), asked.get("DataAnalysisEndTime", "PT0H")
    else:
        schedule = schedule_of(config)
        following = schedule.after(due) if schedule else None
        return Period(due - (following - due if following else _HOUR), due)
    return Period(due + _duration(start), due + _duration(end))


def _duration(text: str) -> datetime.timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise invalid(f"'{text}' is not an ISO 8601 duration such as -PT1H.")
    units = {name: int(found[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
    length = datetime.timedelta(**units)
    return -length if found["sign"] == "-" else length


# --- what of ---------------------------------------------------------------------------------------


def data(
    definition: Definition, s3: Any, captured: str, variants: Sequence[str], chosen: Period
) -> list[dict[str, Any]]:
    """The processing inputs with what was captured in a period, an hour each; merged with what was true
    where that is given. Raises `NoData`."""
    found: list[dict[str, Any]] = []
    if not definition.of_endpoint:
        return _of_batches(definition, s3, captured, chosen)
    for folder in _folders(definition, variants, chosen):
        uri = f"{captured.rstrip('/')}/{folder}"
        if not storage.exists(s3, f"{uri}/"):
            continue
        if definition.ground_truth is not None:
            hour = "/".join(folder.split("/")[-4:])
            merged = f"{definition.output['S3Uri'].rstrip('/')}/merge/{folder}"
            if not _merge(s3, uri, f"{definition.ground_truth.rstrip('/')}/{hour}", merged):
                continue
            uri = merged
        local = f"{definition.input['LocalPath'].rstrip('/')}/{folder}"
        found.append(_s3_input(f"endpoint_input_{len(found) + 1}", uri, local))
    if not found:
        raise NoData
    return found


def _folders(definition: Definition, variants: Sequence[str], chosen: Period) -> Iterator[str]:
    for hour in chosen.hours():
        for variant in variants:
            yield f"{definition.endpoint}/{variant}/{hour:%Y/%m/%d/%H}"


def _of_batches(definition: Definition, s3: Any, captured: str, chosen: Period) -> list[dict[str, Any]]:
    """What the manifests of transform jobs name: their inputs below `input`, their outputs below `output`.
    (AWS does not say where its analyzer finds them.) Raises `NoData`."""
    found: list[dict[str, Any]] = []
    for hour in chosen.hours():
        for kind in (batch_capture.INPUT, batch_capture.OUTPUT):
            folder = f"{kind}/{hour:%Y/%m/%d/%H}"
            uri = f"{captured.rstrip('/')}/{folder}/"
            for manifest in storage.sources(s3, "S3Prefix", uri) if storage.exists(s3, uri) else ():
                local = (
                    f"{definition.input['LocalPath'].rstrip('/')}/{folder}/{manifest.name.partition('.')[0]}"
                )
                given = _s3_input(f"batch_transform_{kind}_{len(found) + 1}", manifest.uri, local)
                given["S3Input"]["S3DataType"] = "ManifestFile"
                found.append(given)
    if not found:
        raise NoData
    return found


def _merge(s3: Any, captured: str, truth: str, target: str) -> bool:
    """Puts what was captured of an hour together with what was true of it; whether there is any.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
    """
    if not storage.exists(s3, f"{truth}/"):
        return False
    known = {one["eventMetadata"]["eventId"]: one["groundTruthData"] for one in _records(s3, truth)}
    lines = []
    for record in _records(s3, captured):
        metadata = record["eventMetadata"]
        event = metadata.get("inferenceId", metadata["eventId"])
        if event in known:
            lines.append(json.dumps({**record, "groundTruthData": known[event]}))
    if lines:
        bucket, key = storage.location(f"{target}/part-00000.jsonl")
        s3.put_object(Bucket=bucket, Key=key, Body="\n".join([*lines, ""]).encode())
    return bool(lines)


def _records(s3: Any, uri: str) -> Iterator[dict[str, Any]]:
    for source in storage.sources(s3, "S3Prefix", f"{uri}/"):
        for line in storage.read(s3, source.uri).splitlines():
            if line.strip():
                yield json.loads(line)


# --- the job ---------------------------------------------------------------------------------------


def request(
    definition: Definition,
    schedule: str,
    due: datetime.datetime,
    chosen: Period,
    inputs: Sequence[Mapping[str, Any]],
    baseline: Mapping[str, str],
    identifier: str,
) -> dict[str, Any]:
    """What CreateProcessingJob would be asked; `baseline` has the URIs of `constraints` and `statistics`."""
    application, environment = definition.application, _environment(definition, schedule, chosen)
    more = []
    for name, folder in (("constraints", "constraints"), ("statistics", "stats")):
        if name in baseline:
            local = f"{BASELINE}/{folder}"
            more.append(_s3_input(name, baseline[name], local))
            environment[f"baseline_{name}"] = f"{local}/{baseline[name].rpartition('/')[2]}"
    for member, name, folder in (
        ("RecordPreprocessorSourceUri", "record_preprocessor_script", "preprocessing"),
        ("PostAnalyticsProcessorSourceUri", "post_analytics_processor_script", "postprocessing"),
    ):
        if member in application:
            uri, local = application[member], f"{_CODE}/{folder}"
            more.append(_s3_input(f"{folder}_code", uri, local))
            environment[name] = f"{local}/{uri.rpartition('/')[2]}"
    if "ConfigUri" in application:
        more.append(_s3_input("analysis_config", application["ConfigUri"], _CONFIG))
    place = f"{definition.endpoint}/{schedule}" if definition.of_endpoint else schedule
    output = {
        **definition.output,
        "S3Uri": f"{definition.output['S3Uri'].rstrip('/')}/{place}/{due:%Y/%m/%d/%H}",
        "S3UploadMode": definition.output.get("S3UploadMode", "Continuous"),
    }
    outputs: dict[str, Any] = {"Outputs": [{"OutputName": "result", "AppManaged": False, "S3Output": output}]}
    if definition.key_id:
        outputs["KmsKeyId"] = definition.key_id
    specification = {
        name: application[name]
        for name in ("ImageUri", "ContainerEntrypoint", "ContainerArguments")
        if name in application
    }
    found = {
        "ProcessingJobName": f"{_NAMES[definition.kind]}-{due:%Y%m%d%H%M}-{identifier}"[:_LONGEST_NAME],
        "AppSpecification": specification,
        "Environment": environment,
        "ProcessingInputs": [*more, *inputs],
        "ProcessingOutputConfig": outputs,
        "ProcessingResources": definition.resources,
        "RoleArn": definition.role,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, **definition.stopping},
    }
    if definition.network:
        found["NetworkConfig"] = definition.network
    return found


def _environment(definition: Definition, schedule: str, chosen: Period) -> dict[str, str]:
    given = definition.input
    found = {
        "dataset_format": json.dumps(_format(definition)),
        "dataset_source": given["LocalPath"],
        "start_time": f"{chosen.start:%Y-%m-%dT%H:%M:%SZ}",
        "end_time": f"{chosen.end:%Y-%m-%dT%H:%M:%SZ}",
        "output_path": definition.output["LocalPath"],
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_monitoring_schedule_name": schedule,
    }
    if definition.endpoint is not None:
        found["sagemaker_endpoint_name"] = definition.endpoint
    if definition.kind == "ModelQuality":
        found |= {"analysis_type": "MODEL_QUALITY", "metric_time": found["start_time"]}
    if "ProblemType" in definition.application:
        found["problem_type"] = definition.application["ProblemType"]
    found |= {name: str(given[member]) for member, name in _ATTRIBUTES.items() if member in given}
    return {**found, **definition.environment}


def _format(definition: Definition) -> dict[str, Any]:
    if definition.ground_truth is not None:
        return {"sagemakerMergeJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
    if definition.of_endpoint:
        return {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
    kind, told = next(iter(definition.input["DatasetFormat"].items()))
    return {_FORMATS[kind]: {name.lower(): value for name, value in told.items()}}


def _s3_input(name: str, uri: str, local: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": local,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def violations(s3: Any, job: Mapping[str, Any]) -> bool:
    """Whether a job that has completed has found any: by its file, or by its message."""
    if str(job.get("ExitMessage", "")).startswith("CompletedWithViolations"):
        return True
    uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    for name in ("constraint_violations.json", "constraints_violations.json"):
        try:
            return bool(json.loads(storage.read(s3, f"{uri}/{name}")).get("violations"))
        except (storage.StorageError, ValueError, AttributeError):
            continue
    return False
