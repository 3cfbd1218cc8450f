"""Search: resources of one kind by conditions on their properties.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import StructureShape

from local_aws.errors import invalid, not_supported
from local_aws.sagemaker import answers, listing, resources
from local_aws.sagemaker.families import families, operation
from local_aws.sagemaker.feature_store import metadata

Request = Mapping[str, Any]

_MEMBERS = {"ExperimentTrial": "Trial", "ExperimentTrialComponent": "TrialComponent"}
"""What results call those kinds that requests call otherwise."""
_FEATURES = "FeatureMetadata"
_DASHBOARD = "Model"
"""Not the resource, but what the model dashboard gathers about it."""
_METRICS = "Metrics"
_NAMED = {"Name", "Key", "MetricName"}
"""How members of a list are called, where a property names one of them: `Tags.team`."""
_PAGE = 10
_ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThan": lambda found, value: found > value,
    "GreaterThanOrEqualTo": lambda found, value: found >= value,
    "LessThan": lambda found, value: found < value,
    "LessThanOrEqualTo": lambda found, value: found <= value,
}


def search(request: Request) -> dict[str, Any]:
    kind = str(request["Resource"])
    member = _MEMBERS.get(kind, kind)
    shape = _records().members.get(member)
    known = member == _FEATURES or (member in families() and member != _DASHBOARD)
    if not known or not isinstance(shape, StructureShape):
        raise not_supported(f"a search for resources of the kind {kind}")
    visible = [
        {"Name": one["Key"], "Operator": "Equals", "Value": one["Value"]}
        for one in request.get("VisibilityConditions", ())
    ]
    expression = {"SubExpressions": [request.get("SearchExpression") or {}], "Filters": visible}
    by = request.get("SortBy", "LastModifiedTime")
    _check(shape, expression, by)
    found = [one for one in _every(member, shape) if _meets(one, expression)]
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        found = []  # nothing is shared between accounts here
    found.sort(key=lambda one: _place(one, by), reverse=request.get("SortOrder") != "Ascending")
    page = listing.page(
        "Results",
        [{member: one} for one in found],
        int(request.get("MaxResults", _PAGE)),
        request.get("NextToken"),
    )
    return page | {"TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


def _records() -> StructureShape:
    model = operation("Search")
    assert model is not None
    shape = model.output_shape.members["Results"].member
    assert isinstance(shape, StructureShape)
    return shape


def _every(member: str, shape: StructureShape) -> Iterator[Mapping[str, Any]]:
    if member == _FEATURES:
        yield from metadata.every()
        return
    family = families()[member]
    for record in resources.every(member):
        yield answers.of_record(record, shape, family)


# --- conditions ------------------------------------------------------------------------------------


def _check(shape: StructureShape, expression: Mapping[str, Any], *names: str) -> None:
    """Refuses conditions on properties that a resource has not got."""
    asked = [*names, *(one["Name"] for one in expression.get("Filters", ()))]
    for nested in expression.get("NestedFilters", ()):
        asked += [nested["NestedPropertyName"], *(one["Name"] for one in nested["Filters"])]
    for name in asked:
        if name.partition(".")[0] not in (*shape.members, _METRICS, "LastModifiedTime"):
            raise invalid(f"Invalid property name: {name}.")
    for inside in expression.get("SubExpressions", ()):
        _check(shape, inside)


def _meets(record: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    """Without any condition everything is found."""
    results = [
        *(_fits(list(_values(record, one["Name"])), one) for one in expression.get("Filters", ())),
        *(_holds_one(record, one) for one in expression.get("NestedFilters", ())),
        *(_meets(record, one) for one in expression.get("SubExpressions", ())),
    ]
    return not results or (any(results) if expression.get("Operator") == "Or" else all(results))


def _holds_one(record: Mapping[str, Any], nested: Mapping[str, Any]) -> bool:
    """Whether one item of a list satisfies all of the filters."""
    name = nested["NestedPropertyName"]
    items = record.get(name)
    return any(
        all(
            _fits(list(_values(item, one["Name"].removeprefix(f"{name}."))), one) for one in nested["Filters"]
        )
        for item in (items if isinstance(items, list) else [items])
    )


def _values(value: Any, path: str) -> Iterator[Any]:
    """What a property is, through structures, maps and lists: several values, of several items."""
    if not path:
        yield from value if isinstance(value, list) else [value]
    elif isinstance(value, list):
        for item in value:
            named = [item.get(name) for name in _NAMED if name in item] if isinstance(item, Mapping) else []
            if path in named:
                yield item.get("Value")
            else:
                yield from _values(item, path)
    elif isinstance(value, Mapping):
        name, _, rest = path.partition(".")
        if name == _METRICS and "FinalMetricDataList" in value:
            yield from _values(value["FinalMetricDataList"], rest)
        elif path in value:  # a map's keys may have dots
            yield from _values(value[path], "")
        elif name in value:
            yield from _values(value[name], rest)


def _fits(found: list[Any], condition: Mapping[str, str]) -> bool:
    kind, value = condition.get("Operator", "Equals"), condition.get("Value", "")
    if kind in ("Exists", "NotExists"):
        return bool(found) == (kind == "Exists")
    if kind == "NotEquals":
        return not any(_equal(one, value) for one in found)
    if kind == "In":
        return any(_equal(one, each.strip()) for one in found for each in value.split(","))
    if kind == "Contains":
        return any(value.lower() in str(one).lower() for one in found)
    if kind in _ORDERED:
        limit = _number(value)
        if limit is None:
            raise invalid(f"{value} is neither a number nor a date and a time, as {kind} needs it.")
        return any(_ORDERED[kind](one, limit) for one in map(_number, found) if one is not None)
    return any(_equal(one, value) for one in found)


def _equal(found: Any, value: str) -> bool:
    if isinstance(found, bool):
        return str(found).lower() == value.lower()
    if isinstance(found, int | float):
        return found == _number(value)
    return bool(found == value)


def _number(value: Any) -> float | None:
    """A number, or a time in seconds since 1970; None of anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        at = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


def _place(record: Mapping[str, Any], by: str) -> tuple[bool, float, str]:
    """Numbers and times by their value, text by the alphabet."""
    found = next(_values(record, by), None)
    number = found if isinstance(found, int | float) else None
    return found is not None, number or 0.0, str(found)
