"""People who bring themselves in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk

from clary.environment import catalog
from clary_constructs import (
    FieldRule,
    LaunchRight,
    SharedValue,
    StudioPerson,
    StudioSpace,
    StudioUser,
    person_rights,
    profile_values,
)
from stacks import studio_tools
from stacks.people import user_group
from stacks.products import fields
from stacks.products.product import Offer, Product

_STEM = "Person"


class DataScientist(Product):
    key = "data_scientist"
    title = "Data scientist"
    about = (
        "A profile in Studio with the role of its persona, a private space and a private part of the team's"
        " data. Give a name, in small letters; the name stays."
    )

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, catalog.DataScientist)
        self._said = offer.settings
        group = user_group(
            offer.environment,
            offer.team,
            self._said.persona,
            studio=offer.studio,
            data=offer.data,
            access=offer.access,
        )
        self._group = group.name
        values = profile_values(
            offer.stack,
            {group.name: group},
            offer.studio.domain,
            offer.studio.settings,
            offer.studio.leavers,
        )
        self._in_apps_group = group.apps_group is not None
        self._values: Mapping[str, SharedValue] = {
            name: self.share(self._shared_name(name), value) for name, value in values.items()
        }

    def add_to(self, stack: cdk.Stack) -> None:
        offer, space = self.offer, self._said.space
        given = fields.name(
            stack,
            "Your name here, for example ada: small letters, digits and single hyphens",
            longest=catalog.LONGEST_MEMBER,
        )
        name = cdk.Fn.join("-", [offer.team, given])
        spaces = []
        if space is not None:
            spaces.append(
                StudioSpace(
                    name,
                    application=studio_tools.SPACE_APPLICATIONS[space.application],
                    instance_type=space.instance_type,
                    storage_gib=space.storage_gib,
                )
            )
        StudioPerson(
            stack,
            _STEM,
            user=StudioUser(
                name,
                self._group,
                spaces=spaces,
                tags=self.marks,
                in_apps_group=self._in_apps_group,
                stem=_STEM,
            ),
            values={key: value.reference for key, value in self._values.items()},
            retain=offer.environment.retain_data,
        )
        cdk.CfnOutput(stack, "Profile", value=name, description="The profile's name in Studio")
        cdk.CfnOutput(
            stack,
            "PrivateFiles",
            value=cdk.Fn.join("", [f"{offer.team}--private/", name, "/"]),
            description="Where in the buckets nobody else looks",
        )

    def rights(self) -> Sequence[LaunchRight]:
        return person_rights(
            self.offer.stack,
            self._values,
            group=self._group,
            names=f"{self.offer.team}-*",
            spaces=self._said.space is not None,
        )

    def rules(self) -> Sequence[FieldRule]:
        taken = catalog.taken(self.offer.environment, self.offer.team)
        return fields.name_is_free(
            taken, "whoever has this name is in the environment's file, choose another one"
        )

    def _shared_name(self, parameter: str) -> str:
        """`DomainId` is every product's, `RoleResearchDataScientist` this one's."""
        words = "".join(f"-{each.lower()}" if each.isupper() else each for each in parameter)
        return words.lstrip("-")
