"""`cdk synth|diff|deploy -c environment=dev`: the stacks of one environment, by default `local`.

`-c file=…/dev.yaml` reads another version of its file. `-c product=research/data_scientist` adds the stack
`Product`, that product of the catalog by itself: `cdk deploy Product --parameters Name=emmy`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clary.environment import loader
from stacks.environment_app import add_product, add_stacks, new_app
from stacks.limits import TooLargeError, check_limits
from stacks.policy_limits import check_policies

ROOT = Path(__file__).parent


def main() -> None:
    app = new_app(ROOT)
    name = app.node.try_get_context("environment") or "local"
    try:
        file = app.node.try_get_context("file")
        environment = loader.load(Path(file) if file else loader.find(name, ROOT))
        loader.check_folders(environment, ROOT)
        add_stacks(app, environment, ROOT)
        if product := app.node.try_get_context("product"):
            add_product(app, product)
        assembly = app.synth()
        check_limits(assembly)
        check_policies(assembly)
    except (loader.EnvironmentFileError, TooLargeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
