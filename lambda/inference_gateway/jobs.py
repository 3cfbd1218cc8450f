"""What is asked now and answered later: jobs, which an asynchronous endpoint runs, and batches, which a
transform does.

All that is known of an order is in one folder of the store: `record.json`, its `input`, its output, and
what came of it if it failed. The record goes from `waiting` (for an upload) to `submitting` and to
`submitted`, or to `cancelled`, and each step replaces exactly the record that was read: of two requests
that take the same step, one is told that it comes too late. What became of an order that is submitted is
not written down but looked up: there is an output, or a failure, or neither, so that no message has to
arrive for an order to be finished.

A request with an idempotency key has an id that is made of the key, so that the first write of the record
decides which of two requests is the first. It is the caller's own: two callers can use the same key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from inference_gateway import limit
from inference_gateway.answer import Answer
from inference_gateway.caller import Caller
from inference_gateway.ports import HAS_NOT_RUN, Order, Progress, Runner, Store, StoreFailed, Taken
from inference_gateway.problem import (
    IDEMPOTENCY_KEY_REUSED,
    INPUT_MISSING,
    JOB_EXPIRED,
    JOB_FAILED,
    STILL_IN_PROGRESS,
    UNKNOWN_JOB,
    Kind,
    Problem,
)
from inference_gateway.quota import Meter
from runtime_common.deadline import Deadline

_RECORD_BYTES = 16_384
_RETRY_SECONDS = 5


class Kept(NamedTuple):
    """An order's record."""

    owner: str
    state: Literal["waiting", "submitting", "submitted", "cancelled"]
    created: float
    moved: float
    """When it came into its state."""
    content_type: str
    accept: str | None
    fingerprint: str
    """Of all that the request has asked."""
    output: str
    failure: str | None


class Ask(NamedTuple):
    """A request for an order."""

    body: bytes
    content_type: str
    accept: str | None
    idempotency_key: str | None
    upload: bool

    @property
    def fingerprint(self) -> str:
        said = json.dumps([self.content_type, self.accept, self.upload]).encode()
        return hashlib.sha256(said + b"\0" + self.body).hexdigest()


