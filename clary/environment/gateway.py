"""The API of an environment file, and who calls it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, SOME, Complaint, Part, name_of, no_such, refusal
from clary.environment.people import TeamName

ClientName = Annotated[str, name_of("a client's name", "storefront")]
PrincipalArn = Annotated[
    str,
    Form(
        "the ARN of an IAM role, a user or an account's root",
        "arn:aws:iam::111122223333:role/nightly-batch",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9+=,.@_/-]+)",
    ),
]


_BETWEEN = "--"
"""In the names of models that people launch, and of no others: `<team>--<name>`."""


def launching_team(model: str) -> TeamName | None:
    """Whose people have launched a model of this name; None of one of the file."""
    team, between, _ = model.partition(_BETWEEN)
    return team if between else None


def _of_the_file(value: object) -> object:
    if isinstance(value, str) and _BETWEEN in value:
        raise ValueError(
            "is a model that somebody launches, name its team in the client's 'launched': single ones have"
            " neither rights nor limits"
        )
    return value


ServedName = Annotated[str, BeforeValidator(_of_the_file), name_of("a model's name", "housing")]
Page = Annotated[
    str,
    Form(
        "the address of a page, with https (or http on localhost), without a fragment",
        "https://models.example/page",
        r"(https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?|http://localhost)(:[0-9]{1,5})?(/[A-Za-z0-9._~/%?&=-]*)?",
        longest=1024,
    ),
]
ALL = "all"
_ALL_OR_LIST = BeforeValidator(
    lambda value: (ALL,) if value == ALL else tuple(value) if isinstance(value, list) else value
)
_SAID_OF_MODELS = WithJsonSchema(
    {"anyOf": [{"const": ALL}, {"type": "array", "items": {"type": "string", "examples": ["housing"]}}]}
)
_TOKEN_SCOPES = 50
"""An app client of Cognito may have so many (Amazon Cognito quotas, "Scopes per app client")."""
_OPENID = 1
_OWN_RESOURCES = 40
"""A model with limits of its own takes six of the 300 resources that an API may have."""


class SignIn(Part):
    """People who sign in themselves."""

    return_to: Annotated[tuple[Page, ...], FROM_LIST, SOME] = Field(max_length=100)
    """The pages where they come back to with a code, and after signing out."""


class Quota(Part):
    """How much may be asked for in all."""

    requests: int = Field(ge=1, le=2_147_483_647)
    """So many requests."""
    per: Literal["day", "week", "month"]
    """By days, weeks from Sunday, or months, in UTC."""


class ModelLimit(Part):
    """How much one client may ask one model."""

    requests_per_second: int | None = Field(default=None, ge=1, le=10_000)
    """On average, and together with `burst`. By default, as often as it may call."""
    burst: int | None = Field(default=None, ge=1, le=5_000)
    """At once."""
    quota: Quota | None = None
    """How often in all: predictions, jobs and batches. Counted by who asks, not by key: nobody needs
    `metered` for it. By default, without end."""

    @property
    def has_rate(self) -> bool:
        return self.requests_per_second is not None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if (self.requests_per_second is None) != (self.burst is None):
            given, missing = "requests_per_second", "burst"
            if self.requests_per_second is None:
                given, missing = missing, given
            raise refusal(Complaint((given,), f"goes together with '{missing}', give both or none"))
        if self.requests_per_second is None and self.quota is None:
            message = "limits nothing, give 'requests_per_second' and 'burst', or a 'quota', or remove it"
            raise refusal(Complaint((), message))
        return self


class Client(Part):
    """Who calls the API: a program or people, and what they may."""

    authorization: Literal["api-key", "iam", "cognito"]
    """How it is let in: with a key that API Gateway makes, by the signature of its role, or with tokens of
    the environment's user pool."""
    principal: PrincipalArn | None = None
    """Who it is, when the authorization is `iam`."""
    sign_in: SignIn | None = None
    """With `cognito`: people, who sign in. By default a program, with a secret that Cognito makes."""
    models: Annotated[tuple[ServedName, ...], _ALL_OR_LIST, DIFFERENT, _SAID_OF_MODELS] = ()
    """The models that it may ask, or `all`, those to come as well. For it there are no others. By default,
    none."""
    launched: Annotated[tuple[TeamName, ...], FROM_LIST, DIFFERENT] = ()
    """Teams whose models it may ask that people launch from Service Catalog, those to come as well: `all`
    models are none of these. The teams' `model_endpoint` has to have an `api`. By default, none."""
    requests_per_second: int = Field(default=10, ge=1, le=10_000)
    """How often it may call, on average."""
    burst: int = Field(default=20, ge=1, le=5_000)
    """How many calls may come at once."""
    quota: Quota | None = None
    """How much it may call in all. By default, without end."""
    limits: Mapping[ServedName, ModelLimit] = Field(default_factory=dict)
    """How much it may ask single models of the file, within all that it may. Launched ones come and go, and
    have none."""

    @property
    def rated_models(self) -> list[str]:
        """Those that it may ask only so often."""
        return [model for model, limit in self.limits.items() if limit.has_rate]

    @property
    def is_counted(self) -> bool:
        """Whether it has limits that API Gateway keeps by key only."""
        return self.quota is not None or bool(self.rated_models)

    @property
    def may_ask_all(self) -> bool:
        return ALL in self.models

    def may_ask(self, model: str) -> bool:
        team = launching_team(model)
        if team is not None:
            return team in self.launched
        return self.may_ask_all or model in self.models

    @property
    def most_scopes(self) -> int:
        """For how much a token of its may be."""
        return _TOKEN_SCOPES - (_OPENID if self.sign_in else 0)

    @model_validator(mode="after")
    def _fits_its_authorization(self) -> Self:
        complaints = [*self._misfits()]
        if complaints:
            raise refusal(*complaints)
        return self

    def _misfits(self) -> Iterator[Complaint]:
        if self.authorization == "iam" and self.principal is None:
            message = "'iam' needs to know who calls, give 'principal', the ARN of a role or a user"
            yield Complaint(("authorization",), message)
        if self.authorization != "iam" and self.principal is not None:
            message = "goes with 'authorization: iam' only, remove it or change the authorization"
            yield Complaint(("principal",), message)
        if self.authorization != "cognito" and self.sign_in is not None:
            message = "goes with 'authorization: cognito' only, remove it or change the authorization"
            yield Complaint(("sign_in",), message)
        if self.authorization == "cognito" and not self.models and not self.launched:
            message = "'cognito' gives tokens for models, list at least one in 'models'"
            yield Complaint(("authorization",), message)
        entries = len(self.models) + len(self.launched)
        if self.authorization == "cognito" and entries > self.most_scopes:
            message = (
                f"has {entries} entries, and a token is for at most {self.most_scopes}: make two clients"
            )
            if self.launched:
                message = f"with 'launched' {message}"
            yield Complaint(("models" if self.models else "launched",), message)
        for name in self.limits:
            if not self.may_ask(name):
                yield Complaint(("limits", name), f"'{name}' is not among its 'models', add it there")


