"""Projects of SageMaker whose templates are in S3, where IAM is enforced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.identity import ACCOUNT, EnforcingAws, Somebody, statement, trusting
from support.servicecatalog import refused, unique
from support.waiting import eventually

TEMPLATE = {
    "Parameters": {
        "SageMakerProjectName": {"Type": "String", "MaxLength": 20},
        "SageMakerProjectId": {"Type": "String"},
        "Text": {"Type": "String", "AllowedValues": ["one", "two", "three"], "Default": "one"},
    },
    "Resources": {
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": {"Ref": "SageMakerProjectName"}},
        },
        "Note": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Type": "String",
                "Name": {"Fn::Sub": "/projects/${SageMakerProjectName}/${SageMakerProjectId}"},
                "Value": {"Ref": "Text"},
            },
        },
    },
}
_STACKS = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/SP-*"
_MAKES = ("cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DeleteStack")


@pytest.fixture(scope="module")
def url(enforcing: EnforcingAws) -> str:
    bucket = enforcing.bucket(**{"project.json": json.dumps(TEMPLATE).encode()})
    return f"https://{bucket}.s3.us-east-1.amazonaws.com/project.json"


@pytest.fixture(scope="module")
def role(enforcing: EnforcingAws) -> str:
    """What makes the resources of projects."""
    allowed = [
        statement(f"sagemaker:{verb}ModelPackageGroup") for verb in ("Create", "Delete", "Describe")
    ] + [statement(["sagemaker:AddTags", "ssm:PutParameter", "ssm:DeleteParameter", "ssm:AddTagsToResource"])]
    return enforcing.role(*allowed, trust=trusting({"Service": "cloudformation.amazonaws.com"}))


def rights(role: str, url: str) -> dict[str, Mapping[str, Any]]:
    """What a person needs for projects, by what it is for."""
    bucket = url.removeprefix("https://").partition(".")[0]
    with_it = {"StringEquals": {"cloudformation:RoleArn": role}}
    return {
        "project": statement(
            ["sagemaker:CreateProject", "sagemaker:DeleteProject", "sagemaker:UpdateProject"]
        ),
        "look": statement(["sagemaker:DescribeProject", "sagemaker:ListProjects"]),
        "create": statement("cloudformation:CreateStack", _STACKS, Condition=with_it),
        "change": statement(list(_MAKES[1:]), _STACKS),
        "pass": statement("iam:PassRole", role),
        "read": statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
    }


@pytest.fixture(scope="module")
def person(enforcing: EnforcingAws, role: str, url: str) -> Somebody:
    return enforcing.somebody(*rights(role, url).values())


def asked(url: str, role: str | None, **parameters: str) -> list[dict[str, Any]]:
    provider: dict[str, Any] = {
        "TemplateName": "workspace",
        "TemplateURL": url,
        "Parameters": [{"Key": key, "Value": value} for key, value in parameters.items()],
    }
    return [{"CfnTemplateProvider": provider | ({} if role is None else {"RoleARN": role})}]


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        answer: dict[str, Any] = sagemaker.describe_project(ProjectName=name)
        return None if answer["ProjectStatus"].endswith("InProgress") else answer

    return dict(eventually(found))


def gone(sagemaker: Any, name: str) -> bool:
    found = sagemaker.list_projects(NameContains=name)["ProjectSummaryList"]
    return name not in [each["ProjectName"] for each in found]


def test_comes_changes_and_goes_with_the_rights_of_its_role(
    enforcing: EnforcingAws, person: Somebody, url: str, role: str
) -> None:
    sagemaker, name = person.client("sagemaker"), unique("houses")
    notes, groups = enforcing.client("ssm"), enforcing.client("sagemaker")
    made = sagemaker.create_project(ProjectName=name, TemplateProviders=asked(url, role, Text="two"))

    described = settled(sagemaker, name)
    note = f"/projects/{name}/{made['ProjectId']}"
    before = notes.get_parameter(Name=note)["Parameter"]["Value"]
    (tag,) = (
        each["Value"]
        for each in notes.list_tags_for_resource(ResourceType="Parameter", ResourceId=note)["TagList"]
        if each["Key"] == "sagemaker:project-name"
    )
    sagemaker.update_project(ProjectName=name, TemplateProvidersToUpdate=_update(url, Text="three"))
    updated = settled(sagemaker, name)
    after = notes.get_parameter(Name=note)["Parameter"]["Value"]
    sagemaker.update_project(ProjectName=name, TemplateProvidersToUpdate=_update(url))
    unchanged = settled(sagemaker, name)
    sagemaker.delete_project(ProjectName=name)
    eventually(lambda: gone(sagemaker, name))

    detail = described["TemplateProviderDetails"][0]["CfnTemplateProviderDetail"]
    assert described["ProjectStatus"] == "CreateCompleted"
    assert (detail["TemplateName"], detail["TemplateURL"], detail["RoleARN"]) == ("workspace", url, role)
    assert detail["StackDetail"]["Name"].startswith("SP-")
    assert detail["StackDetail"]["StatusMessage"] == "CREATE_COMPLETE"
    assert (before, after, tag) == ("two", "three", name)
    assert (updated["ProjectStatus"], unchanged["ProjectStatus"]) == ("UpdateCompleted", "UpdateCompleted")
    with pytest.raises(notes.exceptions.ParameterNotFound):
        notes.get_parameter(Name=note)
    left = groups.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
    assert left == []


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        ("project", "sagemaker:CreateProject"),
        ("create", "cloudformation:CreateStack"),
        ("pass", "iam:PassRole"),
        ("read", "S3 error: Access Denied"),
    ],
)
def test_is_refused_without_any_of_the_rights_to_it(
    enforcing: EnforcingAws, person: Somebody, url: str, role: str, lacking: str, why: str
) -> None:
    held = rights(role, url)
    del held[lacking]
    poor, name = enforcing.somebody(*held.values()).client("sagemaker"), unique("poor")

    with pytest.raises(ClientError, match=why):
        poor.create_project(ProjectName=name, TemplateProviders=asked(url, role))

    assert gone(person.client("sagemaker"), name)


def test_is_made_with_the_role_that_is_allowed_and_with_no_other(
    enforcing: EnforcingAws, person: Somebody, url: str
) -> None:
    other = enforcing.role(statement("*"), trust=trusting({"Service": "cloudformation.amazonaws.com"}))

    for role in (None, other):
        assert not person.may(
            "sagemaker", "create_project", ProjectName=unique("other"), TemplateProviders=asked(url, role)
        )


def test_is_changed_and_removed_by_whose_tag_it_carries(
    enforcing: EnforcingAws, person: Somebody, url: str, role: str
) -> None:
    ours = {"StringEquals": {"aws:ResourceTag/team": "research"}}
    held = rights(role, url) | {
        "change": statement(list(_MAKES[1:]), _STACKS, Condition=ours),
        "tag": statement("sagemaker:AddTags"),
    }
    sagemaker, names = enforcing.somebody(*held.values()).client("sagemaker"), {}
    for team in ("research", "risk"):
        names[team] = unique(team)
        tags = [{"Key": "team", "Value": team}]
        sagemaker.create_project(ProjectName=names[team], TemplateProviders=asked(url, role), Tags=tags)
        settled(sagemaker, names[team])

    with pytest.raises(ClientError, match="cloudformation:UpdateStack"):
        sagemaker.update_project(
            ProjectName=names["risk"], TemplateProvidersToUpdate=_update(url, Text="three")
        )
    with pytest.raises(ClientError, match="cloudformation:DeleteStack"):
        sagemaker.delete_project(ProjectName=names["risk"])
    sagemaker.delete_project(ProjectName=names["research"])
    eventually(lambda: gone(sagemaker, names["research"]))
    person.client("sagemaker").delete_project(ProjectName=names["risk"])
    eventually(lambda: gone(sagemaker, names["risk"]))


def test_says_why_its_stack_failed_and_can_be_deleted(
    enforcing: EnforcingAws, url: str, person: Somebody
) -> None:
    weak = enforcing.role(
        statement(["sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackageGroup"]),
        trust=trusting({"Service": "cloudformation.amazonaws.com"}),
    )
    somebody, name = enforcing.somebody(*rights(weak, url).values()), unique("weak")
    sagemaker = somebody.client("sagemaker")
    sagemaker.create_project(ProjectName=name, TemplateProviders=asked(url, weak))

    described = settled(sagemaker, name)
    sagemaker.delete_project(ProjectName=name)
    eventually(lambda: gone(person.client("sagemaker"), name))

    stack = described["TemplateProviderDetails"][0]["CfnTemplateProviderDetail"]["StackDetail"]
    assert described["ProjectStatus"] == "CreateFailed"
    assert "is not authorized to perform: " in stack["StatusMessage"]


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [
        ("fits", {"Text": "four"}, "must be one of"),
        ("fits", {"Colour": "red"}, "do not exist in the template"),
        ("much-too-long-for-the-template", {}, "must contain at most 20 characters"),
    ],
)
def test_is_refused_where_its_template_refuses_it(
    person: Somebody, url: str, role: str, name: str, parameters: Mapping[str, str], why: str
) -> None:
    with refused("ValidationException", why):
        person.client("sagemaker").create_project(
            ProjectName=name, TemplateProviders=asked(url, role, **parameters)
        )


def test_has_either_a_template_or_a_product(person: Somebody, url: str, role: str) -> None:
    with refused("ValidationException", "must be given"):
        person.client("sagemaker").create_project(
            ProjectName="both",
            TemplateProviders=asked(url, role),
            ServiceCatalogProvisioningDetails={"ProductId": "prod-1"},
        )


def _update(url: str, **parameters: str) -> list[dict[str, Any]]:
    return asked(url, None, **parameters)
