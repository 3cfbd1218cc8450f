"""Text of a certain form, with the words that say which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Form:
    """An annotation for a `str`: `Annotated[str, Form(...)]`.

    The pattern has to match the whole text, and to mean the same to Python and to ECMAScript, whose
    dialect JSON Schema uses. `says` completes the sentence "'x' is not …".
    """

    says: str
    example: str
    pattern: str
    longest: int | None = None

    @property
    def wanted(self) -> str:
        longest = "" if self.longest is None else f", at most {self.longest} characters"
        example = f'"{self.example}"' if self.example.isdigit() else self.example
        return f"{self.says}{longest}, like {example}"

    def fits(self, value: str) -> bool:
        short_enough = self.longest is None or len(value) <= self.longest
        return short_enough and _compiled(self.pattern).fullmatch(value) is not None

    def check(self, value: str) -> str:
        if self.longest is not None and len(value) > self.longest:
            raise ValueError(f"has {len(value)} characters, give {self.wanted}")
        if not self.fits(value):
            raise ValueError(f"does not fit, give {self.wanted}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        rendered = {**handler(schema), "pattern": f"^(?:{self.pattern})$", "examples": [self.example]}
        if self.longest is not None:
            rendered["maxLength"] = self.longest
        return rendered


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
