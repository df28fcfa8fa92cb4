"""Models that are not chat: embeddings, rerankers, images, transcription, speech, guard."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from math import sqrt
from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Output
from tests.emulator.upstreams.catalogue import CatalogueModel, Kind
from tests.emulator.upstreams.guard import hazards_in
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.upstreams.text import answer_text, prompt_of, token_count

DIMENSIONS = {
    "@cf/baai/bge-small-en-v1.5": 384,
    "@cf/baai/bge-base-en-v1.5": 768,
    "@cf/baai/bge-large-en-v1.5": 1024,
    "@cf/baai/bge-m3": 1024,
    "@cf/qwen/qwen3-embedding-0.6b": 1024,
}
TILE = 512
SAMPLE_RATE = 8000


def bad_input(message: str) -> UpstreamFailed:
    return UpstreamFailed(400, 5004, f"AiError: Invalid data sent in request: {message}")


@behaviour("embeddings come as shape, data and pooling; cls and mean vectors differ", "DOC", "Workers AI model pages")
def embed(model: CatalogueModel, body: dict[str, Any]) -> Output:
    if "query" in body:
        return rerank(model, body)
    texts = body.get("text")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise bad_input("text must be a string or an array of strings")
    if len(texts) > 100:
        raise bad_input("text may have at most 100 items")
    pooling = body.get("pooling", "mean")
    size = DIMENSIONS.get(model.id, 768)
    vectors = [vector(f"{model.id} {pooling} {text}", size) for text in texts]
    tokens = sum(token_count(text) for text in texts)
    value = {"shape": [len(vectors), size], "data": vectors, "pooling": pooling}
    return Output(model.id, value, tokens, 0, model.cost_usd(tokens, 0))


def vector(text: str, size: int) -> list[float]:
    """A unit vector, decided by the text."""
    raw = b"".join(sha256(f"{part} {text}".encode(errors="replace")).digest() for part in range(-(-size // 32)))
    centred = [byte - 127.5 for byte in raw[:size]]
    length = sqrt(sum(value * value for value in centred))
    return [round(value / length, 6) for value in centred]


def rerank(model: CatalogueModel, body: dict[str, Any]) -> Output:
    """Scores of contexts for a query, best first; shared words count."""
    query, contexts = body.get("query"), body.get("contexts")
    if not isinstance(query, str) or not isinstance(contexts, list):
        raise bad_input("query and contexts are required")
    texts = [str(one.get("text", "")) if isinstance(one, dict) else str(one) for one in contexts]
    scores = [{"id": index, "score": relevance(query, text)} for index, text in enumerate(texts)]
    scores.sort(key=lambda one: -one["score"])
    tokens = token_count(query) * len(texts) + sum(token_count(text) for text in texts)
    return Output(model.id, {"response": scores[: body.get("top_k")]}, tokens, 0, model.cost_usd(tokens, 0))


def relevance(query: str, text: str) -> float:
    wanted, found = set(query.lower().split()), set(text.lower().split())
    noise = sha256(f"{query} {text}".encode(errors="replace")).digest()[0] / 2560
    return round(0.9 * len(wanted & found) / max(1, len(wanted)) + noise, 6)


@behaviour("images come as base64 in `image`; flux-2 takes a multipart form", "DOC", "Workers AI model pages")
def image(model: CatalogueModel, body: dict[str, Any]) -> Output:
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise bad_input("prompt is required")
    try:
        width, height = int(body.get("width", 1024)), int(body.get("height", 1024))
        steps = int(body.get("steps", 4 if "schnell" in model.id else 25))
    except (TypeError, ValueError) as error:
        raise bad_input(f"width, height and steps are whole numbers: {error}") from error
    if not (64 <= width <= 2048 and 64 <= height <= 2048):
        raise bad_input("width and height must be from 64 to 2048")
    references = [value for name, value in sorted(body.items()) if name.startswith("input_image")]
    colour = sha256(f"{model.id} {prompt} {references} {body.get('seed')}".encode(errors="replace")).digest()
    value = {"image": base64.b64encode(png(width, height, colour[:3])).decode()}
    return Output(model.id, value, cost_usd=image_cost_usd(model.id, width, height, steps, len(references)))


def png(width: int, height: int, colour: bytes) -> bytes:
    """A picture in one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + colour * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def image_cost_usd(model: str, width: int, height: int, steps: int, references: int) -> Decimal | None:
    """Published prices per 512×512 tile and step; null for a model whose unit is another."""
    tiles = -(-width // TILE) * -(-height // TILE)
    match model.rsplit("/", 1)[-1]:
        case "flux-1-schnell":
            return Decimal("0.0000528") * tiles + Decimal("0.0001056") * steps
        case "flux-2-dev":
            return (Decimal("0.00041") * tiles + Decimal("0.00021") * references) * steps
        case "flux-2-klein-4b":
            return Decimal("0.000287") * tiles + Decimal("0.000059") * references
        case _:
            return None


def transcribe(model: CatalogueModel, body: dict[str, Any]) -> Output:
    """A text decided by the sound; whisper-large wants base64, whisper a number array or bytes."""
    audio = sound_of(model, body)
    text = answer_text("heard", sha256(audio).hexdigest()).removeprefix("heard: ")
    words, seconds = text.split(), max(1.0, len(audio) / SAMPLE_RATE)
    segment = {"start": 0, "end": round(seconds, 2), "text": text, "word_count": len(words)}
    info = {"language": body.get("language", "en"), "language_probability": 1, "duration": round(seconds, 2)}
    vtt = f"WEBVTT\n\n00:00.000 --> 00:{min(59.0, seconds):06.3f}\n{text}\n"
    value = {"text": text, "word_count": len(words), "segments": [segment], "transcription_info": info, "vtt": vtt}
    minute = Decimal("0.0052") if "nova" in model.id else Decimal("0.0005")
    return Output(model.id, value, cost_usd=(minute * Decimal(str(seconds)) / 60).quantize(Decimal("0.000000001")))


def sound_of(model: CatalogueModel, body: dict[str, Any]) -> bytes:
    audio = body.get("audio")
    try:
        if isinstance(audio, str) and "bytes" not in model.traits:
            return base64.b64decode(audio, validate=True)
        if isinstance(audio, list) and "bytes" in model.traits:
            return bytes(audio)
    except ValueError as error:
        raise bad_input(f"audio cannot be read: {error}") from error
    if isinstance(audio, bytes):
        return audio
    raise bad_input("audio must be " + ("an array of numbers" if "bytes" in model.traits else "base64"))


def speak(model: CatalogueModel, body: dict[str, Any]) -> Output:
    """Sound that lasts as long as the text: raw bytes from aura, base64 from melotts."""
    raw = "bytes" in model.traits
    text = body.get("text" if raw else "prompt")
    if not isinstance(text, str) or not text:
        raise bad_input(f"{'text' if raw else 'prompt'} is required")
    sound = wave(text)
    if not raw:
        minutes = Decimal(len(sound)) / SAMPLE_RATE / 60
        price = (Decimal("0.0002") * minutes).quantize(Decimal("0.000000001"))
        return Output(model.id, {"audio": base64.b64encode(sound).decode()}, cost_usd=price)
    per_thousand = Decimal("0.015") if model.id.endswith("aura-1") else Decimal("0.030")
    return Output(model.id, sound, cost_usd=per_thousand * len(text) / 1000, content_type="audio/mpeg")


def wave(text: str) -> bytes:
    """Eight-bit mono sound, 60 ms a character, decided by the text."""
    samples = b"".join(bytes([ord(letter) % 256]) * (SAMPLE_RATE * 60 // 1000) for letter in text)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def guard(model: CatalogueModel, body: dict[str, Any]) -> Output:
    """safe, or unsafe with hazard codes; as an object where JSON was asked for."""
    prompt = prompt_of(body.get("messages", body.get("prompt", "")))
    found = hazards_in(prompt)
    as_object = isinstance(body.get("response_format"), dict)
    text = "unsafe\n" + ",".join(found) if found else "safe"
    response = {"safe": not found, "categories": found} if as_object else text
    tokens_in, tokens_out = token_count(prompt), token_count(text)
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
    cost = model.cost_usd(tokens_in, tokens_out)
    return Output(model.id, {"response": response, "usage": usage}, tokens_in, tokens_out, cost)


MAKERS: dict[Kind, Callable[[CatalogueModel, dict[str, Any]], Output]] = {
    "embed": embed,
    "rerank": rerank,
    "image": image,
    "transcribe": transcribe,
    "speak": speak,
    "guard": guard,
}
