"""Who gets through to a method, over HTTP: functions that decide, user pools, signatures, policies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support.deployed import LocalAws
from support.rest_api import Answer, RestApi, ask, make_function

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"].get("authorizer"))}
"""
DECIDE = """
calls = 0

def handler(event, context):
    global calls
    calls += 1
    token = event.get("authorizationToken") or (event.get("headers") or {}).get("x-token")
    if token == "nobody":
        raise Exception("Unauthorized")
    if token == "broken":
        raise ValueError("secret")
    if token == "nonsense":
        return {"principalId": "somebody"}
    if token == "nested":
        return answer(event, "Allow", {"deep": {"a": 1}})
    resource = event["methodArn"].rsplit("/", 1)[0] + "/one" if token == "one" else event["methodArn"]
    effect = "Deny" if token == "denied" else "Allow"
    return answer(event, effect, {"calls": calls, "yes": True, "who": token}, resource)

def answer(event, effect, context, resource="*"):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "somebody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
        "usageIdentifierKey": event.get("authorizationToken"),
    }
"""


class Guarded:
    """An API whose methods echo who they are told is calling."""

    def __init__(self, local_aws: LocalAws, **settings: Any) -> None:
        self.local_aws = local_aws
        self.api = RestApi.make(local_aws, **settings)
        self.echo = make_function(local_aws, ECHO)
        self.decide = make_function(local_aws, DECIDE)
        self.api.allow(self.echo)
        self.api.allow(self.decide)

    def authorizer(self, **settings: Any) -> str:
        made = self.api.gateway.create_authorizer(
            restApiId=self.api.id,
            name=f"authorizer-{uuid.uuid4().hex[:8]}",
            **{"authorizerUri": self.api.uri(self.decide), **settings},
        )
        return str(made["id"])

    def guard(self, path: str, authorizer: str, **settings: Any) -> None:
        self.api.function(
            path,
            self.echo,
            allow=False,
            **{"authorizationType": "CUSTOM", "authorizerId": authorizer, **settings},
        )


@pytest.fixture(scope="module")
def guarded(local_aws: LocalAws) -> Iterator[Guarded]:
    """`/token/…` and `/request/…` ask a function each time, `/kept/…` keeps its answers, `/expected`
    takes tokens of one form only."""
    made = Guarded(local_aws)
    source = "method.request.header.x-token"
    token = made.authorizer(type="TOKEN", identitySource=source, authorizerResultTtlInSeconds=0)
    kept = made.authorizer(type="TOKEN", identitySource=source, authorizerResultTtlInSeconds=300)
    sources = f"{source},method.request.querystring.tenant"
    request = made.authorizer(type="REQUEST", identitySource=sources, authorizerResultTtlInSeconds=300)
    anything = made.authorizer(type="REQUEST", authorizerResultTtlInSeconds=0)
    expected = made.authorizer(
        type="TOKEN", identitySource=source, identityValidationExpression="[a-z]+-[0-9]+"
    )
    for path, authorizer in (
        ("/token", token),
        ("/kept/one", kept),
        ("/kept/two", kept),
        ("/request", request),
        ("/anything", anything),
        ("/expected", expected),
    ):
        made.guard(path, authorizer)
    made.api.deploy()
    yield made
    made.api.delete()


def with_token(guarded: Guarded, path: str, token: str) -> Answer:
    return guarded.api.ask(path, headers=[("x-token", token)])


