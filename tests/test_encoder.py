"""Texts → unit vectors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from qa.config import DEFAULT_MODEL
from qa.encoder import (
    Encoder,
    SentenceTransformerEncoder,
    StaticEncoder,
    load_encoder,
    model_fingerprint,
)
from qa.errors import ModelError

TEXTS = [
    "出口退税要几天",
    "How long does an export tax refund take?",
    "수출 환급은 얼마나 걸리나요?",
    "AEO企业 tax 환급 3.5%",
    "窑" * 3000,
    "😀‮ אבג",
]


def test_a_vector_is_the_mean_of_the_embeddings_of_the_tokens(shipped_encoder: Encoder) -> None:
    tokenizer = Tokenizer.from_file(str(DEFAULT_MODEL / "tokenizer.json"))
    tensors = load_file(DEFAULT_MODEL / "model.safetensors")
    # The layout of model2vec: a weight for each token beside its embedding.
    embeddings = tensors["embeddings"].astype(np.float64) * tensors["weights"][:, None]
    for text in TEXTS:
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        mean = embeddings[tokens].mean(axis=0)
        expected = mean / np.sqrt((mean**2).sum())
        assert shipped_encoder.encode([text])[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_the_vectors_are_those_of_sentence_transformers(shipped_encoder: Encoder) -> None:
    oracle = SentenceTransformerEncoder(str(DEFAULT_MODEL))
    assert isinstance(shipped_encoder, StaticEncoder)
    assert oracle.dimension == shipped_encoder.dimension
    assert oracle.fingerprint == shipped_encoder.fingerprint
    assert np.abs(oracle.encode(TEXTS) - shipped_encoder.encode(TEXTS)).max() < 1e-5
    assert oracle.encode([]).shape == (0, oracle.dimension)


def test_rows_have_length_1_and_nothing_has_length_0(shipped_encoder: Encoder) -> None:
    vectors = shipped_encoder.encode([*TEXTS, ""])
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS) + 1, shipped_encoder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0] * len(TEXTS) + [0.0])


def test_no_texts_give_no_vectors(shipped_encoder: Encoder) -> None:
    assert shipped_encoder.encode([]).shape == (0, shipped_encoder.dimension)


def test_a_text_has_the_same_vector_in_any_company(shipped_encoder: Encoder) -> None:
    together = shipped_encoder.encode(TEXTS)
    alone = np.concatenate([shipped_encoder.encode([text]) for text in TEXTS])
    assert together.tolist() == alone.tolist()


@given(st.text(st.characters()))
def test_any_text_has_a_vector(shipped_encoder: Encoder, text: str) -> None:
    (vector,) = shipped_encoder.encode([text])
    assert np.isfinite(vector).all()
    length = float(np.linalg.norm(vector))
    assert length == pytest.approx(1, abs=1e-4) or length == 0


# --- how people write

SHIPPED = Tokenizer.from_file(str(DEFAULT_MODEL / "tokenizer.json"))


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_holds_a_token_that_means_unknown(text: str) -> None:
    assert "<unk>" not in SHIPPED.encode(text, add_special_tokens=False).tokens


WRITTEN = st.characters(categories=("L", "N", "P", "S"))
"""Letters, numbers and signs of any script."""


@given(st.text(WRITTEN, min_size=1))
def test_every_character_that_is_written_counts(shipped_encoder: Encoder, text: str) -> None:
    assert SHIPPED.encode(text, add_special_tokens=False).tokens
    assert np.linalg.norm(shipped_encoder.encode([text])[0]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("企業申請出口退稅需要哪些材料", "企业申请出口退税需要哪些材料"),
        ("ＡＥＯ企业，税率３．５％", "AEO企业,税率3.5%"),
        ("How Long Does The REFUND Take?", "how long does the refund take?"),
        ("수출\u00a0보험료\u200b 지원", "수출 보험료 지원"),
    ],
)
def test_traditional_full_width_and_capital_forms_are_the_same_text(
    written: str, plain: str, shipped_encoder: Encoder
) -> None:
    first, second = shipped_encoder.encode([written, plain])
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize(
    ("mistyped", "meant", "other"),
    [
        ("出口推税要多久能到帐", "出口退税要多久能到账", "失业登记要带什么证件"),
        ("how logn does the exprot tax refund take", "how long does the export tax refund take",
         "which papers do I need to register as unemployed"),
        ("수출환급은얼마나걸리나요", "수출 환급은 얼마나 걸리나요", "실업 등록에 필요한 서류가 뭐예요"),
    ],
)  # fmt: skip
def test_a_mistyped_question_stays_closer_to_what_was_meant(
    mistyped: str, meant: str, other: str, shipped_encoder: Encoder
) -> None:
    slip, right, wrong = shipped_encoder.encode([mistyped, meant, other])
    assert slip @ right > 0.5
    assert slip @ right > slip @ wrong + 0.2


# --- other models


WORDS = ["[UNK]", "kiln", "glaze"]


@pytest.fixture
def static_model(tmp_path: Path) -> Path:
    """A static model of three words in two dimensions."""
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    module = {
        "idx": 0,
        "name": "0",
        "path": "",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
    (tmp_path / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    save_file(
        {"embedding.weight": np.array([[0, 0], [3, 0], [0, 4]], np.float32)},
        tmp_path / "model.safetensors",
    )
    return tmp_path


def test_a_model_by_hand(static_model: Path) -> None:
    encoder = load_encoder(str(static_model))
    assert isinstance(encoder, StaticEncoder)
    assert encoder.encode(["kiln", "kiln glaze", "unheard"]).tolist() == [
        [1.0, 0.0],
        pytest.approx([0.6, 0.8]),  # (1.5, 2) at length 1
        [0.0, 0.0],
    ]


def test_weights_kept_apart_from_the_embeddings_are_applied(static_model: Path) -> None:
    tensors = {
        "embeddings": np.array([[0, 0], [1, 0], [0, 1]], np.float16),
        "weights": np.array([0, 3, 4], np.float64),
    }
    save_file(tensors, static_model / "model.safetensors")
    (vector,) = StaticEncoder(static_model).encode(["kiln glaze"])
    assert vector == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("types", "reads"),
    [
        (["StaticEmbedding"], True),
        (["StaticEmbedding", "Normalize"], True),
        (["Transformer", "Pooling"], False),
        (["StaticEmbedding", "Dense"], False),
        ([], False),
    ],
)
def test_only_static_models_are_read_directly(
    types: list[str], reads: bool, tmp_path: Path
) -> None:
    modules = [{"path": "", "type": f"sentence_transformers.models.{name}"} for name in types]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    assert StaticEncoder.reads(str(tmp_path)) is reads


@pytest.mark.parametrize("content", [b"", b"{}", b"[3]", b"null", b"\xff"])
def test_a_damaged_list_of_modules_is_no_static_model(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_bytes(content)
    assert StaticEncoder.reads(str(tmp_path)) is False
    assert StaticEncoder.reads(str(tmp_path / "absent")) is False


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_a_model_with_a_damaged_file_is_refused_with_a_remedy(
    name: str, static_model: Path
) -> None:
    (static_model / name).write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"cannot be read .*; restore the folder of the model"):
        load_encoder(str(static_model))


@pytest.mark.slow
def test_without_a_model_on_this_machine_none_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"on this machine .*; give the folder of one with --model or QA_MODEL"
    ):
        load_encoder(str(tmp_path / "absent"))


# --- fingerprints


def test_the_fingerprint_changes_with_every_file_of_the_model(static_model: Path) -> None:
    prints = {model_fingerprint(str(static_model))}
    for name in ("tokenizer.json", "modules.json", "model.safetensors"):
        path = static_model / name
        sound = path.read_bytes()
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        prints.add(model_fingerprint(str(static_model)))
        path.write_bytes(sound)
    assert len(prints) == 4


def test_the_fingerprint_does_not_change_with_place_ranking_or_notes(
    static_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = model_fingerprint(str(static_model))
    (static_model / "ranking.json").write_text("{}", encoding="utf-8")
    (static_model / "README.md").write_text("notes", encoding="utf-8")
    moved = shutil.copytree(static_model, tmp_path_factory.mktemp("place") / "moved")
    assert model_fingerprint(str(static_model)) == model_fingerprint(str(moved)) == before


def test_names_of_models_have_fingerprints_of_their_own() -> None:
    assert model_fingerprint("some/model") != model_fingerprint("other/model")
