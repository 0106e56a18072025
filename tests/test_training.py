"""Training: what goes into pairs, what the tokenizer promises, that training learns."""

from __future__ import annotations

import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="training has requirements of its own")

import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from training.augment import Typist
from training.config import PairsConfig, TokenizerConfig, TrainConfig, load_config
from training.export import export
from training.negatives import confused_by_model, confused_by_words, groups
from training.pairs import (
    Pair,
    in_holdout,
    law_pairs,
    limited,
    read_glossary,
    read_pairs,
    read_parallel,
    read_records,
    read_translations,
    record_pairs,
    write_pairs,
)
from training.tokenizer import common_words, learn, morphemes
from training.train import (
    Augmenter,
    Bucket,
    Ragged,
    RowAdam,
    alternatives,
    contrastive_loss,
    epoch_batches,
    initial_weights,
    not_negatives,
    train,
    with_hard_negatives,
)
from training.words import complete, linear_map, unit, with_constant

ENGLISH = ("red", "green", "white", "black", "small", "large", "old", "new")
CHINESE = ("红色", "绿色", "白色", "黑色", "微小", "巨大", "古老", "崭新")
KOREAN = ("빨간", "초록", "하얀", "검은", "작은", "커다란", "오래된", "새로운")


@pytest.fixture(scope="module")
def sentences() -> list[tuple[str, str, str]]:
    """Two-word texts in Chinese, Korean and English that mean the same."""
    return [
        (CHINESE[i] + CHINESE[j], f"{KOREAN[i]} {KOREAN[j]}", f"{ENGLISH[i]} {ENGLISH[j]}")
        for i in range(8)
        for j in range(8)
        if i != j
    ]


@pytest.fixture(scope="module")
def tokenizer(sentences: list[tuple[str, str, str]]) -> Tokenizer:
    """A tokenizer learned from the sentences."""
    chinese, korean, english = (list(column) for column in zip(*sentences, strict=True))
    config = TokenizerConfig(vocabulary=11_500, chinese=8_000)
    return learn({"zh": chinese * 3, "ko": korean * 3, "en": english * 3}, config)


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(text, add_special_tokens=False).tokens)


class TestTokenizer:
    def test_pieces_follow_words(self, tokenizer: Tokenizer) -> None:
        assert tokens(tokenizer, "红色古老") == ["红色", "古老"]

    @pytest.mark.parametrize(
        ("written", "plain"),
        [("紅色", "红色"), ("ＲＥＤ", "red"), ("red\u200b", "red"), ("後門貿易", "后门贸易")],
    )
    def test_writes_of_one_text_are_one_text(
        self, tokenizer: Tokenizer, written: str, plain: str
    ) -> None:
        assert tokens(tokenizer, written) == tokens(tokenizer, plain)

    def test_korean_is_cut_at_morphemes_that_share_no_syllable(self) -> None:
        assert list(morphemes(["비가 와서 우산을 샀어요", "", "abc"])) == [
            "비 가 와서 우산 을 샀 어요",
            "",
            "abc",
        ]

    def test_common_words_are_pieces_though_no_text_has_them(
        self, sentences: list[tuple[str, str, str]]
    ) -> None:
        pytest.importorskip("wordfreq", reason="training has requirements of its own")
        _, korean, english = (list(column) for column in zip(*sentences, strict=True))
        config = TokenizerConfig(vocabulary=3_500, chinese=100, common_words=3_000)
        learned = learn({"zh": [], "ko": korean, "en": english}, config)
        assert {"water", "친구"} <= set(learned.get_vocab())
        assert tokens(learned, "Water") == ["water"]
        words, scores = zip(*common_words("ko", 500), strict=True)
        assert "사람" in words and "person" not in words
        assert list(scores) == sorted(scores, reverse=True)

    def test_scripts_and_punctuation_are_borders(self, tokenizer: Tokenizer) -> None:
        assert tokens(tokenizer, "红色red，빨간20") == [
            *tokens(tokenizer, "红色"),
            *tokens(tokenizer, "red"),
            *tokens(tokenizer, ","),
            *tokens(tokenizer, "빨간"),
            *tokens(tokenizer, "20"),
        ]

    def test_unseen_characters_become_bytes(self, tokenizer: Tokenizer) -> None:
        assert tokens(tokenizer, "🙂") == ["<0xF0>", "<0x9F>", "<0x99>", "<0x82>"]

    @given(st.characters(categories=("L", "N", "P", "S")))
    def test_every_character_has_a_token(self, tokenizer: Tokenizer, character: str) -> None:
        assert tokens(tokenizer, character)

    @given(st.text())
    def test_no_text_holds_unknown_tokens(self, tokenizer: Tokenizer, text: str) -> None:
        assert "<unk>" not in tokens(tokenizer, text)


