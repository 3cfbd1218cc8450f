"""What a client is told when it does not get what it asked for: RFC 9457, application/problem+json.

========================== ====== ===========================================================
type: urn:clary:problem:…  status what happened
========================== ====== ===========================================================
unreadable-request         400    a header, a parameter or the transfer encoding cannot be read
empty-body                 400    an invocation without a body
invalid-json               400    a JSON content type, and a body that is not (strict) JSON
forbidden                  403    API Gateway let the caller in, and it is no client (any more)
unknown-route              404    no such path
unknown-model              404    no model of that name
unknown-target             404    a model of many, and none of that name among them
unknown-job                404    no job or batch of that name that is the caller's
not-offered                404    the model cannot be asked in this way: member `ways`
method-not-allowed         405    the path takes other methods: header Allow
still-in-progress          409    the first request of this key has not ended: header Retry-After
input-missing              409    a job or a batch is to start, and its input is not uploaded
body-too-large             413    member `limit_bytes`
unsupported-content-type   415    not what the model takes: member `accepts`
body-does-not-fit          422    the body does not fit the model's schema: member `errors`
unknown-key                422    of a row's key no features are known: member `errors`
idempotency-key-reused     422    this idempotency key belongs to another request
model-refused              424    the model answered with 4xx: member `model_status`
throttled                  429    too many requests: header Retry-After
quota-used-up              429    as many requests as the client may send: header Retry-After
internal-error             500    a bug or a broken configuration of the gateway, never the input
model-failed               502    the model answered with 5xx
answer-failed              502    no answer came back, and the model may have run
answer-too-large           502    the model's answer does not fit: member `limit_bytes`
not-in-service             503    the model is not ready: header Retry-After, member `state`
temporarily-unavailable    503    the model was not reached, and has not run: header Retry-After
not-counted                503    the model has a quota that could not be looked up: header Retry-After
features-unavailable       503    the model needs features that could not be looked up: header Retry-After
too-slow                   504    no answer within the time
========================== ====== ===========================================================

A job that has failed has a problem, too: `job-failed`, or `job-expired` for one that never got its turn.

The types are stable: programs tell problems apart by them. Every problem has the members `type`,
`title`, `status`, `detail` and, as `instance` and `request_id`, what to quote when asking for help.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_TYPE_PREFIX = "urn:clary:problem:"
CONTENT_TYPE = "application/problem+json"


class Kind(NamedTuple):
    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return _TYPE_PREFIX + self.name


UNREADABLE_REQUEST = Kind("unreadable-request", 400, "The request cannot be read")
EMPTY_BODY = Kind("empty-body", 400, "The body is empty")
INVALID_JSON = Kind("invalid-json", 400, "The body is not JSON")
FORBIDDEN = Kind("forbidden", 403, "The caller may not do this")
UNKNOWN_ROUTE = Kind("unknown-route", 404, "There is nothing at this path")
UNKNOWN_MODEL = Kind("unknown-model", 404, "There is no model of this name")
UNKNOWN_TARGET = Kind("unknown-target", 404, "There is no such model among the many")
UNKNOWN_JOB = Kind("unknown-job", 404, "There is nothing of this name")
NOT_OFFERED = Kind("not-offered", 404, "The model cannot be asked in this way")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The path does not take this method")
STILL_IN_PROGRESS = Kind("still-in-progress", 409, "The first such request has not ended")
INPUT_MISSING = Kind("input-missing", 409, "The input is not uploaded")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large")
UNSUPPORTED_CONTENT_TYPE = Kind("unsupported-content-type", 415, "The model does not take this content type")
BODY_DOES_NOT_FIT = Kind("body-does-not-fit", 422, "The body does not fit the model")
UNKNOWN_KEY = Kind("unknown-key", 422, "No features are known of a key")
IDEMPOTENCY_KEY_REUSED = Kind("idempotency-key-reused", 422, "The idempotency key belongs to another request")
MODEL_REFUSED = Kind("model-refused", 424, "The model refused the request")
THROTTLED = Kind("throttled", 429, "Too many requests")
QUOTA_USED_UP = Kind("quota-used-up", 429, "The quota is used up")
INTERNAL_ERROR = Kind("internal-error", 500, "The gateway failed")
MODEL_FAILED = Kind("model-failed", 502, "The model failed")
ANSWER_FAILED = Kind("answer-failed", 502, "The answer was lost")
ANSWER_TOO_LARGE = Kind("answer-too-large", 502, "The model's answer is too large")
NOT_IN_SERVICE = Kind("not-in-service", 503, "The model is not in service")
TEMPORARILY_UNAVAILABLE = Kind("temporarily-unavailable", 503, "The model cannot be reached")
NOT_COUNTED = Kind("not-counted", 503, "The quota cannot be looked up")
FEATURES_UNAVAILABLE = Kind("features-unavailable", 503, "Features cannot be looked up")
TOO_SLOW = Kind("too-slow", 504, "The model took too long")

JOB_FAILED = Kind("job-failed", 424, "The model could not answer")
JOB_EXPIRED = Kind("job-expired", 504, "Nobody took the job in time")


class Problem(Exception):
    """An answer that is a problem. `reason` is for the log alone."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(f"{kind.name}: {detail}")
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        self.reason = reason

    def document(self, request_id: str) -> dict[str, object]:
        return {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": f"urn:clary:request:{request_id}",
            "request_id": request_id,
            **self.members,
        }
