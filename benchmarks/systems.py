"""The systems that ``peers.py`` compares: each builds an index in a folder and opens it again.

All get the same passages, the same encoder and, where their interface takes a tokenizer, the same
words: those of ``qa.analysis`` (jieba for Chinese, kiwipiepy for Korean, stems for English). Beyond
that each runs with the settings that its documentation gives for hybrid search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.ncp import words

Search = Callable[[str], list[str]]
"""A question → the ids of the clauses found, best first, each once."""

CANDIDATES = 50
"""Passages that each half of a hybrid search gives: several passages may be of one clause."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with the id of the clause that it is found for."""

    clause: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be searched: a folder as this product reads it, its passages, the encoder."""

    corpus: Path
    passages: list[Passage]
    model: str


class System(Protocol):
    """A search system under comparison."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What a user installs for it."""

    @property
    def tokens(self) -> str:
        """How it splits a text."""

    def build(self, source: Source, folder: Path) -> None:
        """Indexes the passages into ``folder``."""

    def open(self, source: Source, folder: Path) -> Search:
        """Opens what ``build`` wrote."""


def _clauses(passages: Sequence[Passage], positions: Sequence[int]) -> list[str]:
    return list(dict.fromkeys(passages[position].clause for position in positions))


class Ours:
    """This product. Reads the corpus itself: beside the clauses it indexes titles and sentences."""

    packages = ()
    tokens = "words, character grams, sounds, concepts"

    def build(self, source: Source, folder: Path) -> None:
        from qa.encoder import SentenceTransformerEncoder
        from qa.indexing import build_index

        build_index(source.corpus, folder, SentenceTransformerEncoder(source.model))

    def open(self, source: Source, folder: Path) -> Search:
        from qa.assistant import Assistant
        from qa.encoder import load_encoder

        assistant = Assistant.open(folder, load_encoder, source.model)
        return lambda question: [hit.clause.id for hit in assistant.ask(question).hits]


class BM25S:
    """bm25s with its defaults (Lucene's BM25): words only."""

    packages = ("bm25s",)
    tokens = "ours"

    def build(self, source: Source, folder: Path) -> None:
        import bm25s

        retriever = bm25s.BM25()
        retriever.index(
            [words(passage.text) or [""] for passage in source.passages], show_progress=False
        )
        retriever.save(folder)

    def open(self, source: Source, folder: Path) -> Search:
        import bm25s

        retriever = bm25s.BM25.load(folder)
        limit = min(CANDIDATES, len(source.passages))

        def search(question: str) -> list[str]:
            found, _ = retriever.retrieve([words(question) or [""]], k=limit, show_progress=False)
            return _clauses(source.passages, found[0])

        return search


class Txtai:
    """txtai, hybrid: BM25 and dense with equal weights, scores as ``hybrid=True`` makes them."""

    packages = ("txtai", "sentence-transformers")
    tokens = "ours"

    def build(self, source: Source, folder: Path) -> None:
        from txtai import Embeddings

        embeddings = Embeddings(
            path=source.model,
            method="sentence-transformers",
            scoring={
                "method": "benchmarks.txtai_scoring.WordsBM25",
                "terms": True,
                "normalize": True,
            },
        )
        embeddings.index([(i, passage.text, None) for i, passage in enumerate(source.passages)])
        embeddings.save(str(folder))

    def open(self, source: Source, folder: Path) -> Search:
        from txtai import Embeddings

        embeddings = Embeddings()
        embeddings.load(str(folder))
        return lambda question: _clauses(
            source.passages, [int(i) for i, _ in embeddings.search(question, CANDIDATES)]
        )


class LangChain:
    """LangChain's FAISS and BM25Retriever in an EnsembleRetriever (reciprocal rank fusion).

    Its BM25 cannot be saved: it is made anew from the passages when opened.
    """

    packages = (
        "langchain-classic",
        "langchain-community",
        "langchain-huggingface",
        "rank-bm25",
        "faiss-cpu",
        "sentence-transformers",
    )
    tokens = "ours"

    def _embeddings(self, model: str) -> Any:
        from langchain_huggingface import HuggingFaceEmbeddings

        return HuggingFaceEmbeddings(model_name=model)

    def build(self, source: Source, folder: Path) -> None:
        from langchain_community.vectorstores import FAISS

        texts = [passage.text for passage in source.passages]
        positions = [{"position": i} for i in range(len(source.passages))]
        FAISS.from_texts(texts, self._embeddings(source.model), positions).save_local(str(folder))

    def open(self, source: Source, folder: Path) -> Search:
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever
        from langchain_community.vectorstores import FAISS

        store = FAISS.load_local(
            str(folder), self._embeddings(source.model), allow_dangerous_deserialization=True
        )
        lexical = BM25Retriever.from_texts(
            [passage.text for passage in source.passages],
            [{"position": i} for i in range(len(source.passages))],
            preprocess_func=words,
            k=CANDIDATES,
        )
        dense = store.as_retriever(search_kwargs={"k": CANDIDATES})
        ensemble = EnsembleRetriever(
            retrievers=[lexical, dense], weights=[0.5, 0.5], id_key="position"
        )
        return lambda question: _clauses(
            source.passages, [found.metadata["position"] for found in ensemble.invoke(question)]
        )


class Haystack:
    """Haystack's in-memory store: BM25 and embedding retrievers, joined by reciprocal rank."""

    packages = ("haystack-ai", "sentence-transformers-haystack")
    tokens = "its own: one Chinese or Korean character each (it takes a pattern only)"

    def build(self, source: Source, folder: Path) -> None:
        from haystack import Document
        from haystack.document_stores.in_memory import InMemoryDocumentStore
        from haystack_integrations.components.embedders.sentence_transformers import (
            SentenceTransformersDocumentEmbedder,
        )

        embedder = SentenceTransformersDocumentEmbedder(model=source.model, progress_bar=False)
        embedder.warm_up()
        documents = [
            Document(id=str(i), content=passage.text) for i, passage in enumerate(source.passages)
        ]
        store = InMemoryDocumentStore()
        store.write_documents(embedder.run(documents)["documents"])
        store.save_to_disk(str(folder / "store.json"))

    def open(self, source: Source, folder: Path) -> Search:
        from haystack import Pipeline
        from haystack.components.joiners import DocumentJoiner
        from haystack.components.retrievers.in_memory import (
            InMemoryBM25Retriever,
            InMemoryEmbeddingRetriever,
        )
        from haystack.document_stores.in_memory import InMemoryDocumentStore
        from haystack_integrations.components.embedders.sentence_transformers import (
            SentenceTransformersTextEmbedder,
        )

        store = InMemoryDocumentStore.load_from_disk(str(folder / "store.json"))
        pipeline = Pipeline()
        pipeline.add_component(
            "embedder", SentenceTransformersTextEmbedder(model=source.model, progress_bar=False)
        )
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=CANDIDATES))
        pipeline.add_component("lexical", InMemoryBM25Retriever(store, top_k=CANDIDATES))
        pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        pipeline.connect("embedder.embedding", "dense.query_embedding")
        pipeline.connect("dense", "joiner")
        pipeline.connect("lexical", "joiner")

        def search(question: str) -> list[str]:
            found = pipeline.run({"embedder": {"text": question}, "lexical": {"query": question}})
            return _clauses(
                source.passages, [int(each.id) for each in found["joiner"]["documents"]]
            )

        return search


SYSTEMS: dict[str, System] = {
    "this": Ours(),
    "txtai": Txtai(),
    "LangChain": LangChain(),
    "Haystack": Haystack(),
    "bm25s": BM25S(),
}
