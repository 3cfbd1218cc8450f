"""What services do for somebody: roles that are handed over, deployments, keys, SageMaker."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.identity import ACCOUNT, EnforcingAws, document, statement, trusting

LAMBDA = trusting({"Service": "lambda.amazonaws.com"})
SAGEMAKER = trusting({"Service": "sagemaker.amazonaws.com"})
CLOUDFORMATION = trusting({"Service": "cloudformation.amazonaws.com"})


def _code(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def _function(role: str, name: str, source: str = "def handler(event, context): return 1") -> dict[str, Any]:
    return {
        "FunctionName": name,
        "Role": role,
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Code": {"ZipFile": _code(source)},
    }


# --- roles ------------------------------------------------------------------------------------------


def test_a_function_needs_its_role_passed_to_lambda(enforcing: EnforcingAws) -> None:
    role = enforcing.role(trust=LAMBDA)
    passing = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    elsewhere = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    creating = statement("lambda:CreateFunction")
    without = enforcing.somebody(creating)
    to_another = enforcing.somebody(creating, statement("iam:PassRole", role, Condition=elsewhere))
    allowed = enforcing.somebody(creating, statement("iam:PassRole", role, Condition=passing))

    refusal = without.refusal("lambda", "create_function", **_function(role, "without"))

    assert refusal == (
        f"User: {without.arn} is not authorized to perform: iam:PassRole on resource: {role}"
        " because no identity-based policy allows the iam:PassRole action"
    )
    assert not to_another.may("lambda", "create_function", **_function(role, "to-another"))
    assert allowed.may("lambda", "create_function", **_function(role, "allowed"))


def test_a_function_acts_with_its_role(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(mine=b"1", other=b"2")
    role = enforcing.role(statement("s3:GetObject", f"arn:aws:s3:::{bucket}/mine"), trust=LAMBDA)
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    try:\n"
        f"        found = boto3.client('s3').get_object(Bucket='{bucket}', Key=event)\n"
        "        return found['Body'].read().decode()\n"
        "    except Exception as error:\n"
        "        return str(error)\n"
    )
    functions = enforcing.client("lambda")
    functions.create_function(**_function(role, "reader", source))

    def answer(key: str) -> str:
        payload = json.dumps(key)
        return str(json.load(functions.invoke(FunctionName="reader", Payload=payload)["Payload"]))

    assert answer("mine") == "1"
    assert "is not authorized to perform: s3:GetObject" in answer("other")


def test_only_its_service_assumes_a_service_role(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("s3:*"), trust=LAMBDA)

    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        enforcing.client("sts").assume_role(RoleArn=role, RoleSessionName="root")
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        enforcing.session(role)


def test_a_trusted_account_leaves_it_to_its_users_policies(enforcing: EnforcingAws) -> None:
    role = enforcing.role()
    user = enforcing.user()
    named = enforcing.role(trust=trusting({"AWS": user.arn}))

    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        enforcing.session(role, by=user)
    assert enforcing.session(named, by=user).arn


def test_a_trust_policys_conditions_hold(enforcing: EnforcingAws) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    role = enforcing.role(trust=trusting({"AWS": ACCOUNT}, Condition=condition))

    with pytest.raises(ClientError, match="not authorized"):
        enforcing.session(role)
    with pytest.raises(ClientError, match="not authorized"):
        enforcing.session(role, ExternalId="guess")
    assert enforcing.session(role, ExternalId="secret").arn


def test_state_machines_and_stacks_need_their_roles_passed(enforcing: EnforcingAws) -> None:
    machine_role = enforcing.role(trust=trusting({"Service": "states.amazonaws.com"}))
    stack_role = enforcing.role(trust=CLOUDFORMATION)
    somebody = enforcing.somebody(statement(["states:*", "cloudformation:*"]))
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})

    by_states = somebody.refusal(
        "stepfunctions", "create_state_machine", name="machine", definition=definition, roleArn=machine_role
    )
    by_stacks = somebody.refusal(
        "cloudformation", "create_stack", StackName="no", TemplateBody=template, RoleARN=stack_role
    )

    assert f"iam:PassRole on resource: {machine_role}" in str(by_states)
    assert f"iam:PassRole on resource: {stack_role}" in str(by_stacks)


# --- CloudFormation ---------------------------------------------------------------------------------


def _deploy(enforcing: EnforcingAws, client: Any, name: str, resources: Any, **more: Any) -> tuple[str, str]:
    """The stack's status, and why resources failed."""
    template = json.dumps({"Resources": resources})
    client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"], **more)
    return _outcome(enforcing, name)


