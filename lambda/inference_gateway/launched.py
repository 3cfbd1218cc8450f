"""The models that people launch, and that no deployment of the API knows.

SageMaker's own endpoints are the list of them: one that is called `<team>--<name>`, and has the tags that
launches have, is a model of that name. Nothing else is written down, so nothing can disagree, and a model is
gone with its endpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Generic, NamedTuple, TypeVar

from inference_gateway import limit
from inference_gateway.caller import BETWEEN
from inference_gateway.catalogue import Model, Seen, is_media_type
from inference_gateway.ports import EndpointFault, Register, RegisterFailed
from runtime_common.deadline import Deadline

_FRESH_SECONDS = 30.0
"""How long an answer of SageMaker's is as good as another: a model that many ask costs two requests in this
time, and who changes a launch waits no longer than for a new instance."""
_AGAIN_SECONDS = 5.0
"""How long nobody asks again after a failure, or for a name that is not there. Made-up names cost no more
than one request in this time, however many come: SageMaker's limits are the whole account's."""
_USABLE_SECONDS = 300.0
"""How long an answer is used where there is no newer one. Endpoints answer while SageMaker's other API does
not, and what cannot be asked at all any more says so itself."""

_Value = TypeVar("_Value")


class Offered(NamedTuple):
    """What people may launch."""

    teams: Mapping[str, Mapping[str, str]]
    """By team, the tags of what is launched."""
    content_type_tag: str
    """The tag that says what a model takes. Without it there is no way to the endpoint."""


def parse(text: str) -> Offered:
    """Reads `{"teams": {"research": {"clary:owner": "…"}}, "content_type_tag": "…"}`."""
    return Offered(**json.loads(text))


class Launched:
    def __init__(
        self, register: Register, offered: Offered, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._register = register
        self._offered = offered
        self._now = now
        self._names: dict[str, _Kept[Mapping[str, str]]] = {team: _Kept(now) for team in offered.teams}
        """By team: the ARNs of its endpoints, by name."""
        self._tags: dict[str, _Kept[Mapping[str, str]]] = {}
        """By the endpoint's name."""

    def model(self, name: str, deadline: Deadline) -> Model | None:
        """Raises :class:`RegisterFailed` where SageMaker does not say."""
        team = name.partition(BETWEEN)[0]
        if team not in self._offered.teams:
            return None
        within = deadline.within(limit.LAUNCHED_SECONDS)
        arns = self._arns(team, within, lambda arns: name in arns)
        if name not in arns:
            return None
        tags = self._tags_of(
            name, arns[name], within, lambda tags: self._content_type(team, tags) is not None
        )
        return self._model(team, name, tags)

    def seen(self, teams: Collection[str] | None, deadline: Deadline) -> Seen:
        """Those of `teams`, or of all."""
        within = deadline.within(limit.LAUNCHED_SECONDS)
        models: list[Model] = []
        unseen: dict[str, str] = {}
        for team in sorted(self._offered.teams):
            if teams is not None and team not in teams:
                continue
            try:
                arns = self._arns(team, within, _whatever)
            except RegisterFailed as fault:
                unseen[team] = str(fault)
                continue
            for name, arn in sorted(arns.items()):
                try:
                    model = self._model(team, name, self._tags_of(name, arn, within, _whatever))
                except RegisterFailed as fault:
                    unseen[team] = str(fault)
                    continue
                if model is not None:
                    models.append(model)
        reason = "; ".join(f"RegisterFailed of {team}: {fault}" for team, fault in unseen.items())
        return Seen(models, list(unseen), reason or None)

    def forget(self, name: str) -> None:
        """Of a model that has turned out to be gone."""
        self._tags.pop(name, None)
        known = self._names[name.partition(BETWEEN)[0]]
        known.value = {each: arn for each, arn in (known.value or {}).items() if each != name}

    def _arns(
        self, team: str, deadline: Deadline, settles: Callable[[Mapping[str, str]], bool]
    ) -> Mapping[str, str]:
        prefix, known = team + BETWEEN, self._names[team]
        before = known.value
        arns = known.read(lambda: self._register.endpoints(prefix, deadline), settles)
        if arns is not before:
            for name in [each for each in self._tags if each.startswith(prefix) and each not in arns]:
                del self._tags[name]
        return arns

    def _tags_of(
        self, name: str, arn: str, deadline: Deadline, settles: Callable[[Mapping[str, str]], bool]
    ) -> Mapping[str, str]:
        kept = self._tags.setdefault(name, _Kept(self._now))
        return kept.read(lambda: self._register.tags(arn, deadline), settles)

    def _model(self, team: str, name: str, tags: Mapping[str, str]) -> Model | None:
        content_type = self._content_type(team, tags)
        if content_type is None:
            return None
        return Model(name, endpoint=name, content_types=(content_type,))

    def _content_type(self, team: str, tags: Mapping[str, str]) -> str | None:
        """What it takes; None of an endpoint that is not for the API."""
        told = tags.get(self._offered.content_type_tag)
        ours = self._offered.teams[team].items() <= tags.items()
        return told if ours and is_media_type(told) else None


def _whatever(_: object) -> bool:
    return True


class _Kept(Generic[_Value]):
    """An answer of SageMaker's: asked for again when it is old, and used a while longer where that fails."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.value: _Value | None = None
        self._failed: str | None = None
        """Why there is no newer one."""
        self._read_at = self._tried_at = float("-inf")

    def read(self, ask: Callable[[], _Value], settles: Callable[[_Value], bool]) -> _Value:
        """An answer that does not settle the question has to be newer than one that does."""
        value = self._at_most(_FRESH_SECONDS, ask)
        if not settles(value):
            value = self._at_most(_AGAIN_SECONDS, ask)
            if self._failed is not None and not settles(value):
                raise RegisterFailed(self._failed)
        return value

    def _at_most(self, seconds: float, ask: Callable[[], _Value]) -> _Value:
        now = self._now()
        if now - self._read_at >= seconds and now - self._tried_at >= _AGAIN_SECONDS:
            try:
                self.value, self._failed, self._read_at = ask(), None, now
            except EndpointFault as fault:
                self._failed = f"{type(fault).__name__}: {fault}"
            self._tried_at = now
        if self.value is None or now - self._read_at >= _USABLE_SECONDS:
            raise RegisterFailed(self._failed or "nothing was answered")
        return self.value