Origin = Annotated[
    str,
    Form(
        "the origin of a web page",
        "https://shop.example",
        r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?",
        longest=253,
    ),
]


class Cors(Part):
    """Which web pages may call the API from a browser."""

    origins: Annotated[tuple[Origin, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=20)
    """Their origins. By default none: browsers keep answers from them."""


class UserPool(Part):
    """The Cognito user pool of the clients with tokens."""

    domain_prefix: (
        Annotated[
            str,
            Form(
                "the beginning of a Cognito domain (lower-case letters, digits and hyphens)",
                "acme-models",
                "[a-z0-9]([a-z0-9-]*[a-z0-9])?",
                longest=63,
            ),
        ]
        | None
    ) = None
    """Where tokens are given and people sign in: `https://<prefix>.auth.<region>.amazoncognito.com`. By
    default `clary-<environment>-<account>`."""
    token_minutes: int = Field(default=15, ge=5, le=1440)
    """How long an access token is good for."""
    second_factor: Literal["required", "optional"] = "required"
    """Whether people need an authenticator app besides their password."""

    @model_validator(mode="after")
    def _prefix_is_free(self) -> Self:
        for word in ("aws", "amazon", "cognito"):
            if self.domain_prefix is not None and word in self.domain_prefix:
                message = f"contains '{word}', which Cognito keeps for itself, choose another one"
                raise refusal(Complaint(("domain_prefix",), message))
        return self


class HostedZone(Part):
    """A zone of Route 53, in the environment's account."""

    id: Annotated[str, Form("the id of a hosted zone", "Z0123456789ABCDEFGHIJ", "Z[A-Z0-9]{1,31}")]
    """Its id."""
    name: Annotated[str, Form("a domain's name", "example.com", r"([a-z0-9-]+\.)+[a-z]{2,63}", longest=253)]
    """What it is the zone of."""


class Domain(Part):
    """A name of one's own for the API."""

    name: Annotated[str, Form("a domain's name", "models.example.com", r"([a-z0-9-]+\.)+[a-z]{2,63}", 64)]
    """The name. Below it are `/api-key`, `/iam` and `/cognito`, as the clients have need of them."""
    certificate: Annotated[
        str,
        Form(
            "the ARN of a certificate",
            "arn:aws:acm:eu-west-1:111122223333:certificate/0b5d2a1c-7f5e-4d0a-9f6b-3a2c1d0e4f5a",
            r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]{36}",
        ),
    ]
    """Its certificate, in the environment's region."""
    hosted_zone: HostedZone | None = None
    """Where its record is written. By default nowhere: the stack's output says where it has to lead."""


class ApiAlarms(Part):
    """When somebody is told (the output `AlarmTopicArn` of the gateway's stack says by which topic)."""

    server_errors_percent: int = Field(default=5, ge=1, le=100)
    """Of a quarter of an hour's requests, if so many fail with 5xx."""
    latency_ms: int = Field(default=10_000, ge=1, le=29_000)
    """If one of a hundred requests takes longer for a quarter of an hour."""
    throttled: int = Field(default=100, ge=1)
    """If so many requests are sent away with 429 within a quarter of an hour."""


