"""What looks like an attack to the plain cases, and what does not."""

from __future__ import annotations

import pytest

from local_aws.wafv2 import patterns
from local_aws.wafv2.managed import APPROXIMATE, GROUPS
from local_aws.wafv2.request import transformed


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "%3Cscript%3E",
        "%253Cscript%253E",
        "&lt;script&gt;",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>".replace("/", " "),
        "javascript:alert(1)",
        '" onfocus=alert(1) autofocus="',
    ],
)
def test_scripts_are_found(text: str) -> None:
    assert patterns.xss(text.encode())


@pytest.mark.parametrize(
    "text",
    ["a < b and c > d", "the script of a play", "https://example.com/onload", '{"instances": [[1, 2]]}'],
)
def test_plain_texts_are_no_scripts(text: str) -> None:
    assert not patterns.xss(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "1' OR '1'='1",
        "1 or 1=1",
        "x'; DROP TABLE users",
        "1 UNION ALL SELECT name FROM users",
        "1/**/union/**/select/**/1",
        "admin'--",
        "1; WAITFOR DELAY '0:0:5'",
        "pg_sleep(5)",
    ],
)
def test_injections_are_found(text: str) -> None:
    assert patterns.sqli(text.encode())


@pytest.mark.parametrize(
    "text",
    ["O'Brien", "a union of select members", "1 or 2", "drop me a line", "it's 5 o'clock", "select a colour"],
)
def test_plain_texts_are_no_injections(text: str) -> None:
    assert not patterns.sqli(text.encode())


def test_a_closing_quote_is_one_to_those_who_are_sensitive() -> None:
    assert not patterns.sqli(b"name'")
    assert patterns.sqli(b"name'", sensitive=True)


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("BASE64_DECODE", b"ZXZpbA==", b"evil"),
        ("BASE64_DECODE", b"not base64!", b"not base64!"),
        ("CMD_LINE", b'C^at  /etc,  "x"', b"cat/etc x"),
        ("COMPRESS_WHITE_SPACE", b"a \t\n b", b"a b"),
        ("ESCAPE_SEQ_DECODE", b"\\x41\\102\\n", b"AB\n"),
        ("HEX_DECODE", b"6576696c", b"evil"),
        ("HTML_ENTITY_DECODE", b"&lt;b&#62;", b"<b>"),
        ("LOWERCASE", b"EVIL", b"evil"),
        ("NORMALIZE_PATH", b"/a/./b/../c", b"/a/c"),
        ("NORMALIZE_PATH_WIN", b"\\a\\..\\c", b"/c"),
        ("REMOVE_NULLS", b"e\0vil", b"evil"),
        ("REPLACE_COMMENTS", b"a/* b */c", b"a c"),
        ("SQL_HEX_DECODE", b"0x4142", b"AB"),
        ("URL_DECODE", b"%41+b", b"A b"),
        ("URL_DECODE_UNI", b"%u0041", b"A"),
    ],
)
def test_a_transformation_uncovers_what_is_hidden(kind: str, text: bytes, found: bytes) -> None:
    assert transformed(text, [{"Priority": 0, "Type": kind}]) == found


def test_every_managed_group_says_what_it_matches_here() -> None:
    assert GROUPS.keys() == APPROXIMATE.keys()
