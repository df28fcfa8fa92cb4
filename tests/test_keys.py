"""`gatewright keys new`: a pair that works, and a private half that stays private."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import typer
import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from typer.testing import CliRunner, Result

from gateway_config.config import Gateway
from gateway_config.errors import UsageError
from gateway_config.problems import looks_like_credential
from infra import keys

# A pair takes a second or two to make: the tests share one.
PUBLIC, PRIVATE = keys.make_pair()


@pytest.fixture(autouse=True)
def quick_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.keys.make_pair", lambda: (PUBLIC, PRIVATE))


def run(*arguments: str) -> Result:
    app = typer.Typer()
    keys.register(app)
    return CliRunner().invoke(app, ["keys", "new", *arguments])


def test_the_private_half_opens_what_the_public_half_closed(tmp_path: Path) -> None:
    run("--private", str(tmp_path / "key.pem"))
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    public = serialization.load_pem_public_key(PUBLIC.encode())
    private = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    assert isinstance(public, RSAPublicKey)
    assert isinstance(private, RSAPrivateKey)
    assert private.decrypt(public.encrypt(b"a key of AES", oaep), oaep) == b"a key of AES"
    assert private.key_size == 4096


def test_what_is_printed_fits_into_gateway_yaml(tmp_path: Path) -> None:
    printed = yaml.safe_load(run("--private", str(tmp_path / "key.pem")).stdout)
    assert printed == {"gateway": {"logpush_public_key": PUBLIC}}
    assert Gateway(id="inference", **printed["gateway"]).logpush_public_key == PUBLIC
    assert not looks_like_credential(PUBLIC)


def test_the_private_half_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run("--private", str(tmp_path / "new" / "key.pem"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_private_half_is_never_printed(tmp_path: Path) -> None:
    for options in ([], ["--json"]):
        result = run("--private", str(tmp_path / f"{len(options)}.pem"), *options)
        assert result.exit_code == 0
        assert "PRIVATE" not in result.output
        assert PRIVATE.decode().splitlines()[5] not in result.output


def test_json_names_the_file(tmp_path: Path) -> None:
    told = json.loads(run("--private", str(tmp_path / "key.pem"), "--json").stdout)
    assert told == {"logpush_public_key": PUBLIC, "private_key_file": str(tmp_path / "key.pem")}


def test_without_a_name_it_lies_in_the_home_folder_by_its_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run("--stage", "prod")
    assert (tmp_path / ".gatewright" / "logpush-prod.pem").read_bytes() == PRIVATE


@pytest.mark.parametrize("git", ["folder", "file"])
def test_a_place_within_a_git_repository_is_refused(tmp_path: Path, git: str) -> None:
    (tmp_path / ".git").mkdir() if git == "folder" else (tmp_path / ".git").write_text("gitdir: elsewhere")
    result = run("--private", str(tmp_path / "deep" / "key.pem"))
    assert isinstance(result.exception, UsageError)
    assert f'lies within the git repository "{tmp_path}"' in str(result.exception)
    assert not (tmp_path / "deep").exists()


def test_a_link_into_a_repository_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "harmless").symlink_to(tmp_path / "repository")
    assert isinstance(run("--private", str(tmp_path / "harmless" / "key.pem")).exception, UsageError)


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("the only key to a year of logs")
    result = run("--private", str(tmp_path / "key.pem"))
    assert isinstance(result.exception, UsageError)
    assert (tmp_path / "key.pem").read_text() == "the only key to a year of logs"


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("--private", str(tmp_path / "file" / "key.pem"))
    assert isinstance(result.exception, UsageError)
    assert "cannot be written" in str(result.exception)