class Api(Part):
    """The HTTPS interface in front of the models."""

    clients: Mapping[ClientName, Client] = Field(default_factory=dict)
    """Who may call it. By default, only roles of the account whose policies say so, and these all models."""
    metered: bool = False
    """Whether clients with a signature or a token send a key as well. API Gateway counts by key: without
    one, they share the sum of their rates, and can have no quota for all and no rates of single models."""
    cors: Cors = Cors()
    """By default, no web page of another origin may call it."""
    access: Literal["public", "private"] = "public"
    """From where: `private` is from the VPC only, through an endpoint in it."""
    vpc_endpoints: Annotated[
        tuple[Annotated[str, Form("the id of a VPC endpoint", "vpce-0a1b2c3d", "vpce-[0-9a-f]{8,17}")], ...],
        FROM_LIST,
        DIFFERENT,
    ] = ()
    """With `private`: the endpoints (of execute-api) that it is called through. By default, one is made; in a
    VPC that is given they are its owner's, and have to be named."""
    domain: Domain | None = None
    """By default, the name that API Gateway makes."""
    user_pool: UserPool = UserPool()
    """Where tokens come from."""
    alarms: ApiAlarms = ApiAlarms()
    """When somebody is told."""

    @property
    def has_model_quotas(self) -> bool:
        limits = [limit for client in self.clients.values() for limit in client.limits.values()]
        return any(limit.quota is not None for limit in limits)


def misfits(
    api: Api,
    *,
    models: Mapping[str, object],
    teams: Mapping[str, object],
    teams_with_routes: Sequence[str],
    account: str,
    region: str,
    given_vpc: bool,
) -> Iterator[Complaint]:
    """What does not fit the rest of the file."""
    if ALL in models:
        message = f"'{ALL}' stands for every model where clients are told theirs, rename it"
        yield Complaint(("models", ALL), message)
    for name, client in api.clients.items():
        at = ("api", "clients", name)
        listed = () if client.may_ask_all else client.models
        for index, model in enumerate(listed):
            if model not in models:
                yield Complaint((*at, "models", index), no_such("model", model, [*models]))
        for model in client.limits:
            if client.may_ask_all and model not in models:
                yield Complaint((*at, "limits", model), no_such("model", model, [*models]))
        for index, team in enumerate(client.launched):
            if team not in teams:
                yield Complaint((*at, "launched", index), no_such("team", team, [*teams]))
            elif team not in teams_with_routes:
                message = f"the API leads to no launched models of '{team}', give its 'model_endpoint'"
                message = f"{message} below 'catalog' an 'api', or remove it here"
                yield Complaint((*at, "launched", index), message)
        most = client.most_scopes - len(client.launched)
        if client.authorization == "cognito" and client.may_ask_all and len(models) > most:
            message = (
                f"are {len(models)} models, and a token is for at most {most}: list them, in two clients"
            )
            yield Complaint((*at, "models"), message)
        if client.authorization != "api-key" and client.is_counted and not api.metered:
            key = ("quota",) if client.quota else ("limits", client.rated_models[0], "requests_per_second")
            message = f"goes by key, give 'metered: true' below 'api' or remove it: '{client.authorization}'"
            yield Complaint((*at, *key), f"{message} clients have none")
    limited = {model for client in api.clients.values() for model in client.rated_models}
    if len(limited) > _OWN_RESOURCES:
        message = f"have rates for {len(limited)} models, an API has room for {_OWN_RESOURCES}: remove some"
        yield Complaint(("api", "clients"), message)
    yield from _access(api, given_vpc=given_vpc)
    if api.domain is not None:
        yield from _domain(api.domain, account=account, region=region)


def _access(api: Api, *, given_vpc: bool) -> Iterator[Complaint]:
    if api.access == "public":
        if api.vpc_endpoints:
            message = "go with 'access: private' only, remove them or change the access"
            yield Complaint(("api", "vpc_endpoints"), message)
        return
    if given_vpc and not api.vpc_endpoints:
        message = "'private' needs an endpoint of execute-api, and in a VPC that is given none is made:"
        yield Complaint(("api", "access"), f"{message} name it in 'vpc_endpoints'")
    if api.domain is not None:
        message = "goes with 'access: public' only, remove it: a private API is called by its own name"
        yield Complaint(("api", "domain"), message)


def _domain(domain: Domain, *, account: str, region: str) -> Iterator[Complaint]:
    at = ("api", "domain")
    place = domain.certificate.split(":")[3:5]
    if place != [region, account]:
        message = f"is of {place[1]} in {place[0]}, give one of {account} in {region}"
        yield Complaint((*at, "certificate"), message)
    zone = domain.hosted_zone
    if zone is not None and domain.name != zone.name and not domain.name.endswith(f".{zone.name}"):
        message = f"'{zone.name}' is no zone of '{domain.name}', give one that it ends with"
        yield Complaint((*at, "hosted_zone", "name"), message)
