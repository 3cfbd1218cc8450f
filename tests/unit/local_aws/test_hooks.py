"""ministack's private names are where `local_aws.hooks` takes hold of them."""

from __future__ import annotations

import ast
import importlib
import queue
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local_aws import hooks


def _has(module: Any, name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    return hasattr(getattr(module, owner) if owner else module, attribute)


@pytest.mark.parametrize("module_name", sorted(hooks.PRIVATE_NAMES))
def test_ministack_has_every_name_that_is_hooked(module_name: str) -> None:
    module = importlib.import_module(module_name)
    missing = [name for name in hooks.PRIVATE_NAMES[module_name] if not _has(module, name)]

    assert not missing, (
        f"{module_name} of this ministack has no {', '.join(missing)}: adapt local_aws/hooks.py"
    )


def test_every_name_of_ministack_that_is_used_is_listed() -> None:
    modules = {
        alias: value.__name__
        for alias, value in vars(hooks).items()
        if isinstance(value, ModuleType) and value.__name__.startswith("ministack.")
    }
    used = {
        (modules[node.value.id], node.attr)
        for node in ast.walk(ast.parse(Path(hooks.__file__).read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    listed = {(module, name.split(".")[0]) for module, names in hooks.PRIVATE_NAMES.items() for name in names}

    assert used <= listed, f"add to PRIVATE_NAMES: {sorted(used - listed)}"


def test_the_program_of_functions_has_the_places_that_are_replaced() -> None:
    from ministack.core import lambda_runtime

    program = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert program.count(hooks._FUNCTION_CALL) == 1
    assert program.count(hooks._FUNCTION_INIT) == 1


def test_what_a_call_printed_ends_at_its_mark() -> None:
    printed: queue.Queue[str] = queue.Queue()
    for line in ("first", "second" + hooks._MARK, "of the next call"):
        printed.put(line)

    assert hooks._until_mark(printed) == "first\nsecond"


def test_joins_lists_in_conditions() -> None:
    parameters = {"List": {"Value": "a, b"}, "Empty": {"Value": ""}}

    joined = hooks._joined({"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Empty"}]}]}, parameters)

    assert joined == {"Fn::Equals": ["", ""]}
    assert hooks._joined({"Fn::Join": ["-", {"Ref": "List"}]}, parameters) == "a-b"
    assert hooks._joined({"Fn::Join": ["-", ["x", {"Ref": "List"}]]}, parameters) == "x-a, b"
