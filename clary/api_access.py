"""What lets somebody call the deployed API: the addresses, and what each client shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.environment.gateway import launching_team
from clary.target import Target
from clary.wording import pascal


def fronts(target: Target, gateway: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The API's fronts by authorization, of the gateway's outputs: with keys first, which is the one that a
    person tries with curl.

    Each has its `url`, and the `headers` of its first client; `page` is where people try its models.
    `api_keys` are the keys of all clients that send one; `clients` of the front with tokens, what they get
    these with at `token_url`.
    """
    keys = _api_keys(target, gateway)
    found: dict[str, dict[str, Any]] = {}
    for authorization, output in (("api-key", "KeyApiId"), ("iam", "IamApiId"), ("cognito", "TokenApiId")):
        if output not in gateway:
            continue
        theirs = {
            name: keys[name]
            for name, client in target.environment.api.clients.items()
            if client.authorization == authorization and name in keys
        }
        front: dict[str, Any] = {
            "url": _url(target, gateway, gateway[output], authorization),
            "authorization": authorization,
            "headers": {},
        }
        if theirs:
            client, key = next(iter(theirs.items()))
            front |= {"client": client, "api_key": key, "headers": {"x-api-key": key}, "api_keys": theirs}
        page = gateway.get(output.removesuffix("Id") + "PageUrl")
        if page is not None:
            front["page"] = page if target.endpoint_url is None else f"{front['url']}/"
        if authorization == "iam":
            front["service"] = "execute-api"
        if authorization == "cognito":
            front |= _tokens(target, gateway)
        found[authorization] = front
    return found


def access(
    target: Target, apis: Mapping[str, Mapping[str, Any]], model: str, way: str
) -> dict[str, Any] | None:
    """How to ask a model: by the first client that may, programs only. None if there is none."""
    clients = target.environment.api.clients
    for authorization, front in apis.items():
        shown: dict[str, Any] = {
            "authorization": authorization,
            "url": f"{front['url']}/models/{model}/{way}",
        }
        if not clients:
            return shown | {"headers": {}}
        for name, client in clients.items():
            if client.authorization != authorization or client.sign_in or not client.may_ask(model):
                continue
            key = front.get("api_keys", {}).get(name)
            shown |= {"client": name, "headers": {"x-api-key": key} if key else {}}
            if authorization == "cognito":
                team = launching_team(model)
                scope = f"models/{model}" if team is None else f"launched/{team}"
                shown |= {"token_url": front["token_url"], "scope": scope} | front["clients"][name]
            return shown
    return None


def _api_keys(target: Target, gateway: Mapping[str, str]) -> dict[str, str]:
    apigateway = target.client("apigateway")
    return {
        name: apigateway.get_api_key(apiKey=gateway[output], includeValue=True)["value"]
        for name in target.environment.api.clients
        if (output := f"ApiKeyId{pascal(name)}") in gateway
    }


def _tokens(target: Target, gateway: Mapping[str, str]) -> dict[str, Any]:
    cognito, pool = target.client("cognito-idp"), gateway["UserPoolId"]
    clients: dict[str, dict[str, str]] = {}
    for name, client in target.environment.api.clients.items():
        output = f"AppClientId{pascal(name)}"
        if client.authorization != "cognito" or output not in gateway:
            continue
        clients[name] = {"client_id": gateway[output]}
        if client.sign_in is None:
            described = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=gateway[output])
            clients[name]["client_secret"] = described["UserPoolClient"]["ClientSecret"]
    # The local AWS has no names of its own: it answers for every pool's domain itself.
    here = target.endpoint_url
    token_url = f"{here}/oauth2/token" if here is not None else gateway["TokenUrl"]
    return {"token_url": token_url, "user_pool_id": pool, "clients": clients}


def _url(target: Target, gateway: Mapping[str, str], api_id: str, authorization: str) -> str:
    """Without a slash at the end. The local AWS knows no names of its own: the API is part of the path."""
    stage = gateway.get("ApiStage", "")
    if target.endpoint_url is not None:
        return f"{target.endpoint_url}/restapis/{api_id}/{stage}/_user_request_"
    if "DomainName" in gateway:
        return f"https://{gateway['DomainName']}/{authorization}"
    return f"https://{api_id}.execute-api.{target.environment.region}.amazonaws.com/{stage}"
