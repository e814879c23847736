"""Where the server listens: TLS, and nothing in the clear off loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelyard import config
from modelyard.errors import Invalid
from tests.support import Server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


def test_tls_is_spoken_where_a_certificate_is_set(
    start_server: Callable[..., Server], certificate: tuple[Path, Path]
) -> None:
    chain, secret = certificate
    trusting = ssl.create_default_context(cafile=chain)
    server = start_server(tls_certificate=str(chain), tls_key=str(secret))
    assert server.url.startswith("https://127.0.0.1:")
    answer = httpx.get(f"{server.url}/health", verify=trusting, trust_env=False)
    assert answer.json() == {"status": "ok"}


def test_plain_http_off_loopback_is_refused_unless_a_proxy_is_named() -> None:
    with pytest.raises(Invalid, match="would show tokens to the network"):
        config.load({"host": "0.0.0.0"}, {})  # noqa: S104  that is the point
    assert config.load({"host": "0.0.0.0"}, {"MODELYARD_TRUSTED_PROXIES": "10.0.0.4"}).host == "0.0.0.0"  # noqa: S104


def test_the_public_url_begins_signed_urls_and_its_host_is_allowed(start_server: Callable[..., Server]) -> None:
    server = start_server(public_url="https://models.example.com/")
    with server.client() as admin:
        answer = admin.get("/health", headers={"Host": "models.example.com"})
        assert answer.is_success
        assert admin.get("/health", headers={"Host": "other.example.com"}).status_code == 400


def test_settings_come_from_flags_then_variables_then_the_file(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text(f'port = 1\nhost = "::1"\ndata = "{tmp_path}"\nallowed_hosts = ["a", "b"]\n')
    told = config.load(
        {"port": 3}, {"MODELYARD_PORT": "2", "MODELYARD_HOST": "localhost", "MODELYARD_CONFIG": str(file)}
    )
    assert (told.port, told.host, told.data, told.allowed_hosts) == (3, "localhost", tmp_path, ("a", "b"))
    with pytest.raises(Invalid, match="colour"):
        config.load({"colour": "red"}, {})
