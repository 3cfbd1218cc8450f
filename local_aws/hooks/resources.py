"""The types of resources that stacks are made of."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from ministack.services import cloudformation as _cloudformation
from ministack.services import emr as _emr
from ministack.services.cloudformation import engine as _engine
from ministack.services.cloudformation import helpers as _helpers
from ministack.services.cloudformation import provisioners as _provisioners
from ministack.services.cloudformation import stacks as _stacks

from local_aws.hooks.private_names import PrivateNames
from local_aws.hooks.stacks import StackOperation, wrap_stack_operations

PRIVATE_NAMES: PrivateNames = {
    "ministack.services.emr": ("_clusters",),
    "ministack.services.cloudformation": ("_stacks",),
    "ministack.services.cloudformation.engine": ("_extract_deps",),
    "ministack.services.cloudformation.helpers": ("_validate_stack_tags",),
    "ministack.services.cloudformation.provisioners": (
        "_CONDITIONALLY_REPLACING_PROPERTIES",
        "_CUSTOM_NAME_REPLACEMENT",
        "_NAME_SEED",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_STACK_TAG_PROPERTY",
        "_delete_resource",
        "_physical_name",
        "_provision_resource",
        "_replacing_change",
        "_update_resource",
        "_with_stack_tags",
    ),
    "ministack.services.cloudformation.stacks": (
        "_add_event",
        "_delete_resource",
        "_provision_resource",
        "_resolve_stack_outputs",
        "_runs_on_worker_thread",
        "_update_resource",
        "_with_stack_tags",
    ),
}


ResourceHandlers = dict[str, Any]
"""`create(logical_id, properties, stack)`, `update(physical_id, old, new, stack[, logical_id])` - the
logical id when `update_with_logical_id` is true - and `delete(physical_id, properties)`. The first two
answer the physical id and the attributes; what they raise becomes the resource's status reason."""


def resource_handlers() -> MutableMapping[str, ResourceHandlers]:
    """The handlers of every resource type that templates may use; to be changed in place."""
    handlers: MutableMapping[str, ResourceHandlers] = _provisioners._RESOURCE_HANDLERS
    return handlers


class _Completed(dict[str, Any]):
    """A table of ministack's that works out an entry when it is asked for one that it has not got."""

    def __init__(self, known: Mapping[str, Any], entry: Callable[[str], Any]) -> None:
        super().__init__(known)
        self._entry = entry

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = self._entry(key)
        found = self[key]
        return default if found is None else found


def complete_resource_tables(
    *,
    replacing: Callable[[str], tuple[str, ...] | None],
    conditional: Callable[[str], tuple[str, ...] | None],
    naming: Callable[[str], dict[str, Any] | None],
    tagging: Callable[[str], tuple[str, str] | None],
) -> None:
    """Answers CloudFormation's questions about types that ministack does not know.

    `replacing`: the properties whose change replaces the resource; `conditional`: those of which only some
    changes do, as a change set tells them. `naming`: `name`, the property with a name that a template may
    set, or several that identify a resource together, and `requires_replacement(old, new)` for what
    `replacing` cannot say; a replacement under an unchanged name is refused. `tagging`: the property for
    the stack's tags, and `list` or `map`. None where there is nothing to say.
    """
    for name, entry in (
        ("_REPLACING_PROPERTIES", replacing),
        ("_CONDITIONALLY_REPLACING_PROPERTIES", conditional),
        ("_CUSTOM_NAME_REPLACEMENT", naming),
        ("_STACK_TAG_PROPERTY", tagging),
    ):
        setattr(_provisioners, name, _Completed(getattr(_provisioners, name), entry))


