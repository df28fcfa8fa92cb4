"""`/accounts/{account}/r2`."""

from __future__ import annotations

import re
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import refusal, result
from tests.emulator.control.r2.models import DEFAULT_LOCATION, Bucket, Buckets
from tests.emulator.control.r2.objects import ObjectsUnreachable
from tests.emulator.control.tokens.models import Tokens, digest_of
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import Check, Field, any_of, boolean, list_of, number, object_of, one_of, text
from tests.emulator.web import Call, Refusal, Reply, reply_json
from tests.emulator.world import World

R2 = "/client/v4/accounts/{account}/r2"
BUCKETS = f"{R2}/buckets"
BUCKET = f"{BUCKETS}/{{bucket}}"
READ = ("Workers R2 Storage Read", "Workers R2 Storage Write")
WRITE = ("Workers R2 Storage Write",)

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
LOCATIONS = ("apac", "eeur", "enam", "weur", "wnam", "oc")
JURISDICTIONS = ("default", "eu", "fedramp")
MOST_TTL_S = 7 * 24 * 3600
PERMISSIONS = ("admin-read-write", "admin-read-only", "object-read-write", "object-read-only")
FULL_BUCKET = assumption(
    "delete-full-bucket", "What happens to DELETE of a bucket with objects?", "409/10008", "allowed"
)

age = object_of({"type": Field(one_of("Age"), True), "maxAge": Field(number(0), True)})
date = object_of({"type": Field(one_of("Date"), True), "date": Field(text(10), True)})


def _transition(**more: Field) -> Field:
    return Field(object_of({"condition": Field(any_of(age, date)), **more}))


lifecycle_rule: Check = object_of(
    {
        "id": Field(text(1), True),
        "enabled": Field(boolean, True),
        "conditions": Field(object_of({"prefix": Field(text(), True)}), True),
        "deleteObjectsTransition": _transition(),
        "abortMultipartUploadsTransition": Field(object_of({"condition": Field(age)})),
        "storageClassTransitions": Field(
            list_of(object_of({"condition": Field(any_of(age, date), True), "storageClass": Field(text(1), True)}))
        ),
    }
)


@operation("POST", BUCKETS, "LIVE", "distilled patches of R2", WRITE)
async def create_bucket(world: World, call: Call) -> Reply:
    """Create a bucket."""
    body, name = call.json_object, call.json_object.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise refusal(400, 10005, "The specified bucket name is not valid.")
    buckets = world.of(call.params["account"], Buckets)
    if buckets.get(_jurisdiction(call), name):
        raise refusal(409, 10004, "The bucket you tried to create already exists, and you own it.")
    hint, storage = body.get("locationHint", DEFAULT_LOCATION), body.get("storageClass", "Standard")
    if str(hint).lower() not in LOCATIONS or storage not in ("Standard", "InfrequentAccess"):
        raise refusal(400, 10006, "locationHint or storageClass is not valid.")
    bucket = Bucket(name, _jurisdiction(call), str(hint).lower(), storage, world.clock.timestamp())
    await _reached(world.objects.make_bucket(name))
    buckets.add(bucket)
    return result(bucket.as_dict(world))


@operation("GET", BUCKETS, "LIVE", "distilled patches of R2", READ)
def list_buckets(world: World, call: Call) -> Reply:
    """List buckets: inside `result.buckets`, paged by cursor."""
    found = sorted(
        (one for one in world.of(call.params["account"], Buckets).all.values() if _is_asked_for(call, one)),
        key=lambda one: one.name,
        reverse=call.query.get("direction") == "desc",
    )
    size = int(call.query["per_page"]) if call.query.get("per_page", "").isdecimal() else 20
    after = call.query.get("cursor", "")
    rest = [one for one in found if not after or one.name > after]
    shown = rest[: max(1, min(size, 1000))]
    info = {"per_page": size, "cursor": shown[-1].name if len(rest) > len(shown) else ""}
    body = {"result": {"buckets": [one.as_dict(world) for one in shown]}, "result_info": info}
    return reply_json({**body, "success": True, "errors": [], "messages": []})


@operation("GET", BUCKET, "LIVE", "distilled patches of R2", READ)
def get_bucket(world: World, call: Call) -> Reply:
    """Get one bucket."""
    return result(_bucket_at(world, call).as_dict(world))


