"""Writes what editors and readers are told of environment files: `python -m clary.environment.schema`.

The JSON Schema beside the files, and the keys in `docs/environment-file.md`, both from the models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from clary.environment.loader import FOLDER
from clary.environment.model import Environment
from clary.environment.wording import Kind

SCHEMA = f"{FOLDER}/environment.schema.json"
PAGE = "docs/environment-file.md"
_BEGIN = "<!-- the keys: written by `python -m clary.environment.schema`, from the models -->\n"
_END = "<!-- the end of the keys -->\n"


class _Generator(GenerateJsonSchema):
    """Draft 2020-12, for people: no titles that repeat the key, and names that are checked."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """pydantic's own lets a name pass that does not fit the pattern: as an unknown pattern's property."""
        rendered: JsonSchemaValue = {"type": "object"}
        if (names := self.generate_inner(schema["keys_schema"])) != {"type": "string"}:
            rendered["propertyNames"] = names
        rendered["additionalProperties"] = self.generate_inner(schema["values_schema"])
        self.update_with_validations(rendered, schema, self.ValidationsMapping.object)
        return rendered


def json_schema() -> dict[str, Any]:
    generated = Environment.model_json_schema(schema_generator=_Generator)
    definitions = generated.pop("$defs")
    for part in (generated, *definitions.values()):
        part.pop("title", None)
        for described in (part, *part.get("properties", {}).values()):
            if "description" in described:
                described["description"] = " ".join(described["description"].split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An environment of Clary",
        **generated,
        "$defs": definitions,
    }


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def page_text(page: str) -> str:
    """The page with its keys as the models have them now."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{''.join(_sections(Environment, ''))}{_END}{after}"


def _sections(part: type[BaseModel], path: str) -> Iterator[str]:
    """A table for each part of the file, from the top down."""
    title = f"`{path}`" if path else "At the top"
    rows = "".join(_row(key, part) for key in part.model_fields)
    about = cleandoc(part.__doc__ or "")
    yield f"### {title}\n\n{about}\n\n| Key | What it takes | Default | |\n|---|---|---|---|\n{rows}\n"
    for key in part.model_fields:
        kind, below = Kind(part).below(key), f"{path}.{key}".removeprefix(".")
        if kind is not None and get_origin(kind.annotation) is Mapping:
            kind, below = Kind(part).below(key), f"{below}.<{key.removesuffix('s')}>"
            kind = None if kind is None else kind.below(key)
        if kind is not None and kind.part is not None:
            yield from _sections(kind.part, below)


def _row(key: str, part: type[BaseModel]) -> str:
    known, kind = part.model_fields[key], Kind(part).below(key)
    wanted = "" if kind is None else kind.wanted
    default = (
        "**required**" if known.is_required() else _default(known.get_default(call_default_factory=True))
    )
    about = " ".join((known.description or "").split())
    return f"| `{key}` | {wanted.replace('|', chr(92) + '|')} | {default} | {about} |\n"


def _default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{json.dumps(value)}`" if isinstance(value, dict | bool) else f"`{value}`"


def main() -> None:
    root = Path.cwd()
    (root / SCHEMA).write_text(schema_text(), encoding="utf-8")
    page = root / PAGE
    page.write_text(page_text(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
