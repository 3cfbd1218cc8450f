"""The page of an API with tokens: people sign in with Cognito, in a real Chromium, and come back to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support import browser
from support.cdk_command import Cdk
from support.outside import ROOT
from support.served_api import REGION, ServedApi

PASSWORD = "Long-enough-7-and-more"
PATIENCE_MS = 60_000
_APP = """
import pathlib

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from clary_constructs import ApiClient, ApiPage, ApiUserPool, InferenceApi
from inference_gateway.routes import ROUTES

app = cdk.App()
stack = cdk.Stack(app, "SignIn", env=cdk.Environment(account={account!r}, region={region!r}))
key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
people = {{"team": ApiClient(1000, 2000, return_to=["https://elsewhere.example/"])}}
pool = ApiUserPool(
    stack, "Users", models=["rows", "table"], clients=people, domain_prefix="page-of-a-test",
    second_factor=False, removal_policy=cdk.RemovalPolicy.DESTROY,
)
api = InferenceApi(
    stack, "Api",
    function=lambda_.Function.from_function_attributes(
        stack, "Function", function_arn={function!r}, same_environment=True
    ),
    routes=[route.path for route in ROUTES],
    authorization="cognito", clients=people, encryption_key=key, user_pool=pool,
)
ApiPage(stack, "Page", api=api, source=pathlib.Path({source!r}), encryption_key=key, user_pool=pool)
cdk.CfnOutput(stack, "ApiId", value=api.api.rest_api_id)
cdk.CfnOutput(stack, "PoolId", value=pool.pool.user_pool_id)
app.synth()
"""


@dataclass
class SignInPage:
    page: Any
    url: str

    def leave(self) -> None:
        """To where people sign in."""
        self.page.goto(self.url)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("input[name=password]").wait_for()

    def sign_in(self) -> None:
        self.leave()
        self.page.locator("input[name=username]").fill("ada")
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.locator("#send").wait_for()

    @property
    def problem(self) -> str:
        return str(self.page.locator(".problem").inner_text())


@pytest.fixture(scope="module")
def url(served: ServedApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is, in front of the models that are served already, with somebody who may sign in."""
    functions = served.hall.client("lambda").list_functions()["Functions"]
    (function,) = (
        each["FunctionArn"] for each in functions if each["Handler"] == "inference_gateway.handler.handler"
    )
    folder = tmp_path_factory.mktemp("sign-in")
    app = folder / "sign_in.py"
    app.write_text(
        _APP.format(account=served.aws.account, region=REGION, function=function, source=str(ROOT / "lambda"))
    )
    cdk = Cdk(folder, served.aws, f"{sys.executable} {app}")
    done = cdk.deploy()
    assert done.returncode == 0, done.stdout
    outputs = cdk.outputs["SignIn"]
    cognito = served.hall.client("cognito-idp")
    ada = {"UserPoolId": outputs["PoolId"], "Username": "ada"}
    cognito.admin_create_user(**ada, MessageAction="SUPPRESS", TemporaryPassword=f"First-{PASSWORD}")
    cognito.admin_set_user_password(**ada, Password=PASSWORD, Permanent=True)
    yield f"{served.aws.url}/restapis/{outputs['ApiId']}/v1/_user_request_/"
    done = cdk.run("destroy", "--force")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        with browser.chromium() as running:
            yield running
    except browser.NoBrowser as why:
        pytest.skip(f"there is no browser for the page: {why}")


@pytest.fixture
def visitor(chromium: Any, url: str) -> Iterator[SignInPage]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield SignInPage(page, url)
    context.close()
    assert faults == []


def test_a_person_signs_in_asks_a_model_and_signs_out(visitor: SignInPage) -> None:
    visitor.sign_in()
    page = visitor.page
    page.get_by_role("link", name="rows", exact=True).click()
    page.get_by_role("heading", name="rows", exact=True).wait_for()
    page.get_by_role("button", name="Send").click()

    assert json.loads(page.locator("#answer-body").inner_text()) == [3]
    assert page.url == f"{visitor.url}#rows"  # neither code nor state
    assert "authorization: $TOKEN" in page.locator("#curl").inner_text()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    assert page.url == visitor.url


def test_tokens_are_kept_in_the_page_s_memory_only(visitor: SignInPage) -> None:
    visitor.sign_in()

    kept = visitor.page.evaluate(
        "() => JSON.stringify([{...sessionStorage}, {...localStorage}, location.href])"
    )
    assert json.loads(kept)[:2] == [{}, {}]
    token = visitor.page.evaluate("() => held.token.access_token")
    assert token not in visitor.page.content()


def test_a_token_that_ends_is_renewed_without_asking_the_person(visitor: SignInPage) -> None:
    visitor.sign_in()
    visitor.page.evaluate("() => { held.token.until = 0; }")

    with visitor.page.expect_request("**/oauth2/token") as renewed:
        visitor.page.get_by_role("link", name="table", exact=True).click()

    assert "grant_type=refresh_token" in renewed.value.post_data
    visitor.page.get_by_role("heading", name="table", exact=True).wait_for()


def test_a_sign_in_that_was_not_begun_here_is_refused(visitor: SignInPage) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))

    visitor.page.goto(f"{visitor.url}?code=somebody-elses&state=guessed")

    assert "This sign-in was not begun in this tab" in visitor.problem
    assert not [each for each in asked if "oauth2" in each]


def test_a_code_that_is_not_good_is_told_of(visitor: SignInPage) -> None:
    visitor.leave()
    state = visitor.page.url.split("state=")[1].split("&")[0]

    visitor.page.goto(f"{visitor.url}?code=made-up&state={state}")

    assert "Sign in again" in visitor.problem


def test_what_the_sign_in_says_went_wrong_stays_text(visitor: SignInPage) -> None:
    visitor.leave()
    state = visitor.page.url.split("state=")[1].split("&")[0]

    visitor.page.goto(f"{visitor.url}?error=x&error_description=%3Cimg%20src%3Dx%3E&state={state}")

    assert "<img src=x>" in visitor.problem
    assert visitor.page.locator("main img").count() == 0
