"""IAM's simulators tell what the enforcement does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.identity import ACCOUNT, EnforcingAws, document, statement


def _decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"]
        for result in answer["EvaluationResults"]
    }


def test_tells_what_requests_are_told(enforcing: EnforcingAws) -> None:
    mine, other = enforcing.bucket(), enforcing.bucket()
    arns = [f"arn:aws:s3:::{mine}", f"arn:aws:s3:::{other}"]
    role = enforcing.role(
        statement("s3:*", arns),
        statement("s3:ListBucketVersions", effect="Deny"),
        boundary=document(statement("s3:List*", arns[0])),
    )
    session = enforcing.session(role)
    iam = enforcing.client("iam")

    simulated = _decisions(
        iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketTagging"],
            ResourceArns=arns,
        )
    )

    for bucket, arn in ((mine, arns[0]), (other, arns[1])):
        for action, operation in (
            ("s3:ListBucket", "list_objects_v2"),
            ("s3:ListBucketVersions", "list_object_versions"),
            ("s3:GetBucketTagging", "get_bucket_tagging"),
        ):
            allowed = simulated[action, arn] == "allowed"
            assert session.may("s3", operation, Bucket=bucket) == allowed, (action, arn)
    assert simulated["s3:ListBucketVersions", arns[0]] == "explicitDeny"
    assert simulated["s3:GetBucketTagging", arns[0]] == "implicitDeny"


def test_context_entries_fill_condition_keys(enforcing: EnforcingAws) -> None:
    small = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*"]}}
    isolated = {"Bool": {"sagemaker:NetworkIsolation": "true"}}
    role = enforcing.role(
        statement("sagemaker:CreateTrainingJob", Condition={**small, **isolated}),
    )
    iam = enforcing.client("iam")

    def decision(*entries: tuple[str, list[str], str]) -> dict[str, Any]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["sagemaker:CreateTrainingJob"],
            ContextEntries=[
                {"ContextKeyName": name, "ContextKeyValues": values, "ContextKeyType": kind}
                for name, values, kind in entries
            ],
        )
        found: dict[str, Any] = answer["EvaluationResults"][0]
        return found

    isolation = ("sagemaker:NetworkIsolation", ["true"], "boolean")

    good = decision(("sagemaker:InstanceTypes", ["ml.m5.large", "ml.m5.xlarge"], "stringList"), isolation)
    bad = decision(("sagemaker:InstanceTypes", ["ml.m5.large", "ml.p4d.24xlarge"], "stringList"), isolation)
    missing = decision(("sagemaker:InstanceTypes", ["ml.m5.large"], "stringList"))

    assert good["EvalDecision"] == "allowed"
    assert good["MatchedStatements"] == [{"SourcePolicyId": "inline", "SourcePolicyType": "IAM Policy"}]
    assert bad["EvalDecision"] == "implicitDeny"
    assert missing["EvalDecision"] == "implicitDeny"
    assert missing["MissingContextValues"] == ["sagemaker:NetworkIsolation"]


def test_custom_policies_are_tried_with_a_boundary_and_a_resource_policy(enforcing: EnforcingAws) -> None:
    iam = enforcing.client("iam")
    user = f"arn:aws:iam::{ACCOUNT}:user/tried"
    resource = "arn:aws:s3:::anything/here"
    both = {"PolicyInputList": [document(statement("s3:GetObject"))], "ActionNames": ["s3:GetObject"]}
    granting = document(statement("s3:GetObject", resource, Principal={"AWS": user}))
    denying = document(statement("s3:GetObject", resource, effect="Deny", Principal="*"))

    def decision(**more: Any) -> str:
        answer = iam.simulate_custom_policy(**{**both, "ResourceArns": [resource], **more})
        return str(answer["EvaluationResults"][0]["EvalDecision"])

    assert decision() == "allowed"
    assert decision(PermissionsBoundaryPolicyInputList=[document(statement("sqs:*"))]) == "implicitDeny"
    assert decision(ResourcePolicy=denying, CallerArn=user) == "explicitDeny"
    only_resource = {"PolicyInputList": [document(statement("sqs:*"))], "CallerArn": user}
    assert decision(**only_resource) == "implicitDeny"
    assert decision(**only_resource, ResourcePolicy=granting) == "allowed"


def test_variables_and_tags_count(enforcing: EnforcingAws) -> None:
    team = "arn:aws:s3:::shared/${aws:PrincipalTag/team}/*"
    role = enforcing.role(statement("s3:GetObject", team), tags={"team": "red"})

    simulated = _decisions(
        enforcing.client("iam").simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["s3:GetObject"],
            ResourceArns=["arn:aws:s3:::shared/red/a", "arn:aws:s3:::shared/blue/a"],
        )
    )

    assert list(simulated.values()) == ["allowed", "implicitDeny"]


def test_results_come_in_pages(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("s3:*"))
    pages = (
        enforcing.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=role,
            ActionNames=["s3:GetObject", "s3:PutObject", "sqs:SendMessage"],
            PaginationConfig={"PageSize": 2},
        )
    )

    assert [len(page["EvaluationResults"]) for page in pages] == [2, 1]


def test_whom_there_is_not_is_told(enforcing: EnforcingAws) -> None:
    iam = enforcing.client("iam")

    with pytest.raises(ClientError, match="cannot be found") as refused:
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/nobody", ActionNames=["s3:GetObject"]
        )
    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"
    with pytest.raises(ClientError, match="is not a valid policy document"):
        iam.simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["s3:GetObject"])
