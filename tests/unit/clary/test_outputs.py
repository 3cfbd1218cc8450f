"""What `clary outputs` tells of self-service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from clary.environment.model import Environment
from clary.outputs import launch_policies
from clary.target import Target

POLICY = "arn:aws:iam::111122223333:policy/users-of-data-science"


@dataclass(frozen=True)
class Deployed(Target):
    """Has the stacks whose outputs it is given."""

    stacks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - as boto3 has it
        if StackName not in self.stacks:
            said = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": said}, "DescribeStacks")
        told = self.stacks[StackName].items()
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told]}]}


def environment(*teams: str) -> Environment:
    portfolio = {
        "principals": ["arn:aws:iam::111122223333:role/newcomers"],
        "products": {"data_scientist": {}},
    }
    return Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"data-science": {}},
            "catalog": {"portfolios": dict.fromkeys(teams, portfolio)},
        }
    )


def test_tells_which_policy_lets_people_launch(tmp_path: Path) -> None:
    stacks = {
        "clary-dev-catalog": {"CatalogUserPolicyArnDataScience": POLICY, "PortfolioIdDataScience": "port-1"}
    }

    assert launch_policies(Deployed(environment("data-science"), None, tmp_path, stacks=stacks)) == {
        "data-science": POLICY
    }


def test_tells_of_no_policy_before_the_catalog_is_deployed(tmp_path: Path) -> None:
    assert launch_policies(Deployed(environment("data-science"), None, tmp_path)) == {}
