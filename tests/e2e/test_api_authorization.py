"""Who may call the API: everybody in their own way, with IAM enforced, and whoever tries to get around it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from inference_gateway.routes import ROUTES, Route
from local_aws import process
from support.callers import Caller, Said, Tokens, by_the_pool, exchange, forged, parts, signed
from support.checkout import Checkout
from support.identity import ACCOUNT, EnforcingAws, Somebody, statement, trusting
from support.matrix_page import PAGE, WRITE, page_text
from support.page_examples import api_examples, run
from support.processes import free_port, left_of, processes_of
from support.waiting import AT_ONCE, eventually

BACK = "https://page.example/back"
PASSWORD = "Long-enough-for-all-7"
CSV = {"content-type": "text/csv"}
LAUNCHED = "research--launched"
"""An endpoint with the tags of a launch."""
MODELS = ("shared", "hidden", "queued", "nightly", LAUNCHED)
ABSENT = "absent"
"""A model that nobody has ever made."""
WAYS = {"shared": "invocations", "hidden": "invocations", "queued": "jobs", "nightly": "batches"}
MAY: Mapping[str, set[str]] = {
    "shop": {"shared", "queued", LAUNCHED},
    "kiosk": set(MODELS) - {LAUNCHED},
    "nobody": set(),
    "batch": {"shared", "nightly"},
    "planner": {"shared", "queued", LAUNCHED},
    "auditor": {"hidden"},
    "analysts": {"shared"},
}

FILE = f"""\
name: matrix
account: "{ACCOUNT}"
region: us-east-1
data: {{on_destroy: delete, delete_confirmed_for: matrix}}
repositories: [line]
teams: {{research: {{members: {{ada: mlops-engineer}}}}}}
models:
  shared: &answers
    team: research
    image: {{repository: line, source: workloads/line/container}}
    artifact: {{training: {{data: workloads/line/data}}}}
    endpoint: {{update: {{bake_minutes: 0}}}}
    api: {{content_types: [text/csv], example: "1"}}
  hidden: *answers
  queued: {{<<: *answers, endpoint: {{mode: asynchronous}}}}
  nightly: {{<<: *answers, endpoint: {{mode: batch}}}}
catalog:
  portfolios:
    research:
      principals: ["arn:aws:iam::{ACCOUNT}:role/newcomers"]
      products: {{model_endpoint: {{api: {{content_types: [text/csv]}}}}}}
api:
  clients:
    shop:
      authorization: api-key
      models: [shared, queued]
      launched: [research]
      requests_per_second: 100
      burst: 200
    nobody: {{authorization: api-key, requests_per_second: 100, burst: 200}}
    batch:
      authorization: iam
      principal: "arn:aws:iam::{ACCOUNT}:role/batch"
      models: [shared, nightly]
      requests_per_second: 100
      burst: 200
    planner:
      authorization: cognito
      models: [shared, queued]
      launched: [research]
      requests_per_second: 100
      burst: 200
    analysts: {{authorization: cognito, sign_in: {{return_to: ["{BACK}"]}}, models: [shared]}}
    # These go in the end.
    kiosk:
      authorization: api-key
      models: all
      requests_per_second: 100
      burst: 200
      limits: {{hidden: {{requests_per_second: 1, burst: 40}}}}
    auditor: {{authorization: cognito, models: [hidden]}}
    counted: {{authorization: api-key, models: [shared], quota: {{requests: 3, per: day}}}}
    rationed:
      authorization: cognito
      models: [shared, hidden, queued]
      requests_per_second: 100
      burst: 200
      limits:
        shared: {{quota: {{requests: 5, per: month}}}}
        queued: {{quota: {{requests: 2, per: month}}}}
  user_pool: {{second_factor: optional}}
  alarms: {{throttled: 3}}
"""
LEFT_OUT = "    # These go in the end.\n"
ADDED = f"""\
    late: {{authorization: api-key, models: [hidden]}}
    reports: {{authorization: iam, principal: "arn:aws:iam::{ACCOUNT}:role/reports", models: [shared]}}
"""
DOMAIN = f"""\
  domain:
    name: models.example.com
    certificate: arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0b5d2a1c-7f5e-4d0a-9f6b-3a2c1d0e4f5a
