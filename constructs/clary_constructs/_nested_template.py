"""Nested stacks whose templates are plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from constructs import Construct


class NestedTemplates:
    """Makes nested stacks out of templates, below one construct.

    Where they hold thousands of resources, this takes a twentieth of the time that one construct each
    would. CDK's own tools see the templates as those of any nested stack; cdk-nag does not look into them.
    """

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self._stem = cdk.Names.unique_id(scope)

    def add(self, construct_id: str, template: Mapping[str, Any], values: Mapping[str, str]) -> cdk.CfnStack:
        """A nested stack, which takes of `values` those that its template has parameters for."""
        file = f"{self._stem}{construct_id}.nested.template.json"
        nested = cdk.CfnStack(
            self._scope,
            construct_id,
            template_url=template_asset(self._scope, file, template),
            parameters={name: values[name] for name in template["Parameters"]},
        )
        nested.add_metadata("aws:asset:path", file)
        return nested


def template_asset(scope: Construct, file: str, template: Mapping[str, Any]) -> str:
    """The address in S3 of a template that is written into the assembly."""
    stage = cdk.Stage.of(scope)
    if stage is None:
        raise ValueError(f"'{scope.node.path}' is in no app, which templates could be written for")
    content = json.dumps(template, separators=(",", ":")).encode()
    (Path(stage.outdir) / file).write_bytes(content)
    # what cdk.NestedStack does with a template of its own
    asset = cdk.Stack.of(scope).synthesizer.add_file_asset(
        source_hash=hashlib.sha256(content).hexdigest(),
        file_name=file,
        packaging=cdk.FileAssetPackaging.FILE,
    )
    return asset.http_url
