"""Where a project of a team's keeps its images, its models and its features, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from clary.environment import features, project
from clary_constructs import (
    CostBudget,
    FieldRule,
    GroupHistory,
    ImageRepository,
    LaunchRight,
    group_settings,
    kept_workspace,
)
from stacks.access import workspace_of
from stacks.features import online_features
from stacks.products import fields
from stacks.products.product import Offer, Product
from stacks.projects import Projects

_NAME, _PROJECT_NAME = "Name", "SageMakerProjectName"
_OURS = "whoever launches it names the project; what the team makes begins with the team's name"
_FEATURE = "[a-zA-Z0-9]([-_]*[a-zA-Z0-9])*"
_TYPED = f"{_FEATURE}:(string|integral|fractional)"
_LONGEST_FEATURE = 64
_LONGEST_LIST = 4000


class ProjectWorkspace(Product):
    """Everything has one name, which begins as all does that the team's own rights are about."""

    key = "project_workspace"
    title = "Project workspace"
    about = (
        "A repository for a project's images, a group for its models and a place for its files, which the"
        " team's people and jobs may use at once; where the file says so, a feature group and a budget, too."
        " Give a name, in small letters; the name stays."
    )

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        assert isinstance(offer.settings, project.ProjectWorkspace)
        self._said = offer.settings
        self._workspace = workspace_of(offer.environment, offer.team, offer.network, offer.data)
        projects = Projects.of(offer.stack, offer.environment, offer.data)
        self._keeper = self.share("projects-function", projects.service_token)
        self._key = self.share("key-arn", offer.data.key.key_arn)
        self._bucket = self.share("data-bucket", offer.data.data_bucket.bucket_name)
        history = projects.histories.get(offer.team)
        self._history_role = (
            None if history is None else self.share(f"{offer.team}-history-role", history.role.role_arn)
        )

    def add_to(self, stack: cdk.Stack) -> None:
        self._add_to(stack, _NAME)

    def offer_besides(self) -> None:
        """Among Studio's project templates: the same template and rules, whose name is the project's."""
        personas = project.in_studio(self.offer.environment, self.offer.team)
        if personas:
            Projects.of(self.offer.stack, self.offer.environment, self.offer.data).show_in_studio(
                self.offer.team,
                domain=self.offer.studio.domain,
                template=self.template(self._add_to_a_project),
                rights=self.launch_rights(),
                rules=self._rules(_PROJECT_NAME),
                people=[self.offer.access.persona_roles[self.offer.team, each] for each in personas],
            )

    def _add_to_a_project(self, stack: cdk.Stack) -> None:
        """With what SageMaker gives the templates of its projects:
        https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html"""
        self._add_to(stack, _PROJECT_NAME)
        given = cdk.CfnParameter(stack, "SageMakerProjectId", description="What SageMaker calls the project")
        cdk.CfnOutput(stack, "Project", value=given.value_as_string, description="Its id in SageMaker")

    def _add_to(self, stack: cdk.Stack, name_field: str) -> None:
        offer, workspace = self.offer, self._workspace
        given = fields.name(
            stack,
            "What the project is called, like churn: small letters, digits and single hyphens",
            longest=project.longest_name(offer.team),
            field=name_field,
        )
        name = cdk.Fn.join("", [workspace.job_prefix, given])
        # a token: CDK takes the text of a reference for an ARN that is none
        key_arn = cdk.CfnDynamicReference(cdk.CfnDynamicReferenceService.SSM, self._key.parameter_name)
        key = kms.Key.from_key_arn(stack, "Key", key_arn.to_string())
        retain = offer.environment.retain_data
        kept = kept_workspace(
            stack,
            "Workspace",
            service_token=self._keeper.reference,
            project_name=name,
            files=cdk.Fn.join("", [self._below(f"{workspace.object_prefix}projects/"), given, "/"]),
            group=self._group(stack, given, key),
            retain=retain,
        )
        images = ImageRepository(
            stack,
            "Images",
            repository_name=name,
            encryption_key=key,
            untagged_days=self._said.untagged_days,
            removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
        ).repository
        group = sagemaker.CfnModelPackageGroup(
            stack,
            "Packages",
            model_package_group_name=name,
            model_package_group_description="Versions of a project's models, that are approved or not",
        )
        repository = images.node.default_child
        assert isinstance(repository, ecr.CfnRepository)
        for each in (repository, group):
            each.node.add_dependency(kept)
            # another name is refused; should one ever be taken, what the first one holds stays
            each.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
            each.cfn_options.deletion_policy = (
                cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE if retain else cdk.CfnDeletionPolicy.DELETE
            )
        budget = self._budget(stack, given)
        if budget is not None:
            budget.node.add_dependency(kept)
        cdk.Tags.of(stack).add(project.PROJECT_TAG, given)
        outputs = {
            "Repository": (images.repository_uri, "Where images are pushed to, and pulled from"),
            "ModelPackageGroup": (name, "Where models are registered"),
            "Files": (
                kept.get_att("Files").to_string(),
                "Where files go: it is the team's, and there as soon as something is put there",
            ),
            "Experiment": (name, "What to call the experiment in MLflow: mlflow.set_experiment makes it"),
        }
        if self._said.features is not None:
            outputs["FeatureGroup"] = (name, "Where features are: an update with more of them adds these")
        if budget is not None:
            tag = cdk.Fn.join("=", [project.PROJECT_TAG, given])
            outputs["Tag"] = (tag, "The tag for jobs and endpoints that the budget is to count")
        for output, (value, says) in outputs.items():
            cdk.CfnOutput(stack, output, value=value, description=says)

    def _group(self, stack: cdk.Stack, given: str, key: kms.IKey) -> Mapping[str, str]:
        """The feature group, if there is to be one, with fields for what it knows."""
        offer, said = self.offer, self._said.features
        if said is None:
            return {}
        how = "give letters, digits, and - and _ between them"
        typed = f"({_TYPED}(,{_TYPED})*)?"
        asked = {
            "Identifier": ("The feature that says whose record it is; it stays", _FEATURE, how, "id"),
            "EventTime": ("The feature that says when; it stays", _FEATURE, how, "event_time"),
            "Features": (
                "What there is to know, like age:integral,bmi:fractional,sex:string; more may be added",
                typed,
                "give names with their types, string, integral or fractional, like age:integral",
                "",
            ),
        }
        values = {
            field: cdk.CfnParameter(
                stack,
                field,
                description=description,
                allowed_pattern=pattern,
                max_length=_LONGEST_LIST if field == "Features" else _LONGEST_FEATURE,
                constraint_description=instead,
                default=default,
            ).value_as_string
            for field, (description, pattern, instead, default) in asked.items()
        }
        history = None
        if said.offline is not None and self._history_role is not None:
            words = cdk.Fn.split("-", given)
            history = GroupHistory(
                files=self._below(features.history_prefix(offer.team)),
                role_arn=self._history_role.reference,
                database_name=features.database_name(offer.environment.name),
                table_name=cdk.Fn.join("", [features.table_name(offer.team, ""), cdk.Fn.join("_", words)]),
                iceberg=said.offline.table == "iceberg",
            )
        settings = group_settings(
            encryption_key=key,
            tags={**self.marks, project.PROJECT_TAG: given},
            online=online_features(said.online),
            history=history,
        )
        return {**values, "Group": stack.to_json_string(settings)}

    def _budget(self, stack: cdk.Stack, given: str) -> CostBudget | None:
        said = self._said.budget
        told = project.contacts(self.offer.environment, self.offer.team)
        if said is None or told is None:
            return None
        monthly = cdk.CfnParameter(
            stack,
            "MonthlyBudget",
            type="Number",
            description="What a month of it may cost, in US dollars, before somebody is told",
            min_value=1,
            max_value=said.most_usd,
            default=said.default_usd,
        ).value_as_number
        return CostBudget(
            stack,
            "Budget",
            monthly_usd=monthly,
            tags={**self.offer.environment.cost_tags(self.offer.team), project.PROJECT_TAG: given},
            spent_percent=told.spent_percent,
            forecast_percent=told.forecast_percent,
            emails=told.emails,
        )

    def _below(self, prefix: str) -> str:
        return f"s3://{self._bucket.reference}/{prefix}"

    def rules(self) -> Sequence[FieldRule]:
        return self._rules(_NAME)

    def _rules(self, name_field: str) -> Sequence[FieldRule]:
        taken = project.taken(self.offer.environment, self.offer.team)
        says = "a model or a feature group of the environment's file has this name, choose another one"
        return fields.name_is_free(taken, says, field=name_field)

    def rights(self) -> Sequence[LaunchRight]:
        stack, names = self.offer.stack, f"{self._workspace.job_prefix}*"
        return [
            LaunchRight(
                "keeps the name, and the feature group", ["lambda:InvokeFunction"], [self._keeper.value]
            ),
            LaunchRight(
                "makes, changes and removes the repository",
                [
                    "ecr:CreateRepository",
                    "ecr:DeleteLifecyclePolicy",
                    "ecr:DeleteRepository",
                    "ecr:DescribeRepositories",
                    "ecr:GetLifecyclePolicy",
                    "ecr:GetRepositoryPolicy",
                    "ecr:ListTagsForResource",
                    "ecr:PutImageScanningConfiguration",
                    "ecr:PutImageTagMutability",
                    "ecr:PutLifecyclePolicy",
                    "ecr:TagResource",
                    "ecr:UntagResource",
                ],
                [stack.format_arn(service="ecr", resource="repository", resource_name=names)],
                wildcard_because=_OURS,
            ),
            LaunchRight(
                "encrypts the images",
                ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"],
                [self._key.value],
                {"StringEquals": {"kms:ViaService": f"ecr.{stack.region}.amazonaws.com"}},
            ),
            LaunchRight(
                "makes, changes and removes the group",
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateModelPackageGroup",
                    "sagemaker:DeleteModelPackageGroup",
                    "sagemaker:DeleteTags",
                    "sagemaker:DescribeModelPackageGroup",
                    "sagemaker:GetModelPackageGroupPolicy",
                    "sagemaker:ListTags",
                ],
                [stack.format_arn(service="sagemaker", resource="model-package-group", resource_name=names)],
                wildcard_because=_OURS,
            ),
            *([] if self._said.budget is None else [self._budget_right()]),
        ]

    def _budget_right(self) -> LaunchRight:
        """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html"""
        budgets = self.offer.stack.format_arn(
            service="budgets", region="", resource="budget", resource_name="*"
        )
        return LaunchRight(
            "makes, changes and removes the budget",
            [
                "budgets:ListTagsForResource",
                "budgets:ModifyBudget",
                "budgets:TagResource",
                "budgets:UntagResource",
                "budgets:ViewBudget",
            ],
            [budgets],
            wildcard_because="CloudFormation makes up the names of budgets",
        )
