"""Versions go from one server to another in a signed archive: whole, once, and with their numbers."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from modelyard.cli import archives
from modelyard.domain import keys as signing
from tests.cli.conftest import CommandLine, register
from tests.conftest import Postgres
from tests.support import LEGACY, UNITY, Server, clean_environment

CHURN, FRAUD = "dev.ml_team.churn", "dev.ml_team.fraud"
MLMODEL = b"flavors: {}\nmodel_id: m-0123456789abcdef0123456789abcdef\n"
WEIGHTS = b"w" * 300_000


def write_keys(folder: Path, private: Any, name: str = "key") -> tuple[str, str]:  # noqa: ANN401  keys of any kind
    """The files of a private key and of its public key."""
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    secret, public = folder / f"{name}.pem", folder / f"{name}.pub"
    secret.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    public.write_bytes(
        private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    return str(secret), str(public)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    return write_keys(tmp_path, ed25519.Ed25519PrivateKey.generate())


@pytest.fixture
def other(start_server: Callable[..., Server], postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a second server, on PostgreSQL, with a schema of its own."""
    server = start_server(postgres.make(), "other")
    server.make_containers("dev.ml_team", "prod.sales")
    return CommandLine(server, monkeypatch)


@pytest.fixture
def origin(modelyard: CommandLine) -> CommandLine:
    """A server with two models, of which three of four versions are READY, and many files are equal."""
    server = modelyard.server
    server.make_containers("dev.ml_team")
    modelyard.do("models", "create", CHURN, "--comment", "Who leaves", "--tag", "team=ml")
    modelyard.do("models", "create", FRAUD)
    register(server, CHURN, MLmodel=MLMODEL, data__weights=WEIGHTS, empty=b"")
    with server.client() as admin:
        admin.post(f"{LEGACY}/model-versions/create", json={"name": CHURN, "source": "x"}).raise_for_status()
    register(server, CHURN, MLmodel=MLMODEL, data__weights=WEIGHTS + b"!", empty=b"")
    register(server, FRAUD, MLmodel=MLMODEL, data__weights=WEIGHTS)
    modelyard.do("versions", "set", CHURN, "3", "--comment", "Best of May", "--tag", "checked=yes")
    modelyard.do("aliases", "set", CHURN, "Champion", "3")
    return modelyard


def exported(origin: CommandLine, file: Path, key: str, *models: str) -> Path:
    origin.do("export", *(models or (CHURN, FRAUD)), "--key", key, "-o", str(file))
    return file


def uploads(server: Server) -> int:
    """How many files were sent to a server so far."""
    with server.client() as admin:
        asked = {"action": "keepFile", "max_results": 1000}
        return len(admin.get("/api/2.0/modelyard/audit", params=asked).raise_for_status().json()["events"])


def digests(at: CommandLine, model: str) -> dict[str, str]:
    with at.server.client() as admin:
        asked = {"filter": f"name = '{model}'"}
        found = admin.get(f"{LEGACY}/model-versions/search", params=asked).raise_for_status().json()["model_versions"]
        return {each["version"]: each["digest"] for each in found if each["status"] == "READY"}


def objects(server: Server) -> set[str]:
    return {path.name for path in (server.data / "blobs" / "objects").glob("*/*")}


def test_models_go_from_one_server_to_another(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0])
    assert archive.stat().st_mode & 0o777 == 0o600
    done = other.ask("import", str(archive), "--public-key", keys[1], "--aliases")
    assert [(each["model"], each["version"], each["status"]) for each in done] == [
        (CHURN, 1, "READY"), (CHURN, 3, "READY"), (FRAUD, 1, "READY"),
    ]  # fmt: skip
    for model in (CHURN, FRAUD):
        assert digests(other, model) == digests(origin, model)
    assert uploads(other.server) == 4, "equal bytes are sent once"
    model = other.ask("models", "get", CHURN)
    assert (model["comment"], model["tags"]) == ("Who leaves", [{"key": "team", "value": "ml"}])
    assert [(each["alias_name"], each["version_num"]) for each in model["aliases"]] == [("Champion", 3)]
    version = other.ask("versions", "get", CHURN, "3")
    assert (version["description"], version["tags"]) == ("Best of May", [{"key": "checked", "value": "yes"}])
    other.do("versions", "download", CHURN, "3", str(tmp_path / "there"))
    assert (tmp_path / "there" / "data" / "weights").read_bytes() == WEIGHTS + b"!"
    assert register(other.server, CHURN) == 4, "numbers go on after the highest"


