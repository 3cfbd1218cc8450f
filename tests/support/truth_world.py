"""The environment that truth tables are about, deployed; and what is decided about it.

Decisions are made twice: by the server, as it answers requests, and here, by the same rules over the
policies that are deployed, so that a statement can be taken out and everything decided again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from clary.environment import loader
from clary.environment.model import Environment
from local_aws.identity.decision import Decision, Policies, ResourcePolicy, decide
from local_aws.identity.policy import Caller, Request, Statement, statements
from support.identity import ACCOUNT, REGION, EnforcingAws, Somebody, trusting
from support.synthesis import ROOT
from support.truth import FOLDER, Row, Table
from support.waiting import eventually

UNITS = ("Network", "Data", "Access")
_WHERE = f"{REGION}:{ACCOUNT}"
_TEAM_TAG = "clary:team"


def truth_environment() -> Environment:
    return loader.load(FOLDER / "truth.yaml")


@dataclass
class World:
    """What is there: the stacks' outputs and resources, a domain with profiles and spaces."""

    aws: EnforcingAws
    domain: str
    resources: Mapping[str, Mapping[str, str]]
    """Physical ids by logical id, by stack."""
    templates: Mapping[str, Mapping[str, Any]]
    mlflow_apps: Mapping[str, str]
    """The ARNs of the teams' MLflow Apps."""
    _sessions: dict[str, Somebody] = field(default_factory=dict)
    _bucket_policies: dict[str, ResourcePolicy] = field(default_factory=dict)
    _outside: bool = False

    # --- names ----------------------------------------------------------------------------------------

    @cached_property
    def data(self) -> str:
        return self.found("Data", "AWS::S3::Bucket", "Data")

    @cached_property
    def models(self) -> str:
        return self.found("Data", "AWS::S3::Bucket", "Models")

    @cached_property
    def key(self) -> str:
        return f"arn:aws:kms:{_WHERE}:key/{self.found('Data', 'AWS::KMS::Key')}"

    @cached_property
    def repository(self) -> str:
        return self.found("Data", "AWS::ECR::Repository")

    @cached_property
    def subnets(self) -> list[str]:
        found = self.resources["Network"]
        kinds = self.templates["Network"]["Resources"]
        return sorted(found[name] for name in found if kinds[name]["Type"] == "AWS::EC2::Subnet")

    @cached_property
    def group(self) -> str:
        return self.found("Network", "AWS::EC2::SecurityGroup", "GroupsWorkload")

    @cached_property
    def vpc(self) -> str:
        return self.found("Network", "AWS::EC2::VPC")

    @cached_property
    def way_to_s3(self) -> str:
        """The VPC endpoint that requests to S3 come through."""
        return self.found("Network", "AWS::EC2::VPCEndpoint", "NetworkEndpointsS3")

    @cached_property
    def boundary(self) -> str:
        return self.found("Access", "AWS::IAM::ManagedPolicy", "Boundary")

    @cached_property
    def guardrails(self) -> str:
        return self.found("Access", "AWS::IAM::ManagedPolicy", "Guardrails")

    def role_of(self, of: Table) -> str:
        """The ARN of the role that a table is about."""
        if of.name == "jobs":
            return self.job_role(str(of.team))
        if of.name == "pipelines":
            return self.pipeline_role(str(of.team))
        if of.name == "glue":
            return self.session_role(str(of.team))
        return f"arn:aws:iam::{ACCOUNT}:role/clary/truth/clary-truth-{of.team}-{of.name}"

    def job_role(self, team: str) -> str:
        return self._made_role(f"{team.capitalize()}Jobs")

    def pipeline_role(self, team: str) -> str:
        return self._made_role(f"{team.capitalize()}Pipelines")

    def session_role(self, team: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/clary/truth/clary-truth-{team}--glue"

    def _made_role(self, beginning: str) -> str:
        name = self.found("Access", "AWS::IAM::Role", beginning)
        return f"arn:aws:iam::{ACCOUNT}:role/clary/truth/{name}"

    def found(self, unit: str, kind: str, beginning: str = "") -> str:
        """The physical id of the one resource of a type whose logical id begins so."""
        kinds = self.templates[unit]["Resources"]
        (found,) = (
            physical
            for logical, physical in self.resources[unit].items()
            if logical.startswith(beginning) and kinds[logical]["Type"] == kind
        )
        return found

    # --- rows -----------------------------------------------------------------------------------------

    def resource(self, row: Row, of: Table) -> str:
        """The ARN that a row means by `data/research/1.csv`, `training-job/research--1`, `job-role`."""
        said = row.resource.replace("{domain}", self.domain)
        known = {
            "*": "*",
            "key": self.key,
            "repository": f"arn:aws:ecr:{_WHERE}:repository/{self.repository}",
            "other-repository": f"arn:aws:ecr:{_WHERE}:repository/other",
            "aws-repository": f"arn:aws:ecr:{REGION}:763104351884:repository/pytorch-training",
            "strange-repository": f"arn:aws:ecr:{REGION}:999999999999:repository/pytorch-training",
            "job-role": self.job_role("research"),
            "other-job-role": self.job_role("risk"),
            "pipeline-role": self.pipeline_role("research"),
            "other-pipeline-role": self.pipeline_role("risk"),
            "session-role": self.session_role("research"),
            "mlflow-app": self.mlflow_apps["research"],
            "other-mlflow-app": self.mlflow_apps["risk"],
            "own-role": self.role_of(of) if of.team else f"arn:aws:iam::{ACCOUNT}:role/clary/truth/idle",
            "boundary": self.boundary,
            "user/mallory": f"arn:aws:iam::{ACCOUNT}:user/mallory",
            "network-interface": f"arn:aws:ec2:{_WHERE}:network-interface/*",
            "other-bucket": "arn:aws:s3:::elsewhere",
        }
        if said in known:
            return known[said]
        head, _, rest = said.partition("/")
        if head in ("data", "models"):
            bucket = getattr(self, head)
            return f"arn:aws:s3:::{bucket}/{rest}" if rest else f"arn:aws:s3:::{bucket}"
        if said.startswith("log-group:"):
            return f"arn:aws:logs:{_WHERE}:{said}"
        for service in ("athena", "elasticmapreduce", "glue"):
            if said.startswith(f"{service}:"):
                return f"arn:aws:{service}:{_WHERE}:{said.removeprefix(f'{service}:')}"
        return f"arn:aws:sagemaker:{_WHERE}:{said}"

    def context(self, row: Row, of: Table) -> dict[str, Any]:
        """The condition keys that a row gives a request of itself."""
        owner = f"user-profile/{self.domain}/{of.team}-{of.member}"
        profile = f"arn:aws:sagemaker:{_WHERE}:user-profile/{self.domain}"
        vpc = {"sagemaker:VpcSubnets": self.subnets, "sagemaker:VpcSecurityGroupIds": [self.group]}
        volume = {"sagemaker:VolumeKmsKey": self.key, "sagemaker:InstanceTypes": ["ml.m5.large"]}
        named: dict[str, dict[str, Any]] = {
            "networked": vpc,
            "volume": volume,
            "placed": {
                **vpc,
                **volume,
                "sagemaker:OutputKmsKey": self.key,
                "sagemaker:InterContainerTrafficEncryption": "true",
            },
            "transformed": {
                **volume,
                "sagemaker:OutputKmsKey": self.key,
                "sagemaker:ModelArn": f"arn:aws:sagemaker:{_WHERE}:model/research--none",
            },
            "notebook": {
                **volume,
                "sagemaker:VpcSubnets": self.subnets[:1],
                "sagemaker:VpcSecurityGroupIds": [self.group],
                "sagemaker:InstanceTypes": ["ml.t3.medium"],
                "sagemaker:DirectInternetAccess": "Disabled",
                "sagemaker:RootAccess": "Disabled",
            },
            "domain": {"sagemaker:AppNetworkAccessType": "VpcOnly"},
            "her-space": {
                "sagemaker:OwnerUserProfileArn": f"arn:aws:sagemaker:{_WHERE}:{owner}",
                "sagemaker:SpaceSharingType": "Private",
            },
            "emmys-space": {
                "sagemaker:OwnerUserProfileArn": f"{profile}/research-emmy",
                "sagemaker:SpaceSharingType": "Private",
            },
            "shared-space": {
                "sagemaker:OwnerUserProfileArn": f"{profile}/research-emmy",
                "sagemaker:SpaceSharingType": "Shared",
            },
            "subnet": {"glue:SubnetIds": self.subnets[:1]},
            "ours": {f"aws:ResourceTag/{_TEAM_TAG}": "research"},
            "theirs": {f"aws:ResourceTag/{_TEAM_TAG}": "risk"},
        }
        said = named[row.context] if isinstance(row.context, str) else row.context
        changed = {**said, **row.but}
        risks_model = f"arn:aws:sagemaker:{_WHERE}:model/risk--none"
        return {
            key: [item.replace("{subnet}", self.subnets[0]) for item in value]
            if isinstance(value, list)
            else value.replace("{risks-model}", risks_model)
            for key, value in changed.items()
            if value is not None
        }

    def whose(self, of: Table) -> dict[str, Any]:
        """The condition keys of whoever asks."""
        if of.team is None:
            return {}
        name = f"{of.team}-{of.member}"
        if of.name == "glue":
            return {}  # Glue says nothing of who asked
        session = {"aws:SourceIdentity": name}
        if of.name in ("jobs", "pipelines"):
            return session
        return {**session, "sagemaker:DomainId": self.domain, "sagemaker:UserProfileName": name}

    # --- decisions ------------------------------------------------------------------------------------

    def question(self, row: Row, action: str, of: Table) -> Request:
        resource = self.resource(row, of)
        keys = {
            "aws:RequestedRegion": REGION,
            "aws:ResourceAccount": _owner(resource),
            **({} if row.outside else {"aws:SourceVpc": self.vpc}),
            "aws:PrincipalArn": self.role_of(of) if of.team else f"arn:aws:iam::{ACCOUNT}:role/somebody",
            **self.whose(of),
            **self.context(row, of),
        }
        return Request(action, resource, {key.lower(): value for key, value in keys.items()})

    def caller(self, of: Table) -> Caller:
        name = self.role_of(of).rpartition("/")[2] if of.team else "somebody"
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{of.team}-{of.member}"
        return Caller((arn,), ACCOUNT)

    def policies(self, of: Table) -> Policies:
        """The role's own policies and its boundary, as they are deployed."""
        iam = self.aws.client("iam")
        name = self.role_of(of).rpartition("/")[2]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []
        identity = [each for policy in attached for each in self.document(policy["PolicyArn"])]
        boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        return Policies(identity=identity, boundary=self.document(boundary))

    def document(self, arn: str) -> tuple[Statement, ...]:
        iam = self.aws.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return statements(found, arn.rpartition("/")[2])

    def decide(self, row: Row, action: str, of: Table, policies: Policies) -> Decision:
        question = self.question(row, action, of)
        if action.startswith("s3:"):
            bucket = question.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            policies = replace(policies, resource=self.bucket_policy(bucket))
        return decide(self.caller(of), question, policies)

    def bucket_policy(self, bucket: str) -> ResourcePolicy | None:
        if bucket not in (self.data, self.models):
            return None
        if bucket not in self._bucket_policies:
            text = self.aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
            self._bucket_policies[bucket] = ResourcePolicy(statements(text), ACCOUNT)
        return self._bucket_policies[bucket]

    # --- people ---------------------------------------------------------------------------------------

    def session(self, of: Table) -> Somebody:
        """Who a table is about, in their role and under their name, as Studio would start them."""
        if of.name not in self._sessions:
            role = self.role_of(of).rpartition("/")[2]
            somebody = self.aws.in_studio(role, f"{of.team}-{of.member}")
            self.place(somebody)
            self._sessions[of.name] = somebody
        return self._sessions[of.name]

    def place(self, somebody: Somebody) -> None:
        """Has somebody ask S3 from within the VPC, unless a row has them come from outside."""

        def through_the_endpoint(request: Any, **_: Any) -> None:
            if not self._outside:
                request.headers.add_header("x-local-aws-source-vpce", self.way_to_s3)

        somebody.client("s3").meta.events.register("before-sign.s3", through_the_endpoint)

    def refusal(self, somebody: Somebody, row: Row, service: str, operation: str, **said: Any) -> str | None:
        self._outside = row.outside
        return somebody.refusal(service, operation, **said)

    def simulate(self, row: Row, of: Table, source: str) -> dict[str, bool]:
        """What IAM's own simulator says of each action, asked over its API."""
        keys = {
            "aws:RequestedRegion": REGION,
            "aws:ResourceAccount": _owner(self.resource(row, of)),
            **self.whose(of),
            **self.context(row, of),
        }
        answer = self.aws.client("iam").simulate_principal_policy(
            PolicySourceArn=source,
            ActionNames=list(row.actions),
            ResourceArns=[self.resource(row, of)],
            ContextEntries=[_entry(key, value) for key, value in keys.items()],
        )
        return {
            each["EvalActionName"]: each["EvalDecision"] == "allowed" for each in answer["EvaluationResults"]
        }


def _owner(resource: str) -> str:
    """The account that something is in; what has none in its ARN is ours."""
    parts = resource.split(":")
    return parts[4] if len(parts) > 4 and parts[4] else ACCOUNT


def _entry(key: str, value: Any) -> dict[str, Any]:
    several = isinstance(value, list)
    return {
        "ContextKeyName": key,
        "ContextKeyType": "stringList" if several else "string",
        "ContextKeyValues": value if several else [value],
    }


def without(document: Sequence[Statement], index: int, action: str) -> tuple[Statement, ...]:
    """A document in which one statement has one action less."""
    found = document[index]
    left = [each for each in listed(found) if each != action]
    changed = replace(found, element={**found.element, "Action": left})
    return (*document[:index], changed, *document[index + 1 :])


def listed(found: Statement) -> list[str]:
    actions = found.element["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


# --- deployment ---------------------------------------------------------------------------------------


def deploy(aws: EnforcingAws, folder: Path) -> World:
    """The stacks that rights come from, and a domain with everybody's profile and space."""
    import aws_cdk as cdk

    from stacks.environment_app import add_stacks, new_app

    app: cdk.App = new_app(ROOT, folder)
    add_stacks(app, truth_environment(), ROOT)
    app.synth()
    cloudformation = aws.client("cloudformation")
    templates, resources = {}, {}
    templates_at = aws.bucket()
    _upload_code(aws, folder)
    for unit in UNITS:
        text = (folder / f"{unit}.template.json").read_text()
        name = f"clary-truth-{unit.lower()}"
        template = json.loads(text)
        template.pop("Rules", None)
        template["Parameters"] = {}
        aws.client("s3").put_object(Bucket=templates_at, Key=name, Body=json.dumps(template))
        cloudformation.create_stack(
            StackName=name,
            TemplateURL=f"https://{templates_at}.s3.{REGION}.amazonaws.com/{name}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _wait(cloudformation, name)
        templates[unit] = template
        resources[unit] = dict(_resources(cloudformation, name))
    aws.client("iam").create_role(
        Path="/clary/truth/", RoleName="idle", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT})
    )
    world = World(aws, "", resources, templates, {})
    world.domain = _studio(world)
    world.mlflow_apps = {team: _mlflow_app(world, team) for team in truth_environment().teams}
    return world


def _mlflow_app(world: World, team: str) -> str:
    made = world.aws.client("sagemaker").create_mlflow_app(
        Name=f"clary-truth-{team}",
        ArtifactStoreUri=f"s3://{world.data}/{team}/mlflow",
        RoleArn=world.job_role(team),
        Tags=[{"Key": _TEAM_TAG, "Value": team}],
    )
    return str(made["Arn"])


def _upload_code(aws: EnforcingAws, folder: Path) -> None:
    """What functions are made of, where a bootstrapped account has it."""
    s3 = aws.client("s3")
    found = [json.loads((folder / f"{unit}.assets.json").read_text())["files"] for unit in UNITS]
    for asset in [each for files in found for each in files.values()]:
        if asset["source"]["packaging"] != "zip":
            continue
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            source = folder / asset["source"]["path"]
            for path in sorted(source.rglob("*")):
                archive.write(path, path.relative_to(source))
        for place in asset["destinations"].values():
            s3.create_bucket(Bucket=place["bucketName"])
            s3.put_object(Bucket=place["bucketName"], Key=place["objectKey"], Body=content.getvalue())


def _wait(cloudformation: Any, name: str) -> None:
    while True:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
    if status != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        raise AssertionError([event.get("ResourceStatusReason") for event in events])


def _resources(cloudformation: Any, name: str) -> Iterator[tuple[str, str]]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for each in page["StackResourceSummaries"]:
            yield each["LogicalResourceId"], each["PhysicalResourceId"]


def _studio(world: World) -> str:
    sagemaker = world.aws.client("sagemaker")
    role = f"arn:aws:iam::{ACCOUNT}:role/clary/truth/clary-truth-research-data-scientist"
    arn = sagemaker.create_domain(
        DomainName="clary-truth",
        AuthMode="IAM",
        AppNetworkAccessType="VpcOnly",
        VpcId=world.vpc,
        SubnetIds=world.subnets,
        KmsKeyId=world.key,
        DefaultUserSettings={"ExecutionRole": role, "SecurityGroups": [world.group]},
        DomainSettings={"ExecutionRoleIdentityConfig": "USER_PROFILE_NAME"},
    )["DomainArn"]
    domain = str(arn).rpartition("/")[2]
    eventually(lambda: sagemaker.describe_domain(DomainId=domain)["Status"] == "InService")
    environment = truth_environment()
    for team_name, team in environment.teams.items():
        for member_name, member in team.members.items():
            profile = f"{team_name}-{member_name}"
            execution = f"arn:aws:iam::{ACCOUNT}:role/clary/truth/clary-truth-{team_name}-{member.persona}"
            named = {"DomainId": domain, "UserProfileName": profile}
            sagemaker.create_user_profile(**named, UserSettings={"ExecutionRole": execution})
            eventually(lambda named=named: sagemaker.describe_user_profile(**named)["Status"] == "InService")
            sagemaker.create_space(
                DomainId=domain,
                SpaceName=f"{member_name}-space",
                OwnershipSettings={"OwnerUserProfileName": profile},
                SpaceSharingSettings={"SharingType": "Private"},
                SpaceSettings={"AppType": "JupyterLab"},
            )
        sagemaker.create_space(
            DomainId=domain,
            SpaceName=f"{team_name}--shared",
            OwnershipSettings={"OwnerUserProfileName": f"{team_name}-{next(iter(team.members))}"},
            SpaceSharingSettings={"SharingType": "Shared"},
            SpaceSettings={"AppType": "JupyterLab"},
        )
    return domain
