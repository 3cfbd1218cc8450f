"""What single families do beyond being remembered, and what they refuse: over the store, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.sagemaker import control
from local_aws.sagemaker.families import families
from local_aws.store import STORE
from support.service_model import create_request

ROLE = "arn:aws:iam::000000000000:role/worker"


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    STORE.clear()
    yield
    STORE.clear()


def create(name: str, **members: Any) -> dict[str, Any]:
    return control.call(f"Create{name}", create_request(families()[name]) | members)


def refusal(operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as raised:
        control.call(operation, request)
    return raised.value.code, raised.value.message


# --- images ----------------------------------------------------------------------------------------


def _image(*versions: dict[str, Any]) -> None:
    create("Image", ImageName="studio")
    for version in versions:
        create("ImageVersion", ImageName="studio", **version)


def test_the_newest_version_of_an_image_is_described_unless_one_is_asked_for() -> None:
    _image({}, {"Aliases": ["stable"]}, {})

    def version(**asked: Any) -> int:
        return int(control.call("DescribeImageVersion", {"ImageName": "studio", **asked})["Version"])

    assert (version(), version(Version=1), version(Alias="stable")) == (3, 1, 2)


def test_a_version_of_an_image_that_is_deleted_is_not_counted_again() -> None:
    _image({}, {})
    control.call("DeleteImageVersion", {"ImageName": "studio", "Version": 2})

    create("ImageVersion", ImageName="studio")

    assert control.call("DescribeImageVersion", {"ImageName": "studio"})["Version"] == 3


def test_an_alias_belongs_to_one_version_and_can_be_moved() -> None:
    _image({"Aliases": ["stable"]}, {})
    added = {"ImageName": "studio", "Version": 2, "AliasesToAdd": ["stable"]}
    assert refusal("UpdateImageVersion", **added)[0] == "ResourceInUse"

    control.call("UpdateImageVersion", {"ImageName": "studio", "Version": 1, "AliasesToDelete": ["stable"]})
    control.call("UpdateImageVersion", added)

    aliases = control.call("ListAliases", {"ImageName": "studio", "Version": 2})
    assert aliases["SageMakerImageVersionAliases"] == ["stable"]


def test_an_image_takes_its_versions_along() -> None:
    _image({}, {})

    control.call("DeleteImage", {"ImageName": "studio"})

    assert STORE.all("ImageVersion") == []


# --- the model registry ----------------------------------------------------------------------------


def test_versions_of_a_model_are_counted_in_their_group_and_wait_for_approval() -> None:
    create("ModelPackageGroup", ModelPackageGroupName="Houses")
    for _ in range(2):
        arn = control.call("CreateModelPackage", {"ModelPackageGroupName": "Houses"})["ModelPackageArn"]

    found = control.call("DescribeModelPackage", {"ModelPackageName": arn})

    assert arn.endswith(":model-package/houses/2")
    assert (found["ModelPackageVersion"], found["ModelApprovalStatus"]) == (2, "PendingManualApproval")
    assert control.call("DescribeModelPackage", {"ModelPackageName": "Houses/2"}) == found


def test_a_version_is_approved_and_keeps_its_other_properties() -> None:
    create("ModelPackageGroup", ModelPackageGroupName="houses")
    made = control.call(
        "CreateModelPackage",
        {"ModelPackageGroupName": "houses", "CustomerMetadataProperties": {"a": "1", "b": "2"}},
    )

    control.call(
        "UpdateModelPackage",
        {
            **made,
            "ModelApprovalStatus": "Approved",
            "CustomerMetadataProperties": {"c": "3"},
            "CustomerMetadataPropertiesToRemove": ["a"],
        },
    )

    found = control.call("DescribeModelPackage", {"ModelPackageName": made["ModelPackageArn"]})
    assert found["ModelApprovalStatus"] == "Approved"
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"ModelPackageName": "a", "ModelPackageGroupName": "b"}, "Cannot determine which one to use"),
        ({}, "Missing ARN."),
        ({"ModelPackageGroupName": "none"}, "model-package-group/none does not exist."),
    ],
)
def test_refuses_a_package_that_belongs_nowhere(request_: dict[str, Any], words: str) -> None:
    code, message = refusal("CreateModelPackage", **request_)

    assert (code, words in message) == ("ValidationException", True)


def test_keeps_a_group_with_a_version_in_it() -> None:
    create("ModelPackageGroup", ModelPackageGroupName="houses")
    made = control.call("CreateModelPackage", {"ModelPackageGroupName": "houses"})

    assert refusal("DeleteModelPackageGroup", ModelPackageGroupName="houses")[0] == "ConflictException"

    control.call("DeleteModelPackage", {"ModelPackageName": made["ModelPackageArn"]})
    control.call("DeleteModelPackageGroup", {"ModelPackageGroupName": "houses"})


def test_a_group_has_a_policy_once_it_is_put() -> None:
    name = {"ModelPackageGroupName": "houses"}
    create("ModelPackageGroup", **name)
    assert "Cannot find resource policy" in refusal("GetModelPackageGroupPolicy", **name)[1]

    control.call("PutModelPackageGroupPolicy", {**name, "ResourcePolicy": "{}"})
    assert control.call("GetModelPackageGroupPolicy", name) == {"ResourcePolicy": "{}"}
    control.call("DeleteModelPackageGroupPolicy", name)

    assert refusal("DeleteModelPackageGroupPolicy", **name)[0] == "ValidationException"


# --- features, pipelines, experiments, work teams --------------------------------------------------


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"RecordIdentifierFeatureName": "other"}, "is not among the FeatureDefinitions"),
        ({"OnlineStoreConfig": None}, "OnlineStore and OfflineStore cannot be both disabled"),
        ({"FeatureDefinitions": [{"FeatureName": "id", "FeatureType": "String"}] * 2}, "Duplicate feature"),
        ({"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bucket/a"}}}, "RoleArn must be given"),
    ],
)
def test_refuses_a_feature_group_that_is_none(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ServiceError, match=words):
        create("FeatureGroup", **members)


def test_a_feature_group_grows_and_never_has_a_feature_twice() -> None:
    create("FeatureGroup", FeatureGroupName="houses")
    added = {
        "FeatureGroupName": "houses",
        "FeatureAdditions": [{"FeatureName": "rooms", "FeatureType": "Integral"}],
    }

    control.call("UpdateFeatureGroup", added)

    found = control.call("DescribeFeatureGroup", {"FeatureGroupName": "houses"})
    assert [one["FeatureName"] for one in found["FeatureDefinitions"]] == ["id", "time", "rooms"]
    assert "already exists" in refusal("UpdateFeatureGroup", **added)[1]


@pytest.mark.parametrize(
    "definition",
    ["{", "[]", '{"Version": "2020-12-01"}', json.dumps({"Version": "1", "Steps": [{"Name": "a"}] * 2})],
)
def test_refuses_a_pipeline_whose_definition_is_none(definition: str) -> None:
    with pytest.raises(ServiceError, match="pipeline definition"):
        create("Pipeline", PipelineDefinition=definition)


def test_an_experiment_goes_after_its_trials_and_a_trial_after_its_components() -> None:
    create("Experiment", ExperimentName="e")
    create("Trial", TrialName="t", ExperimentName="e")
    create("TrialComponent", TrialComponentName="c")
    both = {"TrialName": "t", "TrialComponentName": "c"}
    control.call("AssociateTrialComponent", both)

    assert "delete its trials first" in refusal("DeleteExperiment", ExperimentName="e")[1]
    assert "disassociate" in refusal("DeleteTrial", TrialName="t")[1]
    assert "disassociate" in refusal("DeleteTrialComponent", TrialComponentName="c")[1]

    control.call("DisassociateTrialComponent", both)
    control.call("DeleteTrial", {"TrialName": "t"})
    control.call("DeleteExperiment", {"ExperimentName": "e"})


def test_a_workforce_is_the_only_one_and_goes_after_its_teams() -> None:
    create("Workforce", WorkforceName="crowd")
    create("Workteam", WorkteamName="team", WorkforceName="crowd")

    with pytest.raises(ServiceError, match="already a workforce"):
        create("Workforce", WorkforceName="other")
    assert refusal("DeleteWorkforce", WorkforceName="crowd")[0] == "ResourceInUse"


def test_a_monitoring_schedule_has_one_definition_that_is_there() -> None:
    named = {"MonitoringJobDefinitionName": "none", "MonitoringType": "DataQuality"}

    with pytest.raises(ServiceError, match="Could not find"):
        create("MonitoringSchedule", MonitoringScheduleConfig=named)


# --- tags ------------------------------------------------------------------------------------------


def test_refuses_tags_that_are_awss_own() -> None:
    with pytest.raises(ServiceError, match="aws: prefixed tag key names are not allowed"):
        create("Hub", Tags=[{"Key": "aws:owner", "Value": "me"}])


def test_refuses_more_tags_than_fifty_in_all() -> None:
    arn = create("Hub", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])["HubArn"]

    assert (
        "exceeds the limit of 50"
        in refusal("AddTags", ResourceArn=arn, Tags=[{"Key": "one more", "Value": ""}])[1]
    )


def test_removes_tags_by_their_keys() -> None:
    arn = create("Hub", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])["HubArn"]

    control.call("DeleteTags", {"ResourceArn": arn, "TagKeys": ["a", "none"]})

    assert control.call("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "b", "Value": "2"}]


def test_says_that_there_is_nothing_of_that_arn_to_tag() -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:hub/none"

    assert refusal("ListTags", ResourceArn=arn) == (
        "ValidationException",
        f"Requested resource {arn} does not exist.",
    )
