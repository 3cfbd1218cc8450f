"""Container images on the local AWS: folders of programs and root file systems, found through ECR.

An image is a folder with the executables `train` and `serve`, or the root of a file system, as
`docker export` gives it. `push` copies it to a place that is named by its content and puts a manifest
into the repository that says where, and what to run in it; `image_folder` reads it back. The
repository, its tags and its digests are ECR's own. The command line pushes: nothing of the server is
imported here.

    python -m local_aws.sagemaker.images FOLDER REPOSITORY:TAG --entrypoint python3 /program.py
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

FOLDER = "dev.clary.folder"
"""The manifest's annotation that holds the folder's absolute path."""
CONFIG = "dev.clary.config"
"""The annotation that holds what an image's configuration says, in its words and as JSON: `Entrypoint`,
`Cmd`, `Env` and `WorkingDir` (https://github.com/opencontainers/image-spec/blob/main/config.md)."""
CONFIG_MEMBERS = ("Entrypoint", "Cmd", "Env", "WorkingDir")

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"


def push(
    ecr_client: Any,
    repository: str,
    tag: str,
    folder: Path,
    store: Path,
    config: Mapping[str, Any] | None = None,
) -> str:
    """Puts a copy of `folder` into `store`, and an image of it into the repository.

    Returns the image's digest. Pushing what is there already changes nothing.
    """
    unknown = sorted(set(config or {}) - set(CONFIG_MEMBERS))
    if unknown:
        raise ValueError(f"no member {unknown[0]!r} in an image's config, give {', '.join(CONFIG_MEMBERS)}")
    digest = _digest(folder)
    kept = store.resolve() / digest
    if not kept.exists():
        store.mkdir(parents=True, exist_ok=True)
        partial = store / f".{digest}-{uuid.uuid4().hex}"
        _copy(folder, partial)
        try:
            partial.rename(kept)
        except OSError:
            shutil.rmtree(partial)  # somebody else was quicker with the same content
            if not kept.exists():
                raise
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": f"sha256:{hashlib.sha256(_EMPTY).hexdigest()}",
                "size": len(_EMPTY),
            },
            "layers": [],
            "annotations": {FOLDER: str(kept)}
            | ({CONFIG: json.dumps(config, sort_keys=True)} if config else {}),
        },
        sort_keys=True,
    )
    try:
        answer = ecr_client.put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=_MANIFEST_TYPE,
            imageTag=tag,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise
        return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    return str(answer["image"]["imageId"]["imageDigest"])


def _copy(folder: Path, target: Path) -> None:
    target.mkdir()
    for path in _files(folder):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            copy.mkdir(exist_ok=True)
        else:
            shutil.copy2(path, copy, follow_symlinks=False)


def _files(folder: Path) -> Iterator[Path]:
    """What belongs to an image: neither what Python left there, nor devices and pipes."""
    for path in sorted(folder.rglob("*")):
        left_by_python = "__pycache__" in path.relative_to(folder).parts or path.suffix == ".pyc"
        if left_by_python or path.name == ".DS_Store":
            continue
        if path.is_symlink() or path.is_file() or path.is_dir():
            yield path


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            total.update(f"{name}\0link\0{path.readlink()}\n".encode())
        elif path.is_file():
            executable = bool(path.stat().st_mode & 0o100)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{name}\0{executable}\0{content}\n".encode())
    return total.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws.sagemaker.images",
        description="Puts a folder into a repository of the local AWS that AWS_ENDPOINT_URL names.",
    )
    parser.add_argument("folder", type=Path, help="programs 'train' and 'serve', or a root file system")
    parser.add_argument("image", help="REPOSITORY:TAG; the repository is created when it is not there")
    parser.add_argument("--store", type=Path, default=Path(".clary/images"), help="where the copy is kept")
    parser.add_argument("--entrypoint", nargs="+", help="what the image runs, as in a Dockerfile")
    arguments = parser.parse_args()
    import boto3

    repository, _, tag = arguments.image.partition(":")
    ecr = boto3.client("ecr")
    with contextlib.suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=repository)
    config = {"Entrypoint": arguments.entrypoint} if arguments.entrypoint else None
    print(push(ecr, repository, tag or "latest", arguments.folder, arguments.store, config))


if __name__ == "__main__":
    main()
