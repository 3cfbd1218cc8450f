"""Projects of SageMaker, which Service Catalog launches, through boto3 and from templates."""

from __future__ import annotations

from typing import Any

import pytest

from support.deployed import DeploymentFailed, LocalAws, Stacks
from support.servicecatalog import Catalog, Person, Product, client_with, refused, unique
from support.waiting import eventually

ACCOUNT = "000000000632"
TEMPLATE = {
    "Parameters": {
        "SageMakerProjectName": {"Type": "String"},
        "SageMakerProjectId": {"Type": "String"},
        "Size": {"Type": "String", "AllowedValues": ["small", "large"], "Default": "small"},
    },
    "Resources": {
        "Experiment": {
            "Type": "AWS::SageMaker::Experiment",
            "Properties": {
                "ExperimentName": {"Fn::Sub": "${SageMakerProjectName}-${SageMakerProjectId}"},
                "Description": {"Ref": "Size"},
            },
        }
    },
}


@pytest.fixture(scope="module")
def catalog(local_aws: LocalAws) -> Catalog:
    return Catalog(local_aws, ACCOUNT)


@pytest.fixture(scope="module")
def product(catalog: Catalog) -> Product:
    return catalog.new_product(TEMPLATE)


@pytest.fixture(scope="module")
def person(catalog: Catalog) -> Person:
    return catalog.person(catalog.portfolio)


@pytest.fixture(scope="module")
def sagemaker(local_aws: LocalAws, catalog: Catalog, person: Person) -> Any:
    """Of somebody who may launch what is in the portfolio."""
    keys = catalog.client("sts").assume_role(RoleArn=person.role_arn, RoleSessionName="ada")["Credentials"]
    return client_with(local_aws, keys, "sagemaker")


def details(product: Product, **parameters: str) -> dict[str, Any]:
    given = [{"Key": key, "Value": value} for key, value in parameters.items()]
    return {
        "ProductId": product.id,
        "ProvisioningArtifactId": product.version,
        "ProvisioningParameters": given,
    }


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    def found() -> dict[str, Any]:
        answer: dict[str, Any] = sagemaker.describe_project(ProjectName=name)
        return answer

    eventually(lambda: not found()["ProjectStatus"].endswith("InProgress"))
    return found()


def names(sagemaker: Any) -> list[str]:
    return [one["ProjectName"] for one in sagemaker.list_projects()["ProjectSummaryList"]]


def test_is_what_its_product_makes(
    catalog: Catalog, product: Product, person: Person, sagemaker: Any
) -> None:
    name = unique("houses")
    made = sagemaker.create_project(
        ProjectName=name,
        ProjectDescription="prices",
        ServiceCatalogProvisioningDetails=details(product, Size="large"),
        Tags=[{"Key": "team", "Value": "research"}],
    )

    described = settled(sagemaker, name)

    assert described["ProjectStatus"] == "CreateCompleted"
    assert (
        made["ProjectArn"]
        == described["ProjectArn"]
        == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:project/{name}"
    )
    made_for = f"{name}-{made['ProjectId']}"
    experiment = sagemaker.describe_experiment(ExperimentName=made_for)
    assert experiment["Description"] == "large"
    found = sagemaker.list_tags(ResourceArn=experiment["ExperimentArn"])["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in found}
    assert (tags["sagemaker:project-name"], tags["team"]) == (name, "research")
    launched = described["ServiceCatalogProvisionedProductDetails"]["ProvisionedProductId"]
    assert person.status(launched) == "AVAILABLE"
    listed = sagemaker.list_projects(NameContains=name)["ProjectSummaryList"]
    assert [one["ProjectId"] for one in listed] == [made["ProjectId"]]

    sagemaker.update_project(
        ProjectName=name,
        ServiceCatalogProvisioningUpdateDetails={
            "ProvisioningParameters": [{"Key": "Size", "Value": "small"}]
        },
    )
    assert settled(sagemaker, name)["ProjectStatus"] == "UpdateCompleted"
    experiment = sagemaker.describe_experiment(ExperimentName=made_for)
    assert experiment["Description"] == "small"

    sagemaker.delete_project(ProjectName=name)

    eventually(lambda: name not in names(sagemaker))
    with refused("ValidationException", f"Project {name} does not exist"):
        sagemaker.describe_project(ProjectName=name)
    with refused("ResourceNotFound"):
        sagemaker.describe_experiment(ExperimentName=made_for)


def test_fails_as_its_launch_does_and_can_be_deleted(product: Product, sagemaker: Any) -> None:
    name = unique("failing")
    sagemaker.create_project(
        ProjectName=name, ServiceCatalogProvisioningDetails=details(product, Size="endless")
    )

    described = settled(sagemaker, name)

    assert described["ProjectStatus"] == "CreateFailed"
    launched = described["ServiceCatalogProvisionedProductDetails"]
    assert "must be one of AllowedValues" in launched["ProvisionedProductStatusMessage"]
    sagemaker.delete_project(ProjectName=name)
    eventually(lambda: name not in names(sagemaker))


def test_is_refused_where_the_catalog_refuses_it(
    local_aws: LocalAws, product: Product, sagemaker: Any
) -> None:
    name = unique("refused")
    wrong = {**details(product), "ProvisioningArtifactId": "pa-nothere"}
    with refused("ValidationException", "pa-nothere not found"):
        sagemaker.create_project(ProjectName=name, ServiceCatalogProvisioningDetails=wrong)
    with refused("ValidationException", "must be given"):
        sagemaker.create_project(ProjectName=name)
    with refused("ValidationException"):  # an administrator is no principal of the portfolio by being one
        local_aws.client("sagemaker", ACCOUNT).create_project(
            ProjectName=name, ServiceCatalogProvisioningDetails=details(product)
        )
    assert name not in names(sagemaker)


@pytest.fixture(scope="module")
def own(local_aws: LocalAws) -> Catalog:
    return Catalog(local_aws, local_aws.account)


@pytest.fixture(scope="module")
def offered(own: Catalog) -> Product:
    return own.new_product(TEMPLATE)


@pytest.fixture(scope="module")
def deployer(own: Catalog) -> str:
    """The role of stacks that may launch what is in the portfolio."""
    return own.person(own.portfolio).role_arn


def project(product: Product, **parameters: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::Project",
        "Properties": {
            "ProjectName": unique("stacked"),
            "ServiceCatalogProvisioningDetails": details(product, **parameters),
        },
    }


def test_deploys_from_a_template_and_goes_with_it(
    local_aws: LocalAws, stacks: Stacks, offered: Product, deployer: str
) -> None:
    made = project(offered)
    name = made["Properties"]["ProjectName"]
    status = {"Fn::GetAtt": ["Project", "ProjectStatus"]}
    stack = stacks.deploy({"Project": made}, outputs={"Status": status}, role=deployer)
    sagemaker = local_aws.client("sagemaker")

    assert stack.outputs["Status"] == "CreateCompleted"
    assert stack.physical_id("Project") == sagemaker.describe_project(ProjectName=name)["ProjectArn"]
    other = {"Type": "AWS::SageMaker::Experiment", "Properties": {"ExperimentName": name}}
    stacks.deploy({"Other": other}, name=stack.name)
    with refused("ValidationException", "does not exist"):
        sagemaker.describe_project(ProjectName=name)


def test_that_fails_fails_its_stack(stacks: Stacks, offered: Product, deployer: str) -> None:
    with pytest.raises(DeploymentFailed, match="must be one of AllowedValues"):
        stacks.deploy({"Project": project(offered, Size="endless")}, role=deployer)
