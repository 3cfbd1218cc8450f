"""What has been launched from Service Catalog, by one person or by anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from clary.environment.catalog import product_name
from clary.environment.model import Environment
from clary.errors import ClaryError
from clary.projects import deletion


@dataclass(frozen=True)
class Launched:
    """Something that somebody has launched: `AVAILABLE`, `UNDER_CHANGE`, `TAINTED` or `ERROR`."""

    id: str
    name: str
    product: str
    product_id: str
    version: str
    version_id: str
    status: str
    why: str
    owner: str
    last_record: str
    """Of what is being done with it, or was done last."""
    project: str = ""
    """The project in Studio that it was launched as."""

    is_lost: ClassVar[bool] = False
    """A product keeps its role as long as Service Catalog tells of its launches."""

    @property
    def words(self) -> str:
        return f"project {self.project}" if self.project else self.name

    @property
    def way(self) -> str:
        """How it goes. Without its project, this would be left behind."""
        if self.project:
            return deletion(self.project)
        return "`clary catalog terminate`, or Service Catalog's page of provisioned products"

    def is_offered(self, environment: Environment) -> bool:
        """Whether the file has the product that it was launched from."""
        return self.product in {
            product_name(environment.name, team, key)
            for team, portfolio in environment.catalog.portfolios.items()
            for key, _ in portfolio.products.offered()
        }


def launched_by(client: Any, environment: Environment) -> list[Launched]:
    """From the environment's products, by whoever asks."""
    return list(_launched(client, environment, "User"))


def in_use(client: Any, environment: Environment) -> list[Launched]:
    """From the environment's products, whoever did."""
    return list(_launched(client, environment, "Account"))


def pages(operation: Callable[..., Mapping[str, Any]], **arguments: Any) -> Iterator[Mapping[str, Any]]:
    """boto3 has no paginators for the operations of people."""
    while True:
        page = operation(**arguments)
        yield page
        if not page.get("NextPageToken"):
            return
        arguments["PageToken"] = page["NextPageToken"]


def _launched(client: Any, environment: Environment, level: str) -> Iterator[Launched]:
    try:
        answers = pages(client.search_provisioned_products, AccessLevelFilter={"Key": level, "Value": "self"})
        found = [each for page in answers for each in page["ProvisionedProducts"]]
    except ClientError as error:
        raise ClaryError(f"Service Catalog does not say what has been launched: {error}") from error
    for each in sorted(found, key=lambda one: one["Name"]):
        if each.get("ProductName", "").startswith(environment.stack_name("")):
            yield Launched(
                id=each["Id"],
                name=each["Name"],
                product=each["ProductName"],
                product_id=each.get("ProductId", ""),
                version=each.get("ProvisioningArtifactName", ""),
                version_id=each.get("ProvisioningArtifactId", ""),
                status=each["Status"],
                why=each.get("StatusMessage", ""),
                owner=each.get("UserArnSession", each.get("UserArn", "")),
                last_record=each.get("LastRecordId", ""),
            )
