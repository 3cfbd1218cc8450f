"""What a team offers in Service Catalog, as templates and policies."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from clary.environment.catalog import Products
from clary.environment.model import Environment
from clary.pricing.estimate import Unknowable
from clary.pricing.resources import of_templates
from local_aws.cloudformation.schema import resource_type
from stacks.environment_app import add_product, add_stacks, new_app
from stacks.products import PRODUCTS
from stacks.products.page import PAGE, page_text
from support.launches import Launch
from support.synthesis import ROOT, resources

ACCOUNT, REGION = "111122223333", "eu-west-1"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/newcomers"
VALUES: Mapping[str, Mapping[str, str]] = {
    "data_scientist": {"Name": "emmy"},
    "emr_cluster": {"Name": "churn", "InstanceType": "m5.xlarge", "CoreNodes": "2"},
    "notebook_instance": {"Name": "churn", "InstanceType": "ml.t3.medium", "StorageGib": "5"},
    "model_endpoint": {"Name": "churn", "Group": "churn", "Version": "3", "InstanceType": "ml.m5.large"},
    "project_workspace": {
        "Name": "churn-one",
        "Identifier": "id",
        "EventTime": "event_time",
        "Features": "",
        "MonthlyBudget": "100",
    },
}
"""What somebody fills in."""
OFFERED: Mapping[str, Any] = {
    "data_scientist": {},
    "emr_cluster": {},
    "notebook_instance": {},
    "model_endpoint": {},
    "project_workspace": {"features": {}, "budget": {"default_usd": 100, "most_usd": 500}},
}


def environment(portfolio: Mapping[str, Any] | None = None, **more: Any) -> Environment:
    said = {"principals": [PRINCIPAL], "products": OFFERED, **(portfolio or {})}
    return Environment.model_validate(
        {
            "name": "dev",
            "account": ACCOUNT,
            "region": REGION,
            "teams": {"research": {"members": {"ada": "data-scientist"}}},
            "personas": {"data-scientist": {"rights": {"add": ["connect-to-emr"]}}},
            "catalog": {"portfolios": {"research": said}, "tag_options": {"purpose": ["trial", "course"]}},
            "costs": {"budget": {"monthly_usd": 1000, "emails": ["finance@example.com"]}},
        }
        | more
    )


def synthesise(folder: Path, given: Environment) -> dict[str, Any]:
    """The templates by their files' names."""
    app = new_app(ROOT, folder)
    add_stacks(app, given, ROOT)
    app.synth()
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    return synthesise(tmp_path_factory.mktemp("catalog"), environment())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """The templates of an environment that offers one product only, by the product."""
    return {
        key: synthesise(tmp_path_factory.mktemp(key), environment({"products": {key: OFFERED[key]}}))
        for key in PRODUCTS
    }


@cache
def _words(key: str) -> str:
    return "".join(word.capitalize() for word in key.split("_"))


