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
        stage = cdk.Stage.of(scope)
        if stage is None:
            raise ValueError(f"'{scope.node.path}' is in no app, which templates could be written for")
        self._scope = scope
        self._folder = Path(stage.outdir)
        self._stem = cdk.Names.unique_id(scope)
        self._synthesizer = cdk.Stack.of(scope).synthesizer

    def add(self, construct_id: str, template: Mapping[str, Any], values: Mapping[str, str]) -> cdk.CfnStack:
        """A nested stack, which takes of `values` those that its template has parameters for."""
        content = json.dumps(template, separators=(",", ":")).encode()
        file = f"{self._stem}{construct_id}.nested.template.json"
        (self._folder / file).write_bytes(content)
        # what cdk.NestedStack does with a template of its own
        asset = self._synthesizer.add_file_asset(
            source_hash=hashlib.sha256(content).hexdigest(),
            file_name=file,
            packaging=cdk.FileAssetPackaging.FILE,
        )
        nested = cdk.CfnStack(
            self._scope,
            construct_id,
            template_url=asset.http_url,
            parameters={name: values[name] for name in template["Parameters"]},
        )
        nested.add_metadata("aws:asset:path", file)
        return nested
