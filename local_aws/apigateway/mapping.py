"""What templates and parameter mappings of an integration see.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from local_aws.apigateway import vtl
from local_aws.apigateway.exchange import Exchange

_STEP = re.compile(r"\.\.?([A-Za-z_][\w-]*|\*)|\[(?:'([^']*)'|\"([^\"]*)\"|(-?\d+|\*))\]")


def scope(exchange: Exchange, body: str) -> vtl.Scope:
    """The variables of one template; what it sets of `$context` is there afterwards."""
    return {
        "context": _nested(exchange.context()) | {"requestOverride": {}, "responseOverride": {}},
        "input": _Input(exchange, body),
        "stageVariables": exchange.variables,
        "util": _Util(),
    }


class _Input(vtl.Bean):
    def __init__(self, exchange: Exchange, body: str) -> None:
        self.body = body
        self._exchange = exchange

    def json(self, path: str = "$") -> str:
        found = json_path(_read(self.body), path)
        return json.dumps("" if found is vtl.MISSING else found, separators=(",", ":"), ensure_ascii=False)

    def path(self, path: str = "$") -> Any:
        return json_path(_read(self.body), path)

    def params(self, name: str | None = None) -> Any:
        exchange = self._exchange
        kinds = {
            "path": exchange.path_parameters,
            "querystring": {key: values[-1] for key, values in exchange.query.items()},
            "header": exchange.headers,
        }
        if name is None:
            return kinds
        if name in kinds:
            return kinds[name]
        for values in kinds.values():
            for key, value in values.items():
                if key == name or (values is exchange.headers and key == name.lower()):
                    return value
        return ""


class _Util(vtl.Bean):
    def escapeJavaScript(self, text: Any) -> str:  # noqa: N802 - the name in templates
        return re.sub(
            r"[\\\"'/\b\f\n\r\t]|[^\x20-\x7e]",
            lambda found: _ESCAPES.get(found[0]) or "".join(f"\\u{unit:04X}" for unit in _units(found[0])),
            vtl.text(text),
        )

    def parseJson(self, text: str) -> Any:  # noqa: N802 - the name in templates
        try:
            return json.loads(text)
        except ValueError as error:
            raise vtl.TemplateError(f"parseJson: {error}") from error

    def urlEncode(self, text: Any) -> str:  # noqa: N802 - the name in templates
        return urllib.parse.quote_plus(vtl.text(text), safe="*").replace("~", "%7E")

    def urlDecode(self, text: Any) -> str:  # noqa: N802 - the name in templates
        return urllib.parse.unquote_plus(vtl.text(text))

    def base64Encode(self, text: Any) -> str:  # noqa: N802 - the name in templates
        return base64.b64encode(vtl.text(text).encode()).decode()

    def base64Decode(self, text: Any) -> str:  # noqa: N802 - the name in templates
        return base64.b64decode(vtl.text(text)).decode("utf-8", "replace")


_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "'": "\\'",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def _units(char: str) -> list[int]:
    raw = char.encode("utf-16-be")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body if body else {}


def json_path(value: Any, path: str) -> Any:
    """The part of a JSON value at a path: names, indexes, `*`, and names at any depth (`..name`)."""
    rest = path.strip()
    if not rest.startswith("$"):
        rest = f"$.{rest}"
    found, at, many = [value], 1, False
    while at < len(rest):
        step = _STEP.match(rest, at)
        if not step:
            return vtl.MISSING
        deep = step[0].startswith("..")
        name = step[1] or step[2] or step[3]
        index = step[4]
        candidates = [each for one in found for each in _everything(one)] if deep else found
        found = [each for one in candidates for each in _children(one, name, index)]
        many = many or deep or "*" in (name, index)
        at = step.end()
    if many:
        return found
    return found[0] if found else vtl.MISSING


def _children(value: Any, name: str | None, index: str | None) -> list[Any]:
    if "*" in (name, index):
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    place = int(index or 0)
    return [value[place]] if isinstance(value, list) and -len(value) <= place < len(value) else []


def _everything(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(each for one in inner for each in _everything(one))]


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        holder = nested
        for part in path:
            holder = holder.setdefault(part, {})
        holder[last] = value
    return nested


def request_parameter(source: Any, exchange: Exchange) -> str | None:
    """The value that an integration's request parameter is mapped from."""
    if not isinstance(source, str):
        return None
    if len(source) >= 2 and source[0] == source[-1] == "'":
        return source[1:-1]
    root, _, name = source.partition(".")
    if root == "stageVariables":
        return exchange.variables.get(name)
    if root == "context":
        value = exchange.context().get(name)
        return None if value is None else str(value)
    kind, _, key = name.removeprefix("request.").partition(".")
    if kind == "header":
        return exchange.headers.get(key.lower())
    if kind == "multivalueheader":
        return ",".join(exchange.many_headers.get(key.lower(), ())) or None
    if kind == "querystring":
        return exchange.query.get(key, [None])[-1]
    if kind == "multivaluequerystring":
        return ",".join(exchange.query.get(key, ())) or None
    if kind == "path":
        return exchange.path_parameters.get(key)
    if kind == "body":
        text = exchange.body.decode("utf-8", "replace")
        found = json_path(_read(text), f"${'.' + key if key else ''}")
        return None if found is vtl.MISSING else vtl.text(found)
    return None


def response_parameter(source: Any, exchange: Exchange, headers: Mapping[str, Any], body: str) -> Any:
    """The value that a header of the answer is mapped from."""
    if isinstance(source, str) and source.startswith("integration.response."):
        kind, _, key = source.removeprefix("integration.response.").partition(".")
        if kind in ("header", "multivalueheader"):
            return next((value for name, value in headers.items() if name.lower() == key.lower()), None)
        if kind == "body":
            found = json_path(_read(body), f"${'.' + key if key else ''}")
            return None if found is vtl.MISSING else vtl.text(found)
        return None
    return request_parameter(source, exchange)