def product(templates: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    (found,) = (
        template
        for name, template in templates.items()
        if name.endswith(".product.template.json") and f"Research{_words(key)}" in name
    )
    return dict(found)


def launch(templates: Mapping[str, Any], key: str) -> Launch:
    catalog = templates["Catalog.template.json"]
    network = templates["Network.template.json"]
    return Launch(ACCOUNT, REGION, catalog, product(templates, key), VALUES[key], network)


def test_the_page_tells_the_products_as_they_are() -> None:
    page = (ROOT / PAGE).read_text()

    assert page_text(page, ROOT) == page, "run `python -m stacks.products.page`"


def test_every_product_of_the_file_has_a_module() -> None:
    assert PRODUCTS.keys() == Products.model_fields.keys()


@pytest.mark.parametrize("key", PRODUCTS)
def test_a_launch_role_may_all_that_a_launch_does(alone: Mapping[str, Any], key: str) -> None:
    launched = launch(alone[key], key)

    refused = [call for call in launched.calls() if not launched.allowed(launched.policy(), call)]

    assert refused == []


@pytest.mark.parametrize("key", PRODUCTS)
def test_a_launch_fails_without_any_statement_of_its_role(alone: Mapping[str, Any], key: str) -> None:
    launched = launch(alone[key], key)
    policy = launched.policy()
    calls = [call for call in launched.calls() if launched.allowed(policy, call)]

    idle = []
    for number, statement in enumerate(policy["Statement"]):
        less = deepcopy(dict(policy))
        del less["Statement"][number]
        if all(launched.allowed(less, call) for call in calls):
            idle.append(statement)

    assert idle == []


@pytest.mark.parametrize("key", PRODUCTS)
def test_a_launch_role_has_no_action_with_a_wildcard(alone: Mapping[str, Any], key: str) -> None:
    actions = [
        action
        for statement in launch(alone[key], key).policy()["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]

    assert [action for action in actions if "*" in action] == []


@pytest.mark.parametrize("key", PRODUCTS)
def test_a_product_asks_for_no_asset_and_imports_nothing(templates: Mapping[str, Any], key: str) -> None:
    text = json.dumps(product(templates, key))

    assert "cdk-hnb659fds" not in text
    assert "Fn::ImportValue" not in text


@pytest.mark.parametrize("key", PRODUCTS)
def test_what_people_read_of_a_launch_needs_no_resolving(templates: Mapping[str, Any], key: str) -> None:
    assert "{{resolve" not in json.dumps(product(templates, key)["Outputs"])


@pytest.mark.parametrize("key", PRODUCTS)
def test_a_product_is_a_stack_of_its_own_too(tmp_path: Path, key: str) -> None:
    app = new_app(ROOT, tmp_path)
    add_stacks(app, environment(), ROOT)

    add_product(app, f"research/{key}")

    app.synth()
    templates = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.template.json")}
    assert templates["Product.template.json"]["Resources"] == product(templates, key)["Resources"]


def test_a_product_that_nobody_offers_is_no_stack(tmp_path: Path) -> None:
    app = new_app(ROOT, tmp_path)
    add_stacks(app, environment({"products": {"data_scientist": {}}}), ROOT)

    with pytest.raises(ValueError, match="there are: research/data_scientist"):
        add_product(app, "research/notebook_instance")


def test_a_portfolio_is_its_principals_and_has_their_choice_of_tags(templates: Mapping[str, Any]) -> None:
    catalog = templates["Catalog.template.json"]

    (principal,) = resources(catalog, "AWS::ServiceCatalog::PortfolioPrincipalAssociation").values()
    options = resources(catalog, "AWS::ServiceCatalog::TagOption").values()
    assert (principal["Properties"]["PrincipalARN"], principal["Properties"]["PrincipalType"]) == (
        PRINCIPAL,
        "IAM",
    )
    assert sorted(option["Properties"]["Value"] for option in options) == ["course", "trial"]


def test_a_cluster_tells_of_a_project_only_where_studio_has_made_one(templates: Mapping[str, Any]) -> None:
    cluster = product(templates, "emr_cluster")

    assert cluster["Parameters"]["SageMakerProjectId"]["Default"] == "-"
    assert cluster["Outputs"]["Project"]["Condition"] == "FromStudio"
    assert cluster["Conditions"]["FromStudio"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "SageMakerProjectId"}, "-"]}]
    }


def test_the_price_knows_every_type_that_a_catalog_brings(templates: Mapping[str, Any]) -> None:
    told = of_templates({"Catalog": templates["Catalog.template.json"]}, REGION)

    unknown = [each.what for each in told if isinstance(each, Unknowable)]
    assert [each for each in unknown if each.startswith("AWS::")] == []


def test_another_account_may_take_the_portfolio(tmp_path: Path) -> None:
    catalog = synthesise(tmp_path, environment({"accounts": ["444455556666"]}))["Catalog.template.json"]

    (share,) = resources(catalog, "AWS::ServiceCatalog::PortfolioShare").values()
    assert share["Properties"]["AccountId"] == "444455556666"


