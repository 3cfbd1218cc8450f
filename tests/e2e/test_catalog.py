"""Self-service with IAM enforced: people who have nothing but a portfolio."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from compute_common.cluster import Clusters
from compute_common.thing import Place, Thing
from local_aws.sagemaker import images
from support.callers import Caller, Said
from support.checkout import Checkout, enforcing
from support.guide import Guide, told_by
from support.identity import ACCOUNT, EnforcingAws, Somebody, statement, trusting
from support.inventory import inventory
from support.outside import ROOT
from support.sagemaker import packed_model, push_image
from support.servicecatalog import Ended, Person, Product, as_parameters, refused
from support.waiting import AT_ONCE, eventually

_FILE = """\
name: local
account: "000000000000"
region: us-east-1
data: {on_destroy: delete, delete_confirmed_for: local}
repositories: [tiny]
teams:
  research: {members: {ada: data-scientist, grace: mlops-engineer}}
personas: {data-scientist: {rights: {add: [connect-to-emr]}}}
api:
  clients:
    storefront: {authorization: api-key, launched: [research], requests_per_second: 200, burst: 400}
    stranger: {authorization: api-key, models: all}
catalog:
  portfolios:
    research:
      principals:
        - arn:aws:iam::000000000000:role/newcomers
        - arn:aws:iam::000000000000:role/clary/local/clary-local-research-data-scientist
      products:
        data_scientist: {}
        notebook_instance:
          instance_types: [ml.t3.medium, ml.t3.large]
          most_storage_gib: 20
          repositories: [https://git.example.org/research/notebooks.git]
        emr_cluster: {instance_types: [m5.xlarge, r5.xlarge], most_core_nodes: 3}
        model_endpoint:
          instance_types: [ml.m5.large, ml.m5.xlarge]
          repositories: [tiny]
          api: {content_types: [application/json, text/csv]}
        project_workspace:
          features: {online: {}}
          budget: {default_usd: 100, most_usd: 500}
          in_studio: [data-scientist]
features:
  patients:
    team: research
    identifier: id
    event_time: at
    features: {id: string, at: string}
    online: {}
    offline: null
costs:
  budget: {monthly_usd: 1000, emails: [finance@example.com]}
"""
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/newcomers"
_PRODUCTS = ("data-scientist", "notebook-instance", "emr-cluster", "model-endpoint", "project-workspace")

_MORE = {"model-endpoint": {"Group": "scores", "Version": "1"}}
"""What some ask for besides a name."""


@dataclass(frozen=True)
class Studio:
    checkout: Checkout
    aws: EnforcingAws

    def outputs(self, unit: str) -> Mapping[str, str]:
        cloudformation = self.aws.client("cloudformation")
        (stack,) = cloudformation.describe_stacks(StackName=f"clary-local-{unit}")["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def profile(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.aws.client("sagemaker").describe_user_profile(
            DomainId=self.outputs("studio")["DomainId"], UserProfileName=name
        )
        return found

    def space(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.aws.client("sagemaker").describe_space(
            DomainId=self.outputs("studio")["DomainId"], SpaceName=name
        )
        return found

    def left_of(self, name: str) -> list[str]:
        """What there is of a person: profile and spaces."""
        sagemaker = self.aws.client("sagemaker")
        found = [each["UserProfileName"] for each in sagemaker.list_user_profiles()["UserProfiles"]]
        found += [each["SpaceName"] for each in sagemaker.list_spaces()["Spaces"]]
        return [each for each in found if each == f"research-{name}"]

    def somebody(self, session: str) -> Person:
        """A session of the portfolio's principal, which has the rights of the stack's policy."""
        return Person(self.session(session).client("servicecatalog"), _ROLE)

    def session(self, name: str) -> Somebody:
        return self.aws.session(_ROLE, RoleSessionName=name)

    def client(self, name: str) -> Caller:
        """One of the API's."""
        done = self.checkout("outputs", "--json", "-e", "local")
        assert done.returncode == 0, done.stdout + done.stderr
        front = json.loads(done.stdout)["apis"]["api-key"]
        return Caller(front["url"], self.aws.ca, {"x-api-key": front["api_keys"][name]})

    @property
    def product(self) -> Product:
        return self.offered("data-scientist")

    def offered(self, name: str) -> Product:
        admin = self.aws.client("servicecatalog")
        (found,) = (
            each["ProductViewSummary"]["ProductId"]
            for each in admin.search_products_as_admin()["ProductViewDetails"]
            if each["ProductViewSummary"]["Name"] == f"clary-local-research-{name}"
        )
        (version,) = admin.describe_product_as_admin(Id=found)["ProvisioningArtifactSummaries"]
        return Product(found, version["Id"])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with enforcing(tmp_path_factory.mktemp("catalog"), _FILE) as (checkout, aws):
        found = Studio(checkout, aws)
        iam = aws.client("iam")
        iam.create_role(RoleName="newcomers", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT}))
        done = checkout("deploy", "local", timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        policy = found.outputs("catalog")["CatalogUserPolicyArnResearch"]
        iam.attach_role_policy(RoleName="newcomers", PolicyArn=policy)
        yield found


@pytest.fixture(scope="module")
def registry(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A group of the team's: models that double and triple, one that nobody has approved, and one that is
    another team's."""
    sagemaker, said = studio.aws.client("sagemaker"), studio.outputs("data")
    uri, bucket = said["RepositoryUriTiny"], said["ModelsBucketName"]
    image = tmp_path_factory.mktemp("image")
    push_image(studio.aws.client("ecr"), uri.partition("/")[2], "one", image, studio.checkout.state)
    sagemaker.create_model_package_group(ModelPackageGroupName="research--scores")
    for team, factor, status in (
        ("research", 2, "Approved"),
        ("research", 3, "Approved"),
        ("research", 4, "PendingManualApproval"),
        ("risk", 5, "Approved"),
    ):
        key = f"{team}/scores/{factor}.tar.gz"
        studio.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=packed_model(factor))
        sagemaker.create_model_package(
            ModelPackageGroupName="research--scores",
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": f"{uri}:one", "ModelDataUrl": f"s3://{bucket}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
    return "scores"


def _clary(studio: Studio, *arguments: str) -> str:
    done = studio.checkout("catalog", *arguments, "--role", _ROLE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_person_follows_the_page_from_nothing_but_the_portfolio_to_nothing_but_data(
    studio: Studio, tmp_path: Path
) -> None:
    page, newcomer = Guide("onboarding.md", studio.checkout), studio.session("emmy")
    before = inventory(studio.aws)

    assert "research-emmy" in page.shell("Come", newcomer)
    _is_known_to_who_operates(studio)
    emmy = studio.aws.in_studio("clary-local-research-data-scientist", "research-emmy")
    assert "InService" in page.python("Open your space", emmy)
    project = told_by(page.shell("Begin a project", newcomer))
    image = _is_given_an_image(studio, project["Repository"], tmp_path)
    given = {"FILES": project["Files"], "IMAGE": image}
    assert "Completed" in page.python("Bring data, and train", emmy, **given)
    _reaches_nothing_else(studio, emmy, image)
    page.python("Register it", emmy, **given)
    _is_not_launched_before_somebody_else_approves(studio, emmy)
    grace = studio.aws.in_studio("clary-local-research-mlops-engineer", "research-grace")
    page.python("Have it approved", grace)
    route = told_by(page.shell("Serve it", newcomer))["Route"]
    asked = [float(page.python("Serve it", who)) for who in (newcomer, emmy)]
    asked.append(float(_asked_by_a_client(studio, route)))
    held = studio.profile("research-emmy")
    page.shell("Keep up", newcomer)
    kept = studio.profile("research-emmy")
    page.shell("Leave", newcomer)
    _leaves_the_project_to_an_administrator(studio)

    assert asked == [pytest.approx(302, abs=5)] * 3  # the points lie around y = 3x + 2
    assert kept["HomeEfsFileSystemUid"] == held["HomeEfsFileSystemUid"]
    bucket = studio.outputs("data")["DataBucketName"]
    assert {each.replace(bucket, "data") for each in inventory(studio.aws) - before} == {
        "s3:Contents data/research--private/research-emmy/diary.txt",
        "s3:Contents data/research/projects/line/models/research--line/output/model.tar.gz",
        "s3:Contents data/research/projects/line/points/points.csv",
        "sagemaker:TrainingJobSummaries research--line",  # a job that has ended is a record, and free
    }


def _is_known_to_who_operates(studio: Studio) -> None:
    drift = studio.checkout("drift", "local")
    destroyed = studio.checkout("destroy", "local", "--yes")

    assert drift.returncode == 0, drift.stdout
    assert "profile research-emmy: it was onboarded by Service Catalog" in drift.stdout
    assert "space research-emmy: it came with the profile research-emmy" in drift.stdout
    assert destroyed.returncode == 1
    assert "research-data-scientist-emmy" in destroyed.stderr


def _is_given_an_image(studio: Studio, repository: str, folder: Path) -> str:
    """By an engineer of the team's: data scientists pull images, and push none."""
    grace = studio.aws.in_studio("clary-local-research-mlops-engineer", "research-grace")
    container = shutil.copytree(ROOT / "workloads" / "line" / "container", folder / "container")
    name = repository.partition("/")[2]

    images.push(grace.client("ecr"), name, "one", container, studio.checkout.state / "images")

    return f"{repository}:one"


def _reaches_nothing_else(studio: Studio, emmy: Somebody, image: str) -> None:
    """Neither others' spaces nor others' files, and no job outside of the team's network."""
    bucket, sagemaker = studio.outputs("data")["DataBucketName"], emmy.client("sagemaker")
    app = {"AppType": "JupyterLab", "AppName": "default", "DomainId": studio.outputs("studio")["DomainId"]}
    job = sagemaker.describe_training_job(TrainingJobName="research--line")
    members = ("RoleArn", "AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    elsewhere = {"Subnets": ["subnet-0"], "SecurityGroupIds": ["sg-0"]}
    again = {**{key: job[key] for key in members}, "TrainingJobName": "research--again"}

    assert not emmy.may("sagemaker", "create_app", **app, SpaceName="research-ada")
    for key in ("research--private/research-ada/diary.txt", "risk/points.csv", "points.csv"):
        assert not emmy.may("s3", "get_object", Bucket=bucket, Key=key)
        assert not emmy.may("s3", "put_object", Bucket=bucket, Key=key, Body=b"")
    assert not emmy.may("sagemaker", "create_training_job", **again, VpcConfig=elsewhere)
    assert not emmy.may("ecr", "initiate_layer_upload", repositoryName=image.partition("/")[2][:-4])


def _is_not_launched_before_somebody_else_approves(studio: Studio, emmy: Somebody) -> None:
    (waiting,) = emmy.client("sagemaker").list_model_packages(ModelPackageGroupName="research--line")[
        "ModelPackageSummaryList"
    ]
    approved = {"ModelPackageArn": waiting["ModelPackageArn"], "ModelApprovalStatus": "Approved"}
    person = studio.somebody("emmy")
    early = person.launch(studio.offered("model-endpoint"), Name="line", Group="line", Version="1")

    assert not emmy.may("sagemaker", "update_model_package", **approved)
    assert "must be approved before it is deployed" in early.error
    assert person.terminate(early.provisioned).status == "SUCCEEDED"


def _asked_by_a_client(studio: Studio, route: str) -> str:
    """Of the environment's API, once it knows of what was launched."""
    storefront = studio.client("storefront")
    eventually(lambda: storefront("GET", route.removesuffix("/invocations")).status == 200)
    said = storefront("POST", route, b"100", {"content-type": "text/csv"})
    assert said.status == 200, said
    return said.body.decode()


def _leaves_the_project_to_an_administrator(studio: Studio) -> None:
    """Versions that the team has registered are deleted by nobody of the team's."""
    person, sagemaker = studio.somebody("emmy"), studio.aws.client("sagemaker")
    (project,) = person.client.search_provisioned_products()["ProvisionedProducts"]
    refused = person.terminate(project["Id"])
    versions = sagemaker.list_model_packages(ModelPackageGroupName="research--line")[
        "ModelPackageSummaryList"
    ]
    for each in versions:
        sagemaker.delete_model_package(ModelPackageName=each["ModelPackageArn"])

    assert "cannot be deleted because it contains Model Packages" in refused.error
    assert person.terminate(project["Id"]).status == "SUCCEEDED"


def test_a_profile_is_as_those_of_the_file_are(studio: Studio) -> None:
    ended = studio.somebody("linus").launch(studio.product, Name="linus")

    assert (ended.status, ended.error) == ("SUCCEEDED", "")
    theirs, adas = studio.profile("research-linus"), studio.profile("research-ada")
    groups = [each["UserSettings"].pop("SecurityGroups") for each in (theirs, adas)]
    assert theirs["UserSettings"] == adas["UserSettings"]
    assert len(groups[0]) == len(groups[1])
    tags = studio.aws.client("sagemaker").list_tags(ResourceArn=theirs["UserProfileArn"])["Tags"]
    assert {"Key": "clary:owner", "Value": "service-catalog"} in tags


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ada", "whoever has this name is in the environment's file"),
        ("Emmy", "give small letters, digits and single hyphens"),
        ("emmy--", "give small letters, digits and single hyphens"),
        ("e" * 41, "give small letters, digits and single hyphens"),
    ],
)
def test_a_name_outside_the_constraints_makes_nothing(studio: Studio, name: str, why: str) -> None:
    somebody = studio.somebody("wrong")

    ended = somebody.launch(studio.product, Name=name)

    assert ended.status == "FAILED"
    assert why in ended.error
    assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"


def test_an_update_keeps_the_profile_and_refuses_another_name(studio: Studio) -> None:
    somebody, product = studio.somebody("dorothy"), studio.product
    launched = somebody.launch(product, Name="dorothy").provisioned
    before = studio.profile("research-dorothy")
    where = {"ProductId": product.id, "ProvisioningArtifactId": product.version}

    renamed = somebody.update(
        launched, **where, ProvisioningParameters=[{"Key": "Name", "Value": "margaret"}]
    )
    same = somebody.update(
        launched, **where, ProvisioningParameters=[{"Key": "Name", "UsePreviousValue": True}]
    )

    assert renamed.status == "FAILED"
    assert "this belongs to 'research-dorothy', and its home with it" in renamed.error
    assert (same.status, same.error) == ("SUCCEEDED", "")
    after = studio.profile("research-dorothy")
    assert (after["CreationTime"], after["HomeEfsFileSystemUid"]) == (
        before["CreationTime"],
        before["HomeEfsFileSystemUid"],
    )
    assert studio.left_of("margaret") == []


@dataclass(frozen=True)
class Renewed:
    """Somebody who has launched before the catalog changed."""

    person: Person
    provisioned: str
    profile: Mapping[str, Any]
    space: Mapping[str, Any]


@pytest.fixture(scope="module")
def renewed(studio: Studio) -> Renewed:
    """The file gives larger disks, and the CDK's command line deploys that, with a product by itself."""
    person = studio.somebody("rosalind")
    provisioned = person.launch(studio.product, Name="rosalind").provisioned
    before = Renewed(
        person, provisioned, studio.profile("research-rosalind"), studio.space("research-rosalind")
    )
    file = studio.checkout.file
    file.write_text(
        file.read_text().replace("data_scientist: {}", "data_scientist: {space: {storage_gib: 8}}")
    )
    chosen = ["-c", "environment=local", "-c", "product=research/data_scientist"]
    named = ["--parameters", "clary-local-research-data-scientist-alone:Name=alone"]
    _cdk(studio, "deploy", "Catalog", "Product", "--exclusively", *chosen, *named, "--require-approval=never")
    return before


def _cdk(studio: Studio, *arguments: str) -> None:
    process = studio.checkout.started_cdk(*arguments)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said


def test_a_changed_setting_reaches_who_updates_and_they_keep_what_they_have(
    studio: Studio, renewed: Renewed
) -> None:
    product = studio.product

    updated = renewed.person.update(
        renewed.provisioned,
        ProductId=product.id,
        ProvisioningArtifactId=product.version,
        ProvisioningParameters=[{"Key": "Name", "UsePreviousValue": True}],
    )

    assert (updated.status, updated.error) == ("SUCCEEDED", "")
    profile, space = studio.profile("research-rosalind"), studio.space("research-rosalind")
    assert [
        each["SpaceSettings"]["SpaceStorageSettings"]["EbsStorageSettings"] for each in (renewed.space, space)
    ] == [
        {"EbsVolumeSizeInGb": 5},
        {"EbsVolumeSizeInGb": 8},
    ]
    assert space["CreationTime"] == renewed.space["CreationTime"]
    for kept in ("CreationTime", "HomeEfsFileSystemUid"):
        assert profile[kept] == renewed.profile[kept]


@pytest.mark.usefixtures("renewed")
def test_a_product_goes_without_the_catalog(studio: Studio) -> None:
    alone = studio.aws.in_studio("clary-local-research-data-scientist", "research-alone")
    there = studio.left_of("alone")
    alone.client("sagemaker").create_app(
        DomainId=studio.outputs("studio")["DomainId"],
        SpaceName="research-alone",
        AppType="JupyterLab",
        AppName="default",
    )

    _cdk(studio, "destroy", "Product", "--force", "--app", "cdk.out")

    assert there == ["research-alone"] * 2
    assert studio.left_of("alone") == []


def test_a_notebook_instance_changes_in_place_and_goes(studio: Studio) -> None:
    somebody, product = studio.somebody("ada"), studio.offered("notebook-instance")
    sagemaker = studio.aws.client("sagemaker")
    repository = "https://git.example.org/research/notebooks.git"
    launched = somebody.launch(product, Name="churn")
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    name = launched.outputs["NotebookInstance"]
    made = sagemaker.describe_notebook_instance(NotebookInstanceName=name)

    given = {"Name": "leavers", "InstanceType": "ml.t3.large", "StorageGib": None, "Repository": repository}
    larger = somebody.update(
        launched.provisioned,
        ProductId=product.id,
        ProvisioningArtifactId=product.version,
        ProvisioningParameters=[
            {"Key": key, "UsePreviousValue": True} if value is None else {"Key": key, "Value": value}
            for key, value in given.items()
        ],
    )
    changed = sagemaker.describe_notebook_instance(NotebookInstanceName=name)
    tags = sagemaker.list_tags(ResourceArn=made["NotebookInstanceArn"])["Tags"]
    gone = somebody.terminate(launched.provisioned)

    assert (made["DirectInternetAccess"], made["RootAccess"]) == ("Disabled", "Disabled")
    assert (larger.status, larger.error) == ("SUCCEEDED", "")
    assert (changed["InstanceType"], changed["DefaultCodeRepository"]) == ("ml.t3.large", repository)
    assert "DefaultCodeRepository" not in made
    assert changed["CreationTime"] == made["CreationTime"]
    assert {"Key": "Name", "Value": "leavers"} in tags
    assert (gone.status, gone.error) == ("SUCCEEDED", "")
    assert sagemaker.list_notebook_instances(NameContains=name)["NotebookInstances"] == []


def test_whoever_launches_opens_starts_and_stops_it_themselves(studio: Studio) -> None:
    product, session = "research-notebook-instance", studio.session("opener")
    outputs = json.loads(_clary(studio, "launch", "local", product, "Name=opened", "--json"))
    mine = {"NotebookInstanceName": outputs["NotebookInstance"]}
    theirs = {"NotebookInstanceName": "operations--notebook"}
    sagemaker = session.client("sagemaker")

    address = sagemaker.create_presigned_notebook_instance_url(**mine)["AuthorizedUrl"]
    sagemaker.stop_notebook_instance(**mine)
    sagemaker.get_waiter("notebook_instance_stopped").wait(**mine, WaiterConfig={"Delay": 1})
    sagemaker.start_notebook_instance(**mine)
    _clary(studio, "terminate", "local", f"{product}-opened")

    assert address.startswith("http")
    assert not session.may("sagemaker", "stop_notebook_instance", **theirs)
    assert not session.may("sagemaker", "delete_notebook_instance", **mine)


@pytest.mark.parametrize(
    "values",
    [
        {"Name": "wrong", "InstanceType": "ml.p3.2xlarge"},
        {"Name": "wrong", "StorageGib": "21"},
        {"Name": "wrong", "Repository": "https://git.example.org/somebody-elses.git"},
        {"Name": "Wrong"},
    ],
)
def test_a_notebook_instance_outside_the_limits_is_not_made(
    studio: Studio, values: Mapping[str, str]
) -> None:
    somebody = studio.somebody("wrong")

    ended = somebody.launch(studio.offered("notebook-instance"), **values)

    assert ended.status == "FAILED"
    assert studio.aws.client("sagemaker").list_notebook_instances()["NotebookInstances"] == []
    assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"


def test_a_cluster_is_for_those_who_connect_grows_in_place_and_goes(studio: Studio) -> None:
    somebody, product, emr = studio.somebody("spark"), studio.offered("emr-cluster"), studio.aws.client("emr")
    launched = somebody.launch(product, Name="spark", CoreNodes="2")
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    mine = {"ClusterId": launched.outputs["ClusterId"]}
    made = emr.describe_cluster(**mine)["Cluster"]
    ada, grace = (
        studio.aws.in_studio(f"clary-local-research-{persona}", f"research-{name}")
        for persona, name in (("data-scientist", "ada"), ("mlops-engineer", "grace"))
    )
    place = Place("local", "", ("research",), {}, {})
    swept = list(Clusters(emr, place).things(datetime.now(UTC) + timedelta(days=1)))

    larger = somebody.update(
        launched.provisioned,
        ProductId=product.id,
        ProvisioningArtifactId=product.version,
        ProvisioningParameters=[
            {"Key": "CoreNodes", "Value": "3"},
            *({"Key": key, "UsePreviousValue": True} for key in ("Name", "InstanceType")),
        ],
    )
    groups = emr.list_instance_groups(**mine)["InstanceGroups"]
    seen = ada.client("emr").describe_cluster(**mine)["Cluster"]["Status"]["State"]
    gone = somebody.terminate(launched.provisioned)

    assert made["Name"] == "research--spark"
    things = [each for each in swept if isinstance(each, Thing) and each.handle == mine]
    assert [(each.team, each.protected) for each in things] == [("research", "")]
    assert (larger.status, larger.error) == ("SUCCEEDED", "")
    assert larger.outputs["ClusterId"] == made["Id"]
    assert [each["RequestedInstanceCount"] for each in groups] == [1, 3]
    assert seen == "WAITING"
    assert not grace.may("emr", "describe_cluster", **mine)
    assert not ada.may("emr", "terminate_job_flows", JobFlowIds=[made["Id"]])
    assert not ada.may("emr", "run_job_flow", Name="mine", Instances={})
    assert (gone.status, gone.error) == ("SUCCEEDED", "")
    assert emr.describe_cluster(**mine)["Cluster"]["Status"]["State"] == "TERMINATED"


def test_livy_is_open_to_the_apps_of_those_who_connect(studio: Studio) -> None:
    ec2 = studio.aws.client("ec2")
    launched = studio.somebody("livy").launch(studio.offered("emr-cluster"), Name="livy")
    cluster = launched.outputs["ClusterId"]
    found = studio.aws.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]

    (group,) = ec2.describe_security_groups(
        GroupIds=[found["Ec2InstanceAttributes"]["EmrManagedMasterSecurityGroup"]]
    )["SecurityGroups"]

    (livy,) = (rule for rule in group["IpPermissions"] if rule.get("FromPort") == 8998)
    (clients,) = (pair["GroupId"] for pair in livy["UserIdGroupPairs"])
    groups = {
        name: studio.profile(f"research-{name}")["UserSettings"]["SecurityGroups"]
        for name in ("ada", "grace")
    }
    assert (clients in groups["ada"], clients in groups["grace"]) == (True, False)
    assert studio.somebody("livy").terminate(launched.provisioned).status == "SUCCEEDED"


def test_who_connects_launches_from_studio_as_a_project(studio: Studio) -> None:
    """As Studio does with the role of whoever is in it."""
    product, emr = studio.offered("emr-cluster"), studio.aws.client("emr")
    ada = studio.aws.in_studio("clary-local-research-data-scientist", "research-ada")
    sagemaker = ada.client("sagemaker")
    listed = ada.client("servicecatalog").search_products()["ProductViewSummaries"]
    details = {
        "ProductId": product.id,
        "ProvisioningArtifactId": product.version,
        "ProvisioningParameters": [{"Key": "Name", "Value": "mine"}],
    }

    sagemaker.create_project(ProjectName="mine", ServiceCatalogProvisioningDetails=details)

    def its_end() -> str | None:
        status = str(sagemaker.describe_project(ProjectName="mine")["ProjectStatus"])
        return None if status.endswith("InProgress") else status

    assert eventually(its_end) == "CreateCompleted"
    running = emr.list_clusters(ClusterStates=["WAITING"])["Clusters"]
    (cluster,) = (each["Id"] for each in running if each["Name"] == "research--mine")
    tags = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    assert {"Key": "sagemaker:project-name", "Value": "mine"} in tags
    assert product.id in [each["ProductId"] for each in listed]
    destroyed = studio.checkout("destroy", "local", "--yes")
    assert destroyed.returncode == 1
    assert "project mine (research-ada)" in _unwrapped(destroyed.stderr)
    assert "aws sagemaker delete-project --project-name mine" in _unwrapped(destroyed.stderr)
    sagemaker.delete_project(ProjectName="mine")
    eventually(lambda: emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"] == "TERMINATED")


@pytest.mark.parametrize(
    "values",
    [
        {"Name": "wrong", "InstanceType": "m5.24xlarge"},
        {"Name": "wrong", "CoreNodes": "4"},
        {"Name": "Wrong"},
    ],
)
def test_a_cluster_outside_the_limits_is_not_made(studio: Studio, values: Mapping[str, str]) -> None:
    somebody, emr = studio.somebody("wrong"), studio.aws.client("emr")

    ended = somebody.launch(studio.offered("emr-cluster"), **values)

    assert ended.status == "FAILED"
    names = [each["Name"].lower() for each in emr.list_clusters()["Clusters"]]
    assert "research--wrong" not in names
    assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"


def test_a_workspace_is_the_teams_to_use_keeps_its_name_and_goes(studio: Studio) -> None:
    somebody, product = studio.somebody("lead"), studio.offered("project-workspace")
    launched = somebody.launch(product, Name="churn")
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    made = launched.outputs
    (repository,) = studio.aws.client("ecr").describe_repositories(repositoryNames=["research--churn"])[
        "repositories"
    ]
    role = f"arn:aws:iam::{ACCOUNT}:role/clary/local/clary-local-research-data-scientist"
    image = repository["repositoryArn"]
    allowed = [
        _decided(studio, role, action, resource)
        for action, resource in (
            ("ecr:BatchGetImage", image),
            ("ecr:BatchGetImage", image.replace("research--", "risk--")),
            ("ecr:DeleteRepository", image),
        )
    ]

    again = somebody.update(
        launched.provisioned,
        ProductId=product.id,
        ProvisioningArtifactId=product.version,
        ProvisioningParameters=[{"Key": "Name", "Value": "churn-two"}],
    )
    before = _left_of_project(studio, "research--churn")
    gone = somebody.terminate(launched.provisioned)

    assert made["ModelPackageGroup"] == made["FeatureGroup"] == "research--churn"
    assert made["Repository"] == repository["repositoryUri"]
    assert made["Files"] == f"s3://{studio.outputs('data')['DataBucketName']}/research/projects/churn/"
    assert made["Tag"] == "clary:project=churn"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert [each == "allowed" for each in allowed] == [True, False, False]
    assert again.status == "FAILED"
    assert "this belongs to 'research--churn', and all that it has with it" in again.error
    assert before == ["repository research--churn", "models research--churn", "features research--churn"]
    assert (gone.status, gone.error) == ("SUCCEEDED", "")
    assert _left_of_project(studio, "research--churn") == []


def test_a_projects_features_grow_and_its_records_stay(studio: Studio) -> None:
    somebody, product = studio.somebody("feature-lead"), studio.offered("project-workspace")
    sagemaker, records = (
        studio.aws.client("sagemaker"),
        studio.aws.client("sagemaker-featurestore-runtime"),
    )
    launched = somebody.launch(product, Name="visits", Features="age:integral")
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    name = launched.outputs["FeatureGroup"]
    made = sagemaker.describe_feature_group(FeatureGroupName=name)
    record = {"id": "7", "event_time": "2026-02-13T09:30:00Z", "age": "40"}
    records.put_record(
        FeatureGroupName=name,
        Record=[{"FeatureName": key, "ValueAsString": value} for key, value in record.items()],
    )
    sagemaker.update_feature_group(
        FeatureGroupName=name, FeatureAdditions=[{"FeatureName": "bmi", "FeatureType": "Fractional"}]
    )

    def updated(features: str) -> Ended:
        return somebody.update(
            launched.provisioned,
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            ProvisioningParameters=as_parameters({"Name": "visits", "Features": features}),
        )

    wider = updated("age:integral,sex:string")
    retyped = updated("age:string")
    narrower = updated("")
    after = sagemaker.describe_feature_group(FeatureGroupName=name)
    found = records.get_record(FeatureGroupName=name, RecordIdentifierValueAsString="7")["Record"]
    gone = somebody.terminate(launched.provisioned)

    assert (wider.status, wider.error) == ("SUCCEEDED", "")
    assert retyped.status == "FAILED"
    assert "the feature 'age' is Integral, and cannot become String" in retyped.error
    assert (narrower.status, narrower.error) == ("SUCCEEDED", "")
    assert after["CreationTime"] == made["CreationTime"]
    assert {each["FeatureName"] for each in after["FeatureDefinitions"]} == {
        *("id", "event_time", "age", "bmi", "sex")
    }
    assert made["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].endswith("/research/features")
    assert made["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"] == "research__visits"
    assert {"FeatureName": "age", "ValueAsString": "40"} in found
    assert (gone.status, gone.error) == ("SUCCEEDED", "")


def test_a_project_is_made_in_studio_by_who_finds_its_template_there(studio: Studio) -> None:
    said, bucket = studio.outputs("catalog"), studio.outputs("data")["DataBucketName"]
    url, role = said["ProjectTemplateResearch"], said["ProjectRoleArnResearch"]
    ada = studio.aws.in_studio("clary-local-research-data-scientist", "research-ada")
    sagemaker, s3 = ada.client("sagemaker"), ada.client("s3")
    key = "clary--projects/research/project-workspace.yaml"
    provider = {"TemplateName": "project-workspace", "TemplateURL": url, "RoleARN": role}
    ours = [{"Key": "clary:team", "Value": "research"}]
    asked: Mapping[str, Any] = {"TemplateProviders": [{"CfnTemplateProvider": provider}], "Tags": ours}

    listed = s3.list_objects_v2(Bucket=bucket, Prefix="clary--projects/research/")["Contents"]
    visible = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    told = studio.aws.client("sagemaker").list_tags(
        ResourceArn=studio.aws.client("sagemaker").describe_domain(
            DomainId=studio.outputs("studio")["DomainId"]
        )["DomainArn"]
    )["Tags"]
    sagemaker.create_project(ProjectName="orbits", **asked)
    made = _settled_project(sagemaker, "orbits")
    there = _left_of_project(studio, "research--orbits")
    theirs = {**asked, "Tags": [{"Key": "clary:team", "Value": "risk"}]}
    refusals = [
        ada.refusal("sagemaker", "create_project", ProjectName="theirs", **theirs),
        ada.refusal("sagemaker", "create_project", ProjectName="nobodys", **{**asked, "Tags": []}),
        ada.refusal("cloudformation", "create_stack", StackName="SP-mine", TemplateURL=url, Tags=ours),
        ada.refusal("s3", "put_object", Bucket=bucket, Key=key, Body=b"{}"),
        ada.refusal("sts", "assume_role", RoleArn=role, RoleSessionName="mine"),
    ]
    with pytest.raises(ClientError) as taken:
        sagemaker.create_project(ProjectName="patients", **asked)
    _is_counted_by_who_operates(studio)
    sagemaker.delete_project(ProjectName="orbits")
    eventually(lambda: not sagemaker.list_projects(NameContains="orbits")["ProjectSummaryList"])

    assert [each["Key"] for each in listed] == [key]
    assert visible == [{"Key": "sagemaker:studio-visibility", "Value": "true"}]
    assert {
        "Key": "sagemaker:projectS3TemplatesLocation",
        "Value": f"s3://{bucket}/clary--projects",
    } in told
    assert made["ProjectStatus"] == "CreateCompleted", made
    assert there == [*("repository research--orbits", "models research--orbits", "features research--orbits")]
    assert [refusal is not None for refusal in refusals] == [True] * 5
    assert "a feature group of the environment's file has this name" in str(taken.value)
    assert _left_of_project(studio, "research--orbits") == []


def _is_counted_by_who_operates(studio: Studio) -> None:
    """No drift, and left by nobody without the role that made it."""
    drift = studio.checkout("drift", "local")
    destroyed = studio.checkout("destroy", "local", "--yes")
    file, text = studio.checkout.file, studio.checkout.file.read_text()
    file.write_text(text.replace("          in_studio: [data-scientist]\n", ""))
    deployed = studio.checkout("deploy", "local")
    file.write_text(text)

    assert "project orbits: research-ada made it in Studio" in _unwrapped(drift.stdout)
    assert (destroyed.returncode, deployed.returncode) == (1, 1)
    for said in (destroyed, deployed):
        assert "project orbits (research-ada)" in _unwrapped(said.stderr)
        assert "aws sagemaker delete-project --project-name orbits" in _unwrapped(said.stderr)
    assert "the file offers no more" in _unwrapped(deployed.stderr)


def _unwrapped(said: str) -> str:
    return " ".join(said.split())


def _settled_project(sagemaker: Any, name: str) -> Mapping[str, Any]:
    def found() -> Mapping[str, Any] | None:
        answer: Mapping[str, Any] = sagemaker.describe_project(ProjectName=name)
        return None if answer["ProjectStatus"].endswith("InProgress") else answer

    settled: Mapping[str, Any] = eventually(found, 300)
    return settled


def _left_of_project(studio: Studio, name: str) -> list[str]:
    sagemaker = studio.aws.client("sagemaker")
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    repositories = studio.aws.client("ecr").describe_repositories()["repositories"]
    features = sagemaker.list_feature_groups()["FeatureGroupSummaries"]
    found = [
        *(f"repository {each['repositoryName']}" for each in repositories),
        *(f"models {each['ModelPackageGroupName']}" for each in groups),
        *(f"features {each['FeatureGroupName']}" for each in features),
    ]
    return [each for each in found if name in each]


@pytest.mark.parametrize("name", ["Churn", "churn--two", "c" * 41])
def test_a_workspace_whose_name_does_not_fit_is_not_made(studio: Studio, name: str) -> None:
    somebody = studio.somebody("wrong")

    ended = somebody.launch(studio.offered("project-workspace"), Name=name)

    assert ended.status == "FAILED"
    assert "give small letters, digits and single hyphens" in ended.error
    assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"


def _decided(studio: Studio, role: str, action: str, resource: str) -> str:
    (result,) = studio.aws.client("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in (("aws:ResourceAccount", ACCOUNT), ("aws:RequestedRegion", "us-east-1"))
        ],
    )["EvaluationResults"]
    return str(result["EvalDecision"])


def test_a_model_answers_gives_way_to_its_next_version_and_goes(studio: Studio, registry: str) -> None:
    somebody, session = studio.somebody("server"), studio.session("server")
    product, sagemaker = studio.offered("model-endpoint"), studio.aws.client("sagemaker")
    launched = somebody.launch(product, Name="answers", Group=registry, Version="1")
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    name = launched.outputs["EndpointName"]
    made = sagemaker.describe_endpoint(EndpointName=name)
    first = _predicted(session, name)

    given = {"Name": "answers", "Group": registry, "Version": "2", "InstanceType": "ml.m5.xlarge"}
    updated = somebody.update(
        launched.provisioned,
        ProductId=product.id,
        ProvisioningArtifactId=product.version,
        ProvisioningParameters=as_parameters(given),
    )
    second = _predicted(session, name)
    changed = sagemaker.describe_endpoint(EndpointName=name)
    models = [each["ModelName"] for each in sagemaker.list_models(NameContains=name)["Models"]]
    tags = sagemaker.list_tags(ResourceArn=made["EndpointArn"])["Tags"]
    deleted_by_hand = session.may("sagemaker", "delete_endpoint", EndpointName=name)
    gone = somebody.terminate(launched.provisioned)

    assert name == "research--answers"
    assert (first, second) == ("42.0", "63.0")
    assert (updated.status, updated.error) == ("SUCCEEDED", "")
    assert changed["CreationTime"] == made["CreationTime"]
    assert len(models) == 1
    assert {"Key": "clary:team", "Value": "research"} in tags
    assert not deleted_by_hand
    assert (gone.status, gone.error) == ("SUCCEEDED", "")
    assert _left_of_endpoint(studio, name) == []


def test_the_api_leads_to_a_launched_model_as_long_as_it_is_there(studio: Studio, registry: str) -> None:
    somebody, product = studio.somebody("router"), studio.offered("model-endpoint")
    storefront, stranger = studio.client("storefront"), studio.client("stranger")
    values = {"Name": "routed", "Group": registry, "Version": "1", "ContentType": "text/csv"}
    launched = somebody.launch(product, **values)
    assert (launched.status, launched.error) == ("SUCCEEDED", "")
    route = launched.outputs["Route"]
    of_model = route.removesuffix("/invocations")

    def ask(caller: Caller, path: str = route) -> Said:
        return caller("POST", path, b"21", {"content-type": "text/csv"})

    eventually(lambda: storefront("GET", of_model).status == 200)
    described = storefront("GET", of_model).json
    first, other_type = ask(storefront), storefront("POST", route, b"[21]", {"content-type": "image/png"})
    predicted = studio.checkout("predict", "research--routed", "--data", "21", "-e", "local")
    state = studio.checkout("status", "-e", "local").stdout
    listed = [client("GET", "/models").json for client in (storefront, stranger)]
    document = storefront("GET", "/openapi.json").json["paths"]
    strange = [_told(ask(stranger, path)) for path in (route, "/models/research--absent/invocations")]
    absent = ask(storefront, "/models/research--absent/invocations")
    with ThreadPoolExecutor(1) as pool:
        updating = pool.submit(
            somebody.update,
            launched.provisioned,
            ProductId=product.id,
            ProvisioningArtifactId=product.version,
            ProvisioningParameters=as_parameters({**values, "Version": "2"}),
        )
        meanwhile = [ask(storefront)]
        while not updating.done():
            meanwhile.append(ask(storefront))
    updated, second = updating.result(), ask(storefront)
    gone = somebody.terminate(launched.provisioned)
    after = ask(storefront)

    assert route == "/models/research--routed/invocations"
    assert (described["state"], described["content_types"]) == ("in-service", ["text/csv"])
    assert (first.status, first.body) == (200, b"42.0")
    assert (other_type.status, other_type.json["accepts"]) == (415, ["text/csv"])
    assert (predicted.returncode, predicted.stdout) == (0, "42.0\n")
    assert [line.split()[-2] for line in state.splitlines() if "launched research--routed" in line] == [
        "InService"
    ]
    assert listed == [{"models": [{"name": "research--routed"}]}, {"models": []}]
    assert route in document
    assert (updated.status, updated.error) == ("SUCCEEDED", "")
    assert {(said.status, said.body) for said in meanwhile} <= {(200, b"42.0"), (200, b"63.0")}
    assert (second.status, second.body) == (200, b"63.0")
    assert (gone.status, gone.error) == ("SUCCEEDED", "")
    assert (after.status, after.kind) == (404, "unknown-model")
    assert {*strange, _told(absent), _told(after)} == {strange[0]}


def test_an_endpoint_that_was_not_launched_has_no_route_and_nobody_gives_it_one(
    studio: Studio, registry: str
) -> None:
    somebody, storefront = studio.somebody("router"), studio.client("storefront")
    grace = studio.aws.in_studio("clary-local-research-mlops-engineer", "research-grace")
    sagemaker, hers = studio.aws.client("sagemaker"), grace.client("sagemaker")
    launched = somebody.launch(
        studio.offered("model-endpoint"), Name="pattern", Group=registry, Version="1", ContentType="text/csv"
    )
    of_launch = sagemaker.describe_endpoint(EndpointName=launched.outputs["EndpointName"])
    made_of = {"EndpointConfigName": of_launch["EndpointConfigName"]}
    told = sagemaker.list_tags(ResourceArn=of_launch["EndpointArn"])["Tags"]
    copied = [tag for tag in told if not tag["Key"].startswith("aws:")]
    elsewhere = [{**tag, "Value": "another"} if tag["Key"] == "clary:environment" else tag for tag in copied]

    forged = grace.may(
        "sagemaker", "create_endpoint", EndpointName="research--forged", **made_of, Tags=copied
    )
    exchanged = grace.may("sagemaker", "update_endpoint", EndpointName="research--pattern", **made_of)
    hers.create_endpoint(EndpointName="research--plain", **made_of)
    sagemaker.create_endpoint(EndpointName="research--elsewhere", **made_of, Tags=elsewhere)
    for name in ("plain", "elsewhere"):
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=f"research--{name}", WaiterConfig=AT_ONCE)
    eventually(lambda: storefront("GET", "/models/research--pattern").status == 200)
    found = [
        storefront("GET", f"/models/research--{name}").status for name in ("pattern", "plain", "elsewhere")
    ]
    listed = storefront("GET", "/models").json
    for name in ("plain", "elsewhere"):
        sagemaker.delete_endpoint(EndpointName=f"research--{name}")
    somebody.terminate(launched.provisioned)

    assert (forged, exchanged) == (False, False)
    assert found == [200, 404, 404]
    assert listed == {"models": [{"name": "research--pattern"}]}


def _told(said: Said) -> tuple[int, str]:
    """An answer without what is another one each time."""
    document = {key: value for key, value in said.json.items() if key not in ("instance", "request_id")}
    return said.status, json.dumps(document)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"Version": "3"}, "must be approved before it is deployed"),
        ({"Version": "4"}, "risk/scores/5.tar.gz"),
        ({"Version": "9"}, "9"),
        ({"InstanceType": "ml.p3.2xlarge"}, "InstanceType"),
        ({"ContentType": "image/png"}, "ContentType"),
        ({"Group": "x/../risk--churn"}, "give small letters, digits and single hyphens"),
        ({"Name": "far-too-long-a-name"}, "give small letters, digits and single hyphens"),
    ],
)
def test_a_model_that_is_not_approved_not_the_teams_or_outside_the_limits_is_not_served(
    studio: Studio, registry: str, values: Mapping[str, str], why: str
) -> None:
    somebody = studio.somebody("wrong")

    ended = somebody.launch(
        studio.offered("model-endpoint"), **{"Name": "wrong", "Group": registry, "Version": "1", **values}
    )

    assert ended.status == "FAILED"
    assert why in ended.error
    assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"
    assert _left_of_endpoint(studio, "research--wrong") == []


