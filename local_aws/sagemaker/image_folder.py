"""The folder that an image's URI stands for: asked of ECR, where `images.push` has put it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from botocore.exceptions import ClientError

from local_aws import hooks
from local_aws.sagemaker import clients
from local_aws.sagemaker.errors import ServiceError, invalid
from local_aws.sagemaker.images import FOLDER

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def folder_of(uri: str) -> Path:
    """The folder of an image that this account's ECR has. Raises `ServiceError`."""
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise invalid(
            f"Invalid image URI {uri}: give <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        )
    if (parts["account"], parts["region"]) != (hooks.account_id(), hooks.region()):
        raise _not_found(uri, f"it belongs to the account {parts['account']} in {parts['region']}")
    wanted = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}
    try:
        answer = clients.of_account("ecr").batch_get_image(
            repositoryName=parts["repository"], imageIds=[wanted]
        )
    except ClientError as error:
        raise _not_found(uri, error.response["Error"]["Message"]) from error
    if not answer["images"]:
        raise _not_found(uri, f"the repository '{parts['repository']}' has no such image")
    annotations = json.loads(answer["images"][0]["imageManifest"]).get("annotations", {})
    folder = Path(annotations.get(FOLDER, ""))
    if FOLDER not in annotations or not folder.is_dir():
        raise _not_found(uri, "its manifest does not name a folder of this machine")
    return folder


def _not_found(uri: str, why: str) -> ServiceError:
    return invalid(
        f"Requested image {uri} not found: {why}. An image comes to the local AWS as a folder with the"
        " executables 'train' and 'serve', which is pushed into a repository of the account"
        " (local_aws.sagemaker.images.push, or `clary up` for the images of an environment file)"
    )
