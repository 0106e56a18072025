"""Texts → unit vectors, by any sentence-transformers model; offline."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
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
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode(
            [_encodable(text) for text in texts],
            batch_size=256,
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)


class StaticEncoder:
    """The same vectors for a model of static embeddings, without loading PyTorch.

    sentence-transformers' ``StaticEmbedding`` is the mean of the embeddings of a text's tokens: a
    look-up. Reading its files directly lets the application start in a second instead of six.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            module = folder / json.loads((folder / "modules.json").read_text("utf-8"))[0]["path"]
            self._tokenizer = Tokenizer.from_file(str(module / "tokenizer.json"))
            self._embeddings = _token_embeddings(load_file(module / "model.safetensors"))
        except Exception as error:  # the libraries raise whatever their parts raise
            raise ModelError(
                folder, f"cannot be read ({error})", "restore the folder of the model"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.name = str(folder)
        self.fingerprint = model_fingerprint(str(folder))
        self.dimension = int(self._embeddings.shape[1])

    @staticmethod
    def reads(name: str) -> bool:
        """Whether ``name`` is the folder of a static embedding, normalised and nothing else."""
        try:
            modules = json.loads((Path(name) / "modules.json").read_text("utf-8"))
            kinds = [module["type"].rpartition(".")[2] for module in modules]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        return kinds in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch(
            [_encodable(text) for text in texts], add_special_tokens=False
        )
        for row, encoding in enumerate(encodings):
            if encoding.ids:
                vectors[row] = self._embeddings[encoding.ids].mean(axis=0, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, 1e-12)
        return unit


def _encodable(text: str) -> str:
    """``text`` with what is no character in it (half a surrogate pair) as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _token_embeddings(tensors: Mapping[str, NDArray[np.floating]]) -> Vectors:
    """The embeddings of tokens in either layout that ``StaticEmbedding`` reads: its own, and that
    of model2vec, which keeps the weights of tokens apart."""
    if "embedding.weight" in tensors:
        return tensors["embedding.weight"].astype(np.float32)
    embeddings = tensors["embeddings"].astype(np.float32)
    if "weights" in tensors:
        embeddings *= tensors["weights"].astype(np.float32)[:, None]
    return embeddings


def load_encoder(name: str) -> Encoder:
    """The encoder of a model folder or name, by the quickest way that gives its vectors.

    Raises:
        ModelError: there is no such model on this machine.
    """
    return (
        StaticEncoder(Path(name)) if StaticEncoder.reads(name) else SentenceTransformerEncoder(name)
    )


_MODEL_FILES = {".json", ".safetensors", ".bin", ".txt", ".model"}


def model_fingerprint(name: str) -> str:
    """SHA-256 over the files of a model folder; over its name where the model is not a folder.

    The ranking in the folder can be fitted anew without a change of any vector: it is left out.
    """
    digest = hashlib.sha256()
    folder = Path(name)
    if not folder.is_dir():
        digest.update(name.encode())
        return digest.hexdigest()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _MODEL_FILES and path.name != "ranking.json":
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