@pytest.fixture
def laws(tmp_path: Path) -> Path:
    """An archive with one law of four articles, each of two sentences of two phrases."""
    law = "# 某某条例\n" + "".join(
        f"第{n}条 企业应当依法申报出口货物{n}，如实提交材料。主管部门应当及时，办理退税手续{n}。\n\n"
        for n in "一二三四"
    )
    (tmp_path / "law.md").write_text(law, encoding="utf-8")
    with tarfile.open(tmp_path / "laws.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "law.md", "law.md")
    return tmp_path / "laws.tar.xz"


class TestPairs:
    def test_parallel_files_name_source_and_languages(self, tmp_path: Path) -> None:
        (tmp_path / "gov_x.zh-ko.tsv").write_text("出口\t수출\n空\t\n", encoding="utf-8")
        assert list(read_parallel(tmp_path)) == [Pair("gov_x", "zh-ko", "", "出口", "수출")]

    def test_a_glossary_row_gives_every_two_of_its_terms(self, tmp_path: Path) -> None:
        (tmp_path / "trade.csv").write_text(
            "zh,en,ko,zh_aliases,en_aliases,ko_aliases\n报关,customs declaration,통관,申报|清关,,\n",
            encoding="utf-8",
        )
        pairs = list(read_glossary(tmp_path))
        assert len(pairs) == 5 * 4 // 2
        assert Pair("glossary", "ko-en", pairs[0].record, "통관", "customs declaration") in pairs

    def test_records_give_pairs_across_languages_and_skip_broken_lines(
        self, tmp_path: Path
    ) -> None:
        record = {
            "topic": "tax",
            "clause": {"zh": "退税", "en": "refund", "ko": "환급"},
            "title": {"zh": "税"},
            "questions": {"zh": ["退吗"], "en": ["refunded?"]},
        }
        lines = json.dumps(record, ensure_ascii=False) + '\n{"clause": {"zh"'
        (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
        (found,) = read_records(tmp_path)
        pairs = list(record_pairs(found, Typist([], random.Random(0)), typo_share=0.0))
        kinds = [pair.source for pair in pairs]
        assert kinds.count("texts.translation") == 3
        assert kinds.count("texts.title") == 3
        assert kinds.count("texts.question") == 2 * 3
        assert kinds.count("texts.paraphrase") == 1
        assert {pair.record for pair in pairs} == {"texts/a/0"}

    def test_rows_of_translations_give_every_two_of_their_texts(self, tmp_path: Path) -> None:
        (tmp_path / "a.tsv").write_text("zh\tzh\ten\n钱\t款项\tmoney\n", encoding="utf-8")
        assert list(read_translations(tmp_path)) == [
            Pair("written.a", "zh-zh", "a/2", "钱", "款项"),
            Pair("written.a", "zh-en", "a/2", "钱", "money"),
            Pair("written.a", "zh-en", "a/2", "款项", "money"),
        ]

    def test_a_row_of_translations_with_a_column_missing_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.tsv").write_text("zh\ten\n钱\tmoney\n税\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"a\.tsv, line 3: 1 columns, the first line has 2"):
            list(read_translations(tmp_path))

    def test_a_sentence_of_a_law_is_taken_out_of_its_article_unless_it_is_to_stay(
        self, laws: Path
    ) -> None:
        out = list(law_pairs(laws, PairsConfig({}, {}, 10, 2), random.Random(0)))
        assert [pair.source for pair in out] == ["laws.neighbours"] * 4 + ["laws.titles"] * 2
        assert all(pair.left not in pair.right for pair in out)
        stay = list(law_pairs(laws, PairsConfig({}, {}, 10, 0, laws_kept=1), random.Random(0)))
        assert len(stay) == 4 and all(pair.left in pair.right for pair in stay)

    def test_a_phrase_of_a_law_has_no_comma(self, laws: Path) -> None:
        config = PairsConfig({}, {}, 10, 0, laws_phrases=1)
        for pair in law_pairs(laws, config, random.Random(0)):
            assert len(pair.left) >= 8 and not set(pair.left) & set("，。")

    def test_limits_cap_the_sources_they_name(self) -> None:
        pairs = [Pair("a", "zh-en", "", str(n), "x") for n in range(9)]
        pairs += [Pair("b", "zh-en", "", str(n), "x") for n in range(9)]
        kept = limited(pairs, {"a.*": 4}, random.Random(0))
        assert [pair.source for pair in kept] == ["a"] * 4 + ["b"] * 9

    def test_holdout_depends_on_the_record_alone(self) -> None:
        names = [f"texts/a/{n}" for n in range(2000)]
        held = [in_holdout(name, 0.1) for name in names]
        assert held == [in_holdout(name, 0.1) for name in names]
        assert 0.07 < np.mean(held) < 0.13

    @given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=5))
    def test_written_pairs_come_back(
        self, tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
    ) -> None:
        pairs = [Pair("s", "zh-en", "", *(" ".join(t.split()) for t in two)) for two in texts]
        path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
        write_pairs(pairs, path)
        assert read_pairs(path) == pairs


