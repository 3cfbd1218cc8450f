"""The API of an environment file, and who calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, Part, name_of, refusal

ClientName = Annotated[str, name_of("a client's name", "storefront")]
PrincipalArn = Annotated[
    str,
    Form(
        "the ARN of an IAM role, a user or an account's root",
        "arn:aws:iam::111122223333:role/nightly-batch",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9+=,.@_/-]+)",
    ),
]


class Client(Part):
    """A program that calls the API: with an API key of its own, or as an IAM principal."""

    authorization: Literal["api-key", "iam"]
    """How it is let in: with a key that API Gateway makes, or by the signature of its role."""
    principal: PrincipalArn | None = None
    """Who it is, when the authorization is `iam`."""
    requests_per_second: int = Field(default=10, ge=1, le=10_000)
    """How often it may call, on average."""
    burst: int = Field(default=20, ge=1, le=5_000)
    """How many calls may come at once."""

    @model_validator(mode="after")
    def _iam_has_a_principal(self) -> Self:
        if self.authorization == "iam" and self.principal is None:
            message = "'iam' needs to know who calls, give 'principal', the ARN of a role or a user"
            raise refusal(Complaint(("authorization",), message))
        if self.authorization == "api-key" and self.principal is not None:
            message = "goes with 'authorization: iam' only, remove it or change the authorization"
            raise refusal(Complaint(("principal",), message))
        return self


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


class Api(Part):
    """The HTTPS interface in front of the models."""

    clients: Mapping[ClientName, Client] = Field(default_factory=dict)
    """Who may call it. By default, only roles of the account whose policies say so."""
    cors: Cors = Cors()
    """By default, no web page of another origin may call it."""
