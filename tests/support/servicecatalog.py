"""A catalog as its administrator fills it, and a person who may launch what is in it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from support.deployed import LocalAws, new_client
from support.waiting import eventually

PRODUCT: Mapping[str, Any] = {
    "Parameters": {
        "Size": {"Type": "String", "AllowedValues": ["small", "large"], "Default": "small"},
        "Team": {"Type": "String", "Description": "Whose it is", "AllowedPattern": "[a-z]+"},
    },
    "Resources": {
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": {"Fn::Sub": "${Team}-${Size}"}},
        }
    },
    "Outputs": {"Topic": {"Description": "The topic", "Value": {"Ref": "Topic"}}},
}
"""Makes a topic that is named by its parameters."""


def trust(principal: Mapping[str, str]) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


class Aws(Protocol):
    """A local AWS, whether it enforces IAM or not."""

    def client(self, service: str, account: str) -> Any:
        """The root user's."""


@dataclass(frozen=True)
class Ended:
    """How an operation on a provisioned product ended."""

    record: Mapping[str, Any]
    outputs: Mapping[str, str]

    @property
    def status(self) -> str:
        return str(self.record["Status"])

    @property
    def error(self) -> str:
        return " ".join(error["Description"] for error in self.record["RecordErrors"])

    @property
    def provisioned(self) -> str:
        return str(self.record["ProvisionedProductId"])


@dataclass(frozen=True)
class Person:
    """A session of a role, and what it does with the catalog."""

    client: Any
    role_arn: str

    def launch(self, product: Product, name: str | None = None, **parameters: str) -> Ended:
        return self.end(
            self.client.provision_product(
                ProductId=product.id,
                ProvisioningArtifactId=product.version,
                ProvisionedProductName=name or unique("launched"),
                ProvisioningParameters=as_parameters(parameters),
            )
        )

    def update(self, provisioned: str, **arguments: Any) -> Ended:
        return self.end(self.client.update_provisioned_product(ProvisionedProductId=provisioned, **arguments))

    def terminate(self, provisioned: str, **arguments: Any) -> Ended:
        return self.end(
            self.client.terminate_provisioned_product(ProvisionedProductId=provisioned, **arguments)
        )

    def end(self, answer: Mapping[str, Any]) -> Ended:
        """Waits for an operation: each of them comes to its end, or the test's time does."""

        def look() -> Ended | None:
            found = self.client.describe_record(Id=answer["RecordDetail"]["RecordId"])
            if found["RecordDetail"]["Status"] not in ("SUCCEEDED", "FAILED"):
                return None
            outputs = {one["OutputKey"]: one["OutputValue"] for one in found["RecordOutputs"]}
            return Ended(found["RecordDetail"], outputs)

        return eventually(look, 600)

    def status(self, provisioned: str) -> str:
        detail = self.client.describe_provisioned_product(Id=provisioned)["ProvisionedProductDetail"]
        return str(detail["Status"])


def as_parameters(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in parameters.items()]


@dataclass(frozen=True)
class Product:
    id: str
    version: str


@dataclass
class Catalog:
    """An account with a portfolio; `admin` is the client of whoever keeps it."""

    aws: Aws
    account: str
    portfolio: str = ""
    _bucket: str = field(default_factory=lambda: unique("templates"))

    def __post_init__(self) -> None:
        self.client("s3").create_bucket(Bucket=self._bucket)
        self.portfolio = self.new_portfolio()

    def client(self, service: str) -> Any:
        return self.aws.client(service, self.account)

    @property
    def admin(self) -> Any:
        return self.client("servicecatalog")

    def new_portfolio(self, **more: Any) -> str:
        answer = self.admin.create_portfolio(DisplayName=unique("portfolio"), ProviderName="platform", **more)
        return str(answer["PortfolioDetail"]["Id"])

    def store(self, template: Any) -> str:
        """The address of a template in S3."""
        key = f"{uuid.uuid4().hex}.json"
        body = template if isinstance(template, str) else json.dumps(template)
        self.client("s3").put_object(Bucket=self._bucket, Key=key, Body=body)
        return f"https://{self._bucket}.s3.amazonaws.com/{key}"

    def version(self, template: Any = PRODUCT, name: str = "v1", **more: Any) -> dict[str, Any]:
        info = {"LoadTemplateFromURL": self.store(template)}
        return {"Name": name, "Type": "CLOUD_FORMATION_TEMPLATE", "Info": info, **more}

    def new_product(self, template: Any = PRODUCT, portfolio: str | None = None, **more: Any) -> Product:
        """A product of one version, in the portfolio."""
        arguments = {"Name": unique("product"), "Owner": "platform", **more}
        answer = self.admin.create_product(
            ProductType="CLOUD_FORMATION_TEMPLATE",
            ProvisioningArtifactParameters=self.version(template),
            **arguments,
        )
        product = Product(
            answer["ProductViewDetail"]["ProductViewSummary"]["ProductId"],
            answer["ProvisioningArtifactDetail"]["Id"],
        )
        self.admin.associate_product_with_portfolio(
            ProductId=product.id, PortfolioId=portfolio or self.portfolio
        )
        return product

    def constrain(self, product: Product, type_: str, portfolio: str | None = None, **parameters: Any) -> str:
        answer = self.admin.create_constraint(
            PortfolioId=portfolio or self.portfolio,
            ProductId=product.id,
            Type=type_,
            Parameters=json.dumps(parameters),
        )
        return str(answer["ConstraintDetail"]["ConstraintId"])

    def new_role(self, principal: Mapping[str, str], path: str = "/") -> str:
        answer = self.client("iam").create_role(
            RoleName=unique("role"), Path=path, AssumeRolePolicyDocument=trust(principal)
        )
        return str(answer["Role"]["Arn"])

    def person(self, *portfolios: str, path: str = "/") -> Person:
        """A session of a role that is a principal of these portfolios; of none, where none is named."""
        role = self.new_role({"AWS": self.account}, path)
        for portfolio in portfolios:
            self.admin.associate_principal_with_portfolio(
                PortfolioId=portfolio, PrincipalARN=role, PrincipalType="IAM"
            )
        return Person(self.session_of(role), role)

    def session_of(self, role: str) -> Any:
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="somebody")
        assert isinstance(self.aws, LocalAws)
        return client_with(self.aws, answer["Credentials"])

    def stacks(self) -> Sequence[str]:
        """The names of all stacks that are there."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"]


def client_with(local_aws: LocalAws, keys: Mapping[str, str], service: str = "servicecatalog") -> Any:
    return new_client(
        service,
        region_name=local_aws.region,
        endpoint_url=local_aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
    )


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """What is done inside is refused with this code, and with these words in the message."""
    with pytest.raises(ClientError) as refusal:
        yield
    error = refusal.value.response["Error"]
    assert error["Code"] == code, error
    assert words in error["Message"]
