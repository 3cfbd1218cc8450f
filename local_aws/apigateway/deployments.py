"""What a stage serves: an API as it was when it was deployed, not as it is now."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import hooks
from local_aws.store import STORE

Refusal = tuple[str, str, int]
_FAMILY = "AWS::ApiGateway::Deployment"


class Deployment:
    """An API's resources, methods, models, authorisers, gateway responses and settings at one moment."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.api: Mapping[str, Any] = definition["api"]
        self.authorizers: Mapping[str, Any] = definition["authorizers"]
        self.gateway_responses: Mapping[str, Any] = definition["gateway_responses"]
        self.models: Mapping[str, Any] = definition["models"]
        self.validators: Mapping[str, Any] = definition["validators"]
        self._resources: Mapping[str, Any] = definition["resources"]
        self._children: dict[str, list[Mapping[str, Any]]] = {}
        for resource in self._resources.values():
            self._children.setdefault(resource.get("parentId") or "", []).append(resource)
        for children in self._children.values():
            children.sort(key=_rank)
        self._root = next((each for each in self._resources.values() if each.get("path") == "/"), None)

    def route(
        self, method: str, path: str
    ) -> tuple[Mapping[str, Any], Mapping[str, Any], dict[str, str]] | None:
        """The resource, its method and the path's parameters.

        A resource that does not serve the method leaves it to a greedy one, and to no other:
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
        """
        segments = [segment for segment in path.strip("/").split("/") if segment]
        for number, (resource, parameters) in enumerate(self._matching(segments)):
            if number and not _greedy(resource):
                continue
            methods = resource.get("resourceMethods", {})
            served = methods.get(method) or methods.get("ANY")
            if served:
                return resource, served, parameters
        return None

    def _matching(self, segments: list[str]) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
        if self._root is None:
            return
        if not segments:
            yield self._root, {}
            return
        yield from self._below(self._root, segments, {})

    def _below(
        self, parent: Mapping[str, Any], segments: list[str], parameters: dict[str, str]
    ) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
        first, rest = segments[0], segments[1:]
        for child in self._children.get(parent["id"], ()):
            part = child.get("pathPart", "")
            if _greedy(child):
                yield child, {**parameters, part[1:-2]: "/".join(segments)}
                continue
            if part == first:
                found = parameters
            elif part.startswith("{") and part.endswith("}"):
                found = {**parameters, part[1:-1]: first}
            else:
                continue
            if rest:
                yield from self._below(child, rest, found)
            else:
                yield child, found


def _greedy(resource: Mapping[str, Any]) -> bool:
    return str(resource.get("pathPart", "")).endswith("+}")


def _rank(resource: Mapping[str, Any]) -> int:
    part = resource.get("pathPart", "")
    if _greedy(resource):
        return 2
    return 1 if part.startswith("{") else 0


_compiled: dict[tuple[str, str, str, str], tuple[Any, Deployment]] = {}


def deployment(api_id: str, deployment_id: str) -> Deployment:
    """The deployment of that id, in the request's account and region."""
    kept = STORE.get(_FAMILY, (api_id, deployment_id))
    if kept is None:  # made before this server kept deployments
        return Deployment(hooks.apis.rest_api_definition(api_id))
    key = (hooks.request.account_id(), hooks.request.region(), api_id, deployment_id)
    known = _compiled.get(key)
    if known is None or known[0] is not kept:
        known = _compiled[key] = (kept, Deployment(kept))
    return known[1]


def refusal(api_id: str) -> Refusal | None:
    """Why AWS would not deploy the API as it is now.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
    """
    resources = hooks.apis.rest_api_definition(api_id)["resources"].values()
    methods = [method for each in resources for method in each.get("resourceMethods", {}).values()]
    if not methods:
        return "BadRequestException", "The REST API doesn't contain any methods", 400
    if not all(method.get("methodIntegration") for method in methods):
        return "BadRequestException", "No integration defined for method", 400
    return None


def made(api_id: str, deployment_id: str) -> None:
    STORE.remove(_FAMILY, (api_id, deployment_id))
    STORE.add(_FAMILY, (api_id, deployment_id), copy.deepcopy(hooks.apis.rest_api_definition(api_id)))


def gone(api_id: str, deployment_id: str | None) -> None:
    """That deployment is deleted, or the whole API."""
    for key, _ in STORE.all(_FAMILY):
        if key[0] == api_id and deployment_id in (None, key[1]):
            STORE.remove(_FAMILY, key)
            _compiled.pop((hooks.request.account_id(), hooks.request.region(), *key), None)  # type: ignore[arg-type]  # two texts
