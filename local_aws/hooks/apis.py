"""API Gateway's APIs, and who calls them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ministack.core import sigv4 as _sigv4
from ministack.services import apigateway as _http_apis
from ministack.services import apigateway_v1 as _apigateway
from ministack.services import cognito as _cognito

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.server import Response

PRIVATE_NAMES: PrivateNames = {
    "ministack.core.sigv4": (
        "foreign_authorization_failure",
        "parse_header_signature",
        "parse_query_signature",
    ),
    "ministack.services.apigateway": ("_apis", "find_api_scope"),
    "ministack.services.apigateway_v1": (
        "_account_settings",
        "_api_keys",
        "_authorizers_v1",
        "_create_deployment",
        "_delete_deployment",
        "_delete_rest_api",
        "_deployments_v1",
        "_fetch_jwks",
        "_gateway_responses",
        "_handle_execute_in_scope",
        "_iam_caller_identity",
        "_models",
        "_request_validators",
        "_resolve_api_key",
        "_resources",
        "_rest_apis",
        "_usage_plan_keys",
        "_usage_plans",
        "_usage_plans_for_key",
        "_v1_error",
        "_validate_cognito_authorizer",
        "find_api_scope",
        "find_domain_scope",
        "stages_for_api",
    ),
    "ministack.services.cognito": ("well_known_jwks", "_find_pool_by_client_id"),
}


RestApiFront = Callable[..., Awaitable[Response]]


def replace_rest_api_front(front: RestApiFront) -> None:
    """Answers requests to REST APIs by `await front(api_id, stage, method, path, headers, body, query,
    account, region)`, which runs in that account and region."""
    _apigateway._handle_execute_in_scope = front


def find_apis_in_every_account() -> None:
    """A request to an API is for the account that has it: an unsigned one does not name any, and ministack
    looks for the API in its default account only."""
    for module, apis in ((_apigateway, _apigateway._rest_apis), (_http_apis, _http_apis._apis)):
        usual = module.find_api_scope

        def find(api_id: str, usual: Any = usual, apis: Any = apis) -> tuple[str, str] | None:
            found: tuple[str, str] | None = usual(api_id)
            if found is None:
                owners = (
                    (account, region) for (account, region, known), _ in apis.all_items() if known == api_id
                )
                found = next(owners, None)
            return found

        module.find_api_scope = find


def stage_of(api_id: str, stage_name: str) -> dict[str, Any] | None:
    """A REST API's stage, wherever the request's account is."""
    found: dict[str, Any] | None = _apigateway.stages_for_api(api_id).get(stage_name)
    return found


def stages_of(api_id: str) -> Mapping[str, dict[str, Any]]:
    """A REST API's stages by name."""
    found: Mapping[str, dict[str, Any]] = _apigateway.stages_for_api(api_id)
    return found


def rest_api_definition(api_id: str) -> dict[str, Any]:
    """All that a deployment of the API keeps, as it is now: not copied, not to be changed."""
    return {
        "api": _apigateway._rest_apis.get(api_id) or {},
        "resources": _apigateway._resources.get(api_id) or {},
        "authorizers": _apigateway._authorizers_v1.get(api_id) or {},
        "models": _apigateway._models.get(api_id) or {},
        "validators": _apigateway._request_validators.get(api_id) or {},
        "gateway_responses": _apigateway._gateway_responses.get(api_id) or {},
    }


def watch_deployments(
    refuse: Callable[[str], tuple[str, str, int] | None],
    made: Callable[[str, str], None],
    gone: Callable[[str, str | None], None],
) -> None:
    """Stands around the deployments of REST APIs, whoever makes them.

    `refuse(api_id)` answers the code, message and status of a refusal; `made(api_id, deployment_id)` and
    `gone(api_id, deployment_id)` are told afterwards, the latter with None when the whole API goes.
    """
    create, delete, delete_api = (
        _apigateway._create_deployment,
        _apigateway._delete_deployment,
        _apigateway._delete_rest_api,
    )

    def created(api_id: str, data: dict[str, Any]) -> Any:
        refusal = refuse(api_id) if api_id in _apigateway._rest_apis else None
        if refusal:
            return _apigateway._v1_error(*refusal)
        answer = create(api_id, data)
        if answer[0] == 201:
            made(api_id, json.loads(answer[2])["id"])
        return answer

    def deleted(api_id: str, deployment_id: str) -> Any:
        answer = delete(api_id, deployment_id)
        gone(api_id, deployment_id)
        return answer

    def deleted_api(api_id: str) -> Any:
        answer = delete_api(api_id)
        gone(api_id, None)
        return answer

    _apigateway._create_deployment = created
    _apigateway._delete_deployment = deleted
    _apigateway._delete_rest_api = deleted_api


