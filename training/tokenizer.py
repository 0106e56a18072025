"""Stage 2: a Unigram tokenizer for Chinese, English and Korean.

It normalises (NFKC, lower case, traditional → simplified Chinese), cuts at white space, punctuation
and borders of scripts, and splits what is between into the likeliest pieces (Kudo 2018, "Subword
Regularization"). Chinese is cut into words by jieba, and Korean into morphemes by Kiwi, *for
learning only*, so that pieces follow them: 加快|出口|退税, 보험료|를. The most frequent words of English
and Korean are pieces even if the training texts lack them: a larger model knows what they mean
(``words.py``). Characters that were never seen fall back to bytes, so no text is lost.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import random
import re
import string
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import jieba
import opencc
import sentencepiece
from kiwipiepy import Kiwi
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, trainers
from tokenizers.models import Unigram

from training.config import TokenizerConfig
from training.pairs import Pair

Piece: TypeAlias = tuple[str, float]
"""A token and the logarithm of its probability."""

UNKNOWN = "<unk>"
HAN = re.compile(r"[㐀-䶿一-鿿]+")
# Korean compounds of the training texts would else become single tokens that no other text has.
LONG_HANGUL = re.compile(r"[가-힣]{5,}")
COMMON_LETTERS = {"en": re.compile(r"[a-z]{2,}"), "ko": re.compile(r"[가-힣]{1,4}")}
# A border of scripts; what belongs to none of these (signs, letters of other scripts, characters newer
# than any table) is a run of its own. ``pre_tokenizers.UnicodeScripts`` would drop such characters.
SCRIPTS = r"[\p{Han}\p{Hiragana}\p{Katakana}ー]+|\p{Hangul}+|\p{Latin}+|\p{Cyrillic}+|\p{Greek}+"
INVISIBLE = r"[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2064\uFEFF]"


def simplifications() -> dict[str, str]:
    """Traditional character → simplified character, where OpenCC's table knows exactly one."""
    table = Path(opencc.__file__).parent / "dictionary" / "TSCharacters.txt"
    rows = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if line)
    return {
        source: targets
        for source, targets in rows
        if len(source) == len(targets) == 1 and source != targets
    }


def character_map(mapping: dict[str, str]) -> bytes:
    """``mapping`` as a SentencePiece character map (a double-array trie), which ``tokenizers``
    applies in one pass over the text, however many characters it has."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        for source, target in mapping.items():
            rules.write(f"{ord(source):X}\t{ord(target):X}\n")
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c"] * 8),
            model_writer=model,
            model_type="char",
            vocab_size=7,
            hard_vocab_limit=False,
            normalization_rule_tsv=rules.name,
            minloglevel=2,
        )
    messages: Any = sentencepiece_model_pb2  # its classes are made at run time
    proto = messages.ModelProto.FromString(model.getvalue())
    return bytes(proto.normalizer_spec.precompiled_charsmap)


def untrained() -> Tokenizer:
    """The tokenizer without its vocabulary: how texts are normalised and cut."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(INVISIBLE), ""),
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Precompiled(character_map(simplifications())),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Split(Regex(SCRIPTS), "isolated"),
        ]
    )
    return tokenizer


def national_characters(encoding: str, first: str, last: str) -> list[str]:
    """The characters from ``first`` to ``last`` of a national standard (GB 2312, KS X 1001)."""
    codes = (bytes(code) for code in itertools.product(range(0xB0, 0xF8), range(0xA1, 0xFF)))
    characters = (code.decode(encoding, errors="ignore") for code in codes)
    return [character for character in characters if first <= character <= last]


def texts_to_learn_from(
    pairs: Iterable[Pair], words: Iterable[str], limit: int, seed: int
) -> dict[str, list[str]]:
    """Language → at most ``limit`` different texts of each source."""
    by_source: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for pair in pairs:
        left, _, right = pair.languages.partition("-")
        by_source[pair.source, left][pair.left] = None
        by_source[pair.source, right][pair.right] = None
    by_source["words", "zh"] = dict.fromkeys(words)
    rng = random.Random(seed)
    texts: dict[str, list[str]] = defaultdict(list)
    for (_, language), members in by_source.items():
        texts[language] += rng.sample(list(members), min(limit, len(members)))
    return texts


