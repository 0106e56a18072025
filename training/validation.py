"""The target task on records held out from training: does a question find its Chinese clause?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from training.config import PairsConfig
from training.pairs import LANGUAGES, in_holdout, read_records


def validate(model_folder: Path, repository: Path, config: PairsConfig) -> dict[str, float]:
    """recall@1 and recall@5 of the clause of each held-out question, by the question's language,
    among the Chinese clauses of *all* records (empty while there are no records)."""
    records = [r for r in read_records(repository / "training" / "texts") if r.clause.get("zh")]
    held_out = [i for i, record in enumerate(records) if in_holdout(record.id, config.holdout)]
    if not held_out:
        return {}
    model = SentenceTransformer(str(model_folder), device="cpu", local_files_only=True)
    clauses = model.encode([r.clause["zh"] for r in records], normalize_embeddings=True)
    figures: dict[str, float] = {}
    for language in LANGUAGES:
        asked = [(q, i) for i in held_out for q in records[i].questions.get(language, [])]
        if not asked:
            continue
        questions, answers = zip(*asked, strict=True)
        scores = model.encode(list(questions), normalize_embeddings=True) @ clauses.T
        right = np.take_along_axis(scores, np.array(answers)[:, None], axis=1)
        rank = (scores > right).sum(axis=1)
        for k in (1, 5):
            figures[f"held-out {language} recall@{k} (n={len(asked)})"] = float((rank < k).mean())
    return figures
