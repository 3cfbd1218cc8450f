"""What an environment file says of data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, Complaint, Part, refusal

RoleArn = Annotated[
    str,
    Form(
        "the ARN of an IAM role, with * after its first three letters at most",
        "arn:aws:iam::111122223333:role/data-delivery",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{3}[A-Za-z0-9+=,.@_/*-]*",
        longest=200,
    ),
]


class Data(Part):
    """What happens to data when the environment is destroyed, and from where it is reached. Deleting it has
    to be said twice."""

    on_destroy: Literal["retain", "delete"] = "retain"
    """`retain` keeps buckets, keys and image repositories when the environment is destroyed."""
    delete_confirmed_for: str | None = None
    """The environment's own name, once more, when `on_destroy` is `delete`: a copied file deletes nothing."""
    only_from_vpc: bool = False
    """Whether the data bucket answers only within the VPC, and the models bucket takes nothing from outside.
    By default, roles alone decide: the console, and who deploys from elsewhere, would see no data."""
    except_for: Annotated[tuple[RoleArn, ...], FROM_LIST, DIFFERENT] = Field(default=(), max_length=20)
    """Roles that reach it from elsewhere all the same: who brings data, or deploys what trains on it."""

    @model_validator(mode="after")
    def _exceptions_have_a_rule(self) -> Self:
        if self.except_for and not self.only_from_vpc:
            message = "makes exceptions but 'only_from_vpc' is false, set that or remove them"
            raise refusal(Complaint(("except_for",), message))
        return self

    def misfits(self, account: str, role_path: str, studio_network: str) -> Iterator[Complaint]:
        """What does not go together with the rest of the file; all roles of people are below `role_path`."""
        if self.only_from_vpc and studio_network == "public":
            message = "shuts out spaces, whose 'studio.network' is 'public', change one of the two"
            yield Complaint(("data", "only_from_vpc"), message)
        for index, arn in enumerate(self.except_for):
            path = ("data", "except_for", index)
            owner, _, role = arn.partition("::")[2].partition(":role")
            if owner != account:
                yield Complaint(path, f"'{arn}' belongs to another account than {account}, name one of this")
            elif role.startswith(role_path):
                yield Complaint(path, f"'{arn}' is a role of people here, who work within the VPC, remove it")
