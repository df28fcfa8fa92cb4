"""`/accounts/{account}/ai/models/search`."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.emulator.control.envelope import page_of
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.upstreams.catalogue import WORKERS_AI, CatalogueModel, Kind
from tests.emulator.web import Call, Reply, reply_json
from tests.emulator.world import World

READ = ("Workers AI Read", "Workers AI Write")
TASKS: dict[Kind, str] = {
    "chat": "Text Generation",
    "guard": "Text Generation",
    "embed": "Text Embeddings",
    "rerank": "Text Classification",
    "image": "Text-to-Image",
    "transcribe": "Automatic Speech Recognition",
    "speak": "Text-to-Speech",
}
SHOWN_TRAITS = {"lora": "lora", "reasoning": "reasoning", "vision": "vision"}


@operation("GET", "/client/v4/accounts/{account}/ai/models/search", "SDK", "ai.models.list", READ)
def search_models(world: World, call: Call) -> Reply:
    """Search the models an account can use; deprecated ones with include_deprecated=true."""
    wanted, task = call.query.get("search", "").lower(), call.query.get("task")
    found = [model for model in WORKERS_AI.values() if wanted in model.id.lower() and task in (None, TASKS[model.kind])]
    if call.query.get("include_deprecated") != "true":
        found = [model for model in found if "deprecated" not in model.traits]
    shown, info = page_of(call, [shown_model(model) for model in found], per_page=100)
    return reply_json({"result": shown, "result_info": info, "success": True, "errors": [], "messages": []})


@behaviour("a catalogue entry has task, properties and prices", "SDK", "workers-ai catalogue files")
def shown_model(model: CatalogueModel) -> dict[str, Any]:
    identity, task = uuid5(NAMESPACE_URL, model.id), TASKS[model.kind]
    properties: list[dict[str, Any]] = [
        {"property_id": name, "value": "true"} for trait, name in SHOWN_TRAITS.items() if trait in model.traits
    ]
    if model.context:
        properties.append({"property_id": "context_window", "value": str(model.context)})
    prices = {"input": model.in_usd_per_mtok, "output": model.out_usd_per_mtok}
    known = [
        {"unit": f"per M {way} tokens", "price": float(price), "currency": "USD"}
        for way, price in prices.items()
        if price is not None
    ]
    if known:
        properties.append({"property_id": "price", "value": known})
    return {
        "id": str(identity),
        "source": 1,
        "name": model.id,
        "description": "",
        "task": {"id": str(uuid5(NAMESPACE_URL, task)), "name": task, "description": ""},
        "tags": ["deprecated"] if "deprecated" in model.traits else [],
        "properties": properties,
    }
