"""Source identities: set once, carried along, asked for by policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.identity import ACCOUNT, EnforcingAws, Somebody, document, statement
from support.sagemaker import Workshop
from support.waiting import eventually

_MINE = statement("s3:GetObject", "arn:aws:s3:::*/${aws:SourceIdentity}/*")


def _role(aws: EnforcingAws, *actions: str) -> str:
    trust = document(
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", *actions]}
    )
    return aws.role(_MINE, statement("sts:*"), trust=trust)


def _ada(aws: EnforcingAws, role: str) -> Somebody:
    by = aws.user(statement(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    return aws.session(role, by=by, SourceIdentity="ada")


def test_a_policy_tells_people_of_one_role_apart(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers", "emmy/1": b"not hers"})
    ada = _ada(enforcing, _role(enforcing, "sts:SetSourceIdentity"))

    assert ada.may("s3", "get_object", Bucket=bucket, Key="ada/1")
    assert not ada.may("s3", "get_object", Bucket=bucket, Key="emmy/1")


def test_nobody_has_one_without_being_given_it(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers"})

    anybody = enforcing.session(_role(enforcing, "sts:SetSourceIdentity"))

    assert not anybody.may("s3", "get_object", Bucket=bucket, Key="ada/1")


def test_a_role_has_to_let_it_be_set(enforcing: EnforcingAws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        _ada(enforcing, _role(enforcing))


def test_it_stays_with_the_next_role_and_cannot_become_another(enforcing: EnforcingAws) -> None:
    bucket = enforcing.bucket(**{"ada/1": b"hers"})
    first, second = (_role(enforcing, "sts:SetSourceIdentity") for _ in range(2))
    ada = _ada(enforcing, first)

    still_ada = enforcing.session(second, by=ada)

    assert still_ada.may("s3", "get_object", Bucket=bucket, Key="ada/1")
    with pytest.raises(ClientError, match="AccessDenied"):
        enforcing.session(second, by=ada, SourceIdentity="emmy")


def test_a_trust_policy_may_ask_who_it_is(enforcing: EnforcingAws) -> None:
    asking = json.loads(
        document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": ACCOUNT},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": {"StringEquals": {"sts:SourceIdentity": "emmy"}},
            }
        )
    )
    role = enforcing.role(_MINE, trust=json.dumps(asking))

    with pytest.raises(ClientError, match="AccessDenied"):
        _ada(enforcing, role)


# --- and jobs ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(enforcing: EnforcingAws, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """With a role for people and their jobs, in an account of its own."""
    made = Workshop(enforcing, "200000000779", tmp_path_factory.mktemp("image"))  # type: ignore[arg-type]
    _trust(made, "sts:AssumeRole", "sts:SetSourceIdentity")
    made.client("iam").put_role_policy(
        RoleName="worker",
        PolicyName="work",
        PolicyDocument=document(
            statement(["ecr:*", "logs:*", "cloudwatch:*", "sagemaker:*", "iam:PassRole", "s3:ListBucket"]),
            statement("s3:*", f"arn:aws:s3:::{made.bucket}/${{aws:SourceIdentity}}/*"),
        ),
    )
    for name in ("ada", "emmy"):
        made.client("s3").put_object(Bucket=made.bucket, Key=f"{name}/data/1.csv", Body=b"1,2\n")
    return made


def _trust(workshop: Workshop, *actions: str) -> None:
    """SageMaker, and the account in the place of Studio."""
    principal = {"Service": "sagemaker.amazonaws.com", "AWS": workshop.account}
    trust = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
    workshop.client("iam").update_assume_role_policy(
        RoleName=workshop.role.rpartition("/")[2], PolicyDocument=document(trust)
    )


def _started_by(
    enforcing: EnforcingAws, workshop: Workshop, who: str, job: str, data: str, role: str | None = None
) -> None:
    """By somebody in the role, on somebody's data."""
    found = workshop.client("sts").assume_role(
        RoleArn=workshop.role, RoleSessionName="SageMaker", SourceIdentity=who
    )["Credentials"]
    sagemaker = enforcing.make_client(
        "sagemaker", found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )
    sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=role or workshop.role,
        AlgorithmSpecification={"TrainingImage": workshop.image, "TrainingInputMode": "File"},
        InputDataConfig=[workshop.channel("training", f"{data}/data")],
        HyperParameters={"factor": "2"},
        OutputDataConfig={"S3OutputPath": f"s3://{workshop.bucket}/{who}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def _ended(workshop: Workshop, job: str) -> dict[str, Any]:
    eventually(lambda: _of(workshop, job)["TrainingJobStatus"] != "InProgress")
    return _of(workshop, job)


def _of(workshop: Workshop, job: str) -> dict[str, Any]:
    found: dict[str, Any] = workshop.sagemaker.describe_training_job(TrainingJobName=job)
    return found


def test_a_job_works_for_whoever_started_it(enforcing: EnforcingAws, workshop: Workshop) -> None:
    _started_by(enforcing, workshop, "ada", "hers", "ada")
    _started_by(enforcing, workshop, "ada", "not-hers", "emmy")

    assert _ended(workshop, "hers")["TrainingJobStatus"] == "Completed"
    assert "s3:GetObject" in _ended(workshop, "not-hers")["FailureReason"]


def test_people_who_start_jobs_as_one_role_stay_apart(enforcing: EnforcingAws, workshop: Workshop) -> None:
    _started_by(enforcing, workshop, "emmy", "emmys", "emmy")

    assert _ended(workshop, "emmys")["TrainingJobStatus"] == "Completed"
    assert workshop.keys("emmy/out/emmys/")


def test_a_job_of_nobody_has_no_private_data(workshop: Workshop) -> None:
    workshop.train(
        "nobodys", factor="2", more={"InputDataConfig": [workshop.channel("training", "ada/data")]}
    )

    assert "s3:GetObject" in _ended(workshop, "nobodys")["FailureReason"]


def test_a_role_that_does_not_let_it_be_set_has_no_jobs(enforcing: EnforcingAws, workshop: Workshop) -> None:
    iam = workshop.client("iam")
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    silent = iam.create_role(RoleName="silent", AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    with pytest.raises(ClientError, match="sts:SetSourceIdentity"):
        _started_by(enforcing, workshop, "ada", "refused", "ada", role=silent)
