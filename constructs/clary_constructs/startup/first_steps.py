"""Where am I, as whom, and does it work? Run it in a terminal: python first_steps.py"""

import json
import subprocess
from pathlib import Path

METADATA = Path("/opt/ml/metadata/resource-metadata.json")


def main() -> None:
    if METADATA.is_file():
        space = json.loads(METADATA.read_text())
        print(f"This is the space {space.get('SpaceName')} in the domain {space.get('DomainId')}.")
    who = ["aws", "sts", "get-caller-identity"]
    asked = subprocess.run(who, check=True, stdout=subprocess.PIPE)  # noqa: S603 - nothing of anybody's
    print(f"I work as {json.loads(asked.stdout)['Arn']}.")


main()
