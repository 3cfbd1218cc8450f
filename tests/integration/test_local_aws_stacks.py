"""Stacks as CloudFormation runs them: change sets, rollbacks, retries, policies, limits, references."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.deployed import DeploymentFailed, LocalAws, Stack, Stacks
from support.resource_world import TRUST, resource

ACCOUNT = "000000000000"
REFUSED = {"Type": "AWS::Athena::DataCatalog", "Properties": {"Name": "refused", "Type": "GLOO"}}


def bucket(value: str = "one", **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "version", "Value": value}]}, **more}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def events_of(local_aws: LocalAws, stack: str, logical_id: str) -> list[str]:
    """A resource's states, oldest first."""
    found = local_aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [item["ResourceStatus"] for item in reversed(found) if item["LogicalResourceId"] == logical_id]


@pytest.fixture
def cloudformation(local_aws: LocalAws) -> Any:
    return local_aws.client("cloudformation")


@pytest.fixture
def named(local_aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stack's name; a stack of that name goes when the test ends."""
    name = "-".join(request.node.name.removeprefix("test_").split("[")[0].split("_"))[:60].rstrip("-")
    yield name
    found = local_aws.client("cloudformation")
    try:
        found.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        found.delete_stack(StackName=name)
    except ClientError:
        return


def template(resources: Mapping[str, Any], **more: Any) -> str:
    return json.dumps({"Resources": resources, **more})


def create(local_aws: LocalAws, name: str, resources: Mapping[str, Any], **more: Any) -> Stack:
    local_aws.client("cloudformation").create_stack(
        StackName=name, TemplateBody=template(resources), Capabilities=["CAPABILITY_NAMED_IAM"], **more
    )
    return Stack(local_aws, name)


class TestChangeSet:
    def test_tells_property_by_property_what_it_would_do(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        before = {
            "Kept": queue(),
            "Gone": queue(),
            "Grown": queue(DelaySeconds=1),
            "Renamed": queue(QueueName=f"{named}-a"),
            "Store": {
                "Type": "AWS::Athena::DataCatalog",
                "Properties": {"Name": "store", "Type": "GLUE"},
            },
        }
        after = {
            "Kept": queue(),
            "New": queue(),
            "Grown": queue(DelaySeconds=2),
            "Renamed": queue(QueueName=f"{named}-b"),
            "Store": {
                "Type": "AWS::Athena::DataCatalog",
                "Properties": {"Name": "other", "Type": "GLUE", "Description": "new"},
            },
        }
        assert create(local_aws, named, before).status == "CREATE_COMPLETE"

        cloudformation.create_change_set(StackName=named, ChangeSetName="next", TemplateBody=template(after))
        found = cloudformation.describe_change_set(StackName=named, ChangeSetName="next")

        changes = {
            item["ResourceChange"]["LogicalResourceId"]: item["ResourceChange"] for item in found["Changes"]
        }
        assert {name: change["Action"] for name, change in changes.items()} == {
            "Gone": "Remove",
            "Grown": "Modify",
            "New": "Add",
            "Renamed": "Modify",
            "Store": "Modify",
        }
        assert changes["Grown"]["Replacement"] == "False"
        assert changes["Renamed"]["Replacement"] == changes["Store"]["Replacement"] == "True"
        recreation = {
            detail["Target"]["Name"]: detail["Target"]["RequiresRecreation"]
            for detail in changes["Store"]["Details"]
        }
        assert recreation == {"Description": "Never", "Name": "Always"}

        cloudformation.execute_change_set(StackName=named, ChangeSetName="next")
        assert Stack(local_aws, named).status == "UPDATE_COMPLETE"
        assert Stack(local_aws, named).physical_id("Store") == "other"

    def test_without_changes_fails_and_says_so(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        assert create(local_aws, named, {"Queue": queue()}).status == "CREATE_COMPLETE"

        cloudformation.create_change_set(
            StackName=named, ChangeSetName="same", TemplateBody=template({"Queue": queue()})
        )
        found = cloudformation.describe_change_set(StackName=named, ChangeSetName="same")

        assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert "The submitted information didn't contain changes" in found["StatusReason"]
        with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[FAILED\]"):
            cloudformation.execute_change_set(StackName=named, ChangeSetName="same")

    def test_of_a_new_stack_leaves_it_in_review(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        cloudformation.create_change_set(
            StackName=named,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=template({"Queue": queue()}),
        )

        assert (
            cloudformation.describe_stacks(StackName=named)["Stacks"][0]["StackStatus"]
            == "REVIEW_IN_PROGRESS"
        )
        cloudformation.execute_change_set(StackName=named, ChangeSetName="first")
        assert Stack(local_aws, named).status == "CREATE_COMPLETE"

    def test_may_bring_in_what_is_there_already(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        name = f"{named}-there-already"[-63:].lstrip("-")
        local_aws.client("s3").create_bucket(Bucket=name)
        imported = {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Delete",
                "Properties": {"BucketName": name},
            }
        }

        cloudformation.create_change_set(
            StackName=named,
            ChangeSetName="import",
            ChangeSetType="IMPORT",
            TemplateBody=template(imported),
            ResourcesToImport=[
                {
                    "ResourceType": "AWS::S3::Bucket",
                    "LogicalResourceId": "Bucket",
                    "ResourceIdentifier": {"BucketName": name},
                }
            ],
        )
        cloudformation.execute_change_set(StackName=named, ChangeSetName="import")

        assert Stack(local_aws, named).status == "IMPORT_COMPLETE"
        assert Stack(local_aws, named).physical_id("Bucket") == name


class TestFailure:
    def test_of_a_creation_takes_back_what_was_made(self, local_aws: LocalAws, named: str) -> None:
        stack = create(local_aws, named, {"Bucket": bucket(), "Bad": {**REFUSED, "DependsOn": "Bucket"}})

        assert stack.status == "ROLLBACK_COMPLETE"
        assert events_of(local_aws, named, "Bucket")[-1] == "DELETE_COMPLETE"

    def test_may_leave_everything_to_be_looked_at(self, local_aws: LocalAws, named: str) -> None:
        stack = create(
            local_aws,
            named,
            {"Bucket": bucket(), "Bad": {**REFUSED, "DependsOn": "Bucket"}},
            OnFailure="DO_NOTHING",
        )

        assert stack.status == "CREATE_FAILED"
        assert stack.physical_id("Bucket")

    def test_of_an_update_puts_replaced_resources_back_and_removes_new_ones(
        self, local_aws: LocalAws, stacks: Stacks
    ) -> None:
        first = {"Queue": queue(QueueName="put-back-a", DelaySeconds=3), "Bucket": bucket("one")}
        stack = stacks.deploy(first, name="put-back")
        before = {name: stack.physical_id(name) for name in first}
        second = {
            "Queue": queue(QueueName="put-back-b"),
            "Bucket": bucket("two"),
            "New": queue(QueueName="put-back-new"),
            "Bad": {**REFUSED, "DependsOn": ["Queue", "Bucket", "New"]},
        }

        with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_COMPLETE"):
            stacks.deploy(second, name="put-back")

        assert {name: stack.physical_id(name) for name in first} == before
        sqs = local_aws.client("sqs")
        names = [
            url.rsplit("/", 1)[-1] for url in sqs.list_queues(QueueNamePrefix="put-back").get("QueueUrls", [])
        ]
        assert names == ["put-back-a"]
        attributes = sqs.get_queue_attributes(QueueUrl=before["Queue"], AttributeNames=["DelaySeconds"])
        assert attributes["Attributes"]["DelaySeconds"] == "3"
        tags = local_aws.client("s3").get_bucket_tagging(Bucket=before["Bucket"])["TagSet"]
        assert {"Key": "version", "Value": "one"} in tags

    def test_of_a_deletion_can_be_tried_again_or_passed_over(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        stack = create(local_aws, named, {"Bucket": bucket(), "Queue": queue()})
        assert stack.status == "CREATE_COMPLETE"
        name = stack.physical_id("Bucket")
        local_aws.client("s3").put_object(Bucket=name, Key="a", Body=b"a")

        cloudformation.delete_stack(StackName=named)

        assert stack.status == "DELETE_FAILED"
        assert "not empty" in stack.failures[0]
        cloudformation.delete_stack(StackName=named, RetainResources=["Bucket"])
        with pytest.raises(ClientError, match="does not exist"):
            cloudformation.describe_stacks(StackName=named)
        assert local_aws.client("s3").list_objects_v2(Bucket=name)["KeyCount"] == 1

    def test_of_a_rollback_is_continued_without_what_stands_in_its_way(
        self, cloudformation: Any, local_aws: LocalAws, stacks: Stacks
    ) -> None:
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {
                    "ZipFile": "import json, urllib.request\n"
                    "def handler(event, context):\n"
                    "    good = event['ResourceProperties']['Good'] == 'yes'\n"
                    "    fine = good or event['RequestType'] != 'Update'\n"
                    "    back = event.get('OldResourceProperties', {}).get('Good') == 'no'\n"
                    "    done = 'SUCCESS' if fine and not back else 'FAILED'\n"
                    "    body = {'Status': done, 'Reason': 'no way',\n"
                    "            'PhysicalResourceId': 'mine', **{k: event[k] for k in\n"
                    "            ('StackId', 'RequestId', 'LogicalResourceId')}}\n"
                    "    urllib.request.urlopen(urllib.request.Request(\n"
                    "        event['ResponseURL'], json.dumps(body).encode(), method='PUT'))\n"
                },
                "Handler": "index.handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            },
        }
        role = resource("IAM::Role", AssumeRolePolicyDocument=TRUST)

        def mine(good: str) -> dict[str, Any]:
            return {
                "Type": "Custom::Mine",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Good": good},
            }

        base = {"Role": role, "Function": function}
        stack = stacks.deploy({**base, "Mine": mine("yes")}, name="stuck")

        with pytest.raises(DeploymentFailed, match="UPDATE_ROLLBACK_FAILED"):
            stacks.deploy({**base, "Mine": mine("no")}, name="stuck")

        cloudformation.continue_update_rollback(StackName="stuck", ResourcesToSkip=["Mine"])
        assert stack.status == "UPDATE_ROLLBACK_COMPLETE"


class TestPolicy:
    def test_of_deletion_keeps_what_it_says(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        stack = create(local_aws, named, {"Kept": bucket(DeletionPolicy="Retain"), "Gone": bucket()})
        assert stack.status == "CREATE_COMPLETE"
        kept, gone = stack.physical_id("Kept"), stack.physical_id("Gone")

        cloudformation.delete_stack(StackName=named)

        with pytest.raises(ClientError, match="does not exist"):
            cloudformation.describe_stacks(StackName=named)
        names = {item["Name"] for item in local_aws.client("s3").list_buckets()["Buckets"]}
        assert kept in names
        assert gone not in names

    def test_of_deletion_may_except_a_creation_that_fails(self, local_aws: LocalAws, named: str) -> None:
        stack = create(
            local_aws,
            named,
            {
                "Kept": bucket(DeletionPolicy="Retain"),
                "Gone": bucket(DeletionPolicy="RetainExceptOnCreate"),
                "Bad": {**REFUSED, "DependsOn": ["Kept", "Gone"]},
            },
        )

        assert stack.status == "ROLLBACK_COMPLETE"
        assert events_of(local_aws, named, "Kept")[-1] == "DELETE_SKIPPED"
        assert events_of(local_aws, named, "Gone")[-1] == "DELETE_COMPLETE"

    def test_of_replacement_keeps_the_one_that_is_replaced(self, local_aws: LocalAws, stacks: Stacks) -> None:
        retained = {"UpdateReplacePolicy": "Retain"}
        stacks.deploy({"Queue": {**queue(QueueName="replaced-a"), **retained}}, name="keeps-replaced")

        stacks.deploy({"Queue": {**queue(QueueName="replaced-b"), **retained}}, name="keeps-replaced")

        urls = local_aws.client("sqs").list_queues(QueueNamePrefix="replaced-")["QueueUrls"]
        assert sorted(url.rsplit("/", 1)[-1] for url in urls) == ["replaced-a", "replaced-b"]

    def test_of_termination_protects_a_stack(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        create(local_aws, named, {"Queue": queue()}, EnableTerminationProtection=True)

        with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
            cloudformation.delete_stack(StackName=named)

    def test_of_a_stack_is_kept_and_answered(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        body = json.dumps(
            {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
        )
        create(local_aws, named, {"Queue": queue()}, StackPolicyBody=body)

        found = cloudformation.get_stack_policy(StackName=named)["StackPolicyBody"]

        assert json.loads(found) == json.loads(body)


class TestReference:
    def test_to_an_attribute_that_a_type_does_not_have_is_refused(self, stacks: Stacks) -> None:
        with pytest.raises(DeploymentFailed, match="Requested attribute Nothing does not exist in schema"):
            stacks.deploy({"Queue": queue()}, outputs={"It": {"Fn::GetAtt": ["Queue", "Nothing"]}})

    def test_to_nothing_is_refused_before_anything_is_made(self, stacks: Stacks) -> None:
        with pytest.raises(ClientError, match=r"Unresolved resource dependencies \[Nobody\]"):
            stacks.deploy({"Queue": queue(QueueName={"Ref": "Nobody"})})

    def test_around_in_a_circle_is_refused(self, stacks: Stacks) -> None:
        circle = {"A": {**queue(), "DependsOn": "B"}, "B": {**queue(), "DependsOn": "A"}}

        with pytest.raises(ClientError, match=r"Circular dependency between resources: \[A, B\]"):
            stacks.deploy(circle)

    def test_to_what_a_condition_leaves_out_is_refused(self, cloudformation: Any, named: str) -> None:
        body = {
            "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
            "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
            "Resources": {
                "Absent": {**queue(), "Condition": "Never"},
                "Parameter": parameter({"Ref": "Absent"}),
            },
        }

        with pytest.raises(ClientError, match=r"resource dependencies \[Absent\] in the Resources block"):
            cloudformation.create_stack(StackName=named, TemplateBody=json.dumps(body))

    def test_to_an_attribute_of_nothing_is_refused(self, stacks: Stacks) -> None:
        with pytest.raises(ClientError, match="instance of Fn::GetAtt references undefined resource Nobody"):
            stacks.deploy({"Parameter": parameter({"Fn::GetAtt": ["Nobody", "Arn"]})})

    def test_to_a_condition_that_is_not_there_is_refused(self, stacks: Stacks) -> None:
        with pytest.raises(ClientError, match="Unresolved condition dependency Nowhere"):
            stacks.deploy({"Queue": {**queue(), "Condition": "Nowhere"}})

    def test_from_another_stack_keeps_an_export(
        self, cloudformation: Any, local_aws: LocalAws, stacks: Stacks
    ) -> None:
        exported = {"Outputs": {"It": {"Value": {"Ref": "Queue"}, "Export": {"Name": "the-queue"}}}}
        cloudformation.create_stack(
            StackName="exporter", TemplateBody=template({"Queue": queue()}, **exported)
        )
        assert Stack(local_aws, "exporter").status == "CREATE_COMPLETE"
        importer = stacks.deploy({"Parameter": parameter({"Fn::ImportValue": "the-queue"})}, name="importer")

        words = "Export the-queue cannot be deleted as it is in use by importer"

        cloudformation.delete_stack(StackName="exporter")

        kept = cloudformation.describe_stacks(StackName="exporter")["Stacks"][0]
        assert (kept["StackStatus"], kept["StackStatusReason"]) == ("CREATE_COMPLETE", words)
        changed = template({"Queue": queue(DelaySeconds=1)})
        cloudformation.update_stack(StackName="exporter", TemplateBody=changed)
        assert Stack(local_aws, "exporter").status == "UPDATE_ROLLBACK_COMPLETE"
        assert any(words in failure for failure in Stack(local_aws, "exporter").failures)
        with pytest.raises(DeploymentFailed, match="No export named nobody found"):
            stacks.deploy({"Parameter": parameter({"Fn::ImportValue": "nobody"})})

        cloudformation.delete_stack(StackName=importer.name)
        cloudformation.delete_stack(StackName="exporter")

    def test_to_no_value_leaves_a_property_out_before_it_is_checked(self, stacks: Stacks) -> None:
        nothing = {"Ref": "AWS::NoValue"}

        stack = stacks.deploy({"Queue": queue(DelaySeconds=nothing, Tags=[nothing])})

        assert stack.status == "CREATE_COMPLETE"

    def test_to_a_parameter_store_or_a_secret_is_resolved(self, local_aws: LocalAws, stacks: Stacks) -> None:
        local_aws.client("ssm").put_parameter(Name="/delay", Value="7", Type="String", Overwrite=True)

        stack = stacks.deploy({"Queue": queue(DelaySeconds="{{resolve:ssm:/delay}}")})

        attributes = local_aws.client("sqs").get_queue_attributes(
            QueueUrl=stack.physical_id("Queue"), AttributeNames=["DelaySeconds"]
        )
        assert attributes["Attributes"]["DelaySeconds"] == "7"


def parameter(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


class TestLimits:
    @pytest.mark.parametrize(
        ("section", "count", "message"),
        [
            ("Resources", 501, "Number of resources, 501, is greater than maximum allowed, 500"),
            ("Outputs", 201, "Number of outputs, 201, is greater than maximum allowed, 200"),
            ("Parameters", 201, "Number of parameters, 201, is greater than maximum allowed, 200"),
        ],
    )
    def test_of_a_template_are_kept(
        self, cloudformation: Any, named: str, section: str, count: int, message: str
    ) -> None:
        members: dict[str, Any] = {
            "Resources": {"Type": "AWS::SQS::Queue"},
            "Outputs": {"Value": "a"},
            "Parameters": {"Type": "String", "Default": "a"},
        }
        body = {"Resources": {"Queue": queue()}}
        body[section] = {f"A{number}": members[section] for number in range(count)}

        with pytest.raises(ClientError, match=message):
            cloudformation.create_stack(StackName=named, TemplateBody=json.dumps(body))

    def test_of_a_body_are_kept(self, cloudformation: Any, named: str) -> None:
        body = template({"Queue": queue()}, Metadata={"Long": "a" * 51_200})

        with pytest.raises(ClientError, match="less than or equal to 51200"):
            cloudformation.create_stack(StackName=named, TemplateBody=body)

    def test_of_a_body_in_a_bucket_are_kept(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="template-bodies")
        long = template({"Queue": queue()}, Metadata={"Long": "a" * 1_000_000})
        s3.put_object(Bucket="template-bodies", Key="long.json", Body=long.encode())

        with pytest.raises(ClientError, match="Template may not exceed 1000000 bytes in size"):
            cloudformation.create_stack(
                StackName=named, TemplateURL=f"{local_aws.url}/template-bodies/long.json"
            )


class TestTemplate:
    def test_has_mappings_conditions_loops_and_includes(
        self, cloudformation: Any, local_aws: LocalAws, named: str
    ) -> None:
        body = {
            "Transform": "AWS::LanguageExtensions",
            "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
            "Mappings": {"Delays": {"dev": {"Seconds": "5"}}},
            "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
            "Resources": {
                "Fn::ForEach::Queues": [
                    "Name",
                    ["One", "Two"],
                    {
                        "Queue${Name}": queue(
                            DelaySeconds={"Fn::FindInMap": ["Delays", {"Ref": "Stage"}, "Seconds"]}
                        )
                    },
                ],
                "Never": {**queue(), "Condition": "Never"},
            },
            "Outputs": {"Names": {"Value": {"Fn::ToJsonString": ["a", {"Ref": "Stage"}]}}},
        }

        cloudformation.create_stack(
            StackName=named, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )
        stack = Stack(local_aws, named)

        assert stack.status == "CREATE_COMPLETE"
        found = cloudformation.describe_stack_resources(StackName=named)["StackResources"]
        assert {item["LogicalResourceId"] for item in found} == {"QueueOne", "QueueTwo"}
        assert json.loads(stack.outputs["Names"]) == ["a", "dev"]

    def test_may_hold_a_stack_of_its_own(self, local_aws: LocalAws, stacks: Stacks) -> None:
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="nested-bodies")
        nested = template({"Queue": queue()}, Outputs={"Url": {"Value": {"Ref": "Queue"}}})
        s3.put_object(Bucket="nested-bodies", Key="nested.json", Body=nested.encode())
        child = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://nested-bodies.s3.amazonaws.com/nested.json"},
        }

        stack = stacks.deploy({"Child": child}, outputs={"Url": {"Fn::GetAtt": ["Child", "Outputs.Url"]}})

        assert stack.outputs["Url"].startswith("http")

    def test_that_a_nested_stack_breaks_is_rolled_back_with_it(
        self, local_aws: LocalAws, stacks: Stacks
    ) -> None:
        s3 = local_aws.client("s3")
        s3.create_bucket(Bucket="broken-bodies")
        s3.put_object(Bucket="broken-bodies", Key="broken.json", Body=template({"Bad": REFUSED}).encode())
        child = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://broken-bodies.s3.amazonaws.com/broken.json"},
        }

        with pytest.raises(DeploymentFailed, match="ROLLBACK_COMPLETE"):
            stacks.deploy({"Child": child})

    def test_may_wait_for_somebody(self, cloudformation: Any, local_aws: LocalAws, named: str) -> None:
        resources = {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "20", "Count": 1},
            },
        }
        create(local_aws, named, resources)
        until = threading.Event()
        while not until.wait(0.01):
            found = cloudformation.describe_stack_resources(StackName=named)["StackResources"]
            urls = [
                item["PhysicalResourceId"]
                for item in found
                if item["LogicalResourceId"] == "Handle" and item.get("PhysicalResourceId")
            ]
            if urls:
                break
        signal = {"Status": "SUCCESS", "UniqueId": "a", "Data": "done", "Reason": "ready"}
        # As with AWS's own addresses: the signature says that there is no content type.
        sent = urllib.request.Request(
            urls[0], json.dumps(signal).encode(), headers={"Content-Type": ""}, method="PUT"
        )
        urllib.request.urlopen(sent).close()

        assert Stack(local_aws, named).status == "CREATE_COMPLETE"


def test_a_stacks_tags_reach_its_resources(cloudformation: Any, local_aws: LocalAws, named: str) -> None:
    resources = {
        "Bucket": bucket(),
        "Role": {"Type": "AWS::IAM::Group"},
        "Catalog": {
            "Type": "AWS::Athena::DataCatalog",
            "Properties": {"Name": "tagged", "Type": "GLUE"},
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Group": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "Properties": {
                "AvailabilityZones": ["us-east-1a"],
                "LaunchTemplate": {"LaunchTemplateName": "none", "Version": "1"},
                "MaxSize": "0",
                "MinSize": "0",
                "Tags": [{"Key": "own", "Value": "a", "PropagateAtLaunch": False}],
            },
        },
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}},
    }
    stack = create(local_aws, named, resources, Tags=[{"Key": "team", "Value": "research"}])
    assert stack.status == "CREATE_COMPLETE"

    on_bucket = local_aws.client("s3").get_bucket_tagging(Bucket=stack.physical_id("Bucket"))["TagSet"]
    on_topic = local_aws.client("sns").list_tags_for_resource(ResourceArn=stack.physical_id("Topic"))["Tags"]
    group = local_aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    of_group = {tag["Key"]: tag["PropagateAtLaunch"] for one in group for tag in one["Tags"]}
    on_key = local_aws.client("kms").list_resource_tags(KeyId=stack.physical_id("Key"))["Tags"]

    assert {"Key": "team", "Value": "research"} in on_bucket
    assert {"Key": "aws:cloudformation:logical-id", "Value": "Bucket"} in on_bucket
    assert {"Key": "team", "Value": "research"} in on_topic
    assert {"TagKey": "team", "TagValue": "research"} in on_key
    assert of_group["own"] is False
    assert of_group["team"] is True


def test_a_warning_says_what_is_not_emulated(cloudformation: Any, local_aws: LocalAws, named: str) -> None:
    resources = {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"MetricsConfigurations": [{"Id": "all"}]},
        },
        "Catalog": {"Type": "AWS::Athena::DataCatalog", "Properties": {"Name": "told", "Type": "GLUE"}},
    }
    assert create(local_aws, named, resources).status == "CREATE_COMPLETE"

    events = cloudformation.describe_stack_events(StackName=named)["StackEvents"]
    told = {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in events
        if event.get("ResourceStatusReason", "").startswith("Not emulated on the local AWS")
    }

    assert told["Bucket"] == "Not emulated on the local AWS: MetricsConfigurations: it is not kept"
    assert "nothing here acts on it" in told["Catalog"]


