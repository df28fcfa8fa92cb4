"""Fetches Pulumi's official release: download, published checksum, unpacking."""

import hashlib
import os
import platform
import tarfile
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tools.command import Progress, SetupError

RELEASES = "https://get.pulumi.com/releases/sdk"
TIMEOUT_S = 10.0
CHUNK_BYTES = 1 << 20
ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def provide(version: str, folder: Path) -> None:
    """Puts the release's executables into `folder`; raises SetupError with the reason it cannot.

    GATEWRIGHT_PULUMI_RELEASES names a mirror of https://get.pulumi.com/releases/sdk.
    """
    base = os.environ.get("GATEWRIGHT_PULUMI_RELEASES", RELEASES)
    name = f"pulumi-v{version}-{system()}.tar.gz"
    archive = folder / name
    try:
        digest = _download(f"{base}/{name}", archive)
        published = _checksum(f"{base}/pulumi-{version}-checksums.txt", name)
        if published not in (None, digest):
            raise SetupError(f"{name} does not match its published checksum")
        _unpack(archive, folder)
    except HTTPError as error:
        raise SetupError(f"{base} answers {error.code} for {name}") from error
    except (OSError, HTTPException) as error:
        raise SetupError(f"{base} could not be reached ({reason_of(error)})") from error
    except (tarfile.TarError, EOFError) as error:
        raise SetupError(f"{name} is not a whole archive") from error
    finally:
        archive.unlink(missing_ok=True)


def system() -> str:
    """This machine as Pulumi names it: linux-x64, darwin-arm64, …"""
    kernel, machine = platform.system().lower(), platform.machine().lower()
    if kernel not in ("linux", "darwin") or machine not in ARCHITECTURES:
        raise SetupError(f"Pulumi releases nothing for {kernel} on {machine}")
    return f"{kernel}-{ARCHITECTURES[machine]}"


def reason_of(error: BaseException) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause)


def _download(url: str, archive: Path) -> str:
    digest = hashlib.sha256()
    with (
        urlopen(url, timeout=TIMEOUT_S) as answer,
        archive.open("wb") as file,
        Progress("Pulumi's release") as progress,
    ):
        while chunk := answer.read(CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            progress.show(f"{file.tell() // CHUNK_BYTES} MiB")
    return digest.hexdigest()


def _checksum(url: str, name: str) -> str | None:
    """The SHA-256 published beside the release; None where it cannot be had, as on some mirrors."""
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:
            lines = answer.read().decode().splitlines()
    except URLError:
        print(f"{url} could not be read: {name} goes unchecked", flush=True)
        return None
    return next((line.split()[0] for line in lines if line.split()[1:] == [name]), None)


def _unpack(archive: Path, folder: Path) -> None:
    """Only plain files named pulumi…, all into one folder, whatever paths the archive has."""
    with tarfile.open(archive) as tar:
        for member in tar:
            target = folder / Path(member.name).name
            content = tar.extractfile(member) if target.name.startswith("pulumi") and member.isfile() else None
            if content is not None:
                target.write_bytes(content.read())
                target.chmod(0o755)
