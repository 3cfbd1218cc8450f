"""Who may import whom. The wrong import works at once, and hurts much later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import constructs

ROOT = Path(__file__).parent.parent.parent
SOURCE_ROOTS = ("constructs", "lambda", "tests")

# who (a folder, a module or a glob of them) → what it must not import
FORBIDDEN = {
    "clary/**/*.py": ("aws_cdk", "constructs", "cdk_nag", "clary_constructs", "stacks"),
    "constructs/**/*.py": ("clary", "local_aws", "stacks", "boto3", "botocore"),
    "stacks/**/*.py": ("local_aws", "boto3", "botocore", "os", "time", "datetime", "random"),
    "app.py": ("local_aws", "boto3", "botocore"),
    "lambda/**/*.py": ("clary", "clary_constructs", "local_aws", "stacks", "aws_cdk"),
    "local_aws/**/*.py": ("aws_cdk", "clary_constructs", "stacks"),
}

# a function's rules: everything but where it meets the process, AWS or the network
EDGES_OF_A_FUNCTION = {"handler.py", "adapters.py"}
NOT_IN_RULES = ("os", "boto3", "botocore", "http.client", "socket", "urllib.request")


def imported(source: str) -> Iterator[str]:
    """The full names of the modules that a source file imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)


def offences(pattern: str, forbidden: tuple[str, ...]) -> list[str]:
    return sorted(
        {
            f"{path.relative_to(ROOT)} imports {banned}"
            for path in ROOT.glob(pattern)
            for name in imported(path.read_text())
            for banned in forbidden
            if f"{name}.".startswith(f"{banned}.")
        }
    )


_PACKAGE = 'scope="package"'


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_source_roots_are_not_packages(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()


def test_the_only_packages_of_tests_are_those_that_share_what_runs() -> None:
    """pytest ends what has this scope with a package, and what a mere folder shares with the session."""
    packages = {file.parent.name for file in (ROOT / "tests").rglob("__init__.py")}
    sharing = {
        file.parent.name for file in (ROOT / "tests").rglob("conftest.py") if _PACKAGE in file.read_text()
    }

    assert packages == sharing


def test_constructs_is_the_package_from_pypi() -> None:
    assert "site-packages" in Path(str(constructs.__file__)).parts


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_imports_point_one_way(pattern: str) -> None:
    assert offences(pattern, FORBIDDEN[pattern]) == []


def test_stacks_take_the_environment_and_the_names_from_clary_and_nothing_else() -> None:
    taken = {
        name
        for path in [*ROOT.glob("stacks/*.py"), ROOT / "app.py"]
        for name in imported(path.read_text())
        if name.split(".")[0] == "clary"
    }

    allowed = ("clary.environment", "clary.content", "clary.monitor_content")
    assert {name for name in taken if not name.startswith(allowed)} == set()


@pytest.mark.parametrize("function", [path.parent.name for path in ROOT.glob("lambda/*/handler.py")])
def test_a_function_decides_without_aws_and_without_the_process(function: str) -> None:
    rules = [path for path in ROOT.glob(f"lambda/{function}/*.py") if path.name not in EDGES_OF_A_FUNCTION]

    assert rules
    assert [
        offence for path in rules for offence in offences(str(path.relative_to(ROOT)), NOT_IN_RULES)
    ] == []


def test_the_guard_sees_imports_inside_functions() -> None:
    assert set(imported("def f():\n    from aws_cdk import Stack\n")) == {"aws_cdk", "aws_cdk.Stack"}
