"""The teams and people of an environment file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from clary.environment.form import Form
from clary.environment.part import DIFFERENT, FROM_LIST, InstanceType, Part, name_of

TeamName = Annotated[str, name_of("a team's name", "research")]
MemberName = Annotated[str, name_of("a member's name", "ada", longest=40)]
"""With it, `<team>-<member>` fits a user profile's name, which has at most 63 characters:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html"""
Persona = Annotated[str, name_of("a persona's name", "data-scientist", longest=24)]
"""What somebody does here, and so what their role may: one that every environment knows, or one of the
file's own. With it, a role's name fits IAM's 64 characters."""
SpaceName = Annotated[str, name_of("a space's name", "editor")]
IdentityCenterUser = Annotated[
    str,
    Form("a user name of IAM Identity Center", "ada@example.org", r"[^\s<>;:%]+", longest=128),
]
IdentityCenterGroup = Annotated[
    str,
    Form(
        "the id of a group in IAM Identity Center",
        "94482488-3041-7026-18f3-be45837cd0e4",
        "([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
]
"""https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_Group.html"""


class Space(Part):
    """A private space: an application, and a disk that only its owner sees."""

    application: Literal["jupyter-lab", "code-editor"] = "jupyter-lab"
    """What it opens."""
    instance_type: InstanceType = "ml.t3.medium"
    """What the space runs on while it is open."""
    storage_gib: int = Field(default=5, ge=5, le=16384)
    """The size of its disk, in GiB."""


class SharedSpace(Part):
    """A JupyterLab space that everybody of a team opens, and sees the others type in."""

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
    spaces: Mapping[SpaceName, Space] = Field(default_factory=dict, max_length=20)
    """More private spaces, by name: `editor` of `research-ada` is the space `research-ada--editor`."""
    user_name: IdentityCenterUser | None = None
    """Who they are in IAM Identity Center, where people sign in with it. It cannot change later: the
    profile would be another one, with an empty home."""
    left: bool = False
    """Whether they have left. Their profile and their spaces stay as they are, without rights and with
    nothing running, until they come back or are taken out of the file."""

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

    def private_spaces(self) -> Iterator[tuple[tuple[str, ...], Space]]:
        """Each private space, and where it is in the member's entry."""
        if self.space is not None:
            yield ("space",), self.space
        for name, space in self.spaces.items():
            yield ("spaces", name), space


class Team(Part):
    """People who share roles and data. Their names appear in user profiles: `<team>-<member>`."""

    members: Mapping[MemberName, Member] = Field(default_factory=dict)
    """Who belongs to it, by name. By default, nobody: a team may only own models."""
    role: Literal["persona", "person"] = "persona"
    """Whether all of a persona work as one role, told apart by the names of their profiles, or everybody
    as a role of their own with the same rights. An account has 1,000 roles, or 5,000 when AWS agrees."""
    shared_space: SharedSpace | None = None
    """A space for all of the team. By default, there is none."""
    identity_center_groups: Annotated[tuple[IdentityCenterGroup, ...], FROM_LIST, DIFFERENT] = Field(
        default=(), max_length=50
    )
    """The groups of IAM Identity Center that may open Studio, where people sign in with it."""
    own_stacks: int = Field(default=0, ge=0, le=64)
    """How many stacks hold the team's people. By default, 0: they are in the environment's own, with room
    for about 400 people. A team that is large, or will be, has stacks to itself, one for each 300 people.
    It cannot change while somebody is in the team: their profiles would move, and be made anew."""


def profile_name(team: str, member: str) -> str:
    return f"{team}-{member}"


def space_name(profile: str, place: tuple[str, ...]) -> str:
    """Of a private space, by where it is in the member's entry. Two hyphens, because no name has them."""
    return profile if len(place) == 1 else f"{profile}--{place[-1]}"


def shared_name(team: str) -> str:
    """Of a team's shared space, and of the profile that owns it."""
    return f"{team}--shared"


def people_unit(team: str, number: int) -> str:
    """The unit of deployment that holds some of a large team's people: `people-research-1`."""
    return f"people-{team}-{number}"


def construct_id(unit: str) -> str:
    """How a unit of deployment is called as a construct, and so its template."""
    return unit.capitalize()