def test_an_import_that_is_done_again_changes_and_sends_nothing(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0])
    other.do("import", str(archive), "--public-key", keys[1])
    before = (uploads(other.server), objects(other.server))
    done = other.ask("import", str(archive), "--public-key", keys[1])
    assert all(each["was_there"] for each in done)
    assert (uploads(other.server), objects(other.server)) == before


def test_what_does_not_belong_to_a_version_is_removed_before_it_is_finalized(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0], FRAUD)
    other.do("models", "create", FRAUD)
    [digest] = digests(origin, FRAUD).values()
    with other.server.client() as admin:
        announced = {"version": 1, "digest": digest}
        admin.post(f"/api/2.0/modelyard/models/{FRAUD}/versions/import", json=announced).raise_for_status()
        root = "/api/2.0/fs/files/Models/dev/ml_team/fraud/1"
        for path, content in (("é x", b"stray"), ("MLmodel", b"flavors: {other: 1}"), ("data/weights", WEIGHTS)):
            admin.put(f"{root}/{quote(path)}", content=content).raise_for_status()
    before = uploads(other.server)
    other.do("import", str(archive), "--public-key", keys[1])
    assert digests(other, FRAUD) == digests(origin, FRAUD)
    assert uploads(other.server) == before + 1, "the weights were there, and only MLmodel was another one"


def test_a_later_archive_sends_only_what_is_new(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    """Also into another schema, and with the left-out number 1 after the number 3."""
    third = exported(origin, tmp_path / "third.tar", keys[0], f"{CHURN}@champion")
    first = exported(origin, tmp_path / "first.tar", keys[0], f"{CHURN}@1")
    for archive in (third, first):
        other.do("import", str(archive), "--public-key", keys[1], "--into", "prod.sales")
    assert digests(other, "prod.sales.churn") == digests(origin, CHURN)
    assert uploads(other.server) == 4, "MLmodel, empty and two weights: what the third brought, the first need not"


def test_a_number_is_never_given_to_other_files(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    other.do("models", "create", CHURN)
    register(other.server, CHURN)
    archive = exported(origin, tmp_path / "models.tar", keys[0], CHURN)
    assert "Version 1 of" in other.refusal("import", str(archive), "--public-key", keys[1])
    other.do("versions", "delete", CHURN, "1")
    assert "was deleted" in other.refusal("import", str(archive), "--public-key", keys[1])


@pytest.mark.parametrize("after", [1, 9])
def test_an_import_that_was_killed_goes_on_where_it_stopped(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path, after: int
) -> None:
    many = {f"part_{number:02}": b"%d" % number * 1000 for number in range(15)}
    register(origin.server, FRAUD, MLmodel=MLMODEL, **many)
    archive = exported(origin, tmp_path / "many.tar", keys[0], f"{FRAUD}@2")
    command = [sys.executable, "-m", "modelyard", "import", str(archive), "--public-key", keys[1]]
    command += ["--data", str(other.server.data)]
    with subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while uploads(other.server) < after and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    sent = uploads(other.server)
    assert sent >= after
    other.server.kill()
    other.server.start()
    other.do("import", str(archive), "--public-key", keys[1])
    assert digests(other, FRAUD) == {"2": digests(origin, FRAUD)["2"]}
    assert uploads(other.server) <= 16 + 1, "only the file that was under way may have been sent twice"


def rewritten(archive: Path, change: Callable[[tarfile.TarInfo, bytes], bytes | None]) -> Path:
    """A copy of an archive, with members changed, or left out where it is None."""
    copy = archive.with_name("changed.tar")
    with tarfile.open(archive) as before, tarfile.open(copy, "w") as after:
        for member in before:
            content = before.extractfile(member)
            assert content is not None
            found = change(member, content.read())
            if found is not None:
                member.size = len(found)
                after.addfile(member, io.BytesIO(found))
    return copy


def flip(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1]) if content else content


def _in_manifest(member: tarfile.TarInfo, content: bytes) -> bytes:
    return content.replace(b"Best of May", b"Best of Mai") if member.name == "manifest.json" else content


def _in_signature(member: tarfile.TarInfo, content: bytes) -> bytes:
    told = json.loads(content) if member.name == "signature.json" else {}
    return json.dumps({**told, "sig": "AAAA" + told["sig"][4:]}).encode() if told else content


def _without_signature(member: tarfile.TarInfo, content: bytes) -> bytes | None:
    return None if member.name == "signature.json" else content


def _in_an_object(member: tarfile.TarInfo, content: bytes) -> bytes:
    return flip(content) if member.size == len(WEIGHTS) else content


def _a_longer_object(member: tarfile.TarInfo, content: bytes) -> bytes:
    return content + b"more" if member.size == len(WEIGHTS) else content


def _without_an_object(member: tarfile.TarInfo, content: bytes) -> bytes | None:
    return None if member.size == len(WEIGHTS) else content


def _with_a_stranger(member: tarfile.TarInfo, content: bytes) -> bytes:
    if member.size == len(WEIGHTS):
        member.name = "objects/../../etc/passwd"
    return content


CHANGES = (
    (_in_manifest, "was changed"),
    (_in_signature, "was changed"),
    (_without_signature, "no archive of models"),
    (_in_an_object, "not the one that was signed"),
    (_a_longer_object, "does not name"),
    (_without_an_object, "lacks 1 of its objects"),
    (_with_a_stranger, "does not name"),
)


def test_an_archive_that_was_changed_is_refused(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0], f"{CHURN}@1", f"{CHURN}@3")
    for change, says in CHANGES:
        changed = rewritten(archive, change)
        assert says in other.refusal("import", str(changed), "--public-key", keys[1])
        assert digests(other, CHURN).keys() <= {"3"}, "a version whose files are not those that were signed"
    other.do("import", str(archive), "--public-key", keys[1])
    assert digests(other, CHURN) == digests(origin, CHURN)


