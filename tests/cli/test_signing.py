"""Models are signed and verified by Modelyard and by the OpenSSF's own tool, each of which takes the other's word."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_signing
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.cli.conftest import CommandLine, register, register_refused

MODEL = "prod.s.churn"
FILES = {"MLmodel": b"flavors: {}\n", "data__weights.bin": b"weights" * 1_000, "requirements.txt": b"numpy\n"}


class Keys:
    """The files of a key pair."""

    def __init__(self, folder: Path, curve: Any = None, name: str = "key") -> None:  # noqa: ANN401  a curve
        key = ec.generate_private_key(curve or ec.SECP256R1())
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub"
        write(self.private, self.public, key)


def write(private: Path, public: Path, key: Any) -> None:  # noqa: ANN401  a private key
    encoding, nothing = serialization.Encoding.PEM, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, nothing))
    public.write_bytes(key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "churn"
    for name, content in FILES.items():
        file = made / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return made


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    modelyard.server.make_containers("prod.s")
    modelyard.do("models", "create", MODEL)
    register(modelyard.server, MODEL, **FILES)
    return modelyard


def officially_signed(folder: Path, keys: Keys) -> Path:
    signature = folder.parent / "official.sig"
    model_signing.signing.Config().use_elliptic_key_signer(private_key=keys.private).sign(folder, signature)
    return signature


def officially_verified(folder: Path, signature: Path, keys: Keys) -> None:
    model_signing.verifying.Config().use_elliptic_key_verifier(public_key=keys.public).verify(folder, signature)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_each_takes_the_word_of_the_other(yard: CommandLine, folder: Path, tmp_path: Path, curve: Any) -> None:  # noqa: ANN401  a curve
    keys = Keys(tmp_path, curve)
    ours = tmp_path / "ours.sig"
    yard.do("sign", str(folder), "--key", str(keys.private), "-o", str(ours))
    officially_verified(folder, ours, keys)
    theirs = officially_signed(folder, keys)
    for target in (str(folder), f"{MODEL}@1"):
        for signature in (ours, theirs):
            yard.do("verify", target, "--key", str(keys.public), "--signature", str(signature))


def test_a_signature_is_kept_with_the_version(yard: CommandLine, folder: Path, tmp_path: Path) -> None:
    keys, others = Keys(tmp_path), Keys(tmp_path, name="other")
    assert "no signature by this key" in yard.refusal("verify", f"{MODEL}@1", "--key", str(keys.public))
    (kept,) = yard.ask("sign", f"{MODEL}@1", "--key", str(keys.private))
    yard.do("verify", f"{MODEL}@1", "--key", str(keys.public))
    assert yard.ask("sign", f"{MODEL}@1", "--key", str(keys.private)) == [kept], "the first one stays"
    assert len(yard.ask("sign", f"{MODEL}@1", "--key", str(others.private))) == 2
    signature = tmp_path / "kept.sig"
    signature.write_text(json.dumps(kept["bundle"]))
    officially_verified(folder, signature, keys)


def test_a_signature_of_the_official_tool_is_kept(yard: CommandLine, folder: Path, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    answer = add(yard, officially_signed(folder, keys).read_text(), keys)
    assert answer["signatures"][0]["added_by"] == "admin"


def add(yard: CommandLine, bundle: str, keys: Keys) -> dict[str, Any]:
    with yard.server.client() as admin:
        told = {"bundle": bundle, "public_key": keys.public.read_text()}
        return admin.post(f"/api/2.0/modelyard/models/{MODEL}/versions/1/signatures", json=told).json()


def change(folder: Path) -> None:
    (folder / "MLmodel").write_bytes(b"flavors: {x: 1}\n")


def remove(folder: Path) -> None:
    (folder / "requirements.txt").unlink()


def insert(folder: Path) -> None:
    (folder / "data" / "more").write_bytes(b"")


def rename(folder: Path) -> None:
    (folder / "MLmodel").rename(folder / "mlmodel")


TAMPERING: dict[Callable[[Path], None], str] = {
    change: "MLmodel was changed",
    remove: "requirements.txt is missing",
    insert: "data/more is not signed",
    rename: "mlmodel is not signed, MLmodel is missing",
}


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_other_files_are_refused_by_both(
    yard: CommandLine, folder: Path, tmp_path: Path, tamper: Callable[[Path], None]
) -> None:
    keys = Keys(tmp_path)
    signature = officially_signed(folder, keys)
    tamper(folder)
    with pytest.raises(ValueError, match="mismatch"):
        officially_verified(folder, signature, keys)
    told = ("verify", str(folder), "--key", str(keys.public), "--signature", str(signature))
    assert TAMPERING[tamper] in yard.refusal(*told)
    other = officially_signed(folder, keys).read_text()
    assert "is of other files" in add(yard, other, keys)["message"]


def test_what_does_not_hold_is_refused(yard: CommandLine, folder: Path, tmp_path: Path) -> None:
    keys, others = Keys(tmp_path), Keys(tmp_path, name="other")
    good = json.loads(officially_signed(folder, keys).read_text())
    assert "of another key" in add(yard, json.dumps(good), others)["message"]
    unhinted = json.loads(json.dumps(good))
    unhinted["verificationMaterial"]["publicKey"].pop("hint")
    assert "does not hold" in add(yard, json.dumps(unhinted), others)["message"]
    assert "signatures" in add(yard, json.dumps(unhinted), keys)
    statement = json.loads(base64.b64decode(good["dsseEnvelope"]["payload"]))
    statement["subject"][0]["name"] = "another"
    changed = json.loads(json.dumps(good))
    changed["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    assert "does not hold" in add(yard, json.dumps(changed), keys)["message"]
    for nonsense in ("", "{}", "[]", "[" * 100_000, json.dumps(good)[:-20], json.dumps({**good, "mediaType": "x"})):
        answer = add(yard, nonsense, keys)
        assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "at most" in add(yard, " " * (3 << 20) + json.dumps(good), keys)["message"]


def test_keys_that_cannot_sign_models_are_refused(yard: CommandLine, folder: Path, tmp_path: Path) -> None:
    private, public = tmp_path / "ed.pem", tmp_path / "ed.pub"
    write(private, public, ed25519.Ed25519PrivateKey.generate())
    assert "elliptic curves" in yard.refusal("sign", f"{MODEL}@1", "--key", str(private))
    assert "--output" in yard.refusal("sign", str(folder), "--key", str(Keys(tmp_path).private))


def test_a_version_that_waits_for_a_signature_is_ready_once_it_is_signed(yard: CommandLine, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    yard.do("admission", "set", "prod.s", "--signer", str(keys.public))
    number = register_refused(yard.server, MODEL, **FILES)
    (kept,) = yard.ask("quarantine", "list", "prod.s")
    assert "wants a signature" in kept["reasons"][0]
    yard.do("sign", f"{MODEL}@{number}", "--key", str(Keys(tmp_path, name="other").private))
    assert len(yard.ask("quarantine", "list", "prod.s")) == 1, "that was another key"
    yard.do("sign", f"{MODEL}@{number}", "--key", str(keys.private))
    assert yard.ask("quarantine", "list", "prod.s") == []
    assert yard.ask("card", MODEL, str(number))["status"] == "READY"
    yard.do("promote", f"{MODEL}@{number}", MODEL)