def test_whoever_is_in_the_file_cannot_be_launched(templates: Mapping[str, Any]) -> None:
    rules = resources(templates["Catalog.template.json"], "AWS::ServiceCatalog::LaunchTemplateConstraint")

    (text,) = (
        rule["Properties"]["Rules"] for rule in rules.values() if "NameIsFree" in rule["Properties"]["Rules"]
    )
    (assertion,) = json.loads(text)["NameIsFree"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Contains": [["ada"], {"Ref": "Name"}]}]}


def test_a_changed_setting_is_another_version_and_an_unchanged_file_the_same(
    templates: Mapping[str, Any], tmp_path: Path
) -> None:
    def version(these: Mapping[str, Any]) -> str:
        products = resources(these["Catalog.template.json"], "AWS::ServiceCatalog::CloudFormationProduct")
        (found,) = (
            product["Properties"]
            for product in products.values()
            if product["Properties"]["Name"] == "clary-dev-research-data-scientist"
        )
        return str(found["ProvisioningArtifactParameters"][0]["Name"])

    tools = {"idle": {"after_minutes": 120, "most_minutes": 240}}
    idle = {"data-scientist": {"tools": tools, "rights": {"add": ["connect-to-emr"]}}}

    again = synthesise(tmp_path / "again", environment())
    changed = synthesise(tmp_path / "changed", environment(personas=idle))

    assert version(again) == version(templates)
    assert version(changed) != version(templates)


def test_data_that_is_retained_outlives_a_launch(templates: Mapping[str, Any], tmp_path: Path) -> None:
    deleted = {"on_destroy": "delete", "delete_confirmed_for": "dev"}

    kept = product(templates, "data_scientist")
    gone = product(synthesise(tmp_path, environment(data=deleted)), "data_scientist")

    for one, policy in ((kept, "Retain"), (gone, "Delete")):
        for kind in ("AWS::SageMaker::UserProfile", "AWS::SageMaker::Space"):
            (resource,) = resources(one, kind).values()
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, policy)


def test_logical_ids_of_what_holds_data_never_change(templates: Mapping[str, Any]) -> None:
    found = product(templates, "data_scientist")

    assert resources(found, "AWS::SageMaker::UserProfile").keys() == {"ProfilePerson"}
    assert resources(found, "AWS::SageMaker::Space").keys() == {"SpacePerson"}
    workspace = product(templates, "project_workspace")
    assert resources(workspace, "AWS::ECR::Repository").keys() == {"ImagesRepository2D0F5B9C"}
    assert resources(workspace, "AWS::SageMaker::ModelPackageGroup").keys() == {"Packages"}
    assert resources(workspace, "Custom::ProjectWorkspace").keys() == {"Workspace"}
    notebook = product(templates, "notebook_instance")
    assert resources(notebook, "AWS::SageMaker::NotebookInstance").keys() == {"Notebook"}


def test_a_launched_model_is_isolated_in_the_network_and_encrypted(templates: Mapping[str, Any]) -> None:
    found = product(templates, "model_endpoint")

    (model,) = resources(found, "AWS::SageMaker::Model").values()
    (configuration,) = resources(found, "AWS::SageMaker::EndpointConfig").values()
    (log,) = resources(found, "AWS::Logs::LogGroup").values()
    key = "{{resolve:ssm:/clary/dev/catalog/key-arn}}"
    assert model["Properties"]["EnableNetworkIsolation"] is True
    assert model["Properties"]["VpcConfig"]["SecurityGroupIds"] == [
        "{{resolve:ssm:/clary/dev/catalog/security-group-id}}"
    ]
    assert configuration["Properties"]["KmsKeyId"] == {"Fn::If": ["OwnDisks", {"Ref": "AWS::NoValue"}, key]}
    assert log["Properties"]["KmsKeyId"] == key


