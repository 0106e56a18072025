"""Run the whole pipeline: ``python -m training --data ../shared/data [--config FILE]``.

Stages: pairs → tokenizer → train → export → evaluate → ranking. Each leaves its result in the
working folder under a name made from all that it depends on, so a run that was stopped goes on
where it was, and a changed configuration repeats only what it changes. At the end the model's
folder holds the weights and the ranking fitted to them: a new model is one command.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import jieba
import numpy as np
import torch
from tokenizers import Tokenizer

from benchmarks.encoder import evaluate
from training.config import Config, digest, load_config
from training.export import export
from training.pairs import Pair, collect, read_pairs, read_words, write_pairs
from training.ranker import fit_model
from training.tokenizer import learn, texts_to_learn_from
from training.train import train
from training.validation import validate

REPOSITORY = Path(__file__).resolve().parents[1]
logger = logging.getLogger("training")


def sources_digest(data: Path) -> str:
    """Changes whenever a file that pairs are made from changes in size or time."""
    files = [data / "laws.tar.xz"]
    for folder, pattern in (
        (data / "parallel" / "train", "*"),
        (REPOSITORY / "src" / "qa" / "glossary", "*.csv"),
        (REPOSITORY / "training" / "texts", "*"),
    ):
        files += sorted(folder.glob(pattern))
    return digest([(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])


def pairs_stage(config: Config, data: Path, work: Path) -> tuple[str, list[Pair]]:
    """The pairs, and the digest of what they depend on."""
    key = digest(config.seed, config.pairs, sources_digest(data))
    path = work / f"pairs-{key}.tsv"
    if not path.exists():
        write_pairs(collect(data, REPOSITORY, config.pairs, config.seed), path)
    pairs = read_pairs(path)
    for source, count in Counter(f"{p.source}.{p.languages}" for p in pairs).most_common():
        logger.info("pairs %7d %s", count, source)
    return key, pairs


def tokenizer_stage(
    config: Config, key: str, pairs: list[Pair], data: Path, work: Path
) -> tuple[str, Tokenizer]:
    """The tokenizer, and the digest of what it depends on."""
    key = digest(key, config.tokenizer)
    path = work / f"tokenizer-{key}.json"
    if not path.exists():
        words = read_words(data / "parallel" / "train")
        texts = texts_to_learn_from(pairs, words, config.tokenizer.lines_per_source, config.seed)
        learn(texts, config.tokenizer).save(str(path))
    return key, Tokenizer.from_file(str(path))


def train_stage(
    config: Config, key: str, pairs: list[Pair], tokenizer: Tokenizer, work: Path
) -> torch.Tensor:
    """The trained token vectors."""
    path = work / f"weights-{digest(key, config.train, config.pairs.repeats)}.npy"
    if not path.exists():
        weights = train(pairs, tokenizer, config.pairs, config.train, config.seed, work)
        np.save(path, weights.numpy())
    return torch.from_numpy(np.load(path))


def student_stage(
    config: Config, key: str, pairs: list[Pair], tokenizer: Tokenizer, work: Path, folder: Path
) -> None:
    """Trains the small transformer and writes it to ``folder``."""
    from training.transformer import train_student

    assert config.student is not None
    stage = digest(key, config.train, config.student, config.pairs.repeats)
    kept = work / f"student-{stage}"
    if not kept.exists():
        settings = config.pairs, config.train, config.student, config.seed
        model = train_student(pairs, tokenizer, *settings, work)
        beside = work / f"student-{stage}.new"
        model.save_pretrained(str(beside), create_model_card=False)
        beside.rename(kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def main() -> None:
    """Parse the command line and run the stages."""
    parser = argparse.ArgumentParser(prog="training", description="Train the sentence encoder.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the training data")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "training")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "models")
    parser.add_argument(
        "--without-ranking", action="store_true", help="leave the ranking out: to compare models"
    )
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(arguments.work / "log.txt")],
        force=True,
    )
    jieba.setLogLevel(logging.WARNING)
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    logger.info("%s", json.dumps(asdict(config), ensure_ascii=False))

    key, pairs = pairs_stage(config, arguments.data, arguments.work)
    key, tokenizer = tokenizer_stage(config, key, pairs, arguments.data, arguments.work)
    folder = arguments.output / config.name
    if config.student:
        student_stage(config, key, pairs, tokenizer, arguments.work, folder)
    else:
        export(train_stage(config, key, pairs, tokenizer, arguments.work), tokenizer, folder)
    figures: dict[str, object] = dict(evaluate(folder, arguments.data))
    figures |= validate(folder, REPOSITORY, config.pairs)
    for name, figure in figures.items():
        logger.info("%-24s %s", name, figure)
    if not arguments.without_ranking:
        fit_model(arguments.data, folder)


if __name__ == "__main__":
    main()
