"""What people launch from Service Catalog, with their own rights, and what becomes of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from botocore.exceptions import ClientError

from clary.catalog_field import Field, check, fields_of
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.launches import Launched, launched_by, pages
from runtime_common.pause import growing_pause

_DONE = ("SUCCEEDED", "FAILED")
_THERE = ("AVAILABLE", "TAINTED")
_TAKEN = "already exists."
"""What AWS says of a launch's name that is one's own or somebody else's: `A stack named x already exists.`"""
_NEW_FIELD = re.compile(r"parameter key (\w+)\. .* not in the previous template")


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
class Form:
    """What a launch of a product asks for."""

    fields: Sequence[Field]
    tags: Mapping[str, Sequence[str]]
    """Of each, a launch has one of these values."""

    def check_tags(self, given: Mapping[str, str]) -> None:
        """Raises ClaryError for a choice that was not made, or is none. An only one is made by AWS."""
        for name, values in self.tags.items():
            ways = " or ".join(f"--tag {name}={value}" for value in values)
            if name not in given and len(values) > 1:
                raise ClaryError(f"a launch has a tag '{name}', give {ways}")
            if name in given and values and given[name] not in values:
                raise ClaryError(f"the tag '{name}' is '{given[name]}', give {ways}")


@dataclass(frozen=True)
class Ended:
    """How an operation ended."""

    name: str
    outputs: Mapping[str, str]


class Catalog:
    """Service Catalog as one person sees it."""

    def __init__(self, client: Any, environment: Environment, *, longest_pause_seconds: float = 5.0) -> None:
        self._client = client
        self._environment = environment
        self._prefix = environment.stack_name("")
        self._longest_pause_seconds = longest_pause_seconds

    def offered(self) -> list[Offered]:
        found = [
            Offered(each["ProductId"], each["Name"], each.get("ShortDescription", ""), self._prefix)
            for page in pages(self._client.search_products)
            for each in page["ProductViewSummaries"]
        ]
        return sorted(
            (each for each in found if each.name.startswith(self._prefix)), key=lambda one: one.name
        )

    def form(self, product: Offered) -> Form:
        answer = self._client.describe_provisioning_parameters(
            ProductId=product.id, ProvisioningArtifactId=self._version(product), PathId=self._path(product)
        )
        tags = {each["Key"]: each["Values"] for each in answer.get("TagOptions", [])}
        return Form(fields_of(answer["ProvisioningArtifactParameters"]), tags)

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
        """Starts a launch and answers the record to wait for: the one of before, where this has been launched
        and is on its way, because whoever launched it did not wait for the end.
        """
        form = self.form(product)
        fields = form.fields
        check(fields, values)
        missing = [each.name for each in fields if each.default is None and each.name not in values]
        if missing:
            given = " ".join(f"{each}=…" for each in missing)
            raise ClaryError(f"'{product.short}' asks for {', '.join(missing)}, give {given}")
        form.check_tags(tags)
        called = name or "-".join([product.short, *(values[each.name] for each in fields[:1])])
        try:
            answer = self._client.provision_product(
                ProductId=product.id,
                ProvisioningArtifactId=self._version(product),
                PathId=self._path(product),
                ProvisionedProductName=called,
                ProvisioningParameters=[{"Key": key, "Value": value} for key, value in values.items()],
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                ProvisionToken=str(uuid.uuid4()),
            )
        except ClientError as error:
            if not error.response["Error"]["Message"].endswith(_TAKEN):
                raise
            return self._launch_of_before(called, product)
        return str(answer["RecordDetail"]["RecordId"])

    def launched(self) -> list[Launched]:
        """What this person has launched."""
        return launched_by(self._client, self._environment)

    def mine(self, name: str) -> Launched:
        there = self.launched()
        found = [each for each in there if each.name == name]
        if not found:
            raise ClaryError(_unknown("launch of yours called", name, [each.name for each in there]))
        return found[0]

    def outputs(self, launched: Launched) -> Mapping[str, str]:
        """What it tells, where it is there: what failed or is being changed has nothing to tell for sure."""
        if launched.status not in _THERE:
            return {}
        answer = self._client.get_provisioned_product_outputs(ProvisionedProductId=launched.id)
        return {each["OutputKey"]: each["OutputValue"] for each in answer["Outputs"]}

    def update(self, launched: Launched, values: Mapping[str, str]) -> Ended:
        """Takes something to the newest version of its product, and waits until it is there.

        Its values are as they are but for these. A field that this version has first has its default: which
        one that is, CloudFormation alone knows, and says so.
        """
        _check_at_rest(launched)
        product = self.product(launched.product)
        fields = {each.name: each for each in self.form(product).fields}
        check([*fields.values()], values)
        new: set[str] = set()
        while True:
            given: list[Mapping[str, object]] = [
                {"Key": name, "Value": values[name]}
                if name in values
                else {"Key": name, "UsePreviousValue": True}
                for name in fields
                if name in values or name not in new
            ]
            try:
                return self.ended(self._updating(launched, product, given))
            except ClaryError as error:
                name = found[1] if (found := _NEW_FIELD.search(str(error))) else ""
                if name not in fields or name in new:
                    raise
                if fields[name].default is None:
                    raise ClaryError(f"'{product.short}' asks for {name} by now, give {name}=…") from error
                new.add(name)

    def _updating(self, launched: Launched, product: Offered, given: Sequence[Mapping[str, object]]) -> str:
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
        """Starts to remove something, unless that is under way, and answers the record to wait for."""
        if self._is_under_way(launched, "TERMINATE_PROVISIONED_PRODUCT"):
            return launched.last_record
        _check_at_rest(launched)
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

    def _launch_of_before(self, name: str, product: Offered) -> str:
        found = next((each for each in self.launched() if each.name == name), None)
        if found is None:
            raise ClaryError(f"somebody else has launched something called '{name}', give another --name")
        if found.product != product.name:
            raise ClaryError(f"you have launched '{found.product}' as '{name}', give another --name")
        if self._is_under_way(found, "PROVISION_PRODUCT"):
            return found.last_record
        raise ClaryError(_launched_already(found))

    def _is_under_way(self, launched: Launched, operation: str) -> bool:
        if launched.status != "UNDER_CHANGE":
            return False
        record = self._client.describe_record(Id=launched.last_record)["RecordDetail"]
        return bool(record["RecordType"] == operation)

    def _version(self, product: Offered) -> str:
        versions = self._client.describe_product(Id=product.id)["ProvisioningArtifacts"]
        return str(max(versions, key=lambda each: each["CreatedTime"])["Id"])

    def _path(self, product: Offered) -> str:
        paths = self._client.list_launch_paths(ProductId=product.id)["LaunchPathSummaries"]
        return str(paths[0]["Id"])


def _launched_already(found: Launched) -> str:
    said = f"you have launched '{found.name}' already, and it is {found.status}"
    if found.status == "ERROR":
        return f"{said} ({found.why}): terminate it before you launch it again"
    return f"{said}: see `clary catalog status`, update it, or give another --name"


def _check_at_rest(launched: Launched) -> None:
    if launched.status == "UNDER_CHANGE":
        message = f"'{launched.name}' is being made, changed or removed"
        raise ClaryError(f"{message}: wait until `clary catalog status` says something else of it")


def _unknown(kind: str, given: str, known: Sequence[str]) -> str:
    if not known:
        return f"no {kind} '{given}', and there is none at all for whoever asks: see whose rights these are"
    near = get_close_matches(given, known, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ","
    return f"no {kind} '{given}'{hint} choose one of: {', '.join(known)}"
