"""The engine on other machines: a build is written here first, and what is searched moved there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from qa.lexical import LexicalIndex
from qa.stores.faiss import FaissStore
from qa.stores.milvus import create

_AT_ONCE = 10_000
"""Passages in memory at a time: some 30 MB."""

_MOVED = ("passages.faiss", "passages.codes.npy", "passages.scales.npy")
_MOVED_TERMS = ("texts", "counts", "forward_starts", "forward_terms", "forward_counts")


def move_passages(store: str, index_folder: Path, build: Path, dimension: int) -> str:
    """Moves the vectors and postings of the passages from the files of a build into an engine.

    What is left opens with ``LexicalIndex(build, "terms", postings=False)`` and ``open_engine``.

    Args:
        store: ``QA_STORE``.
        build: the folder of the build under way.

    Returns:
        What opens them again, for the manifest.

    Raises:
        SettingsError: ``store`` names no engine.
        StoreUnavailable: it does not answer; the files stay as they were.
    """
    names = (*_MOVED, *(f"terms.{part}.npy" for part in _MOVED_TERMS))
    files = [build / name for name in names if (build / name).exists()]
    terms, vectors = LexicalIndex(build, "terms"), FaissStore(build, "passages")
    with create(store, index_folder, _digest(files), dimension) as writer:
        for first in range(0, len(terms), _AT_ONCE):
            positions = np.arange(first, min(first + _AT_ONCE, len(terms)), dtype=np.int64)
            writer.add(first, vectors.vectors(positions), *terms.forward(positions))
        writer.close()
    for file in files:
        file.unlink()
    return writer.reference


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