def test_an_archive_that_was_cut_short_is_refused(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0], FRAUD)
    whole = archive.read_bytes()
    for length in (0, 100, 2_000, len(whole) // 2):
        archive.write_bytes(whole[:length])
        other.refusal("import", str(archive), "--public-key", keys[1])
    assert digests(other, FRAUD) == {}


def test_an_archive_of_somebody_else_is_refused_before_anything_is_asked(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0])
    _, stranger = write_keys(tmp_path, ed25519.Ed25519PrivateKey.generate(), "stranger")
    assert "another key" in other.refusal("import", str(archive), "--public-key", stranger)
    assert other("models", "get", CHURN).status == 1


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_keys_of_elliptic_curves_sign_too(tmp_path: Path, curve: ec.EllipticCurve) -> None:
    secret, public = (Path(each) for each in write_keys(tmp_path, ec.generate_private_key(curve)))
    signature = signing.sign(signing.private_key(secret.read_bytes(), "it"), "a kind", b"words")
    key = signing.public_key(public.read_bytes(), "it")
    assert signing.is_signed(key, "a kind", b"words", signature)
    assert not signing.is_signed(key, "another kind", b"words", signature)
    assert not signing.is_signed(key, "a kind", b"other words", signature)
    assert not signing.is_signed(key, "a kind", b"words", "no base64")


