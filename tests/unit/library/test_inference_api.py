"""HTTPS in front of the models: who is let in, and what everybody else is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs import ApiClient, ApiFirewall, InferenceApi
from inference_gateway import problem, routes

ROLE = "arn:aws:iam::111122223333:role/nightly-batch"
PATHS = len({route.path for route in routes.ROUTES})
WITH_KEYS = {"storefront": ApiClient(10, 20), "back-office": ApiClient(2, 4)}
SIGNING = {"nightly-batch": ApiClient(10, 20, iam.ArnPrincipal(ROLE))}


def template(
    authorization: Literal["api-key", "iam"],
    clients: Mapping[str, ApiClient],
    origins: Sequence[str] = (),
) -> assertions.Template:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    InferenceApi(
        stack,
        "Api",
        function=lambda_.Function.from_function_attributes(
            stack,
            "Function",
            function_arn="arn:aws:lambda:eu-west-1:111122223333:function:inference",
            same_environment=True,
        ),
        routes=[route.path for route in routes.ROUTES],
        origins=origins,
        authorization=authorization,
        clients=clients,
        encryption_key=kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/a-key"),
    )
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def key_api() -> assertions.Template:
    return template("api-key", WITH_KEYS)


@pytest.fixture(scope="module")
def iam_api() -> assertions.Template:
    return template("iam", SIGNING)


def all_of(made: assertions.Template, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in made.find_resources(kind).values()]


def test_every_method_asks_for_a_key(key_api: assertions.Template) -> None:
    methods = all_of(key_api, "AWS::ApiGateway::Method")

    assert [(one["ApiKeyRequired"], one["AuthorizationType"]) for one in methods] == [(True, "NONE")] * PATHS


def test_every_method_asks_for_a_signature(iam_api: assertions.Template) -> None:
    methods = all_of(iam_api, "AWS::ApiGateway::Method")

    assert [(one["ApiKeyRequired"], one["AuthorizationType"]) for one in methods] == [
        (False, "AWS_IAM")
    ] * PATHS


def test_there_is_a_resource_for_every_route_and_for_nothing_else(key_api: assertions.Template) -> None:
    resources = key_api.find_resources("AWS::ApiGateway::Resource")

    def path(logical_id: str) -> str:
        properties = resources[logical_id]["Properties"]
        parent = properties["ParentId"].get("Ref")
        return f"{path(parent) if parent else ''}/{properties['PathPart']}"

    answered = {path(method["ResourceId"]["Ref"]) for method in all_of(key_api, "AWS::ApiGateway::Method")}
    assert answered == {route.path for route in routes.ROUTES}


def test_one_permission_lets_the_whole_api_call_the_function(key_api: assertions.Template) -> None:
    assert len(all_of(key_api, "AWS::Lambda::Permission")) == 1


def test_nobody_needs_a_preflight_without_origins(key_api: assertions.Template) -> None:
    assert {method["HttpMethod"] for method in all_of(key_api, "AWS::ApiGateway::Method")} == {"ANY"}


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        (["https://shop.example"], "'https://shop.example'"),
        (["https://a.example", "https://b.example"], "'*'"),
    ],
)
def test_preflights_come_without_credentials_and_problems_can_be_read(
    origins: list[str], allowed: str
) -> None:
    made = template("iam", SIGNING, origins)

    preflights = [one for one in all_of(made, "AWS::ApiGateway::Method") if one["HttpMethod"] == "OPTIONS"]
    assert [one["AuthorizationType"] for one in preflights] == ["NONE"] * PATHS
    assert {
        one["ResponseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"]
        for one in all_of(made, "AWS::ApiGateway::GatewayResponse")
    } == {allowed}


def test_each_client_has_a_plan_and_a_key_of_its_own(key_api: assertions.Template) -> None:
    plans = all_of(key_api, "AWS::ApiGateway::UsagePlan")

    assert [plan["Throttle"] for plan in plans] == [
        {"RateLimit": 10, "BurstLimit": 20},
        {"RateLimit": 2, "BurstLimit": 4},
    ]
    assert len(all_of(key_api, "AWS::ApiGateway::UsagePlanKey")) == 2


def test_no_keys_value_is_in_the_template(key_api: assertions.Template) -> None:
    assert ["Value" in key for key in all_of(key_api, "AWS::ApiGateway::ApiKey")] == [False, False]


def test_the_stage_takes_what_its_clients_may_ask_together(key_api: assertions.Template) -> None:
    (stage,) = all_of(key_api, "AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]

    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (12, 24)


def test_lets_in_the_principals_and_denies_everybody_else(iam_api: assertions.Template) -> None:
    (api,) = all_of(iam_api, "AWS::ApiGateway::RestApi")

    allow, deny = api["Policy"]["Statement"]

    assert (allow["Effect"], allow["Principal"]) == ("Allow", {"AWS": ROLE})
    assert (deny["Effect"], deny["Principal"]) == ("Deny", {"AWS": "*"})
    assert deny["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [ROLE]}}


def test_root_stands_for_a_whole_account() -> None:
    root = ApiClient(1, 1, iam.ArnPrincipal("arn:aws:iam::444455556666:root"))

    (api,) = all_of(template("iam", SIGNING | {"partner": root}), "AWS::ApiGateway::RestApi")

    assert api["Policy"]["Statement"][1]["Condition"] == {
        "ArnNotEquals": {"aws:PrincipalArn": [ROLE]},
        "StringNotEquals": {"aws:PrincipalAccount": ["444455556666"]},
    }


def test_without_clients_the_callers_own_policies_decide() -> None:
    (api,) = all_of(template("iam", {}), "AWS::ApiGateway::RestApi")

    assert "Policy" not in api


def test_speaks_tls_1_2_at_least(key_api: assertions.Template) -> None:
    (api,) = all_of(key_api, "AWS::ApiGateway::RestApi")

    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")


def test_logs_who_asked_and_no_bodies(key_api: assertions.Template) -> None:
    (stage,) = all_of(key_api, "AWS::ApiGateway::Stage")

    fields = json.loads(stage["AccessLogSetting"]["Format"])

    assert "$context.identity.apiKeyId" in fields.values()
    assert [setting["DataTraceEnabled"] for setting in stage["MethodSettings"]] == [False]


def test_its_logs_are_encrypted_and_end(key_api: assertions.Template) -> None:
    groups = all_of(key_api, "AWS::Logs::LogGroup")

    assert [("KmsKeyId" in group, group["RetentionInDays"]) for group in groups] == [(True, 365)] * 2


@pytest.fixture(scope="module", params=["api-key", "iam"])
def answers(
    request: pytest.FixtureRequest, key_api: assertions.Template, iam_api: assertions.Template
) -> dict[str, dict[str, Any]]:
    """API Gateway's own answers, by their type."""
    made = key_api if request.param == "api-key" else iam_api
    return {answer["ResponseType"]: answer for answer in all_of(made, "AWS::ApiGateway::GatewayResponse")}


