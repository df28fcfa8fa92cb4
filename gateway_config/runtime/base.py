"""What `Client` and `AsyncClient` share, and how either is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Self

import gateway_config
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.core import Core
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import shown
from gateway_config.runtime.options import number_between
from gateway_config.runtime.settings import Settings, stage_of

# A client that is given its config needs none of these, and they take longer to import than all the rest.
if TYPE_CHECKING:
    from gateway_config.cloudflare.control_plane import ControlPlane
    from gateway_config.runtime.following import Following, Publication
    from gateway_config.runtime.verify import Finding


def config_of_files(directory: Path | str | None = None, stage: str | None = None) -> CompiledConfig:
    """The compiled config of YAML files: of `directory`, else of those beside this package.

    Raises ConfigError with every problem of the files.
    """
    from gateway_config.compile import compile_config
    from gateway_config.load import load

    folder = folder_of("the config", gateway_config.__path__[0] if directory is None else directory)
    return compile_config(load(folder, stage or stage_of()))


def folder_of(what: str, path: object) -> Path:
    """The folder that a caller names. Raises InputError for what names none."""
    if not isinstance(path, str | PathLike) or not str(path):
        raise InputError(f"{what}: a folder is a text or a Path that is not empty; found {shown(path)}.")
    return Path(path)


class Base:
    """A core, and perhaps a published config that it follows."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None,
        on_drift: Callable[[Drift], None] | None,
        records: Path | str | None,
        refuse_drift: bool,
    ) -> None:
        if not isinstance(config, CompiledConfig):
            raise InputError(f"a client is made with a compiled config, or by from_files(…); found {shown(config)}.")
        settings = Settings.from_environment() if settings is None else settings
        if not isinstance(settings, Settings):
            raise InputError(f"settings are made with Settings(…); found {type(settings).__name__}.")
        kept = settings.records if records is None else records
        folder = None if kept is None else folder_of("records", kept)
        self._core = Core(config, settings, on_drift, folder, refuse_drift)
        self._following: Following | None = None

    def __repr__(self) -> str:
        config = self.config
        return f"{type(self).__name__}({config.gateway_id!r}, config={config.digest[:12]!r}, {self._core.settings!r})"

    @property
    def config(self) -> CompiledConfig:
        """The config that the next call will use."""
        return self._core.view.config

    @property
    def config_state(self) -> str:
        """In words, where the config comes from, and how old the knowledge is."""
        return self._following.state if self._following is not None else "the config that the client was made with"

    @staticmethod
    def _published(publication: Publication | None) -> tuple[Publication, str, CompiledConfig]:
        """A publication, else that of the environment, with what is published there."""
        from gateway_config.runtime.following import Publication

        publication = Publication.from_environment() if publication is None else publication
        if not isinstance(publication, Publication):
            raise InputError(f"a publication is made by Publication.from_environment(); found {shown(publication)}.")
        return publication, *publication.read()

    def _follow(self, publication: Publication, etag: str, poll_s: float) -> Self:
        from gateway_config.runtime.following import Following

        self._following = Following(self._core, publication, etag, number_between("poll_s", poll_s, 0.01, 86_400))
        return self

    def _ended(self) -> None:
        """Looks for configs no more, and closes the segment of records."""
        if self._following is not None:
            self._following.end()
        self._core.close()

    def verify(self, api: ControlPlane) -> list[Finding]:
        """Compares the deployed routes with this config; `api` has a token that may read the gateway."""
        from gateway_config.runtime.verify import verify

        return verify(self.config, self._core.settings.account_id, api)

    @property
    def drift_counts(self) -> Mapping[tuple[str, str], int]:
        """How often which model answered a route that does not have it there: `{(route, model): count}`."""
        return dict(self._core.drift.counts)

    @property
    def lost_records(self) -> int:
        """How many records could not be written."""
        return self._core.ledger.lost if self._core.ledger is not None else 0

    def _go_on(self) -> None:
        """Follows the published config again, where `close` or a fork has ended that."""
        if self._following is not None:
            self._following.go_on()
