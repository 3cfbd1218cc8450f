"""Who may register and scale, where IAM is enforced."""

from __future__ import annotations

from support.identity import EnforcingAws, statement

TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/orders",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}


def test_scaling_takes_the_rights_to_it(enforcing: EnforcingAws) -> None:
    reader = enforcing.somebody(statement("application-autoscaling:Describe*"))
    operator = enforcing.somebody(statement("application-autoscaling:RegisterScalableTarget"))

    refused = reader.refusal(
        "application-autoscaling", "register_scalable_target", **TABLE, MinCapacity=1, MaxCapacity=2
    )

    assert refused is not None
    assert "is not authorized to perform: application-autoscaling:RegisterScalableTarget" in refused
    assert operator.may(
        "application-autoscaling", "register_scalable_target", **TABLE, MinCapacity=1, MaxCapacity=2
    )
    assert reader.may("application-autoscaling", "describe_scalable_targets", ServiceNamespace="dynamodb")
    assert not operator.may(
        "application-autoscaling", "describe_scalable_targets", ServiceNamespace="dynamodb"
    )
