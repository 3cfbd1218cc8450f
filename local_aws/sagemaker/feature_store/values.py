"""What a record may hold: types, times and sizes. Everything comes and goes as text.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-quotas.html
https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-collection-types.html
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.errors import ServiceError
from local_aws.sagemaker.feature_store.group import Feature, Group, seconds

LARGEST_RECORD = 350 * 1024
LARGEST_IDENTIFIER = 2 * 1024
"""Bytes."""

Values = dict[str, str | list[str]]
"""By feature; those without a value are not there."""

_INTEGRAL = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_FRACTIONAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Written:
    """A valid record."""

    identifier: str
    event: float
    """Seconds since 1970."""
    expires: float | None
    values: Values


def invalid(said: str) -> ServiceError:
    return ServiceError("ValidationError", f"Validation Error: {said}")


def written(group: Group, record: Sequence[Mapping[str, Any]], ttl: Mapping[str, Any] | None) -> Written:
    """A record that is put, checked. Raises `ServiceError`."""
    values = checked(group, record)
    for member, feature in (("record identifier", group.identifier), ("event time", group.event_time)):
        if feature not in values:
            raise invalid(f"The {member} feature {feature} must have a value.")
    identifier = check_identifier(group, str(values[group.identifier]))
    _check_size(values)
    event = event_seconds(group, str(values[group.event_time]))
    return Written(identifier, event, expiry(group, event, ttl), values)


def checked(group: Group, record: Sequence[Mapping[str, Any]]) -> Values:
    """The values of a request, each of its feature's type. Raises `ServiceError`."""
    values: Values = {}
    seen = set()
    for one in record:
        name = one["FeatureName"]
        if name in seen:
            raise invalid(f"The feature {name} is given more than once.")
        seen.add(name)
        value = _value(known(group, name), one.get("ValueAsString"), one.get("ValueAsStringList"))
        if value is not None:
            values[name] = value
    return values


def known(group: Group, name: str) -> Feature:
    try:
        return group.features[name]
    except KeyError:
        raise invalid(f"The feature {name} is not defined in the FeatureGroup {group.name}.") from None


def chosen(group: Group, names: Iterable[str] | None) -> list[str] | None:
    """The features that a request wants; None for all of them. Raises `ServiceError`."""
    return None if names is None else [known(group, name).name for name in names]


def check_identifier(group: Group, identifier: str) -> str:
    """Raises `ServiceError`."""
    if not identifier:
        raise invalid(f"The record identifier feature {group.identifier} must have a value.")
    if len(identifier.encode()) > LARGEST_IDENTIFIER:
        raise invalid(f"The size of a record identifier must not exceed {LARGEST_IDENTIFIER} bytes.")
    return str(_element(group.features[group.identifier], identifier))


def event_seconds(group: Group, text: str) -> float:
    """When an event was, in seconds since 1970. Raises `ServiceError`.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html
    """
    feature = group.features[group.event_time]
    try:
        if feature.type == "String":
            if not _ISO_8601.fullmatch(text):
                raise ValueError
            return datetime.datetime.fromisoformat(text).timestamp()
        moment = float(_element(feature, text))
        datetime.datetime.fromtimestamp(moment, datetime.UTC)
        return moment
    except (ValueError, OverflowError, OSError):
        wanted = (
            "an ISO-8601 string in the format yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ"
            if feature.type == "String"
            else "a Unix timestamp in seconds"
        )
        raise invalid(f"The event time {text} of the feature {feature.name} must be {wanted}.") from None


def expiry(group: Group, event: float, ttl: Mapping[str, Any] | None) -> float | None:
    """ExpiresAt = EventTime + TtlDuration: the record's own, or the group's.

    https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-time-to-live.html
    """
    lasts = seconds(ttl) if ttl else group.ttl_seconds
    if lasts is None:
        return None
    try:
        iso(event + lasts)
    except (ValueError, OverflowError, OSError):
        raise invalid("The record would expire after the year 9999: TtlDuration is too long.") from None
    return event + lasts


def event_text(feature_type: str, moment: float) -> str:
    """A time as an event time is written."""
    return iso(moment) if feature_type == "String" else repr(moment)


def iso(moment: float) -> str:
    at = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def _value(feature: Feature, text: str | None, texts: list[str] | None) -> str | list[str] | None:
    if feature.collection is None:
        if texts is not None:
            raise invalid(f"The feature {feature.name} is no collection: give its value as ValueAsString.")
        return None if text is None else _element(feature, text)
    if text is not None:
        raise invalid(f"The feature {feature.name} is a collection: give its values as ValueAsStringList.")
    if texts is None:
        return None
    elements = [_element(feature, one) for one in texts]
    if feature.collection == "Set":
        return list(dict.fromkeys(elements))
    if feature.collection == "Vector" and len(elements) != feature.dimension:
        raise invalid(
            f"The feature {feature.name} is a vector of {feature.dimension} elements, and {len(elements)} are"
            " given."
        )
    return elements


def _element(feature: Feature, text: str) -> str:
    if feature.type == "Integral":
        fits = _INTEGRAL.fullmatch(text) is not None and _LEAST <= int(text) <= _MOST
    elif feature.type == "Fractional":
        fits = _FRACTIONAL.fullmatch(text) is not None and math.isfinite(float(text))
    else:
        fits = True
    if not fits:
        raise invalid(f"The value {text} of the feature {feature.name} is not of the type {feature.type}.")
    return text


def _check_size(values: Values) -> None:
    size = sum(
        len(name.encode()) + sum(len(one.encode()) for one in (value if isinstance(value, list) else [value]))
        for name, value in values.items()
    )
    if size > LARGEST_RECORD:
        raise invalid(f"The size of a record must not exceed {LARGEST_RECORD} bytes, it is {size}.")
