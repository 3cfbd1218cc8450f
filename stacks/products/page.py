"""Writes the products into `docs/catalog.md`, from what is launched: `python -m stacks.products.page`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clary.environment.model import Environment
from clary_constructs import CatalogProduct, LaunchRight
from stacks.catalog import CatalogStack
from stacks.environment_app import add_stacks, new_app
from stacks.products import PRODUCTS
from stacks.products.product import Product

PAGE = "docs/catalog.md"
_BEGIN = "<!-- the products: written by `python -m stacks.products.page`, from what is launched -->\n"
_END = "<!-- the end of the products -->\n"
SAMPLE: Mapping[str, Any] = {
    "name": "dev",
    "account": "111122223333",
    "region": "eu-west-1",
    "teams": {"research": {"members": {"ada": "data-scientist"}}},
    "personas": {"data-scientist": {"rights": {"add": ["connect-to-emr"]}}},
    "catalog": {
        "portfolios": {
            "research": {
                "principals": ["arn:aws:iam::111122223333:role/newcomers"],
                "products": {key: {} for key in PRODUCTS}
                | {
                    "model_endpoint": {"api": {}},
                    "project_workspace": {
                        "features": {},
                        "budget": {"default_usd": 100, "most_usd": 500},
                        "in_studio": ["data-scientist"],
                    },
                },
            }
        }
    },
    "costs": {"budget": {"monthly_usd": 1000, "emails": ["finance@example.com"]}},
}
"""A team that offers everything, as it is by default; what may have more, has it."""


def page_text(page: str, root: Path) -> str:
    """The page with the products as they are now."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{''.join(_sections(root))}{_END}{after}"


def _sections(root: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        app = new_app(root, Path(folder))
        add_stacks(app, Environment.model_validate(SAMPLE), root)
        catalog = app.node.find_child("Catalog")
        assert isinstance(catalog, CatalogStack)
        for key, product in catalog.offered.items():
            yield from _section(product, catalog.made[key], catalog)


def _section(product: Product, made: CatalogProduct, catalog: CatalogStack) -> Iterator[str]:
    template = product.template()
    yield f"### {product.title}\n\n"
    yield f"{product.about} In the file: `{product.key}`.\n\n"
    yield "| Field | What it is | What it takes |\n|---|---|---|\n"
    for name, field in template["Parameters"].items():
        yield f"| `{name}` | {field.get('Description', '')} | {_taken(field)} |\n"
    rules = product.rules()
    if rules:
        yield "\nRefused before anything is made:\n\n"
        yield from (f"- {rule.says}\n" for rule in rules)
    uses = product.uses()
    if uses:
        yield "\nWith the stack's policy, whoever launches it\n\n"
        yield from (f"- {right.does}: {_actions(right)}\n" for right in uses)
    yield "\nIts launch role, and what fails without each of its statements:\n\n"
    yield "| A launch | by these actions | on |\n|---|---|---|\n"
    for right in made.rights:
        yield _row(right, catalog)
    yield "\n"


def _taken(field: Mapping[str, Any]) -> str:
    if "AllowedValues" in field:
        return ", ".join(f"`{value}`" for value in field["AllowedValues"])
    said = []
    if "AllowedPattern" in field:
        said.append(f"`{field['AllowedPattern']}`")
    if "MaxLength" in field:
        said.append(f"at most {field['MaxLength']} characters")
    if "MinValue" in field:
        said.append(f"from {field['MinValue']} to {field['MaxValue']}")
    if "Default" in field:
        said.append(f"by default `{field['Default']}`")
    return ", ".join(said).replace("|", "\\|")


def _row(right: LaunchRight, catalog: CatalogStack) -> str:
    resources = ", ".join(f"`{_readable(catalog.resolve(each))}`" for each in right.resources)
    conditions = "; ".join(
        f"`{key}` {_condition(operator, _readable(catalog.resolve(value)))}"
        for operator, keys in right.conditions.items()
        for key, value in keys.items()
    )
    return (
        f"| {right.does} | {_actions(right)} | {resources}{f', where {conditions}' if conditions else ''} |\n"
    )


def _condition(operator: str, value: str) -> str:
    if operator == "Null":
        return "is not there" if value == "true" else "is there"
    return f"is `{value}`"


def _actions(right: LaunchRight) -> str:
    return ", ".join(f"`{action}`" for action in right.actions)


def _readable(value: Any) -> str:
    """A resolved value with `…` for what is known when it is deployed."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, items]}:
            return str(separator.join(_readable(item) for item in items))
        case list():
            return ", ".join(_readable(item) for item in value)
        case _:
            return "…"


def main() -> None:
    root = Path(__file__).parent.parent.parent
    page = root / PAGE
    page.write_text(page_text(page.read_text(encoding="utf-8"), root), encoding="utf-8")


if __name__ == "__main__":
    main()