@pytest.mark.parametrize(
    ("request_", "code", "expected"),
    [
        ({"Resources": {}}, "ValidationError", "At least one Resources member must be defined."),
        ({"Parameters": {"P": {"Type": "String"}}}, "ValidationError", "Parameters: [P] must have values"),
        (
            {"Parameters": {"P": {"Type": "String", "AllowedValues": ["a"], "Default": "b"}}},
            "ValidationError",
            "Parameter 'P' must be one of AllowedValues",
        ),
        (
            {
                "Parameters": {
                    "P": {
                        "Type": "String",
                        "AllowedPattern": "[a-z]",
                        "ConstraintDescription": "a letter",
                        "Default": "1",
                    }
                }
            },
            "ValidationError",
            "Parameter 'P' failed to satisfy constraint: a letter",
        ),
        (
            {"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/no/such"}}},
            "ValidationError",
            "Unable to fetch parameters [/no/such] from parameter store for this account.",
        ),
        (
            {"Resources": {"Group": {"Type": "AWS::IAM::Group"}}},
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            {"Resources": {"Group": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "a"}}}},
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
    ],
)
def test_a_request_is_refused_before_there_is_a_stack(
    cloudformation: Any, named: str, request_: Mapping[str, Any], code: str, expected: str
) -> None:
    body = json.dumps({"Resources": {"Bucket": bucket()}, **request_})

    with pytest.raises(ClientError) as created:
        cloudformation.create_stack(StackName=named, TemplateBody=body)
    with pytest.raises(ClientError) as changed:
        cloudformation.create_change_set(
            StackName=named, ChangeSetName="set", ChangeSetType="CREATE", TemplateBody=body
        )

    for refusal in (created, changed):
        assert refusal.value.response["Error"]["Code"] == code
        assert expected in refusal.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match=f"Stack with id {named} does not exist"):
        cloudformation.describe_stacks(StackName=named)


