"""What batch transform does with the content of files: splits, filters, joins and assembles records.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.errors import invalid
from local_aws.sagemaker.json_path import InvalidPath, JsonPath, NotFound, parse

MEGABYTE = 1024 * 1024

_FORMATS = {"text/csv": "csv", "application/json": "json", "application/jsonlines": "jsonlines"}


class BadRecord(Exception):
    """Why a file cannot be transformed: the caller's mistake, in the job's log."""


def split(content: bytes) -> list[bytes]:
    """The lines of a file, without their ends; empty ones are no records."""
    return [line.rstrip(b"\r") for line in content.split(b"\n") if line.strip()]


def batches(records: Sequence[bytes], limit: int | None, *, single: bool) -> Iterator[list[bytes]]:
    """As many records at a time as the limit lets through, in bytes; or each by itself.

    Raises `BadRecord` for one that is too large.
    """
    batch: list[bytes] = []
    size = 0
    for record in records:
        if limit is not None and len(record) > limit:
            raise BadRecord(f"a record of {len(record)} bytes is larger than MaxPayloadInMB allows")
        if batch and (single or (limit is not None and size + len(record) + 1 > limit)):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record) + 1
    if batch:
        yield batch


@dataclass(frozen=True)
class DataProcessing:
    """What of each record goes to the model, and what of both to the output."""

    input_filter: JsonPath
    output_filter: JsonPath
    join: bool
    format: str

    @property
    def active(self) -> bool:
        return self.join or not (self.input_filter.is_root and self.output_filter.is_root)

    @property
    def by_line(self) -> bool:
        """Whether a line is a record, even of a file that is not split."""
        return self.format != "json"

    def before(self, record: bytes) -> bytes:
        """What the model gets of a record. Raises `BadRecord`."""
        if self.input_filter.is_root:
            return record
        return self._written(self._taken(self.input_filter, self._read(record, "input")))

    def after(self, record: bytes, output: bytes) -> bytes:
        """What is kept of a record and the model's answer to it. Raises `BadRecord`."""
        if not self.join and self.output_filter.is_root:
            return output
        found = self._read(output, "output")
        if self.join:
            found = self._joined(self._read(record, "input"), found)
        return self._written(self._taken(self.output_filter, found))

    def _joined(self, given: Any, answer: Any) -> Any:
        if self.format == "csv":
            return [*given, *answer]
        if isinstance(given, dict):
            return {**given, "SageMakerOutput": answer}
        return {"SageMakerInput": given, "SageMakerOutput": answer}

    def _taken(self, path: JsonPath, value: Any) -> Any:
        try:
            return path.select(value)
        except NotFound as error:
            raise BadRecord(str(error)) from error

    def _read(self, record: bytes, which: str) -> Any:
        try:
            text = record.decode()
            return next(csv.reader([text])) if self.format == "csv" else json.loads(text)
        except (ValueError, csv.Error, StopIteration) as error:
            raise BadRecord(f"the {which} is not {self.format}: {error}") from error

    def _written(self, value: Any) -> bytes:
        if self.format != "csv":
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return row.getvalue().encode()


def data_processing(request: Mapping[str, Any]) -> DataProcessing:
    """What a transform job asks for. Raises `ServiceError`."""
    asked = request.get("DataProcessing", {})
    paths = {}
    for member in ("InputFilter", "OutputFilter"):
        try:
            paths[member] = parse(asked.get(member) or "$")
        except InvalidPath as error:
            raise invalid(f"Invalid {member}: {error}") from error
    content_type = request["TransformInput"].get("ContentType", "")
    accepted = request["TransformOutput"].get("Accept") or content_type
    found = DataProcessing(
        paths["InputFilter"],
        paths["OutputFilter"],
        asked.get("JoinSource", "None") == "Input",
        _format(content_type),
    )
    if not found.active:
        return found
    for member, given in (("ContentType", content_type), ("Accept", accepted)):
        if not _format(given):
            raise invalid(f"DataProcessing needs a {member} of {', '.join(_FORMATS)}: it is '{given}'.")
    if (_format(accepted) == "csv") != (found.format == "csv"):
        raise invalid(
            f"DataProcessing needs a ContentType and an Accept of one format: they are {content_type} and"
            f" {accepted}."
        )
    if found.format == "csv":
        for member, path in paths.items():
            if path.uses_names:
                raise invalid(f"Invalid {member}: '{path.text}', only indexes can be applied to text/csv")
        if request["TransformInput"].get("SplitType", "None") != "Line" or (
            request["TransformOutput"].get("AssembleWith", "None") != "Line"
        ):
            raise invalid("DataProcessing of text/csv needs the SplitType Line and AssembleWith Line.")
    return found


def _format(content_type: str) -> str:
    return _FORMATS.get(content_type.partition(";")[0].strip().lower(), "")