def rest_api_deployments(api_id: str) -> Mapping[str, Any]:
    """A REST API's deployments by their ids."""
    found: Mapping[str, Any] = _apigateway._deployments_v1.get(api_id) or {}
    return found


def api_key(key_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _apigateway._api_keys.get(key_id)
    return found


def api_key_of(value: str) -> dict[str, Any] | None:
    """The enabled API key of that value."""
    found: dict[str, Any] | None = _apigateway._resolve_api_key(value)
    return found


def usage_plans_of(key_id: str, api_id: str, stage: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The usage plans that let a key into a stage: the plan's id, the plan, and its entry of the stage."""
    return list(_apigateway._usage_plans_for_key(key_id, api_id, stage))


def usage_plan(plan_id: str) -> tuple[dict[str, Any], list[str]] | None:
    """A usage plan and the ids of its keys."""
    plan = _apigateway._usage_plans.get(plan_id)
    return None if plan is None else (plan, list(_apigateway._usage_plan_keys.get(plan_id) or ()))


def api_gateway_log_role() -> str | None:
    """The role that API Gateway writes logs with in the request's account and region."""
    settings = _apigateway._account_settings.get("settings") or {}
    return settings.get("cloudwatchRoleArn") or None


def is_custom_domain(name: str) -> bool:
    return "." in name and _apigateway.find_domain_scope(name) is not None


def caller_of(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """Who signed a request, in the words of `requestContext.identity`; nobody that IAM does not know."""
    found: dict[str, Any] | None = _apigateway._iam_caller_identity(headers, query)
    return found


def signature_fault(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str] | None:
    """Why the signature of a request is none, as code and message; whose it is, is another question."""
    if not headers.get("authorization"):
        found = _sigv4.parse_query_signature(query)
    elif headers["authorization"].startswith("AWS4-HMAC-SHA256"):
        found = _sigv4.parse_header_signature(headers)
    else:
        found = _sigv4.foreign_authorization_failure(headers)
    if type(found) is tuple:  # a signature that is one has a class of its own
        return found[0], str(found[1])
    return None


async def user_pool_claims(
    authorizer: Mapping[str, Any],
    method: Mapping[str, Any],
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    stage: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None]:
    """The claims of a user pool's token, once its signature, its issuer, its times and its scopes are
    checked; or the type of the gateway response that refuses it."""
    claims, error = await _apigateway._validate_cognito_authorizer(authorizer, method, headers, query, stage)
    return claims or {}, None if error is None else str(error.response_type)


def read_user_pool_keys_here() -> None:
    """Takes the public keys of user pools from this server without asking it over HTTP: whether it
    speaks TLS does not matter then, and no keys of a pool that is gone are remembered."""
    usual = _apigateway._fetch_jwks

    async def fetch(url: str) -> dict[str, Any]:
        pool, separator, rest = url.partition("/.well-known/jwks.json")
        if not separator or rest or "_" not in pool.rsplit("/", 1)[-1]:
            found: dict[str, Any] = await usual(url)
            return found
        _, _, keys = _cognito.well_known_jwks(pool.rsplit("/", 1)[-1])
        return dict(json.loads(keys))

    _apigateway._fetch_jwks = fetch


def let_people_return(places: Callable[[str], Iterable[str]]) -> None:
    """People may come back to a page by the addresses that it has here, besides its own on AWS."""
    usual = _cognito._find_pool_by_client_id

    def find(client_id: str) -> tuple[Any, Any, Any]:
        pool_id, pool, client = usual(client_id)
        if client is None:
            return pool_id, pool, client
        pages = {name: client.get(name) or [] for name in ("CallbackURLs", "LogoutURLs")}
        here = {
            name: [*urls, *(place for url in urls for place in places(url))] for name, urls in pages.items()
        }
        return pool_id, pool, {**client, **here}

    _cognito._find_pool_by_client_id = find
