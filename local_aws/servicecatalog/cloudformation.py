"""Service Catalog's resources from a template: the operations of its API, and the same records.

What `AWS::ServiceCatalogAppRegistry::*` is, its schemas say alone.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws import hooks
from local_aws.cloudformation.registry import (
    Created,
    Properties,
    ResourceBehaviour,
    ResourceFailed,
    register,
)
from local_aws.errors import ServiceError
from local_aws.store import STORE, Record

_PREFIX = "AWS::ServiceCatalog::"
_STEP_SECONDS = 0.05


def install() -> None:
    behaviours: dict[str, ResourceBehaviour] = {
        "AcceptedPortfolioShare": _Association("AcceptPortfolioShare", "RejectPortfolioShare", "PortfolioId"),
        "CloudFormationProduct": _Product(),
        "CloudFormationProvisionedProduct": _ProvisionedProduct(),
        "LaunchNotificationConstraint": _Constraint("NOTIFICATION", _chosen("NotificationArns")),
        "LaunchRoleConstraint": _Constraint("LAUNCH", _chosen("RoleArn", "LocalRoleName")),
        "LaunchTemplateConstraint": _Constraint("TEMPLATE", _template_rules),
        "Portfolio": _Portfolio(),
        "PortfolioPrincipalAssociation": _Association(
            "AssociatePrincipalWithPortfolio",
            "DisassociatePrincipalFromPortfolio",
            *("PortfolioId", "PrincipalARN", "PrincipalType"),
        ),
        "PortfolioProductAssociation": _Association(
            "AssociateProductWithPortfolio", "DisassociateProductFromPortfolio", "PortfolioId", "ProductId"
        ),
        "PortfolioShare": _Share(),
        "ResourceUpdateConstraint": _Constraint("RESOURCE_UPDATE", _tag_updates),
        "ServiceAction": _ServiceAction(),
        "ServiceActionAssociation": _Association(
            "AssociateServiceActionWithProvisioningArtifact",
            "DisassociateServiceActionFromProvisioningArtifact",
            *("ProductId", "ProvisioningArtifactId", "ServiceActionId"),
        ),
        "StackSetConstraint": _Constraint(
            "STACKSET", _chosen("AccountList", "RegionList", "AdminRole", "ExecutionRole")
        ),
        "TagOption": _TagOption(),
        "TagOptionAssociation": _Association(
            "AssociateTagOptionWithResource", "DisassociateTagOptionFromResource", "TagOptionId", "ResourceId"
        ),
    }
    for name, behaviour in behaviours.items():
        register(_PREFIX + name, behaviour)


def _call(name: str, **members: Any) -> dict[str, Any]:
    """An operation, asked for by whoever deploys the stack."""
    # Only now: botocore is not loaded before anybody deploys anything of the catalog's.
    from local_aws.servicecatalog import handler, model, operations, stack_callers  # noqa: F401

    for token in model.tokens(name):
        members.setdefault(token, str(uuid.uuid4()))
    try:
        return operations.call(name, members, stack_callers.acting())
    except ServiceError as error:
        raise ResourceFailed(
            f"{error.message} (Service: AWSServiceCatalog; Status Code: {error.status};"
            f" Error Code: {error.code})"
        ) from error


def _delete(name: str, **members: Any) -> None:
    """What somebody else has deleted already is as CloudFormation wants it."""
    try:
        _call(name, **members)
    except ResourceFailed as error:
        if "Error Code: ResourceNotFoundException" not in str(error):
            raise


def _given(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: properties[name] for name in names if name in properties}


def _cleared(old: Properties, new: Properties, *names: str) -> dict[str, Any]:
    """The properties as they are now, empty where a template has them no more."""
    return {name: new.get(name, "") for name in names if name in new or name in old}


def _keep_tags(family: str, identifier: str, properties: Properties) -> None:
    """All tags of a resource, CloudFormation's own included, which no request may name."""
    record = STORE.get(family, (identifier,))
    if record is not None:
        record["Tags"] = [dict(tag) for tag in properties.get("Tags", [])]


