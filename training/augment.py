"""Typing errors as people make them, so that the encoder has seen them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable

from pypinyin import lazy_pinyin


class Typist:
    """Writes texts with typing errors: Chinese homophones (the errors of pinyin input methods),
    characters dropped or swapped, Korean without spaces.

    ``texts`` are Chinese texts; the more often a character occurs in them, the more often it is
    the one that is mistakenly chosen, as input methods offer frequent characters first.
    """

    def __init__(self, texts: Iterable[str], rng: random.Random) -> None:
        self.random = rng
        counts = Counter(char for text in texts for char in text if "一" <= char <= "鿿")
        self._homophones: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for char, count in counts.most_common(4000):
            self._homophones[lazy_pinyin(char)[0]].append((char, count))

    def mistype(self, text: str, language: str) -> str:
        """``text`` with one or two typing errors usual in ``language`` (``zh``, ``en``, ``ko``)."""
        if language == "ko" and " " in text and self.random.random() < 0.5:
            return text.replace(" ", "")
        if language == "zh" and self.random.random() < 0.6:
            return self._homophone(text)
        return self._slip(text)

    def _homophone(self, text: str) -> str:
        places = [i for i, char in enumerate(text) if "一" <= char <= "鿿"]
        if not places:
            return text
        chars = list(text)
        for place in self.random.sample(places, min(len(places), self.random.choice((1, 1, 2)))):
            sound = lazy_pinyin(chars[place])[0]
            others = [(c, n) for c, n in self._homophones.get(sound, []) if c != chars[place]]
            if others:
                candidates, weights = zip(*others, strict=True)
                chars[place] = self.random.choices(candidates, weights)[0]
        return "".join(chars)

    def _slip(self, text: str) -> str:
        if len(text) < 4:
            return text
        place = self.random.randrange(len(text) - 1)
        if self.random.random() < 0.5:
            return text[:place] + text[place + 1 :]
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