def body(answer: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(answer["ResponseTemplates"]["application/json"])
    return read


def test_every_answer_of_api_gateway_is_a_problem(answers: dict[str, dict[str, Any]]) -> None:
    types = {
        getattr(apigateway.ResponseType, name).response_type
        for name in dir(apigateway.ResponseType)
        if name.isupper()
    }

    assert types == answers.keys()
    assert {
        answer["ResponseParameters"]["gatewayresponse.header.Content-Type"] for answer in answers.values()
    } == {"'application/problem+json'"}
    assert [
        name
        for name, answer in answers.items()
        if not {"type", "title", "detail", "instance", "request_id"} <= body(answer).keys()
    ] == []


def test_a_problem_repeats_the_status_that_it_is_sent_with(answers: dict[str, dict[str, Any]]) -> None:
    assert [
        name
        for name, answer in answers.items()
        if str(body(answer).get("status", "")) != answer.get("StatusCode", "")
    ] == []


def test_who_asks_too_often_is_told_when_to_come_back(answers: dict[str, dict[str, Any]]) -> None:
    too_often = [answer for answer in answers.values() if answer.get("StatusCode") == "429"]

    assert len(too_often) == 2
    assert ["gatewayresponse.header.Retry-After" in one["ResponseParameters"] for one in too_often] == [
        True
    ] * 2


def test_speaks_of_problems_as_the_function_does(answers: dict[str, dict[str, Any]]) -> None:
    of_the_function = {
        kind.type: kind.title for kind in vars(problem).values() if isinstance(kind, problem.Kind)
    }

    here = {body(answer)["type"]: body(answer)["title"] for answer in answers.values()}

    shared = here.keys() & of_the_function.keys()
    assert "urn:clary:problem:throttled" in shared
    assert {kind: here[kind] for kind in shared} == {kind: of_the_function[kind] for kind in shared}


def test_an_unknown_path_is_not_found_where_nothing_is_signed(key_api: assertions.Template) -> None:
    answers = {one["ResponseType"]: one for one in all_of(key_api, "AWS::ApiGateway::GatewayResponse")}

    assert answers["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"] == "404"


def test_refuses_keys_for_nobody() -> None:
    with pytest.raises(ValueError, match="lets nobody in without clients"):
        template("api-key", {})


@pytest.mark.parametrize(("authorization", "clients"), [("api-key", SIGNING), ("iam", WITH_KEYS)])
def test_refuses_clients_that_do_not_fit(
    authorization: Literal["api-key", "iam"], clients: Mapping[str, ApiClient]
) -> None:
    with pytest.raises(ValueError, match=f"do not fit the authorization '{authorization}'"):
        template(authorization, clients)


def firewall(**changes: Any) -> assertions.Template:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    given: dict[str, Any] = {
        "requests_per_second": 12,
        "log_group_name": "aws-waf-logs-dev",
        "encryption_key": kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/a-key"),
    }
    ApiFirewall(stack, "Firewall", **(given | changes))
    return assertions.Template.from_stack(stack)


def test_the_firewall_lets_large_bodies_and_plain_programs_through() -> None:
    (acl,) = all_of(firewall(), "AWS::WAFv2::WebACL")
    (common,) = (rule for rule in acl["Rules"] if rule["Name"] == "AWSManagedRulesCommonRuleSet")

    overrides = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]

    assert {one["Name"]: one["ActionToUse"] for one in overrides} == {
        "SizeRestrictions_BODY": {"Count": {}},
        "NoUserAgent_HEADER": {"Count": {}},
    }


@pytest.mark.parametrize(("requests_per_second", "limit"), [(12, 3600), (0, 10)])
def test_one_address_may_send_what_all_clients_may(requests_per_second: int, limit: int) -> None:
    (acl,) = all_of(firewall(requests_per_second=requests_per_second), "AWS::WAFv2::WebACL")
    (rate,) = (rule for rule in acl["Rules"] if rule["Name"] == "RatePerAddress")

    assert rate["Statement"]["RateBasedStatement"]["Limit"] == limit


def test_the_firewalls_log_leaves_credentials_out() -> None:
    (logging,) = all_of(firewall(), "AWS::WAFv2::LoggingConfiguration")

    assert {field["SingleHeader"]["Name"] for field in logging["RedactedFields"]} == {
        "authorization",
        "x-api-key",
        "x-amz-security-token",
    }


def test_refuses_a_log_that_aws_waf_does_not_write_to() -> None:
    with pytest.raises(ValueError, match="does not begin with 'aws-waf-logs-'"):
        firewall(log_group_name="waf")
