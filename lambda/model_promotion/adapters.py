"""The registry and the endpoint in SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from model_promotion.ports import Endpoint, Request

_NOT_THERE = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")


class PackageGroup:
    def __init__(self, sagemaker: Any, name: str) -> None:
        self._sagemaker = sagemaker
        self._name = name

    def approved(self) -> str | None:
        found = self._sagemaker.list_model_packages(
            ModelPackageGroupName=self._name,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        return found[0]["ModelPackageArn"] if found else None

    def empty(self) -> None:
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._name
        )
        arns = [one["ModelPackageArn"] for page in pages for one in page["ModelPackageSummaryList"]]
        for arn in arns:
            self._sagemaker.delete_model_package(ModelPackageName=arn)


class EndpointByName:
    def __init__(self, sagemaker: Any, name: str) -> None:
        self._sagemaker = sagemaker
        self._name = name

    def look(self) -> Endpoint | None:
        found = self._found(self._sagemaker.describe_endpoint, EndpointName=self._name)
        if found is None:
            return None
        return Endpoint(
            found["EndpointStatus"], found.get("EndpointConfigName", ""), found.get("FailureReason", "")
        )

    def has_model(self, name: str) -> bool:
        return self._found(self._sagemaker.describe_model, ModelName=name) is not None

    def has_configuration(self, name: str) -> bool:
        return self._found(self._sagemaker.describe_endpoint_config, EndpointConfigName=name) is not None

    def models(self) -> list[str]:
        pages = self._sagemaker.get_paginator("list_models").paginate(NameContains=self._part)
        return [one["ModelName"] for page in pages for one in page["Models"]]

    def configurations(self) -> Mapping[str, str]:
        pages = self._sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=self._part)
        names = [one["EndpointConfigName"] for page in pages for one in page["EndpointConfigs"]]
        own = [name for name in names if name.startswith(self._part)]
        found = {
            name: self._found(self._sagemaker.describe_endpoint_config, EndpointConfigName=name)
            for name in own
        }
        return {
            name: variants[0].get("ModelName", "")
            for name, one in found.items()
            if one is not None and (variants := one["ProductionVariants"])
        }

    def create_model(self, name: str, request: Request) -> None:
        self._sagemaker.create_model(ModelName=name, **request)

    def create_configuration(self, name: str, request: Request) -> None:
        self._sagemaker.create_endpoint_config(EndpointConfigName=name, **request)

    def create(self, configuration: str, deployment: Request | None) -> None:
        more = {} if deployment is None else {"DeploymentConfig": deployment}
        self._sagemaker.create_endpoint(EndpointName=self._name, EndpointConfigName=configuration, **more)

    def update(self, configuration: str, deployment: Request | None) -> None:
        more = {} if deployment is None else {"DeploymentConfig": deployment}
        self._sagemaker.update_endpoint(EndpointName=self._name, EndpointConfigName=configuration, **more)

    def delete(self) -> None:
        self._sagemaker.delete_endpoint(EndpointName=self._name)

    def delete_model(self, name: str) -> None:
        self._sagemaker.delete_model(ModelName=name)

    def delete_configuration(self, name: str) -> None:
        self._sagemaker.delete_endpoint_config(EndpointConfigName=name)

    @property
    def _part(self) -> str:
        """What all names that are made for the endpoint have in them: they are cut to 63 characters."""
        return self._name[:50]

    def _found(self, describe: Any, **name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = describe(**name)
        except ClientError as error:
            # SageMaker has no code of its own for what is not there
            missing = "could not find" in str(error).lower() or "not exist" in str(error).lower()
            if error.response["Error"]["Code"] in _NOT_THERE and missing:
                return None
            raise
        return found
