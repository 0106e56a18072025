"""A build whose work is done in shares, elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, BagOfCharacters
from numpy.typing import NDArray

from qa.builds import build_lock, current_name
from qa.errors import BuildInProgress, CorpusError
from qa.indexing import build_index
from qa.spread import shares, take, work_out


@dataclass(frozen=True)
class Counting(BagOfCharacters):
    """Remembers what it was asked to encode."""

    asked: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return super().encode(texts)


def test_shares_have_every_policy_once_and_about_the_same_size(tmp_path: Path) -> None:
    for name, size in (("a", 70), ("b", 60), ("c", 50), ("d", 40), ("e", 30), ("f", 10)):
        (tmp_path / f"{name}.txt").write_text("一" * size, encoding="utf-8")
    found = [sorted(path.stem for path in share) for share in shares(tmp_path, 3)]
    assert found == [["a", "f"], ["b", "e"], ["c", "d"]]


def test_there_are_no_more_shares_than_policies(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("一、条文。", encoding="utf-8")
    assert shares(tmp_path, 5) == [[tmp_path / "one.txt"]]
    with pytest.raises(CorpusError):
        shares(tmp_path / "nowhere", 2)


def test_a_build_embeds_no_passage_that_a_share_has_embedded(tmp_path: Path) -> None:
    parts = shares(SMALL, 2)
    assert len(parts) == 2
    caches = [work_out(SMALL, share, BagOfCharacters()) for share in parts]
    take(tmp_path / "index", caches)
    encoder = Counting()
    build_index(SMALL, tmp_path / "index", encoder, compressed=True)
    alone = Counting()
    build_index(SMALL, tmp_path / "alone", alone, compressed=True)
    assert current_name(tmp_path / "index") == current_name(tmp_path / "alone")
    # What is left are the words of all shares, which are embedded together.
    assert 0 < len(encoder.asked) < len(alone.asked)
    assert not any(len(text) > 12 for text in encoder.asked if not text.isascii())


def test_a_share_that_cannot_be_used_holds_up_nothing(tmp_path: Path) -> None:
    corpus = Path(shutil.copytree(SMALL, tmp_path / "corpus"))
    empty = corpus / "empty.txt"
    empty.write_text("", encoding="utf-8")
    take(tmp_path / "index", [work_out(corpus, [empty], BagOfCharacters())])
    built = build_index(corpus, tmp_path / "index", BagOfCharacters())
    assert built.manifest.documents == len(shares(SMALL, 99))


def test_an_index_that_is_being_built_takes_nothing(tmp_path: Path) -> None:
    with build_lock(tmp_path), pytest.raises(BuildInProgress):
        take(tmp_path, [])
