"""What every product is: a template, what its fields may hold, and what launching it takes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import aws_cdk as cdk

from clary.environment.catalog import marks, product_name
from clary.environment.model import Environment
from clary.environment.part import Part
from clary_constructs import FieldRule, LaunchRight, SharedValue, SharedValues
from stacks.access import AccessStack
from stacks.data import DataStack
from stacks.network import NetworkStack
from stacks.people import Studio
from stacks.tagging import tag


@dataclass(frozen=True)
class Offer:
    """A product of one team's, and what it is made of."""

    environment: Environment
    team: str
    settings: Part
    """What the file says of it."""
    stack: cdk.Stack
    """The catalog's: policies are written there, and values shared."""
    shared: SharedValues
    network: NetworkStack
    data: DataStack
    access: AccessStack
    studio: Studio


class Product(ABC):
    """Templates know the environment by what it shares, so that they can be launched, or deployed, alone."""

    key: ClassVar[str]
    title: ClassVar[str]
    """What a person reads who looks for it."""
    about: ClassVar[str]
    tags: ClassVar[Mapping[str, str]] = {}
    """On the product itself, besides those that everything has."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self._shared: dict[str, SharedValue] = {}

    @abstractmethod
    def add_to(self, stack: cdk.Stack) -> None:
        """Fills the stack that a launch makes."""

    @abstractmethod
    def rights(self) -> Sequence[LaunchRight]:
        """What the launch role may do, besides what every launch takes and the reading of shared values."""

    def launch_rights(self) -> Sequence[LaunchRight]:
        parameters = sorted({value.parameter_arn for value in self._shared.values()})
        reads = LaunchRight("reads what the environment shares", ["ssm:GetParameters"], parameters)
        return [*self.rights(), reads]

    def uses(self) -> Sequence[LaunchRight]:
        """What whoever launches may do with what was made, by rights of their own. By default, nothing."""
        return ()

    def rules(self) -> Sequence[FieldRule]:
        """What fields may not hold, beyond what they say themselves. By default, nothing."""
        return ()

    @property
    def name(self) -> str:
        return product_name(self.offer.environment.name, self.offer.team, self.key)

    @property
    def marks(self) -> Mapping[str, str]:
        """Tags that never change."""
        return marks(self.offer.environment, self.offer.team)

    def offer_besides(self) -> None:  # noqa: B027 - most products are offered in one way
        """Offers it in other ways, too, in the catalog's stack. By default, in none."""

    def template(self, fill: Callable[[cdk.Stack], None] | None = None) -> Mapping[str, Any]:
        """As it is launched: rendered in an app of its own, because nothing of it is deployed with others.

        By default, `add_to` fills it.
        """
        with tempfile.TemporaryDirectory() as folder:
            app = cdk.App(analytics_reporting=False, outdir=folder, context=self._context())
            stack = cdk.Stack(app, "Product", synthesizer=cdk.BootstraplessSynthesizer())
            stack.template_options.metadata = {"Environment": self._shared_content()}
            (fill or self.add_to)(stack)
            tag(stack, {**self.offer.environment.all_tags, **self.marks})
            rendered: Mapping[str, Any] = app.synth().get_stack_by_name("Product").template
            return rendered

    def share(self, name: str, value: str) -> SharedValue:
        """Of the environment, for the template to read."""
        shared = self.offer.shared.share(name, value)
        self._shared[name] = shared
        return shared

    def use(self, shared: SharedValue) -> SharedValue:
        """What another stack of the environment shares, for the template to read."""
        self._shared[shared.parameter_name] = shared
        return shared

    def _shared_content(self) -> str:
        """A hash of what is shared as it is written in the catalog's template, without what it refers to.

        CloudFormation looks at a parameter again when a template has changed, and not before: other
        settings are another version.
        """
        written = self.offer.stack.resolve([each.value for each in self._shared.values()])
        return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:12]

    def _context(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.offer.stack.node.get_all_context()
        return {key: value for key, value in found.items() if key.startswith("@aws-cdk/")}
