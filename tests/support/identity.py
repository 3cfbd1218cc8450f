"""A local AWS that enforces IAM, and people in it: users and sessions of roles with policies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from support.deployed import new_client

ACCOUNT = "000000000000"
REGION = "us-east-1"


def statement(action: Any, resource: Any = "*", *, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """`statement("s3:GetObject", "arn:…", Condition={…})`"""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trusting(principal: Mapping[str, Any], **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


@dataclass(frozen=True)
class Somebody:
    """Credentials, and whose they are."""

    where: EnforcingAws
    arn: str
    access_key: str
    secret: str
    token: str | None = None

    def client(self, service: str, **options: Any) -> Any:
        return self.where.make_client(service, self.access_key, self.secret, self.token, **options)

    @property
    def environment(self) -> dict[str, str]:
        """For a program that works as they do."""
        token = {"AWS_SESSION_TOKEN": self.token} if self.token else {}
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            **token,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.where.url,
            "AWS_CA_BUNDLE": str(self.where.ca),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def may(self, service: str, operation: str, **parameters: Any) -> bool:
        """Whether an operation is refused for want of rights; what else comes of it does not matter."""
        return self.refusal(service, operation, **parameters) is None

    def refusal(self, service: str, operation: str, **parameters: Any) -> str | None:
        try:
            getattr(self.client(service), operation)(**parameters)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            denied = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
            if code in denied or code == "403":
                return str(message)
        return None


@dataclass
class EnforcingAws:
    url: str
    ca: Path
    state: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    clients: dict[Any, Any] = field(default_factory=dict)

    def make_client(
        self, service: str, access_key: str, secret: str, token: str | None = None, **options: Any
    ) -> Any:
        key = service, access_key, secret, token, tuple(sorted(options.items()))
        if key not in self.clients:
            self.clients[key] = new_client(
                service,
                region_name=options.get("region_name", REGION),
                endpoint_url=self.url,
                verify=str(self.ca),
                aws_access_key_id=access_key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=Config(
                    retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60
                ),
            )
        return self.clients[key]

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """The root user's."""
        return self.make_client(service, account, "local")

    def role(
        self,
        *statements: Mapping[str, Any],
        trust: str | None = None,
        boundary: str | None = None,
        tags: Mapping[str, str] | None = None,
        path: str = "/",
    ) -> str:
        """A new role's ARN; by default, everybody in the account may assume it."""
        iam = self.client("iam")
        name = f"role-{next(self.numbers)}"
        more: dict[str, Any] = {"PermissionsBoundary": self.policy(boundary)} if boundary else {}
        made = iam.create_role(
            RoleName=name,
            Path=path,
            AssumeRolePolicyDocument=trust or trusting({"AWS": ACCOUNT}),
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
            **more,
        )
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def policy(self, text: str) -> str:
        name = f"policy-{next(self.numbers)}"
        return str(self.client("iam").create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"])

    def session(self, role_arn: str, *, by: Somebody | None = None, **parameters: Any) -> Somebody:
        """A session of a role, assumed by somebody who may assume every role, unless told otherwise."""
        sts = (by or self.user(statement(["sts:AssumeRole", "sts:TagSession"]))).client("sts")
        parameters = {"RoleSessionName": "somebody", **parameters}
        answer = sts.assume_role(RoleArn=role_arn, **parameters)
        found = answer["Credentials"]
        return Somebody(
            self,
            answer["AssumedRoleUser"]["Arn"],
            found["AccessKeyId"],
            found["SecretAccessKey"],
            found["SessionToken"],
        )

    def in_studio(self, role_name: str, profile: str) -> Somebody:
        """A session of a role as Studio starts it for a profile.

        SageMaker alone assumes these roles: here the trust is the account's, which changes who may come in
        and nothing of what they may do then.
        """
        entering = ["sts:AssumeRole", "sts:SetSourceIdentity"]
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": entering}
        iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=document(trust))
        arn = iam.get_role(RoleName=role_name)["Role"]["Arn"]
        studio = self.user(statement(entering))
        return self.session(arn, by=studio, RoleSessionName="SageMaker", SourceIdentity=profile)

    def somebody(self, *statements: Mapping[str, Any], **role: Any) -> Somebody:
        """A session of a new role with these rights."""
        return self.session(self.role(*statements, **role))

    def user(
        self,
        *statements: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
        groups: Sequence[str] = (),
    ) -> Somebody:
        iam = self.client("iam")
        name = f"user-{next(self.numbers)}"
        arn = iam.create_user(
            UserName=name, Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        )["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(*statements))
        for group in groups:
            iam.add_user_to_group(GroupName=group, UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Somebody(self, arn, key["AccessKeyId"], key["SecretAccessKey"])

    def bucket(self, **objects: bytes) -> str:
        s3 = self.client("s3")
        name = f"bucket-{next(self.numbers)}"
        s3.create_bucket(Bucket=name)
        for key, body in objects.items():
            s3.put_object(Bucket=name, Key=key, Body=body)
        return name