class TestFunctions:
    def test_what_it_says_of_the_caller_reaches_the_function(self, guarded: Guarded) -> None:
        told = with_token(guarded, "token", "me").json

        assert (told["principalId"], told["who"], told["yes"]) == ("somebody", "me", "true")
        assert told["calls"].isdigit()

    @pytest.mark.parametrize(
        ("token", "status", "message"),
        [
            ("nobody", 401, {"message": "Unauthorized"}),
            (
                "denied",
                403,
                {
                    "Message": "User is not authorized to access this resource with an explicit deny in an "
                    "identity-based policy"
                },
            ),
            ("broken", 500, {"message": None}),
            ("nonsense", 500, {"message": "Internal server error"}),
            ("nested", 500, {"message": "Internal server error"}),
        ],
    )
    def test_whom_it_does_not_let_in_is_told_no_more(
        self, guarded: Guarded, token: str, status: int, message: dict[str, str]
    ) -> None:
        answer = with_token(guarded, "token", token)

        assert (answer.status, answer.json) == (status, message)

    def test_without_a_token_nobody_is_asked(self, guarded: Guarded) -> None:
        assert guarded.api.ask("token").status == 401
        assert with_token(guarded, "expected", "other").status == 401
        assert with_token(guarded, "expected", "form-1").status == 200

    def test_a_kept_policy_decides_for_each_method(self, guarded: Guarded) -> None:
        first = with_token(guarded, "kept/one", "one")
        again = with_token(guarded, "kept/one", "one")
        other = with_token(guarded, "kept/two", "one")

        assert first.json["calls"] == again.json["calls"]
        assert other.status == 403

    def test_a_request_needs_every_source_of_identity(self, guarded: Guarded) -> None:
        assert guarded.api.ask("request", headers=[("x-token", "me")]).status == 401
        assert guarded.api.ask("request?tenant=a").status == 401
        assert with_token(guarded, "request?tenant=a", "me").status == 200

    def test_without_sources_the_function_sees_every_request(self, guarded: Guarded) -> None:
        assert guarded.api.ask("anything").status == 200

    def test_a_function_that_api_gateway_may_not_call_decides_nothing(self, local_aws: LocalAws) -> None:
        made = Guarded(local_aws)
        stranger = make_function(local_aws, DECIDE)
        authorizer = made.authorizer(
            type="TOKEN",
            identitySource="method.request.header.x-token",
            authorizerUri=made.api.uri(stranger),
        )
        made.guard("/", authorizer)
        made.api.deploy()

        answer = made.api.ask(headers=[("x-token", "me")])

        assert (answer.status, answer.json) == (500, {"message": "Internal server error"})
        assert answer.headers["x-amzn-errortype"] == "AuthorizerConfigurationException"
        made.api.delete()

    def test_it_may_say_which_key_the_caller_has(self, local_aws: LocalAws) -> None:
        made = Guarded(local_aws, apiKeySource="AUTHORIZER")
        source = "method.request.header.x-token"
        authorizer = made.authorizer(type="TOKEN", identitySource=source, authorizerResultTtlInSeconds=0)
        made.guard("/", authorizer, apiKeyRequired=True)
        made.api.deploy()
        key = made.api.gateway.create_api_key(enabled=True, name="a key")
        plan = made.api.gateway.create_usage_plan(
            name="a plan", apiStages=[{"apiId": made.api.id, "stage": "v1"}]
        )
        made.api.gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")

        assert made.api.ask(headers=[("x-token", key["value"])]).status == 200
        assert made.api.ask(headers=[("x-token", "me"), ("x-api-key", key["value"])]).status == 403
        made.api.delete()


class Pool:
    """A user pool with somebody in it."""

    def __init__(self, local_aws: LocalAws) -> None:
        self.cognito = local_aws.client("cognito-idp")
        pool = self.cognito.create_user_pool(PoolName=f"pool-{uuid.uuid4().hex[:8]}")["UserPool"]
        self.id, self.arn = str(pool["Id"]), str(pool["Arn"])
        self.client = self.cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName="test", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        self.cognito.admin_create_user(UserPoolId=self.id, Username="somebody")
        self.cognito.admin_set_user_password(
            UserPoolId=self.id, Username="somebody", Password="Secret-123", Permanent=True
        )

    def tokens(self) -> dict[str, str]:
        answer = self.cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.client,
            AuthParameters={"USERNAME": "somebody", "PASSWORD": "Secret-123"},
        )
        return dict(answer["AuthenticationResult"])


@pytest.fixture(scope="module")
def pool(local_aws: LocalAws) -> Iterator[Pool]:
    made = Pool(local_aws)
    yield made
    made.cognito.delete_user_pool(UserPoolId=made.id)


@pytest.fixture(scope="module")
def behind_pool(local_aws: LocalAws, pool: Pool) -> Iterator[Guarded]:
    """`/identity` takes ID tokens of the pool, `/scoped` access tokens with a scope."""
    made = Guarded(local_aws)
    authorizer = made.authorizer(
        type="COGNITO_USER_POOLS",
        providerARNs=[pool.arn],
        identitySource="method.request.header.Authorization",
    )
    user_pool = {"authorizationType": "COGNITO_USER_POOLS"}
    made.guard("/identity", authorizer, **user_pool)
    made.guard("/scoped", authorizer, authorizationScopes=["aws.cognito.signin.user.admin"], **user_pool)
    made.guard("/other", authorizer, authorizationScopes=["other/scope"], **user_pool)
    made.api.deploy()
    yield made
    made.api.delete()


class TestUserPools:
    def present(self, behind_pool: Guarded, path: str, token: str) -> Answer:
        return behind_pool.api.ask(path, headers=[("Authorization", token)])

    def test_an_id_token_says_who_calls(self, behind_pool: Guarded, pool: Pool) -> None:
        answer = self.present(behind_pool, "identity", pool.tokens()["IdToken"])

        assert answer.status == 200
        claims = answer.json["claims"]
        assert (claims["cognito:username"], claims["aud"]) == ("somebody", pool.client)

    def test_an_access_token_is_one_where_scopes_are_asked_for(
        self, behind_pool: Guarded, pool: Pool
    ) -> None:
        tokens = pool.tokens()

        assert self.present(behind_pool, "identity", tokens["AccessToken"]).status == 401
        assert self.present(behind_pool, "scoped", tokens["IdToken"]).status == 401
        assert self.present(behind_pool, "scoped", tokens["AccessToken"]).status == 200
        assert self.present(behind_pool, "other", tokens["AccessToken"]).status == 401

    def test_a_changed_token_is_none(self, behind_pool: Guarded, pool: Pool) -> None:
        head, claims, signature = pool.tokens()["IdToken"].split(".")
        read = json.loads(base64.urlsafe_b64decode(claims + "=="))
        changed = base64.urlsafe_b64encode(json.dumps(read | {"cognito:username": "root"}).encode())

        forged = f"{head}.{changed.decode().rstrip('=')}.{signature}"

        assert self.present(behind_pool, "identity", forged).status == 401
        assert self.present(behind_pool, "identity", "no token").status == 401
        assert behind_pool.api.ask("identity").json == {"message": "Unauthorized"}

    def test_another_pool_s_token_is_none(self, behind_pool: Guarded, local_aws: LocalAws) -> None:
        other = Pool(local_aws)

        assert self.present(behind_pool, "identity", other.tokens()["IdToken"]).status == 401
        other.cognito.delete_user_pool(UserPoolId=other.id)


