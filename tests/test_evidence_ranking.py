"""What speaks for each clause, and how it is weighed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import BagOfCharacters, build_quickly, plain_ranking, write_ranking
from hypothesis import given
from hypothesis import strategies as st

from qa.config import DEFAULT_MODEL
from qa.encoder import model_fingerprint
from qa.errors import ModelError
from qa.evidence import FEATURES, KINDS, Collector, Evidence
from qa.index import Index, open_index
from qa.ranking import FILE, MODES, SIGNALS, Ranking, Weights, signals
from qa.retrieval import Retriever

ENCODER = BagOfCharacters()
QUESTION = "市税务局几天办结窑厂的出口退税"


@pytest.fixture(scope="module")
def collector(index: Index) -> Collector:
    return Collector(index, ENCODER)


def feature(evidence: Evidence, name: str) -> list[float]:
    return [float(value) for value in evidence.features[:, FEATURES.index(name)]]


# --- evidence


@pytest.mark.parametrize(
    ("channel", "letter"), [("words", "w"), ("grams", "g"), ("sounds", "s"), ("concepts", "c")]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_lexical_feature_is_the_best_score_of_the_clauses_passages(
    channel: str, letter: str, kind: str, collector: Collector
) -> None:
    index = collector._index
    query = collector.query(QUESTION)
    scores = index.terms.score(index.terms.weigh(query.analysis.channel(letter)))
    assert scores.shape == (len(index.passages),)
    expected = [
        max(
            (
                float(scores[i])
                for i, p in enumerate(index.passages)
                if p.clause == clause and p.kind == kind
            ),
            default=0.0,
        )
        for clause in range(len(index.clauses))
    ]
    assert feature(collector.collect(query), f"{channel}_{kind}") == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_dense_feature_is_the_highest_cosine_and_never_below_0(
    kind: str, collector: Collector
) -> None:
    index = collector._index
    (question,) = ENCODER.encode([QUESTION])
    expected = [
        max(
            (
                float(ENCODER.encode([p.text])[0] @ question)
                for p in index.passages
                if p.clause == clause and p.kind == kind
            ),
            default=0.0,
        )
        for clause in range(len(index.clauses))
    ]
    found = feature(collector.collect(collector.query(QUESTION)), f"dense_{kind}")
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("question", "shares"),
    [
        ("税务局", {"二": 1.0}),
        ("海关和税务局", {"二": 0.5, "三": 0.5}),
        ("Finance Bureau", {"一": 1.0, "五": 1.0}),
        ("窑厂", {}),
    ],
)
def test_the_department_feature_is_the_share_of_the_named_departments(
    question: str, shares: dict[str, float], collector: Collector
) -> None:
    evidence = collector.collect(collector.query(question))
    found = dict(
        zip(
            (c.number for c in collector._index.clauses),
            feature(evidence, "department"),
            strict=True,
        )
    )
    assert {number: share for number, share in found.items() if share} == shares


def test_text_without_a_number_is_marked(collector: Collector) -> None:
    evidence = collector.collect(collector.query(QUESTION))
    expected = [float(not clause.number) for clause in collector._index.clauses]
    assert feature(evidence, "unnumbered") == expected


def test_coverage_is_full_for_words_that_stand_in_the_clause(collector: Collector) -> None:
    evidence = collector.collect(collector.query("柴窑 quokka"))
    row = [clause.number for clause in collector._index.clauses].index("五")
    covered = dict(zip(evidence.words, evidence.coverage[row], strict=True))
    assert covered["柴窑"] > 0.6
    assert evidence.coverage[:, evidence.words.index("quokka")].max() < 1


def test_a_question_like_one_that_is_known_to_have_no_answer_is_marked(
    corpus_folder: Path, tmp_path: Path
) -> None:
    (corpus_folder / "wordings" / "tangxi_market.zh.csv").write_text(
        "clause,language,question\n,zh,夜市能停车吗\n", encoding="utf-8"
    )
    build_quickly(corpus_folder, tmp_path / "index", ENCODER)
    index = open_index(tmp_path / "index")
    collector = Collector(index, ENCODER)
    evidence = collector.collect(collector.query("夜市能停车吗"))
    of_market = [index.clauses[c].document_id == "tangxi_market" for c in evidence.clauses]
    assert evidence.outside.tolist() == pytest.approx([float(here) for here in of_market])


@given(st.text(st.characters()))
def test_all_evidence_lies_between_0_and_1(collector: Collector, question: str) -> None:
    evidence = collector.collect(collector.query(question))
    for values in (evidence.features, evidence.coverage, evidence.support, evidence.weights):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (values <= 1 + 1e-5).all()
    assert evidence.features.shape == (len(evidence.clauses), len(FEATURES))
    assert evidence.coverage.shape == (len(evidence.clauses), len(evidence.words))
    assert len(evidence.words) == len(evidence.weights)


def test_in_no_document_there_is_no_evidence(collector: Collector) -> None:
    evidence = collector.collect(
        collector.query(QUESTION), np.zeros(len(collector._index.clauses), bool)
    )
    assert evidence.features.shape == (0, len(FEATURES))
    assert len(evidence.passages) == 0


# --- more clauses than can be compared by all the evidence


@pytest.fixture(scope="module")
def long_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Two documents of 300 articles each, alike but for one word in each article."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "corpus").mkdir()
    for name in ("first", "second"):
        articles = "\n\n".join(
            f"第{number}条 窑厂应当按时缴纳费用{name}{chr(97 + number % 26)}x{number}，不得拖欠。"
            for number in range(1, 301)
        )
        (folder / "corpus" / f"{name}.txt").write_text(
            f"收费办法\n\n{articles}\n", encoding="utf-8"
        )
    build_quickly(folder / "corpus", folder / "index", ENCODER)
    return open_index(folder / "index")


def test_the_clause_with_the_rare_word_is_among_the_candidates(long_index: Index) -> None:
    collector = Collector(long_index, ENCODER)
    evidence = collector.collect(collector.query("费用 x287"))
    found = {long_index.clauses[c].number for c in evidence.clauses}
    assert "第287条" in found
    assert len(evidence.clauses) < len(long_index.clauses)
    assert list(evidence.clauses) == sorted(set(evidence.clauses))


def test_candidates_come_from_the_clauses_allowed_only(long_index: Index) -> None:
    collector = Collector(long_index, ENCODER)
    second = np.array([clause.document_id == "second" for clause in long_index.clauses])
    evidence = collector.collect(collector.query("缴纳费用"), second)
    assert len(evidence.clauses) > 0
    assert {long_index.clauses[c].document_id for c in evidence.clauses} == {"second"}


def test_a_named_clause_of_a_long_document_is_found_first(long_index: Index) -> None:
    retriever = Retriever(long_index, ENCODER, plain_ranking())
    assert retriever.search("x287", "zh", 1).hits[0].clause.number == "第287条"


# --- ranking


def evidence_of(**features: list[float]) -> Evidence:
    """Evidence for as many candidates as values are given, 0 in all other features."""
    candidates = len(next(iter(features.values())))
    table = np.zeros((candidates, len(FEATURES)), np.float32)
    for name, values in features.items():
        table[:, FEATURES.index(name)] = values
    values = {field.name: np.zeros(0, np.float32) for field in fields(Evidence)} | {
        "clauses": np.arange(candidates),
        "features": table,
        "words": (),
        "coverage": np.zeros((candidates, 0), np.float32),
        "outside": np.zeros(candidates, np.float32),
    }
    return Evidence(**values)


def ranking_of(rank: dict[str, float], calibrate: dict[str, float], bias: float) -> Ranking:
    weights = Weights(
        np.array([rank.get(name, 0) for name in FEATURES], np.float32),
        np.array([*(calibrate.get(name, 0) for name in SIGNALS), bias], np.float32),
    )
    return Ranking(dict.fromkeys(MODES, weights), 0.6, 0.3)


NATIVE = np.array([True, True, True])


def test_a_probability_by_hand() -> None:
    """Scores 2 · 0.5 = 1, 2 · 0.25 = 0.5, 0; logits 3 · score − 1."""
    ranking = ranking_of({"words_title": 2.0}, {"score": 3.0}, -1.0)
    evidence = evidence_of(words_title=[0.5, 0.25, 0.0])
    assert ranking.scores(evidence, NATIVE).tolist() == [1.0, 0.5, 0.0]
    expected = [1 / (1 + np.exp(-logit)) for logit in (2.0, 0.5, -1.0)]
    assert ranking.probabilities(evidence, NATIVE).tolist() == pytest.approx(expected)


def test_the_lead_is_over_the_best_of_the_others() -> None:
    evidence = evidence_of(words_title=[1.0, 3.0, 2.0])
    seen = signals(evidence, np.array([1.0, 3.0, 2.0], np.float32))
    lead = seen[:, SIGNALS.index("lead")]
    # Over 3, over 2 (the best has the second behind it), over 3; halved and bent.
    assert lead.tolist() == pytest.approx([np.tanh(-1.0), np.tanh(0.5), np.tanh(-0.5)])


def test_a_candidate_alone_leads_by_nothing() -> None:
    assert (
        signals(evidence_of(words_title=[1.0]), np.ones(1, np.float32))[0, SIGNALS.index("lead")]
        == 0
    )


def test_clauses_in_other_languages_have_weights_of_their_own() -> None:
    native = ranking_of({"words_title": 1.0}, {}, 0.0).weights["native"]
    cross = ranking_of({"dense_title": 1.0}, {}, 0.0).weights["cross"]
    ranking = Ranking({"native": native, "cross": cross}, 0.6, 0.3)
    evidence = evidence_of(words_title=[0.25, 0.25], dense_title=[0.5, 0.5])
    assert ranking.scores(evidence, np.array([True, False])).tolist() == [0.25, 0.5]


def test_no_candidates_have_no_probabilities() -> None:
    evidence = replace(
        evidence_of(words_title=[]),
        words=("a",),
        weights=np.ones(1, np.float32),
        coverage=np.zeros((0, 1), np.float32),
    )
    assert plain_ranking().probabilities(evidence, np.zeros(0, bool)).shape == (0,)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8))
def test_a_higher_score_is_never_less_likely(scores: list[float]) -> None:
    ranking = ranking_of({"words_title": 1.0}, {"score": 1.0, "lead": 1.0}, 0.0)
    evidence = evidence_of(words_title=scores)
    probabilities = ranking.probabilities(evidence, np.ones(len(scores), bool))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    order = np.argsort(scores)
    assert (np.diff(probabilities[order]) >= 0).all()


# --- the file of weights


def test_a_ranking_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_ranking(tmp_path, plain_ranking())
    read = Ranking.load(str(tmp_path))
    assert (read.answer, read.clarify) == (0.6, 0.3)
    for mode in MODES:
        assert read.weights[mode].rank.tolist() == plain_ranking().weights[mode].rank.tolist()
        assert (
            read.weights[mode].calibrate.tolist()
            == plain_ranking().weights[mode].calibrate.tolist()
        )


def test_a_model_without_a_ranking_has_that_of_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ranking(tmp_path, replace(plain_ranking(), answer=0.77))
    monkeypatch.setattr("qa.ranking.DEFAULT_MODEL", tmp_path)
    assert Ranking.load("bare-model").answer == 0.77


def test_a_ranking_beside_another_model_than_it_was_fitted_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    write_ranking(tmp_path, plain_ranking())
    record = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    record["model"] = model_fingerprint(str(tmp_path))
    (tmp_path / FILE).write_text(json.dumps(record), encoding="utf-8")
    assert Ranking.load(str(tmp_path)).answer == 0.6
    (tmp_path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(ModelError, match=r"fitted to another model\); run: python -m training"):
        Ranking.load(str(tmp_path))


def test_the_shipped_ranking_names_the_shipped_model() -> None:
    record = json.loads((DEFAULT_MODEL / FILE).read_text(encoding="utf-8"))
    assert record["model"] == model_fingerprint(str(DEFAULT_MODEL))


HARM: dict[str, Callable[[dict[str, object]], object]] = {
    "no object": lambda _: [],
    "no weights": lambda record: {**record, "native": {}},
    "no border": lambda record: {k: v for k, v in record.items() if k != "answer"},
    "other features": lambda record: {**record, "features": ["a"]},
    "other signals": lambda record: {**record, "signals": ["a"]},
    "too few weights": lambda record: {**record, "native": {"rank": [1.0], "calibrate": [1.0]}},
    "words for weights": lambda record: {**record, "native": {"rank": "x", "calibrate": "y"}},
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_ranking_is_refused_with_a_remedy(harm: str, tmp_path: Path) -> None:
    write_ranking(tmp_path, plain_ranking())
    record = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(json.dumps(HARM[harm](record)), encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be used .*; run: python -m training\.ranker"):
        Ranking.load(str(tmp_path))


def test_a_ranking_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff{")
    with pytest.raises(ModelError, match="cannot be used"):
        Ranking.load(str(tmp_path))
