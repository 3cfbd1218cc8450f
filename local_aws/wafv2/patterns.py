"""What looks like an attack: the plain cases. AWS's own patterns are not public, and know far more.

Texts are compared after the decoding that hides most attacks: percent signs (twice), entities, comments.
"""

from __future__ import annotations

import html
import re
import urllib.parse

_XSS = re.compile(
    r"<\s*script\b|</\s*script|<[^>]*\son[a-z]{3,}\s*=|[\"']\s*on(?:load|error|click|focus|mouse\w+)\s*="
    r"|(?:java|vb)script\s*:|<\s*(?:iframe|object|embed|applet|meta|base)\b|\bsrcdoc\s*=|\bexpression\s*\("
    r"|data\s*:\s*text/html|document\s*\.\s*(?:cookie|write|location)"
)
_SQL = (
    r"[\"')]\s*(?:or|and|\|\||&&)\s+.{0,40}?(?:=|<|>|\blike\b|\bis\b)"
    r"|\b(?:or|and)\s+(\d+)\s*=\s*\1\b"
    r"|\bunion\b\s+(?:all\s+|distinct\s+)?select\b"
    r"|;\s*(?:drop|delete|insert|update|alter|create|truncate|shutdown|exec(?:ute)?)\b"
    r"|\b(?:sleep|benchmark|pg_sleep|load_file|extractvalue|updatexml)\s*\("
    r"|\bwaitfor\s+delay\b|\binto\s+(?:out|dump)file\b|\binformation_schema\b|\bxp_cmdshell\b"
    r"|[\"']\s*(?:--|#|/\*)"
    r"|\bselect\b.{1,80}\bfrom\b.{1,80}(?:\bwhere\b|--|;|')"
)
_SQLI = re.compile(_SQL, re.DOTALL)
_SQLI_SENSITIVE = re.compile(rf"{_SQL}|[\"'];?\s*$", re.DOTALL)
_TRAVERSAL = re.compile(
    r"(?:^|[/\\=])\.\.(?:[/\\]|$)|/etc/(?:passwd|shadow|group|hosts)\b|/proc/self/|boot\.ini|win\.ini"
)
_REMOTE_FILE = re.compile(r"(?:https?|ftps?|file)://\d{1,3}(?:\.\d{1,3}){3}")
_METADATA = re.compile(r"169\.254\.169\.254|2852039166|0xa9fea9fe|\[?fd00:ec2::254")
_LOG4J = re.compile(r"\$\{\s*(?:jndi|[^}]*\$\{[^}]*\})\s*:?", re.DOTALL)
_JAVA_OBJECT = re.compile(
    r"\(?runtime\)?\.getruntime\(\)\.exec|java\.lang\.(?:runtime|processbuilder)|class\.module\.classloader"
    r"|ac[\s\S]?ed[\s\S]?00[\s\S]?05|ro0abx"
)
_EXTENSION = re.compile(
    r"\.(?:bak|backup|bat|cmd|conf|config|dat|dll|ini|log|mdb|old|pwd|sql|sys|tmp)(?:$|[?&;/])"
)
_SCANNER = re.compile(
    r"nessus|nmap|nikto|sqlmap|zgrab|masscan|acunetix|netsparker|dirbuster|gobuster|wpscan|w3af|havij|openvas"
)
_EXPLOITABLE_PATH = re.compile(
    r"/\.env\b|/\.git/|web-inf|/\.aws/|/cgi-bin/|/wp-config|/phpunit/|/actuator/gateway"
)
_ADMIN_PATH = re.compile(r"/(?:wp-)?admin(?:istrator)?\b|sqlmanager|phpmyadmin|pgadmin|adminer")


def _plain(text: bytes) -> str:
    decoded = text.decode("utf-8", "replace")
    for _ in range(2):
        decoded = urllib.parse.unquote_plus(decoded)
    decoded = html.unescape(decoded).replace("\0", "")
    return decoded.lower()


def xss(text: bytes) -> bool:
    return _XSS.search(_plain(text)) is not None


def sqli(text: bytes, *, sensitive: bool = False) -> bool:
    """`sensitive`: a text that merely ends in a quote is one, too."""
    plain = re.sub(r"/\*.*?\*/", " ", _plain(text), flags=re.DOTALL)
    return (_SQLI_SENSITIVE if sensitive else _SQLI).search(plain) is not None


def traversal(text: bytes) -> bool:
    return _TRAVERSAL.search(_plain(text)) is not None


def remote_file(text: bytes) -> bool:
    return _REMOTE_FILE.search(_plain(text)) is not None


def metadata_service(text: bytes) -> bool:
    return _METADATA.search(_plain(text)) is not None


def log4j(text: bytes) -> bool:
    return _LOG4J.search(_plain(text)) is not None


def java_object(text: bytes) -> bool:
    return _JAVA_OBJECT.search(_plain(text)) is not None


def restricted_extension(text: bytes) -> bool:
    return _EXTENSION.search(_plain(text)) is not None


def scanner(text: bytes) -> bool:
    return _SCANNER.search(_plain(text)) is not None


def exploitable_path(text: bytes) -> bool:
    return _EXPLOITABLE_PATH.search(_plain(text)) is not None


def admin_path(text: bytes) -> bool:
    return _ADMIN_PATH.search(_plain(text)) is not None