def shape_stack_tags(shape: Callable[[str, dict[str, str]], dict[str, Any]]) -> None:
    """Gives a resource the tags of its stack as `shape(type, tag)` has them, where its type takes a list."""
    usual = _provisioners._with_stack_tags

    def tagged(resource_type: str, properties: dict[str, Any], *arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = usual(resource_type, properties, *arguments)
        if found is properties:
            return found
        name = _provisioners._STACK_TAG_PROPERTY.get(resource_type)[0]
        own = properties.get(name) or []
        if isinstance(own, list) and isinstance(found[name], list):
            found[name] = [tag if tag in own else shape(resource_type, tag) for tag in found[name]]
        return found

    for module in (_provisioners, _stacks):
        module._with_stack_tags = tagged


def run_resources_on_threads(wanted: Callable[[str], bool]) -> None:
    """Lets the handlers of the wanted types block, or call this server."""
    usual = _stacks._runs_on_worker_thread
    _stacks._runs_on_worker_thread = lambda resource_type: wanted(resource_type) or usual(resource_type)


def physical_name(stack: str, logical_id: str, longest: int) -> str:
    """A name for a resource that has none: the same for the same resource until it is replaced."""
    return str(_provisioners._physical_name(stack, logical_id, max_len=longest))


def tell_about_resource(stack_name: str, logical_id: str, resource_type: str, words: str) -> None:
    """Adds an event to those of a resource in progress: `cdk deploy --progress events` prints it."""
    stack = _cloudformation._stacks.get(stack_name)
    if stack is None:
        return
    doing = "UPDATE" if str(stack.get("StackStatus")).startswith("UPDATE") else "CREATE"
    _stacks._add_event(stack["StackId"], stack_name, logical_id, resource_type, f"{doing}_IN_PROGRESS", words)


def replace_physical_name() -> None:
    """From here on, the resource at hand gets another name: it is being replaced."""
    _provisioners._NAME_SEED.set(uuid.uuid4().hex[:8])


def wrap_resource_operations(
    creating: Callable[[Callable[..., Any]], Callable[..., Any]],
    updating: Callable[[Callable[..., Any]], Callable[..., Any]],
    deleting: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    """Puts functions around what CloudFormation does with a resource, of whatever type.

    `create(type, logical_id, properties, stack_name)` and `update(type, physical_id, old, new, stack_name,
    logical_id[, attributes])` answer the physical id and the attributes; `delete(type, physical_id,
    properties[, stack_name, logical_id])`.
    """
    wrappers = {"_provision_resource": creating, "_update_resource": updating, "_delete_resource": deleting}
    for name, wrapper in wrappers.items():
        wrapped = wrapper(getattr(_provisioners, name))
        for module in (_provisioners, _stacks):
            setattr(module, name, wrapped)


def delete_once() -> None:
    """Lets a deletion of a stack that is being deleted do nothing, as on AWS.

    ministack would delete its resources twice at a time, each deletion failing on what the other has just
    deleted, or not yet.
    """
    under_way: set[str] = set()

    async def nothing() -> None:
        return None

    def wrapper(operation: StackOperation, usual: Callable[..., Any]) -> Callable[..., Any]:
        def begin(stack_name: str, stack_id: str, *arguments: Any, **named: Any) -> Coroutine[Any, Any, None]:
            if stack_id in under_way:
                return nothing()
            under_way.add(stack_id)
            operation_itself = usual(stack_name, stack_id, *arguments, **named)

            async def run() -> None:
                try:
                    await operation_itself
                finally:
                    under_way.discard(stack_id)

            return run()

        return begin if operation == "delete" else usual

    wrap_stack_operations(wrapper)


def spare_what_is_needed() -> None:
    """A stack's deletion spares what a resource needs that could not be deleted, and says nothing of it.

    ministack deletes it all the same: a custom resource that has failed would lose its function and its
    rights, and the next attempt could never succeed. AWS deletes nothing that something in the stack still
    depends on, also when it is told to go on:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-delete-stack.html
    """
    tell, delete = _stacks._add_event, _stacks._delete_resource
    failed = "DELETE_FAILED"

    def needed(stack: Mapping[str, Any], logical_id: str) -> bool:
        definitions = (stack.get("_template") or {}).get("Resources", {})
        return any(
            logical_id in _engine._extract_deps(definitions[other], {logical_id})
            for other, resource in stack.get("_resources", {}).items()
            if resource.get("ResourceStatus") == failed and other != logical_id and other in definitions
        )

    def remove(kind: str, physical_id: str, properties: Any, *more: Any, **named: Any) -> Any:
        stack = _cloudformation._stacks.get(more[0]) if len(more) > 1 else None
        if stack and stack["StackStatus"] == "DELETE_IN_PROGRESS" and needed(stack, more[1]):
            raise RuntimeError(f"{more[1]} is needed by what could not be deleted")
        return delete(kind, physical_id, properties, *more, **named)

    def add_event(
        stack_id: str, stack_name: str, logical_id: str, kind: str, status: str, *more: Any, **named: Any
    ) -> None:
        stack = _cloudformation._stacks.get(stack_name) or {}
        if status in ("DELETE_IN_PROGRESS", failed) and stack.get("StackStatus") == "DELETE_IN_PROGRESS":
            if needed(stack, logical_id):
                return
        elif status == failed and logical_id == stack_name:
            left = stack.get("_resources", {})
            tried = [name for name, resource in left.items() if resource.get("ResourceStatus") == failed]
            spared = [name for name in tried if needed(stack, name)]
            for name in spared:
                left[name]["ResourceStatus"] = "CREATE_COMPLETE"
            names = ", ".join(sorted(set(tried) - set(spared)))
            reason = f"The following resource(s) failed to delete: [{names}]. "
            stack["StackStatusReason"] = reason
            more = (reason, *more[1:])
        tell(stack_id, stack_name, logical_id, kind, status, *more, **named)

    _stacks._delete_resource = remove
    _stacks._add_event = add_event


def on_resources_done(done: Callable[[str], None]) -> None:
    """Calls `done(stack_id)` when a deployment has made all resources, and goes on to remove old ones."""
    usual = _stacks._resolve_stack_outputs

    def resolve(*arguments: Any) -> Any:
        resolved = usual(*arguments)
        done(arguments[-1])
        return resolved

    _stacks._resolve_stack_outputs = resolve


def allow_system_tags(allowed: Callable[[str, str], bool]) -> None:
    """Lets stacks have the tags, by key and value, that AWS's services give them and nobody else may."""
    usual = _helpers._validate_stack_tags

    def validate(tags: list[dict[str, str]]) -> Any:
        return usual([tag for tag in tags if not allowed(tag["Key"], tag["Value"])])

    _helpers._validate_stack_tags = validate


def emr_cluster(cluster_id: str) -> dict[str, Any] | None:
    """The record of a cluster, as DescribeCluster answers it."""
    found: dict[str, Any] | None = _emr._clusters.get(cluster_id)
    return found


def wrap_resource_lifecycle(
    create: Callable[[str, str, Mapping[str, Any], str], None],
    update: Callable[[str, str, Mapping[str, Any], Mapping[str, Any]], None],
    delete: Callable[[str, str, Mapping[str, Any]], None],
) -> None:
    """Asks before CloudFormation makes, changes or removes a resource: whoever raises stops it.

    `create(type, logical_id, properties, stack_name)`, `update(type, physical_id, old, new)`,
    `delete(type, physical_id, properties)`. A replacement is a creation and a deletion.
    """
    provision, change, remove = (
        _provisioners._provision_resource,
        _provisioners._update_resource,
        _provisioners._delete_resource,
    )
    within_update: ContextVar[bool] = ContextVar("within_update", default=False)

    def provisioned(kind: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        if not within_update.get():
            create(kind, logical_id, properties, stack)
        return provision(kind, logical_id, properties, stack)

    def changed(
        kind: str, physical_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any, **options: Any
    ) -> Any:
        replaced = _provisioners._replacing_change(kind, old, new)
        if old != new and not replaced:
            update(kind, physical_id, old, new)
        token = within_update.set(not replaced)
        try:
            return change(kind, physical_id, old, new, *more, **options)
        finally:
            within_update.reset(token)

    def removed(kind: str, physical_id: str, properties: dict[str, Any], *more: Any, **options: Any) -> Any:
        delete(kind, physical_id, properties)
        return remove(kind, physical_id, properties, *more, **options)

    for module in (_provisioners, _stacks):
        module._provision_resource = provisioned
        module._update_resource = changed
        module._delete_resource = removed
