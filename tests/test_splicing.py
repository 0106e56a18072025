"""A lexical index that is made from the one before it is the same as one made at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa.splicing
from qa.lexical import Counts, LexicalWriter
from qa.splicing import Earlier, LexicalSplicer

texts = st.lists(
    st.lists(st.sampled_from(["w:a", "w:b", "g:c", "g:d", "s:e"]), max_size=5), max_size=7
)


def counts(of: list[list[str]]) -> Counts:
    return Counts.of(map(Counter, of))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(texts, st.data())
@pytest.mark.parametrize("block", [1, 1 << 18])
def test_whatever_stays_goes_and_comes(
    tmp_path_factory: pytest.TempPathFactory,
    block: int,
    before: list[list[str]],
    data: st.DataObject,
) -> None:
    earlier, at_once, spliced = (tmp_path_factory.mktemp("lexical") for _ in range(3))
    with LexicalWriter(earlier, "name") as writer:
        writer.add(counts(before))
    splicer = LexicalSplicer(spliced, "name", Earlier(earlier, "name"))
    after: list[list[str]] = []
    taken = 0
    while data.draw(st.booleans()):
        if data.draw(st.booleans()) and taken < len(before):
            first = data.draw(st.integers(taken, len(before)))
            taken = data.draw(st.integers(first, len(before)))
            splicer.take(range(first, taken))
            after += before[first:taken]
        else:
            new = data.draw(texts)
            splicer.add(counts(new))
            after += new
    with mock.patch.object(qa.splicing, "_BLOCK", block):
        splicer.close()
    with LexicalWriter(at_once, "name") as writer:
        writer.add(counts(after))
    assert contents(spliced) == contents(at_once)
