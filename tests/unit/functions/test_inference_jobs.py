"""Orders for later, with a store and a runner that are played by the test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference_gateway.answer import Answer
from inference_gateway.caller import Caller, caller
from inference_gateway.jobs import Ask, Jobs
from inference_gateway.ports import (
    AnswerFailed,
    EndpointFault,
    NotCounted,
    NotInService,
    Order,
    Places,
    Progress,
    QuotaUsedUp,
    Stored,
    StoreFailed,
    Taken,
    Throttled,
)
from inference_gateway.problem import Problem
from inference_gateway.quota import Meter, Quota
from runtime_common.deadline import Deadline
from support.played_counter import PlayedCounter

ADA, GRACE = Caller("key ada"), Caller("key grace")
SOON = Deadline(3600)
ROWS = Ask(b"1,2\n", "text/csv", None, None, upload=False)
KEYED = ROWS._replace(idempotency_key="monday")
UPLOAD = ROWS._replace(body=b"", upload=True)
RATIONED = Caller("key ida", quotas={"housing": Quota("ida", "housing", 2, "month")})


@dataclass
class PlayedStore:
    """Objects in memory, with the tags of S3's conditional writes."""

    objects: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)
    fail_after: int | None = None
    """How many more calls go well."""

    def _count(self) -> None:
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                raise StoreFailed("down")

    def sizes(self, prefix: str, deadline: Deadline) -> Mapping[str, int]:
        self._count()
        return {key: len(body) for key, (body, _, _) in self.objects.items() if key.startswith(prefix)}

    def read(self, key: str, *, limit_bytes: int, deadline: Deadline) -> Stored:
        self._count()
        return Stored(*self.objects[key])

    def write(
        self, key: str, body: bytes, content_type: str, *, replacing: str | None, deadline: Deadline
    ) -> str:
        self._count()
        there = self.objects.get(key)
        if (there and there[2]) != replacing:
            raise Taken
        self.put(key, body, content_type, deadline)
        return self.objects[key][2]

    def put(self, key: str, body: bytes, content_type: str, deadline: Deadline) -> None:
        self._count()
        self.objects[key] = (body, content_type, f"tag-{next(self.numbers)}")

    def remove(self, key: str, deadline: Deadline) -> None:
        self._count()
        self.objects.pop(key, None)

    def link(self, key: str, seconds: int) -> str:
        return f"https://store.example/{key}?signed"

    def form(
        self, key: str, content_type: str, *, limit_bytes: int, seconds: int
    ) -> tuple[str, dict[str, str]]:
        return "https://store.example/", {"key": key, "Content-Type": content_type}

    def uri(self, key: str) -> str:
        return f"s3://bucket/{key}"

    def key(self, uri: str) -> str | None:
        return uri.removeprefix("s3://bucket/")