def test_a_stack_that_was_rolled_back_can_only_be_deleted(
    cloudformation: Any, local_aws: LocalAws, named: str
) -> None:
    stack = create(local_aws, named, {"Refused": REFUSED})
    assert stack.status == "ROLLBACK_COMPLETE"
    identifier = cloudformation.describe_stacks(StackName=named)["Stacks"][0]["StackId"]

    with pytest.raises(ClientError, match=rf"Stack \[{named}\] already exists"):
        create(local_aws, named, {"Bucket": bucket()})
    with pytest.raises(ClientError) as refusal:
        cloudformation.update_stack(StackName=named, TemplateBody=template({"Bucket": bucket()}))

    assert refusal.value.response["Error"]["Message"] == (
        f"Stack:{identifier} is in ROLLBACK_COMPLETE state and can not be updated."
    )


def test_the_newest_machine_image_is_a_public_parameter(
    cloudformation: Any, local_aws: LocalAws, named: str
) -> None:
    newest = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64"
    for_containers = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended"
    image = "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    cloudformation.create_stack(
        StackName=named,
        TemplateBody=template(
            {"Bucket": bucket()},
            Parameters={"Image": {"Type": image, "Default": newest}},
            Outputs={"Image": {"Value": {"Ref": "Image"}}},
        ),
    )
    assert Stack(local_aws, named).status == "CREATE_COMPLETE"
    ssm = local_aws.client("ssm")

    told = ssm.get_parameter(Name=newest)["Parameter"]

    assert told["Value"] == Stack(local_aws, named).outputs["Image"]
    assert told["Value"].startswith("ami-")
    recommended = json.loads(ssm.get_parameter(Name=for_containers)["Parameter"]["Value"])
    of_it = ssm.get_parameter(Name=f"{for_containers}/image_id")["Parameter"]["Value"]
    assert recommended["image_id"] == of_it
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2024")


