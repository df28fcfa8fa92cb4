"""`gatewright keys new`: the key pair of log push. Cloudflare encrypts with one half, the other stays at home."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from gateway_config.commands.options import JsonOption, StageOption
from gateway_config.errors import UsageError
from infra.stage_options import require_stage

BITS = 4096
"""What Cloudflare's documentation uses; its public half fits into the 1,024 characters that a gateway takes."""

PrivateOption = Annotated[
    Path | None,
    typer.Option(
        "--private",
        metavar="FILE",
        help="Where the private half goes. Default: ~/.gatewright/logpush-<stage>.pem.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the group `keys`."""
    keys = typer.Typer(help="Keys for the encryption of pushed logs.", no_args_is_help=True)
    keys.command("new")(new)
    keys.callback()(lambda: None)  # a group stays a group although it has one command
    app.add_typer(keys, name="keys")


def new(private: PrivateOption = None, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Make a key pair for log push: print the public half, keep the private half outside of the repository.

    Cloudflare encrypts what people wrote with the public half; without the private one nobody can read those logs,
    so back it up where your secrets are. It is never printed, and a file that is there is never overwritten.

    \b
    Example: gatewright keys new --stage prod
    Exit codes: 0 fine, 2 the file exists, or lies within a git repository.
    """
    require_stage(stage)
    file = (private or Path.home() / ".gatewright" / f"logpush-{stage}.pem").expanduser().resolve()
    _require_private_place(file)
    public_pem, private_pem = make_pair()
    _write(file, private_pem)
    if as_json:
        typer.echo(json.dumps({"logpush_public_key": public_pem, "private_key_file": str(file)}, indent=2))
        return
    typer.echo(
        f"# into gateway.yaml\ngateway:\n  logpush_public_key: |\n{textwrap.indent(public_pem, '    ')}", nl=False
    )
    typer.echo(f"The private half is in {file}, readable by you alone. Back it up as a secret.", err=True)


def make_pair() -> tuple[str, bytes]:
    """A new RSA pair: the public half as PEM (SPKI), the private one as PEM (PKCS 8)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = serialization.Encoding.PEM
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    plain = serialization.NoEncryption()
    return public.decode(), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)


def _require_private_place(file: Path) -> None:
    """Nothing within a git work tree: what lies there ends up in a commit one day."""
    tree = next((folder for folder in file.parents if (folder / ".git").exists()), None)
    if tree is not None:
        raise UsageError(
            f'"{file}" lies within the git repository "{tree}", where a private key has no place. '
            "Name a file elsewhere with --private FILE."
        )


def _write(file: Path, private_pem: bytes) -> None:
    """Makes the file, for its owner alone from its first byte on. Raises UsageError where there is one already."""
    if file.is_dir():
        raise UsageError(f'"{file}" is a folder. Name a file in it with --private FILE.')
    if file.exists():
        raise UsageError(
            f'"{file}" exists already, and a key that logs were encrypted with is never overwritten. '
            "Name another file with --private FILE."
        )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        reason = error.strerror
        raise UsageError(f'"{file}" cannot be written: {reason}. Name another file with --private FILE.') from None
    with os.fdopen(handle, "wb") as opened:
        opened.write(private_pem)
