"""`/_emulator`: what no Cloudflare has.  No token is needed; nothing here is in the journal."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, fields
from typing import Any, TypeVar

from tests.emulator.assumptions import ASSUMPTIONS
from tests.emulator.clock import parse_timestamp
from tests.emulator.control.r2.objects import ObjectsInMemory
from tests.emulator.data.walk import Draw, Model, Rate, Walk, Walker, walk
from tests.emulator.faults import Fault
from tests.emulator.router import operation
from tests.emulator.state import UnreadableState, export_state, import_state
from tests.emulator.upstreams.programme import Programme
from tests.emulator.web import Call, MalformedBody, Reply, reply_json
from tests.emulator.world import World

Made = TypeVar("Made")
SOURCE = "this emulator"


def made_of(kind: type[Made], given: Any) -> Made:
    """A dataclass from a JSON object; raises MalformedBody that lists the fields there are."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(given.keys() - set(known)) if isinstance(given, dict) else [str(given)]
    if unknown:
        raise MalformedBody(f"unknown {unknown[0]!r}; a {kind.__name__.lower()} has {', '.join(known)}")
    from pydantic import TypeAdapter, ValidationError  # slow to import, seldom needed

    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise MalformedBody(str(error)) from error


@operation("GET", "/_emulator", "EMULATOR", SOURCE)
def status(world: World, call: Call) -> Reply:
    """Whether it is there, and how many requests it has seen."""
    return reply_json({"ready": True, "requests": len(world.journal), "seed": world.chance.seed})


@operation("GET", "/_emulator/journal", "EMULATOR", SOURCE)
def journal(world: World, call: Call) -> Reply:
    """The newest requests (`limit`, `path`), oldest first."""
    asked = call.query.get("limit", "100")
    if not asked.isdecimal():
        raise MalformedBody(f"limit must be a whole number, not {asked!r}")
    return reply_json({"requests": world.journal.read(int(asked), call.query.get("path", ""))})


@operation("GET", "/_emulator/state", "EMULATOR", SOURCE)
def get_state(world: World, call: Call) -> Reply:
    """All records, to be put back later."""
    return reply_json(export_state(world))


@operation("PUT", "/_emulator/state", "EMULATOR", SOURCE)
def put_state(world: World, call: Call) -> Reply:
    """Replace all records by exported ones."""
    try:
        import_state(world, call.json)
    except UnreadableState as error:
        raise MalformedBody(str(error)) from error
    return reply_json({"accounts": sorted(world.accounts)})


@operation("POST", "/_emulator/reset", "EMULATOR", SOURCE)
def reset(world: World, call: Call) -> Reply:
    """Forget everything."""
    world.reset()
    return reply_json({"reset": True})


@operation("POST", "/_emulator/seed", "EMULATOR", SOURCE)
def seed(world: World, call: Call) -> Reply:
    """Start chance anew: {"seed": 7}."""
    world.chance.reseed(_whole(call.json_object.get("seed"), "seed"))
    return reply_json({"seed": world.chance.seed})


@operation("POST", "/_emulator/draws", "EMULATOR", SOURCE)
def draws(world: World, call: Call) -> Reply:
    """What percentage elements draw next: {"draws": [0, 99, …]}."""
    wanted = call.json_object.get("draws")
    if not isinstance(wanted, list) or not all(isinstance(one, int) and 0 <= one <= 99 for one in wanted):
        raise MalformedBody('expected {"draws": [integers from 0 to 99]}')
    world.chance.inject(wanted)
    return reply_json({"injected": len(wanted)})


@operation("POST", "/_emulator/clock", "EMULATOR", SOURCE)
def clock(world: World, call: Call) -> Reply:
    """Move time: {"advance_s": 60}, {"stop": true}, {"stop": "2026-11-01T00:00:00Z"}, {"run": true}."""
    body = call.json_object
    try:
        if stop := body.get("stop"):
            world.clock.stop(None if stop is True else parse_timestamp(stop))
        world.clock.advance(float(body.get("advance_s", 0)))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise MalformedBody(f"the clock cannot do that: {error}") from error
    if body.get("run"):
        world.clock.run()
    return reply_json({"now": world.clock.timestamp()})


@operation("GET", "/_emulator/faults", "EMULATOR", SOURCE)
def list_faults(world: World, call: Call) -> Reply:
    """The faults in force."""
    return reply_json({"faults": [asdict(fault) for fault in world.faults.all]})