def test_a_launched_model_says_what_it_takes_where_the_api_leads_to_it(
    templates: Mapping[str, Any], tmp_path: Path
) -> None:
    types = ["text/csv", "application/json"]
    with_route = {"products": {"model_endpoint": {"api": {"content_types": types}}}}

    made = synthesise(tmp_path, environment(with_route))
    routed, bare = product(made, "model_endpoint"), product(templates, "model_endpoint")

    (endpoint,) = resources(routed, "AWS::SageMaker::Endpoint").values()
    field = routed["Parameters"]["ContentType"]
    tag = {"Key": "clary:content-type", "Value": {"Ref": "ContentType"}}
    assert (field["AllowedValues"], field["Default"]) == (types, "text/csv")
    assert tag in endpoint["Properties"]["Tags"]
    assert "/models/research--" in json.dumps(routed["Outputs"]["Route"]["Value"])
    assert "text/csv, application/json, and no other media type" in json.dumps(made["Catalog.template.json"])
    assert "ContentType" not in json.dumps(bare)
    assert "clary:content-type" not in json.dumps(bare)


def test_an_api_that_leads_to_launched_models_needs_none_of_the_file(
    templates: Mapping[str, Any], tmp_path: Path
) -> None:
    with_route = {"products": {"model_endpoint": {"api": {}}}}
    clients = {"lab": {"authorization": "cognito", "launched": ["research"]}}

    made = synthesise(tmp_path, environment(with_route, api={"clients": clients}))

    (server,) = resources(made["Gateway.template.json"], "AWS::Cognito::UserPoolResourceServer").values()
    assert server["Properties"]["Identifier"] == "launched"
    assert "Serving.template.json" not in made
    assert "Gateway.template.json" not in templates


def test_instances_with_disks_of_their_own_get_no_key(tmp_path: Path) -> None:
    types = {"instance_types": ["ml.m5.large", "ml.g5.xlarge"]}

    found = product(
        synthesise(tmp_path, environment({"products": {"model_endpoint": types}})), "model_endpoint"
    )

    disks = {kind: said["Disks"] for kind, said in found["Mappings"]["Contents"].items()}
    assert disks == {"ml.m5.large": "attached", "ml.g5.xlarge": "own"}


def test_a_launched_models_names_fit_whatever_is_filled_in(tmp_path: Path) -> None:
    team = "t" * 20
    portfolio = {"principals": [PRINCIPAL], "products": {"model_endpoint": {}}}
    given = environment(teams={team: {}}, catalog={"portfolios": {team: portfolio}})

    (found,) = (
        template
        for name, template in synthesise(tmp_path, given).items()
        if name.endswith(".product.template.json")
    )

    (model,) = resources(found, "AWS::SageMaker::Model").values()
    separator, parts = model["Properties"]["ModelName"]["Fn::Join"]
    longest = {key: said.get("MaxLength") for key, said in found["Parameters"].items()}
    content = found["Mappings"]["Contents"]["ml.m5.large"]["Name"]
    names = [*(longest[name] * "n" for name in ("Name", "Group")), "9999", content]
    assert found["Parameters"]["Version"]["MaxValue"] == 9999
    assert parts[1:3] == [{"Ref": "Group"}, {"Ref": "Version"}]
    assert len(f"{team}--" + separator.join(names)) == 63


def test_what_a_project_has_survives_another_name_and_a_failed_launch_leaves_nothing(
    templates: Mapping[str, Any], tmp_path: Path
) -> None:
    deleted = {"on_destroy": "delete", "delete_confirmed_for": "dev"}

    kept = product(templates, "project_workspace")
    gone = product(synthesise(tmp_path, environment(data=deleted)), "project_workspace")

    for one, policy in ((kept, "RetainExceptOnCreate"), (gone, "Delete")):
        for kind in ("AWS::ECR::Repository", "AWS::SageMaker::ModelPackageGroup"):
            (resource,) = resources(one, kind).values()
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, "Retain")


