"""Whether a request is allowed, and in AWS's words why not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from local_aws.identity.policy import Caller, Request, Statement

Kind = Literal[
    "identity-based policy",
    "resource-based policy",
    "permissions boundary",
    "session policy",
    "service control policy",
    "VPC endpoint policy",
    "role trust policy",
]
"""The kinds of policies, as AWS's refusals call them
(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)."""

Document = Sequence[Statement]


@dataclass(frozen=True)
class ResourcePolicy:
    document: Document
    account: str
    """The account of the resource."""
    required: bool = False
    """A key's policy must allow what is done with the key, in its own account too
    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html)."""


@dataclass(frozen=True)
class Policies:
    """All policies that have a say. A layer that is None does not exist; an empty one allows nothing."""

    identity: Document | None
    """None for the root user, who needs no policy."""
    boundary: Document | None = None
    session: Document | None = None
    controls: Sequence[Document] = ()
    """The service control policies: one document for the root, each unit and the account."""
    endpoint: Document | None = None
    resource: ResourcePolicy | None = None


@dataclass(frozen=True)
class Decision:
    allowed: bool
    explicit: bool = False
    """Whether a policy denies it, and not only none allows it."""
    kind: Kind = "identity-based policy"
    """Whose refusal it is."""
    matched: tuple[Statement, ...] = field(default=(), compare=False)
    """The statements that made the decision."""

    def because(self, action: str) -> str:
        """The end of AWS's sentence."""
        if self.explicit:
            article = "the" if self.kind == "role trust policy" else "an" if self.kind[0] in "i" else "a"
            return f"with an explicit deny in {article} {self.kind}"
        return f"because no {self.kind} allows the {action} action"


def decide(caller: Caller, request: Request, policies: Policies) -> Decision:
    """Allows the request, or says whose refusal it is: denials first, then the layers from the outside in."""
    resource = policies.resource
    about_caller = tuple(s for s in resource.document if s.names(caller)) if resource else ()
    endpoint = (
        tuple(s for s in policies.endpoint if s.names(caller)) if policies.endpoint is not None else None
    )
    layers: list[tuple[Kind, Document]] = [
        *((("service control policy"), document) for document in policies.controls),
        ("resource-based policy", about_caller),
        ("VPC endpoint policy", endpoint or ()),
        ("identity-based policy", policies.identity or ()),
        ("permissions boundary", policies.boundary or ()),
        ("session policy", policies.session or ()),
    ]
    for kind, document in layers:
        denying = _matching(document, request, allowing=False)
        if denying:
            return Decision(allowed=False, explicit=True, kind=kind, matched=denying)
    for document in policies.controls:
        if not _matching(document, request, allowing=True):
            return Decision(allowed=False, kind="service control policy")
    if endpoint is not None and not _matching(endpoint, request, allowing=True):
        return Decision(allowed=False, kind="VPC endpoint policy")

    granted = _matching(about_caller, request, allowing=True)
    own_account = resource is None or resource.account == caller.account
    needed = resource is not None and (resource.required or not own_account)
    if needed and not granted:
        return Decision(allowed=False, kind="resource-based policy")
    if policies.identity is None:
        return Decision(allowed=True, matched=granted)
    if own_account and any(statement.names_itself(caller) for statement in granted):
        return Decision(allowed=True, matched=granted)
    to_caller = tuple(s for s in granted if not s.names_only_account(caller)) if own_account else ()
    allowing = _matching(policies.identity, request, allowing=True) or to_caller
    if not allowing:
        return Decision(allowed=False, kind="identity-based policy")
    if policies.boundary is not None and not _matching(policies.boundary, request, allowing=True):
        return Decision(allowed=False, kind="permissions boundary")
    if policies.session is not None and not _matching(policies.session, request, allowing=True):
        return Decision(allowed=False, kind="session policy")
    return Decision(allowed=True, matched=allowing)


def trusted(caller: Caller, request: Request, document: Document) -> Decision:
    """Whether a role's trust policy lets the caller in; conditions included."""
    about_caller = tuple(statement for statement in document if statement.names(caller))
    denying = _matching(about_caller, request, allowing=False)
    if denying:
        return Decision(allowed=False, explicit=True, kind="role trust policy", matched=denying)
    allowing = _matching(about_caller, request, allowing=True)
    return Decision(allowed=bool(allowing), kind="role trust policy", matched=allowing)


def names_itself(caller: Caller, decision: Decision) -> bool:
    """Whether a trust policy's decision rests on a statement that names the caller, and not its account."""
    return any(not statement.names_only_account(caller) for statement in decision.matched)


def _matching(document: Iterable[Statement], request: Request, *, allowing: bool) -> tuple[Statement, ...]:
    return tuple(s for s in document if s.allows is allowing and s.matches(request))