def test_an_operation_that_cannot_go_on_ends(local_aws: LocalAws, named: str) -> None:
    unreadable = {"Fn::Select": ["first", ["one", "two"]]}

    stack = create(local_aws, named, {"Bucket": bucket(), "Named": _with_name(unreadable)})

    assert stack.status == "CREATE_FAILED"
    assert "invalid literal for int()" in "".join(stack.failures)


def _with_name(name: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("describe_stack_events", "Stack [no-such] does not exist"),
        ("describe_stack_resources", "Stack with id no-such does not exist"),
        ("describe_stacks", "Stack with id no-such does not exist"),
        ("get_template", "Stack with id no-such does not exist"),
        ("list_stack_resources", "Stack with id no-such does not exist"),
    ],
)
def test_a_question_about_no_stack_is_refused_in_the_questions_words(
    cloudformation: Any, operation: str, expected: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        getattr(cloudformation, operation)(StackName="no-such")

    assert refusal.value.response["Error"]["Message"] == expected


@pytest.mark.parametrize("name", ["not allowed", "q" * 81, "a.fifo.b"])
def test_a_queues_name_has_only_letters_that_are_allowed(stacks: Stacks, name: str) -> None:
    with pytest.raises(DeploymentFailed, match="Can only include alphanumeric characters"):
        stacks.deploy({"Queue": queue(QueueName=name)})
