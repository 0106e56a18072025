"""A build whose work is done on many machines: each parses and embeds a share of the policies, and
the build that joins them finds all of it in its cache.

    shares(corpus, n) ──each elsewhere: work_out──▶ caches ──take──▶ index/cache.db ──▶ build_index

What carries the shares around is not decided here: ``docs/scaling.md`` has it for Ray.
"""

from __future__ import annotations

import heapq
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from qa.builds import build_lock
from qa.cache import Cache
from qa.corpus import scan
from qa.encoder import Encoder
from qa.errors import CorpusError
from qa.indexing import build_index

_CACHE = "cache.db"


def shares(corpus_folder: Path, count: int) -> list[list[Path]]:
    """The policies of a corpus in ``count`` groups of about the same size in bytes.

    The largest go first, each to the group that is the smallest by then (Graham 1969): the largest
    group is at most 4/3 of what is possible. Fewer policies than groups make as many groups.

    Raises:
        CorpusError: the folder does not exist.
    """
    sizes = {source.path: source.path.stat().st_size for source in scan(corpus_folder)}
    groups: list[list[Path]] = [[] for _ in range(min(count, len(sizes)))]
    heap = [(0, group) for group in range(len(groups))]
    for path in sorted(sizes, key=lambda each: (-sizes[each], each)):
        size, group = heapq.heappop(heap)
        groups[group].append(path)
        heapq.heappush(heap, (size + sizes[path], group))
    return groups


def work_out(corpus_folder: Path, share: Iterable[Path], encoder: Encoder) -> bytes:
    """What a build of the whole corpus needs of the policies of a share: a cache for ``take``. Works
    in this process alone: a machine with several processors takes as many shares.

    Args:
        share: policies of ``corpus_folder``. Both can be read where this runs.
        encoder: the one of the build.
    """
    policies = {source.path for source in scan(corpus_folder)}
    left_out = {path.resolve() for path in policies - set(share)}

    def others(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if (Path(folder) / name).resolve() in left_out}

    with tempfile.TemporaryDirectory() as scratch:
        corpus, index = Path(scratch) / "corpus", Path(scratch) / "index"
        shutil.copytree(corpus_folder, corpus, ignore=others)
        try:
            # Of many policies the vectors are compressed, and a share is a part of many.
            build_index(corpus, index, encoder, workers=1, store="", compressed=True)
        except CorpusError:  # nothing of the share can be used: the whole build will say so
            index.mkdir(exist_ok=True)
            with Cache(index / _CACHE):
                pass
        return (index / _CACHE).read_bytes()


def take(index_folder: Path, caches: Iterable[bytes]) -> None:
    """Puts what was worked out elsewhere into the cache of an index.

    Raises:
        BuildInProgress: the index is being built.
    """
    with build_lock(index_folder), tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / _CACHE
        for data in caches:
            path.write_bytes(data)
            with Cache(index_folder / _CACHE):
                pass  # there is one, and its table
            with closing(sqlite3.connect(index_folder / _CACHE)) as database:
                database.execute("ATTACH ? AS share", (str(path),))
                database.execute("INSERT OR IGNORE INTO kept SELECT * FROM share.kept")
                database.commit()
