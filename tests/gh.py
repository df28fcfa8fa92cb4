"""A stand-in for GitHub's `gh`, as far as the workflows use it; what GitHub holds is the JSON file $GITHUB_WORLD."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jq

BOT = "github-actions[bot]"


def main(words: list[str]) -> None:
    file = Path(os.environ["GITHUB_WORLD"])
    world = json.loads(file.read_text())
    if not os.environ.get("GH_TOKEN"):
        sys.exit("gh: set GH_TOKEN to use GitHub CLI in a workflow")
    if words[0] == "api":
        _api(world, _api_words(words[1:]))
    else:
        _issue(world, _issue_words(words[1:]))
    file.write_text(json.dumps(world))


def _api_words(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--jq", default=".")
    parser.add_argument("--field", default="")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--silent", action="store_true")
    return parser.parse_args(words)


def _api(world: dict[str, Any], told: argparse.Namespace) -> None:
    comments = world["comments"]
    if re.fullmatch(r"repos/o/r/commits/main", told.path):
        _print(told.jq, {"sha": world["main"]})
    elif told.method == "GET" and re.fullmatch(r"repos/o/r/issues/7/comments\?per_page=100", told.path):
        for page in [comments[at : at + 2] for at in range(0, len(comments), 2)]:  # a page each, as --paginate does
            _print(told.jq, page)
    elif told.method == "POST" and told.path == "repos/o/r/issues/7/comments":
        comments.append({"id": 2**31 + len(comments), "user": {"login": BOT}, "body": _field(told.field)})
    elif told.method == "PATCH" and (found := re.fullmatch(r"repos/o/r/issues/comments/(\d+)", told.path)):
        [comment] = [comment for comment in comments if comment["id"] == int(found[1])]
        comment["body"] = _field(told.field)
    else:
        sys.exit(f"gh: Not Found (HTTP 404): {told.method} {told.path}")


def _field(told: str) -> str:
    return Path(told.removeprefix("body=@")).read_text()


def _issue_words(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["list", "create", "edit", "close"])
    parser.add_argument("number", nargs="?", type=int)
    for name in ("--title", "--body-file", "--comment", "--author", "--state", "--limit", "--json", "--jq"):
        parser.add_argument(name)
    return parser.parse_args(words)


def _issue(world: dict[str, Any], told: argparse.Namespace) -> None:
    issues = world["issues"]
    if told.verb == "list":
        assert (told.author, told.state) == ("app/github-actions", "open")
        own = [issue for issue in issues if issue["open"] and issue["author"] == BOT]
        _print(told.jq, [{name: issue[name] for name in told.json.split(",")} for issue in own])
    elif told.verb == "create":
        body = Path(told.body_file).read_text()
        issues.append({"number": len(issues) + 1, "title": told.title, "body": body, "open": True, "author": BOT})
    else:
        [issue] = [issue for issue in issues if issue["number"] == told.number]
        issue.update({"body": Path(told.body_file).read_text()} if told.verb == "edit" else {"open": False})


def _print(expression: str, data: Any) -> None:
    for found in jq.compile(expression).input_value(data).all():
        print(found if isinstance(found, str | int) else json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
