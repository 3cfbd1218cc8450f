"""What an image's URI stands for: asked of ECR, where `images.push` has put it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from local_aws import containers, hooks
from local_aws.errors import ServiceError, invalid
from local_aws.sagemaker import clients
from local_aws.sagemaker.images import CONFIG, FOLDER

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Image:
    """A folder, and what its configuration says: `docker run` without options would do the same."""

    folder: Path
    entrypoint: Sequence[str] | None = None
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: str | None = None

    def contract(self, verb: str) -> list[str]:
        """What `docker run IMAGE train` runs, or `serve`.

        An image without an entry point is expected to have an executable of that name: in its folder,
        or on the PATH of its root file system. A folder's gets its name once more, as its argument.
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-dockerfile.html
        """
        if self.entrypoint is not None:
            return [*self.entrypoint, verb]
        if containers.is_root_file_system(self.folder):
            return [verb]
        return [str(self.folder / verb), verb]

    def run(self, entrypoint: Sequence[str] | None, arguments: Sequence[str] | None) -> list[str]:
        """What `docker run --entrypoint ENTRYPOINT IMAGE ARGUMENTS` runs; nothing where neither says what.

        https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
        """
        if entrypoint is not None:
            return [*entrypoint, *(arguments or [])]
        return [*(self.entrypoint or []), *(self.command if arguments is None else arguments)]


def folder_of(uri: str) -> Path:
    """The folder of an image that this account's ECR has. Raises `ServiceError`."""
    return image_of(uri).folder


def image_of(uri: str) -> Image:
    """An image that this account's ECR has. Raises `ServiceError`."""
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise invalid(
            f"Invalid image URI {uri}: give <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        )
    if (parts["account"], parts["region"]) != (hooks.request.account_id(), hooks.request.region()):
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
    config = json.loads(annotations.get(CONFIG, "{}"))
    return Image(
        folder,
        config.get("Entrypoint"),
        config.get("Cmd") or (),
        dict(variable.split("=", 1) for variable in config.get("Env") or ()),
        config.get("WorkingDir"),
    )


def _not_found(uri: str, why: str) -> ServiceError:
    return invalid(
        f"Requested image {uri} not found: {why}. An image comes to the local AWS as a folder with the"
        " executables 'train' and 'serve', or as a root file system, which is pushed into a repository of"
        " the account (python -m local_aws.sagemaker.images, or `clary up` for an environment's images)"
    )
