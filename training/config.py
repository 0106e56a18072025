"""The choices of a training run, read from one TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class PairsConfig:
    """Which pairs are used, and how many of each source.

    ``limits`` caps a source (by the first matching glob over file names) at so many pairs;
    ``repeats`` says how often the pairs of a source come round in one epoch (default 1).
    ``laws_kept``: the share of sentences of a law that stay in what they are paired with;
    ``laws_phrases``: the share that is cut down to one phrase.
    ``holdout`` is the share of the records of ``texts`` and of the glossary kept for validation.
    """

    limits: dict[str, int]
    repeats: dict[str, int]
    laws_neighbours: int = 45_000
    laws_titles: int = 15_000
    laws_kept: float = 0.0
    laws_phrases: float = 0.0
    typo_share: float = 0.3
    holdout: float = 0.1


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """Size of the vocabulary (what is learned of all languages; Chinese alone), how many of the most
    frequent words each of English and Korean are added to it, and what it is learned from."""

    vocabulary: int = 64_000
    chinese: int = 30_000
    common_words: int = 0
    lines_per_source: int = 60_000
    max_piece_length: int = 12


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Hyper-parameters of the contrastive training; see ``train.py`` for what each does.

    ``teacher`` and ``word_teacher`` name the packages of the models that sentences and single tokens
    are learned from (none when empty). They set the first dimensions, as many as they have;
    ``free_scale`` is the length at the start of what stands in the others, in terms of the first, and
    ``free_share`` what is kept of its length at the end.
    ``hard_negatives`` are globs over the names of buckets whose
    pairs are grouped, so many together, with those that BM25, or the model in a folder, confuses
    them with.
    """

    dimension: int = 384
    batch: int = 2048
    epochs: int = 10
    learning_rate: float = 0.02
    warmup: float = 0.05
    temperature: float = 0.05
    initial_scale: float = 0.05
    token_dropout: float = 0.1
    token_split: float = 0.1
    teacher: str = ""
    teacher_weight: float = 0.0
    word_teacher: str = ""
    word_prior: float = 0.0
    free_scale: float = 0.5
    free_share: float = 1.0
    hard_negatives: tuple[str, ...] = ()
    hard_negatives_model: str = ""
    hard_negatives_group: int = 8
    threads: int = 2


@dataclass(frozen=True, slots=True)
class StudentConfig:
    """The small transformer (``transformer.py``): layers kept of the teacher, pairs in a batch,
    steps, and how many tokens of a text are read in training and afterwards."""

    layers: int = 3
    batch: int = 128
    steps: int = 1000
    learning_rate: float = 3e-4
    max_tokens: int = 48
    max_tokens_read: int = 256


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run: its name, its seed and the choices of each stage. ``student``: the model is a
    small transformer instead of one vector per token."""

    name: str
    seed: int
    pairs: PairsConfig
    tokenizer: TokenizerConfig
    train: TrainConfig
    student: StudentConfig | None = None


def load_config(path: Path) -> Config:
    """Read a TOML file into a :class:`Config`; what it does not say, the file that its key ``base``
    names says.

    Raises ``FileNotFoundError`` when there is no such file, ``tomllib.TOMLDecodeError`` when it is
    not TOML, and ``TypeError`` when a key is unknown or missing.
    """
    table = _read(path)
    if "hard_negatives" in table.get("train", {}):
        table["train"]["hard_negatives"] = tuple(table["train"]["hard_negatives"])
    return Config(
        name=table["name"],
        seed=table["seed"],
        pairs=PairsConfig(**table.get("pairs", {})),
        tokenizer=TokenizerConfig(**table.get("tokenizer", {})),
        train=TrainConfig(**table.get("train", {})),
        student=StudentConfig(**table["student"]) if "student" in table else None,
    )


def _read(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    base = table.pop("base", None)
    return _merged(_read(path.parent / base), table) if base else table


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else value
    return result


def digest(*parts: object) -> str:
    """A short hash of configuration sections and strings: equal inputs of a stage, equal digest."""
    plain = [dataclasses.asdict(p) if dataclasses.is_dataclass(p) else p for p in parts]  # type: ignore[arg-type]
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
