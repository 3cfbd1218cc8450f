"""The function that AWS runs for `GET /` of an API: the page, whoever asks.

Environment: SETTINGS (see `page.Settings.parse`); where the services are elsewhere, AWS_ENDPOINT_URL, which
then is where people sign in.

Called twice, it answers twice the same: it reads nothing and keeps nothing.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from functools import cache

from web_page.page import Page, Settings, page

_FOLDER = __file__.rpartition("/")[0]


def handler(event: object, context: object) -> dict[str, object]:
    """Answers an event of a REST API's proxy integration (payload 1.0).

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    del context
    fields = _mapping(event)
    headers = {str(name).lower(): str(value) for name, value in _mapping(fields.get("headers")).items()}
    made = _page()
    answer = dict(made.headers) | {"ETag": made.tag}
    if made.tag in headers.get("if-none-match", ""):
        return {"statusCode": 304, "headers": answer, "body": "", "isBase64Encoded": False}
    if "gzip" in headers.get("accept-encoding", "").lower():
        answer["Content-Encoding"] = "gzip"
        body = base64.b64encode(made.compressed).decode()
        return {"statusCode": 200, "headers": answer, "body": body, "isBase64Encoded": True}
    return {"statusCode": 200, "headers": answer, "body": made.body.decode(), "isBase64Encoded": False}


@cache
def _page() -> Page:
    settings = Settings.parse(os.environ["SETTINGS"])
    elsewhere = os.environ.get("AWS_ENDPOINT_URL")
    if elsewhere and settings.sign_in_url:
        settings = settings._replace(sign_in_url=elsewhere.rstrip("/"))
    return page(_text("page.html"), _text("page.css"), _text("page.js"), settings)


def _text(file_name: str) -> str:
    with open(f"{_FOLDER}/{file_name}", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 5 ms
        return file.read()


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, dict) else {}
