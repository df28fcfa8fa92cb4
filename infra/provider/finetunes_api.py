"""LoRA adapters of an account: Cloudflare's API can list, register and upload, and nothing else (facts 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import (
    AlreadyExistsError,
    NotReadyError,
    TooManyRequestsError,
    TroubleError,
    UnansweredError,
)
from gateway_config.errors import ServiceError

MOST_ADAPTERS = 100
FILES_MISSING = 3039
"""Workers AI's code for an adapter whose files did not all arrive."""
_MARK = re.compile(r"\bgatewright sha256:([0-9a-f]{64})\b")

# Certain and active by Cloudflare's changelog of 2026-05-08; the account's own catalogue knows of others.
CERTAIN_BASES = frozenset(
    {
        "@cf/mistral/mistral-7b-instruct-v0.2-lora",
        "@cf/meta-llama/llama-2-7b-chat-hf-lora",
        "@cf/google/gemma-7b-it-lora",
        "@cf/google/gemma-2b-it-lora",
    }
)


@dataclass(frozen=True, slots=True)
class LiveAdapter:
    """A registered adapter. `content_digest` is known of those that we registered: their description has it."""

    id: str
    name: str
    model: str
    content_digest: str | None


class Adapters:
    """The adapters of one account. A slot that is taken is never free again."""

    def __init__(self, api: ControlPlane, account: str) -> None:
        self._api = api
        self._ai = f"/accounts/{account}/ai"

    def all(self) -> list[LiveAdapter]:
        """Every adapter. Live the list is an array; the SDK's type says one object (trap 31)."""
        listed = self._api.get(f"{self._ai}/finetunes") or []
        return [_adapter(item) for item in (listed if isinstance(listed, list) else [listed])]

    def find(self, name: str) -> LiveAdapter | None:
        return next((adapter for adapter in self.all() if adapter.name == name), None)

    def takes_adapters(self, model: str) -> bool:
        """Whether a base model does, by the account's catalogue; a model it does not list is believed if certain."""
        listed = self._api.get(f"{self._ai}/models/search", search=model) or []
        known = next((item for item in listed if item.get("name") == model), None)
        if known is None:
            return model in CERTAIN_BASES
        # Not by the schema of its inputs: gpt-oss has a field `lora` there, and takes none.
        return any(item.get("property_id") == "lora" for item in known.get("properties") or ())

    def register(self, name: str, model: str, content_digest: str) -> LiveAdapter:
        """Takes a slot, and never two: where the answer is lost, or another run was faster, it is looked for."""
        body = {"name": name, "model": model, "description": f"gatewright sha256:{content_digest}"}
        try:
            return _adapter({**body, **self._api.post(f"{self._ai}/finetunes", body)})
        except (UnansweredError, TroubleError, AlreadyExistsError):
            found = self.find(name)
            if found is None or (found.model, found.content_digest) != (model, content_digest):
                raise
            return found

    def upload(self, adapter: LiveAdapter, file: Path) -> None:
        """Uploads one file; that it is there already is fine, since none can be changed."""
        path = f"{self._ai}/finetunes/{adapter.id}/finetune-assets"
        try:
            self._api.upload(path, {"file_name": file.name}, file)
        except AlreadyExistsError:
            return

    def why_silent(self, adapter: LiveAdapter) -> ServiceError | None:
        """None where it answers a tiny inference; else why it does not yet. An upload alone proves nothing."""
        question = {"messages": [{"role": "user", "content": "Hi"}], "raw": True, "lora": adapter.name, "max_tokens": 1}
        try:
            self._api.post(f"{self._ai}/run/{adapter.model}", question)
        except (NotReadyError, TooManyRequestsError, TroubleError, UnansweredError) as error:
            return error
        return None


def _adapter(item: dict[str, str]) -> LiveAdapter:
    mark = _MARK.search(item.get("description") or "")
    return LiveAdapter(item["id"], item["name"], item["model"], mark[1] if mark else None)
