"""The page of an API: for everybody, at a rate of its own, by a function that may do nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs import ApiClient, ApiPage, ApiUserPool, InferenceApi

FUNCTIONS = Path(__file__).parents[3] / "lambda"
PEOPLE = ApiClient(10, 20, return_to=["https://intranet.example/models"])
PROGRAM = ApiClient(10, 20)


def made(
    authorization: Literal["api-key", "cognito"], client: ApiClient, **settings: Any
) -> assertions.Template:
    stack = cdk.Stack(env=cdk.Environment(account="111122223333", region="eu-west-1"))
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/a-key")
    function = lambda_.Function.from_function_attributes(
        stack,
        "Inference",
        function_arn="arn:aws:lambda:eu-west-1:111122223333:function:inference",
        same_environment=True,
    )
    pool = None
    if authorization == "cognito":
        pool = ApiUserPool(stack, "Users", models=["housing"], clients={"team": client}, domain_prefix="acme")
    api = InferenceApi(
        stack,
        "Api",
        function=function,
        routes=["/models"],
        authorization=authorization,
        clients={"team": client},
        encryption_key=key,
        user_pool=pool,
        **settings,
    )
    ApiPage(stack, "Page", api=api, source=FUNCTIONS, encryption_key=key, user_pool=pool)
    return assertions.Template.from_stack(stack)


@pytest.fixture(scope="module")
def with_keys() -> assertions.Template:
    return made("api-key", PROGRAM)


@pytest.fixture(scope="module")
def with_people() -> assertions.Template:
    return made("cognito", PEOPLE)


def settings_of(template: assertions.Template) -> str:
    functions = template.find_resources("AWS::Lambda::Function").values()
    (variables,) = (each["Properties"]["Environment"]["Variables"] for each in functions)
    return json.dumps(variables["SETTINGS"])


@pytest.mark.parametrize("kind", ["with_keys", "with_people"])
def test_everybody_gets_the_page_and_nobody_gets_more(kind: str, request: pytest.FixtureRequest) -> None:
    methods = request.getfixturevalue(kind).find_resources("AWS::ApiGateway::Method").values()

    free = [
        each["Properties"]
        for each in methods
        if each["Properties"]["AuthorizationType"] == "NONE" and not each["Properties"]["ApiKeyRequired"]
    ]
    assert [(each["HttpMethod"], "RootResourceId" in str(each["ResourceId"])) for each in free] == [
        ("GET", True)
    ]


def test_strangers_do_not_use_up_the_clients_rate(with_keys: assertions.Template) -> None:
    (stage,) = with_keys.find_resources("AWS::ApiGateway::Stage").values()

    everything, page = stage["Properties"]["MethodSettings"]
    assert (everything["ResourcePath"], everything["HttpMethod"]) == ("/*", "*")
    assert (page["ResourcePath"], page["HttpMethod"], page["ThrottlingRateLimit"]) == ("/", "GET", 10)


def test_its_function_may_write_its_log_and_nothing_else(with_keys: assertions.Template) -> None:
    (policy,) = with_keys.find_resources("AWS::IAM::ManagedPolicy").values()

    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] != "*"


def test_people_are_sent_back_to_the_page_besides_their_own_pages(with_people: assertions.Template) -> None:
    (client,) = with_people.find_resources("AWS::Cognito::UserPoolClient").values()

    for urls in (client["Properties"]["CallbackURLs"], client["Properties"]["LogoutURLs"]):
        own, page = urls
        assert own == "https://intranet.example/models"
        assert json.dumps(page).endswith('"/v1/"]]}')
    assert "team" in settings_of(with_people)


def test_no_model_s_name_is_in_what_everybody_may_see(with_people: assertions.Template) -> None:
    assert "housing" not in settings_of(with_people)


def test_people_of_a_metered_api_show_a_key_as_well() -> None:
    assert r"\"key\": true" in settings_of(made("cognito", PEOPLE, metered=True))


def test_a_page_that_nobody_could_use_is_refused() -> None:
    with pytest.raises(ValueError, match="neither keys nor people who sign in"):
        made("cognito", PROGRAM)
