"""Texts → unit vectors, by any sentence-transformers model; offline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa.errors import ModelError

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """What the index needs of a model."""

    @property
    def name(self) -> str:
        """The name or folder that loads the model again."""

    @property
    def fingerprint(self) -> str:
        """Changes with the weights: vectors of two fingerprints must never be compared."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (texts, dimension), float32, rows of length 1 (or 0 where a text says nothing)."""


class SentenceTransformerEncoder:
    """A sentence-transformers model from a folder or from the local cache of a model hub.

    Raises:
        ModelError: there is no such model on this machine. Nothing is ever downloaded.
    """

    def __init__(self, name: str) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(name, device="cpu", local_files_only=True)
        except Exception as error:  # the library raises whatever its parts raise
            raise ModelError(
                name,
                f"is not a sentence-transformers model on this machine ({error})",
                "give the folder of one with --model or QA_MODEL",
            ) from error
        self.name = name
        self.fingerprint = model_fingerprint(name)
        self.dimension = int(self._model.get_sentence_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=256,
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)


def model_fingerprint(name: str) -> str:
    """SHA-256 over the files of a model folder; over its name where the model is not a folder."""
    digest = hashlib.sha256()
    folder = Path(name)
    if not folder.is_dir():
        digest.update(name.encode())
        return digest.hexdigest()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".bin", ".txt", ".model"}:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
