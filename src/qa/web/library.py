"""Gradio, without the parts that it would load for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Has an optional module look as if it were not installed, unless it is in use already."""
    blocked = sys.modules.setdefault(module, None) is None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if blocked:
            del sys.modules[module]


with _absent("mcp"):  # half a second, for a server that Gradio is not asked to be
    import gradio as gr

__all__ = ["gr"]
