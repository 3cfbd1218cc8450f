"""Who calls an API, and how much they may ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from constructs import Construct

Authorization = Literal["api-key", "iam", "cognito"]
_PERIODS = {
    "day": apigateway.Period.DAY,
    "week": apigateway.Period.WEEK,
    "month": apigateway.Period.MONTH,
}


@dataclass(frozen=True)
class ApiQuota:
    """So many requests, by days, weeks or months."""

    requests: int
    per: Literal["day", "week", "month"]


@dataclass(frozen=True)
class ApiLimit:
    """How often: on average, and at once."""

    requests_per_second: int
    burst: int


@dataclass(frozen=True)
class ApiClient:
    """Who calls the API, and how much they may ask.

    `principal` is who it is, where requests are signed. With tokens, it is a program with a secret, or
    people who sign in and come back to one of the pages `return_to`. `models` are those it may ask, None
    for all; those that people of the teams `launched` launch are none of these. A quota, and limits of single
    models, are kept by key; `model_quotas` by who it is, in a `QuotaTable`.
    """

    requests_per_second: int
    burst: int
    principal: iam.ArnPrincipal | None = None
    models: Sequence[str] | None = None
    launched: Sequence[str] = ()
    return_to: Sequence[str] = ()
    quota: ApiQuota | None = None
    limits: Mapping[str, ApiLimit] = field(default_factory=dict)
    model_quotas: Mapping[str, ApiQuota] = field(default_factory=dict)

    @property
    def is_counted(self) -> bool:
        return self.quota is not None or bool(self.limits)


def check_clients(authorization: Authorization, clients: Mapping[str, ApiClient], *, metered: bool) -> None:
    if authorization != "iam" and not clients:
        raise ValueError("an API with keys or tokens lets nobody in without clients, name at least one")
    wrong = [
        name for name, client in clients.items() if (client.principal is None) == (authorization == "iam")
    ]
    if wrong:
        raise ValueError(
            f"the clients {', '.join(wrong)} do not fit the authorization '{authorization}':"
            " a principal goes with 'iam', and only with it"
        )
    counted = [name for name, client in clients.items() if client.is_counted]
    if counted and not metered and authorization != "api-key":
        raise ValueError(
            f"the clients {', '.join(counted)} have quotas or limits of models, which are kept by key:"
            " give 'metered=True' or remove them"
        )


def add_plan(
    scope: Construct,
    name: str,
    client: ApiClient,
    *,
    stage: apigateway.Stage,
    limited: Mapping[str, Sequence[apigateway.Method]],
) -> apigateway.IApiKey:
    """A key that API Gateway makes, and what may be asked with it. `limited` are the methods of models that
    have resources of their own."""
    part = Construct(scope, "".join(word.capitalize() for word in name.split("-")))
    key = apigateway.ApiKey(part, "Key", description=f"{name}'s key to {Stack.of(scope).stack_name}")
    plan = apigateway.UsagePlan(
        part,
        "Plan",
        description=f"What {name} may ask of {Stack.of(scope).stack_name}",
        throttle=_throttle(client.requests_per_second, client.burst),
        quota=None
        if client.quota is None
        else apigateway.QuotaSettings(limit=client.quota.requests, period=_PERIODS[client.quota.per]),
        api_stages=[
            apigateway.UsagePlanPerApiStage(
                api=stage.rest_api,
                stage=stage,
                throttle=[
                    apigateway.ThrottlingPerMethod(
                        method=method, throttle=_throttle(limit.requests_per_second, limit.burst)
                    )
                    for model, limit in client.limits.items()
                    for method in limited[model]
                ]
                or None,
            )
        ],
    )
    plan.add_api_key(key)
    return key


def _throttle(rate: int, burst: int) -> apigateway.ThrottleSettings:
    return apigateway.ThrottleSettings(rate_limit=rate, burst_limit=burst)


def policy_of(
    authorization: Authorization, clients: Mapping[str, ApiClient], endpoints: Sequence[ec2.IVpcEndpoint]
) -> iam.PolicyDocument | None:
    """The API's own policy: who may call it by signature, and through which endpoints of a VPC.

    Without endpoints, from everywhere.
    """
    principals = [client.principal for client in clients.values() if client.principal is not None]
    statements: list[iam.PolicyStatement] = []
    if principals:
        statements += _only(principals)
    elif endpoints:
        # Who it is, is left to the method: a private API refuses everybody whom no policy lets in.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-create.html
        statements.append(
            iam.PolicyStatement(
                sid="WhoIsLetIn",
                principals=[iam.StarPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
            )
            if authorization != "iam"
            else iam.PolicyStatement(
                sid="ThisAccount",
                principals=[iam.AccountRootPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
            )
        )
    if endpoints:
        statements.append(
            iam.PolicyStatement(
                sid="NotFromElsewhere",
                effect=iam.Effect.DENY,
                principals=[iam.StarPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
                conditions={
                    "StringNotEquals": {"aws:SourceVpce": [each.vpc_endpoint_id for each in endpoints]}
                },
            )
        )
    return iam.PolicyDocument(statements=statements) if statements else None


def _only(principals: Sequence[iam.ArnPrincipal]) -> list[iam.PolicyStatement]:
    """Allows `principals`, and denies everybody else.

    Within one account either a resource policy or the caller's own is enough to be let in (API Gateway
    Developer Guide, "IAM authentication and resource policy"): without the denial, anybody with a
    generous policy of their own would be a client. `arn:…:root` stands for a whole account.
    """
    accounts = [principal.arn.split(":")[4] for principal in principals if principal.arn.endswith(":root")]
    arns = [principal.arn for principal in principals if not principal.arn.endswith(":root")]
    everybody_else: dict[str, dict[str, list[str]]] = {}
    if arns:
        everybody_else["ArnNotEquals"] = {"aws:PrincipalArn": arns}
    if accounts:
        everybody_else["StringNotEquals"] = {"aws:PrincipalAccount": accounts}
    return [
        iam.PolicyStatement(
            sid="Clients",
            principals=list(principals),
            actions=["execute-api:Invoke"],
            resources=["execute-api:/*"],
        ),
        iam.PolicyStatement(
            sid="NobodyElse",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["execute-api:Invoke"],
            resources=["execute-api:/*"],
            conditions=everybody_else,
        ),
    ]
