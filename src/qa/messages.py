"""Fixed texts for users: ``languages/<language>/messages/*.json``, one file for each face."""

from __future__ import annotations

import json
import locale
import os
from functools import cache
from importlib.resources import files

from qa.types import Language


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All messages of a language by key.

    Raises:
        ValueError: two files define the same key.
    """
    messages: dict[str, str] = {}
    folder = files("qa") / "languages" / language / "messages"
    for source in sorted(folder.iterdir(), key=lambda file: file.name):
        texts: dict[str, str] = json.loads(source.read_text(encoding="utf-8"))
        if twice := messages.keys() & texts.keys():
            raise ValueError(f"{source.name} defines again: {', '.join(sorted(twice))}")
        messages |= texts
    return messages


def message(language: Language, key: str, **values: object) -> str:
    """A message with its placeholders filled in.

    Raises:
        KeyError: the catalogue has no such key, or a value is missing.
    """
    return catalogue(language)[key].format(**values)


def terminal_language() -> Language:
    """The language in which the person at this terminal wants to be spoken to; English where it
    is none of ours."""
    name = next(
        (os.environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(key)), ""
    )
    name = (name or locale.getlocale()[0] or "").lower()
    if name.startswith(("zh", "chinese")):
        return "zh"
    return "ko" if name.startswith(("ko", "korean")) else "en"
