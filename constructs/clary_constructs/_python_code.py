"""The code of a function that runs on AWS Lambda, cut out of a folder of packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_


def python_code(root: Path, packages: Sequence[str]) -> lambda_.Code:
    """An asset of `packages`, and nothing else, from the folder `root`.

    Its hash is that of the packages' files: a neighbour that changes, or bytecode that a test leaves
    behind, changes nothing.
    """
    for package in packages:
        if not (root / package / "__init__.py").is_file():
            raise FileNotFoundError(f"no package '{package}' in '{root}'")
    kept = [pattern for package in packages for pattern in (f"!/{package}/", f"!/{package}/**")]
    return lambda_.Code.from_asset(
        str(root),
        exclude=["/*", *kept, "__pycache__", "*.pyc"],
        ignore_mode=IgnoreMode.GIT,
    )