class TestSignatures:
    @pytest.fixture
    def signed(self, local_aws: LocalAws) -> Iterator[RestApi]:
        api = RestApi.make(local_aws)
        api.mock("/", authorizationType="AWS_IAM")
        api.deploy()
        yield api
        api.delete()

    def test_a_request_without_one_misses_its_token(self, signed: RestApi) -> None:
        answer = signed.ask()

        assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})

    def test_what_is_no_signature_is_refused(self, signed: RestApi) -> None:
        for header in ("Bearer abc", "AWS4-HMAC-SHA256 Credential=AKIA"):
            answer = signed.ask(headers=[("Authorization", header)])

            assert answer.status == 403
            assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"

    @pytest.mark.parametrize("place", ["eu-west-1/execute-api", "us-east-1/sagemaker"])
    def test_a_signature_for_another_place_is_refused(self, signed: RestApi, place: str) -> None:
        credential = f"{signed.local_aws.account}/20260101/{place}/aws4_request"
        header = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        )

        answer = signed.ask(headers=[("Authorization", header), ("X-Amz-Date", "20260101T000000Z")])

        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
        assert "Credential should be scoped to" in answer.json["message"]

    def test_a_signed_request_is_let_in(self, signed: RestApi) -> None:
        credential = f"{signed.local_aws.account}/20260101/us-east-1/execute-api/aws4_request"
        signature = hmac.new(b"test", b"", hashlib.sha256).hexdigest()
        header = (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        )

        answer = signed.ask(headers=[("Authorization", header), ("X-Amz-Date", "20260101T000000Z")])

        assert answer.status == 200


class TestPolicies:
    def policy(self, *denied: str, effect: str = "Deny") -> str:
        statements = [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/*",
            },
            {
                "Effect": effect,
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/v1/GET/inside",
                "Condition": {"NotIpAddress": {"aws:SourceIp": list(denied)}},
            },
        ]
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    def test_it_says_from_where_a_method_may_be_called(self, local_aws: LocalAws) -> None:
        api = RestApi.make(local_aws, policy=self.policy("192.0.2.0/24"))
        api.mock("/inside")
        api.mock("/outside")
        api.deploy()

        stranger = api.ask("inside")

        assert stranger.status == 403
        assert stranger.json["Message"].startswith(
            "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:"
        )
        assert stranger.json["Message"].endswith("with an explicit deny in a resource-based policy")
        assert api.ask("inside", headers=[("X-Forwarded-For", "192.0.2.1")]).status == 200
        assert api.ask("outside").status == 200
        api.delete()

    def test_a_changed_one_counts_with_the_next_deployment(self, local_aws: LocalAws) -> None:
        api = RestApi.make(local_aws)
        api.mock("/inside")
        api.deploy()
        patch = {"op": "replace", "path": "/policy", "value": self.policy("192.0.2.0/24")}
        api.gateway.update_rest_api(restApiId=api.id, patchOperations=[patch])

        assert api.ask("inside").status == 200
        api.deploy()
        assert api.ask("inside").status == 403
        api.delete()


def test_an_http_api_takes_the_tokens_of_its_issuer(local_aws: LocalAws, pool: Pool) -> None:
    gateway = local_aws.client("apigatewayv2")
    echo = make_function(local_aws, ECHO)
    api = gateway.create_api(Name="http", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=echo, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}"
    authorizer = gateway.create_authorizer(
        ApiId=api,
        AuthorizerType="JWT",
        Name="jwt",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": [pool.client], "Issuer": issuer},
    )["AuthorizerId"]
    gateway.create_route(
        ApiId=api,
        RouteKey="GET /who",
        Target=f"integrations/{integration}",
        AuthorizationType="JWT",
        AuthorizerId=authorizer,
    )
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)

    def call(token: str) -> Answer:
        return ask(local_aws, f"/_aws/execute-api/{api}/who", headers=[("Authorization", token)])

    assert call(f"Bearer {pool.tokens()['IdToken']}").status == 200
    assert call("Bearer nonsense").status == 401
    gateway.delete_api(ApiId=api)
