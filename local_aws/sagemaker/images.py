"""Container images on the local AWS: folders of programs, found through ECR.

An image is a folder with the executables `train` and `serve`. `push` copies it to a place that is
named by its content and puts a manifest into the repository that says where; `image_folder` reads it
back. The repository, its tags and its digests are ECR's own. The command line pushes: nothing of the
server is imported here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

FOLDER = "dev.clary.folder"
"""The manifest's annotation that holds the folder's absolute path."""

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"


def push(ecr_client: Any, repository: str, tag: str, folder: Path, store: Path) -> str:
    """Puts a copy of `folder` into `store`, and an image of it into the repository.

    Returns the image's digest. Pushing what is there already changes nothing.
    """
    digest = _digest(folder)
    kept = store.resolve() / digest
    if not kept.exists():
        store.mkdir(parents=True, exist_ok=True)
        partial = store / f".{digest}-{uuid.uuid4().hex}"
        shutil.copytree(folder, partial, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store"))
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
            "annotations": {FOLDER: str(kept)},
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


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and "__pycache__" not in relative.parts and path.suffix != ".pyc":
            executable = bool(path.stat().st_mode & 0o100)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{relative.as_posix()}\0{executable}\0{content}\n".encode())
    return total.hexdigest()
