"""A person at a terminal sees that something is waited for; a file or a pipe holds nothing of it."""

import io
import time

import pytest
from typer.testing import CliRunner

from gateway_config.commands.app import app_for
from gateway_config.runtime.commands import progress
from gateway_config.runtime.commands.progress import waiting


class Terminal(io.StringIO):
    """A terminal that keeps what it was shown."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.01)


def test_a_terminal_is_told_for_how_long_it_waits_and_the_line_goes_again() -> None:
    terminal = Terminal()
    with waiting("artist", terminal):
        time.sleep(0.05)
    assert terminal.getvalue().startswith("\rartist: 0 s")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_the_line_goes_where_the_answer_failed() -> None:
    terminal = Terminal()
    with pytest.raises(ValueError, match="no"), waiting("artist", terminal):
        raise ValueError("no")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_pipe_is_told_nothing() -> None:
    pipe = io.StringIO()
    with waiting("artist", pipe):
        time.sleep(0.02)
    assert pipe.getvalue() == ""


def test_what_is_no_text_is_refused_before_anything_is_asked() -> None:
    result = CliRunner().invoke(app_for(("ask",)), ["ask", "sprinter", "-"], input=b"\xff\xfe")
    assert result.exit_code == 2
    assert "no text in UTF-8" in result.stderr
