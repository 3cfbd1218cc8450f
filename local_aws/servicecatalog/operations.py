"""The API's operations: a module registers each of its own with `@answers("CreatePortfolio")`."""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws import request_validation
from local_aws.errors import ServiceError, not_supported
from local_aws.servicecatalog.access import Caller
from local_aws.servicecatalog.errors import wrong
from local_aws.servicecatalog.model import operation, tokens
from local_aws.store import STORE

Answer = dict[str, Any]


class Request(dict[str, Any]):
    """The members that are given, known to be what the model says, and who asks."""

    def __init__(self, members: Mapping[str, Any], caller: Caller) -> None:
        super().__init__({name: value for name, value in members.items() if value is not None})
        self.caller = caller


Operation = Callable[[Request], Answer]

_OPERATIONS: dict[str, Operation] = {}
_ANSWERED = "ServiceCatalog::AnsweredRequest"
_LOCK = threading.RLock()
"""One request at a time: what an operation has checked stays true until it has acted."""

_PAGE = 20
"""The most items of an answer, and the default (`PageSize` in each List operation's reference)."""


def answers(name: str) -> Callable[[Operation], Operation]:
    def add(function: Operation) -> Operation:
        _OPERATIONS[name] = function
        return function

    return add


def answered() -> Sequence[str]:
    """The operations that are emulated."""
    return sorted(_OPERATIONS)


def call(name: str, members: Mapping[str, Any], caller: Caller) -> Answer:
    """Answers an operation. Raises `ServiceError`."""
    model = operation(name)
    if model is None:
        raise ServiceError("UnknownOperationException", f"Service Catalog has no operation {name}")
    request_validation.check(model.input_shape, members)
    request = Request(members, caller)
    function = _OPERATIONS.get(name)
    if function is None:
        raise not_supported(f"Service Catalog's {name}")
    with _LOCK:
        return _once(name, request, lambda: function(request))


def page(items: Sequence[Any], request: Mapping[str, Any]) -> tuple[list[Any], dict[str, str]]:
    """The items that a request asks for, and the token of the next ones where there are any."""
    size = int(request.get("PageSize") or _PAGE)
    start = _offset(request.get("PageToken"))
    token = {}
    if start + size < len(items):
        token["NextPageToken"] = base64.b64encode(f"from {start + size}".encode()).decode()
    return list(items[start : start + size]), token


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        word, _, offset = base64.b64decode(token, validate=True).decode().partition(" ")
        if word == "from":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise wrong("Invalid page token.")


def _once(name: str, request: Request, answer: Callable[[], Answer]) -> Answer:
    """A request that comes again with its idempotency token gets its answer again, and does nothing."""
    given = [request[member] for member in tokens(name) if member in request]
    if not given:
        return answer()
    key = (name, *map(str, given))
    asked = json.dumps(request, sort_keys=True)
    known = STORE.get(_ANSWERED, key)
    if known is not None:
        if known["Request"] != asked:
            raise wrong(f"The token '{given[0]}' was used with other parameters before.")
        return dict(known["Answer"])
    found = answer()
    STORE.add(_ANSWERED, key, {"Request": asked, "Answer": found})
    return found
