"""Tokens of a stage that its state does not know: an `up` made one, and the answer with its value was lost.

Such a token is valid, and nobody has its value. Cloudflare never tells it again, so the token cannot be taken in: it is
removed where it is certain whose it is, else told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway_config.cloudflare.control_plane import BASE_URL, ControlPlane
from gateway_config.cloudflare.errors import NotFoundError
from gateway_config.errors import GatewrightError
from infra.resources import TOKEN_TYPE
from infra.settings import Settings
from infra.state import State
from infra.tokens import token_name

NEAR = timedelta(minutes=10)
"""How far the making of a token may lie from the moment at which the engine was cut short in it."""
_PER_PAGE = 50  # more than that is refused for tokens


@dataclass(frozen=True, slots=True)
class UnknownToken:
    """A token with a name of ours, and the engine's name for what would have made it."""

    id: str
    name: str
    resource: str
    issued_on: str
    last_used_on: str | None

    def was_cut_short(self, state: State) -> bool:
        """Whether the run that was killed made it: while it was at that very token, and nobody used it since."""
        if f"creating {self.resource}" not in state.interrupted or state.saved_at is None or self.last_used_on:
            return False
        return abs(datetime.fromisoformat(self.issued_on) - datetime.fromisoformat(state.saved_at)) < NEAR


class Leftovers:
    """The tokens of a stage at Cloudflare, next to those in its state."""

    def __init__(self, api: ControlPlane, settings: Settings, gateway_id: str) -> None:
        self._api, self._settings, self._gateway_id = api, settings, gateway_id

    def unknown(self, state: State) -> list[UnknownToken]:
        """Those that are named as this stage's, and are not in the state. One call for fifty tokens of the account."""
        if not self._settings.tokens:
            return []
        return [token for token in self._named() if token.id not in state.ids]

    def _named(self) -> Iterator[UnknownToken]:
        ours = re.compile(re.escape(token_name(self._gateway_id, "")) + r"([a-z-]+) (\d+)")
        for token in self._api.pages(self._path, "tokens", per_page=_PER_PAGE):
            if named := ours.fullmatch(token["name"]):
                resource = f"token-{named[1]}-{named[2]}"
                yield UnknownToken(
                    token["id"], token["name"], resource, token["issued_on"], token.get("last_used_on") or None
                )

    @property
    def _path(self) -> str:
        return f"/accounts/{self._settings.account}/tokens"

    def settled_before(self, state: State) -> tuple[frozenset[str], list[str]]:
        """Removes what a killed run made; the ids of all others, and what there is to tell."""
        kept, said = [], []
        for token in self.unknown(state):
            if token.was_cut_short(state):
                said.append(self._removed(token))
            else:
                kept.append(token.id)
                said.append(self.told(token))
        return frozenset(kept), said

    def settled_after(self, state: State, before: frozenset[str]) -> list[str]:
        """Removes what the run that has just ended made in vain: it was not there, and its create has failed.

        Where the create has succeeded in the end, another one could be somebody else's: that is told.
        """
        new = [token for token in self.unknown(state) if token.id not in before]
        failed = [token for token in new if (TOKEN_TYPE, token.resource) not in state.resources]
        return [self._removed(token) if token in failed else self.told(token) for token in new]

    def told(self, token: UnknownToken) -> str:
        """What it is, and how it is removed by hand."""
        used = f"last used on {token.last_used_on}" if token.last_used_on else "never used"
        return (
            f'token "{token.name}" ({token.id}, made on {token.issued_on}, {used}) is not in this stack. A run whose '
            "answer was lost made it, or a stack whose state you do not have. If nobody uses it, remove it: "
            f'curl -X DELETE -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" {BASE_URL}{self._path}/{token.id}'
        )

    def _removed(self, token: UnknownToken) -> str:
        try:
            with suppress(NotFoundError):
                self._api.delete(f"{self._path}/{token.id}")
        except GatewrightError as error:
            return f"{self.told(token)} ({error})"
        return f'removed token "{token.name}" ({token.id}): a run made it, and its value, told once, was lost'