"""


@dataclass(frozen=True)
class World:
    """The deployed environment, and everybody who calls its API."""

    checkout: Checkout
    aws: EnforcingAws

    def changed_to(self, text: str) -> World:
        """The same place with another file."""
        (self.checkout.root / "environments" / "matrix.yaml").write_text(text)
        done = self.checkout("deploy", "matrix", timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        return World(self.checkout, self.aws)

    def launch(self) -> None:
        """Serves what a model of the file serves as a launch would."""
        sagemaker = self.aws.client("sagemaker")
        shared = sagemaker.describe_endpoint(EndpointName="clary-matrix-shared")
        tags = {
            "clary:environment": "matrix",
            "clary:team": "research",
            "clary:owner": "service-catalog",
            "clary:content-type": "text/csv",
        }
        sagemaker.create_endpoint(
            EndpointName=LAUNCHED,
            EndpointConfigName=shared["EndpointConfigName"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=LAUNCHED, WaiterConfig=AT_ONCE)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        done = self.checkout("outputs", "--json", "-e", "matrix")
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def front(self, way: str, **headers: str) -> Caller:
        return Caller(self.outputs["apis"][way]["url"], self.aws.ca, headers)

    def key(self, client: str) -> str:
        return str(self.outputs["apis"]["api-key"]["api_keys"][client])

    def app(self, client: str) -> dict[str, str]:
        found: dict[str, str] = self.outputs["apis"]["cognito"]["clients"][client]
        return found

    @property
    def pool(self) -> str:
        return str(self.outputs["apis"]["cognito"]["user_pool_id"])

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.aws.url, self.aws.ca)

    @cached_property
    def program_token(self) -> str:
        return self.tokens.program(self.app("planner"))

    @cached_property
    def signer(self) -> Somebody:
        """A session of the role that the client `batch` is."""
        self.aws.client("iam").create_role(
            RoleName="batch", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT})
        )
        return self.aws.session(f"arn:aws:iam::{ACCOUNT}:role/batch")

    @cached_property
    def people(self) -> dict[str, dict[str, str]]:
        """The tokens of ada, who is an analyst, of emmy, who is one, too, and of eve, who is none."""
        cognito = self.aws.client("cognito-idp")
        found = {}
        for name in ("ada", "emmy", "eve"):
            user = {"UserPoolId": self.pool, "Username": name}
            cognito.admin_create_user(**user, TemporaryPassword=PASSWORD + "t", MessageAction="SUPPRESS")
            cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
            if name != "eve":
                cognito.admin_add_user_to_group(**user, GroupName="analysts")
            found[name] = self.sign_in(name, "openid", "models/shared")
        return found

    def sign_in(self, name: str, *scopes: str) -> dict[str, str]:
        return self.tokens.person(self.app("analysts")["client_id"], name, PASSWORD, BACK, *scopes)

    def with_token(self, token: str) -> Caller:
        return self.front("cognito", authorization=f"Bearer {token}")

    @cached_property
    def callers(self) -> dict[str, Caller]:
        return {
            **{name: self.front("api-key", **{"x-api-key": self.key(name)}) for name in KEYS},
            "batch": replace(self.front("iam"), signing=self.signer),
            "planner": self.with_token(self.program_token),
            "auditor": self.with_token(self.tokens.program(self.app("auditor"))),
            "analysts": self.with_token(self.people["ada"]["access_token"]),
        }


KEYS = ("shop", "kiosk", "nobody")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("matrix")
    checkout = Checkout.made(folder / "repository", folder / "state", free_port())
    (checkout.root / "environments" / "matrix.yaml").write_text(FILE)
    started = checkout("local", "start", "--port", str(checkout.port), "--enforce-iam")
    assert started.returncode == 0, started.stdout + started.stderr
    running = process.running(checkout.state)
    assert running is not None
    assert running.ca is not None
    made = World(checkout, EnforcingAws(running.url, running.ca, checkout.state))
    trust = trusting({"AWS": ACCOUNT})
    made.aws.client("iam").create_role(RoleName="newcomers", AssumeRolePolicyDocument=trust)
    deployed = checkout("deploy", "matrix", timeout=900)
    if deployed.returncode == 0:
        made.launch()
    yield made if deployed.returncode == 0 else pytest.fail(deployed.stdout + deployed.stderr)
    checkout("local", "stop")
    assert left_of(processes_of(checkout.state)) == []


def path_of(route: Route, model: str) -> str:
    return re.sub(r"\{(job|batch)\}", "0" * 32, route.path.replace("{model}", model))


def ask(caller: Caller, model: str) -> Said:
    """Asks a model in its own way."""
    return caller("POST", f"/models/{model}/{WAYS.get(model, 'invocations')}", b"1\n", CSV)


def told(said: Said, *names: str) -> tuple[int, Mapping[str, str], bytes]:
    """An answer without what is another one each time, and without the name that was asked for."""
    changing = (
        "date",
        "x-request-id",
        "x-amz-request-id",
        "x-amzn-requestid",
        "x-amz-apigw-id",
        "x-amzn-trace-id",
    )
    headers = {name: value for name, value in said.headers.items() if name not in changing}
    ids = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    return said.status, headers, re.sub(ids, "ID", said.body.decode()).encode()


@pytest.fixture(scope="module")
def matrix(world: World) -> dict[str, dict[str, tuple[int, int]]]:
    """Of each client and model, how its description and its prediction are answered."""
    return {
        name: {
            model: (caller("GET", f"/models/{model}").status, ask(caller, model).status)
            for model in (*MODELS, ABSENT)
        }
        for name, caller in world.callers.items()
    }


def test_each_client_gets_its_own_models_and_no_others(
    matrix: Mapping[str, Mapping[str, tuple[int, int]]],
) -> None:
    later = {"queued", "nightly"}

    assert matrix == {
        client: {
            model: (200, 202 if model in later else 200) if model in MAY[client] else (404, 404)
            for model in (*MODELS, ABSENT)
        }
        for client in MAY
    }


def test_the_pages_table_is_what_was_seen(matrix: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
    head = ["Client", *(f"`{model}`" for model in (*MODELS, ABSENT))]
    rows = [
        [f"`{client}`", *(f"{described}, {asked}" for described, asked in answers.values())]
        for client, answers in matrix.items()
    ]
    refused = [
        *([what[0].upper() + what[1:], "401"] for what in TOKENS),
        *([what[0].upper() + what[1:], "403"] for what in (*KEY_TRICKS, *FORGERIES)),
    ]
    tables = {"matrix": (head, rows), "refused": (["What was sent", "Status"], refused)}
    text = page_text(PAGE.read_text(), tables)

    if WRITE:
        PAGE.write_text(text)
    assert PAGE.read_text() == text


@pytest.mark.parametrize("client", MAY)
def test_a_model_that_is_not_ones_own_is_as_one_that_is_not_there(world: World, client: str) -> None:
    caller = world.callers[client]
    hidden = set(MODELS) - MAY[client]
    asked = [
        (verb, route, headers)
        for route in ROUTES
        if "{model}" in route.path
        for verb in (route.method, "PUT")
        for headers in (CSV, {"content-type": "image/png", "idempotency-key": "x" * 300})
    ]

    different = [
        (verb, route.path, model)
        for model in hidden
        for verb, route, headers in asked
        if told(caller(verb, path_of(route, model), b"1\n", headers))
        != told(caller(verb, path_of(route, ABSENT), b"1\n", headers))
    ]

    assert different == []


@pytest.mark.parametrize("client", MAY)
def test_what_is_listed_and_described_is_ones_own(world: World, client: str) -> None:
    caller = world.callers[client]

    listed = {each["name"] for each in caller("GET", "/models").json["models"]}
    document = caller("GET", "/openapi.json").json

    described = {path.split("/")[2] for path in document["paths"] if path.startswith("/models/")}
    assert (listed, described) == (MAY[client], MAY[client])
    assert not [model for model in set(MODELS) - MAY[client] if model in json.dumps(document)]


def test_a_job_is_whose_it_is(world: World) -> None:
    job = ask(world.callers["shop"], "queued").json["job"]
    path = f"/models/queued/jobs/{job}"
    none = f"/models/queued/jobs/{'0' * len(job)}"

    others = [world.callers[name] for name in ("kiosk", "planner")]

    for verb in ("GET", "POST", "DELETE"):
        assert [told(other(verb, path)) == told(other(verb, none)) for other in others] == [True, True]
    assert [other("GET", path).status for other in others] == [404, 404]
    assert world.callers["shop"]("GET", path).status == 200


def test_one_idempotency_key_of_two_callers_is_two_jobs(world: World) -> None:
    once = {**CSV, "idempotency-key": "order-1"}
    callers = [world.callers[name] for name in ("shop", "planner", "shop")]

    jobs = [caller("POST", "/models/queued/jobs", b"1\n", once).json["job"] for caller in callers]

    assert jobs[0] == jobs[2]
    assert jobs[0] != jobs[1]


def test_people_are_let_in_by_their_group(world: World) -> None:
    emmy, eve = (world.with_token(world.people[name]["access_token"]) for name in ("emmy", "eve"))

    assert ask(emmy, "shared").status == 200
    said = eve("GET", "/models")
    assert (said.status, said.kind) == (403, "forbidden")


def test_the_logs_say_who_asked_and_not_what(world: World) -> None:
    secret = b"3.141592653589793\n"
    for name in ("shop", "batch", "planner"):
        said = world.callers[name]("POST", "/models/shared/invocations", secret, CSV)
    logs = world.aws.client("logs")
    lines: list[str] = []

    def logged() -> bool:
        groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
        lines[:] = [
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group)["events"]
        ]
        return sum(str(said.headers["x-request-id"]) in line for line in lines) >= 2

    eventually(logged)
    everything = "\n".join(lines)
    unsaid = [secret.decode().strip(), world.key("shop"), world.program_token, str(world.signer.token)]
    assert [each for each in unsaid if each in everything] == []
    assert f'"app": "{world.app("planner")["client_id"]}"' in everything
    assert ":assumed-role/batch/" in everything


# --- who tries to get around it ---------------------------------------------------------------------


def _tampered(token: str) -> str:
    header, claims = parts(token)
    signature = base64.urlsafe_b64decode(token.split(".")[2] + "==")
    return forged(header, {**claims, "scope": "models/hidden"}, signature)


def _of_another_pool(world: World) -> str:
    """Of one with the same scopes, in the same account."""
    cognito = world.aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    cognito.create_resource_server(
        UserPoolId=pool,
        Identifier="models",
        Name="models",
        Scopes=[{"ScopeName": "shared", "ScopeDescription": "to ask it"}],
    )
    app = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="thief",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["models/shared"],
    )["UserPoolClient"]
    return world.tokens.program({"client_id": app["ClientId"], "client_secret": app["ClientSecret"]})


def _expired(world: World) -> str:
    header, claims = parts(world.program_token)
    (key,) = world.checkout.state.rglob(f"{world.pool}-access.pem")
    return by_the_pool(key, header, {**claims, "iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600})


def _unsigned(world: World) -> str:
    header, claims = parts(world.program_token)
    return forged({**header, "alg": "none"}, claims)


def _signed_with_a_public_secret(world: World) -> str:
    """HS256 with something that everybody knows, where RS256 is meant."""
    header, claims = parts(world.program_token)
    text = forged({**header, "alg": "HS256"}, claims).rpartition(".")[0]
    return forged(
        {**header, "alg": "HS256"}, claims, hmac.digest(world.pool.encode(), text.encode(), hashlib.sha256)
    )


TOKENS: Mapping[str, Callable[[World], str]] = {
    "no token": lambda _: "",
    "a word": lambda _: "nonsense",
    "an ID token": lambda world: world.people["ada"]["id_token"],
    "a token for no model": lambda world: world.sign_in("ada", "openid")["access_token"],
    "a token whose scope was changed": lambda world: _tampered(world.program_token),
    "a token of another pool": _of_another_pool,
    "an expired token": _expired,
    "an unsigned token (alg none)": _unsigned,
    "a token signed with a word (HS256)": _signed_with_a_public_secret,
    "an API key for a token": lambda world: world.key("kiosk"),
}


@pytest.mark.parametrize("what", TOKENS)
def test_a_wrong_token_is_refused(world: World, what: str) -> None:
    caller = world.with_token(TOKENS[what](world))

    answers = [caller("GET", "/models"), ask(caller, "shared"), ask(caller, ABSENT)]

    assert [said.status for said in answers] == [401] * 3
    assert {said.kind for said in answers} == {"forbidden"}


def test_the_forger_of_expired_tokens_can_sign(world: World) -> None:
    """What is refused above is refused for its time."""
    header, claims = parts(world.program_token)
    (key,) = world.checkout.state.rglob(f"{world.pool}-access.pem")

    assert ask(world.with_token(by_the_pool(key, header, claims)), "shared").status == 200


def test_the_page_shows_how_to_get_a_token(world: World) -> None:
    program = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    front = world.outputs["apis"]["cognito"]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "API_URL": front["url"],
            "TOKEN_URL": front["token_url"],
            "CLIENT_ID": world.app("planner")["client_id"],
            "CLIENT_SECRET": world.app("planner")["client_secret"],
            "MODEL": "shared",
            "SSL_CERT_FILE": str(world.aws.ca),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("in-service\n", 0), done.stderr


_, OTHER_EXAMPLES = api_examples()


def test_every_example_of_a_signature_or_a_token_is_run() -> None:
    assert [language for language, _ in OTHER_EXAMPLES] == ["python", "sh", "python", "sh", "js"]


@pytest.mark.parametrize("number", range(5))
def test_the_callers_page_shows_how_to_sign_and_how_to_show_a_token(
    world: World, tmp_path: Path, number: int
) -> None:
    ca, apis = str(world.aws.ca), world.outputs["apis"]
    environment = {"MODEL": "shared", "SSL_CERT_FILE": ca, "CURL_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca}
    if number < 2:
        environment |= {
            "API_URL": apis["iam"]["url"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": world.signer.access_key,
            "AWS_SECRET_ACCESS_KEY": world.signer.secret,
            "AWS_SESSION_TOKEN": str(world.signer.token),
        }
    else:
        environment |= {
            "API_URL": apis["cognito"]["url"],
            "TOKEN_URL": apis["cognito"]["token_url"],
            "CLIENT_ID": world.app("planner")["client_id"],
            "CLIENT_SECRET": world.app("planner")["client_secret"],
        }

    said = run(OTHER_EXAMPLES[number], environment, tmp_path)

    assert float(said) == float(ask(world.callers["planner"], "shared").body)


def test_a_scope_of_one_model_is_for_no_other(world: World) -> None:
    caller = world.with_token(world.tokens.program(world.app("planner"), "shared"))

    assert ask(caller, "shared").status == 200
    assert told(caller("GET", "/models/queued")) == told(caller("GET", f"/models/{ABSENT}"))
    assert [each["name"] for each in caller("GET", "/models").json["models"]] == ["shared"]


def test_a_scope_of_a_teams_launches_is_for_no_model_of_the_file(world: World) -> None:
    caller = world.with_token(world.tokens.program(world.app("planner"), "launched/research"))

    assert ask(caller, LAUNCHED).status == 200
    assert told(caller("GET", "/models/shared")) == told(caller("GET", f"/models/{ABSENT}"))
    assert [each["name"] for each in caller("GET", "/models").json["models"]] == [LAUNCHED]


KEY_TRICKS: Mapping[str, Callable[[World], Caller]] = {
    "no key": lambda world: world.front("api-key"),
    "a made-up key": lambda world: _keyed(world, "a" * 40),
    "the id of a key": lambda world: _keyed(world, _key_id(world, "kiosk")),
    "a key in another case": lambda world: _keyed(world, world.key("kiosk").upper()),
    "two keys": lambda world: _keyed(world, f"{world.key('nobody')}, {world.key('kiosk')}"),
    "a key as a token": lambda world: world.front("api-key", authorization=world.key("kiosk")),
    "a key where signatures are asked for": lambda world: _keyed(world, world.key("kiosk"), "iam"),
    "a token where keys are asked for": lambda world: world.front(
        "api-key", authorization=f"Bearer {world.program_token}"
    ),
    "a token where signatures are asked for": lambda world: world.front(
        "iam", authorization=f"Bearer {world.program_token}"
    ),
}


def _keyed(world: World, key: str, way: str = "api-key") -> Caller:
    return world.front(way, **{"x-api-key": key})


def _key_id(world: World, client: str) -> str:
    keys = world.aws.client("apigateway").get_api_keys(includeValues=True)["items"]
    return next(str(key["id"]) for key in keys if key["value"] == world.key(client))


@pytest.mark.parametrize("what", KEY_TRICKS)
def test_a_wrong_key_is_refused(world: World, what: str) -> None:
    caller = KEY_TRICKS[what](world)

    answers = [caller("GET", "/models"), ask(caller, "hidden"), ask(caller, ABSENT)]

    assert [said.status for said in answers] == [403] * 3, answers


def test_a_key_in_the_address_is_none(world: World) -> None:
    assert world.front("api-key")("GET", f"/models?x-api-key={world.key('kiosk')}").status == 403


Forgery = Callable[[World, str], Said]


def _sent(
    world: World,
    path: str,
    *,
    who: Somebody | None = None,
    sent_path: str | None = None,
    sent_method: str = "POST",
    sent_body: bytes = b"1\n",
    headers: Mapping[str, str] | None = None,
    **place: str,
) -> Said:
    """Signs one request, and sends another one."""
    front = world.outputs["apis"]["iam"]["url"]
    given = signed(who or world.signer, "POST", front + path, b"1\n", {**CSV, **(headers or {})}, **place)
    return exchange(front + (sent_path or path), world.aws.ca, sent_method, sent_body, given)


def _replayed(world: World, path: str) -> Said:
    """What was taken down twenty minutes ago, byte by byte."""
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: then)
        return _sent(world, path)


def _stranger(world: World) -> Somebody:
    """Somebody of this account who may call every API, by their own rights."""
    return world.aws.somebody(statement("execute-api:Invoke"))


def _thief(world: World) -> Somebody:
    return replace(world.signer, secret="guessed")


FORGERIES: Mapping[str, Forgery] = {
    "no signature": lambda world, path: world.front("iam")("POST", path, b"1\n", CSV),
    "a signature of twenty minutes ago": _replayed,
    "another body than the signed one": lambda world, path: _sent(world, path, sent_body=b"2\n"),
    "another path than the signed one": lambda world, path: _sent(world, "/models/shared", sent_path=path),
    "another method than the signed one": lambda world, path: _sent(world, path, sent_method="GET"),
    "a parameter that was not signed": lambda world, path: _sent(world, path, sent_path=path + "?target=x"),
    "a signature for another region": lambda world, path: _sent(world, path, region="eu-west-1"),
    "a signature for another service": lambda world, path: _sent(world, path, service="sagemaker"),
    "a key id with a guessed secret": lambda world, path: _sent(world, path, who=_thief(world)),
    "a session without its token": lambda world, path: _sent(
        world, path, who=replace(world.signer, token=None)
    ),
    "somebody of the account with rights of their own": lambda world, path: _sent(
        world, path, who=_stranger(world)
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_wrong_signature_is_refused(world: World, what: str) -> None:
    own, hidden, absent = (
        FORGERIES[what](world, f"/models/{model}/invocations") for model in ("shared", "hidden", ABSENT)
    )

    assert [said.status for said in (own, hidden, absent)] == [403] * 3, own
    assert told(hidden) == told(absent)


PATHS = [
    "/models/%2e%2e/models/hidden", "/models/../models/hidden", "/models/shared/../hidden",
    "/models/shared/%2e%2e/hidden", "/models/shared%2f..%2fhidden", "/models/shared/..;/hidden",
    "/models/HIDDEN", "/Models/hidden", "//models/hidden", "/models//hidden", "/models/./hidden",
    "/models/hidden/", "/models/hidden//", "/models/%68idden", "/models/%2568idden", "/models/h%69dden/",
    "/models/hidden%20", "/models/%20hidden", "/models/hidden%00", "/models/hidden%0a", "/models/hidden;a=b",
    "/models/hidden%3f", "/models/hidden%23", "/models/hidden?model=shared", "/models/shared?model=hidden",
    "/models/%EF%BD%88idden", "/models/hidden.json", "/models/{model}", "/models/%7Bmodel%7D", "/models/*",
    "/models/shared%5c..%5chidden", "/v1/models/hidden", "/models/%c0%ae%c0%ae/hidden",
]  # fmt: skip


@pytest.mark.parametrize("client", ["shop", "planner"])
@pytest.mark.parametrize("path", PATHS)
def test_no_way_of_writing_a_path_leads_to_a_hidden_model(world: World, client: str, path: str) -> None:
    caller, (before, mark, query) = world.callers[client], path.partition("?")

    answers = [
        caller("GET", path),
        caller("POST", f"{before.rstrip('/')}/invocations{mark}{query}", b"1\n", CSV),
    ]

    for said in answers:
        own = b'"shared"' in said.body or path.startswith("/models/shared?")
        assert own or said.status in (400, 403, 404), said
        assert b"clary-matrix" not in said.body
        assert b"hidden" not in said.body


SMUGGLED: list[Mapping[str, str]] = [
    {"x-http-method-override": "POST", "x-method-override": "POST", "x-http-method": "POST"},
    {"x-original-url": "/models/hidden", "x-rewrite-url": "/models/hidden"},
    {"x-forwarded-path": "/models/hidden", "x-forwarded-prefix": "/models/hidden"},
    {"x-amzn-apigateway-api-id": "1", "x-amz-user-arn": f"arn:aws:iam::{ACCOUNT}:root"},
    {"x-amzn-oidc-identity": "auditor", "x-client-id": "auditor", "x-scope": "models/hidden"},
    {
        "authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261120/us-east-1/execute-api/aws4_request,"
        " SignedHeaders=host, Signature=00",
        "x-amz-date": "20261120T000000Z",
    },
    {"content-type": 'text/csv; model="hidden"', "accept": "models/hidden"},
]


@pytest.mark.parametrize("headers", SMUGGLED, ids=lambda headers: next(iter(headers)))
def test_no_header_makes_somebody_else_of_a_caller(world: World, headers: Mapping[str, str]) -> None:
    caller = world.callers["shop"]

    said = [caller("GET", "/models/hidden", b"", headers), caller("GET", "/models", b"", headers)]

    assert said[0].status == 404
    assert {each["name"] for each in said[1].json["models"]} == MAY["shop"]


def test_a_method_is_the_one_that_is_sent(world: World) -> None:
    override = {**CSV, "x-http-method-override": "POST", "x-method-override": "POST"}

    said = world.callers["shop"]("GET", "/models/shared/invocations?_method=POST", b"1\n", override)

    assert (said.status, said.kind) == (405, "method-not-allowed")


# --- how much ---------------------------------------------------------------------------------------


def test_a_quota_ends(world: World) -> None:
    caller = world.front("api-key", **{"x-api-key": world.key("counted")})

    statuses = [caller("GET", "/models").status for _ in range(4)]
    said = caller("GET", "/models")

    assert statuses == [200, 200, 200, 429]
    assert (said.kind, said.headers["retry-after"]) == ("quota-used-up", "3600")


@pytest.fixture(scope="module")
def rationed(world: World) -> Caller:
    """May ask `shared` five times a month and `queued` twice, and comes with a token: without a key."""
    return world.with_token(world.tokens.program(world.app("rationed")))


def test_a_models_own_quota_ends_exactly_though_all_ask_at_once(world: World, rationed: Caller) -> None:
    refused = [rationed("POST", "/models/shared/invocations", b"1\n", {"content-type": "image/png"})]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(rationed, "shared"), range(24)))

    assert refused[0].status == 415
    assert sorted(said.status for said in answers) == [200] * 5 + [429] * 19
    said = next(said for said in answers if said.status == 429)
    assert (said.kind, said.json["quota"]) == ("quota-used-up", {"requests": 5, "per": "month"})
    assert 0 < int(said.headers["retry-after"]) <= 31 * 86400
    assert rationed("GET", "/models/shared").json["quota"] == {"requests": 5, "per": "month"}
    assert (ask(rationed, "hidden").status, ask(world.callers["planner"], "shared").status) == (200, 200)


def test_a_job_counts_once_however_often_its_key_comes(rationed: Caller) -> None:
    def job(key: str) -> int:
        return rationed("POST", "/models/queued/jobs", b"1\n", {**CSV, "idempotency-key": key}).status

    assert [job(key) for key in ("one", "one", "two", "two", "three", "one")] == [
        202,
        202,
        202,
        202,
        429,
        202,
    ]


def test_what_cannot_be_counted_is_not_asked_and_somebody_is_told(world: World, rationed: Caller) -> None:
    dynamodb, cloudwatch = (world.aws.client(service) for service in ("dynamodb", "cloudwatch"))
    (table,) = [name for name in dynamodb.list_tables()["TableNames"] if "gateway" in name]
    made = dynamodb.describe_table(TableName=table)["Table"]
    dynamodb.delete_table(TableName=table)

    said, other = ask(rationed, "shared"), ask(world.callers["planner"], "shared")

    def told() -> bool:
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        (alarm,) = [each for each in alarms if "cannot be counted" in each["AlarmDescription"]]
        return bool(alarm["StateValue"] == "ALARM")

    try:
        assert (said.status, said.kind, said.headers["retry-after"]) == (503, "not-counted", "5")
        assert other.status == 200
        eventually(told, 120)
    finally:
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            **{name: made[name] for name in ("AttributeDefinitions", "KeySchema")},
        )


def test_somebody_is_told_when_clients_are_sent_away(world: World) -> None:
    caller = world.front("api-key", **{"x-api-key": world.key("counted")})
    cloudwatch = world.aws.client("cloudwatch")

    def state() -> list[str]:
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        return [each["StateValue"] for each in alarms if "api-key: clients are" in each["AlarmDescription"]]

    def told() -> bool:
        assert caller("GET", "/models").status in (200, 429)
        return state() == ["ALARM"]

    eventually(told, 120)


def test_a_models_own_limit_holds_however_its_name_is_written(world: World) -> None:
    caller = world.callers["kiosk"]
    names = ("hidden", "%68idden", "hidde%6e")

    began = time.monotonic()
    statuses = [ask(caller, names[number % 3]).status for number in range(120)]
    burst_and_since = 40 + 1 * (time.monotonic() - began)
    others = ask(caller, "shared").status, caller("GET", "/models/hidden").status

    assert 429 in statuses
    assert set(statuses) <= {200, 404, 429}
    assert statuses.count(200) <= burst_and_since + 1
    assert others == (200, 200)


# --- another file: last, because it changes who there is ---------------------------------------------


AFTERWARDS = (
    FILE.partition(LEFT_OUT)[0].replace("api:\n  clients:", f"api:\n  metered: true\n{DOMAIN}  clients:")
    + ADDED
    + "  user_pool: {second_factor: optional}\n"
)


@pytest.fixture(scope="module")
def afterwards(world: World) -> World:
    """Some clients are gone, others came, everybody is counted, and the API has a name of its own."""
    assert world.callers  # as they were before
    return world.changed_to(AFTERWARDS)


def test_a_client_that_goes_leaves_no_right(world: World, afterwards: World) -> None:
    statuses = {name: ask(caller, "shared").status for name, caller in world.callers.items()}

    assert {name: statuses[name] for name in ("kiosk", "auditor")} == {"kiosk": 403, "auditor": 401}
    assert afterwards.outputs["apis"]["cognito"]["clients"].keys() == {"planner", "analysts"}


def test_a_client_that_comes_leaves_the_others_their_keys(world: World, afterwards: World) -> None:
    late = _keyed(afterwards, afterwards.key("late"))

    assert (ask(late, "hidden").status, ask(late, "shared").status) == (200, 404)
    assert [afterwards.key(name) for name in ("shop", "nobody")] == [world.key("shop"), world.key("nobody")]
    assert ask(world.callers["shop"], "shared").status == 200


@pytest.mark.parametrize(("client", "other"), [("batch", "reports"), ("planner", "analysts")])
def test_who_is_counted_shows_a_key_of_ones_own(
    world: World, afterwards: World, client: str, other: str
) -> None:
    caller = world.callers[client]
    keys = {
        name: key
        for way in ("api-key", "iam", "cognito")
        for name, key in afterwards.outputs["apis"][way]["api_keys"].items()
    }

    answers = {
        name: ask(caller.with_(**{"x-api-key": keys[name]}), "shared") for name in (client, other, "shop")
    }

    assert {name: said.status for name, said in answers.items()} == {client: 200, other: 403, "shop": 403}
    assert ask(caller, "shared").status == 403
    assert ask(caller.with_(**{"x-api-key": keys[client]}), "hidden").status == 404


def test_the_api_answers_by_its_own_name(afterwards: World) -> None:
    there = {"Host": "models.example.com", "x-api-key": afterwards.key("shop")}

    said = exchange(f"{afterwards.aws.url}/api-key/models", afterwards.aws.ca, "GET", headers=there)

    assert {each["name"] for each in said.json["models"]} == MAY["shop"]


def test_a_private_api_answers_nobody_outside_of_the_vpc(world: World, afterwards: World) -> None:
    callers = [world.callers[name] for name in ("shop", "batch", "planner")]

    afterwards.changed_to(AFTERWARDS.replace(DOMAIN, "  access: private\n").replace("metered: true", ""))

    assert [ask(caller, "shared").status for caller in callers] == [403] * 3
