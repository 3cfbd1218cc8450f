"""Where features are looked up: the online store of a feature group.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_feature_store_BatchGetRecord.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inference_gateway import limit
from inference_gateway.adapters import SageMaker
from inference_gateway.catalogue import Lookup
from inference_gateway.ports import EndpointFault, FeaturesUnavailable, Known
from runtime_common.deadline import Deadline


class FeatureStore:
    """The port `Features`, kept with SageMaker Feature Store."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    def known(self, lookup: Lookup, keys: Sequence[str], deadline: Deadline) -> Mapping[str, Known]:
        # The identifier as well: a record of which no other feature is known is one, too.
        names = list(dict.fromkeys([lookup.identifier, *lookup.features]))
        asked = {
            "FeatureGroupName": lookup.group,
            "RecordIdentifiersValueAsString": list(dict.fromkeys(keys)),
            "FeatureNames": names,
        }
        try:
            answer = self._sagemaker.features(
                {"Identifiers": [asked]}, deadline=deadline.within(limit.FEATURES_SECONDS)
            )
        except EndpointFault as fault:
            raise FeaturesUnavailable(f"{type(fault).__name__}: {fault}") from fault
        failed = [each.get("ErrorCode") for each in _objects(answer.get("Errors"))]
        left = _objects(answer.get("UnprocessedIdentifiers"))
        if failed or left:
            # With some of the rows, the model would answer something else.
            raise FeaturesUnavailable(f"errors={failed} unprocessed={len(left)}")
        return {
            str(each.get("RecordIdentifierValueAsString")): _record(each)
            for each in _objects(answer.get("Records"))
        }


def _record(found: Mapping[str, object]) -> Known:
    known: dict[str, str | list[str]] = {}
    for each in _objects(found.get("Record")):
        several = each.get("ValueAsStringList")
        name = str(each.get("FeatureName"))
        if isinstance(several, list):
            known[name] = [str(one) for one in several]
        else:
            known[name] = str(each.get("ValueAsString"))
    return known


def _objects(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