def _outcome(enforcing: EnforcingAws, name: str) -> tuple[str, str]:
    cloudformation = enforcing.client("cloudformation")
    while True:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [
        event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]
    ]
    return status, "\n".join(failed)


def test_a_service_role_that_may_not_make_a_bucket_fails_the_stack(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("sns:*"), trust=CLOUDFORMATION)
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "Topic",
            "Properties": {"BucketName": "not-made-by-stack"},
        },
    }

    root = enforcing.client("cloudformation")
    status, reason = _deploy(enforcing, root, "role-lacks", resources, RoleARN=role)

    assert status == "ROLLBACK_COMPLETE"
    name = role.rpartition("/")[2]
    assert (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/AWSCloudFormation is not authorized to perform:"
        ' s3:CreateBucket on resource: "arn:aws:s3:::not-made-by-stack" because no identity-based policy'
        " allows the s3:CreateBucket action"
    ) in reason
    with pytest.raises(ClientError):
        enforcing.client("s3").head_bucket(Bucket="not-made-by-stack")


def test_a_stack_without_a_role_has_its_callers_rights(enforcing: EnforcingAws) -> None:
    may = enforcing.somebody(statement(["cloudformation:*", "sns:CreateTopic"]))
    may_not = enforcing.somebody(statement("cloudformation:*"))
    resources = {"Topic": {"Type": "AWS::SNS::Topic"}}

    assert _deploy(enforcing, may.client("cloudformation"), "caller-may", resources)[0] == "CREATE_COMPLETE"
    status, reason = _deploy(enforcing, may_not.client("cloudformation"), "caller-lacks", resources)
    assert status == "ROLLBACK_COMPLETE"
    assert "SNS:CreateTopic" in reason


def test_a_stacks_role_goes_on_to_hold(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("sns:CreateTopic"), trust=CLOUDFORMATION)
    root = enforcing.client("cloudformation")
    _deploy(enforcing, root, "keeps-role", {"Topic": {"Type": "AWS::SNS::Topic"}}, RoleARN=role)

    root.delete_stack(StackName="keeps-role")

    status, reason = _outcome(enforcing, "keeps-role")
    assert root.describe_stacks(StackName="keeps-role")["Stacks"][0]["RoleARN"] == role
    assert status == "DELETE_FAILED"
    assert "SNS:DeleteTopic" in reason


def test_a_stack_passes_roles_with_its_rights(enforcing: EnforcingAws) -> None:
    function_role = enforcing.role(trust=LAMBDA)
    properties = {
        "Role": function_role,
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): return 1"},
    }
    resources = {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}
    role = enforcing.role(statement("lambda:*"), trust=CLOUDFORMATION)

    root = enforcing.client("cloudformation")
    status, reason = _deploy(enforcing, root, "passes-role", resources, RoleARN=role)

    assert status == "ROLLBACK_COMPLETE"
    assert f"iam:PassRole on resource: {function_role}" in reason


def test_a_bounded_deployer_makes_only_bounded_roles(enforcing: EnforcingAws) -> None:
    boundary = enforcing.policy(document(statement("s3:*")))
    only_bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    role = enforcing.role(statement("iam:CreateRole", Condition=only_bounded), trust=CLOUDFORMATION)
    trust = json.loads(LAMBDA)
    free: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    bounded = {**free, "Properties": {**free["Properties"], "PermissionsBoundary": boundary}}
    root = enforcing.client("cloudformation")

    assert _deploy(enforcing, root, "bounded", {"Role": bounded}, RoleARN=role)[0] == "CREATE_COMPLETE"
    assert _deploy(enforcing, root, "free", {"Role": free}, RoleARN=role)[0] == "ROLLBACK_COMPLETE"


def test_cloudformation_assumes_only_roles_that_trust_it(enforcing: EnforcingAws) -> None:
    role = enforcing.role(statement("*"))
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})

    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        enforcing.client("cloudformation").create_stack(
            StackName="untrusted", TemplateBody=template, RoleARN=role
        )


