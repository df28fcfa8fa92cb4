"""Pictures: a prompt, a size and perhaps pictures to start from, in; the bytes of one picture out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledPrice, CompiledTarget
from gateway_config.runtime.answer import Outcome
from gateway_config.runtime.bodies.chat import MalformedError, decoded
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.payload import Payload, file_of, form, from_base64, media_type, native
from gateway_config.runtime.options import ImageOptions, deadline_of, facts_of, files_of, text_of_caller, whole_number
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply

SIDE = 1024
TILE = 512
LARGEST_PICTURE = 64_000_000
MOST_REFERENCES = 4
# These want a multipart form; its field names are not in Cloudflare's documentation, but in its examples.
_MULTIPART = "/flux-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Outcome):
    """One picture, as the model made it."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The picture that is asked for; `steps` None leaves it to the model (and the cost unknown)."""

    prompt: str
    width: int
    height: int
    steps: int | None
    references: Sequence[bytes]

    @property
    def tiles(self) -> int:
        """Tiles of 512 × 512 that are paid for."""
        return -(-self.width // TILE) * -(-self.height // TILE)


def image(core: Core, intent: str, prompt: str, options: Mapping[str, Any]) -> Flow[Image]:
    """One picture."""
    facts, wanted = facts_of(intent, options, ImageOptions), _wanted(prompt, options)
    call = Call(core.view.route_of(intent, ("image",)), facts, deadline_of(options))
    call.keep("prompt", wanted.prompt)
    for element in call.view.chain(call.metadata) if wanted.references else ():
        _check_references(call.view.route.targets[element])
    return (yield from core.recorded(call, _image(core, call, wanted)))


def _check_references(target: CompiledTarget) -> None:
    """Raises InputError, before anything is paid, for a model or a fallback that takes no pictures to start from."""
    if _MULTIPART not in target.model:
        raise InputError(f'the model "{target.name}" takes no reference images.')


def _wanted(prompt: str, options: Mapping[str, Any]) -> Wanted:
    steps = options.get("steps")
    references = [file_of("a reference image", item) for item in files_of("references", options.get("references"))]
    if len(references) > MOST_REFERENCES:
        raise InputError(f"at most {MOST_REFERENCES} reference images are taken; found {len(references)}.")
    return Wanted(
        prompt=text_of_caller("the prompt", prompt),
        width=whole_number("width", options.get("width", SIDE), 64, 4096),
        height=whole_number("height", options.get("height", SIDE), 64, 4096),
        steps=None if steps is None else whole_number("steps", steps, 1, 100),
        references=references,
    )


def _image(core: Core, call: Call, wanted: Wanted) -> Flow[Image]:
    served, headers, data = yield from answered(core, call, partial(_payload, wanted), _picture, LARGEST_PICTURE)
    cost = _cost(call.view.price(served), wanted)
    outcome = core.outcome(call, headers, served, None, cost)
    return Image(**outcome, data=data, media_type=media_type(data))


def _payload(wanted: Wanted, target: CompiledTarget) -> Payload:
    steps = {} if wanted.steps is None else {"steps": wanted.steps}
    if _MULTIPART in target.model:
        fields: dict[str, Any] = {"prompt": wanted.prompt, "width": wanted.width, "height": wanted.height, **steps}
        files = {f"input_image_{number}": content for number, content in enumerate(wanted.references)}
        return form(target, {name: str(value) for name, value in fields.items()}, files)
    return native(target, {"prompt": wanted.prompt, "width": wanted.width, "height": wanted.height, **steps})


def _picture(reply: Reply) -> bytes:
    """The bytes of a picture, whether the answer is one, or holds one as base64."""
    if reply.headers.get("content-type", "").startswith("image/"):
        if not reply.body:
            raise MalformedError("nothing")
        return reply.body
    return from_base64(decoded(reply.body).get("image"))


def _cost(price: CompiledPrice | None, wanted: Wanted) -> Decimal | None:
    """US dollars by tiles and steps (facts section 8); unknown without the steps, or with pictures of unknown size."""
    if price is None or wanted.steps is None or wanted.references:
        return None
    if price.usd_per_output_tile_step is not None:
        return price.usd_per_output_tile_step * wanted.tiles * wanted.steps
    if price.usd_per_tile is not None and price.usd_per_step is not None:
        return price.usd_per_tile * wanted.tiles + price.usd_per_step * wanted.steps
    return None
