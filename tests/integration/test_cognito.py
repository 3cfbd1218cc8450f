"""Cognito from a template: programs get tokens for their scopes, people sign in, and an API takes what is
for it, and nothing else.

https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from support.deployed import LocalAws, Stack, Stacks

BACK = "https://page.example/signed-in"
PASSWORD = "Long-enough-7"
READ, INVOKE = "models/read", "models/invoke"


@dataclass(frozen=True)
class Said:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Deployed:
    """The stack's pool, its clients, and its API."""

    local_aws: LocalAws
    stack: Stack

    def output(self, name: str) -> str:
        return str(self.stack.outputs[name])

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Said:
        """One request, without following where it sends."""
        connection = http.client.HTTPConnection(urlsplit(self.local_aws.url).netloc, timeout=30)
        body = urlencode(form).encode() if form is not None else None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Said(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def token(self, **form: str) -> Said:
        return self.ask("POST", "/oauth2/token", form)

    def for_program(self, scope: str, secret: str | None = None) -> Said:
        """What the token endpoint says to the program; it authenticates as AWS's pages show it."""
        client = self.output("Program")
        known = f"{client}:{secret or self.secret}"
        return self.ask(
            "POST",
            "/oauth2/token",
            {"grant_type": "client_credentials", "scope": scope},
            Authorization=f"Basic {base64.b64encode(known.encode()).decode()}",
        )

    @property
    def secret(self) -> str:
        described = self.local_aws.client("cognito-idp").describe_user_pool_client(
            UserPoolId=self.output("Pool"), ClientId=self.output("Program")
        )
        return str(described["UserPoolClient"]["ClientSecret"])

    def call(self, token: str | None) -> int:
        """The status of the method that wants the scope."""
        headers = {} if token is None else {"Authorization": token}
        path = f"/restapis/{self.output('Api')}/live/_user_request_/invoke"
        return self.ask("GET", path, **headers).status


def template() -> dict[str, Any]:
    pool = {"Ref": "Pool"}
    scopes = [
        {"ScopeName": name.partition("/")[2], "ScopeDescription": "to use models"} for name in (READ, INVOKE)
    ]
    api = {"Ref": "Api"}
    return {
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}},
        },
        "Domain": {
            "Type": "AWS::Cognito::UserPoolDomain",
            "Properties": {"UserPoolId": pool, "Domain": "models-of-a-test"},
        },
        "Server": {
            "Type": "AWS::Cognito::UserPoolResourceServer",
            "Properties": {"UserPoolId": pool, "Identifier": "models", "Name": "models", "Scopes": scopes},
        },
        "Program": {
            "Type": "AWS::Cognito::UserPoolClient",
            "DependsOn": "Server",
            "Properties": {
                "UserPoolId": pool,
                "GenerateSecret": True,
                "AllowedOAuthFlowsUserPoolClient": True,
                "AllowedOAuthFlows": ["client_credentials"],
                "AllowedOAuthScopes": [READ, INVOKE],
            },
        },
        "Page": {
            "Type": "AWS::Cognito::UserPoolClient",
            "DependsOn": "Server",
            "Properties": {
                "UserPoolId": pool,
                "AllowedOAuthFlowsUserPoolClient": True,
                "AllowedOAuthFlows": ["code"],
                "AllowedOAuthScopes": ["openid", INVOKE],
                "CallbackURLs": [BACK],
                "SupportedIdentityProviders": ["COGNITO"],
                "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            },
        },
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "models"}},
        "Authorizer": {
            "Type": "AWS::ApiGateway::Authorizer",
            "Properties": {
                "RestApiId": api,
                "Name": "people-and-programs",
                "Type": "COGNITO_USER_POOLS",
                "IdentitySource": "method.request.header.Authorization",
                "ProviderARNs": [{"Fn::GetAtt": ["Pool", "Arn"]}],
            },
        },
        "Resource": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": api,
                "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "PathPart": "invoke",
            },
        },
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": api,
                "ResourceId": {"Ref": "Resource"},
                "HttpMethod": "GET",
                "AuthorizationType": "COGNITO_USER_POOLS",
                "AuthorizerId": {"Ref": "Authorizer"},
                "AuthorizationScopes": [INVOKE],
                "Integration": {
                    "Type": "MOCK",
                    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                    "IntegrationResponses": [{"StatusCode": "200"}],
                },
                "MethodResponses": [{"StatusCode": "200"}],
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": "Method",
            "Properties": {"RestApiId": api},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": api, "DeploymentId": {"Ref": "Deployment"}, "StageName": "live"},
        },
    }


@pytest.fixture(scope="module")
def deployed(local_aws: LocalAws) -> Iterator[Deployed]:
    stacks = Stacks(local_aws, prefix="cognito")
    outputs = {name: {"Ref": name} for name in ("Pool", "Program", "Page", "Api", "Domain")}
    made = Deployed(local_aws, stacks.deploy(template(), outputs=outputs))
    cognito = local_aws.client("cognito-idp")
    names = {"UserPoolId": made.output("Pool"), "Username": "ada"}
    cognito.admin_create_user(**names, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**names, Password=PASSWORD, Permanent=True)
    yield made
    stacks.delete_all()


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decoded(token.split(".")[1]))
    return found


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_program_gets_a_token_for_its_scope_and_the_api_takes_it(deployed: Deployed) -> None:
    said = deployed.for_program(INVOKE)

    assert (said.status, said.json["token_type"]) == (200, "Bearer")
    told = claims(said.json["access_token"])
    assert (told["token_use"], told["scope"]) == ("access", INVOKE)
    assert told["client_id"] == deployed.output("Program")
    assert deployed.call(said.json["access_token"]) == 200