# --- keys -------------------------------------------------------------------------------------------


def _key(enforcing: EnforcingAws, *statements: dict[str, Any]) -> str:
    whole = statement("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    made = enforcing.client("kms").create_key(Policy=document(*(statements or (whole,))))
    return str(made["KeyMetadata"]["Arn"])


def _encrypting_bucket(enforcing: EnforcingAws, key: str) -> str:
    bucket = enforcing.bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    enforcing.client("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    return bucket


def test_reading_and_writing_encrypted_objects_needs_the_key(enforcing: EnforcingAws) -> None:
    key = _key(enforcing)
    bucket = _encrypting_bucket(enforcing, key)
    storage = statement(["s3:GetObject", "s3:PutObject"])
    without = enforcing.somebody(storage)
    through_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    using = statement(["kms:Decrypt", "kms:GenerateDataKey"], key, Condition=through_s3)
    allowed = enforcing.somebody(storage, using)

    assert "kms:GenerateDataKey" in str(
        without.refusal("s3", "put_object", Bucket=bucket, Key="a", Body=b"1")
    )
    assert allowed.may("s3", "put_object", Bucket=bucket, Key="a", Body=b"1")
    assert without.refusal("s3", "get_object", Bucket=bucket, Key="a") == (
        f"User: {without.arn} is not authorized to perform: kms:Decrypt on resource: {key} because no"
        " identity-based policy allows the kms:Decrypt action"
    )
    assert allowed.may("s3", "get_object", Bucket=bucket, Key="a")
    assert without.may("s3", "head_object", Bucket=bucket, Key="a")


def test_a_key_policy_has_to_allow_whatever_identity_policies_say(enforcing: EnforcingAws) -> None:
    administrators = statement(
        ["kms:Create*", "kms:Put*", "kms:Describe*", "kms:CreateGrant"],
        Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    )
    key = _key(enforcing, administrators)
    role = enforcing.role(statement("kms:*"))
    somebody = enforcing.session(role)
    refusal = somebody.refusal("kms", "generate_data_key", KeyId=key, KeySpec="AES_256")

    enforcing.client("kms").create_grant(KeyId=key, GranteePrincipal=role, Operations=["GenerateDataKey"])

    assert str(refusal).endswith("because no resource-based policy allows the kms:GenerateDataKey action")
    assert somebody.may("kms", "generate_data_key", KeyId=key, KeySpec="AES_256")


# --- SageMaker --------------------------------------------------------------------------------------


def _training(role: str, name: str, instance: str = "ml.m5.large", **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://nowhere/out"},
        "ResourceConfig": {"InstanceType": instance, "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def test_instance_types_and_networks_decide_about_training(enforcing: EnforcingAws) -> None:
    role = enforcing.role(trust=SAGEMAKER)
    small = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*"]}}
    open_network = {"Null": {"sagemaker:VpcSubnets": "true"}}
    unisolated = {"Bool": {"sagemaker:NetworkIsolation": "false"}}
    somebody = enforcing.somebody(
        statement("sagemaker:CreateTrainingJob", Condition=small),
        statement("iam:PassRole", role),
        statement("sagemaker:CreateTrainingJob", effect="Deny", Condition=open_network),
        statement("sagemaker:CreateTrainingJob", effect="Deny", Condition=unisolated),
    )
    network = {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    good = {**network, "EnableNetworkIsolation": True}
    create = ("sagemaker", "create_training_job")

    assert somebody.may(*create, **_training(role, "good", **good))
    assert not somebody.may(*create, **_training(role, "large", "ml.p4d.24xlarge", **good))
    assert not somebody.may(*create, **_training(role, "open", EnableNetworkIsolation=True))
    assert not somebody.may(*create, **_training(role, "unisolated", **network))


def test_sagemakers_roles_have_to_be_passed(enforcing: EnforcingAws) -> None:
    role = enforcing.role(trust=SAGEMAKER)
    somebody = enforcing.somebody(statement("sagemaker:*"))

    refusal = somebody.refusal("sagemaker", "create_training_job", **_training(role, "no-pass"))

    assert refusal is not None
    assert f"iam:PassRole on resource: {role}" in refusal


def test_tags_on_creation_need_to_be_allowed_and_decide_later(enforcing: EnforcingAws) -> None:
    tags = [{"Key": "team", "Value": "red"}]
    create = ("sagemaker", "create_model_package_group")
    without = enforcing.somebody(statement("sagemaker:CreateModelPackageGroup"))
    tagging = {"StringEquals": {"sagemaker:TaggingAction": "CreateModelPackageGroup"}}
    owner = enforcing.somebody(
        statement("sagemaker:CreateModelPackageGroup"),
        statement("sagemaker:AddTags", Condition=tagging),
        statement(
            "sagemaker:DeleteModelPackageGroup", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}
        ),
    )

    assert "sagemaker:AddTags" in str(without.refusal(*create, ModelPackageGroupName="tagged", Tags=tags))
    assert owner.may(*create, ModelPackageGroupName="tagged", Tags=tags)
    assert without.may(*create, ModelPackageGroupName="plain")
    assert not owner.may("sagemaker", "delete_model_package_group", ModelPackageGroupName="plain")
    assert owner.may("sagemaker", "delete_model_package_group", ModelPackageGroupName="tagged")


def test_an_endpoint_is_invoked_by_who_may_invoke_it(enforcing: EnforcingAws) -> None:
    mine = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/mine"
    somebody = enforcing.somebody(statement("sagemaker:InvokeEndpoint", mine))
    invoke = ("sagemaker-runtime", "invoke_endpoint")

    assert somebody.may(*invoke, EndpointName="mine", Body=b"1")
    assert somebody.refusal(*invoke, EndpointName="other", Body=b"1") == (
        f"User: {somebody.arn} is not authorized to perform: sagemaker:InvokeEndpoint on resource:"
        f" arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/other because no identity-based policy allows the"
        " sagemaker:InvokeEndpoint action"
    )


def test_a_role_that_does_not_trust_a_service_is_not_taken(enforcing: EnforcingAws) -> None:
    role = enforcing.role()
    functions, machines = enforcing.client("lambda"), enforcing.client("stepfunctions")
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    properties = {"Role": role, "Runtime": "python3.11", "Handler": "index.handler", "Code": {"ZipFile": "1"}}
    resources = {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}

    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        functions.create_function(**_function(role, "untrusting"))
    with pytest.raises(ClientError, match="authorized to assume the provided role"):
        machines.create_state_machine(name="untrusting", definition=definition, roleArn=role)
    status, reason = _deploy(enforcing, enforcing.client("cloudformation"), "untrusting", resources)
    assert status == "ROLLBACK_COMPLETE"
    assert "cannot be assumed by Lambda" in reason


def test_a_clusters_tags_decide_who_may_terminate_it(enforcing: EnforcingAws) -> None:
    emr = enforcing.client("emr")
    made = {
        owner: emr.run_job_flow(Name=owner, Instances={}, Tags=[{"Key": "owner", "Value": owner}])[
            "JobFlowId"
        ]
        for owner in ("me", "you")
    }
    mine = {"StringEquals": {"aws:ResourceTag/owner": "me"}}
    who = enforcing.somebody(statement("elasticmapreduce:TerminateJobFlows", Condition=mine)).client("emr")

    for clusters in ([made["you"]], [made["me"], made["you"]]):
        with pytest.raises(ClientError, match="TerminateJobFlows"):
            who.terminate_job_flows(JobFlowIds=clusters)
    who.terminate_job_flows(JobFlowIds=[made["me"]])


def test_no_service_answers_whoever_asks(enforcing: EnforcingAws) -> None:
    nobody = enforcing.somebody()
    asked = [
        ("apigateway", "get_rest_apis"),
        ("cloudformation", "list_stacks"),
        ("ec2", "describe_vpcs"),
        ("iam", "list_roles"),
        ("kms", "list_keys"),
        ("lambda", "list_functions"),
        ("organizations", "list_accounts"),
        ("s3", "list_buckets"),
        ("sagemaker", "list_domains"),
        ("service-quotas", "list_services"),
        ("servicecatalog", "list_portfolios"),
        ("wafv2", "list_web_acls"),
    ]
    more = {"wafv2": {"Scope": "REGIONAL"}}

    answered = [name for name, operation in asked if nobody.may(name, operation, **more.get(name, {}))]

    assert answered == []
