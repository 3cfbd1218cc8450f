"""Where requests are counted: a table of DynamoDB, one item for each client, model and period.

An update and its condition are one step, whoever else counts at the same moment:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from inference_gateway.ports import NotCounted
from runtime_common.connection import ConnectionLost, KeptConnection, NotReached, ReplyTooLarge
from runtime_common.deadline import Deadline
from runtime_common.signature_v4 import Credentials, signed_headers

_ANSWER_BYTES = 100_000


class TableCounter:
    """The port `Counter`, kept with DynamoDB. Items go by themselves, some time after `expires`."""

    def __init__(
        self,
        connection: KeptConnection,
        table: str,
        *,
        region: str,
        credentials: Credentials,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._table = table
        self._region = region
        self._credentials = credentials
        self._now = now

    def add(self, name: str, most: int, expires: int, deadline: Deadline) -> bool:
        return self._update(
            name,
            "SET expires = :expires ADD spent :one",
            "attribute_not_exists(spent) OR spent < :most",
            {":one": 1, ":most": most, ":expires": expires},
            deadline,
        )

    def take_back(self, name: str, deadline: Deadline) -> None:
        # A count that is gone, or at none, was of a period that is over.
        self._update(name, "ADD spent :less", "spent > :none", {":less": -1, ":none": 0}, deadline)

    def _update(
        self, name: str, update: str, condition: str, values: Mapping[str, int], deadline: Deadline
    ) -> bool:
        """Whether the condition held."""
        body = json.dumps(
            {
                "TableName": self._table,
                "Key": {"id": {"S": name}},
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {key: {"N": str(value)} for key, value in values.items()},
            }
        ).encode()
        origin = self._connection.origin
        path = origin.prefix + "/"
        signed = signed_headers(
            method="POST",
            path=path,
            headers={
                "Host": origin.authority,
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.UpdateItem",
            },
            payload=body,
            credentials=self._credentials,
            region=self._region,
            service="dynamodb",
            now=self._now(),
        )
        try:
            # Not sent again when its answer was lost: it may have counted.
            reply = self._connection.exchange(
                "POST", path, signed, body, deadline=deadline, limit_bytes=_ANSWER_BYTES
            )
        except (TimeoutError, NotReached, ConnectionLost, ReplyTooLarge) as error:
            raise NotCounted(f"{type(error).__name__}: {error}") from error
        if reply.status == 200:
            return True
        code = _code(reply.body)
        if code == "ConditionalCheckFailedException":
            return False
        raise NotCounted(f"status={reply.status} code={code} id={reply.headers.get('x-amzn-RequestId')}")


def _code(body: bytes) -> str:
    """The error's name, behind its namespace."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(answer.get("__type", "")).rpartition("#")[2] if isinstance(answer, dict) else ""