class _Portfolio:
    _SAID = ("DisplayName", "ProviderName", "Description")

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        answer = _call("CreatePortfolio", **_given(properties, *self._SAID))
        return self._told(answer["PortfolioDetail"], properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        answer = _call("UpdatePortfolio", Id=physical_id, **_cleared(old, new, *self._SAID))
        return self._told(answer["PortfolioDetail"], new)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeletePortfolio", Id=physical_id)

    def _told(self, detail: Mapping[str, Any], properties: Properties) -> Created:
        from local_aws.servicecatalog import catalog

        _keep_tags(catalog.PORTFOLIO, detail["Id"], properties)
        return Created(detail["Id"], {"Id": detail["Id"], "PortfolioName": detail["DisplayName"]})


class _Product:
    """Versions are known by their name and template: what is neither new nor gone keeps its identifier
    (`ReplaceProvisioningArtifacts`)."""

    _SAID = (
        "Name",
        "Owner",
        "Description",
        "Distributor",
        "SupportDescription",
        "SupportEmail",
        "SupportUrl",
    )
    _TEMPLATE = "CLOUD_FORMATION_TEMPLATE"

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        versions = self._versions(properties)
        answer = _call(
            "CreateProduct",
            ProductType=properties.get("ProductType", self._TEMPLATE),
            **_given(properties, *self._SAID, "SourceConnection"),
            **({"ProvisioningArtifactParameters": versions[0]} if versions else {}),
        )
        identifier = answer["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
        try:
            for version in versions[1:]:
                _call("CreateProvisioningArtifact", ProductId=identifier, Parameters=version)
        except ResourceFailed:
            _delete("DeleteProduct", Id=identifier)
            raise
        return self._told(identifier, properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        _call("UpdateProduct", Id=physical_id, **_cleared(old, new, *self._SAID))
        before, after = self._versions(old), self._versions(new)
        replace = new.get("ReplaceProvisioningArtifacts", False) and before != after
        kept = [] if replace else [self._identity(one) for one in before]
        existing = self._product(physical_id)["Artifacts"]
        for version in after:
            if self._identity(version) not in kept:
                _call("CreateProvisioningArtifact", ProductId=physical_id, Parameters=version)
            elif version not in before:
                self._describe(physical_id, existing, version)
        wanted = [] if replace else [self._identity(one) for one in after]
        ours = [self._identity(one) for one in before]
        for artifact in existing:
            identity = (artifact["Name"], artifact["Info"].get("TemplateUrl"))
            if identity in ours and identity not in wanted:
                _delete(
                    "DeleteProvisioningArtifact",
                    ProductId=physical_id,
                    ProvisioningArtifactId=artifact["Id"],
                )
        return self._told(physical_id, new)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeleteProduct", Id=physical_id)

    def _describe(self, product_id: str, existing: Sequence[Record], version: Mapping[str, Any]) -> None:
        for artifact in existing:
            if (artifact["Name"], artifact["Info"].get("TemplateUrl")) == self._identity(version):
                _call(
                    "UpdateProvisioningArtifact",
                    ProductId=product_id,
                    ProvisioningArtifactId=artifact["Id"],
                    Description=version.get("Description", ""),
                )

    def _versions(self, properties: Properties) -> list[dict[str, Any]]:
        found = []
        for number, version in enumerate(properties.get("ProvisioningArtifactParameters", []), 1):
            info = version["Info"]
            told = {**version, "Info": json.loads(info) if isinstance(info, str) else dict(info)}
            found.append({"Name": f"v{number}", **told, "Type": version.get("Type", self._TEMPLATE)})
        return found

    def _identity(self, version: Mapping[str, Any]) -> tuple[str, str | None]:
        return version["Name"], version["Info"].get("LoadTemplateFromURL")

    def _product(self, identifier: str) -> Record:
        from local_aws.servicecatalog import catalog

        return catalog.product(identifier)

    def _told(self, identifier: str, properties: Properties) -> Created:
        from local_aws.servicecatalog import catalog

        _keep_tags(catalog.PRODUCT, identifier, properties)
        product = self._product(identifier)
        return Created(
            identifier,
            {
                "Id": identifier,
                "ProductName": product["Name"],
                "ProvisioningArtifactIds": ",".join(one["Id"] for one in product["Artifacts"]),
                "ProvisioningArtifactNames": ",".join(one["Name"] for one in product["Artifacts"]),
            },
        )


class _Association:
    """What is associated with what; all of it is create-only."""

    def __init__(self, associate: str, disassociate: str, *members: str) -> None:
        self._associate, self._disassociate, self._members = associate, disassociate, members

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        missing = [name for name in self._members if name not in properties]
        if missing:
            raise ResourceFailed(f"Property {missing[0]} cannot be empty.")
        more = _given(properties, "SourcePortfolioId")
        _call(self._associate, **_given(properties, *self._members), **more)
        parts = [str(properties[name]) for name in self._members if name != "PrincipalType"]
        return Created("|".join(parts))

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        return Created(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete(self._disassociate, **_given(properties, *self._members))


class _Share:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        _call("CreatePortfolioShare", **_given(properties, "PortfolioId", "AccountId", "ShareTagOptions"))
        return Created(f"{properties['PortfolioId']}|{properties['AccountId']}")

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        told = {"ShareTagOptions": new.get("ShareTagOptions", False)}
        _call("UpdatePortfolioShare", **_given(new, "PortfolioId", "AccountId"), **told)
        return Created(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeletePortfolioShare", **_given(properties, "PortfolioId", "AccountId"))


Parameters = Callable[[Properties], Mapping[str, Any]]


class _Constraint:
    def __init__(self, type_: str, parameters: Parameters) -> None:
        self._type, self._parameters = type_, parameters

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        answer = _call(
            "CreateConstraint",
            Type=self._type,
            Parameters=json.dumps(self._parameters(properties)),
            **_given(properties, "PortfolioId", "ProductId", "Description"),
        )
        identifier = answer["ConstraintDetail"]["ConstraintId"]
        return Created(identifier, {"Id": identifier})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        parameters = json.dumps(self._parameters(new))
        _call("UpdateConstraint", Id=physical_id, Parameters=parameters, **_cleared(old, new, "Description"))
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeleteConstraint", Id=physical_id)


def _chosen(*names: str) -> Parameters:
    return lambda properties: _given(properties, *names)


def _tag_updates(properties: Properties) -> Mapping[str, Any]:
    told = {"TagUpdateOnProvisionedProduct": properties["TagUpdateOnProvisionedProduct"]}
    return {"Version": "2.0", "Properties": told}


def _template_rules(properties: Properties) -> Mapping[str, Any]:
    """`Rules` are JSON: a map of rules, as CDK writes it, or that map under `Rules`, as the API has it."""
    try:
        rules = json.loads(properties["Rules"])
    except ValueError as error:
        raise ResourceFailed(f"Invalid template constraint rules: {error}") from error
    return rules if isinstance(rules, dict) and set(rules) == {"Rules"} else {"Rules": rules}


class _TagOption:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        detail = _call("CreateTagOption", **_given(properties, "Key", "Value"))["TagOptionDetail"]
        if not properties.get("Active", True):
            _call("UpdateTagOption", Id=detail["Id"], Active=False)
        return Created(detail["Id"], {"Id": detail["Id"]})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        _call("UpdateTagOption", Id=physical_id, Active=new.get("Active", True))
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeleteTagOption", Id=physical_id)


class _ServiceAction:
    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        said = _given(properties, "Name", "DefinitionType", "Description")
        answer = _call("CreateServiceAction", Definition=self._definition(properties), **said)
        identifier = answer["ServiceActionDetail"]["ServiceActionSummary"]["Id"]
        return Created(identifier, {"Id": identifier})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002
        said = _cleared(old, new, "Name", "Description")
        _call("UpdateServiceAction", Id=physical_id, Definition=self._definition(new), **said)
        return Created(physical_id, {"Id": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        _delete("DeleteServiceAction", Id=physical_id)

    def _definition(self, properties: Properties) -> dict[str, str]:
        return {one["Key"]: one["Value"] for one in properties["Definition"]}


class _ProvisionedProduct:
    """A product launched by a stack: as the stack's service role, or as whoever deploys it."""

    _WHAT = (
        *("ProductId", "ProductName", "ProvisioningArtifactId", "ProvisioningArtifactName"),
        *("PathId", "PathName", "ProvisioningParameters", "ProvisioningPreferences"),
    )

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get("ProvisionedProductName") or hooks.resources.physical_name(
            stack_name, logical_id, 128
        )
        answer = _call(
            "ProvisionProduct",
            ProvisionedProductName=name,
            Tags=_own_tags(properties),
            **_given(properties, *self._WHAT, "NotificationArns"),
        )
        identifier = answer["RecordDetail"]["ProvisionedProductId"]
        try:
            return self._told(identifier, _ended(answer))
        except ResourceFailed:
            # CloudFormation would delete it while it rolls back; here nobody knows its identifier yet.
            self.delete(identifier, properties)
            raise

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:  # noqa: ARG002 - the protocol's
        tags = {"Tags": _own_tags(new)} if _own_tags(new) != _own_tags(old) else {}
        answer = _call(
            "UpdateProvisionedProduct", ProvisionedProductId=physical_id, **_given(new, *self._WHAT), **tags
        )
        return self._told(physical_id, _ended(answer))

    def delete(self, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        try:
            answer = _call("TerminateProvisionedProduct", ProvisionedProductId=physical_id)
        except ResourceFailed as error:
            if "Error Code: ResourceNotFoundException" in str(error):
                return
            raise
        _ended(answer)

    def _told(self, identifier: str, record: Record) -> Created:
        outputs = {one["OutputKey"]: one["OutputValue"] for one in record["Outputs"]}
        return Created(
            identifier,
            {
                "ProvisionedProductId": identifier,
                "RecordId": record["RecordId"],
                "CloudformationStackArn": outputs.pop("CloudformationStackARN"),
                **{f"Outputs.{key}": value for key, value in outputs.items()},
            },
        )


def _own_tags(properties: Properties) -> list[dict[str, str]]:
    return [dict(tag) for tag in properties.get("Tags", []) if not tag["Key"].startswith("aws:")]


def _ended(answer: Mapping[str, Any]) -> Record:
    """The record of an operation that has succeeded; raises `ResourceFailed` for any other end."""
    from local_aws.servicecatalog.catalog import RECORD

    while True:
        record = STORE.get(RECORD, (answer["RecordDetail"]["RecordId"],))
        if record is None:
            raise ResourceFailed("The record of the operation was not found.")
        if record["Status"] == "SUCCEEDED":
            return record
        if record["Status"] == "FAILED":
            raise ResourceFailed("; ".join(error["Description"] for error in record["RecordErrors"]))
        time.sleep(_STEP_SECONDS)
