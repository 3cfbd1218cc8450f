"""What people launch from Service Catalog, with their own rights, and what has been launched."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from botocore.exceptions import ClientError

from clary.environment.catalog import product_name
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.target import Target
from runtime_common.pause import growing_pause

_DONE = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Offered:
    """A product that somebody may launch."""

    id: str
    name: str
    about: str
    prefix: str

    @property
    def short(self) -> str:
        """Without what the names of an environment's products begin with."""
        return self.name.removeprefix(self.prefix)


@dataclass(frozen=True)
class Field:
    name: str
    about: str
    default: str | None
    allowed: Sequence[str]


@dataclass(frozen=True)
class Launched:
    """Something that somebody has launched: `AVAILABLE`, `UNDER_CHANGE`, `TAINTED` or `ERROR`."""

    id: str
    name: str
    product: str
    version: str
    status: str
    why: str
    owner: str


@dataclass(frozen=True)
class Ended:
    """How an operation ended."""

    name: str
    outputs: Mapping[str, str]


class Catalog:
    """Service Catalog as one person sees it."""

    def __init__(self, client: Any, environment: Environment, *, longest_pause_seconds: float = 5.0) -> None:
        self._client = client
        self._prefix = f"clary-{environment.name}-"
        self._longest_pause_seconds = longest_pause_seconds

    def offered(self) -> list[Offered]:
        found = [
            Offered(each["ProductId"], each["Name"], each.get("ShortDescription", ""), self._prefix)
            for page in _pages(self._client.search_products)
            for each in page["ProductViewSummaries"]
        ]
        return sorted(
            (each for each in found if each.name.startswith(self._prefix)), key=lambda one: one.name
        )

    def fields(self, product: Offered) -> list[Field]:
        """What a launch of the product asks for."""
        answer = self._client.describe_provisioning_parameters(
            ProductId=product.id, ProvisioningArtifactId=self._version(product), PathId=self._path(product)
        )
        return [
            Field(
                each["ParameterKey"],
                each.get("Description", ""),
                each.get("DefaultValue"),
                each.get("ParameterConstraints", {}).get("AllowedValues", []),
            )
            for each in answer["ProvisioningArtifactParameters"]
        ]

    def product(self, name: str) -> Offered:
        """By its name, whole or short. Raises ClaryError for one that is not offered."""
        there = self.offered()
        known = {each.name: each for each in there} | {each.short: each for each in there}
        if name not in known:
            raise ClaryError(_unknown("product", name, [each.short for each in there]))
        return known[name]

    def launch(
        self, product: Offered, values: Mapping[str, str], *, name: str | None, tags: Mapping[str, str]
    ) -> str:
        """Starts a launch and answers the record to wait for."""
        fields = self.fields(product)
        unknown = [each for each in values if each not in {field.name for field in fields}]
        if unknown:
            raise ClaryError(_unknown("field", unknown[0], [field.name for field in fields]))
        missing = [each.name for each in fields if each.default is None and each.name not in values]
        if missing:
            given = " ".join(f"{each}=…" for each in missing)
            raise ClaryError(f"'{product.short}' asks for {', '.join(missing)}, give {given}")
        called = name or "-".join([product.short, *(values[each.name] for each in fields[:1])])
        answer = self._client.provision_product(
            ProductId=product.id,
            ProvisioningArtifactId=self._version(product),
            PathId=self._path(product),
            ProvisionedProductName=called,
            ProvisioningParameters=[{"Key": key, "Value": value} for key, value in values.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            ProvisionToken=str(uuid.uuid4()),
        )
        return str(answer["RecordDetail"]["RecordId"])

    def launched(self) -> list[Launched]:
        """What this person has launched."""
        return list(_launched(self._client, self._prefix, "User"))

    def mine(self, name: str) -> Launched:
        there = self.launched()
        found = [each for each in there if each.name == name]
        if not found:
            raise ClaryError(_unknown("launch of yours called", name, [each.name for each in there]))
        return found[0]

    def outputs(self, launched: Launched) -> Mapping[str, str]:
        answer = self._client.get_provisioned_product_outputs(ProvisionedProductId=launched.id)
        return {each["OutputKey"]: each["OutputValue"] for each in answer["Outputs"]}

    def update(self, launched: Launched, values: Mapping[str, str]) -> str:
        """Takes something to the newest version of its product, with its values as they are but for these."""
        product = self.product(launched.product)
        given = [
            {"Key": each.name, "Value": values[each.name]}
            if each.name in values
            else {"Key": each.name, "UsePreviousValue": True}
            for each in self.fields(product)
        ]
        answer = self._client.update_provisioned_product(
            ProvisionedProductId=launched.id,
            ProductId=product.id,
            ProvisioningArtifactId=self._version(product),
            PathId=self._path(product),
            ProvisioningParameters=given,
            UpdateToken=str(uuid.uuid4()),
        )
        return str(answer["RecordDetail"]["RecordId"])

    def terminate(self, launched: Launched) -> str:
        answer = self._client.terminate_provisioned_product(
            ProvisionedProductId=launched.id, TerminateToken=str(uuid.uuid4())
        )
        return str(answer["RecordDetail"]["RecordId"])

    def ended(self, record: str) -> Ended:
        """Waits for an operation; raises ClaryError, with AWS's reasons, when it failed."""
        pause = growing_pause(self._longest_pause_seconds)
        while True:
            answer = self._client.describe_record(Id=record)
            detail = answer["RecordDetail"]
            if detail["Status"] in _DONE:
                break
            pause()
        name = detail["ProvisionedProductName"]
        if detail["Status"] == "FAILED":
            reasons = [error["Description"] for error in detail.get("RecordErrors", [])]
            raise ClaryError(f"'{name}': {'; '.join(reasons) or 'failed, and AWS says nothing more'}")
        outputs = {each["OutputKey"]: each["OutputValue"] for each in answer.get("RecordOutputs", [])}
        return Ended(name, outputs)

    def _version(self, product: Offered) -> str:
        versions = self._client.describe_product(Id=product.id)["ProvisioningArtifacts"]
        return str(max(versions, key=lambda each: each["CreatedTime"])["Id"])

    def _path(self, product: Offered) -> str:
        paths = self._client.list_launch_paths(ProductId=product.id)["LaunchPathSummaries"]
        return str(paths[0]["Id"])


def in_use(target: Target) -> list[Launched]:
    """All that has been launched from the environment's products, whoever did."""
    return list(_launched(target.client("servicecatalog"), target.environment.stack_name(""), "Account"))


def check_in_use(target: Target, *, stays: bool) -> None:
    """Raises ClaryError when something would be left without the role that alone can change and remove it.

    `stays` says whether the environment is to be what its file says, or to go altogether.
    """
    environment = target.environment
    offered = {
        product_name(environment.name, team, key)
        for team, portfolio in environment.catalog.portfolios.items()
        for key, _ in portfolio.products.offered()
    }
    left = [each for each in in_use(target) if not stays or each.product not in offered]
    if left:
        names = ", ".join(f"{each.name} ({each.owner})" for each in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        what = "the file offers no more" if stays else "would outlive the environment"
        raise ClaryError(
            f"people have launched what {what}, nothing was changed: {names}{more}; terminate that first"
            " (`clary catalog terminate`, or Service Catalog's page of provisioned products)"
        )


def _launched(client: Any, prefix: str, level: str) -> Iterator[Launched]:
    try:
        pages = _pages(client.search_provisioned_products, AccessLevelFilter={"Key": level, "Value": "self"})
        found = [each for page in pages for each in page["ProvisionedProducts"]]
    except ClientError as error:
        raise ClaryError(f"Service Catalog does not say what has been launched: {error}") from error
    for each in sorted(found, key=lambda one: one["Name"]):
        if each.get("ProductName", "").startswith(prefix):
            yield Launched(
                each["Id"],
                each["Name"],
                each["ProductName"],
                each.get("ProvisioningArtifactName", ""),
                each["Status"],
                each.get("StatusMessage", ""),
                each.get("UserArnSession", each.get("UserArn", "")),
            )


def _pages(operation: Callable[..., Mapping[str, Any]], **arguments: Any) -> Iterator[Mapping[str, Any]]:
    """boto3 has no paginators for the operations of people."""
    while True:
        page = operation(**arguments)
        yield page
        if not page.get("NextPageToken"):
            return
        arguments["PageToken"] = page["NextPageToken"]


def _unknown(kind: str, given: str, known: Sequence[str]) -> str:
    if not known:
        return f"no {kind} '{given}', and there is none at all for whoever asks: see whose rights these are"
    near = get_close_matches(given, known, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ","
    return f"no {kind} '{given}'{hint} choose one of: {', '.join(known)}"
