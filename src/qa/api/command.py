"""``python -m qa mcp``: the answers as tools, on standard input and output."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qa.config import Settings

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from qa.journal import Journal


@dataclass(frozen=True, slots=True)
class _Local:
    """The assistant of one process, which writes nothing down."""

    assistant: Assistant
    journal: Journal | None = None


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], settings: Settings
) -> None:
    """Adds ``mcp`` to the command line."""
    parser = commands.add_parser(
        "mcp", help="answer as tools of the Model Context Protocol, on standard input and output"
    )
    parser.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    parser.add_argument(
        "--model",
        default="",
        metavar="NAME_OR_PATH",
        help="the model that built the index, where it has moved",
    )
    parser.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from qa.api.tools import server
    from qa.assistant import Assistant
    from qa.encoder import load_encoder

    assistant = Assistant.open(options.index, load_encoder, options.model)
    server(_Local(assistant), "mcp").run("stdio")
    return 0
