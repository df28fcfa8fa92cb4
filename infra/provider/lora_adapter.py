"""`gatewright:index:LoraAdapter`: a LoRA adapter, checked, registered, uploaded, and answering."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from gateway_config.adapter_files import FILES, AdapterFilesError, complaints, content_digest
from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import GatewrightError, ServiceError
from infra.provider.finetunes_api import FILES_MISSING, MOST_ADAPTERS, Adapters, LiveAdapter
from infra.provider.lora_adapter_schema import LORA_ADAPTER
from infra.provider.resource import Change, Complaint, Observed, PartialError, Properties, Resource, Tell
from infra.provider.values import UNKNOWN, has_unknown

WAITS_S = (1.0, 2.0, 4.0, *(8.0,) * 36)
"""Between the questions whether it answers: five minutes in all."""


class UnchangeableError(GatewrightError):
    """Cloudflare cannot change an adapter: another content, or another base model, is another adapter."""


class NoSlotError(GatewrightError):
    """The account has all the adapters it may have."""


class LoraAdapter(Resource):
    """An adapter by account and name; its id is `<account>/<name>`.

    The API tells nothing of an adapter's files, so the digest of what was uploaded stands in its description. An
    adapter of the same content is shared: two stages in one account need one slot.
    """

    token = "gatewright:index:LoraAdapter"
    schema = LORA_ADAPTER
    replace_on = frozenset({"accountId", "name"})

    def __init__(self, control_plane: Callable[[], ControlPlane]) -> None:
        super().__init__(control_plane)
        self._planned: set[str] = set()

    def check(self, inputs: Properties) -> Iterator[Complaint]:
        if has_unknown([inputs["folder"], inputs["model"]]):
            return
        folder, told = Path(inputs["folder"]), inputs.get("contentDigest")
        found = [*complaints(folder, inputs.get("rank"), inputs["model"])]
        yield from (Complaint("folder", reason) for reason in found)
        if told and not has_unknown(told) and not found and told != content_digest(folder):
            yield Complaint("contentDigest", "is not the digest of the two files; leave it out, or mend the folder")

    def completed(self, inputs: Properties) -> Properties:
        if "contentDigest" in inputs:
            return inputs
        folder = inputs["folder"]
        return {**inputs, "contentDigest": UNKNOWN if has_unknown(folder) else content_digest(Path(folder))}

    def diff(self, old: Properties, new: Properties, state: Properties) -> list[Change]:
        """`folder` and `rank` are how we get there, not what is there."""
        replaced = [Change(key, "update-replace") for key in sorted(self.replace_on) if old.get(key) != new.get(key)]
        if replaced:
            return replaced
        _require_same(str(new["name"]), old, new)
        return [] if "contentDigest" in old else [Change("contentDigest", "add")]

    def plan(self, inputs: Properties, state: Properties) -> Properties:
        if not state and not has_unknown(inputs):
            adapters = Adapters(self._control_plane(), inputs["accountId"])
            live = adapters.find(inputs["name"])
            if live is None:
                _require_files(inputs)
                _admit(adapters, inputs, self._planned)
                self._planned.add(inputs["name"])
            else:
                _take_in(live, inputs, known=False, tell=lambda sentence: None)
        return {"adapterId": state.get("adapterId", UNKNOWN), "uploaded": list(FILES), "ready": True}

    def observe(self, id: str, state: Properties) -> Observed | None:
        account, name = _parts(id)
        live = Adapters(self._control_plane(), account).find(name)
        return _observed(account, live, state) if live else None

    def apply(self, inputs: Properties, id: str | None, state: Properties, tell: Tell) -> Observed:
        account, name = inputs["accountId"], inputs["name"]
        adapters = Adapters(self._control_plane(), account)
        # Observe
        live, uploaded = adapters.find(name), list(state.get("uploaded", ()))
        # Ensure
        if live is None:
            _require_files(inputs)
            _admit(adapters, inputs)
            live = adapters.register(name, inputs["model"], inputs["contentDigest"])
        else:
            _take_in(live, inputs, known=id is not None, tell=tell)
            if state.get("ready") or (silence := adapters.why_silent(live)) is None:
                return _complete(live, inputs)
            _require_files(inputs)
            # What was refused as being there already may not have been: then all is sent again.
            if uploaded == list(FILES) and getattr(silence, "code", None) == FILES_MISSING:
                uploaded = []
        # Sync
        self._upload(adapters, live, inputs, uploaded)
        self._await(adapters, live, inputs)
        # Return
        return _complete(live, inputs)

    def _upload(self, adapters: Adapters, live: LiveAdapter, inputs: Properties, uploaded: list[str]) -> None:
        """The files that have not arrived yet; what breaks off is finished by the next `up`."""
        for name in FILES:
            if name in uploaded:
                continue
            try:
                adapters.upload(live, Path(inputs["folder"]) / name)
            except (ServiceError, OSError) as error:
                raise _interrupted(live, inputs, uploaded, f"{name} did not arrive. {error}") from None
            uploaded.append(name)

    def _await(self, adapters: Adapters, live: LiveAdapter, inputs: Properties) -> None:
        """Until it answers: after a successful upload it may still be unknown (3037) for a while."""
        for wait_s in (*WAITS_S, 0.0):
            try:
                silence = adapters.why_silent(live)
            except ServiceError as error:
                raise _interrupted(live, inputs, list(FILES), f"It could not be tried. {error}") from None
            if silence is None:
                return
            time.sleep(wait_s)
        raise _interrupted(live, inputs, list(FILES), f"It does not answer yet. {silence}")

    def delete(self, id: str, state: Properties, tell: Tell) -> None:
        account, name = _parts(id)
        adapters = Adapters(self._control_plane(), account).all()
        slot = next((adapter.id for adapter in adapters if adapter.name == name), None)
        if slot is not None:
            tell(
                f'the adapter "{name}" (id {slot}) is forgotten here and stays at Cloudflare, which cannot remove one: '
                f"its slot stays taken ({len(adapters)} of {MOST_ADAPTERS})"
            )


def _require_same(name: str, old: Properties, new: Properties) -> None:
    """An adapter's files and base model never change under its name. Unknown is not different."""
    for key, what in (("model", "base model"), ("contentDigest", "files")):
        if key in old and not has_unknown(new.get(key)) and old[key] != new.get(key):
            raise UnchangeableError(
                f'the {what} of the adapter "{name}" changed, and Cloudflare cannot change an adapter. Give the new '
                f'one a name of its own, such as "{_next_name(name)}", and let arms and tenants name that. The old '
                f"one keeps its slot of {MOST_ADAPTERS}."
            )


