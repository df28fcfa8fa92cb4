"""The life of a route, rolling back among it."""

from __future__ import annotations

from gateway_config.graph import graph_digest
from gateway_config.wire import to_wire
from infra.provider.elements import digest_of_wire
from infra.rollback import RouteHistory
from tests.faults.case import Subject
from tests.faults.provider_life import STEPS, ProviderLife, told
from tests.route_given import ACCOUNT, GATEWAY, graph, inputs

FIRST, SECOND = graph(), graph(champion=80, challenger=20)


class RouteLife(ProviderLife):
    """A route with a split of 90/10, edited to 80/20."""

    token = "gatewright:index:Route"
    first, second = inputs(FIRST), inputs(SECOND)

    def set_up(self) -> None:
        self.past.make_gateway()

    def prepare(self, step: str) -> None:
        super().prepare("edit" if step == "rollback" else step)
        if step == "rollback":
            self.up(step)
            live, versions = self.past.live()["version"]["version_id"], self.past.versions()
            self.back_to = next(item["version_id"] for item in versions if item["version_id"] != live)

    def run(self, step: str) -> None:
        if step == "rollback":
            self._roll_back()
        else:
            super().run(step)

    def up(self, step: str) -> None:
        if step == "rollback" and hasattr(self, "back_to"):
            self._roll_back()
        else:
            super().up(step)

    def _roll_back(self) -> None:
        def act() -> None:
            history = RouteHistory(self.provider_api, ACCOUNT, GATEWAY, "chat")
            versions = history.versions({})
            if history.live.version_id != self.back_to:
                history.roll_back(versions, self.back_to)

        told(act)

    def edit_by_hand(self) -> None:
        self.past.deploy(self.past.write_version(to_wire(graph(timeout_ms=1234))))

    def import_id(self) -> str:
        return f"{ACCOUNT}/{GATEWAY}/chat"

    def wrong(self, step: str) -> str | None:
        names = [route["name"] for route in self.past.routes()]
        if names != ([] if step == "destroy" else ["chat"]):
            return f"the gateway has the routes {names}"
        if step == "destroy":
            return None
        wanted = {"edit": SECOND, "preview": graph(timeout_ms=1234)}.get(step, FIRST)
        if digest_of_wire(self.past.live()["version"]["data"]) != graph_digest(wanted):
            return "another graph is live"
        stored = {"create": 1, "import": 1, "refresh": 3}.get(step, 2)
        found = len(self.past.versions())
        return None if found == stored else f"{found} versions are stored, not {stored}"


ROUTE = Subject("Route", (*STEPS, "rollback"), RouteLife.begin)
