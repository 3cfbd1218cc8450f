"""Studio's lifecycle configurations: not deleted while somebody's settings name them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteStudioLifecycleConfig.html
"""

from __future__ import annotations

import json

from local_aws.errors import ServiceError
from local_aws.sagemaker import resources
from local_aws.sagemaker.behaviour import Behaviour
from local_aws.store import Record


class StudioLifecycleConfig(Behaviour):
    def check_deletion(self, record: Record) -> None:
        arn = record["StudioLifecycleConfigArn"]
        for family in ("Domain", "UserProfile", "Space", "App"):
            for other in resources.every(family):
                if other.get("Status") != "Deleted" and json.dumps(arn) in json.dumps(other):
                    raise ServiceError(
                        "ResourceInUse",
                        f"Unable to delete StudioLifecycleConfig [{arn}] because it is in use by {family}"
                        f" [{other[f'{family}Arn']}].",
                    )
