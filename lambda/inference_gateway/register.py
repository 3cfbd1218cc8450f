"""Where it is written which models have been launched: SageMaker's endpoints, and their tags.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListEndpoints.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTags.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from inference_gateway.adapters import SageMaker
from runtime_common.deadline import Deadline

_PAGE = 100


class EndpointRegister:
    """The port `Register`, kept with SageMaker."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    def endpoints(self, prefix: str, deadline: Deadline) -> Mapping[str, str]:
        asked = {"NameContains": prefix, "MaxResults": _PAGE}
        found = {
            each["EndpointName"]: each["EndpointArn"] for each in self._all("Endpoints", asked, deadline)
        }
        return {name: arn for name, arn in found.items() if name.startswith(prefix)}

    def tags(self, arn: str, deadline: Deadline) -> Mapping[str, str]:
        tags = self._all("Tags", {"ResourceArn": arn}, deadline, of_something=True)
        return {each["Key"]: each["Value"] for each in tags}

    def _all(
        self, what: str, asked: Mapping[str, object], deadline: Deadline, *, of_something: bool = False
    ) -> Iterator[Mapping[str, str]]:
        """Page after page; none of something that is not there."""
        more: dict[str, object] = {}
        while True:
            answer = self._sagemaker.told(
                f"List{what}", {**asked, **more}, deadline=deadline, of_something=of_something
            )
            yield from cast(list[Mapping[str, str]], answer.get(what, []))
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}