class TestTypist:
    def test_chinese_errors_sound_the_same(self) -> None:
        typist = Typist(["事实是市式"] * 3, random.Random(1))
        written = {typist.mistype("事", "zh") for _ in range(50)} - {"事"}
        assert written and written <= set("实是市式")

    def test_korean_may_lose_its_spaces(self) -> None:
        typist = Typist([], random.Random(1))
        assert "수출보험료지원" in {typist.mistype("수출 보험료 지원", "ko") for _ in range(20)}


class TestWords:
    def test_a_linear_map_is_found_again(self) -> None:
        rng = np.random.default_rng(0)
        sources = unit(rng.normal(size=(4000, 6)).astype(np.float32))
        matrix, shift = rng.normal(size=(6, 3)), rng.normal(size=3)
        targets = (sources @ matrix + shift).astype(np.float32)
        found = with_constant(sources) @ linear_map(sources, targets)
        assert np.abs(found - targets).mean() < 0.1 * np.abs(targets).mean()

    def test_rare_tokens_are_drawn_towards_what_their_words_predict(self) -> None:
        rng = np.random.default_rng(0)
        words = unit(rng.normal(size=(400, 8)).astype(np.float32))
        turn = np.linalg.qr(rng.normal(size=(8, 8)))[0].astype(np.float32)
        weights = 3 * words @ turn
        truth = weights.copy()
        counts = np.full(400, 1000)
        counts[:20] = 0
        weights[:20] = rng.normal(size=(20, 8))
        completed = complete(weights, words, counts, prior=10.0)
        cosines = (unit(completed) * unit(truth)).sum(axis=1)
        assert cosines[:20].min() > 0.95
        assert np.linalg.norm(completed[:20], axis=1) == pytest.approx(3, abs=0.1)
        assert (cosines[20:] > 0.999).all()
        assert complete(weights, words, counts, prior=0.0) is weights


