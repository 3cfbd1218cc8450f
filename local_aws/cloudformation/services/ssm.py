"""Parameter Store's public parameters: which machine image is the newest of its kind.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
"""

from __future__ import annotations

import hashlib
import json
import re

from local_aws import hooks

_IMAGE = re.compile(
    r"/aws/service/("
    r"ami-amazon-linux-latest/(al2023-ami-(minimal-)?kernel-(default|\d+\.\d+)-(arm64|x86_64)"
    r"|amzn2?-ami-(minimal-)?(kernel-\d+\.\d+-)?(hvm|pv)-(arm64|x86_64)-(ebs|gp2|s3))"
    r"|ami-windows-latest/(EC2LaunchV2-|TPM-)?Windows_Server-20\d\d-[\w.-]+"
    r"|debian/(daily|release)/[\w.-]+/latest/(amd64|arm64)"
    r"|(bottlerocket|(ecs|eks)/optimized-ami|neuron)/[\w./-]+/image_id"
    r"|(canonical|deeplearning|freebsd|suse)/[\w./-]+/(ami-id|image_id)"
    r")"
)
_FOR_CONTAINERS = re.compile(r"/aws/service/ecs/optimized-ami/([\w.-]+(/[\w.-]+)*)/recommended")


def _public(name: str) -> str | None:
    """The value of a public parameter; None where AWS has none of that name."""
    if _IMAGE.fullmatch(name):
        return _image_of(name)
    recommended = _FOR_CONTAINERS.fullmatch(name)
    if recommended is None:
        return None
    image = {"schema_version": 1, "image_id": _image_of(f"{name}/image_id"), "os": recommended[1]}
    return json.dumps(image)


def _image_of(name: str) -> str:
    """Each region has images of its own."""
    return f"ami-{hashlib.sha256(f'{hooks.request.region()}:{name}'.encode()).hexdigest()[:17]}"


hooks.parameters.add_public_parameters(_public)
