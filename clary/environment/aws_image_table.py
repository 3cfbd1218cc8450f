"""Writes the table of AWS's images, `aws_images.json`, from the SageMaker SDK's own data.

    PYTHON -m clary.environment.aws_image_table clary/environment/aws_images.json

PYTHON is one that has `sagemaker-core` (requirements-clients.txt): the SDK's own function says which image
serves which framework or algorithm. It takes 10 seconds to be imported, and 100 MB: synthesis reads the
table. No part of Clary is imported here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

FRAMEWORKS = (
    "djl-lmi",
    "huggingface-llm",
    "pytorch",
    "sagemaker-tritonserver",
    "sklearn",
    "tensorflow",
)
ALGORITHMS = (
    "blazingtext",
    "factorization-machines",
    "forecasting-deepar",
    "image-classification",
    "ipinsights",
    "kmeans",
    "knn",
    "lda",
    "linear-learner",
    "ntm",
    "object-detection",
    "object2vec",
    "pca",
    "randomcutforest",
    "semantic-segmentation",
    "seq2seq",
    "xgboost",
)
_INSTANCES = {"cpu": "ml.m5.large", "gpu": "ml.g4dn.xlarge"}


def table() -> dict[str, Any]:
    registries: list[dict[str, str]] = []
    images: dict[str, Any] = {}
    for kind, names in (("framework", FRAMEWORKS), ("algorithm", ALGORITHMS)):
        images[kind] = {name: dict(_versions(name, registries)) for name in names}
    return {
        "source": f"sagemaker-core {version('sagemaker-core')}",
        "registries": registries,
        "images": images,
    }


def _versions(name: str, registries: list[dict[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    import sagemaker.core  # type: ignore[import-not-found] # the SDK is in an environment of its own

    folder = Path(sagemaker.core.__file__).parent / "image_uri_config"
    config = json.loads((folder / f"{name}.json").read_text())
    config = config.get("inference", config)
    for number, said in config["versions"].items():
        tags = dict(_tags(name, number, said))
        if not tags:
            continue
        registry = dict(sorted(_registries(said).items()))
        if registry not in registries:
            registries.append(registry)
        yield number, {"registry": registries.index(registry), **tags}


def _registries(said: dict[str, Any]) -> dict[str, str]:
    """Some versions say them once more for each version of Python."""
    if "registries" in said:
        return dict(said["registries"])
    return next(dict(each["registries"]) for each in said.values() if isinstance(each, dict))


def _tags(name: str, number: str, said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from sagemaker.core import image_uris

    region = "us-east-1" if "us-east-1" in _registries(said) else next(iter(_registries(said)))
    for processor, instance_type in _INSTANCES.items():
        try:
            uri = image_uris.retrieve(
                name, region, version=number, instance_type=instance_type, image_scope="inference"
            )
        except (ValueError, KeyError):
            continue  # not for this processor, or no longer
        yield processor, uri.partition("/")[2]


def main() -> None:
    text = json.dumps(table(), indent=1, sort_keys=True) + "\n"
    Path(sys.argv[1]).write_text(text)


if __name__ == "__main__":
    main()