@operation("PATCH", BUCKET, "SDK", "r2.buckets.edit", WRITE)
def edit_bucket(world: World, call: Call) -> Reply:
    """Change the storage class; it comes as the header cf-r2-storage-class."""
    bucket = _bucket_at(world, call)
    storage = call.headers.get("cf-r2-storage-class", bucket.storage_class)
    if storage not in ("Standard", "InfrequentAccess"):
        raise refusal(400, 10006, "storage class is not valid.")
    bucket.storage_class = storage
    return result(bucket.as_dict(world))


@operation("DELETE", BUCKET, "LIVE", "distilled patches of R2", WRITE)
async def delete_bucket(world: World, call: Call) -> Reply:
    """Delete a bucket, if nothing is in it."""
    bucket = _bucket_at(world, call)
    dropped = await _reached(world.objects.drop_bucket(bucket.name))
    if not dropped and world.assumes(FULL_BUCKET) != "allowed":
        raise refusal(409, 10008, "The bucket you tried to delete is not empty.")
    world.of(call.params["account"], Buckets).drop(bucket)
    return result({})


@operation("GET", f"{BUCKET}/lifecycle", "SDK", "r2.buckets.lifecycle", READ)
def get_lifecycle(world: World, call: Call) -> Reply:
    """The lifecycle rules of a bucket."""
    return result({"rules": _bucket_at(world, call).rules})


@operation("PUT", f"{BUCKET}/lifecycle", "SDK", "r2.buckets.lifecycle", WRITE)
def put_lifecycle(world: World, call: Call) -> Reply:
    """Replace the lifecycle rules of a bucket."""
    bucket = _bucket_at(world, call)
    rules = call.json_object.get("rules", [])
    wrong = list(list_of(lifecycle_rule, most=1000)(rules, ("rules",)))
    if wrong:
        path, message = wrong[0]
        raise refusal(400, 10040, f"{'.'.join(map(str, path))}: {message}")
    bucket.rules = rules
    return result({})


@operation("POST", f"{R2}/temp-access-credentials", "DOC", "r2/reference/data-location", WRITE)
def create_temporary_credentials(world: World, call: Call) -> Reply:
    """S3 credentials that end by themselves, within the rights of a parent token."""
    body = call.json_object
    parent = world.of(call.params["account"], Tokens).all.get(str(body.get("parentAccessKeyId")))
    ttl = body.get("ttlSeconds")
    if body.get("permission") not in PERMISSIONS or not isinstance(body.get("bucket"), str):
        raise refusal(400, 10001, "bucket, permission, parentAccessKeyId and ttlSeconds are required.")
    if not isinstance(ttl, int | float) or not 0 < ttl <= MOST_TTL_S:
        raise refusal(400, 10001, "ttlSeconds must be from 1 to 604800.")
    if parent is None or not parent.bucket_access(call.params["account"], body["bucket"]):
        raise refusal(403, 10003, "The parent access key has no access to this bucket.")
    value = world.chance.secret()
    keys = {"accessKeyId": world.chance.hex_id(), "secretAccessKey": digest_of(value)}
    return result({**keys, "sessionToken": value})


def _is_asked_for(call: Call, bucket: Bucket) -> bool:
    return bucket.jurisdiction == _jurisdiction(call) and call.query.get("name_contains", "") in bucket.name


@behaviour(
    "buckets of a jurisdiction are named by the header cf-r2-jurisdiction",
    "DOC",
    "distilled patches of R2",
)
def _jurisdiction(call: Call) -> str:
    named = call.headers.get("cf-r2-jurisdiction", "default")
    if named not in JURISDICTIONS:
        raise refusal(400, 10001, f"{named} is not a jurisdiction.")
    return named


def _bucket_at(world: World, call: Call) -> Bucket:
    bucket = world.of(call.params["account"], Buckets).get(_jurisdiction(call), call.params["bucket"])
    if bucket is None:
        raise refusal(404, 10006, "The specified bucket does not exist.")
    return bucket


async def _reached(doing: Any) -> Any:
    """What the object store says; refused in the emulator's own words where it cannot be reached."""
    try:
        return await doing
    except ObjectsUnreachable as error:
        raise _unreachable(error) from error


def _unreachable(error: ObjectsUnreachable) -> Refusal:
    return refusal(502, 10001, f"this emulator cannot reach its S3 API: {error}")
