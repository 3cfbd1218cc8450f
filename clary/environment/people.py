"""The teams and people of an environment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from clary.environment.part import InstanceType, Part, name_of

TeamName = Annotated[str, name_of("a team's name", "research")]
MemberName = Annotated[str, name_of("a member's name", "ada", longest=40)]
"""With it, `<team>-<member>` fits a user profile's name, which has at most 63 characters:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html"""
Persona = Annotated[str, name_of("a persona's name", "data-scientist", longest=24)]
"""What somebody does here, and so what their role may: one that every environment knows, or one of the
file's own. With it, a role's name fits IAM's 64 characters."""


class Space(Part):
    """A private JupyterLab space."""

    instance_type: InstanceType = "ml.t3.medium"
    """What the space runs on while it is open."""
    storage_gib: int = Field(default=5, ge=5, le=16384)
    """The size of its disk, in GiB."""


class Member(Part):
    """Somebody of a team. `ada: data-scientist` is short for `ada: {persona: data-scientist}`."""

    persona: Persona
    """What they do here, and so what their role may."""
    space: Space | None = Space()
    """By default, a small private space; `null` for none."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: object) -> object:
        return {"persona": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        long = handler.resolve_ref_schema(handler(schema))
        return {"description": long["description"], "anyOf": [long["properties"]["persona"], long]}


class Team(Part):
    """People who share roles and data. Their names appear in user profiles: `<team>-<member>`."""

    members: Mapping[MemberName, Member] = Field(default_factory=dict)
    """Who belongs to it, by name. By default, nobody: a team may only own models."""