class Jobs:
    """The orders of one model, of one kind."""

    def __init__(
        self,
        kind: Literal["job", "batch"],
        model: str,
        runner: Runner,
        store: Store,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._kind = kind
        self._model = model
        self._runner = runner
        self._store = store
        self._now = now
        self._new_id = new_id
        self._many = "jobs" if kind == "job" else "batches"

    def create(self, caller: Caller, ask: Ask, deadline: Deadline) -> Answer:
        """Takes the order. With an upload it waits for its input, and has to be started."""
        now = self._now()
        order = self._order(self._id(caller, ask.idempotency_key), ask.content_type, ask.accept)
        places = self._runner.places(order)
        kept = Kept(
            owner=caller.identity,
            state="waiting" if ask.upload else "submitting",
            created=now,
            moved=now,
            content_type=ask.content_type,
            accept=ask.accept,
            fingerprint=ask.fingerprint,
            output=places.output,
            failure=places.failure,
        )
        try:
            tag = self._write(order, kept, None, deadline)
        except Taken:
            return self._again(order, ask, deadline)
        if ask.upload:
            return self._waiting(order, kept)
        return self._submit(order, kept, tag, ask.body, deadline, caller=caller)

    def start(self, caller: Caller, id_: str, deadline: Deadline) -> Answer:
        """Hands over an order whose input is uploaded; once more makes no difference."""
        sizes, kept, tag, order = self._find(caller, id_, deadline)
        if kept.state == "submitted":
            return self._accepted(order, kept)
        if kept.state == "waiting" and not sizes.get(order.input):
            raise Problem(INPUT_MISSING, "send the form first, with the file in its last field")
        first = kept.state == "waiting"
        kept, tag = self._take(order, kept, tag, deadline)
        return self._submit(order, kept, tag, None, deadline, caller=caller if first else None)

    def describe(self, caller: Caller, id_: str, deadline: Deadline, request_id: str) -> Answer:
        sizes, kept, _, order = self._find(caller, id_, deadline)
        state, output = self._state(order, kept, sizes, deadline)
        description = self._description(order, kept, state)
        headers = {}
        if state == "in-progress":
            headers["Retry-After"] = str(_RETRY_SECONDS)
        elif state == "completed" and output is not None:
            description["result"] = self._result(output, sizes.get(output), deadline)
        elif state == "failed":
            description["problem"] = _ending(
                JOB_FAILED, "compare the input with the model's description", request_id
            )
        elif state == "expired":
            description["problem"] = _ending(
                JOB_EXPIRED, "it has not run to its end, send it again", request_id
            )
        return Answer.of_json(description, headers=headers)

    def delete(self, caller: Caller, id_: str, deadline: Deadline) -> Answer:
        """Cancels an order and deletes what there is of it; once more makes no difference.

        What is left is the record, for nobody but a request that is on its way meanwhile. One that an
        asynchronous endpoint has taken cannot be recalled: it may run, and nobody sees its answer.
        """
        sizes, kept, tag, order = self._find(caller, id_, deadline, deleted=True)
        if kept.state != "cancelled":
            try:
                self._write(order, kept._replace(state="cancelled", moved=self._now()), tag, deadline)
            except Taken:
                raise self._still("it changes at this moment") from None
            if kept.state != "waiting":
                self._runner.cancel(order, deadline)
        for key in {*sizes, *_plain(kept.output), *_plain(kept.failure)} - {_record_key(order)}:
            self._store.remove(key, deadline)
        return Answer("", b"", status=204)

    def _again(self, order: Order, ask: Ask, deadline: Deadline) -> Answer:
        """A request with the key of one that there is."""
        kept, tag = self._read(order, deadline)
        if kept.fingerprint != ask.fingerprint:
            raise Problem(
                IDEMPOTENCY_KEY_REUSED, "it came with another body or other headers, make a new key"
            )
        if kept.state == "waiting":
            return self._waiting(order, kept)
        if kept.state == "submitting":
            kept, tag = self._take(order, kept, tag, deadline)
            return self._submit(order, kept, tag, ask.body, deadline, caller=None)
        return self._accepted(order, kept)

    def _take(self, order: Order, kept: Kept, tag: str, deadline: Deadline) -> tuple[Kept, str]:
        """Makes the order this request's to submit: a new one's, or one's whose request has died."""
        now = self._now()
        if kept.state == "submitting" and now - kept.moved < limit.FRONT_SECONDS + 1:
            raise self._still("the request before this one is still at it")
        kept = kept._replace(state="submitting", moved=now)
        try:
            return kept, self._write(order, kept, tag, deadline)
        except Taken:
            raise self._still("another request was faster") from None

    def _submit(
        self,
        order: Order,
        kept: Kept,
        tag: str,
        body: bytes | None,
        deadline: Deadline,
        *,
        caller: Caller | None,
    ) -> Answer:
        """`body` is None for what is uploaded: it stays, whatever happens.

        `caller` is None for an order that has been counted: its request has died since.
        """
        quota = None if caller is None else caller.quotas.get(self._model)
        inline = (
            body if body is not None and len(body) <= limit.INLINE_BYTES and self._kind == "job" else None
        )
        try:
            self._meter.spend(quota, deadline)
            if body is not None and inline is None:
                self._store.put(order.input, body, kept.content_type, deadline)
            places = self._runner.submit(order, inline, deadline)
        except HAS_NOT_RUN as fault:
            # Nothing is left of the order, and the same key can be used again.
            self._undo(order, kept, tag, uploaded=body is None, deadline=deadline)
            self._meter.give_back(quota, fault, deadline)
            raise
        kept = kept._replace(
            state="submitted", moved=self._now(), output=places.output, failure=places.failure
        )
        # It runs, and where its output is going to be is known: the record that is there will do.
        with suppress(Taken, StoreFailed):
            self._write(order, kept, tag, deadline)
        return self._accepted(order, kept)

    def _undo(self, order: Order, kept: Kept, tag: str, *, uploaded: bool, deadline: Deadline) -> None:
        # What the client is told is why the order was not taken.
        with suppress(Taken, StoreFailed):
            if uploaded:
                self._write(order, kept._replace(state="waiting"), tag, deadline)
            else:
                self._store.remove(_record_key(order), deadline)
                self._store.remove(order.input, deadline)

    def _state(
        self, order: Order, kept: Kept, sizes: Mapping[str, int], deadline: Deadline
    ) -> tuple[str, str | None]:
        """What became of it, and the key of its output."""
        if kept.state == "waiting":
            return "awaiting-input", None
        output = self._there(kept.output, order, sizes, deadline)
        said: Progress | None = self._runner.progress(order, deadline)
        if said == "completed" or (said is None and output is not None):
            return "completed", output
        if said is not None:
            return said, None
        if kept.failure and self._there(kept.failure, order, sizes, deadline) is not None:
            return "failed", None
        waited = self._now() - kept.moved
        if waited > limit.JOB_SECONDS + limit.ANSWER_SECONDS + 60:
            return "expired", None
        return "in-progress", None

    def _there(self, place: str, order: Order, sizes: Mapping[str, int], deadline: Deadline) -> str | None:
        """The first key at a place; what is not in the order's folder is looked up."""
        if not place.startswith(order.folder):
            sizes = self._store.sizes(place, deadline)
        found = sorted(
            key for key in sizes if key == place or (place.endswith("/") and key.startswith(place))
        )
        return found[0] if found else None

    def _result(self, key: str, size: int | None, deadline: Deadline) -> dict[str, object]:
        result: dict[str, object] = {
            "url": self._store.link(key, limit.LINK_SECONDS),
            "url_expires": _written(self._now() + limit.LINK_SECONDS),
        }
        if size is None:
            size = self._store.sizes(key, deadline).get(key, 0)
        result["bytes"] = size
        if size <= limit.RESULT_BYTES:
            stored = self._store.read(key, limit_bytes=limit.RESULT_BYTES, deadline=deadline)
            result["content_type"] = stored.content_type
            try:
                result["text"] = stored.body.decode()
            except UnicodeDecodeError:
                result["base64"] = base64.b64encode(stored.body).decode()
        return result

    def _find(
        self, caller: Caller, id_: str, deadline: Deadline, *, deleted: bool = False
    ) -> tuple[Mapping[str, int], Kept, str, Order]:
        """What there is in the folder, its record, the record's tag, and the order."""
        unknown = Problem(UNKNOWN_JOB, f"this model has no such {self._kind} of yours, or has it no longer")
        if len(id_) != 32 or not set(id_) <= set("0123456789abcdef"):
            raise unknown
        order = self._order(id_, "", None)
        sizes = self._store.sizes(order.folder, deadline)
        if _record_key(order) not in sizes:
            raise unknown
        kept, tag = self._read(order, deadline)
        if kept.owner != caller.identity or (kept.state == "cancelled" and not deleted):
            raise unknown
        return sizes, kept, tag, order._replace(content_type=kept.content_type, accept=kept.accept)

    def _order(self, id_: str, content_type: str, accept: str | None) -> Order:
        within = "" if self._kind == "job" else "batches/"
        return Order(id_, f"jobs/{self._model}/{within}{id_}/", content_type, accept)

    def _id(self, caller: Caller, key: str | None) -> str:
        if key is None:
            return self._new_id()
        said = json.dumps([self._kind, self._model, caller.identity, key])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def _read(self, order: Order, deadline: Deadline) -> tuple[Kept, str]:
        stored = self._store.read(_record_key(order), limit_bytes=_RECORD_BYTES, deadline=deadline)
        return Kept(**json.loads(stored.body)), stored.tag

    def _write(self, order: Order, kept: Kept, replacing: str | None, deadline: Deadline) -> str:
        body = json.dumps(kept._asdict()).encode()
        return self._store.write(
            _record_key(order), body, "application/json", replacing=replacing, deadline=deadline
        )

    def _accepted(self, order: Order, kept: Kept) -> Answer:
        headers = {"Location": f"{self._many}/{order.id}", "Retry-After": str(_RETRY_SECONDS)}
        return Answer.of_json(self._description(order, kept, "in-progress"), status=202, headers=headers)

    def _waiting(self, order: Order, kept: Kept) -> Answer:
        most = limit.JOB_BYTES if self._kind == "job" else limit.BATCH_BYTES
        url, fields = self._store.form(
            order.input, kept.content_type, limit_bytes=most, seconds=limit.UPLOAD_SECONDS
        )
        upload = {
            "url": url,
            "fields": fields,
            "limit_bytes": most,
            "expires": _written(self._now() + limit.UPLOAD_SECONDS),
        }
        description = self._description(order, kept, "awaiting-input") | {"upload": upload}
        return Answer.of_json(description, status=201, headers={"Location": f"{self._many}/{order.id}"})

    def _description(self, order: Order, kept: Kept, state: str) -> dict[str, object]:
        return {self._kind: order.id, "model": self._model, "state": state, "created": _written(kept.created)}

    def _still(self, detail: str) -> Problem:
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        return Problem(STILL_IN_PROGRESS, f"{detail}, try again later", headers=headers)


def _record_key(order: Order) -> str:
    return order.folder + "record.json"


def _plain(place: str | None) -> tuple[str, ...]:
    return () if place is None or place.endswith("/") else (place,)


def _ending(kind: Kind, detail: str, request_id: str) -> dict[str, object]:
    return Problem(kind, detail).document(request_id)


def _written(seconds: float) -> str:
    """RFC 3339, in whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
