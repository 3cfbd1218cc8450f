"""Clients of the API in an environment file: what fits, and what is told of what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment

HEAD = """\
name: dev
account: "111122223333"
region: eu-west-1
teams: {research: {members: {ada: data-scientist}}}
repositories: [housing]
models:
  housing: &model {team: research, image: {repository: housing, tag: "1"}, artifact: {key: research/m.tar.gz}}
"""
OFFERED = """\
catalog:
  portfolios:
    research:
      principals: ["arn:aws:iam::111122223333:role/newcomers"]
      products: {model_endpoint: {api: {content_types: [text/csv]}}}
"""
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0b5d2a1c-7f5e-4d0a-9f6b-3a2c1d0e4f5a"


def read(folder: Path, text: str) -> Environment:
    file = folder / "dev.yaml"
    file.write_text(HEAD + text)
    return load(file)


def test_a_client_may_ask_no_model_by_default(tmp_path: Path) -> None:
    client = read(tmp_path, "api: {clients: {shop: {authorization: api-key}}}\n").api.clients["shop"]

    assert not client.may_ask("housing")


@pytest.mark.parametrize("models", ["all", "[housing]"])
def test_a_client_may_ask_what_is_listed(tmp_path: Path, models: str) -> None:
    text = f"api: {{clients: {{shop: {{authorization: api-key, models: {models}}}}}}}\n"

    assert read(tmp_path, text).api.clients["shop"].may_ask("housing")


def test_all_models_are_not_those_that_people_launch(tmp_path: Path) -> None:
    clients = (
        "{shop: {authorization: api-key, models: all}, lab: {authorization: cognito, launched: [research]}}"
    )

    found = read(tmp_path, f"{OFFERED}api: {{clients: {clients}}}\n").api.clients

    assert (found["shop"].launched, found["lab"].launched) == ((), ("research",))


def test_there_is_an_api_for_launched_models_alone(tmp_path: Path) -> None:
    file = tmp_path / "dev.yaml"
    no_models = HEAD.partition("repositories")[0]

    file.write_text(no_models + OFFERED)
    with_routes = load(file)
    file.write_text(no_models + OFFERED.replace("api: {content_types: [text/csv]}", ""))

    assert with_routes.has_api
    assert not load(file).has_api


def test_a_metered_api_counts_everybody(tmp_path: Path) -> None:
    text = (
        "api:\n  metered: true\n  clients:\n"
        "    planner: {authorization: cognito, models: [housing], quota: {requests: 5, per: day}}\n"
    )

    assert read(tmp_path, text).api.clients["planner"].is_counted


def test_a_quota_of_a_model_needs_no_key(tmp_path: Path) -> None:
    text = (
        "api:\n  clients:\n"
        "    planner: {authorization: cognito, models: [housing], limits: {housing: {quota: "
        "{requests: 5, per: day}}}}\n"
    )

    api = read(tmp_path, text).api

    assert api.has_model_quotas
    assert not api.clients["planner"].is_counted
    assert api.clients["planner"].rated_models == []


def test_no_api_counts_by_default(tmp_path: Path) -> None:
    text = "api: {clients: {shop: {authorization: api-key, quota: {requests: 5, per: day}}}}\n"

    assert not read(tmp_path, text).api.has_model_quotas


def test_an_api_with_a_name_and_one_for_the_vpc_fit(tmp_path: Path) -> None:
    zone = "hosted_zone: {id: Z0123456789, name: example.com}"
    named = f"api: {{domain: {{name: models.example.com, certificate: '{CERTIFICATE}', {zone}}}}}\n"

    assert read(tmp_path, named).api.domain is not None
    assert read(tmp_path, "api: {access: private}\n").api.access == "private"


CLIENT = "api:\n  clients:\n    shop:\n"
BROKEN = {
    "a model that is not there": (
        CLIENT + "      {authorization: api-key, models: [hosing]}\n",
        "11:41",
        ("models[0]", "no model 'hosing', did you mean 'housing'?"),
    ),
    "limits of a model that is not listed": (
        CLIENT + "      {authorization: api-key, limits: {housing: {requests_per_second: 1, burst: 1}}}\n",
        "11:41",
        ("'housing' is not among its 'models'", "add it there"),
    ),
    "limits of a model that is not there": (
        CLIENT
        + "      {authorization: api-key, models: all, limits: {a: {requests_per_second: 1, burst: 1}}}\n",
        "11:54",
        ("no model 'a'",),
    ),
    "limits that limit nothing": (
        CLIENT + "      {authorization: api-key, models: all, limits: {housing: {}}}\n",
        "11:54",
        ("limits nothing, give 'requests_per_second' and 'burst', or a 'quota'",),
    ),
    "a rate without a burst": (
        CLIENT + "      {authorization: api-key, models: all, limits: {housing: {requests_per_second: 1}}}\n",
        "11:85",
        ("goes together with 'burst', give both or none",),
    ),
    "a burst without a rate": (
        CLIENT + "      {authorization: api-key, models: all, limits: {housing: {burst: 1}}}\n",
        "11:71",
        ("goes together with 'requests_per_second'",),
    ),
    "a rate of a model for who has no key": (
        CLIENT
        + "      {authorization: cognito, models: all, limits:"
        + " {housing: {requests_per_second: 1, burst: 1}}}\n",
        "11:85",
        ("goes by key", "'cognito' clients have none"),
    ),
    "launched models of a team that there is not": (
        CLIENT + "      {authorization: api-key, launched: [reserch]}\n",
        "11:43",
        ("launched[0]: no team 'reserch', did you mean 'research'?",),
    ),
    "launched models of a team whose launches have no routes": (
        CLIENT + "      {authorization: api-key, launched: [research]}\n",
        "11:43",
        ("leads to no launched models of 'research'", "give its 'model_endpoint' below 'catalog' an 'api'"),
    ),
    "a single launched model": (
        CLIENT + "      {authorization: api-key, models: [research--churn]}\n",
        "11:41",
        ("'research--churn' is a model that somebody launches, name its team in the client's 'launched'",),
    ),
    "limits of a launched model": (
        CLIENT
        + "      {authorization: api-key, limits: {research--churn: {requests_per_second: 1, burst: 1}}}\n",
        "11:41",
        ("limits.research--churn", "is a model that somebody launches", "neither rights nor limits"),
    ),
    "a model that is no list": (
        CLIENT + "      {authorization: api-key, models: housing}\n",
        "11:40",
        ("models: 'housing' does not fit, give a list in brackets, each item a model's name",),
    ),
    "a model that is called all": (
        "  all: *model\n",
        "8:3",
        ("'all' stands for every model", "rename it"),
    ),
    "tokens for nothing": (
        CLIENT + "      authorization: cognito\n",
        "11:22",
        ("'cognito' gives tokens for models", "list at least one"),
    ),
    "people with a key": (
        CLIENT + "      authorization: api-key\n      sign_in: {return_to: ['https://shop.example/']}\n",
        "12:7",
        ("goes with 'authorization: cognito' only",),
    ),
    "a page over plain HTTP": (
        CLIENT
        + "      {authorization: cognito, models: all, sign_in: {return_to: ['http://shop.example/']}}\n",
        "11:67",
        ("'http://shop.example/' does not fit", "the address of a page, with https"),
    ),
    "a quota of signed requests": (
        CLIENT
        + "      authorization: iam\n      principal: arn:aws:iam::111122223333:role/shop\n"
        + "      quota: {requests: 5, per: day}\n",
        "13:7",
        ("goes by key", "give 'metered: true' below 'api'"),
    ),
    "no such period": (
        CLIENT + "      {authorization: api-key, quota: {requests: 5, per: year}}\n",
        "11:58",
        ("'year' does not exist", "day, week, month"),
    ),
    "endpoints of a public API": (
        "api: {vpc_endpoints: [vpce-0a1b2c3d]}\n",
        "8:7",
        ("go with 'access: private' only",),
    ),
    "a private API in somebody else's VPC": (
        "network:\n  vpc: {id: vpc-0a1b2c3d, cidr: 10.0.0.0/16, subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e],"
        " availability_zones: [eu-west-1a, eu-west-1b]}\n"
        "api: {access: private}\n",
        "10:15",
        ("'private' needs an endpoint of execute-api", "name it in 'vpc_endpoints'"),
    ),
    "a private API with a name": (
        f"api: {{access: private, domain: {{name: models.example.com, certificate: '{CERTIFICATE}'}}}}\n",
        "8:24",
        ("goes with 'access: public' only",),
    ),
    "a certificate of another region": (
        "api: {domain: {name: models.example.com, certificate: '"
        + CERTIFICATE.replace("eu-west-1", "us-east-1")
        + "'}}\n",
        "8:55",
        ("is of 111122223333 in us-east-1", "give one of 111122223333 in eu-west-1"),
    ),
    "a zone of another name": (
        f"api: {{domain: {{name: models.example.com, certificate: '{CERTIFICATE}',"
        " hosted_zone: {id: Z1, name: example.org}}}\n",
        "8:170",
        ("'example.org' is no zone of 'models.example.com'",),
    ),
    "a prefix that Cognito keeps": (
        "api: {user_pool: {domain_prefix: my-cognito}}\n",
        "8:34",
        ("contains 'cognito', which Cognito keeps for itself",),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_says_what_is_wrong_and_where(what: str, tmp_path: Path) -> None:
    text, place, words = BROKEN[what]

    with pytest.raises(EnvironmentFileError) as error:
        read(tmp_path, text)

    said = str(error.value)
    assert f"dev.yaml:{place}: " in said
    assert [word for word in words if word not in said] == [], said


def test_a_token_is_for_no_more_models_than_cognito_takes(tmp_path: Path) -> None:
    models = "".join(f"  model-{number}: *model\n" for number in range(50))

    with pytest.raises(EnvironmentFileError, match=r"are 51 models, and a token is for at most 50"):
        read(tmp_path, models + "api: {clients: {planner: {authorization: cognito, models: all}}}\n")


def test_an_api_has_room_for_so_many_models_with_limits(tmp_path: Path) -> None:
    models = "".join(f"  model-{number}: *model\n" for number in range(41))
    limits = "".join(
        f"        model-{number}: {{requests_per_second: 1, burst: 1}}\n" for number in range(41)
    )

    with pytest.raises(EnvironmentFileError, match=r"have rates for 41 models, an API has room for 40"):
        read(
            tmp_path,
            models + CLIENT + "      authorization: api-key\n      models: all\n      limits:\n" + limits,
        )
