"""`modelyard sign` and `modelyard verify`: signatures of models, in folders and on the server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import say, show
from modelyard.cli.progress import bytes_bar
from modelyard.cli.promote import found_version
from modelyard.cli.written import new_file
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COLUMNS: Final = ("key=key_id", "added=added_at", "by=added_by")
_PIECE: Final = 1 << 20
_NOT_SIGNED: Final = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
"""What the OpenSSF's tool leaves out of a folder, too."""

Target = Annotated[str, typer.Argument(metavar="FOLDER|MODEL@VERSION", help="A folder, or a version on the server.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(sign)
    app.command()(verify)


def sign(
    target: Target,
    server: Server,
    key: Annotated[Path, typer.Option(metavar="PEM", help="The private key, on an elliptic curve. It stays here.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file, for a folder's signature.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign all files of a model, as the OpenSSF's model signing does; its verifier takes what this writes.

    The signature of a version is kept on the server, with your public key's id.

    Examples: `modelyard sign prod.ml_team.churn@7 --key release.pem` ·
    `modelyard sign ./model --key release.pem -o model.sig`
    """
    from modelyard.cli import keys  # noqa: PLC0415  cryptography takes long to load, and few commands need it
    from modelyard.domain import keys as signing_keys  # noqa: PLC0415  as above
    from modelyard.domain import signing  # noqa: PLC0415  as above

    private = keys.private_key(key)
    folder = Path(target)
    if folder.is_dir():
        if output is None:
            raise Invalid("say where to write the signature of a folder, with --output.")
        with new_file(output) as out:
            out.write(signing.sign(private, folder.resolve().name, _files_in(folder)))
        say(f"{output} is the signature of {target}.")
        return
    path, files = _version(server, target)
    bundle = signing.sign(private, target.partition("@")[0], files).decode()
    public = signing_keys.pem_of(private.public_key())
    found = server.ask("POST", f"{path}/signatures", bundle=bundle, public_key=public)
    show(found["signatures"], as_json=as_json, columns=_COLUMNS)


def verify(
    target: Target,
    server: Server,
    key: Annotated[Path, typer.Option(metavar="PEM", help="The public key of who must have signed.")],
    signature: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The signature; for a version, if the server has none.")
    ] = None,
) -> None:
    """Verify that a key has signed just the files of a folder or a version; the exit code is 1 if it has not.

    Examples: `modelyard verify prod.ml_team.churn@7 --key release.pub` ·
    `modelyard verify ./model --key release.pub --signature model.sig`
    """
    from modelyard.cli import keys  # noqa: PLC0415  as above
    from modelyard.domain import signing  # noqa: PLC0415  as above

    public = keys.public_key(key)
    folder = Path(target)
    if folder.is_dir():
        bundle, files = _read(signature or folder / signing.SIGNATURE_FILE), _files_in(folder)
    else:
        path, files = _version(server, target)
        bundle = _read(signature) if signature else _kept(server, path, public)
    signing.verify(bundle, public, files)
    say(f"{target} is signed by this key: {len(files)} files.")


def _kept(server: Client, path: str, public: Any) -> bytes:  # noqa: ANN401  a PublicKey, whose module is loaded late
    """The signature of a version that the server keeps for a key."""
    from modelyard.domain import keys  # noqa: PLC0415  as above

    found = server.ask("GET", f"{path}/signatures")["signatures"]
    mine = next((each for each in found if each["key_id"] == keys.name(public)), None)
    if mine is None:
        raise Failure(f"no signature by this key is kept; {len(found)} others are.")
    return json.dumps(mine["bundle"]).encode()


def _version(server: Client, target: str) -> tuple[str, dict[str, str]]:
    """The path of a version on the server, and its files with their hashes."""
    model, number = found_version(server, target)
    path = f"{OURS}/models/{quote(model, safe='')}/versions/{number}"
    files: dict[str, str] = {}
    token = None
    while token is None or token:
        page = server.ask("GET", f"{path}/manifest", page_token=token)
        files |= {each["path"]: each["sha256"] for each in page["files"]}
        token = page["next_page_token"] or ""
    return path, files


def _files_in(folder: Path) -> dict[str, str]:
    """The files of a folder, with their hashes."""
    found = sorted(_walk(folder))
    with bytes_bar(sum(path.stat().st_size for path in found)) as advance:
        return {path.relative_to(folder).as_posix(): _sha256(path, advance) for path in found}


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0] in _NOT_SIGNED:
            continue
        if path.is_symlink():
            raise Invalid(f"{path} is a link, which a signature cannot cover; put the file in its place.")
        if path.is_file():
            yield path


def _sha256(path: Path, advance: Callable[[int], None]) -> str:
    told = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            told.update(piece)
            advance(len(piece))
    return told.hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}. Name the --signature.") from None
