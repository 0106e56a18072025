"""txtai's own BM25 over our words: a class of one's own is its way to take a tokenizer."""

from __future__ import annotations

from collections.abc import Callable

from txtai.scoring import BM25

from benchmarks.ncp import words


class WordsBM25(BM25):  # type: ignore[misc]
    """BM25 whose tokens are ``ncp.words``."""

    def loadtokenizer(self) -> Callable[[str], list[str]]:
        """What splits a text, called by txtai."""
        return words
