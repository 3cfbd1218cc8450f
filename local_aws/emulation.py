"""The tables of `docs/local-aws.md`: what is emulated here, how far, and what is not, read from the code.

`python -m local_aws.emulation` writes them into the page anew.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "local-aws.md"
COMMAND = "python -m local_aws.emulation"

_PACKAGE = Path(__file__).resolve().parent
_REFUSALS = ("not_supported",)
_MARKS = re.compile(r"(<!-- (?P<name>[\w-]+): generated -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Writes the page's tables anew.")
    parser.add_argument("--check", action="store_true", help="only say whether they are current")
    check = parser.parse_args().check
    before = PAGE.read_text()
    after = current(before)
    if check and before != after:
        print(f"{PAGE.name} is not current: run `{COMMAND}`", file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(after)
    return 0


def current(page: str) -> str:
    """The page with its tables as the code has them now."""
    return _MARKS.sub(lambda part: part[1] + "\n" + TABLES[part["name"]]() + "\n\n" + part[3], page)


# --- CloudFormation --------------------------------------------------------------------------------


def resource_types() -> str:
    """Who handles the types of each service; what is left is handled by its schema alone."""
    from local_aws import hooks
    from local_aws.cloudformation import services
    from local_aws.cloudformation.registry import (
        BEHAVIOURS,
        CHECKS,
        DELETION_GUARDS,
        RECONCILERS,
        TRANSLATORS,
    )
    from local_aws.cloudformation.schema import type_names

    built_in = set(hooks.resources.resource_handlers())
    services.install()
    for module in (
        "sagemaker.resource_types",
        "scaling.cloudformation",
        "servicecatalog.cloudformation",
    ):
        importlib.import_module(f"local_aws.{module}").install()
    completed = {*CHECKS, *DELETION_GUARDS, *RECONCILERS, *TRANSLATORS}
    ours, theirs, all_types = Counter[str](), Counter[str](), Counter[str]()
    more = defaultdict[str, list[str]](list)
    for name in type_names():
        service = name.rpartition("::")[0]
        all_types[service] += 1
        if name in BEHAVIOURS:
            ours[service] += 1
        elif name in built_in:
            theirs[service] += 1
            if name in completed:
                more[service].append(name.rpartition("::")[2])
    rows = [
        [
            f"`{service}`",
            ours[service] or "",
            theirs[service] or "",
            count - ours[service] - theirs[service] or "",
            ", ".join(more[service]),
        ]
        for service, count in sorted(all_types.items())
        if ours[service] or theirs[service]
    ]
    left = {service: count for service, count in all_types.items() if not ours[service] + theirs[service]}
    total, schema_alone = all_types.total(), all_types.total() - ours.total() - theirs.total()
    return (
        f"Of AWS's {total} published types, {ours.total()} have a behaviour here, {theirs.total()} have"
        f" ministack's handler, and {schema_alone} are handled by their schema alone: {sum(left.values())} of"
        f" them belong to {len(left)} services that are not in the table.\n\n"
        + _table(
            [
                "service",
                "behaviour here",
                "ministack's",
                "schema alone",
                "ministack's, checked or completed here",
            ],
            rows,
        )
    )


def properties() -> str:
    from local_aws.cloudformation.not_emulated import NOT_EMULATED

    rows = []
    for name, dropped in sorted(NOT_EMULATED.items()):
        reasons = defaultdict[str, list[str]](list)
        for property_name, why in dropped.items():
            reasons[why].append(f"`{property_name}`")
        rows += [[f"`{name}`", ", ".join(names), why] for why, names in reasons.items()]
    whole = [f"`{name}`" for name, dropped in sorted(NOT_EMULATED.items()) if not dropped]
    return (
        _table(["type", "properties without effect", "why"], rows)
        + f"\n\nChecked likewise, and nothing is without effect: {', '.join(whole)}."
    )


# --- SageMaker -------------------------------------------------------------------------------------


def families() -> str:
    from local_aws.sagemaker import behaviours
    from local_aws.sagemaker.behaviour import Behaviour
    from local_aws.sagemaker.families import families as all_families

    kept = []
    rows = []
    for name in sorted(all_families()):
        acts = type(behaviours.behaviour(name))
        if name in behaviours.NOT_RUN:
            rows.append([name, "fails", _sentence(behaviours.NOT_RUN[name])])
        elif acts is Behaviour:
            kept.append(name)
        else:
            runs = acts.resume is not Behaviour.resume
            rows.append([name, "executed" if runs else "deployed", _what_it_does(acts)])
    return (
        _table(["family", "tier", "what it does"], rows)
        + "\n\n*Deployed* as well, with their states, tags, listings and errors, and no rules beyond the"
        f" service's model: {', '.join(kept)}."
    )


def operations() -> str:
    import botocore.session

    from local_aws.sagemaker import beyond
    from local_aws.sagemaker.families import operations as by_family

    names = set(botocore.session.get_session().get_service_model("sagemaker").operation_names)
    answered = set(by_family()) | set(beyond.OPERATIONS)
    missing = sorted(names - answered)
    return (
        f"{len(names & answered)} of the {len(names)} operations of SageMaker's API are answered. The others"
        " are `NotSupportedOnLocalAws`: " + ", ".join(f"`{name}`" for name in missing) + "."
    )


# --- Application Auto Scaling ----------------------------------------------------------------------


def scaling() -> str:
    from local_aws.scaling.dimensions import ACTING, NOT_ACTING

    kept = [[f"`{name}`", "deployed", _sentence(why)] for name, why in NOT_ACTING.items()]
    acts = [[f"`{name}`", "executed", _sentence(what)] for name, what in ACTING.items()]
    return _table(["dimension", "tier", "what happens"], [*acts, *kept])


# --- everything ------------------------------------------------------------------------------------


def services() -> str:
    """The services that answer requests."""
    from local_aws import hooks

    return ", ".join(f"`{name}`" for name in hooks.server.service_names()) + "."


def refusals() -> str:
    """What is refused with `NotSupportedOnLocalAws`, in the words of the refusals."""
    rows = []
    for file in sorted(_PACKAGE.rglob("*.py")):
        service = file.relative_to(_PACKAGE).parts[0].removesuffix(".py")
        found = [
            words
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _REFUSALS
            and (words := _words(node.args[0]))
        ]
        rows += [[service, words] for words in found]
    return _table(["where", "what"], [list(row) for row in dict.fromkeys(tuple(row) for row in rows)])


def _words(argument: ast.expr) -> str:
    """The text of a literal, with `…` for what is filled in; nothing where all of it is."""
    if isinstance(argument, ast.Constant):
        return argument.value if isinstance(argument.value, str) else ""
    if not isinstance(argument, ast.JoinedStr):
        return ""
    parts = [
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else f"`{_name(part)}`"
        for part in argument.values
    ]
    text = "".join(parts)
    return text if re.search(r"[a-z]{3}", re.sub(r"`[^`]*`", "", text)) else ""


def _name(part: ast.expr) -> str:
    """What is filled in, as short as it can be said."""
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.Name):
        return f"<{value.id}>"
    key = value.slice if isinstance(value, ast.Subscript) else None
    named = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return f"<{ast.literal_eval(key)}>" if key is not None and named else "<…>"


def _what_it_does(behaviour: type) -> str:
    """The first paragraph of its own docstring, or of its module's."""
    module = inspect.getmodule(behaviour)
    said = behaviour.__dict__.get("__doc__") or (module.__doc__ if module else "") or ""
    return _sentence(" ".join(inspect.cleandoc(said).partition("\n\n")[0].split()))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in lines)


TABLES: dict[str, Callable[[], str]] = {
    "families": families,
    "operations": operations,
    "properties": properties,
    "refusals": refusals,
    "resource-types": resource_types,
    "scaling": scaling,
    "services": services,
}

if __name__ == "__main__":
    sys.exit(main())