def _predicted(session: Somebody, endpoint: str) -> str:
    answer = session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=b"21", ContentType="text/csv"
    )
    return str(answer["Body"].read().decode())


def _left_of_endpoint(studio: Studio, name: str) -> list[str]:
    """What there is of an endpoint: itself, its models and configurations, and its log."""
    sagemaker, logs = studio.aws.client("sagemaker"), studio.aws.client("logs")
    group = f"/aws/sagemaker/Endpoints/{name}"
    return [
        *(each["EndpointName"] for each in sagemaker.list_endpoints(NameContains=name)["Endpoints"]),
        *(each["ModelName"] for each in sagemaker.list_models(NameContains=name)["Models"]),
        *(
            each["EndpointConfigName"]
            for each in sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        ),
        *(each["logGroupName"] for each in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]),
    ]


def test_what_somebody_has_launched_is_nobody_elses(studio: Studio) -> None:
    owner, other = studio.somebody("owner"), studio.somebody("other")

    launched = owner.launch(studio.product, Name="barbara").provisioned

    assert other.client.search_provisioned_products()["ProvisionedProducts"] == []
    with refused("AccessDeniedException"):
        other.terminate(launched)
    assert owner.status(launched) == "AVAILABLE"


def test_who_launches_has_no_rights_to_what_is_made(studio: Studio) -> None:
    session = studio.session("poor")

    assert not session.may("sagemaker", "list_user_profiles")
    assert not session.may("cloudformation", "create_stack", StackName="own", TemplateBody="{}")
    assert not session.may("sts", "assume_role", RoleArn=_launch_role(studio), RoleSessionName="mine")


