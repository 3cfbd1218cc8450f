"""ministack's private names are where `local_aws.hooks` takes hold of them."""

from __future__ import annotations

import ast
import importlib
import queue
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local_aws import hooks


def _has(module: Any, name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    return hasattr(getattr(module, owner) if owner else module, attribute)


MODULES = [
    module
    for module in vars(hooks).values()
    if isinstance(module, ModuleType) and "PRIVATE_NAMES" in vars(module)
]


@pytest.mark.parametrize("hooking", MODULES, ids=lambda module: module.__name__)
def test_ministack_has_every_name_that_is_hooked(hooking: Any) -> None:
    missing = [
        f"{module}.{name}"
        for module, names in hooking.PRIVATE_NAMES.items()
        for name in names
        if not _has(importlib.import_module(module), name)
    ]

    assert not missing, f"this ministack has no {', '.join(missing)}: adapt {hooking.__name__}"


@pytest.mark.parametrize("hooking", MODULES, ids=lambda module: module.__name__)
def test_every_name_of_ministack_that_is_used_is_listed(hooking: Any) -> None:
    used = set(_used(hooking))
    listed = {
        (module, name.split(".")[0]) for module, names in hooking.PRIVATE_NAMES.items() for name in names
    }

    assert used <= listed, f"add to PRIVATE_NAMES: {sorted(used - listed)}"


def test_nobody_else_touches_ministack() -> None:
    folder = Path(hooks.__file__).parent
    others = [path for path in folder.parent.rglob("*.py") if path.parent != folder]
    listing = {Path(module.__file__ or "") for module in MODULES}

    assert [path for path in others if _imports_ministack(path)] == []
    assert {path for path in folder.glob("*.py") if _imports_ministack(path)} <= listing


def _used(hooking: ModuleType) -> Iterator[tuple[str, str]]:
    modules = {
        alias: value.__name__
        for alias, value in vars(hooking).items()
        if isinstance(value, ModuleType) and value.__name__.startswith("ministack.")
    }
    for node in ast.walk(ast.parse(Path(hooking.__file__ or "").read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


def _imports_ministack(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text()))
    return any(
        (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"))
        or (isinstance(node, ast.Import) and any(name.name.startswith("ministack") for name in node.names))
        for node in nodes
    )


def test_the_program_of_functions_has_the_places_that_are_replaced() -> None:
    from ministack.core import lambda_runtime

    program = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert program.count(hooks.functions._FUNCTION_CALL) == 1
    assert program.count(hooks.functions._FUNCTION_INIT) == 1


def test_what_a_call_printed_ends_at_its_mark() -> None:
    printed: queue.Queue[str] = queue.Queue()
    for line in ("first", "second" + hooks.functions._MARK, "of the next call"):
        printed.put(line)

    assert hooks.functions._until_mark(printed) == "first\nsecond"


def test_joins_lists_in_conditions() -> None:
    parameters = {"List": {"Value": "a, b"}, "Empty": {"Value": ""}}

    joined = hooks.templates._joined({"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Empty"}]}]}, parameters)

    assert joined == {"Fn::Equals": ["", ""]}
    assert hooks.templates._joined({"Fn::Join": ["-", {"Ref": "List"}]}, parameters) == "a-b"
    assert hooks.templates._joined({"Fn::Join": ["-", ["x", {"Ref": "List"}]]}, parameters) == "x-a, b"
