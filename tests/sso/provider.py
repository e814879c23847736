"""A small OpenID Connect provider in a process of its own, with real keys, that can be told to misbehave.

`POST /control` with a JSON object changes how it behaves until the next one, `GET /control` tells what it was asked.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID = "modelyard"
CLIENT_SECRET = "not-a-secret: only for tests/%"
HUGE = 8 << 20


@dataclass
class Key:
    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> dict[str, Any]:
        family = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        return {**family.to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}


def new_key(kind: str) -> Key:
    kid = secrets.token_hex(4)
    if kind == "ec":
        return Key(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))
    bits = 1024 if kind == "weak" else 2048
    return Key(kid, "RS256", rsa.generate_private_key(65537, bits))


@dataclass
class State:
    """What the provider knows; `says` is how it was told to behave."""

    keys: dict[str, Key] = field(default_factory=lambda: {kind: new_key(kind) for kind in ("rsa", "ec")})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    last_form: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: ClassVar[State] = State()

    def log_message(self, *_: object) -> None:
        """Nothing."""

    @property
    def issuer(self) -> str:
        return f"http://{self.headers['host']}"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.state.asked[url.path] += 1
        if self._misbehaves(url.path):
            return
        match url.path:
            case "/.well-known/openid-configuration":
                self._send({**self._metadata(), **self.state.says.get("metadata", {})})
            case "/jwks":
                told = self.state.says.get("published", list(self.state.keys))
                self._send({"keys": [self.state.keys[kind].public for kind in told]})
            case "/authorize":
                self._authorize({name: values[0] for name, values in parse_qs(url.query).items()})
            case "/userinfo":
                self._send({"sub": "anybody", **self.state.says.get("userinfo", {})})
            case _:
                self._send({"asked": self.state.asked, "last_form": self.state.last_form})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        self.state.asked[path] += 1
        if path == "/control":
            self.state.says = json.loads(body)
            if kind := self.state.says.get("rotate"):
                self.state.keys[kind] = new_key(kind)
            self._send({})
        elif not self._misbehaves(path):
            self._exchange(dict(parse_qsl(body.decode())))

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def _authorize(self, said: dict[str, str]) -> None:
        """Everybody is signed in at once: a person's password is not what is tested."""
        assert said["response_type"] == "code"
        assert said["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.state.codes[code] = said
        back = {"code": code, "state": said["state"], **self.state.says.get("answer", {})}
        self._send({}, 302, ("location", f"{said['redirect_uri']}?{urlencode(back)}"))

    def _exchange(self, form: dict[str, str]) -> None:
        self.state.last_form = form
        asked = self.state.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        fits = asked and asked["code_challenge"] == proof and asked["redirect_uri"] == form["redirect_uri"]
        if not asked or not fits or not self._is_client(form):
            self._send({"error": "invalid_grant", "error_description": "LEAK"}, 400)
            return
        self._send({"id_token": self._token(asked), "access_token": "at-123", "token_type": "Bearer"})

    def _is_client(self, form: dict[str, str]) -> bool:
        if "authorization" not in self.headers:
            return form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
        pair = base64.b64decode(self.headers["authorization"].partition(" ")[2]).decode()
        [(user, secret)] = parse_qsl(pair.replace(":", "=", 1))
        return (user, secret) == (CLIENT_ID, CLIENT_SECRET)

    def _token(self, asked: dict[str, str]) -> str:
        says, now = self.state.says, int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "anybody",
            "aud": asked["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "email": "anybody@example.com",
            "email_verified": True,
            **says.get("claims", {}),
        }
        claims = {name: value for name, value in claims.items() if name not in says.get("without", ())}
        key = self.state.keys[says.get("key", "rsa")]
        header = {"kid": says.get("kid", key.kid)}
        match says.get("algorithm", key.algorithm):
            case "none":
                return jwt.encode(claims, "", "none", header)
            case "HS256":
                return _with_the_public_key_as_secret(claims, key)
            case algorithm:
                token = jwt.encode(
                    claims, new_key("rsa").private if says.get("forged") else key.private, algorithm, header
                )
                return token if not says.get("garbled") else token[:-8] + "AAAAAAAA"

    def _misbehaves(self, path: str) -> bool:
        how = self.state.says.get(path)
        match how:
            case "redirect":
                self._send({}, 302, ("location", f"{self.issuer}/elsewhere"))
            case "huge":
                self._send(b"[" + b" " * HUGE + b"]")
            case "gzip":
                self._send(gzip.compress(b" " * HUGE), 200, ("content-encoding", "gzip"))
            case "slow":
                self._drip()
            case "broken":
                self._send(b"<html>")
            case "deep":
                self._send(b"[" * 100_000)
            case int():
                self._send({"error": "LEAK"}, how)
            case _:
                return False
        return True

    def _drip(self) -> None:
        """A byte at a time: each is in time, the whole never is."""
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def _send(self, answer: object, status: int = 200, *headers: tuple[str, str]) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            for name, value in (*headers, ("content-length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


def _with_the_public_key_as_secret(claims: dict[str, Any], key: Key) -> str:
    """The old trick: a verifier that believes the header takes the public key for an HMAC's."""
    pem = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    proof = hmac.new(pem, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(proof).rstrip(b"=")).decode()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201  the test that started it waits for this
    server.serve_forever()
