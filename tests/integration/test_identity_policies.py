"""Decisions over boto3, with users and sessions of roles: policies of every kind."""

from __future__ import annotations

import pytest

from support.identity import ACCOUNT, EnforcingAws, document, statement

LIST = ("s3", "list_objects_v2")


def _bucket_arn(bucket: str) -> list[str]:
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_nobody_may_anything_without_a_policy(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    somebody = enforcing.somebody()

    assert somebody.refusal(*LIST, Bucket=bucket) == (
        f"User: {somebody.arn} is not authorized to perform: s3:ListBucket"
        f' on resource: "arn:aws:s3:::{bucket}"'
        " because no identity-based policy allows the s3:ListBucket action"
    )


def test_allows_what_an_identity_policy_allows_and_nothing_beside(enforcing: EnforcingAws) -> None:
    mine, other = enforcing.bucket(), enforcing.bucket()
    somebody = enforcing.somebody(statement("s3:List*", _bucket_arn(mine)))

    assert somebody.may(*LIST, Bucket=mine)
    assert not somebody.may(*LIST, Bucket=other)


def test_a_denial_wins_and_says_so(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    somebody = enforcing.somebody(statement("s3:*"), statement("s3:ListBucket", effect="Deny"))

    refusal = somebody.refusal(*LIST, Bucket=bucket)

    assert refusal is not None
    assert refusal.endswith("with an explicit deny in an identity-based policy")


def test_a_boundary_limits_and_is_named(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    somebody = enforcing.somebody(statement("s3:*"), boundary=document(statement("s3:GetObject")))

    refusal = somebody.refusal(*LIST, Bucket=bucket)

    assert refusal is not None
    assert refusal.endswith("because no permissions boundary allows the s3:ListBucket action")


def test_a_session_policy_limits_and_is_named(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    role = enforcing.role(statement("s3:*"))
    limited = enforcing.session(role, Policy=document(statement("s3:GetObject")))
    unlimited = enforcing.session(role, Policy=document(statement("s3:ListBucket")))

    refusal = limited.refusal(*LIST, Bucket=bucket)

    assert unlimited.may(*LIST, Bucket=bucket)
    assert refusal is not None
    assert refusal.endswith("because no session policy allows the s3:ListBucket action")


def test_a_group_gives_its_members_rights(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    iam = enforcing.client("iam")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(
        GroupName="readers", PolicyName="read", PolicyDocument=document(statement("s3:ListBucket"))
    )

    assert enforcing.user(groups=["readers"]).may(*LIST, Bucket=bucket)
    assert not enforcing.user().may(*LIST, Bucket=bucket)


def test_a_bucket_policy_alone_lets_a_role_in(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    role = enforcing.role()
    _put_policy(enforcing, bucket, statement("s3:ListBucket", _bucket_arn(bucket), Principal={"AWS": role}))

    assert enforcing.session(role).may(*LIST, Bucket=bucket)
    assert not enforcing.somebody().may(*LIST, Bucket=bucket)


def test_a_bucket_policy_for_the_account_leaves_it_to_identity_policies(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    _put_policy(enforcing, bucket, statement("s3:*", _bucket_arn(bucket), Principal={"AWS": ACCOUNT}))

    assert not enforcing.somebody().may(*LIST, Bucket=bucket)
    assert enforcing.somebody(statement("s3:ListBucket")).may(*LIST, Bucket=bucket)


def test_a_grant_to_the_session_itself_is_not_narrowed_by_a_boundary(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    role = enforcing.role(boundary=document(statement("sqs:*")))
    session = enforcing.session(role)
    to_session = statement("s3:ListBucket", _bucket_arn(bucket), Principal={"AWS": session.arn})
    _put_policy(enforcing, bucket, to_session)
    by_session = session.may(*LIST, Bucket=bucket)
    _put_policy(enforcing, bucket, {**to_session, "Principal": {"AWS": role}})

    assert by_session
    assert not session.may(*LIST, Bucket=bucket)


def test_not_principal_spares_only_whom_it_names(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    spared = enforcing.user(statement("s3:*"))
    others = enforcing.user(statement("s3:*"))
    root = f"arn:aws:iam::{ACCOUNT}:root"
    denying = statement(
        "s3:ListBucket", _bucket_arn(bucket), effect="Deny", NotPrincipal={"AWS": [spared.arn, root]}
    )
    _put_policy(enforcing, bucket, denying)

    assert spared.may(*LIST, Bucket=bucket)
    assert "explicit deny in a resource-based policy" in str(others.refusal(*LIST, Bucket=bucket))


def test_the_root_user_minds_a_bucket_policy_and_can_take_it_back(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    s3 = enforcing.client("s3")
    _put_policy(enforcing, bucket, statement("s3:*", _bucket_arn(bucket), effect="Deny", Principal="*"))

    with pytest.raises(s3.exceptions.ClientError, match="explicit deny in a resource-based policy"):
        s3.list_objects_v2(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_variables_stand_for_the_caller(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"home/red/a": b"1", "home/blue/a": b"1"})
    resource = f"arn:aws:s3:::{bucket}/home/${{aws:PrincipalTag/team, 'nobody'}}/*"
    red = enforcing.somebody(statement("s3:GetObject", resource), tags={"team": "red"})
    untagged = enforcing.somebody(statement("s3:GetObject", resource))

    assert red.may("s3", "get_object", Bucket=bucket, Key="home/red/a")
    assert not red.may("s3", "get_object", Bucket=bucket, Key="home/blue/a")
    assert not untagged.may("s3", "get_object", Bucket=bucket, Key="home/red/a")


def test_a_user_name_is_a_variable(enforcing: EnforcingAws) -> None:
    queue = enforcing.user(
        statement("sqs:CreateQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:${{aws:username}}-*")
    )
    name = queue.arn.rpartition("/")[2]

    assert queue.may("sqs", "create_queue", QueueName=f"{name}-mine")
    assert not queue.may("sqs", "create_queue", QueueName="somebody-elses")


def test_session_tags_are_principal_tags(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    condition = {"StringEquals": {"aws:PrincipalTag/stage": "prod"}}
    role = enforcing.role(
        statement("s3:ListBucket", Condition=condition),
        trust=document(
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        ),
    )

    tagged = enforcing.session(role, Tags=[{"Key": "stage", "Value": "prod"}])

    assert tagged.may(*LIST, Bucket=bucket)
    assert not enforcing.session(role).may(*LIST, Bucket=bucket)


def test_request_and_resource_tags_decide(enforcing: EnforcingAws) -> None:
    tagging = {
        "StringEquals": {"aws:RequestTag/team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
    }
    owned = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    somebody = enforcing.somebody(
        statement(["sqs:CreateQueue", "sqs:TagQueue"], Condition=tagging),
        statement("sqs:GetQueueAttributes", Condition=owned),
    )
    sqs = enforcing.client("sqs")
    red = sqs.create_queue(QueueName="of-red", tags={"team": "red"})["QueueUrl"]
    blue = sqs.create_queue(QueueName="of-blue", tags={"team": "blue"})["QueueUrl"]

    assert somebody.may("sqs", "create_queue", QueueName="new-red", tags={"team": "red"})
    assert not somebody.may("sqs", "create_queue", QueueName="new-blue", tags={"team": "blue"})
    assert not somebody.may("sqs", "create_queue", QueueName="new-both", tags={"team": "red", "more": "x"})
    assert not somebody.may("sqs", "create_queue", QueueName="new-bare")
    assert somebody.may("sqs", "get_queue_attributes", QueueUrl=red)
    assert not somebody.may("sqs", "get_queue_attributes", QueueUrl=blue)


def test_a_role_session_has_its_roles_principal_arn(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket()
    role = enforcing.role(statement("s3:ListBucket"))
    condition = {"ArnNotEquals": {"aws:PrincipalArn": role}}
    _put_policy(
        enforcing,
        bucket,
        statement("s3:ListBucket", _bucket_arn(bucket), effect="Deny", Principal="*", Condition=condition),
    )

    assert enforcing.session(role).may(*LIST, Bucket=bucket)
    assert not enforcing.somebody(statement("s3:ListBucket")).may(*LIST, Bucket=bucket)


def test_an_iam_condition_key_decides_who_makes_roles(enforcing: EnforcingAws) -> None:
    boundary = enforcing.policy(document(statement("s3:*")))
    somebody = enforcing.somebody(
        statement("iam:CreateRole", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}})
    )
    trust = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    parameters = {"AssumeRolePolicyDocument": trust}

    assert not somebody.may("iam", "create_role", RoleName="unbounded", **parameters)
    assert somebody.may("iam", "create_role", RoleName="bounded", PermissionsBoundary=boundary, **parameters)


def test_an_endpoints_policy_limits_what_comes_through_it(enforcing: EnforcingAws) -> None:
    mine, other = enforcing.bucket(), enforcing.bucket()
    ec2 = enforcing.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    allowing = statement("s3:*", _bucket_arn(mine), Principal="*")
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", PolicyDocument=document(allowing)
    )["VpcEndpoint"]["VpcEndpointId"]
    only_through = statement("s3:ListBucket", Condition={"StringEquals": {"aws:SourceVpce": endpoint}})
    somebody = enforcing.somebody(only_through)
    through = somebody.client("s3", region_name="us-east-1")
    through.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("x-local-aws-source-vpce", endpoint),
    )

    assert not somebody.may(*LIST, Bucket=mine)
    assert through.list_objects_v2(Bucket=mine)["KeyCount"] == 0
    with pytest.raises(through.exceptions.ClientError, match="because no VPC endpoint policy allows"):
        through.list_objects_v2(Bucket=other)


def test_control_policies_hold_for_the_account_and_its_root(enforcing: EnforcingAws) -> None:
    account = "111122223333"
    organizations = enforcing.client("organizations", account)
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    s3 = enforcing.client("s3", account)
    s3.create_bucket(Bucket="controlled")
    denied = organizations.create_policy(
        Name="no-listing",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=document(statement("s3:ListBucket", effect="Deny")),
    )["Policy"]["PolicySummary"]["Id"]

    organizations.attach_policy(PolicyId=denied, TargetId=root)
    with pytest.raises(s3.exceptions.ClientError, match="with an explicit deny in a service control policy"):
        s3.list_objects_v2(Bucket="controlled")
    organizations.detach_policy(PolicyId=denied, TargetId=root)
    assert s3.list_objects_v2(Bucket="controlled")["KeyCount"] == 0
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=account)
    with pytest.raises(s3.exceptions.ClientError, match="because no service control policy allows"):
        s3.list_objects_v2(Bucket="controlled")


def _put_policy(enforcing: EnforcingAws, bucket: str, *statements: dict[str, object]) -> None:
    enforcing.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(*statements))