def chinese_pieces(texts: Iterable[str], tokenizer: Tokenizer, size: int) -> list[Piece]:
    """The ``size`` words that jieba finds most often (twice at least), and all characters, scored
    by their frequency in jieba's dictionary: the likeliest split then is the one jieba makes."""
    segmenter = jieba.Tokenizer()
    segmenter.initialize()
    counts: Counter[str] = Counter(dict.fromkeys(national_characters("gb2312", "一", "鿿"), 2))
    for text in texts:
        for run in HAN.findall(tokenizer.normalizer.normalize_str(text)):
            counts.update(word for word in segmenter.cut(run, HMM=False))
            counts.update(run)
    frequent = [word for word, count in counts.most_common(size) if count > 1]
    return [(w, math.log((segmenter.FREQ.get(w) or 1) / segmenter.total)) for w in frequent]


def morphemes(texts: Iterable[str]) -> Iterator[str]:
    """Korean texts with a space at every border of morphemes that is a border of syllables:
    비가 와서 → 비 가 와서 (오 + 아서 share a syllable)."""
    for text, tokens in zip(texts := list(texts), Kiwi().tokenize(texts), strict=True):
        parts, begun, end = [], 0, 0
        for token in tokens:
            if token.start >= end > begun:
                parts.append(text[begun : token.start])
                begun = token.start
            end = max(end, token.start + token.len)
        yield " ".join(" ".join([*parts, text[begun:]]).split())


def common_words(language: str, count: int) -> list[Piece]:
    """The ``count`` most frequent words of a language (``en``, ``ko``) that are written in its own
    letters, scored by their frequency in general texts."""
    import wordfreq  # only here: 57 MB that only training needs

    letters = COMMON_LETTERS[language]
    frequencies = wordfreq.get_frequency_dict(language).items()
    ranked = ((word, math.log(share)) for word, share in frequencies if letters.fullmatch(word))
    return list(itertools.islice(ranked, count))


def alphabetic_pieces(
    texts: Iterable[str], tokenizer: Tokenizer, size: int, longest: int
) -> list[Piece]:
    """Pieces of everything but Chinese, found by expectation maximisation; ``<unk>`` is first."""
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=[UNKNOWN],
        unk_token=UNKNOWN,
        initial_alphabet=[*string.printable.lower(), *national_characters("euc_kr", "가", "힣")],
        max_piece_length=longest,
        show_progress=False,
    )
    tokenizer.train_from_iterator((HAN.sub(" ", text) for text in texts), trainer)
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in vocabulary if not LONG_HANGUL.fullmatch(piece)]


def learn(texts: dict[str, list[str]], config: TokenizerConfig) -> Tokenizer:
    """Learn the vocabulary from texts by language; byte tokens ``<0x00>`` … come last in it."""
    tokenizer = untrained()
    chinese = chinese_pieces(texts["zh"], tokenizer, config.chinese)
    cut = {**texts, "ko": morphemes(texts.get("ko", []))}
    everything = itertools.chain.from_iterable(cut.values())
    size = config.vocabulary - len(chinese) - 256
    vocabulary = alphabetic_pieces(everything, tokenizer, size, config.max_piece_length)
    known = {piece for piece, _ in vocabulary}
    for piece, score in itertools.chain(
        chinese, common_words("en", config.common_words), common_words("ko", config.common_words)
    ):
        if piece not in known:
            known.add(piece)
            vocabulary.append((piece, score))
    lowest = min(score for _, score in vocabulary)
    vocabulary += [(f"<0x{byte:02X}>", lowest) for byte in range(256)]
    tokenizer.model = Unigram(vocabulary, unk_id=0, byte_fallback=True)
    return tokenizer
