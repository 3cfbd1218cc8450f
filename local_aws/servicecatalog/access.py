"""Who asks, and which products they may launch.

A product can be launched by the users, groups and roles that are principals of a portfolio that has it,
and by nobody else, administrators included: each such portfolio is a launch path.
https://docs.aws.amazon.com/servicecatalog/latest/adminguide/catalogs_portfolios_users.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.cloudformation.client import client
from local_aws.servicecatalog import catalog
from local_aws.store import STORE, Record


@dataclass(frozen=True)
class Caller:
    """Whoever signed a request; `arn` is what STS calls them, a session's own one included."""

    access_key: str
    arn: str

    @cached_property
    def principal(self) -> str:
        """The user's or the role's ARN, with its path, which a session's ARN does not have."""
        if ":assumed-role/" not in self.arn:
            return self.arn
        name = self.arn.split(":assumed-role/")[1].split("/")[0]
        try:
            return str(client("iam").get_role(RoleName=name)["Role"]["Arn"])
        except ClientError:
            return f"arn:aws:iam::{hooks.request.account_id()}:role/{name}"

    @cached_property
    def groups(self) -> frozenset[str]:
        if ":user/" not in self.arn:
            return frozenset()
        try:
            found = client("iam").list_groups_for_user(UserName=self.arn.rpartition("/")[2])["Groups"]
        except ClientError:
            return frozenset()
        return frozenset(group["Arn"] for group in found)

    @property
    def credentials(self) -> Mapping[str, str]:
        """What the caller signs with: without a launch role, a launch is made as whoever asked for it."""
        found = hooks.rights.credential(self.access_key, hooks.request.account_id())
        if found is None:
            return {"AccessKeyId": hooks.request.account_id(), "SecretAccessKey": "local"}
        keys = {"AccessKeyId": found.access_key_id, "SecretAccessKey": found.secret_access_key}
        return keys | ({"SessionToken": found.session_token} if found.session_token else {})

    def is_principal(self, principal: Record) -> bool:
        """Whether a principal of a portfolio stands for the caller."""
        arn, names = principal["PrincipalARN"], {self.principal, *self.groups}
        if principal["PrincipalType"] == "IAM":
            return arn in names
        pattern = as_pattern(arn)
        return any(pattern.fullmatch(re.sub(r":\d{12}:", "::", name, count=1)) for name in names)


def caller_of(access_key: str) -> Caller:
    """The owner of an access key; the account's root user for one that nobody has."""
    account = hooks.request.account_id()
    found = hooks.rights.credential(access_key, account)
    return Caller(access_key, found.principal_arn if found else f"arn:aws:iam::{account}:root")


def as_pattern(arn: str) -> re.Pattern[str]:
    """`*` stands for any characters and `?` for one or none (AssociatePrincipalWithPortfolio)."""
    return re.compile(re.escape(arn).replace(r"\*", ".*").replace(r"\?", ".?"))


def launch_paths(product_id: str, caller: Caller) -> list[Record]:
    """The associations of the product with portfolios that the caller may launch it from."""
    allowed = {portfolio["Id"] for portfolio in portfolios_of(caller)}
    return [found for found in catalog.paths(product_id) if found["PortfolioId"] in allowed]


def portfolios_of(caller: Caller) -> Iterator[Record]:
    """The portfolios that the caller is a principal of, imported ones included."""
    for portfolio in catalog.portfolios():
        if any(caller.is_principal(principal) for principal in _principals(portfolio)):
            yield portfolio


def _principals(portfolio: Record) -> Iterator[Record]:
    """Those of this account and, where the owner shares principals, the owner's patterns."""
    account, region, here = hooks.request.account_id(), hooks.request.region(), portfolio["Id"]
    share = None
    if portfolio["AccountId"] != account:
        share = catalog.share(here, account)
        if share is None or not share["Accepted"]:
            return
    for owner, where, (portfolio_id, *_), principal in STORE.everywhere(catalog.PRINCIPAL):
        if where != region or portfolio_id != here:
            continue
        named_by_owner = owner == portfolio["AccountId"] and principal["PrincipalType"] == "IAM_PATTERN"
        if owner == account or (share is not None and share["SharePrincipals"] and named_by_owner):
            yield principal
