"""The routes of a gateway by name, listed once: without, the first `up` of n routes would list n routes n times."""

from __future__ import annotations

import threading

from infra.provider.routes_api import Routes


class RouteNames:
    """What one run knows of one gateway's routes. Others may change them meanwhile, so it is a hint, never proof.

    Safe for use by several threads; those that come while the list is on its way wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, str] | None = None

    def find(self, routes: Routes, name: str) -> str | None:
        """The id of the route of that name; the first question lists them all."""
        with self._lock:
            if self._ids is None:
                self._ids = routes.names()
            return self._ids.get(name)

    def keep(self, name: str, id: str) -> None:
        """A route that is there now."""
        with self._lock:
            if self._ids is not None:
                self._ids[name] = id

    def drop(self, id: str) -> None:
        """A route that is gone."""
        with self._lock:
            self._ids = self._ids and {name: other for name, other in self._ids.items() if other != id}
