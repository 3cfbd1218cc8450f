"""`python -m local_aws --port 4566 --state DIR` serves in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local_aws.server import serve


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws", description="AWS on this machine, on loopback."
    )
    parser.add_argument(
        "--port", type=int, help="by default 4566, or a free port when that is taken; 0 for any"
    )
    parser.add_argument(
        "--state", type=Path, default=Path(".clary/local-aws"), help="the folder for all it keeps"
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="authenticate and authorise every request as AWS does, over TLS",
    )
    parser.add_argument(
        "--persist", action="store_true", help="keep what is answered, and take up what was kept before"
    )
    arguments = parser.parse_args()
    return serve(
        arguments.port, arguments.state, persist=arguments.persist, enforce_iam=arguments.enforce_iam
    )


if __name__ == "__main__":
    sys.exit(main())
