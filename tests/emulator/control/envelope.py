"""How api.cloudflare.com wraps what it says: `result` and `errors`, pages, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tests.emulator.web import Call, Refusal, Reply, reply_json

Item = TypeVar("Item")
Problem = dict[str, Any]


def result(value: object, status: int = 200) -> Reply:
    return reply_json({"result": value, "success": True, "errors": [], "messages": []}, status)


def problem(code: int, message: str, path: Sequence[str | int] = ()) -> Problem:
    """One entry of `errors`; input errors of AI Gateway say where in the request they are."""
    return {"code": code, "message": message, **({"path": list(path)} if path else {})}


def refuse(status: int, *problems: Problem) -> Refusal:
    body = {"result": None, "success": False, "errors": list(problems), "messages": []}
    return Refusal(reply_json(body, status))


def refusal(status: int, code: int, message: str) -> Refusal:
    return refuse(status, problem(code, message))


def page_of(call: Call, items: Sequence[Item], per_page: int = 20) -> tuple[list[Item], dict[str, int]]:
    """The page that was asked for, and its `result_info`; bad numbers are refused (7001)."""
    page = _number(call, "page", 1, None)
    size = _number(call, "per_page", per_page, 100)
    shown = list(items[(page - 1) * size : page * size])
    info = {"page": page, "per_page": size, "count": len(shown), "total_count": len(items)}
    return shown, info


def paged(call: Call, items: Sequence[object], per_page: int = 20) -> Reply:
    shown, info = page_of(call, items, per_page)
    body = {"result": shown, "result_info": info, "success": True, "errors": [], "messages": []}
    return reply_json(body)


def _number(call: Call, name: str, default: int, most: int | None) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise refuse(400, problem(7001, "Expected number, received nan", ("query", name)))
    if int(text) < 1:
        raise refuse(400, problem(7001, "Number must be greater than or equal to 1", ("query", name)))
    if most is not None and int(text) > most:
        raise refuse(400, problem(7001, f"Number must be less than or equal to {most}", ("query", name)))
    return int(text)
