"""Gradio, without the parts that it would load for nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Has an optional module look as if it were not installed, unless it is in use already."""
    blocked = sys.modules.setdefault(module, None) is None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if blocked:
            del sys.modules[module]


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Has Gradio's components look as if they were in no file: of those that are, Gradio reads the
    source and writes a stub for editors beside it, each time that it is loaded."""
    original = inspect.getfile

    def getfile(object: Any) -> str:  # noqa: A002 -- as the original has it
        if isinstance(object, type) and object.__module__.startswith("gradio."):
            raise OSError(f"{object} is in no file")
        return original(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = original


# Half a second, for a server that Gradio is not asked to be; one more, for editors.
with _absent("mcp"), _without_stubs():
    import gradio as gr

__all__ = ["gr"]
