"""`/accounts/{account}/logpush`."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import problem, refusal, refuse, result
from tests.emulator.control.logpush.filters import passes
from tests.emulator.control.logpush.models import DATASET, MOST_JOBS, Destination, Job, Jobs
from tests.emulator.control.logpush.records import upload
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import (
    Check,
    Field,
    any_of,
    boolean,
    list_of,
    nullable,
    number,
    object_of,
    one_of,
    text,
)
from tests.emulator.web import Call, Reply, reply_json
from tests.emulator.world import World

LOGPUSH = "/client/v4/accounts/{account}/logpush"
JOBS = f"{LOGPUSH}/jobs"
JOB = f"{JOBS}/{{job}}"
READ = ("Logs Read", "Logs Write")
WRITE = ("Logs Write",)

FILTERS = assumption("logpush-filter", "Does this dataset take a filter?", "applied", "refused")
PAID = assumption(
    "logpush-allowed", "May this account create an ai_gateway_events job by API?", "allowed", "exceeded-max-jobs"
)


def _zero_or(least: int, most: int) -> Check:
    return nullable(any_of(number(least, most), number(0, 0)))


options = object_of(
    {
        "output_type": Field(one_of("ndjson", "csv")),
        "field_names": Field(list_of(text(1))),
        "timestamp_format": Field(one_of("unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns")),
        "sample_rate": Field(number(above=0, most=1, whole=False)),
    }
)
FIELDS = {
    "name": Field(nullable(text(0, 512)), default=""),
    "dataset": Field(text(1), default="http_requests"),
    "enabled": Field(boolean, default=False),
    "kind": Field(one_of("", "edge"), default=""),
    "destination_conf": Field(text(1, 4096), required=True),
    "output_options": Field(nullable(options)),
    "filter": Field(nullable(text())),
    "max_upload_bytes": Field(_zero_or(5_000_000, 1_000_000_000)),
    "max_upload_interval_seconds": Field(_zero_or(30, 300)),
    "max_upload_records": Field(_zero_or(1000, 1_000_000)),
}


@operation("POST", JOBS, "LIVE", "alchemy Job.ts and its live test", WRITE)
async def create_job(world: World, call: Call) -> Reply:
    """Create a job, after a test object could be written to its destination."""
    body = _checked(call.json_object, FIELDS)
    settings = {name: body.get(name, wanted.default) for name, wanted in FIELDS.items()}
    settings["output_options"] = settings["output_options"] or {}
    jobs = world.of(call.params["account"], Jobs)
    refused = world.assumes(PAID) != "allowed" or len(jobs.all) >= MOST_JOBS
    if settings["filter"]:
        _check_filter(world, settings["filter"])
    if settings["dataset"] != DATASET or refused:
        dataset = settings["dataset"]
        words = f"creating a new job (for {dataset} dataset) is not allowed: exceeded max jobs allowed"
        raise refusal(403, 1004, f"Forbidden: {words}")
    await _try_destination(world, settings["destination_conf"])
    return result(jobs.add(settings).as_dict())


@operation("GET", JOBS, "SDK", "logpush.jobs", READ)
def list_jobs(world: World, call: Call) -> Reply:
    """List jobs, secrets redacted."""
    return result([job.as_dict() for job in world.of(call.params["account"], Jobs).all.values()])


@operation("GET", JOB, "LIVE", "alchemy Job.ts and its live test", READ)
def get_job(world: World, call: Call) -> Reply:
    """Get a job, secrets redacted."""
    return result(_job_at(world, call).as_dict())


@operation("PUT", JOB, "LIVE", "alchemy Job.ts and its live test", WRITE)
async def update_job(world: World, call: Call) -> Reply:
    """Change a job; its dataset and kind stay."""
    job = _job_at(world, call)
    given = call.json_object
    for name in given.keys() & {"dataset", "kind", "name"}:
        call.drop(f"PUT of a job cannot change {name!r}")
    changed = {name: given[name] for name in given.keys() & FIELDS.keys() - {"dataset", "kind", "name"}}
    _checked({**job.settings, **changed}, FIELDS)
    if "destination_conf" in changed:
        await _try_destination(world, changed["destination_conf"])
    job.settings |= {**changed, "output_options": changed.get("output_options") or job.settings["output_options"]}
    return result(job.as_dict())


@operation("DELETE", JOB, "LIVE", "alchemy Job.ts and its live test", WRITE)
def delete_job(world: World, call: Call) -> Reply:
    """Delete a job."""
    job = _job_at(world, call)
    del world.of(call.params["account"], Jobs).all[job.id]
    world.pending.pop((call.params["account"], job.id), None)
    return result({"id": job.id})


@operation("POST", f"{LOGPUSH}/validate/destination", "SDK", "logpush.validate.destination", WRITE)
def validate_destination(world: World, call: Call) -> Reply:
    """Whether a test object could be written there."""
    try:
        refused = Destination.parse(str(call.json_object.get("destination_conf"))).refused_because(world)
    except ValueError as error:
        refused = str(error)
    return result({"valid": refused is None, "message": refused or ""})


@operation("POST", "/_emulator/logpush/flush", "EMULATOR", "this emulator")
async def flush(world: World, call: Call) -> Reply:
    """Upload now what waits, of every job; the keys that were written."""
    written = []
    for account, job_id in list(world.pending):
        job = world.of(account, Jobs).all.get(job_id)
        if job and (key := await upload(world, account, job)):
            written.append({"bucket": job.destination.bucket, "key": key})
    return reply_json({"written": written})


def _job_at(world: World, call: Call) -> Job:
    identity = call.params["job"]
    jobs = world.of(call.params["account"], Jobs).all
    job = jobs.get(int(identity)) if identity.isascii() and identity.isdigit() and len(identity) < 12 else None
    if job is None:
        raise refusal(404, 1000, "job not found")
    return job


def _checked(body: dict[str, Any], fields: dict[str, Field]) -> dict[str, Any]:
    wrong = [f"{'.'.join(map(str, path))}: {message}" for path, message in object_of(fields)(body, ())]
    if wrong:
        raise refuse(400, *(problem(1001, message) for message in wrong))
    return body


def _check_filter(world: World, text: str) -> None:
    if world.assumes(FILTERS) == "refused":
        raise refusal(400, 1001, f"filter: not supported for the dataset {DATASET}")
    try:
        passes(text, {})
    except ValueError as error:
        raise refusal(400, 1001, f"filter: {error}") from error


@behaviour("a destination is tried at once by writing a test object", "LIVE", "alchemy Job.ts and its live test")
async def _try_destination(world: World, conf: str) -> None:
    try:
        destination = Destination.parse(conf)
        refused = destination.refused_because(world)
        if refused is None:
            await world.objects.put(destination.bucket, f"{destination.prefix}/ownership-test.txt".lstrip("/"), b"test")
    except ValueError as error:
        raise refusal(400, 1002, str(error)) from error
    except Exception as error:  # whatever the S3 API says
        raise refusal(400, 1002, f"error writing object: {error}") from error
    if refused:
        raise refusal(400, 1002, refused)