def test_a_projects_images_are_encrypted_scanned_and_never_exchanged(templates: Mapping[str, Any]) -> None:
    (repository,) = resources(product(templates, "project_workspace"), "AWS::ECR::Repository").values()

    said = repository["Properties"]
    assert said["EncryptionConfiguration"] == {
        "EncryptionType": "KMS",
        "KmsKey": "{{resolve:ssm:/clary/dev/catalog/key-arn}}",
    }
    assert said["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert said["ImageTagMutability"] == "IMMUTABLE"
    assert {"Key": "clary:project", "Value": {"Ref": "Name"}} in said["Tags"]


def test_all_that_a_project_has_waits_for_its_name(templates: Mapping[str, Any]) -> None:
    found = product(templates, "project_workspace")["Resources"]

    others = {name for name, each in found.items() if each["Type"] != "Custom::ProjectWorkspace"}
    waiting = {name for name, each in found.items() if "Workspace" in each.get("DependsOn", [])}
    assert waiting == others
    assert len(others) == 3


def test_a_projects_feature_group_is_encrypted_in_the_teams_place(templates: Mapping[str, Any]) -> None:
    launched = launch(templates, "project_workspace")

    (kept,) = resources(launched.said(), "Custom::ProjectWorkspace").values()

    group = json.loads(kept["Properties"]["Group"])
    assert group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].endswith("/research/features")
    assert "encryptionkey" in group["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"]
    assert group["OfflineStoreConfig"]["DataCatalogConfig"] == {
        "Catalog": "AwsDataCatalog",
        "Database": "clary_dev_features",
        "TableName": "research__churn_one",
    }
    assert {"Key": "clary:project", "Value": "churn-one"} in group["Tags"]
    assert "OnlineStoreConfig" not in group


def test_a_projects_budget_is_about_the_teams_project_and_tells_the_files_contacts(
    templates: Mapping[str, Any],
) -> None:
    found = product(templates, "project_workspace")

    (budget,) = resources(found, "AWS::Budgets::Budget").values()

    said = budget["Properties"]
    about = {
        each["Tags"]["Key"]: each["Tags"]["Values"] for each in said["Budget"]["FilterExpression"]["And"]
    }
    assert about == {
        "clary:environment": ["dev"],
        "clary:team": ["research"],
        "clary:project": [{"Ref": "Name"}],
    }
    assert said["Budget"]["BudgetLimit"]["Amount"] == {"Ref": "MonthlyBudget"}
    assert found["Parameters"]["MonthlyBudget"]["MaxValue"] == 500
    told = {each["Address"] for one in said["NotificationsWithSubscribers"] for each in one["Subscribers"]}
    assert told == {"finance@example.com"}


def test_a_project_has_neither_group_nor_budget_unless_the_file_says_so(tmp_path: Path) -> None:
    made = synthesise(tmp_path, environment({"products": {"project_workspace": {}}}))

    found = product(made, "project_workspace")
    (kept,) = resources(found, "Custom::ProjectWorkspace").values()
    assert kept["Properties"].keys() == {"ServiceToken", "ProjectName", "Files"}
    assert found["Parameters"].keys() == {"Name"}
    assert "Features.template.json" not in made
    assert "CreateFeatureGroup" not in json.dumps(made["Catalog.template.json"])