def test_what_is_no_key_is_told(nowhere: CommandLine, tmp_path: Path) -> None:
    secret, public = write_keys(tmp_path, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    out = str(tmp_path / "out.tar")
    assert "another kind" in nowhere.refusal("export", CHURN, "--key", secret, "-o", out)
    assert "no private key" in nowhere.refusal("export", CHURN, "--key", public, "-o", out)
    assert "cannot be read" in nowhere.refusal("export", CHURN, "--key", out, "-o", out)
    assert "another kind" in nowhere.refusal("import", out, "--public-key", public)
    assert "no public key" in nowhere.refusal("import", out, "--public-key", secret)


def test_an_archive_never_takes_the_place_of_a_file(origin: CommandLine, keys: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "models.tar"
    file.write_text("mine")
    assert "already" in origin.refusal("export", FRAUD, "--key", keys[0], "-o", str(file))
    assert file.read_text() == "mine"
    file.unlink()
    assert "no version 2" in origin.refusal("export", f"{CHURN}@2", "--key", keys[0], "-o", str(file))
    assert not list(tmp_path.glob("*.tar*"))
    assert not list(tmp_path.glob(".*partial"))


def test_who_may_only_bring_versions_sends_everything_itself(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    archive = exported(origin, tmp_path / "models.tar", keys[0], FRAUD)
    other.do("models", "create", FRAUD)
    token = other.server.make_user("courier@example.com")
    assert "USE CATALOG" in other.refusal("import", str(archive), "--public-key", keys[1], token=token)
    other.server.grant("catalog", "dev", "courier@example.com", "USE_CATALOG", "USE_SCHEMA")
    assert "CREATE MODEL VERSION" in other.refusal("import", str(archive), "--public-key", keys[1], token=token)
    other.server.grant("function", FRAUD, "courier@example.com", "CREATE_MODEL_VERSION")
    other.do("import", str(archive), "--public-key", keys[1], token=token)
    assert digests(other, FRAUD) == digests(origin, FRAUD)


def test_two_models_of_one_name_do_not_become_one(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    origin.server.make_containers("lab.ml_team")
    origin.do("models", "create", "lab.ml_team.churn")
    register(origin.server, "lab.ml_team.churn")
    archive = exported(origin, tmp_path / "models.tar", keys[0], CHURN, "lab.ml_team.churn")
    refused = other.refusal("import", str(archive), "--public-key", keys[1], "--into", "prod.sales")
    assert "one name" in refused


def test_a_reference_to_a_version_of_the_other_server_is_none_to_ours(
    origin: CommandLine, other: CommandLine, keys: tuple[str, str], tmp_path: Path
) -> None:
    origin.do("promote", f"{CHURN}@1", FRAUD)
    archive = exported(origin, tmp_path / "models.tar", keys[0], f"{FRAUD}@2")
    other.do("import", str(archive), "--public-key", keys[1])
    assert other.ask("versions", "get", FRAUD, "2")["source"] == f"imported:models:/{CHURN}/1"
    with other.server.client() as admin:
        assert admin.get(f"{UNITY}/models/{CHURN}").status_code == 404


def test_no_object_is_held_in_memory(tmp_path: Path) -> None:
    """A quarter of a gibibyte goes through with less than 32 MiB in use."""
    script = tmp_path / "measure.py"
    script.write_text(
        "import hashlib, resource, sys\n"
        "from pathlib import Path\n"
        "from cryptography.hazmat.primitives.asymmetric import ed25519\n"
        "from modelyard.cli import archives, keys\n"
        "from modelyard.domain.files import Entry, digest\n"
        "size, piece = 1 << 28, bytes(1 << 20)\n"
        "told = hashlib.sha256()\n"
        "for _ in range(size >> 20): told.update(piece)\n"
        "sha = told.hexdigest()\n"
        "root = digest([Entry('MLmodel', is_directory=False, size=size, sha256=sha)])\n"
        "version = archives.Version(1, root, [archives.File('MLmodel', size, sha)])\n"
        "manifest = archives.Manifest(0, [archives.Model('a.b.c', [version])])\n"
        "key = ed25519.Ed25519PrivateKey.generate()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "archives.write(Path(sys.argv[1]), manifest, key, lambda _: (piece for _ in range(size >> 20)))\n"
        "with archives.opened(Path(sys.argv[1]), key.public_key()) as archive:\n"
        "    for _, read in archive.objects():\n"
        "        assert sum(map(len, read())) == size\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    told = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "big.tar")], capture_output=True, check=True, text=True
    )
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "big.tar").unlink()
    assert int(told.stdout) < 32 << 10
    assert archives.PIECE <= 1 << 20
