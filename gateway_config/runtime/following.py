"""Living by the config that was deployed: read from where `up` published it, and followed.

A new one takes effect at once and as a whole, for the calls that begin after it. One that cannot be read, or is not
for this gateway, changes nothing: the last good one stays, and is said to be old.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from gateway_config.cloudflare.r2 import Bucket, Stored
from gateway_config.compiled import CompiledConfig
from gateway_config.errors import GatewrightError, UsageError
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import MissingSettingError
from gateway_config.runtime.facts import is_text
from gateway_config.runtime.forks import begins_in_child
from gateway_config.runtime.kinds.fitting import first_wrong
from gateway_config.runtime.settings import stage_of
from gateway_config.runtime.stores import bucket_of
from gateway_config.runtime.views import ConfigView

log = logging.getLogger("gatewright")
POLL_S = 30.0


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a config is published. Its keys are in no repr."""

    bucket: Bucket
    key: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Publication:
        """Of CLOUDFLARE_ACCOUNT_ID and GATEWRIGHT_CONFIG_BUCKET, _KEY, _TOKEN_ID, _TOKEN (that of `read-config`)."""
        key = environment.get("GATEWRIGHT_CONFIG_KEY") or f"{stage_of(environment)}.json"
        if not is_text(key):
            raise MissingSettingError("GATEWRIGHT_CONFIG_KEY is no text in UTF-8.")
        return cls(bucket_of("GATEWRIGHT_CONFIG", "reads the config", environment, timeout_s=10.0), key)

    def read(self) -> tuple[str, CompiledConfig]:
        """The ETag, and the config. Raises a GatewrightError for what is not there, or no config."""
        stored = self._stored(None)
        return stored.etag, parsed(stored.body, self.key)

    def newer(self, etag: str) -> tuple[str, CompiledConfig] | None:
        """The same, or None where the ETag is still that; nothing is sent or read again then."""
        stored = self._stored(Stored(b"", etag))
        return None if stored.etag == etag else (stored.etag, parsed(stored.body, self.key))

    def _stored(self, known: Stored | None) -> Stored:
        stored = self.bucket.get(self.key, known)
        if stored is None:
            raise UsageError(f'no config is published as "{self.key}". Run `gatewright up`, or check the bucket.')
        return stored


def parsed(body: bytes, name: str) -> CompiledConfig:
    """A published config, tried out: its graphs are read. Raises UsageError for what is none."""
    try:
        config = CompiledConfig.from_json(body)
        ConfigView(config)
    except (ValueError, GatewrightError) as error:
        wrong = first_wrong(error) if isinstance(error, ValidationError) else str(error).splitlines()[0]
        message = f'what is published as "{name}" is no config that this version reads: {wrong.rstrip(".")}.'
        raise UsageError(f"{message} Publish it again by a `gatewright up` of the same version.") from None
    return config


class Following:
    """Polls a publication in a thread of its own, as long as its client lives."""

    def __init__(self, core: Core, publication: Publication, etag: str, poll_s: float = POLL_S) -> None:
        self._core, self._publication, self._etag, self._poll_s = weakref.ref(core), publication, etag, poll_s
        self._read_at, self._complaint = time.monotonic(), ""
        self.begin_in_child()
        begins_in_child(self)
        self.go_on()

    def begin_in_child(self) -> None:
        """Does not look, until it goes on: the child of a fork has no threads of its parent."""
        self._starting, self._ended = threading.Lock(), threading.Event()
        self._ended.set()

    def go_on(self) -> None:
        """Looks from now on, in one thread."""
        if not self._ended.is_set():
            return
        with self._starting:
            if self._ended.is_set():
                ended = threading.Event()
                arguments = (weakref.ref(self), ended)
                threading.Thread(target=_polling, args=arguments, name="gatewright-config", daemon=True).start()
                self._ended = ended

    @property
    def pause_s(self) -> float:
        """Seconds until the next look; a little different each time, so that many clients do not look at once."""
        return self._poll_s * random.uniform(0.8, 1.2)

    def look(self) -> None:
        """Looks once, and adopts what is new. Never raises: what went wrong is said by `state`."""
        core = self._core()
        if core is None:
            self._ended.set()
            return
        try:
            newer = self._publication.newer(self._etag)
            if newer is not None:
                core.adopt(newer[1])
                self._etag = newer[0]
                log.info("config digest=%s adopted", newer[1].digest[:12])
            self._read_at, self._complaint = time.monotonic(), ""
        except Exception as error:  # whatever it is, the thread goes on looking
            said = str(error) if isinstance(error, GatewrightError) else f"{type(error).__name__}: {error}"
            if said != self._complaint:
                log.warning("config is not read, the last good one stays: %s", said)
            self._complaint = said

    @property
    def state(self) -> str:
        """In words, how old the knowledge is."""
        age_s = time.monotonic() - self._read_at
        if self._complaint:
            return f"the published config was last read {age_s:.0f} s ago; since then: {self._complaint}"
        return f"the published config, as it was {age_s:.0f} s ago"

    def end(self) -> None:
        """Looks no more."""
        self._ended.set()


def _polling(following: weakref.ref[Following], ended: threading.Event) -> None:
    while (own := following()) is not None:
        pause_s = own.pause_s
        del own  # while it waits, the thread must not keep its client alive
        if ended.wait(pause_s):
            return
        if (own := following()) is not None:
            own.look()
