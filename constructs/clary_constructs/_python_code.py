"""The code of a function that runs on AWS Lambda, cut out of a folder of packages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_


def python_code(root: Path, packages: Sequence[str], files: Mapping[str, str] | None = None) -> lambda_.Code:
    """An asset of `packages`, and nothing else, from the folder `root`; `files` are written beside them.

    Its hash is that of the packages' files: a neighbour that changes, or bytecode that a test leaves
    behind, changes nothing.
    """
    for package in packages:
        if not (root / package / "__init__.py").is_file():
            raise FileNotFoundError(f"no package '{package}' in '{root}'")
    kept = [pattern for package in packages for pattern in (f"!/{package}/", f"!/{package}/**")]
    if files:
        root = _with_files(root, packages, files)
        kept += [f"!/{name}" for name in files]
    return lambda_.Code.from_asset(
        str(root),
        exclude=["/*", *kept, "__pycache__", "*.pyc"],
        ignore_mode=IgnoreMode.GIT,
    )


_COPIES: list[tempfile.TemporaryDirectory[str]] = []
"""They go with the process: CDK reads an asset when the function is made, not when the code is."""


def _with_files(root: Path, packages: Sequence[str], files: Mapping[str, str]) -> Path:
    copy = tempfile.TemporaryDirectory(prefix="clary-code-")
    _COPIES.append(copy)
    folder = Path(copy.name)
    for package in packages:
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(root / package, folder / package, ignore=ignored)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