@operation("POST", "/_emulator/faults", "EMULATOR", SOURCE)
def add_fault(world: World, call: Call) -> Reply:
    """Let requests fail; the fields are those of faults.Fault, `path` is a shell pattern."""
    world.faults.all.append(made_of(Fault, call.json_object))
    return list_faults(world, call)


@operation("DELETE", "/_emulator/faults", "EMULATOR", SOURCE)
def clear_faults(world: World, call: Call) -> Reply:
    """No more faults."""
    world.faults.all.clear()
    return list_faults(world, call)


@operation("POST", "/_emulator/models", "EMULATOR", SOURCE)
def programme_model(world: World, call: Call) -> Reply:
    """How a model behaves: {"model": "@cf/…", "failures": [{"status": 500}], "answers": ["Yes."], …}."""
    given = dict(call.json_object)
    model = given.pop("model", None)
    if not isinstance(model, str):
        raise MalformedBody('expected {"model": "@cf/…", …}')
    world.programmes.set(model, made_of(Programme, given))
    return reply_json({"models": world.programmes.models()})


@operation("DELETE", "/_emulator/models", "EMULATOR", SOURCE)
def clear_models(world: World, call: Call) -> Reply:
    """All models behave as usual again."""
    world.programmes.reset()
    return reply_json({"models": []})


@operation("GET", "/_emulator/assumptions", "EMULATOR", SOURCE)
def list_assumptions(world: World, call: Call) -> Reply:
    """Every open question, its choices and the one in force."""
    known = [{**asdict(one), "chosen": world.assumes(one)} for one in ASSUMPTIONS.values()]
    return reply_json({"assumptions": known})


@operation("POST", "/_emulator/assumptions", "EMULATOR", SOURCE)
def switch_assumptions(world: World, call: Call) -> Reply:
    """Answer open questions differently: {"missing-key": "as-in-mongodb"}."""
    try:
        world.assumes.choose(call.json_object)
    except ValueError as error:
        raise MalformedBody(str(error)) from error
    return list_assumptions(world, call)


@operation("GET", "/_emulator/objects/{bucket}", "EMULATOR", SOURCE)
def list_objects(world: World, call: Call) -> Reply:
    """The keys in a bucket that is kept in memory."""
    return reply_json({"keys": sorted(_objects(world, call))})


@operation("GET", "/_emulator/objects/{bucket}/{key*}", "EMULATOR", SOURCE)
def get_object(world: World, call: Call) -> Reply:
    """An object of a bucket that is kept in memory, as it was written."""
    found = _objects(world, call).get(call.params["key"])
    if found is None:
        return reply_json({"error": "no such object"}, 404)
    return Reply(200, found, "application/octet-stream")


def _objects(world: World, call: Call) -> dict[str, bytes]:
    if not isinstance(world.objects, ObjectsInMemory):
        raise MalformedBody("the objects are in the S3 API that was named with --s3")
    return world.objects.by_bucket.get(call.params["bucket"], {})


@operation("POST", "/_emulator/walk", "EMULATOR", SOURCE)
def walk_elements(world: World, call: Call) -> Reply:
    """Walk a graph that is not stored: {elements, metadata, draws, failing, exhausted}."""
    body = call.json_object
    try:
        elements = {element["id"]: element for element in body["elements"]}
        walker = walk(elements, {"metadata": body.get("metadata", {})}, world.assumes)
        done = _answered(walker, deque(body.get("draws", ())), body)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MalformedBody(f"these elements cannot be walked: {error!r}") from error
    tried = [{"element": one.element, "provider": one.provider, "model": one.model} for one in done.tried]
    served = done.served.element if done.served else None
    return reply_json({"path": done.path, "tried": tried, "served": served})


def _answered(walker: Walker, draws: deque[int], body: dict[str, Any]) -> Walk:
    failing, exhausted = body.get("failing", ()), body.get("exhausted", ())
    try:
        question = next(walker)
        while True:
            match question:
                case Draw():
                    question = walker.send(draws.popleft())
                case Rate():
                    question = walker.send(question.element not in exhausted)
                case Model():
                    question = walker.send(question.model not in failing and question.element not in failing)
    except StopIteration as end:
        done: Walk = end.value
        return done


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedBody(f"{name} must be a whole number, not {value!r}")
    return value
