"""What is to be served, and what has to be done for it.

Whatever happened, the same is done: look at what is approved, and bring the endpoint there. So an event
that comes twice, late or in another order changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model_promotion.ports import Endpoint, Hosting, Registry, Request

_UNDER_WAY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
_LONGEST_NAME = 63
_DIGEST_LENGTH = 12


class NotPromoted(Exception):
    """The endpoint is not what it should be, and why."""


@dataclass(frozen=True)
class Wanted:
    """How the endpoint is to be, but for the version of the model.

    `model` and `configuration` are requests without names; the configuration has one variant.
    """

    endpoint: str
    group: str
    model: Request
    configuration: Request
    variables: Mapping[str, str]
    deployment: Request | None = None

    @classmethod
    def read(cls, text: str) -> Wanted:
        return cls(**json.loads(text))

    def names(self, package: str) -> tuple[str, str]:
        """Of the model and the configuration: the same content has the same name."""
        model = self._name([package, self.model, self.variables])
        return model, self._name([model, self.configuration])

    def made(self, name: str) -> bool:
        """Whether a name is one of ours: another endpoint's may begin as this one's does."""
        stem, _, digest = name.rpartition("-")
        return stem == self._stem and len(digest) == _DIGEST_LENGTH and set(digest) <= set("0123456789abcdef")

    @property
    def _stem(self) -> str:
        return self.endpoint[: _LONGEST_NAME - _DIGEST_LENGTH - 1].rstrip("-")

    def _name(self, content: Any) -> str:
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"{self._stem}-{digest[:_DIGEST_LENGTH]}"


def promote(
    wanted: Wanted,
    registry: Registry,
    hosting: Hosting,
    *,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
) -> str:
    """Brings the endpoint to the latest approved version; what was done, in words.

    It begins an update and does not wait for it: the endpoint's own guards bring the old version back. A
    version that they sent back is not tried again until it is registered anew, or deployed otherwise. While
    nothing is approved, what is served goes on: an endpoint that vanishes is worse than an old model.
    Raises NotPromoted when another update lasts longer than there is time.
    """
    endpoint = _settled(hosting, time_is_up, pause)
    package = registry.approved()
    if package is None:
        return "nothing is approved" if endpoint is None else "nothing is approved, what is served goes on"
    model, configuration = wanted.names(package)
    if endpoint is not None and endpoint.status == "Failed":
        hosting.delete()
        endpoint = _settled(hosting, time_is_up, pause)
    if endpoint is not None and endpoint.configuration == configuration:
        return f"{package} is served already"
    known = hosting.has_configuration(configuration)
    if endpoint is not None and endpoint.failure and known:
        return f"{package} was sent back and is not tried again: {endpoint.failure}"
    if not hosting.has_model(model):
        container = {"ModelPackageName": package, "Environment": dict(wanted.variables)}
        hosting.create_model(model, {**wanted.model, "PrimaryContainer": container})
    if not known:
        (variant,) = wanted.configuration["ProductionVariants"]
        variants = [{**variant, "ModelName": model}]
        hosting.create_configuration(configuration, {**wanted.configuration, "ProductionVariants": variants})
    if endpoint is None:
        hosting.create(configuration, wanted.deployment)
    else:
        hosting.update(configuration, wanted.deployment)
    _tidy(wanted, hosting, {configuration, *([endpoint.configuration] if endpoint else [])})
    return f"{package} comes into service"


def remove(
    wanted: Wanted,
    registry: Registry | None,
    hosting: Hosting,
    *,
    time_is_up: Callable[[], bool],
    pause: Callable[[], None],
) -> None:
    """Deletes the endpoint and all that was made for it, and the versions of `registry` if it is given."""
    if _settled(hosting, time_is_up, pause) is not None:
        hosting.delete()
        _settled(hosting, time_is_up, pause)
    _tidy(wanted, hosting, set())
    if registry is not None:
        registry.empty()


def _settled(hosting: Hosting, time_is_up: Callable[[], bool], pause: Callable[[], None]) -> Endpoint | None:
    """The endpoint when nothing is under way with it."""
    while (endpoint := hosting.look()) is not None and endpoint.status in _UNDER_WAY:
        if time_is_up():
            raise NotPromoted(
                f"the endpoint is still {endpoint.status}: the next event, or deployment, goes on"
            )
        pause()
    return endpoint


def _tidy(wanted: Wanted, hosting: Hosting, kept: set[str]) -> None:
    """Deletes what is neither served nor about to be."""
    configurations = {name: model for name, model in hosting.configurations().items() if wanted.made(name)}
    in_use = {model for name, model in configurations.items() if name in kept}
    for name in configurations:
        if name not in kept:
            hosting.delete_configuration(name)
    for model in hosting.models():
        if wanted.made(model) and model not in in_use:
            hosting.delete_model(model)
