"""SageMaker's resource families, read from botocore's service model: one for each Create and Describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import botocore.session
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

Verb = Literal["Create", "Describe", "List", "Update", "Delete", "Stop", "Start"]
_VERBS: tuple[Verb, ...] = ("Create", "Describe", "List", "Update", "Delete", "Stop", "Start")

_ARN_WORDS = {
    "AutoMLJob": "automl-job",
    "AutoMLJobV2": "automl-job",
    "HumanTaskUi": "human-task-ui",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}
"""ARNs that do not begin with the family's name (service authorization reference for SageMaker)."""

_KEPT_AS = {"AutoMLJobV2": "AutoMLJob"}
"""Families that are another's resources, seen by a newer operation."""

_WORDS = {
    "Endpoint": "endpoint",
    "EndpointConfig": "endpoint configuration",
    "Model": "model",
}
"""What errors call a resource, where it is not the family's name in small letters."""


@dataclass(frozen=True)
class Family:
    """What the model tells of a kind of resource."""

    name: str

    @cached_property
    def _described(self) -> StructureShape:
        shape = _operation("Describe", self.name).output_shape
        assert isinstance(shape, StructureShape)
        return shape

    @property
    def key(self) -> tuple[str, ...]:
        """The members that identify a resource: ('DomainId', 'SpaceName')."""
        return tuple(_input("Describe", self.name).required_members)

    @cached_property
    def wrapped(self) -> bool:
        """Some families are described inside a member of their own name: {"Workteam": {...}}."""
        return list(self._described.members) == [self.name]

    @cached_property
    def described(self) -> StructureShape:
        shape = self._described.members[self.name] if self.wrapped else self._described
        assert isinstance(shape, StructureShape)
        return shape

    @cached_property
    def accepted(self) -> frozenset[str]:
        """What Create takes."""
        return frozenset(_input("Create", self.name).members)

    @cached_property
    def updatable(self) -> frozenset[str]:
        """What Update takes; nothing where a resource cannot be updated."""
        return frozenset(_input("Update", self.name).members) if self.has("Update") else frozenset()

    @cached_property
    def arn_member(self) -> str:
        own = (f"{member.removesuffix('Name')}Arn" for member in self.key)
        candidates = (f"{self.name}Arn", "JobDefinitionArn", "JobArn", "Arn", *own)
        return next(name for name in candidates if name in self.described.members)

    @cached_property
    def status_member(self) -> str | None:
        own = (f"{member.removesuffix('Name')}Status" for member in self.key)
        for name in (f"{self.name}Status", "Status", *own):
            shape = self.described.members.get(name)
            if isinstance(shape, StringShape) and shape.enum:
                return name
        return None

    @property
    def kept_as(self) -> str:
        """The family's name in the store."""
        return _KEPT_AS.get(self.name, self.name)

    @property
    def identity(self) -> str | None:
        """The one key member that no request gives: the service makes it up."""
        given = self.accepted
        return self.key[0] if len(self.key) == 1 and self.key[0] not in given else None

    @property
    def words(self) -> str:
        """`training job` for TrainingJob."""
        return _WORDS.get(self.name, _kebab(self.name).replace("-", " "))

    def arn(self, key: tuple[str, ...], account: str, region: str) -> str:
        """Names are in small letters there, however they are written elsewhere."""
        if key[0].startswith("arn:"):
            return key[0]
        word = _ARN_WORDS.get(self.name, _kebab(self.name))
        return f"arn:aws:sagemaker:{region}:{account}:{word}/{'/'.join(key).lower()}"

    def has(self, verb: Verb) -> bool:
        return f"{verb}{self.name}" in _service().operation_names

    def declares(self, verb: Verb, error: str) -> bool:
        """Whether the model lists an error for the operation: where it does not, it is a validation error."""
        return any(shape.name == error for shape in _operation(verb, self.name).error_shapes)


@dataclass(frozen=True)
class Listing:
    """A List operation: `member` of its output holds the resources."""

    family: Family
    member: str
    element: Shape
    defaults: Mapping[str, str]
    """What the documentation says of members that are left out: {"SortOrder": "Ascending"}."""


@cache
def families() -> Mapping[str, Family]:
    names = _service().operation_names
    found = (name.removeprefix("Create") for name in names if name.startswith("Create"))
    return {name: Family(name) for name in found if f"Describe{name}" in names and f"Create{name}" in names}


@cache
def operations() -> Mapping[str, tuple[Verb, Family]]:
    """The operations that are about one family, by name."""
    found: dict[str, tuple[Verb, Family]] = {}
    names = set(_service().operation_names)
    for family in families().values():
        for verb in _VERBS:
            plurals = (family.name,) if verb != "List" else _plurals(family.name)
            for name in plurals:
                if verb + name in names:
                    found[verb + name] = (verb, family)
    return found


@cache
def listing(name: str) -> Listing:
    _, family = operations()[name]
    operation = _service().operation_model(name)
    output = operation.output_shape
    assert isinstance(output, StructureShape)
    member, shape = next(
        (member, shape) for member, shape in output.members.items() if isinstance(shape, ListShape)
    )
    return Listing(family, member, shape.member, _documented_defaults(operation))


@cache
def operation(name: str) -> OperationModel | None:
    """An operation of the service; None when it has none of that name."""
    return _service().operation_model(name) if name in _service().operation_names else None


@cache
def _service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def _operation(verb: Verb, family: str) -> OperationModel:
    return _service().operation_model(verb + family)


def _input(verb: Verb, family: str) -> StructureShape:
    shape = _operation(verb, family).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def _plurals(name: str) -> tuple[str, ...]:
    return f"{name}s", f"{name}es", re.sub("y$", "ies", name)


def _documented_defaults(operation: OperationModel) -> Mapping[str, str]:
    shape = operation.input_shape
    members = shape.members if isinstance(shape, StructureShape) else {}
    found = {}
    for name, member in members.items():
        said = re.search(r"default(?: value)? is (?:<code>)?(\w+)", str(member.documentation or ""))
        if said:
            found[name] = said.group(1)
    return found


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
