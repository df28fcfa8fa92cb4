"""`gatewright:index:Route`: a dynamic route, edited in place by new versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import AlreadyExistsError, NotFoundError
from gateway_config.errors import GatewrightError, GraphError
from gateway_config.splits import explained_by_split, split_of
from gateway_config.wire import to_wire
from infra.provider.elements import digest_of_inputs, digest_of_wire, elements_of_wire, graph_of
from infra.provider.holds import HeldError, explanation, is_held
from infra.provider.resource import (
    Change,
    Complaint,
    Observed,
    PartialError,
    Properties,
    Resource,
    Tell,
    changed_keys,
    leaf_changes,
)
from infra.provider.route_names import RouteNames
from infra.provider.route_schema import ELEMENT, ROUTE
from infra.provider.routes_api import Elements, LiveRoute, Routes
from infra.provider.values import UNKNOWN, has_unknown


class TakenNameError(GatewrightError):
    """A route of this name exists, is not ours, and does something else."""


class Route(Resource):
    """A route by account, gateway and name; its id is `<account>/<gateway>/<route id>`."""

    token = "gatewright:index:Route"
    schema = ROUTE
    types = ELEMENT
    replace_on = frozenset({"accountId", "gatewayId", "name"})

    def __init__(self, control_plane: Callable[[], ControlPlane]) -> None:
        super().__init__(control_plane)
        self._names: dict[tuple[str, str], RouteNames] = {}

    def _names_in(self, account: str, gateway: str) -> RouteNames:
        # One for all threads: `setdefault` is one step.
        return self._names.setdefault((account, gateway), RouteNames())

    def check(self, inputs: Properties) -> Iterator[Complaint]:
        if not has_unknown(inputs["elements"]):
            yield from _graph_complaints(inputs)

    def diff(self, old: Properties, new: Properties, state: Properties) -> list[Change]:
        if old == new:
            return []
        # A name that the program still gives was changed by hand: it is given back, by the same route.
        by_hand = {"name"} if state.get("declaredName") == new.get("name") else set()
        tops = changed_keys(old, new, self.replace_on - by_hand)
        changes = [change for change in tops if change.path not in ("elements", "split")]
        if has_unknown(new.get("elements")):
            return [*changes, Change("elements", "update")]
        if digest_of_inputs(old) == digest_of_inputs(new):
            return changes
        split = list(leaf_changes("split", old.get("split") or {}, new.get("split") or {}))
        if split and _explained_by_split(old, new):
            return changes + split
        elements = leaf_changes("elements", old.get("elements") or {}, new.get("elements") or {})
        return [*changes, *split, *elements]

    def unsettled(self, state: Properties, new: Properties) -> list[Change]:
        """A hold ends where the config agrees with what is live."""
        return [Change("held", "delete")] if state.get("held") else []

    def caution(self, state: Properties, new: Properties) -> str | None:
        differs = state.get("graphDigest") != digest_of_inputs(new)
        return explanation(new["name"]) if state.get("held") and differs else None

    def plan(self, inputs: Properties, state: Properties) -> Properties:
        known = UNKNOWN if has_unknown(inputs["elements"]) else digest_of_inputs(inputs)
        if state and known == state.get("graphDigest"):
            return {key: state[key] for key in ROUTE["properties"] if key in state and key not in (*inputs, "held")}
        if not state and not has_unknown(inputs):
            self._require_free(inputs)
        made = dict.fromkeys(("versionId", "deploymentId", "versions"), UNKNOWN)
        same = {"routeId": state.get("routeId", UNKNOWN), "declaredName": inputs["name"]}
        return {**made, **same, "graphDigest": known}

    def _require_free(self, inputs: Properties) -> None:
        """What `up` would refuse is refused by the preview; one question for all new routes of a gateway."""
        account, gateway, name = inputs["accountId"], inputs["gatewayId"], inputs["name"]
        routes = Routes(self._control_plane(), account, gateway)
        try:
            live = _called(routes, self._names_in(account, gateway).find(routes, name), name)
        except NotFoundError:  # a new gateway
            return
        if live is not None:
            _take_in(live, digest_of_inputs(inputs), gateway, tell=lambda sentence: None)

    def observe(self, id: str, state: Properties) -> Observed | None:
        account, gateway, last = _parts(id)
        routes = Routes(self._control_plane(), account, gateway)
        live = routes.get(last)
        if live is None and not state and (found := routes.find(last)):
            live = routes.get(found)  # an import may name the route, whose id nobody knows by heart
        if live is None:
            return None
        return _observed(routes, account, gateway, live, state, _is_held(routes, live, state))

    def apply(self, inputs: Properties, id: str | None, state: Properties, tell: Tell) -> Observed:
        account, gateway, name = inputs["accountId"], inputs["gatewayId"], inputs["name"]
        routes = Routes(self._control_plane(), account, gateway)
        wire = to_wire(graph_of(inputs))
        # Observe, ensure
        if id:
            live = _named(routes, _present(routes, _parts(id)[2], name), name)
        else:
            live, state = _ensured(routes, self._names_in(account, gateway), inputs, tell)
        # Sync
        if digest_of_wire(live.elements) != digest_of_inputs(inputs):
            if _is_held(routes, live, state):
                raise HeldError(explanation(name))
            routes.deploy(live.id, _version(routes, live.id, wire))
            live = _present(routes, live.id, name)
        # Return
        declared = {**state, **inputs, "declaredName": name}
        return _as_declared(_observed(routes, account, gateway, live, declared), inputs)

    def delete(self, id: str, state: Properties, tell: Tell) -> None:
        account, gateway, route_id = _parts(id)
        Routes(self._control_plane(), account, gateway).delete(route_id)
        self._names_in(account, gateway).drop(route_id)


def _ensured(routes: Routes, names: RouteNames, inputs: Properties, tell: Tell) -> tuple[LiveRoute, Properties]:
    """The route of that name, made, or taken in where it does what ours does; and the state that it begins with."""
    name = inputs["name"]
    live = _called(routes, names.find(routes, name), name)
    if live is None:
        try:
            live = _present(routes, routes.create(name, to_wire(graph_of(inputs))), name)
        except AlreadyExistsError:
            # Somebody made it meanwhile, or a call of ours that was repeated had been carried out after all.
            live = _called(routes, routes.find(name), name)
            if live is None:
                raise
        else:
            names.keep(name, live.id)
            return live, {"versionId": live.version_id, "versions": 1}
    _take_in(live, digest_of_inputs(inputs), inputs["gatewayId"], tell)
    return live, {}


def _called(routes: Routes, id: str | None, name: str) -> LiveRoute | None:
    """The route of that id, unless it is gone, or has another name by now."""
    live = routes.get(id) if id else None
    return live if live and live.name == name else None


def _present(routes: Routes, route_id: str, name: str) -> LiveRoute:
    live = routes.get(route_id)
    if live is None:
        raise GatewrightError(f'route "{name}" disappeared meanwhile; run the same command again')
    return live


def _named(routes: Routes, live: LiveRoute, name: str) -> LiveRoute:
    """The route under its declared name, whatever it was called by hand."""
    if live.name == name:
        return live
    try:
        routes.rename(live.id, name)
    except AlreadyExistsError:
        raise TakenNameError(
            f'route "{name}" was renamed to "{live.name}" by hand, and another one is called "{name}" by now. '
            "Rename or delete that one in the dashboard, then run the same command again."
        ) from None
    return replace(live, name=name)


def _as_declared(observed: Observed, inputs: Properties) -> Observed:
    """Cloudflare drops properties it does not know without a word (facts 1.1): that is said, not believed."""
    if observed.outputs["graphDigest"] == digest_of_inputs(inputs):
        return observed
    elements = leaf_changes("elements", inputs["elements"], observed.inputs["elements"])
    places = ", ".join(change.path for change in elements)
    raise PartialError(observed, f"Cloudflare stored another graph than it was sent, other at {places}.")


def _take_in(live: LiveRoute, wanted: str, gateway: str, tell: Tell) -> None:
    """A route that is there already is ours only if it does what ours does."""
    if digest_of_wire(live.elements) != wanted:
        raise TakenNameError(
            f'gateway "{gateway}" has a route "{live.name}" already, which is not in this stack and does '
            f"something else. Run `gatewright import {live.name}` to take it in, or choose another name."
        )
    tell(f'route "{live.name}" was there already, with this very graph: taken in')


def _version(routes: Routes, route_id: str, wire: Elements) -> str:
    """The version to deploy: the newest stored one if it is ours (a killed `up` left it), else a new one."""
    stored = routes.versions(route_id)
    if stored and digest_of_wire(routes.version_elements(route_id, stored[0])) == digest_of_wire(wire):
        return stored[0].id
    return routes.write_version(route_id, wire)


def _is_held(routes: Routes, live: LiveRoute, state: Properties) -> bool:
    """One call less while nothing happened: only another live version is a reason to read the history.

    What is imported (no state) is as its owner wants it.
    """
    if state.get("versionId") == live.version_id:
        return bool(state.get("held"))
    return bool(state) and is_held(routes, live)


def _observed(
    routes: Routes, account: str, gateway: str, live: LiveRoute, state: Properties, held: bool = False
) -> Observed:
    seen = digest_of_wire(live.elements)
    # Cloudflare may name elements otherwise than we did: the same graph keeps our names.
    same = "elements" in state and digest_of_inputs(state) == seen
    elements = state["elements"] if same else elements_of_wire(live.elements)
    declared = state.get("declaredName", live.name)
    # The split is what the elements say, which takes as long to read as all the rest.
    known = state.get("split") if same and "declaredName" in state else None
    unchanged = state.get("versionId") == live.version_id
    versions = state["versions"] if unchanged else len(routes.versions(live.id))
    inputs = {
        "accountId": account,
        "gatewayId": gateway,
        "name": live.name,
        "elements": elements,
        "split": known if known is not None else _split(elements, declared),
    }
    outputs = {
        "routeId": live.id,
        "graphDigest": seen,
        "versionId": live.version_id,
        "deploymentId": live.deployment_id,
        "versions": versions,
        "held": held or None,
        "declaredName": declared,
    }
    kept = {key: value for key, value in inputs.items() if value is not None}
    return Observed(f"{account}/{gateway}/{live.id}", kept, outputs)


def _split(elements: Properties, name: str) -> dict[str, int] | None:
    try:
        return split_of(graph_of({"elements": elements}), name)
    except GraphError:
        return None


def _parts(id: str) -> tuple[str, str, str]:
    parts = id.split("/")
    if len(parts) != 3 or not all(parts):
        raise GatewrightError(f'the id of a route is "<account>/<gateway>/<route name or id>"; found "{id}"')
    return parts[0], parts[1], parts[2]


def _explained_by_split(old: Properties, new: Properties) -> bool:
    try:
        return explained_by_split(graph_of(old), graph_of(new))
    except GraphError:
        return False


def _graph_complaints(inputs: Properties) -> Iterator[Complaint]:
    try:
        graph = graph_of(inputs)
    except GraphError as error:
        yield Complaint("elements", str(error))
        return
    found = split_of(graph, str(inputs.get("name")))
    if inputs.get("split") is not None and inputs["split"] != found:
        yield Complaint("split", f"says {inputs['split']}, but the elements say {found}")
