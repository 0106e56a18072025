"""Fixed texts for users, from one catalogue a language (``languages/<language>/messages.json``)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from qa.types import Language


@cache
def catalogue(language: Language) -> dict[str, str]:
    """All messages of a language by key."""
    source = files("qa") / "languages" / language / "messages.json"
    messages: dict[str, str] = json.loads(source.read_text(encoding="utf-8"))
    return messages


def message(language: Language, key: str, **values: object) -> str:
    """A message with its placeholders filled in.

    Raises:
        KeyError: the catalogue has no such key, or a value is missing.
    """
    return catalogue(language)[key].format(**values)