@dataclass
class PlayedRunner:
    fault: EndpointFault | None = None
    said: Progress | None = None
    submitted: list[tuple[Order, bytes | None]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    failure: str | None = "elsewhere/failure"

    def places(self, order: Order) -> Places:
        return Places(order.folder + "output", None)

    def submit(self, order: Order, body: bytes | None, deadline: Deadline) -> Places:
        if self.fault is not None:
            raise self.fault
        self.submitted.append((order, body))
        return Places(order.folder + "output", self.failure)

    def progress(self, order: Order, deadline: Deadline) -> Progress | None:
        return self.said

    def cancel(self, order: Order, deadline: Deadline) -> None:
        self.cancelled.append(order.id)


@dataclass
class Office:
    """Jobs, and all that is around them."""

    store: PlayedStore = field(default_factory=PlayedStore)
    runner: PlayedRunner = field(default_factory=PlayedRunner)
    counter: PlayedCounter = field(default_factory=PlayedCounter)
    time: float = 1_800_000_000.0
    ids: Any = field(default_factory=lambda: (f"{number:032x}" for number in itertools.count(1)))

    @property
    def jobs(self) -> Jobs:
        return Jobs(
            "job",
            "housing",
            self.runner,
            self.store,
            now=lambda: self.time,
            new_id=lambda: str(next(self.ids)),
            meter=Meter(lambda: self.counter, lambda: self.time),
        )

    def create(self, ask: Ask = ROWS, who: Caller = ADA) -> dict[str, Any]:
        return told(self.jobs.create(who, ask, SOON))

    def describe(self, job: str, who: Caller = ADA) -> dict[str, Any]:
        return told(self.jobs.describe(who, job, SOON, "request-1"))

    def finish(self, job: str, body: bytes = b"42.0", content_type: str = "text/csv") -> None:
        self.store.put(f"jobs/housing/{job}/output", body, content_type, SOON)


def told(answer: Answer) -> dict[str, Any]:
    return json.loads(answer.body) | {"status": answer.status, "headers": dict(answer.headers)}


@pytest.fixture
def office() -> Office:
    return Office()


def refused(office: Office, kind: str, ask: Ask = ROWS, who: Caller = ADA) -> Problem:
    with pytest.raises(Problem) as problem:
        office.create(ask, who)
    assert problem.value.kind.name == kind
    return problem.value


def test_takes_an_order_and_says_where_to_ask(office: Office) -> None:
    taken = office.create()

    assert (taken["status"], taken["state"]) == (202, "in-progress")
    assert taken["headers"]["Location"] == f"jobs/{taken['job']}"
    assert [body for _, body in office.runner.submitted] == [b"1,2\n"]


def test_keeps_a_large_input_in_the_store(office: Office) -> None:
    job = office.create(ROWS._replace(body=b"1" * 128_001))["job"]

    assert [body for _, body in office.runner.submitted] == [None]
    assert office.store.objects[f"jobs/housing/{job}/input"][:2] == (b"1" * 128_001, "text/csv")


def test_finds_the_result_without_being_told(office: Office) -> None:
    job = office.create()["job"]
    before = office.describe(job)
    office.finish(job)

    after = office.describe(job)

    assert before["state"] == "in-progress"
    assert before["headers"]["Retry-After"] == "5"
    assert after["state"] == "completed"
    assert after["result"] == {
        "url": f"https://store.example/jobs/housing/{job}/output?signed",
        "url_expires": "2027-01-15T08:15:00Z",
        "bytes": 4,
        "content_type": "text/csv",
        "text": "42.0",
    }


def test_gives_a_result_that_is_no_text_in_base64(office: Office) -> None:
    job = office.create()["job"]
    office.finish(job, b"\xff\xfe", "image/png")

    assert office.describe(job)["result"]["base64"] == "//4="


def test_gives_a_large_result_as_a_link_alone(office: Office) -> None:
    job = office.create()["job"]
    office.finish(job, b"1" * 64_001)

    assert office.describe(job)["result"].keys() == {"url", "url_expires", "bytes"}


def test_tells_a_failure_as_a_problem_without_its_text(office: Office) -> None:
    job = office.create()["job"]
    office.store.put("elsewhere/failure", b"/opt/ml/model is secret", "text/plain", SOON)

    failed = office.describe(job)

    assert failed["state"] == "failed"
    assert failed["problem"]["type"] == "urn:clary:problem:job-failed"
    assert "secret" not in json.dumps(failed)


def test_a_job_that_nobody_took_in_time_expires(office: Office) -> None:
    job = office.create()["job"]
    office.time += 7 * 3600

    expired = office.describe(job)

    assert expired["state"] == "expired"
    assert expired["problem"]["type"] == "urn:clary:problem:job-expired"


@pytest.mark.parametrize("ask", ["describe", "start", "delete"])
def test_another_caller_does_not_learn_that_there_is_a_job(office: Office, ask: str) -> None:
    job = office.create(UPLOAD)["job"]
    more = ("request-1",) if ask == "describe" else ()

    for who, which in ((GRACE, job), (ADA, "f" * 32), (ADA, "../../x"), (ADA, job.upper() + "\n")):
        with pytest.raises(Problem) as problem:
            getattr(office.jobs, ask)(who, which, SOON, *more)
        assert problem.value.kind.name == "unknown-job"


def test_the_same_key_is_the_same_job(office: Office) -> None:
    first, second = office.create(KEYED), office.create(KEYED)

    assert first == second
    assert len(office.runner.submitted) == 1


def test_the_same_key_of_another_caller_is_another_job(office: Office) -> None:
    assert office.create(KEYED)["job"] != office.create(KEYED, GRACE)["job"]


@pytest.mark.parametrize(
    "other", [KEYED._replace(body=b"3"), KEYED._replace(accept="a/b"), KEYED._replace(body=b"", upload=True)]
)
def test_a_key_does_not_do_for_another_request(office: Office, other: Ask) -> None:
    office.create(KEYED)

    refused(office, "idempotency-key-reused", other)


def test_a_second_request_waits_for_the_first(office: Office) -> None:
    """The first is between its record and its submission."""
    office.runner.fault = AnswerFailed("lost")
    with pytest.raises(AnswerFailed):
        office.create(KEYED)
    office.runner.fault = None

    problem = refused(office, "still-in-progress", KEYED)

    assert problem.headers["Retry-After"] == "5"
    assert office.runner.submitted == []


def test_a_request_that_died_is_taken_over_once(office: Office) -> None:
    office.runner.fault = AnswerFailed("lost")
    with pytest.raises(AnswerFailed):
        office.create(KEYED)
    office.runner.fault = None
    office.time += 31

    first, second = office.create(KEYED), office.create(KEYED)

    assert first["job"] == second["job"]
    assert len(office.runner.submitted) == 1


def test_of_two_that_take_over_one_is_too_late(office: Office) -> None:
    office.runner.fault = AnswerFailed("lost")
    with pytest.raises(AnswerFailed):
        office.create(KEYED)
    office.time += 31
    tag = next(tag for key, (_, _, tag) in office.store.objects.items() if key.endswith("record.json"))
    key = next(key for key in office.store.objects if key.endswith("record.json"))
    read = office.store.read

    def read_and_lose(which: str, *, limit_bytes: int, deadline: Deadline) -> Stored:
        stored = read(which, limit_bytes=limit_bytes, deadline=deadline)
        office.store.write(key, stored.body, "application/json", replacing=tag, deadline=SOON)
        return stored

    office.store.read = read_and_lose  # type: ignore[method-assign]  # what another request does meanwhile

    refused(office, "still-in-progress", KEYED)


@pytest.mark.parametrize("fault", [Throttled("t"), NotInService("creating", "n")])
def test_nothing_is_left_of_an_order_that_cannot_run(office: Office, fault: EndpointFault) -> None:
    office.runner.fault = fault
    with pytest.raises(type(fault)):
        office.create(KEYED)
    assert office.store.objects == {}
    office.runner.fault = None

    assert office.create(KEYED)["status"] == 202


def test_an_order_whose_answer_was_lost_is_found_when_it_is_done(office: Office) -> None:
    office.runner.fault = AnswerFailed("lost")
    with pytest.raises(AnswerFailed):
        office.create(KEYED)
    job = next(iter(office.store.objects)).split("/")[2]
    office.finish(job)

    assert office.describe(job)["state"] == "completed"


def test_an_accepted_order_needs_no_second_record(office: Office) -> None:
    """The store goes down once the endpoint has the order: it is accepted, and found."""
    office.store.fail_after = 2
    job = office.create()["job"]
    office.store.fail_after = None
    office.finish(job)

    assert office.describe(job)["state"] == "completed"


def test_waits_for_an_upload_and_starts_once(office: Office) -> None:
    made = office.create(UPLOAD)
    job = made["job"]
    with pytest.raises(Problem) as early:
        office.jobs.start(ADA, job, SOON)
    waiting = office.describe(job)
    office.store.put(f"jobs/housing/{job}/input", b"1,2\n" * 9, "text/csv", SOON)

    started = [told(office.jobs.start(ADA, job, SOON)) for _ in range(2)]

    assert (made["status"], made["state"], waiting["state"]) == (201, "awaiting-input", "awaiting-input")
    assert made["upload"]["fields"] == {"key": f"jobs/housing/{job}/input", "Content-Type": "text/csv"}
    assert made["upload"]["limit_bytes"] == 1024**3
    assert early.value.kind.name == "input-missing"
    assert [one["status"] for one in started] == [202, 202]
    assert [body for _, body in office.runner.submitted] == [None]


def test_an_upload_stays_when_its_start_is_refused(office: Office) -> None:
    job = office.create(UPLOAD)["job"]
    office.store.put(f"jobs/housing/{job}/input", b"1", "text/csv", SOON)
    office.runner.fault = Throttled("busy")
    with pytest.raises(Throttled):
        office.jobs.start(ADA, job, SOON)
    office.runner.fault = None

    assert told(office.jobs.start(ADA, job, SOON))["status"] == 202


def test_an_order_counts_once_however_often_its_key_comes(office: Office) -> None:
    for _ in range(3):
        office.create(KEYED, RATIONED)

    assert office.counter.total == 1


def test_an_order_too_many_is_not_taken_and_leaves_nothing(office: Office) -> None:
    office.create(ROWS, RATIONED)
    office.create(KEYED, RATIONED)
    before = dict(office.store.objects)

    with pytest.raises(QuotaUsedUp):
        office.create(KEYED._replace(idempotency_key="tuesday"), RATIONED)

    assert office.store.objects == before
    assert len(office.runner.submitted) == 2
    assert office.create(KEYED, RATIONED)["status"] == 202


@pytest.mark.parametrize("fault", [Throttled("t"), NotInService("creating", "n")])
def test_an_order_that_cannot_run_is_given_back(office: Office, fault: EndpointFault) -> None:
    office.runner.fault = fault

    with pytest.raises(type(fault)):
        office.create(KEYED, RATIONED)

    assert office.counter.total == 0


def test_an_order_whose_answer_was_lost_has_counted(office: Office) -> None:
    office.runner.fault = AnswerFailed("lost")
    with pytest.raises(AnswerFailed):
        office.create(KEYED, RATIONED)
    office.runner.fault, office.time = None, office.time + 60

    office.create(KEYED, RATIONED)

    assert office.counter.total == 1


def test_an_upload_counts_when_it_starts(office: Office) -> None:
    job = office.create(UPLOAD, RATIONED)["job"]
    office.store.put(f"jobs/housing/{job}/input", b"1", "text/csv", SOON)
    waiting = office.counter.total

    for _ in range(2):
        office.jobs.start(RATIONED, job, SOON)

    assert (waiting, office.counter.total) == (0, 1)


def test_an_upload_that_cannot_be_counted_waits_on(office: Office) -> None:
    job = office.create(UPLOAD, RATIONED)["job"]
    office.store.put(f"jobs/housing/{job}/input", b"1", "text/csv", SOON)
    office.counter.broken = True
    with pytest.raises(NotCounted):
        office.jobs.start(RATIONED, job, SOON)
    office.counter.broken = False

    office.jobs.start(RATIONED, job, SOON)

    assert (office.counter.total, len(office.runner.submitted)) == (1, 1)


def test_a_deleted_job_is_gone_for_good_though_its_answer_comes(office: Office) -> None:
    job = office.create(ROWS._replace(body=b"1" * 200_000))["job"]
    office.finish(job)

    answers = [office.jobs.delete(ADA, job, SOON).status for _ in range(2)]

    assert answers == [204, 204]
    assert [key for key in office.store.objects if not key.endswith("record.json")] == []
    assert office.runner.cancelled == [job]
    office.finish(job)
    with pytest.raises(Problem) as gone:
        office.describe(job)
    assert gone.value.kind.name == "unknown-job"


def test_a_deleted_upload_does_not_start(office: Office) -> None:
    job = office.create(UPLOAD)["job"]
    office.jobs.delete(ADA, job, SOON)

    with pytest.raises(Problem) as problem:
        office.jobs.start(ADA, job, SOON)

    assert problem.value.kind.name == "unknown-job"


@pytest.mark.parametrize("said", ["in-progress", "failed", "cancelled"])
def test_believes_a_runner_that_knows_more_than_the_store(office: Office, said: Progress) -> None:
    job = office.create()["job"]
    office.finish(job)
    office.runner.said = said

    assert office.describe(job)["state"] == said


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"userArn": "arn:aws:iam::1:user/ada", "apiKeyId": None}, "principal arn:aws:iam::1:user/ada"),
        (
            {"userArn": "arn:aws:sts::1:assumed-role/batch/session-7"},
            "principal arn:aws:sts::1:assumed-role/batch",
        ),
        ({"userArn": None, "apiKeyId": "k1", "apiKey": "secret"}, "key k1"),
        ({"apiKeyId": ["k1"]}, "anybody"),
        ({}, "anybody"),
    ],
)
def test_a_caller_is_the_same_from_one_request_to_the_next(identity: dict[str, Any], who: str) -> None:
    assert caller({"identity": identity}).identity == who
