"""What every project gives its template, whoever makes a stack of it.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def own_parameters(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """A project's template must have the parameters that SageMaker gives it."""
    return [
        {"Key": "SageMakerProjectName", "Value": record["ProjectName"]},
        {"Key": "SageMakerProjectId", "Value": record["ProjectId"]},
    ]


def tags_of(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """What SageMaker tags a project's resources with, and whoever makes it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-resources.html
    """
    return [
        {"Key": "sagemaker:project-name", "Value": record["ProjectName"]},
        {"Key": "sagemaker:project-id", "Value": record["ProjectId"]},
        *(tag for tag in record.get("Tags", ()) if not tag["Key"].startswith("aws:")),
    ]
