"""`gatewright ask`, `image`, `embed`, `transcribe`, `speak`: one call each, by the config files."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway_config.commands.options import STAGE, ConfigOption, JsonOption, StageOption, config_directory
from gateway_config.errors import UsageError
from gateway_config.runtime.commands.progress import waiting

if TYPE_CHECKING:
    from gateway_config.runtime.answer import Answer, Outcome
    from gateway_config.runtime.client import Client
    from gateway_config.runtime.kinds.image import Image
    from gateway_config.runtime.kinds.speak import Speech

Intent = Annotated[str, typer.Argument(metavar="INTENT", help="What is wanted, such as sprinter.")]
Arm = Annotated[str | None, typer.Option("--arm", metavar="NAME", help="This arm, whatever the split says.")]
User = Annotated[str | None, typer.Option("--user", metavar="ID", help="Who asks.")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="ID", help="For which tenant.")]
ProjectName = Annotated[str | None, typer.Option("--project", metavar="NAME", help="From which project.")]


def _writable(file: Path) -> Path:
    """The file itself, before anything is paid that it could not take; else UsageError."""
    folder = file.parent
    if file.is_dir():
        wrong = "is a folder; name a file in it"
    elif not folder.is_dir():
        wrong = f'lies in no folder: make "{folder}" first, or name another'
    elif not os.access(file if file.exists() else folder, os.W_OK):
        wrong = "may not be written; name a place that may"
    else:
        return file
    raise UsageError(f'the output "{file}" {wrong}. Nothing was asked.')


Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Where the file goes.", callback=_writable)
]


def client_of(config: Path | None, stage: str) -> Client:
    """The client of the config files and the environment."""
    from gateway_config.runtime.client import Client

    return Client.from_files(config_directory(config), stage=stage)


def _text(text: str) -> str:
    """The text itself; a hyphen reads it from standard input."""
    if text != "-":
        return text
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise UsageError("what comes by standard input is no text in UTF-8. Nothing was asked.") from None


def shown(outcome: Outcome) -> str:
    """Any outcome as JSON: money as exact text, files by their size, the question left out."""
    import json

    data = asdict(outcome)
    data.pop("question", None)
    return json.dumps(data, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def _footer(outcome: Outcome) -> str:
    """The line under an answer, for people."""
    served = outcome.served_by.name or outcome.served_by.model or "unknown"
    cost = "cost unknown" if outcome.cost_usd is None else f"{outcome.cost_usd:f} USD"
    arm = outcome.assigned_arm or "no arm"
    return f"{outcome.route}: {arm}, served by {served}, {outcome.timing.total_ms:.0f} ms, {cost}, {outcome.trace}"


def _print(answer: Answer, text: str, as_json: bool) -> None:
    """The text, and beneath it, on standard error, who served it; or everything as JSON."""
    typer.echo(shown(answer) if as_json else text)
    if not as_json:
        typer.echo(_footer(answer), err=True)


def _write(made: Image | Speech, output: Path, as_json: bool) -> None:
    """The file, and what is said of it."""
    output.write_bytes(made.data)
    typer.echo(shown(made) if as_json else f"{output}: {len(made.data):,} bytes, {made.media_type}")


def ask(
    intent: Intent,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to ask; - reads standard input.")],
    arm: Arm = None,
    user: User = None,
    tenant: Tenant = None,
    project: ProjectName = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Ask a text model through the gateway.

    \b
    Example: gatewright ask sprinter "What is a tide?" --arm challenger
    Exit codes: 0 answered, 1 the config has problems, 2 wrong usage, 3 no answer.
    """
    question = _text(text)
    with client_of(config, stage) as client:
        if not stream:
            with waiting(intent):
                answer = client.ask(intent, question, arm=arm, user=user, tenant=tenant, project=project)
            _print(answer, answer.text, as_json)
            return
        for event in client.stream(intent, question, arm=arm, user=user, tenant=tenant, project=project):
            if event.type == "text" and not as_json:
                typer.echo(event.text, nl=False)
            elif event.type == "done":
                _print(event.answer, "", as_json)


def image(
    intent: Intent,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to paint; - reads standard input.")],
    output: Output,
    width: Annotated[int, typer.Option("--width", metavar="PIXELS", help="Width in pixels.")] = 1024,
    height: Annotated[int, typer.Option("--height", metavar="PIXELS", help="Height in pixels.")] = 1024,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="NUMBER", help="More are better, and cost more.")
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option("--reference", exists=True, dir_okay=False, help="A picture to start from.")
    ] = None,
    arm: Arm = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Have a picture painted.

    \b
    Example: gatewright image artist "A harbor at noon" -o harbor.png
    Exit codes: 0 painted, 1 the config has problems, 2 wrong usage, 3 no answer.
    """
    references, wanted = [path.read_bytes() for path in reference or ()], _text(prompt)
    with client_of(config, stage) as client, waiting(intent):
        picture = client.image(intent, wanted, width=width, height=height, steps=steps, references=references, arm=arm)
    _write(picture, output, as_json)


def embed(
    intent: Intent,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT…", help="Texts; each becomes a vector.")],
    arm: Arm = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Turn texts into vectors.

    \b
    Example: gatewright embed vectors "first text" "second text" --json
    Exit codes: 0 answered, 1 the config has problems, 2 wrong usage, 3 no answer.
    """
    with client_of(config, stage) as client, waiting(intent):
        answer = client.embed(intent, texts, arm=arm)
    lines = [f"{vector[:4]} … {answer.dimensions} numbers" for vector in answer.vectors]
    typer.echo(shown(answer) if as_json else "\n".join(lines))


def transcribe(
    intent: Intent,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A recording of at most 25 MB.")
    ],
    language: Annotated[str | None, typer.Option("--language", metavar="CODE", help="Such as en.")] = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Write down what is said in a recording.

    \b
    Example: gatewright transcribe hear meeting.mp3
    Exit codes: 0 written down, 1 the config has problems, 2 wrong usage, 3 no answer.
    """
    content = file.read_bytes()
    with client_of(config, stage) as client, waiting(intent):
        transcript = client.transcribe(intent, content, language=language)
    typer.echo(shown(transcript) if as_json else transcript.text)


def speak(
    intent: Intent,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; - reads standard input.")],
    output: Output,
    voice: Annotated[str | None, typer.Option("--voice", metavar="NAME", help="Where the model has several.")] = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Have a text spoken.

    \b
    Example: gatewright speak say "Good morning" -o morning.mp3
    Exit codes: 0 spoken, 1 the config has problems, 2 wrong usage, 3 no answer.
    """
    said = _text(text)
    with client_of(config, stage) as client, waiting(intent):
        speech = client.speak(intent, said, voice=voice)
    _write(speech, output, as_json)


COMMANDS = (ask, image, embed, transcribe, speak)