def test_whoever_is_no_principal_sees_nothing(studio: Studio) -> None:
    stranger = studio.aws.somebody(statement("servicecatalog:*")).client("servicecatalog")

    assert stranger.search_products()["ProductViewSummaries"] == []


@pytest.mark.parametrize("which", _PRODUCTS)
@pytest.mark.usefixtures("registry")
def test_a_launch_fails_without_any_statement_of_its_role(studio: Studio, which: str) -> None:
    somebody, product = studio.somebody("least"), studio.offered(which)
    iam = studio.aws.client("iam")
    name = _launch_role(studio, which).rpartition("/")[2]
    (attached,) = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    arn = attached["PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    whole = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    survived = []
    for number, taken_out in enumerate(whole["Statement"]):
        less = deepcopy(whole)
        del less["Statement"][number]
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        iam.put_role_policy(RoleName=name, PolicyName="less", PolicyDocument=json.dumps(less))
        ended: Ended = somebody.launch(product, Name=f"least-{number}", **_MORE.get(which, {}))
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        iam.delete_role_policy(RoleName=name, PolicyName="less")
        if ended.status == "SUCCEEDED":
            survived.append(taken_out)
        assert somebody.terminate(ended.provisioned).status == "SUCCEEDED"

    assert survived == []


def _launch_role(studio: Studio, product: str = "data-scientist") -> str:
    roles = studio.aws.client("iam").list_roles(PathPrefix="/clary-catalog/local/")["Roles"]
    (role,) = (each for each in roles if f"research-{product}," in each["Description"])
    return str(role["Arn"])
