"""`/accounts/{account}/ai/finetunes`."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import refusal, result
from tests.emulator.control.finetunes.models import ASSET_NAMES, MOST_FINETUNES, Finetune, Finetunes
from tests.emulator.data.forms import form_of
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.upstreams.catalogue import WORKERS_AI
from tests.emulator.web import Call, MalformedBody, Reply
from tests.emulator.world import World

FINETUNES = "/client/v4/accounts/{account}/ai/finetunes"
READ = ("Workers AI Read", "Workers AI Write")
WRITE = ("Workers AI Write",)
MOST_ADAPTER_BYTES = 300 * 1024 * 1024
MODEL_TYPES = ("mistral", "gemma", "llama")
LARGEST_RANK = 32

LIST = assumption("finetune-list", "Is the list of finetunes an array (live), or one object (SDK)?", "array", "object")
ASSET_ANSWER = assumption(
    "asset-answer", "Does an asset upload answer with its record (2024 spec), or with success alone (SDK)?",
    "record", "success",
)  # fmt: skip


@operation("GET", FINETUNES, "LIVE", "workers-sdk#14450, distilled patches", READ)
def list_finetunes(world: World, call: Call) -> Reply:
    """List adapters: `result` is an array."""
    found = [one.as_dict() for one in world.of(call.params["account"], Finetunes).all.values()]
    return result(found if world.assumes(LIST) == "array" or not found else found[0])


@operation("GET", f"{FINETUNES}/public", "SDK", "ai.finetunes.public.list", READ)
def list_public(world: World, call: Call) -> Reply:
    """List adapters anybody can use; here, the public ones of this account."""
    found = [one for one in world.of(call.params["account"], Finetunes).all.values() if one.public]
    if field := call.query.get("orderBy"):
        found.sort(key=lambda one: str(one.as_dict().get(field)))
    offset, limit = (
        int(call.query[name]) if call.query.get(name, "").isdecimal() else None for name in ("offset", "limit")
    )
    return result([one.as_dict() for one in found[offset or 0 :][:limit]])


@operation("POST", FINETUNES, "LIVE", "workers-sdk#14450, distilled patches", WRITE)
def create_finetune(world: World, call: Call) -> Reply:
    """Register an adapter for a base model."""
    body = call.json_object
    model, name = body.get("model"), body.get("name")
    if not isinstance(model, str) or not isinstance(name, str) or not name:
        raise refusal(400, 1000, "model and name are required")
    known = WORKERS_AI.get(model)
    if known is None or "lora" not in known.traits:
        raise refusal(400, 1000, f"{model} is not a supported base model for finetunes")
    finetunes = world.of(call.params["account"], Finetunes)
    if len(finetunes.all) >= MOST_FINETUNES:
        raise refusal(400, 1000, f"an account may have at most {MOST_FINETUNES} finetunes")
    if finetunes.find(name):
        raise refusal(400, 1000, f"a finetune named {name} already exists")
    made = finetunes.create(world, model, name, body.get("description"), bool(body.get("public", False)))
    return result(made.as_dict())


@operation("POST", f"{FINETUNES}/{{finetune}}/finetune-assets", "DOC", "loras, 2026-04-21", WRITE)
def upload_asset(world: World, call: Call) -> Reply:
    """Upload one file of an adapter, named by id or name."""
    finetune = world.of(call.params["account"], Finetunes).find(call.params["finetune"])
    if finetune is None:
        raise refusal(404, 1000, f"Finetune {call.params['finetune']} not found")
    name, content = _asset(call)
    _check_asset(finetune, name, content)
    finetune.assets[name] = len(content)
    finetune.modified_at = now = world.clock.timestamp()
    if world.assumes(ASSET_ANSWER) == "success":
        return result(None)
    times = {"created_at": now, "modified_at": now}
    head = {"id": world.chance.uuid(), "finetune_id": finetune.id, "file_name": name}
    return result({**head, "bucket_name": "workers-ai-finetunes", **times})


def _asset(call: Call) -> tuple[str, bytes]:
    """The file's name and content from the form."""
    form = form_of(call.headers.get("content-type", ""), call.body)
    name, content = form.get("file_name"), form.get("file")
    if not isinstance(name, str) or content is None:
        raise MalformedBody("a form with file_name and file is expected")
    return name, content if isinstance(content, bytes) else content.encode()


@behaviour("an adapter has two files of exact names, under 300 MB, uploaded once", "DOC", "loras, 2026-04-21")
def _check_asset(finetune: Finetune, name: str, content: bytes) -> None:
    if name not in ASSET_NAMES:
        raise refusal(400, 1000, f"file_name must be {' or '.join(ASSET_NAMES)}, not {name}")
    if name in finetune.assets:
        raise refusal(400, 1000, f"{name} is already uploaded; assets cannot be changed")
    if len(content) >= MOST_ADAPTER_BYTES:
        raise refusal(400, 1000, "an adapter must be smaller than 300 MB")
    if name == ASSET_NAMES[0]:
        _check_config(content)


@behaviour("adapter_config.json has a model_type of mistral, gemma or llama, and a rank up to 32", "DOC", "loras")
def _check_config(content: bytes) -> None:
    try:
        config: Any = json.loads(content)
        kind, rank = config.get("model_type"), config.get("r", 8)
    except (ValueError, AttributeError) as error:
        raise refusal(400, 1000, f"adapter_config.json is not a JSON object: {error}") from error
    if kind not in MODEL_TYPES:
        raise refusal(400, 1000, f"model_type must be one of {', '.join(MODEL_TYPES)}, not {kind}")
    if not isinstance(rank, int) or not 1 <= rank <= LARGEST_RANK:
        raise refusal(400, 1000, f"the rank must be from 1 to {LARGEST_RANK}, not {rank}")
