"""Who calls a deployed API, each in their own way, over HTTP that is sent as it is written."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support.identity import REGION, Somebody


@dataclass(frozen=True)
class Said:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of the problem that it is."""
        return str(self.json["type"].rpartition(":")[2])


def exchange(
    url: str, ca: Path, method: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Said:
    """One request; its path is not put in order before it is sent."""
    place = urlsplit(url)
    target = url[len(f"{place.scheme}://{place.netloc}") :]
    trust = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection(place.netloc, timeout=60, context=trust)
    try:
        given = {"Content-Length": str(len(body)), **(headers or {})}
        connection.putrequest(method, target, skip_host="Host" in given, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Said(response.status, found, response.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Caller:
    """Somebody with what they show: a key, a token, or the credentials that they sign with."""

    url: str
    ca: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    signing: Somebody | None = None

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Said:
        sent = {**self.headers, **(headers or {})}
        if self.signing is not None:
            sent = signed(self.signing, method, self.url + path, body, sent)
        return exchange(self.url + path, self.ca, method, body, sent)

    def with_(self, **headers: str) -> Caller:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})


def signed(
    who: Somebody,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    region: str = REGION,
    service: str = "execute-api",
) -> dict[str, str]:
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    SigV4Auth(Credentials(who.access_key, who.secret, who.token), service, region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


@dataclass(frozen=True)
class Tokens:
    """What the user pool's domain answers."""

    where: str
    ca: Path

    def _post(self, path: str, form: Mapping[str, str]) -> Said:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return exchange(self.where + path, self.ca, "POST", urlencode(form).encode(), kind)

    def program(self, client: Mapping[str, str], *models: str) -> str:
        """By default for all models that it may ask; also for other scopes, which have a slash."""
        scopes = [each if "/" in each else f"models/{each}" for each in models]
        scope = {"scope": " ".join(scopes)} if scopes else {}
        said = self._post(
            "/oauth2/token",
            {
                "grant_type": "client_credentials",
                "client_id": client["client_id"],
                "client_secret": client["client_secret"],
                **scope,
            },
        )
        assert said.status == 200, said
        return str(said.json["access_token"])

    def person(self, client_id: str, name: str, password: str, back: str, *scopes: str) -> dict[str, str]:
        """Signs in on the page, with a code and a proof."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": back,
            "scope": " ".join(scopes),
            "state": "here",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        sent = self._post("/login", {**asked, "username": name, "password": password})
        assert sent.status == 302, sent
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        exchanged = self._post(
            "/oauth2/token",
            {
                "grant_type": "authorization_code",
                "client_id": client_id,
                "redirect_uri": back,
                "code": code,
                "code_verifier": verifier,
            },
        )
        assert exchanged.status == 200, exchanged
        return dict(exchanged.json)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and claims."""
    header, claims, _ = token.split(".")
    return json.loads(_bytes(header)), json.loads(_bytes(claims))


def forged(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    text = ".".join(_text(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_text(signature)}"


def by_the_pool(key_file: Path, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token that the pool itself has signed."""
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    unsigned = forged(header, claims).rpartition(".")[0]
    return f"{unsigned}.{_text(key.sign(unsigned.encode(), PKCS1v15(), SHA256()))}"


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