class TestTraining:
    def test_ragged_rows_come_back_in_the_order_asked_for(self) -> None:
        ragged = Ragged.of([[1, 2], [], [3]])
        taken = ragged.take(np.array([2, 0, 1, 2]))
        assert taken.values.tolist() == [3, 1, 2, 3]
        assert taken.starts.tolist() == [0, 1, 3, 3, 4]

    def test_augmented_texts_keep_a_token_and_split_into_parts(self, tokenizer: Tokenizer) -> None:
        config = TrainConfig(token_dropout=0.9, token_split=1.0)
        augment = Augmenter(alternatives(tokenizer), config, np.random.default_rng(0))
        red = tokenizer.get_vocab()["红色"]
        changed = augment(Ragged.of([[red]] * 20))
        assert (np.diff(changed.starts) == 2).all()
        assert [tokenizer.id_to_token(token) for token in changed.values[:2]] == ["红", "色"]

    def test_the_loss_ignores_pairs_of_the_same_record(self) -> None:
        left = torch.eye(3)
        right = torch.stack([left[0], left[0], left[2]])  # pair 1 is wrong unless 0 is excluded
        apart = not_negatives(np.arange(3), np.arange(3), np.array([-1, -2, -3]))
        same = not_negatives(np.arange(3), np.arange(3), np.array([5, 5, -3]))
        assert contrastive_loss(left, right, same, 0.1) < contrastive_loss(left, right, apart, 0.1)

    def test_the_loss_is_the_mean_of_two_cross_entropies(self) -> None:
        generator = torch.Generator().manual_seed(0)
        left, right = torch.nn.functional.normalize(
            torch.randn(2, 16, 8, generator=generator), dim=2
        ).requires_grad_()
        same = not_negatives(np.arange(16), np.arange(16), np.arange(16) // 2)
        scores = (left @ right.T / 0.1).masked_fill(same, -torch.inf)
        target = torch.arange(16)
        entropy = torch.nn.functional.cross_entropy
        expected = (entropy(scores, target) + entropy(scores.T, target)) / 2
        loss = contrastive_loss(left, right, same, 0.1)
        assert loss.item() == pytest.approx(expected.item(), rel=0.02)
        ours = torch.autograd.grad(loss, (left, right))
        theirs = torch.autograd.grad(expected, (left, right))
        for gradient, wanted in zip(ours, theirs, strict=True):
            assert (gradient - wanted).norm() < 0.02 * wanted.norm()

    def test_words_set_the_first_dimensions_and_the_others_are_free(self) -> None:
        words = unit(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32))
        counts = np.array([0, 0, 0, 0, 100])
        config = TrainConfig(dimension=10, free_scale=0.5)
        weights = initial_weights(counts, words, config, 0).numpy()
        assert unit(weights[:, :4]) == pytest.approx(words, abs=1e-6)
        lengths = np.linalg.norm(weights, axis=1)
        assert np.linalg.norm(weights[:, 4:], axis=1) == pytest.approx(lengths / 5**0.5)
        assert lengths[4] < 0.01 * lengths[0]  # frequent words weigh little

    def test_eight_bits_keep_the_direction_of_a_text(
        self, tokenizer: Tokenizer, tmp_path: Path
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(tokenizer.get_vocab_size(), 64, generator=generator)
        weights *= torch.logspace(-3, 1, len(weights))[:, None]  # rare words weigh most
        export(weights, tokenizer, tmp_path / "model")
        model = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
        text = "红色 old 빨간"
        exact = weights[tokenizer.encode(text, add_special_tokens=False).ids].sum(dim=0)
        exact = torch.nn.functional.normalize(exact, dim=0)
        assert float(model.encode(text) @ exact.numpy()) > 0.9999
        assert (tmp_path / "model" / "model.safetensors").stat().st_size < 70 * len(weights) + 400

    def test_row_adam_does_what_torch_adam_does(self) -> None:
        start, gradients = torch.randn(4, 3), torch.randn(5, 4, 3)
        ours = RowAdam(start.clone())
        theirs = start.clone().requires_grad_()
        optimiser = torch.optim.Adam([theirs], lr=0.1)
        for gradient in gradients:
            ours.step(torch.arange(4), gradient, 0.1)
            theirs.grad = gradient
            optimiser.step()
        assert torch.allclose(ours.weights, theirs, atol=1e-5)

    def test_the_free_dimensions_are_shortened_at_the_end(
        self,
        tokenizer: Tokenizer,
        sentences: list[tuple[str, str, str]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        words = unit(np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 16)))
        monkeypatch.setattr("training.train.token_vectors", lambda *_: words.astype(np.float32))
        pairs = [Pair("t", "zh-en", "", zh, en) for zh, _, en in sentences]
        full, shortened = (
            train(
                pairs,
                tokenizer,
                PairsConfig({}, {}),
                TrainConfig(
                    dimension=24, epochs=2, threads=1, word_teacher="any", free_share=share
                ),
                0,
                tmp_path,
            )
            for share in (1.0, 0.5)
        )
        assert torch.allclose(shortened[:, :16], full[:, :16])
        assert torch.allclose(shortened[:, 16:], full[:, 16:] / 2)

    def test_a_trained_model_finds_translations_that_it_has_not_seen(
        self, tokenizer: Tokenizer, sentences: list[tuple[str, str, str]], tmp_path: Path
    ) -> None:
        seen, unseen = sentences[:44], sentences[44:]
        pairs = [Pair("t", "zh-en", "", zh, en) for zh, _, en in seen]
        pairs += [Pair("t", "ko-en", "", ko, en) for _, ko, en in seen]
        config = TrainConfig(
            dimension=32, batch=64, epochs=60, token_dropout=0.0, token_split=0.0, threads=1
        )
        weights = train(pairs, tokenizer, PairsConfig({}, {}), config, 0, tmp_path)
        export(weights, tokenizer, tmp_path / "model")
        model = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
        chinese, korean, english = (
            model.encode(list(texts)) for texts in zip(*unseen, strict=True)
        )
        # a bag of words cannot tell "red green" from "green red": equal texts count as found
        for vectors in (chinese, korean):
            scores = vectors @ english.T
            assert (scores.max(axis=1) - scores.diagonal() < 1e-3).mean() > 0.8
        assert np.allclose(np.linalg.norm(chinese, axis=1), 1, atol=1e-3)
        assert not model.encode([""]).any()


class TestHardNegatives:
    def test_bm25_confuses_texts_of_the_same_words(self) -> None:
        found = confused_by_words([[1, 2], [7]], [[3, 4], [1, 2], [7, 8]][:2])
        assert found[0].tolist() == [1, 0]

    def test_a_model_confuses_texts_of_like_vectors(
        self, tokenizer: Tokenizer, tmp_path: Path
    ) -> None:
        weights = torch.eye(tokenizer.get_vocab_size(), 64)
        red, green = (tokenizer.get_vocab()[word] for word in ("红色", "绿色"))
        weights[[red, green]] = torch.eye(2, 64)
        export(weights, tokenizer, tmp_path / "model")
        found = confused_by_model(["绿色"], ["红色", "绿色"], str(tmp_path / "model"))
        assert found.tolist() == [[1, 0]]

    @given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 9))
    def test_every_pair_is_in_one_group_of_bounded_size(
        self, count: int, size: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        found = rng.integers(0, count, (count, 5))
        group = groups(np.array([np.unique(row)[:1].repeat(5) for row in found]), size, rng)
        assert len(group) == count and group.min() >= 0
        assert np.bincount(group).max() <= max(size, 1)

    def test_a_group_does_not_leave_its_batch(self) -> None:
        rows = np.arange(128)
        bucket = Bucket("b", rows, rows, rows, rows % 32)  # 32 groups of four
        for left, _, _ in epoch_batches([bucket], 64, np.random.default_rng(0)):
            assert sorted(np.bincount(left % 32).tolist())[-16:] == [4] * 16

    def test_only_the_buckets_named_are_grouped(self) -> None:
        rows = np.arange(4)
        buckets = [Bucket(name, rows, rows, rows, rows) for name in ("laws.x", "other")]
        tokens = Ragged.of([[1, 2], [1, 2], [3, 4], [3, 4]])
        config = TrainConfig(hard_negatives=("laws.*",), hard_negatives_group=2)
        grouped, other = with_hard_negatives(
            buckets, ["a", "b", "c", "d"], tokens, config, np.random.default_rng(0)
        )
        assert grouped.group[0] == grouped.group[1] != grouped.group[2] == grouped.group[3]
        assert other is buckets[1]


CONFIGURATIONS = Path(__file__).resolve().parents[1] / "training"


@pytest.mark.parametrize(
    "path", [CONFIGURATIONS / "config.toml", *sorted((CONFIGURATIONS / "configs").glob("*.toml"))]
)
def test_the_configurations_are_valid(path: Path) -> None:
    assert load_config(path).train.dimension == 640


def test_a_configuration_says_what_its_base_does_not(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(
        'name = "a"\nseed = 1\n[pairs]\nlimits = {x = 1}\nrepeats = {}\n[train]\nbatch = 7\n'
    )
    (tmp_path / "own.toml").write_text(
        'base = "base.toml"\nname = "b"\n[train]\nepochs = 3\nhard_negatives = ["laws.*"]\n'
    )
    config = load_config(tmp_path / "own.toml")
    assert (config.name, config.seed, config.pairs.limits) == ("b", 1, {"x": 1})
    assert (config.train.batch, config.train.epochs) == (7, 3)
    assert config.train.hard_negatives == ("laws.*",)
