"""Stage 4: write the model as a folder that ``SentenceTransformer(path)`` loads offline."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor


def export(weights: Tensor, tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer and weights to ``folder``, replacing it as a whole (its card stays).

    Vectors of texts come out in single precision with length one; a text without tokens gets the
    zero vector. On disk a token is a row of integers of eight bits and their scale, in the layout of
    model2vec (``embeddings`` and ``weights``), which ``StaticEmbedding`` multiplies in single
    precision when it loads them.
    """
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights), Normalize()],
        device="cpu",
        similarity_fn_name="cosine",
    )
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(str(beside), create_model_card=False)
    scales = weights.abs().amax(dim=1).clamp_min(1e-12) / 127
    tensors = {"embeddings": (weights / scales[:, None]).round().to(torch.int8), "weights": scales}
    save_file(tensors, beside / "model.safetensors")
    (beside / "model.safetensors").chmod(0o644)
    _exchange(beside, folder)


def _exchange(beside: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        card = folder / "README.md"
        if card.exists():
            shutil.copy(card, beside / "README.md")
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