def _next_name(name: str) -> str:
    stem, _, number = name.rpartition("-")
    return f"{stem}-{int(number) + 1}" if stem and number.isdigit() else f"{name}-2"


def _require_files(inputs: Properties) -> None:
    """What is uploaded is what was looked at, and what the description will say."""
    if content_digest(Path(inputs["folder"])) != inputs["contentDigest"]:
        raise AdapterFilesError(
            f'the files of the adapter "{inputs["name"]}" are not those of contentDigest: they were changed in '
            "between. Run it again."
        )


def _admit(adapters: Adapters, inputs: Properties, planned: AbstractSet[str] = frozenset()) -> None:
    """What Cloudflare must say before a slot is taken for ever; `planned` are the slots that a preview gave away."""
    name, model = inputs["name"], inputs["model"]
    if not adapters.takes_adapters(model):
        raise GatewrightError(f'the base model {model} takes no LoRA adapters, so "{name}" cannot be registered for it')
    there = {adapter.name for adapter in adapters.all()}
    wanted = len(planned - there - {name})
    if len(there) + wanted >= MOST_ADAPTERS:
        others = f" and {wanted} more to come" if wanted else ""
        raise NoSlotError(
            f'there is no slot for the adapter "{name}": the account has {len(there)} of {MOST_ADAPTERS}{others}, and '
            "Cloudflare frees none. Use one that is there, or ask Cloudflare for more."
        )


def _take_in(live: LiveAdapter, inputs: Properties, *, known: bool, tell: Tell) -> None:
    """An adapter that is there already is ours if its base model and its files are; what a person imported, too."""
    seen = {"model": live.model, **({"contentDigest": live.content_digest} if live.content_digest else {})}
    _require_same(live.name, seen, inputs)
    if live.content_digest is None and not known:
        raise UnchangeableError(
            f'the account has an adapter "{live.name}" (id {live.id}) that was not made by Gatewright, so nobody can '
            "tell whether it is this one. Import it if it is, or choose another name."
        )
    if not known:
        tell(f'adapter "{live.name}" was there already, with these very files: taken in')
    elif live.content_digest is None:
        tell(f'what was uploaded as adapter "{live.name}" cannot be compared: taken as declared')


def _interrupted(live: LiveAdapter, inputs: Properties, uploaded: list[str], what: str) -> PartialError:
    way_on = "It is registered and has its slot; run `up` again to finish."
    state = {**inputs, "uploaded": uploaded, "ready": False}
    observed = _observed(inputs["accountId"], live, state)
    return PartialError(observed, f'adapter "{live.name}": {what} {way_on}')


def _complete(live: LiveAdapter, inputs: Properties) -> Observed:
    return _observed(inputs["accountId"], live, {**inputs, "uploaded": list(FILES), "ready": True})


def _observed(account: str, live: LiveAdapter, state: Properties) -> Observed:
    """While it is not ready its content is not there: a preview then says so, and the next `up` comes back."""
    ready = bool(state.get("ready"))
    digest = live.content_digest or state.get("contentDigest")
    content = {"contentDigest": digest} if digest and ready else {}
    told = {key: state[key] for key in ("folder", "rank") if key in state}
    inputs = {"accountId": account, "name": live.name, "model": live.model, **told, **content}
    outputs = {"adapterId": live.id, "uploaded": list(state.get("uploaded", ())), "ready": ready}
    return Observed(f"{account}/{live.name}", inputs, outputs)


def _parts(id: str) -> tuple[str, str]:
    account, _, name = id.partition("/")
    if not account or not name:
        raise GatewrightError(f'the id of an adapter is "<account>/<name>"; found "{id}"')
    return account, name
