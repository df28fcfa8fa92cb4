"""The life of a LoRA adapter: registered, uploaded, asked until it answers, and forgotten with its slot taken."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from gateway_config.adapter_files import FILES, content_digest
from gateway_config.cloudflare.errors import CloudflareError
from tests.adapter_on_disk import MISTRAL, safetensors, shapes, write_adapter
from tests.emulator.server import Running
from tests.faults.answers import TIMEOUT_S
from tests.faults.case import Subject, ToldError
from tests.faults.provider_life import STEPS, ProviderLife
from tests.route_given import ACCOUNT

AI = f"/accounts/{ACCOUNT}/ai"
READY_AFTER_S = (10.0, 20.0, 10.0)
"""When it is asked: the emulator's adapters answer half a minute after their upload."""


class LoraLife(ProviderLife):
    """An adapter; edited, it has other files, and so another name and a slot of its own.

    Its preview is that of one that is not there yet, its refresh finds one whose upload broke off.
    """

    token = "gatewright:index:LoraAdapter"
    folder: Path
    emulator: Running

    @classmethod
    @contextmanager
    def begin(cls, emulator: Running) -> Iterator[ProviderLife]:
        """Waiting takes no time: the emulator's clock goes on instead."""
        waiting = SimpleNamespace(sleep=lambda s: emulator.admin("POST", "/clock", {"advance_s": s}))
        with (
            tempfile.TemporaryDirectory() as folder,
            patch("infra.provider.lora_adapter.time", waiting),
            patch("infra.provider.lora_adapter.WAITS_S", READY_AFTER_S),
            patch("gateway_config.cloudflare.control_plane.UPLOAD_TIMEOUT_S", TIMEOUT_S),
        ):
            cls.folder, cls.emulator = Path(folder), emulator
            with super().begin(emulator) as life:
                yield life

    def set_up(self) -> None:
        self.first = _declared("tarot", write_adapter(self.folder / "tarot"))
        other = write_adapter(self.folder / "tarot-2", safetensors(shapes(), fill=1))
        self.second = _declared("tarot-2", other)

    def prepare(self, step: str) -> None:
        if step == "refresh":
            self.emulator.fault("*/finetune-assets", reset=True, after=1, times=1)
            self.declared = self.first
            try:
                self.up("create")
            except ToldError:
                self.peer.mend()
        elif step in ("preview", "import"):
            self.declared = self.first
            if step == "import":
                self.edit_by_hand()
        else:
            super().prepare(step)

    def edit_by_hand(self) -> None:
        """Somebody registers the adapter and uploads it."""
        made = self.past.client.post(f"{AI}/finetunes", {"name": "tarot", "model": MISTRAL})
        for name in FILES:
            file = self.folder / "tarot" / name
            with patch("gateway_config.cloudflare.control_plane.UPLOAD_TIMEOUT_S", 30.0):
                self.past.client.upload(f"{AI}/finetunes/{made['id']}/finetune-assets", {"file_name": name}, file)
        self.emulator.admin("POST", "/clock", {"advance_s": sum(READY_AFTER_S)})

    def up(self, step: str) -> None:
        """An adapter that was made by hand is taken in by an import alone, so that is what is run again."""
        if step == "import" and self.kept is None:
            self.run(step)
        else:
            super().up(step)

    def import_id(self) -> str:
        return f"{ACCOUNT}/tarot"

    def wrong(self, step: str) -> str | None:
        there = {one["name"]: one for one in self.past.client.get(f"{AI}/finetunes")}
        wanted = {"edit": ["tarot", "tarot-2"], "preview": []}.get(step, ["tarot"])
        if sorted(there) != wanted or len(self.past.client.get(f"{AI}/finetunes")) != len(wanted):
            return f"the account has the adapters {sorted(there)}"
        if step == "preview":
            return None
        if step in ("edit", "destroy") and not any("its slot stays taken" in said for said in self.provider.said):
            return "nobody was told of the slot that stays taken"
        return self._wrong_adapter(step) if step != "destroy" else None

    def _wrong_adapter(self, step: str) -> str | None:
        if changes := self.changes():
            return f"the next run would change {changes}"
        name = "tarot-2" if step == "edit" else "tarot"
        question = {"messages": [{"role": "user", "content": "Hi"}], "raw": True, "lora": name}
        try:
            self.past.client.post(f"{AI}/run/{MISTRAL}", question)
        except CloudflareError as error:
            return f"it does not answer: {error}"
        return None


def _declared(name: str, folder: Path) -> dict[str, Any]:
    files = {"folder": str(folder), "rank": 8, "contentDigest": content_digest(folder)}
    return {"accountId": ACCOUNT, "name": name, "model": MISTRAL, **files}


LORA_ADAPTER = Subject("LoraAdapter", STEPS, LoraLife.begin)
