"""Chinese words, by jieba, and the sounds of Chinese characters, by pypinyin."""

from __future__ import annotations

import logging
import warnings
from functools import cache, lru_cache

from platformdirs import user_cache_path
from pypinyin import Style, lazy_pinyin
from pypinyin.seg import mmseg

with warnings.catch_warnings():
    # jieba 0.42.1 still writes "\." in plain strings and imports pkg_resources where it finds it.
    warnings.simplefilter("ignore")
    import jieba


@cache
def _tokenizer() -> jieba.Tokenizer:
    """A tokenizer of our own: ``jieba.add_word`` on the shared one would change the process."""
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    # jieba loads its cache with ``marshal``: never from a folder that others can write to.
    cache_folder = user_cache_path("qa-policy")
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        tokenizer.tmp_dir = str(cache_folder)
    except OSError:  # a read-only home: jieba then builds its dictionary at each start
        tokenizer.tmp_dir = None
    tokenizer.initialize()
    return tokenizer


def words(run: str) -> list[str]:
    """The words of a run of Han characters; long words also give the words inside them."""
    return list(_tokenizer().cut_for_search(run))


def cut(text: str) -> list[str]:
    """The dictionary words of ``text`` in order, such that joining them gives ``text`` back."""
    return list(_tokenizer().cut(text, HMM=False))


def sounds(run: str) -> list[str]:
    """The syllables of a run of Han characters without tones, one a character."""
    return [syllable for word in mmseg.seg.cut(run) for syllable in _sounds_of_word(word)]


@lru_cache(maxsize=20_000)
def _sounds_of_word(word: str) -> tuple[str, ...]:
    """pypinyin cuts a text into such words itself; converting them takes most of its time."""
    return tuple(lazy_pinyin(word, style=Style.NORMAL, errors="ignore"))
