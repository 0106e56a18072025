"""Training: the small transformer whose body starts from the teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="training has requirements of its own")
pytest.importorskip("datasets", reason="training has requirements of its own")
pytest.importorskip("accelerate", reason="training has requirements of its own")

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordPiece
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from training import train, transformer
from training.config import PairsConfig, StudentConfig, TrainConfig
from training.pairs import Pair

WIDTH = 32
WORDS = ["red", "green", "house", "boat", "红", "绿", "房", "船"]


def bert(layers: int, vocabulary: int) -> BertModel:
    """A tiny transformer with random weights."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture
def english_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BertModel:
    """A teacher of four English words, and what stands in for its opinion of all of ours."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS[:4]]
    own = Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    own.pre_tokenizer = Whitespace()
    roles = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=own, unk_token="[UNK]", **roles).save_pretrained(
        tmp_path
    )
    model = bert(layers=3, vocabulary=len(pieces))
    model.save_pretrained(tmp_path)
    meaning = np.eye(WIDTH, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2, 3, 0]]
    monkeypatch.setattr(transformer, "NEIGHBOURS", 1)
    monkeypatch.setattr(transformer, "teacher_folder", lambda _: tmp_path)
    monkeypatch.setattr(transformer, "token_vectors", lambda *_: meaning)
    monkeypatch.setattr(
        train,
        "teach",
        lambda texts, *_: np.stack([meaning[WORDS.index(t)] for t in texts]).astype(np.float16),
    )
    return model


@pytest.fixture
def our_tokenizer() -> Tokenizer:
    pieces = [(word, -1.0) for word in (*WORDS, "<unk>")]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=len(WORDS), byte_fallback=False))
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def test_the_student_starts_as_layers_of_the_teacher_over_our_vocabulary(
    english_teacher: BertModel, our_tokenizer: Tokenizer
) -> None:
    folder = transformer.teacher_folder("")
    words = transformer.token_vectors(our_tokenizer, "", "", folder)
    student = transformer.build_student(our_tokenizer, words, folder, StudentConfig(layers=2))
    state, source = student[0].model.state_dict(), english_teacher.state_dict()
    for new, old in ((0, 0), (1, 2)):
        name = "encoder.layer.{}.output.dense.weight"
        assert torch.equal(state[name.format(new)], source[name.format(old)])
    table = state["embeddings.word_embeddings.weight"]
    assert torch.equal(table[:4], source["embeddings.word_embeddings.weight"][4:8])
    assert torch.allclose(table[4:8], table[:4])  # 红 starts where red does
    assert len(table) == len(WORDS) + 1 + 3


@pytest.mark.usefixtures("english_teacher")
def test_the_student_learns_and_can_be_loaded(our_tokenizer: Tokenizer, tmp_path: Path) -> None:
    pairs = [Pair("t", "zh-en", "", WORDS[i + 4], WORDS[i]) for i in range(4) for _ in range(16)]
    config = TrainConfig(teacher="t", teacher_weight=1.0, word_teacher="w", threads=1)
    student = StudentConfig(layers=1, batch=32, steps=30, learning_rate=0.01)
    model = transformer.train_student(
        pairs, our_tokenizer, PairsConfig({}, {}), config, student, 0, tmp_path / "work"
    )
    model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
    vectors = loaded.encode(WORDS)
    assert (vectors[4:] @ vectors[:4].T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