def test_the_api_refuses_a_token_of_another_scope_and_none(deployed: Deployed) -> None:
    other = deployed.for_program(READ).json["access_token"]

    assert [deployed.call(token) for token in (other, None, "nonsense")] == [401, 401, 401]


def test_the_token_endpoint_refuses_who_and_what_it_does_not_know(deployed: Deployed) -> None:
    wrong_secret = deployed.for_program(INVOKE, secret="guessed")
    unknown_scope = deployed.for_program("models/delete")
    nobody = deployed.token(grant_type="client_credentials", client_id="nobody", client_secret="none")
    public = deployed.token(grant_type="client_credentials", client_id=deployed.output("Page"), scope=INVOKE)

    assert [(said.status, said.json["error"]) for said in (wrong_secret, unknown_scope, nobody)] == [
        (400, "invalid_client"),
        (400, "invalid_scope"),
        (400, "invalid_client"),
    ]
    assert (public.status, "access_token" in public.json) == (400, False)


def test_it_answers_for_its_domain_as_well(deployed: Deployed) -> None:
    """For clients that reach this server by the name that the stack's domain has on AWS."""
    known = base64.b64encode(f"{deployed.output('Program')}:{deployed.secret}".encode()).decode()

    said = deployed.ask(
        "POST",
        "/oauth2/token",
        {"grant_type": "client_credentials"},
        Host=f"{deployed.output('Domain')}.auth.us-east-1.amazoncognito.com",
        Authorization=f"Basic {known}",
    )

    assert said.status == 200
    assert sorted(claims(said.json["access_token"])["scope"].split()) == [INVOKE, READ]


def test_its_tokens_are_signed_with_the_pools_public_keys(deployed: Deployed) -> None:
    token = deployed.for_program(INVOKE).json["access_token"]
    head, body, signature = token.split(".")
    with urllib.request.urlopen(
        f"{deployed.local_aws.url}/{deployed.output('Pool')}/.well-known/jwks.json"
    ) as answer:
        keys = {key["kid"]: key for key in json.load(answer)["keys"]}
    key = keys[json.loads(decoded(head))["kid"]]
    numbers = RSAPublicNumbers(*(int.from_bytes(decoded(key[name]), "big") for name in ("e", "n")))

    public = numbers.public_key()
    public.verify(decoded(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(decoded(signature), f"{head}.{body}x".encode(), PKCS1v15(), SHA256())


def test_a_person_signs_in_on_the_page_with_a_code_and_a_proof(deployed: Deployed) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": deployed.output("Page"),
        "redirect_uri": BACK,
        "scope": f"openid {INVOKE}",
        "state": "where-i-was",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }

    page = deployed.ask("GET", f"/oauth2/authorize?{urlencode(asked)}")
    wrong = deployed.ask("POST", "/login", {**asked, "username": "ada", "password": "guessed"})
    sent = deployed.ask("POST", "/login", {**asked, "username": "ada", "password": PASSWORD})

    assert page.status == 200
    assert b"<form" in page.body
    assert "Location" not in wrong.headers
    assert sent.status == 302
    assert sent.headers["Location"].startswith(f"{BACK}?")
    back = {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["Location"]).query).items()}
    assert back["state"] == "where-i-was"
    exchange = {
        "grant_type": "authorization_code",
        "client_id": deployed.output("Page"),
        "redirect_uri": BACK,
        "code": back["code"],
    }
    stolen = deployed.token(**exchange, code_verifier="x" * 43)
    answered = deployed.token(**exchange, code_verifier=verifier)
    again = deployed.token(**exchange, code_verifier=verifier)
    assert [(said.status, said.json.get("error")) for said in (stolen, answered, again)] == [
        (400, "invalid_grant"),
        (200, None),
        (400, "invalid_grant"),
    ]
    assert claims(answered.json["id_token"])["cognito:username"] == "ada"
    assert deployed.call(answered.json["access_token"]) == 200
    assert deployed.call(answered.json["id_token"]) == 401
    refreshed = deployed.token(
        grant_type="refresh_token",
        client_id=deployed.output("Page"),
        refresh_token=answered.json["refresh_token"],
    )
    assert deployed.call(refreshed.json["access_token"]) == 200


def test_a_page_that_is_not_known_is_not_sent_anything(deployed: Deployed) -> None:
    asked = {
        "response_type": "code",
        "client_id": deployed.output("Page"),
        "redirect_uri": "https://evil.example",
    }

    said = deployed.ask("GET", f"/oauth2/authorize?{urlencode(asked)}")

    assert (said.status, said.json["error"]) == (400, "invalid_request")


def test_a_password_alone_is_no_scope(deployed: Deployed) -> None:
    """Tokens of InitiateAuth have no scope of a resource server, on AWS as here."""
    result = deployed.local_aws.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=deployed.output("Page"),
        AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]

    assert deployed.call(result["AccessToken"]) == 401
