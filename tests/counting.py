"""How many trials somebody asked for on a command line."""

from __future__ import annotations

import argparse


def at_least_one(text: str) -> int:
    """A number of trials; argparse tells whoever asks for none, since a run of none would find nothing wrong."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, not {text!r}")
    return int(text)
