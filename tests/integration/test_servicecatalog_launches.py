"""Launches: products become stacks, as their launch roles, and records tell how it went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.deployed import LocalAws
from support.servicecatalog import (
    PRODUCT,
    Catalog,
    Person,
    Product,
    as_parameters,
    refused,
    unique,
)

FAILING = {
    "Parameters": {"Name": {"Type": "String", "Default": "fine"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Table": {
            "Type": "AWS::Glue::Database",
            "DependsOn": "Topic",
            "Properties": {"CatalogId": "1", "DatabaseInput": {"Name": {"Ref": "Name"}}, "Nonsense": True},
        },
    },
}
"""CloudFormation begins to make it and gives up at the second resource."""


@pytest.fixture(scope="module")
def catalog(local_aws: LocalAws) -> Catalog:
    return Catalog(local_aws, "220000000001")


@pytest.fixture(scope="module")
def launch_role(catalog: Catalog) -> str:
    return catalog.new_role({"Service": "servicecatalog.amazonaws.com"})


@pytest.fixture(scope="module")
def product(catalog: Catalog, launch_role: str) -> Product:
    product = catalog.new_product()
    catalog.constrain(product, "LAUNCH", RoleArn=launch_role)
    return product


@pytest.fixture(scope="module")
def person(catalog: Catalog) -> Person:
    return catalog.person(catalog.portfolio, path="/people/")


def team() -> str:
    """A name that no other test has: of letters, as the product wants it."""
    return "".join(letter for letter in unique("team").replace("-", "") if letter.isalpha())


class TestProvision:
    def test_makes_a_stack_and_tells_its_outputs(
        self, catalog: Catalog, product: Product, person: Person
    ) -> None:
        name = team()

        ended = person.launch(product, Team=name, Size="large")

        assert (ended.status, ended.error) == ("SUCCEEDED", "")
        assert ended.outputs["Topic"].endswith(f":{name}-large")
        stack = ended.outputs["CloudformationStackARN"]
        assert f":stack/SC-{catalog.account}-{ended.provisioned}/" in stack
        assert person.status(ended.provisioned) == "AVAILABLE"
        outputs = person.client.get_provisioned_product_outputs(
            ProvisionedProductId=ended.provisioned, OutputKeys=["Topic"]
        )["Outputs"]
        assert [one["OutputValue"] for one in outputs] == [ended.outputs["Topic"]]

    def test_acts_as_the_launch_role(self, product: Product, person: Person, launch_role: str) -> None:
        ended = person.launch(product, Team=team())

        assert ended.record["LaunchRoleArn"] == launch_role
        detail = person.client.describe_provisioned_product(Id=ended.provisioned)
        assert detail["ProvisionedProductDetail"]["LaunchRoleArn"] == launch_role

    def test_tags_what_it_makes(self, catalog: Catalog, person: Person) -> None:
        product = catalog.new_product(Tags=[{"Key": "cost", "Value": "ml"}])
        answer = person.client.provision_product(
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            ProvisionedProductName=unique("tagged"),
            ProvisioningParameters=as_parameters({"Team": team()}),
            Tags=[{"Key": "mine", "Value": "yes"}],
        )
        ended = person.end(answer)

        tags = catalog.client("sns").list_tags_for_resource(ResourceArn=ended.outputs["Topic"])["Tags"]
        values = {tag["Key"]: tag["Value"] for tag in tags}
        assert values["cost"] == "ml"
        assert values["mine"] == "yes"
        assert values["aws:servicecatalog:provisioningArtifactIdentifier"] == product.version
        assert values["aws:servicecatalog:productArn"].endswith(f"product/{product.id}")
        assert values["aws:servicecatalog:provisioningPrincipalArn"].endswith("/somebody")
        with refused("InvalidParametersException", "reserved"):
            person.client.provision_product(
                ProductId=product.id,
                ProvisioningArtifactId=product.version,
                ProvisionedProductName=unique("tagged"),
                Tags=[{"Key": "aws:mine", "Value": "no"}],
            )

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({"Team": "ml", "Size": "huge"}, "Parameter 'Size' must be one of AllowedValues"),
            ({"Team": "ML"}, "Parameter 'Team' must match pattern [a-z]+"),
            ({}, "Parameters: [Team] must have values"),
            ({"Team": "ml", "Colour": "red"}, "Parameters: [Colour] do not exist in the template"),
        ],
    )
    def test_with_parameters_that_are_not_allowed_fails_and_leaves_nothing(
        self, catalog: Catalog, product: Product, person: Person, parameters: dict[str, str], reason: str
    ) -> None:
        before = catalog.stacks()

        ended = person.launch(product, **parameters)

        assert ended.status == "FAILED"
        assert reason in ended.error
        assert "Error Code: ValidationError" in ended.error
        assert person.status(ended.provisioned) == "ERROR"
        assert catalog.stacks() == before
        assert person.terminate(ended.provisioned).status == "SUCCEEDED"

    def test_against_a_rule_of_the_portfolio_fails(self, catalog: Catalog, person: Person) -> None:
        product = catalog.new_product()
        only_small = {
            "Assert": {"Fn::Contains": [["small"], {"Ref": "Size"}]},
            "AssertDescription": "only small ones here",
        }
        catalog.constrain(product, "TEMPLATE", Rules={"Small": {"Assertions": [only_small]}})

        usage = person.client.describe_provisioning_parameters(
            ProductId=product.id, ProvisioningArtifactId=product.version
        )["UsageInstructions"]
        refused_ = person.launch(product, Team=team(), Size="large")
        allowed = person.launch(product, Team=team(), Size="small")

        assert json.loads(next(one["Value"] for one in usage if one["Type"] == "rules"))["Small"]
        assert (refused_.status, allowed.status) == ("FAILED", "SUCCEEDED")
        assert "only small ones here" in refused_.error

    def test_that_cloudformation_gives_up_tells_why_and_rolls_back(
        self, catalog: Catalog, person: Person
    ) -> None:
        ended = person.launch(catalog.new_product(FAILING))

        assert ended.status == "FAILED"
        assert "extraneous key [Nonsense] is not permitted" in ended.error
        assert person.status(ended.provisioned) == "ERROR"
        assert person.terminate(ended.provisioned).status == "SUCCEEDED"
        assert not [name for name in catalog.stacks() if ended.provisioned in name]

    @pytest.mark.parametrize("service", ["cloudformation.amazonaws.com", None])
    def test_as_a_role_that_does_not_trust_the_catalog_fails(
        self, catalog: Catalog, person: Person, service: str | None
    ) -> None:
        product = catalog.new_product()
        gone = f"arn:aws:iam::{catalog.account}:role/gone"
        role = catalog.new_role({"Service": service}) if service else gone
        catalog.constrain(product, "LAUNCH", RoleArn=role)

        ended = person.launch(product, Team=team())

        assert ended.status == "FAILED"
        assert f"is not authorized to perform: sts:AssumeRole on resource: {role}" in ended.error

    def test_by_somebody_who_is_no_principal_is_refused(self, catalog: Catalog, product: Product) -> None:
        with refused("ResourceNotFoundException", f"No launch paths found for resource: {product.id}"):
            catalog.person().launch(product, Team=team())
        with refused("ResourceNotFoundException", "No launch paths found"):
            catalog.admin.list_launch_paths(ProductId=product.id)

    def test_under_a_name_that_is_taken_is_refused(self, product: Product, person: Person) -> None:
        name = unique("taken")
        person.launch(product, name, Team=team())

        with refused("InvalidParametersException", f"A stack named {name} already exists."):
            person.launch(product, name, Team=team())

    def test_of_two_paths_has_to_choose(self, catalog: Catalog) -> None:
        other = catalog.new_portfolio()
        product = catalog.new_product()
        catalog.admin.associate_product_with_portfolio(ProductId=product.id, PortfolioId=other)
        person = catalog.person(catalog.portfolio, other)
        paths = person.client.list_launch_paths(ProductId=product.id)["LaunchPathSummaries"]

        with refused("InvalidParametersException", "More than one launch path ids exist"):
            person.launch(product, Team=team())
        answer = person.client.provision_product(
            ProductId=product.id,
            ProvisioningArtifactName="v1",
            ProvisionedProductName=unique("path"),
            PathId=paths[1]["Id"],
            ProvisioningParameters=as_parameters({"Team": team()}),
        )

        assert len(paths) == 2
        assert person.end(answer).record["PathId"] == paths[1]["Id"]

    def test_happens_once_for_one_token(self, product: Product, person: Person) -> None:
        asked: dict[str, Any] = {
            "ProductId": product.id,
            "ProvisioningArtifactId": product.version,
            "ProvisionedProductName": unique("once"),
            "ProvisioningParameters": as_parameters({"Team": team()}),
            "ProvisionToken": unique("token"),
        }

        first = person.client.provision_product(**asked)["RecordDetail"]
        again = person.client.provision_product(**asked)["RecordDetail"]

        assert again["RecordId"] == first["RecordId"]

    @pytest.mark.parametrize("change", [{"Active": False}, {"Guidance": "DEPRECATED"}])
    def test_of_a_version_that_is_retired_is_refused(
        self, catalog: Catalog, person: Person, change: dict[str, Any]
    ) -> None:
        product = catalog.new_product()
        catalog.admin.update_provisioning_artifact(
            ProductId=product.id, ProvisioningArtifactId=product.version, **change
        )

        with refused("InvalidParametersException", product.version):
            person.launch(product, Team=team())

    def test_keeps_the_version_that_was_read_when_it_was_made(self, catalog: Catalog, person: Person) -> None:
        version = catalog.version()
        bucket, _, key = version["Info"]["LoadTemplateFromURL"].removeprefix("https://").partition("/")
        answer = catalog.admin.create_product(
            Name=unique("kept"),
            Owner="platform",
            ProductType="CLOUD_FORMATION_TEMPLATE",
            ProvisioningArtifactParameters=version,
        )
        product = Product(
            answer["ProductViewDetail"]["ProductViewSummary"]["ProductId"],
            answer["ProvisioningArtifactDetail"]["Id"],
        )
        catalog.admin.associate_product_with_portfolio(ProductId=product.id, PortfolioId=catalog.portfolio)

        catalog.client("s3").delete_object(Bucket=bucket.partition(".")[0], Key=key)

        assert person.launch(product, Team=team()).status == "SUCCEEDED"

    def test_of_a_template_larger_than_a_request_may_carry(self, catalog: Catalog, person: Person) -> None:
        large = {**PRODUCT, "Metadata": {f"Note{number}": "x" * 1000 for number in range(80)}}

        assert person.launch(catalog.new_product(large), Team=team()).status == "SUCCEEDED"

    def test_in_a_shared_portfolio_uses_the_role_of_that_name_of_ones_own_account(
        self, local_aws: LocalAws, catalog: Catalog, launch_role: str
    ) -> None:
        portfolio, name = catalog.new_portfolio(), launch_role.rpartition("/")[2]
        product = catalog.new_product(portfolio=portfolio)
        catalog.constrain(product, "LAUNCH", portfolio=portfolio, LocalRoleName=name)
        other = Catalog(local_aws, "220000000002")
        trust = catalog.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        other.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        catalog.admin.create_portfolio_share(PortfolioId=portfolio, AccountId=other.account)
        other.admin.accept_portfolio_share(PortfolioId=portfolio)

        ended = other.person(portfolio).launch(product, Team=team())

        assert (ended.status, ended.error) == ("SUCCEEDED", "")
        assert f":{other.account}:stack/SC-{other.account}-" in ended.outputs["CloudformationStackARN"]


class TestTagOptions:
    @pytest.fixture
    def key(self) -> str:
        return unique("stage")

    def _offer(self, catalog: Catalog, resource: str, key: str, *values: str) -> None:
        for value in values:
            known = catalog.admin.list_tag_options(Filters={"Key": key, "Value": value})["TagOptionDetails"]
            option = (
                known[0]
                if known
                else catalog.admin.create_tag_option(Key=key, Value=value)["TagOptionDetail"]
            )
            catalog.admin.associate_tag_option_with_resource(ResourceId=resource, TagOptionId=option["Id"])

    def _launch(self, person: Person, product: Product, **tags: str) -> Any:
        return person.client.provision_product(
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            ProvisionedProductName=unique("optional"),
            ProvisioningParameters=as_parameters({"Team": team()}),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def test_of_one_value_become_tags(self, catalog: Catalog, person: Person, key: str) -> None:
        product = catalog.new_product()
        self._offer(catalog, product.id, key, "dev")

        ended = person.end(self._launch(person, product))

        assert {"Key": key, "Value": "dev"} in ended.record["RecordTags"]

    def test_of_several_values_have_to_be_chosen_from(
        self, catalog: Catalog, person: Person, key: str
    ) -> None:
        product = catalog.new_product()
        self._offer(catalog, product.id, key, "dev", "prod")

        chosen = person.end(self._launch(person, product, **{key: "prod"}))

        assert {"Key": key, "Value": "prod"} in chosen.record["RecordTags"]
        with refused("InvalidParametersException", "dev, prod"):
            self._launch(person, product)
        with refused("InvalidParametersException", "dev, prod"):
            self._launch(person, product, **{key: "test"})

    def test_that_portfolio_and_product_disagree_about_are_a_conflict(
        self, catalog: Catalog, key: str
    ) -> None:
        portfolio = catalog.new_portfolio()
        product = catalog.new_product(portfolio=portfolio)
        self._offer(catalog, portfolio, key, "dev")
        self._offer(catalog, product.id, key, "prod")
        person = catalog.person(portfolio)

        ended = person.end(self._launch(person, product))

        conflict = f"sc-tagoption-conflict-{portfolio}-{product.id}"
        assert {"Key": key, "Value": conflict} in ended.record["RecordTags"]


class TestUpdate:
    def test_changes_the_stack_to_another_version(
        self, catalog: Catalog, launch_role: str, person: Person
    ) -> None:
        product = catalog.new_product()
        catalog.constrain(product, "LAUNCH", RoleArn=launch_role)
        name = team()
        launched = person.launch(product, Team=name)
        more = {**PRODUCT, "Outputs": {**PRODUCT["Outputs"], "Note": {"Value": "second"}}}
        second = catalog.admin.create_provisioning_artifact(
            ProductId=product.id, Parameters=catalog.version(more, "v2")
        )["ProvisioningArtifactDetail"]["Id"]

        updated = person.update(
            launched.provisioned,
            ProvisioningArtifactId=second,
            ProvisioningParameters=[
                {"Key": "Team", "UsePreviousValue": True},
                {"Key": "Size", "Value": "large"},
            ],
        )

        assert (updated.status, updated.error) == ("SUCCEEDED", "")
        assert updated.outputs["Note"] == "second"
        assert updated.outputs["Topic"].endswith(f":{name}-large")
        assert updated.outputs["CloudformationStackARN"] == launched.outputs["CloudformationStackARN"]
        detail = person.client.describe_provisioned_product(Id=launched.provisioned)
        assert detail["ProvisionedProductDetail"]["ProvisioningArtifactId"] == second

    def test_that_is_refused_taints_it_and_leaves_it_as_it_was(
        self, product: Product, person: Person
    ) -> None:
        launched = person.launch(product, Team=team())

        updated = person.update(
            launched.provisioned,
            ProvisioningParameters=[
                {"Key": "Team", "UsePreviousValue": True},
                {"Key": "Size", "Value": "huge"},
            ],
        )

        assert updated.status == "FAILED"
        assert person.status(launched.provisioned) == "TAINTED"
        outputs = person.client.get_provisioned_product_outputs(ProvisionedProductId=launched.provisioned)
        assert launched.outputs["Topic"] in [one["OutputValue"] for one in outputs["Outputs"]]

    def test_keeps_no_value_of_a_parameter_that_is_new(
        self, catalog: Catalog, product: Product, person: Person
    ) -> None:
        launched = person.launch(product, Team=team())
        parameters = {**PRODUCT["Parameters"], "Colour": {"Type": "String", "Default": "red"}}
        second = catalog.admin.create_provisioning_artifact(
            ProductId=product.id, Parameters=catalog.version({**PRODUCT, "Parameters": parameters}, "v2")
        )["ProvisioningArtifactDetail"]["Id"]
        kept: list[dict[str, Any]] = [{"Key": "Team", "UsePreviousValue": True}]

        refused, updated = (
            person.update(launched.provisioned, ProvisioningArtifactId=second, ProvisioningParameters=given)
            for given in ([*kept, {"Key": "Colour", "UsePreviousValue": True}], kept)
        )

        assert "parameter key Colour. Cannot specify usePreviousValue as true" in refused.error
        assert updated.status == "SUCCEEDED"

    def test_that_rolls_back_tells_why(self, catalog: Catalog, person: Person) -> None:
        product = catalog.new_product({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        launched = person.launch(product)
        broken = catalog.admin.create_provisioning_artifact(
            ProductId=product.id, Parameters=catalog.version(FAILING, "v2")
        )["ProvisioningArtifactDetail"]["Id"]

        updated = person.update(launched.provisioned, ProvisioningArtifactId=broken)

        assert "extraneous key [Nonsense] is not permitted" in updated.error
        assert person.status(launched.provisioned) == "TAINTED"
        mended = person.update(launched.provisioned, ProvisioningArtifactId=product.version)
        assert mended.status == "SUCCEEDED"
        assert person.status(launched.provisioned) == "AVAILABLE"

    def test_that_changes_nothing_succeeds(self, product: Product, person: Person) -> None:
        name = team()
        launched = person.launch(product, Team=name)

        updated = person.update(launched.provisioned, ProvisioningParameters=as_parameters({"Team": name}))

        assert updated.status == "SUCCEEDED"

    def test_of_tags_needs_a_constraint_that_allows_it(
        self, catalog: Catalog, launch_role: str, person: Person
    ) -> None:
        product = catalog.new_product()
        catalog.constrain(product, "LAUNCH", RoleArn=launch_role)
        name, tags = team(), [{"Key": "late", "Value": "yes"}]
        launched = person.launch(product, Team=name)
        asked = {"ProvisioningParameters": as_parameters({"Team": name}), "Tags": tags}
        with refused("InvalidParametersException", "Tag update is not allowed"):
            person.update(launched.provisioned, **asked)

        catalog.constrain(
            product,
            "RESOURCE_UPDATE",
            Version="2.0",
            Properties={"TagUpdateOnProvisionedProduct": "ALLOWED"},
        )
        updated = person.update(launched.provisioned, **asked)

        assert updated.status == "SUCCEEDED"
        told = catalog.client("sns").list_tags_for_resource(ResourceArn=updated.outputs["Topic"])["Tags"]
        assert tags[0] in told

    def test_of_something_that_is_not_there_is_refused(self, person: Person) -> None:
        with refused("ResourceNotFoundException"):
            person.update("pp-0000000000000")


class TestTerminate:
    def test_removes_the_stack_and_keeps_the_records(
        self, catalog: Catalog, product: Product, person: Person
    ) -> None:
        launched = person.launch(product, Team=team())

        ended = person.terminate(launched.provisioned)

        assert ended.status == "SUCCEEDED"
        with refused("ResourceNotFoundException"):
            person.status(launched.provisioned)
        assert not [name for name in catalog.stacks() if launched.provisioned in name]
        topics = [one["TopicArn"] for one in catalog.client("sns").list_topics()["Topics"]]
        assert launched.outputs["Topic"] not in topics
        history = person.client.list_record_history(
            SearchFilter={"Key": "provisionedproduct", "Value": launched.provisioned}
        )["RecordDetails"]
        assert [one["RecordType"] for one in history] == [
            "TERMINATE_PROVISIONED_PRODUCT",
            "PROVISION_PRODUCT",
        ]

    def test_can_leave_the_stack_behind(self, catalog: Catalog, product: Product, person: Person) -> None:
        launched = person.launch(product, Team=team())

        person.terminate(launched.provisioned, RetainPhysicalResources=True)

        assert f"SC-{catalog.account}-{launched.provisioned}" in catalog.stacks()
        with refused("ResourceNotFoundException"):
            person.status(launched.provisioned)

    def test_that_fails_keeps_it_unless_errors_are_ignored(self, catalog: Catalog, person: Person) -> None:
        product, role = catalog.new_product(), catalog.new_role({"Service": "servicecatalog.amazonaws.com"})
        catalog.constrain(product, "LAUNCH", RoleArn=role)
        launched = person.launch(product, Team=team())
        catalog.client("iam").delete_role(RoleName=role.rpartition("/")[2])

        failed = person.terminate(launched.provisioned)

        assert "sts:AssumeRole" in failed.error
        assert person.status(launched.provisioned) == "TAINTED"
        assert person.terminate(launched.provisioned, IgnoreErrors=True).status == "SUCCEEDED"
        with refused("ResourceNotFoundException"):
            person.status(launched.provisioned)


class TestOwner:
    def test_finds_what_they_launched_and_the_account_finds_all(
        self, catalog: Catalog, product: Product, person: Person
    ) -> None:
        name = unique("mine")
        person.launch(product, name, Team=team())
        stranger = catalog.person(catalog.portfolio)

        def names(client: Any, level: str) -> list[str]:
            found = client.search_provisioned_products(
                AccessLevelFilter={"Key": level, "Value": "self"},
                Filters={"SearchQuery": [f"name:{name}", "status:AVAILABLE"]},
            )
            return [one["Name"] for one in found["ProvisionedProducts"]]

        assert names(person.client, "User") == [name]
        assert names(stranger.client, "User") == []
        assert names(stranger.client, "Role") == []
        assert names(stranger.client, "Account") == [name]

    def test_can_be_changed(self, catalog: Catalog, product: Product, person: Person) -> None:
        launched = person.launch(product, Team=team())
        heir = catalog.person(catalog.portfolio)

        catalog.admin.update_provisioned_product_properties(
            ProvisionedProductId=launched.provisioned,
            ProvisionedProductProperties={"OWNER": heir.role_arn},
        )

        found = heir.client.scan_provisioned_products(AccessLevelFilter={"Key": "Role", "Value": "self"})
        assert [one["Id"] for one in found["ProvisionedProducts"]] == [launched.provisioned]
        with refused("InvalidParametersException"):
            catalog.admin.update_provisioned_product_properties(
                ProvisionedProductId=launched.provisioned,
                ProvisionedProductProperties={"LAUNCH_ROLE": "nobody"},
            )


def test_topics_of_a_constraint_are_told_of_the_stack(catalog: Catalog, person: Person) -> None:
    sns, sqs = catalog.client("sns"), catalog.client("sqs")
    topic = sns.create_topic(Name=unique("events"))["TopicArn"]
    queue = sqs.create_queue(QueueName=unique("events"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    product = catalog.new_product()
    catalog.constrain(product, "NOTIFICATION", NotificationArns=[topic])

    person.launch(product, Team=team())

    told = ""
    while "CREATE_COMPLETE" not in told or "LogicalResourceId='Topic'" not in told:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
        told += "".join(json.loads(message["Body"])["Message"] for message in found)
    assert "StackName='SC-" in told
