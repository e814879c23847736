"""`modelyard export`: versions of models, written into one signed archive."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from modelyard.cli import archives
from modelyard.cli.client import FILES, MLFLOW, OURS, Client
from modelyard.cli.options import MODELS, Server
from modelyard.cli.output import say
from modelyard.cli.progress import bytes_bar, counted
from modelyard.cli.promote import found_version
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.cli.archives import Manifest, Model, Version

_READY = "READY"


def export(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL[@VERSION]…", help="A model with all its versions, or a version or alias of it."),
    ],
    server: Server,
    key: Annotated[Path, typer.Option(metavar="PEM", help="The private key that signs: Ed25519 or ECDSA.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A new file.")],
) -> None:
    """Write versions of models, with their files, into one signed archive, for `modelyard import` elsewhere.

    Only versions that are READY are written. The archive is a tar file that is there once it is whole.

    Examples: `modelyard export prod.ml_team.churn --key key.pem -o churn.tar` ·
    `modelyard export dev.ml_team.churn@Champion dev.ml_team.fraud@3 --key key.pem -o both.tar`
    """
    from modelyard.cli import keys  # noqa: PLC0415  cryptography takes long to load, and few commands need it

    signer = keys.private_key(key)
    manifest = archives.Manifest(int(time.time() * 1000), [_model(server, *each) for each in _asked(server, models)])
    places = _places(manifest)
    sizes = manifest.sizes()
    with bytes_bar(sum(sizes.values())) as advance:
        archives.write(output, manifest, signer, lambda sha256: counted(server.pieces(places[sha256]), advance))
    versions = sum(len(model.versions) for model in manifest.models)
    say(f"{output} holds {versions} versions of {len(manifest.models)} models, with {len(sizes)} objects.")


def _asked(server: Client, models: list[str]) -> Iterable[tuple[str, set[int] | None]]:
    """Each model once, with the numbers that are asked for; None is all of them."""
    asked: dict[str, set[int] | None] = {}
    for said in models:
        if "@" not in said:
            asked[said] = None
            continue
        model, version = found_version(server, said)
        chosen = asked.setdefault(model, set())
        if chosen is not None:
            chosen.add(int(version))
    return asked.items()


def _model(server: Client, name: str, chosen: set[int] | None) -> Model:
    found = MODELS.get(server, name)
    listed = server.all(f"{MLFLOW}/model-versions/search", "model_versions", filter=f"name = '{name}'")
    ready = {int(each["version"]) for each in listed if each["status"] == _READY}
    if missing := (chosen or set()) - ready:
        raise Invalid(f"{name} has no version {min(missing)} that is READY.")
    numbers = sorted(ready if chosen is None else chosen)
    if not numbers:
        raise Invalid(f"{name} has no version that is READY.")
    aliases = {each["alias_name"]: each["version_num"] for each in found.get("aliases") or ()}
    return archives.Model(
        name=name,
        versions=[_version(server, name, number) for number in numbers],
        comment=found.get("comment") or "",
        tags=msgspec.convert(found.get("tags") or [], list[archives.Pair]),
        aliases={alias: number for alias, number in aliases.items() if number in numbers},
    )


def _version(server: Client, name: str, number: int) -> Version:
    """A version with all its files."""
    path = f"{OURS}/models/{quote(name, safe='')}/versions/{number}/manifest"
    page: dict[str, Any] = server.ask("GET", path)
    told = msgspec.convert(page, archives.Version)
    while token := page["next_page_token"]:
        page = server.ask("GET", path, page_token=token)
        told.files.extend(msgspec.convert(page["files"], list[archives.File]))
    return told


def _places(manifest: Manifest) -> dict[str, str]:
    """Where each object can be fetched: the first file that has its bytes."""
    places: dict[str, str] = {}
    for model in manifest.models:
        root = f"/Models/{model.name.replace('.', '/')}"
        for version in model.versions:
            for file in version.files:
                places.setdefault(file.sha256, f"{FILES}/files" + quote(f"{root}/{version.version}/{file.path}"))
    return places
