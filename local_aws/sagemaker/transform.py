"""How a transform job runs: a model's container, asked for each file's records, and its answers in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import datetime
import gzip
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from local_aws import containers, hooks
from local_aws.sagemaker import batch_capture, clients, folders, records, storage
from local_aws.sagemaker.behaviours import model as models
from local_aws.sagemaker.behaviours.reference import require
from local_aws.sagemaker.image_folder import image_of
from local_aws.sagemaker.jobs import JobFailed, Run
from local_aws.sagemaker.logs import LogStream
from local_aws.sagemaker.model_server import ModelServer, NoAnswer, ServingPlan
from local_aws.sagemaker.records import MEGABYTE, BadRecord
from local_aws.store import Record

logger = logging.getLogger("local_aws.sagemaker")

GROUP = "/aws/sagemaker/TransformJobs"
MOST_PROCESSES = 4
"""A job on more instances than these runs on so many: an instance is a machine on AWS, and a process here."""
_STARTUP_SECONDS = 480
_PARAMETERS_SECONDS = 2.0
_CHUNK = 1 << 16
_DEFAULTS: Mapping[str, Any] = {
    "MaxConcurrentTransforms": 1,
    "BatchStrategy": "MULTI_RECORD",
    "MaxPayloadInMB": 6,
}
"""Where neither the request nor the container says (the table of the page above)."""
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}

Fault = Literal["AlgorithmError", "ClientError"]


class _Stopped(Exception):
    """The job is to end."""


class _Refused(Exception):
    """The model has not answered a request as it should."""

    def __init__(self, fault: Fault, lines: Sequence[str]) -> None:
        super().__init__(lines[0])
        self.fault: Fault = fault
        self.lines = lines


@dataclass(frozen=True)
class _Parameters:
    concurrency: int
    payload_bytes: int | None
    """None when there is no limit: what is sent then comes in chunks."""
    single: bool


class Transform:
    """One job's course."""

    def __init__(self, record: Record, run: Run) -> None:
        self._record = record
        self._run = run
        self._name = record["TransformJobName"]
        self._processing = records.data_processing(record)
        self._input = record["TransformInput"]
        self._by_line = self._input.get("SplitType", "None") == "Line"
        self._client_config = record.get("ModelClientConfig", {})
        self._captures: Mapping[str, Any] = record.get("DataCaptureConfig") or {}
        self._model = require("Model", (record["ModelName"],), validation=True)
        self._role = self._model["ExecutionRoleArn"]
        self._faults: set[Fault] = set()

    def go(self) -> bool:
        """Whether it has come to its end, and was not stopped. Raises `JobFailed` and `StorageError`."""
        client = clients.as_role(self._role).s3
        data = self._input["DataSource"]["S3DataSource"]
        found = storage.sources(client, data["S3DataType"], data["S3Uri"])
        count = min(self._record["TransformResources"]["InstanceCount"], len(found), MOST_PROCESSES)
        home = containers.ContainerHome(folders.containers())
        try:
            with ThreadPoolExecutor(count) as instances:
                scope = hooks.request.account_id(), hooks.request.region()
                shares = [
                    instances.submit(self._in_scope, scope, client, found[number::count], home.path)
                    for number in range(count)
                ]
                results = [result for share in shares for result in share.result()]
            if self._run.stopping:
                return False  # and "SageMaker doesn't store the job's output" (StopTransformJob)
            stored = {source.uri: self._store(client, source, file) for source, file in results}
            if stored and self._captures:
                captured = {batch_capture.INPUT: [*stored], batch_capture.OUTPUT: [*stored.values()]}
                batch_capture.note(client, self._captures, self._record["TransformStartTime"], captured)
        finally:
            home.remove()
        if self._faults:
            # The container's fault comes first: it may have made the others.
            fault = "AlgorithmError" if "AlgorithmError" in self._faults else "ClientError"
            raise JobFailed(f"{fault}: See job logs for more information")
        return True

    def _in_scope(
        self, scope: tuple[str, str], client: Any, found: Sequence[storage.Source], folder: Path
    ) -> list[tuple[storage.Source, Path]]:
        with hooks.request.scope(*scope):
            return list(self._instance(client, found, folder))

    def _instance(
        self, client: Any, found: Sequence[storage.Source], folder: Path
    ) -> Iterator[tuple[storage.Source, Path]]:
        """What one instance makes of its share: each file's output. Those that fail are left out."""
        stream = f"{self._name}/i-{uuid.uuid4().hex[:17]}-{int(time.time())}"
        log = LogStream(GROUP, f"{stream}/data-log")
        server = ModelServer(self._plan(), stream)
        with ExitStack() as stack:
            stack.callback(server.stop)
            self._run.on_stop(server.stop)
            server.start()
            parameters = self._parameters(server)
            _say(
                log,
                f"MaxConcurrentTransforms={parameters.concurrency},"
                f" MaxPayloadInMB={(parameters.payload_bytes or 0) // MEGABYTE},"
                f" BatchStrategy={'SINGLE_RECORD' if parameters.single else 'MULTI_RECORD'}",
            )
            pool = stack.enter_context(ThreadPoolExecutor(parameters.concurrency))
            under_way: deque[tuple[storage.Source, Sequence[Future[list[bytes]]]]] = deque()

            def finished() -> Iterator[tuple[storage.Source, Path]]:
                source, answers = under_way.popleft()
                file = self._assemble(source, answers, folder / uuid.uuid4().hex, log)
                if file is not None:
                    yield source, file

            for source in found:
                try:
                    batches = self._batches(client, source, parameters)
                except (BadRecord, storage.StorageError) as error:
                    self._fail(log, source, "ClientError", [str(error)])
                    continue
                ask = partial(self._ask, server, parameters)
                under_way.append((source, [pool.submit(ask, batch) for batch in batches]))
                if len(under_way) > parameters.concurrency:
                    yield from finished()
            while under_way:
                yield from finished()

    def _plan(self) -> ServingPlan:
        container, *_ = models.containers_of(self._model)
        isolated = self._model.get("EnableNetworkIsolation", False)
        asked = {
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": self._record.get("MaxPayloadInMB"),
            "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(self._record.get("BatchStrategy", "")),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": self._record.get("MaxConcurrentTransforms"),
        }
        environment = {
            **clients.as_role(self._role).environment(isolated=isolated),
            **container.get("Environment", {}),
            **self._record.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
            **{name: str(value) for name, value in asked.items() if value is not None},
        }
        return ServingPlan(
            title="The container of the transform job",
            log_group=GROUP,
            image=image_of(models.image_of(container)),
            environment=lambda: environment,
            fill=partial(models.fill, container, self._role),
            network_isolated=isolated,
            startup_seconds=_STARTUP_SECONDS,
            homes=folders.containers(),
        )

    def _parameters(self, server: ModelServer) -> _Parameters:
        """The request's, else what the container wishes, else the defaults."""
        wished: dict[str, Any] = {}
        try:
            answer = server.ask("GET", "/execution-parameters", b"", {}, _PARAMETERS_SECONDS)
            if answer.status == 200:
                wished = dict(json.loads(answer.body))
        except (NoAnswer, ValueError, TypeError):
            pass  # a container need not know the question
        asked = {name: self._record[name] for name in _DEFAULTS if self._record.get(name) is not None}
        if not asked.get("MaxConcurrentTransforms"):  # 0 asks for the container's, too
            asked.pop("MaxConcurrentTransforms", None)
        found = {**_DEFAULTS, **{name: wished[name] for name in _DEFAULTS if name in wished}, **asked}
        strategy = str(found["BatchStrategy"])
        payload = int(found["MaxPayloadInMB"])
        return _Parameters(
            max(1, int(found["MaxConcurrentTransforms"])),
            payload * MEGABYTE or None,
            _STRATEGIES.get(strategy, strategy) == "SINGLE_RECORD",
        )

    def _batches(self, client: Any, source: storage.Source, parameters: _Parameters) -> list[list[bytes]]:
        content = storage.read(client, source.uri)
        if self._input.get("CompressionType", "None") == "Gzip":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError) as error:
                raise BadRecord(f"the object is not compressed with gzip: {error}") from error
        if self._by_line:
            found = records.split(content)
            return list(records.batches(found, parameters.payload_bytes, single=parameters.single))
        if parameters.payload_bytes is not None and len(content) > parameters.payload_bytes:
            raise BadRecord(f"the object's {len(content)} bytes are more than MaxPayloadInMB allows")
        active = self._processing.active and self._processing.by_line
        return [records.split(content) if active else [content]]

    def _ask(self, server: ModelServer, parameters: _Parameters, batch: Sequence[bytes]) -> list[bytes]:
        """What is kept of the model's answer to some records, record by record where they are known."""
        processing = self._processing
        body = (
            b"\n".join(processing.before(record) for record in batch)
            if processing.active
            else (b"\n".join(batch))
        )
        answer = self._invoke(server, parameters, body)
        if not processing.active:
            return [answer]
        outputs = [answer] if len(batch) == 1 and not processing.by_line else records.split(answer)
        if len(outputs) != len(batch):
            raise BadRecord(
                "Fail to join data: mismatched line count between the input and the output"
                f" ({len(batch)} and {len(outputs)})"
            )
        return [processing.after(*pair) for pair in zip(batch, outputs, strict=True)]

    def _invoke(self, server: ModelServer, parameters: _Parameters, body: bytes) -> bytes:
        headers = {}
        if "ContentType" in self._input:
            headers["Content-Type"] = self._input["ContentType"]
        if self._record["TransformOutput"].get("Accept"):
            headers["Accept"] = self._record["TransformOutput"]["Accept"]
        if parameters.payload_bytes is None:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(_chunks(body))
        seconds = self._client_config.get("InvocationsTimeoutInSeconds", 600)
        problem = _Refused("AlgorithmError", ["Unable to get response from algorithm"])
        for _ in range(1 + self._client_config.get("InvocationsMaxRetries", 3)):
            if self._run.stopping:
                raise _Stopped
            try:
                answer = server.ask("POST", "/invocations", body, headers, seconds)
            except NoAnswer as error:
                problem = _Refused("AlgorithmError", ["Unable to get response from algorithm", str(error)])
                continue
            if answer.status == 200:
                return answer.body
            said = ["", "Message:", answer.body.decode(errors="replace")]
            if answer.status < 500:
                raise _Refused("ClientError", [f"ClientError: {answer.status}", *said])
            line = f"Bad HTTP status received from algorithm: {answer.status}"
            problem = _Refused("AlgorithmError", [line, *said])
        raise problem

    def _assemble(
        self, source: storage.Source, answers: Sequence[Future[list[bytes]]], file: Path, log: LogStream
    ) -> Path | None:
        """A file's output; None, and a word in the log, when a part of it is missing."""
        by_line = self._record["TransformOutput"].get("AssembleWith", "None") == "Line"
        try:
            parts = [part for answer in answers for part in answer.result()]
        except _Stopped:
            return None
        except (BadRecord, _Refused) as error:
            for answer in answers:
                answer.cancel()
            if isinstance(error, _Refused):
                self._fail(log, source, error.fault, error.lines)
            else:
                self._fail(log, source, "ClientError", [str(error)])
            return None
        lines = by_line or (self._processing.active and self._processing.by_line)
        content = b"".join(part.removesuffix(b"\n") + b"\n" if lines else part for part in parts)
        if self._captures.get("GenerateInferenceId"):
            kind = self._record["TransformOutput"].get("Accept") or self._input.get("ContentType", "")
            try:
                content = batch_capture.identified(content, kind, self._record["TransformStartTime"])
            except BadRecord as error:
                self._fail(log, source, "ClientError", [str(error)])
                return None
        file.write_bytes(content)
        return file

    def _store(self, client: Any, source: storage.Source, file: Path) -> str:
        output = self._record["TransformOutput"]
        target = f"{output['S3OutputPath'].rstrip('/')}/{source.name}.out"
        storage.upload(client, file, target, output.get("KmsKeyId"))
        return target

    def _fail(self, log: LogStream, source: storage.Source, fault: Fault, lines: Sequence[str]) -> None:
        self._faults.add(fault)
        for line in lines:
            _say(log, f"{source.bucket}/{source.key}: {line}")


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        chunk = body[start : start + _CHUNK]
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


def _say(log: LogStream, words: str) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    log.say(f"{now}:[sagemaker logs]: {words}")
