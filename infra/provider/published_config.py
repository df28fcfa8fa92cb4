"""`gatewright:index:PublishedConfig`: the compiled config in R2, where applications follow what was deployed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from gateway_config.cloudflare.r2 import Bucket, Keys, ObjectsRefusedError, Stored, endpoint
from gateway_config.errors import GatewrightError
from gateway_config.problems import shown
from infra.provider.patience import until_known
from infra.provider.published_config_schema import PUBLISHED_CONFIG
from infra.provider.resource import Change, Complaint, Observed, Properties, Resource, Tell, changed_keys
from infra.provider.values import UNKNOWN, has_unknown

JURISDICTIONS = ("default", "eu", "fedramp")


class PublishedConfig(Resource):
    """An object by account, bucket and key; its id is `<account>/<bucket>/<key>`.

    Content is compared by its digest. Of what somebody else wrote there only the digest is kept.
    """

    token = "gatewright:index:PublishedConfig"
    schema = PUBLISHED_CONFIG
    replace_on = frozenset({"accountId", "bucket", "jurisdiction", "key"})
    secrets = frozenset({"tokenValue"})

    def check(self, inputs: Properties) -> Iterator[Complaint]:
        told, jurisdiction = inputs.get("contentDigest"), inputs.get("jurisdiction") or "default"
        if told and not has_unknown([told, inputs["content"]]) and told != _digest(inputs):
            yield Complaint("contentDigest", "is not the SHA-256 of the content; leave it out")
        if not has_unknown(jurisdiction) and jurisdiction not in JURISDICTIONS:
            yield Complaint("jurisdiction", f"is {', '.join(JURISDICTIONS)} or left out; found {shown(jurisdiction)}")

    def completed(self, inputs: Properties) -> Properties:
        return {**inputs, "contentDigest": UNKNOWN if has_unknown(inputs["content"]) else _digest(inputs)}

    def diff(self, old: Properties, new: Properties, state: Properties) -> list[Change]:
        shown = ("content", "contentDigest")
        changes = [change for change in changed_keys(old, new, self.replace_on) if change.path not in shown]
        if has_unknown(new.get("content")) or _digest(old) != _digest(new):
            changes.append(Change("contentDigest", "update" if _digest(old) else "add"))
        return changes

    def plan(self, inputs: Properties, state: Properties) -> Properties:
        digest = UNKNOWN if has_unknown(inputs["content"]) else _digest(inputs)
        unchanged = bool(state) and digest == state.get("contentDigest")
        return {"contentDigest": digest, "etag": state["etag"] if unchanged else UNKNOWN}

    def observe(self, id: str, state: Properties) -> Observed | None:
        if not state:
            raise GatewrightError("a published config is not imported: the next `up` writes it")
        try:
            with _bucket(state) as bucket:
                live = bucket.get(state["key"])
        except ObjectsRefusedError as error:
            if not _is_refused(error):
                raise
            # The token that wrote it may be gone. That must stop neither a preview nor the `up` that brings
            # a new one: what is there is unknown, so it will be written.
            return Observed(id, _without_content(state), {"etag": state["etag"]})
        return _observed(state, live) if live else None

    def apply(self, inputs: Properties, id: str | None, state: Properties, tell: Tell) -> Observed:
        key, wanted = inputs["key"], _digest(inputs)
        with _bucket(inputs) as bucket:
            # Observe
            live = until_known(lambda: bucket.get(key), _is_refused)
            # Ensure, sync
            if live is None or _hex(live.body) != wanted:
                body = inputs["content"].encode()
                etag = until_known(lambda: bucket.put(key, body, "application/json"), _is_refused)
                live = Stored(body, etag)
        # Return
        return _observed(inputs, live)

    def delete(self, id: str, state: Properties, tell: Tell) -> None:
        with _bucket(state) as bucket:
            bucket.delete(state["key"])


def _bucket(inputs: Properties) -> Bucket:
    where = endpoint(inputs["accountId"], inputs.get("jurisdiction") or "default")
    return Bucket(where, inputs["bucket"], Keys.of_token(inputs["tokenId"], inputs["tokenValue"]))


def _is_refused(error: Exception) -> bool:
    """Whether it is the token that R2 does not take, or not yet."""
    return isinstance(error, ObjectsRefusedError) and error.status in (401, 403)


def _digest(inputs: Properties) -> str | None:
    """Of the content; where it was not kept, what is known of it."""
    content = inputs.get("content")
    return _hex(content.encode()) if content is not None else inputs.get("contentDigest")


def _hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _without_content(inputs: Properties) -> dict[str, object]:
    told = PUBLISHED_CONFIG["inputProperties"]
    return {key: inputs[key] for key in told if key in inputs and key not in ("content", "contentDigest")}


def _observed(inputs: Properties, live: Stored) -> Observed:
    digest = _hex(live.body)
    same = {"content": inputs["content"]} if digest == _digest(inputs) and "content" in inputs else {}
    id = f"{inputs['accountId']}/{inputs['bucket']}/{inputs['key']}"
    return Observed(
        id, {**_without_content(inputs), **same, "contentDigest": digest}, {"contentDigest": digest, "etag": live.etag}
    )