@pytest.fixture(scope="module")
def in_studio(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Of a team whose data scientists find projects in Studio."""
    said = {"in_studio": ["data-scientist"], "features": {}}
    return synthesise(
        tmp_path_factory.mktemp("studio"), environment({"products": {"project_workspace": said}})
    )


def test_studio_lists_the_same_template_under_the_projects_name(in_studio: Mapping[str, Any]) -> None:
    (written,) = resources(in_studio["Catalog.template.json"], "Custom::ProjectTemplate").values()

    of_studio = json.loads(base64.b64decode(written["Properties"]["Base64"]))
    of_catalog = product(in_studio, "project_workspace")
    assert written["Properties"]["Key"] == "clary--projects/research/project-workspace.yaml"
    assert written["Properties"]["Tags"] == {"sagemaker:studio-visibility": "true"}
    assert of_studio["Parameters"].keys() - of_catalog["Parameters"].keys() == {
        *("SageMakerProjectName", "SageMakerProjectId")
    }
    renamed = json.dumps(of_studio["Resources"]).replace("SageMakerProjectName", "Name")
    assert json.loads(renamed) == of_catalog["Resources"]


def test_studios_template_has_the_rules_that_a_constraint_decides_in_the_catalog(tmp_path: Path) -> None:
    said = {"in_studio": ["data-scientist"], "features": {}}
    group = {"identifier": "id", "event_time": "at", "features": {"id": "string", "at": "string"}}
    given = environment(
        {"products": {"project_workspace": said}}, features={"visits": {"team": "research", **group}}
    )

    catalog = synthesise(tmp_path, given)["Catalog.template.json"]

    (written,) = resources(catalog, "Custom::ProjectTemplate").values()
    (constraint,) = resources(catalog, "AWS::ServiceCatalog::LaunchTemplateConstraint").values()
    rules = json.loads(base64.b64decode(written["Properties"]["Base64"]))["Rules"]
    taken = rules["NameIsFree"]["Assertions"][0]["Assert"]["Fn::Not"][0]["Fn::Contains"]
    assert "visits" in taken[0]
    assert taken[1] == {"Ref": "SageMakerProjectName"}
    renamed = json.dumps(rules).replace("SageMakerProjectName", "Name")
    assert json.loads(renamed) == json.loads(constraint["Properties"]["Rules"])


def test_a_studio_domain_is_told_where_templates_are_without_being_changed(
    in_studio: Mapping[str, Any], alone: Mapping[str, Any]
) -> None:
    def domain(templates: Mapping[str, Any]) -> Any:
        return resources(templates["Studio.template.json"], "AWS::SageMaker::Domain")

    (tag,) = resources(in_studio["Catalog.template.json"], "Custom::DomainTag").values()

    assert tag["Properties"]["Key"] == "sagemaker:projectS3TemplatesLocation"
    assert "s3://" in json.dumps(tag["Properties"]["Value"])
    assert domain(in_studio) == domain(alone["project_workspace"])


def test_a_projects_role_is_what_its_launch_role_is_and_is_no_service_catalogs(
    in_studio: Mapping[str, Any],
) -> None:
    catalog = in_studio["Catalog.template.json"]
    policies = {
        each["Properties"]["Description"]: each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(catalog, "AWS::IAM::ManagedPolicy").values()
    }

    launch_, project_ = policies["What a launch does"], policies["What a project's stack does"]
    assert [each for each in launch_ if each not in project_] == launch_[:2]
    assert [each for each in project_ if each not in launch_] == []


def test_people_make_change_and_tag_projects_of_their_own_team_alone(in_studio: Mapping[str, Any]) -> None:
    (people,) = (
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(in_studio["Catalog.template.json"], "AWS::IAM::ManagedPolicy").values()
        if each["Properties"]["Description"].startswith("Makes projects of the team")
    )

    of_any_team = [
        each["Action"]
        for each in people
        if not {"aws:RequestTag/clary:team", "aws:ResourceTag/clary:team"}
        & each.get("Condition", {}).get("StringEquals", {}).keys()
    ]
    assert of_any_team == [
        "sagemaker:ListProjects",
        "iam:PassRole",
        ["s3:GetObject", "s3:GetObjectTagging"],
        "s3:ListBucket",
    ]


def test_only_who_finds_projects_in_studio_is_let_at_stacks(
    in_studio: Mapping[str, Any], alone: Mapping[str, Any]
) -> None:
    with_, without = (
        json.dumps(each["Access.template.json"]) for each in (in_studio, alone["project_workspace"])
    )

    assert "cloudformation:*Stack" in with_
    assert "cloudformation:" not in without
    data = in_studio["Data.template.json"]
    cors = [
        each["Properties"]["CorsConfiguration"]["CorsRules"]
        for each in resources(data, "AWS::S3::Bucket").values()
        if "CorsConfiguration" in each["Properties"]
    ]
    assert cors[0][-1]["AllowedMethods"] == ["GET", "HEAD"]
    assert "CorsConfiguration" not in json.dumps(alone["project_workspace"]["Data.template.json"])


def test_the_team_queries_the_histories_of_its_projects(alone: Mapping[str, Mapping[str, Any]]) -> None:
    made = alone["project_workspace"]

    assert resources(made["Features.template.json"], "AWS::Glue::Database")
    (workgroup,) = resources(made["Features.template.json"], "AWS::Athena::WorkGroup").values()
    assert workgroup["Properties"]["Name"] == "clary-dev-research"
    assert "workgroup/clary-dev-research" in json.dumps(made["Access.template.json"])
    assert "athena" in json.dumps(made["Network.template.json"])


def test_a_teams_roles_know_repositories_of_projects_only_where_there_are_projects(
    templates: Mapping[str, Any], alone: Mapping[str, Mapping[str, Any]]
) -> None:
    with_projects = json.dumps(templates["Access.template.json"])
    without = json.dumps(alone["data_scientist"]["Access.template.json"])

    assert ":repository/research--*" in with_projects
    assert ":repository/research--*" not in without


def test_a_teams_data_scientists_ask_launched_endpoints_only_where_endpoints_are_offered(
    templates: Mapping[str, Any], alone: Mapping[str, Mapping[str, Any]]
) -> None:
    offered = json.dumps(templates["Access.template.json"])
    without = json.dumps(alone["data_scientist"]["Access.template.json"])

    assert ":endpoint/research--*" in offered
    assert ":endpoint/research--*" not in without


def test_nothing_that_somebody_fills_in_would_replace_a_notebook_instance(
    templates: Mapping[str, Any],
) -> None:
    found = product(templates, "notebook_instance")

    (notebook,) = resources(found, "AWS::SageMaker::NotebookInstance").values()

    create_only = resource_type("AWS::SageMaker::NotebookInstance").create_only
    fixed = json.dumps([notebook["Properties"].get(name) for (name,) in create_only])
    assert [field for field in found["Parameters"] if f'"Ref": "{field}"' in fixed] == []


def test_a_notebook_instance_is_in_the_network_encrypted_without_root_or_internet(
    templates: Mapping[str, Any],
) -> None:
    (notebook,) = resources(
        product(templates, "notebook_instance"), "AWS::SageMaker::NotebookInstance"
    ).values()

    said = notebook["Properties"]
    assert (said["DirectInternetAccess"], said["RootAccess"]) == ("Disabled", "Disabled")
    assert said["SubnetId"] == "{{resolve:ssm:/clary/dev/catalog/subnet-id}}"
    assert said["KmsKeyId"] == "{{resolve:ssm:/clary/dev/catalog/key-arn}}"
    assert said["LifecycleConfigName"] == "{{resolve:ssm:/clary/dev/catalog/research-notebook-startup}}"


def test_a_notebook_instance_clones_what_is_chosen_and_has_root_where_the_file_says_so(
    tmp_path: Path,
) -> None:
    address = "https://git.example.org/research/notebooks.git"
    said = {"repositories": [address], "root": True}

    found = product(
        synthesise(tmp_path, environment({"products": {"notebook_instance": said}})), "notebook_instance"
    )

    (notebook,) = resources(found, "AWS::SageMaker::NotebookInstance").values()
    assert notebook["Properties"]["RootAccess"] == "Enabled"
    assert found["Parameters"]["Repository"]["AllowedValues"] == ["none", address]
    assert notebook["Properties"]["DefaultCodeRepository"] == {
        "Fn::If": ["NoRepository", {"Ref": "AWS::NoValue"}, {"Ref": "Repository"}]
    }


def test_a_profile_says_that_it_is_the_catalogs(templates: Mapping[str, Any]) -> None:
    (profile,) = resources(product(templates, "data_scientist"), "AWS::SageMaker::UserProfile").values()

    assert {"Key": "clary:owner", "Value": "service-catalog"} in profile["Properties"]["Tags"]


def test_a_persona_that_nobody_has_yet_gets_its_role(tmp_path: Path) -> None:
    nobody = environment({}, teams={"research": {}})

    access = synthesise(tmp_path, nobody)["Access.template.json"]

    names = [role["Properties"].get("RoleName") for role in resources(access, "AWS::IAM::Role").values()]
    assert "clary-dev-research-data-scientist" in names
