"""Feature Store's runtime."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from feature_ingestion.ports import NotTaken, Record


class FeatureStore:
    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    def put(self, group: str, record: Record) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_PutRecord.html"""
        try:
            self._runtime.put_record(
                FeatureGroupName=group,
                Record=[
                    {"FeatureName": name, "ValueAsStringList": value}
                    if isinstance(value, list)
                    else {"FeatureName": name, "ValueAsString": value}
                    for name, value in record.items()
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise NotTaken(str(error)) from error
