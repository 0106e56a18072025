"""Stage 3: train one vector per token so that the texts of a pair land close to each other.

The embedding of a text is the sum of the vectors of its tokens, scaled to length one: a token's
norm is its weight, learned together with its direction. The loss is InfoNCE with in-batch
negatives, both ways (what sentence-transformers calls MultipleNegativesSymmetricRankingLoss); pairs
of one record, or that share a text, are not each other's negatives.

A batch touches a small part of the vocabulary. So the rows it needs are cut out of the matrix, the
loss is differentiated with respect to them, and Adam updates them and their moments alone: on two
cores this is several times as fast as a dense optimiser over the whole matrix.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from training.config import PairsConfig, TrainConfig
from training.negatives import confused_by_model, confused_by_words, groups
from training.pairs import Pair, match
from training.teacher import teach
from training.words import Floats, complete, token_vectors

Ints = npt.NDArray[np.int64]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths, end to end: row ``i`` is ``values[starts[i]:starts[i + 1]]``."""

    values: Ints
    starts: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        """Pack lists of integers."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        values = np.fromiter((v for row in rows for v in row), np.int64, int(starts[-1]))
        return cls(values, starts)

    def take(self, rows: Ints) -> Ragged:
        """The chosen rows, in the given order."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Ragged(self.values[np.arange(starts[-1]) + shift], starts)

    def rows(self) -> list[list[int]]:
        """The rows as lists."""
        return [row.tolist() for row in np.split(self.values, self.starts[1:-1])]

    def owners(self) -> Ints:
        """For each value, the row it stands in."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pairs that are drawn into common batches: indices of texts, and of records; pairs of one
    group (``negatives.py``) come into the same batch."""

    name: str
    left: Ints
    right: Ints
    record: Ints
    group: Ints


def encode_texts(tokenizer: Tokenizer, texts: list[str]) -> Ragged:
    """Token ids of every text."""
    ids: list[list[int]] = []
    for start in range(0, len(texts), 10_000):
        batch = tokenizer.encode_batch(texts[start : start + 10_000], add_special_tokens=False)
        ids += [encoding.ids for encoding in batch]
    return Ragged.of(ids)


def make_buckets(
    pairs: Sequence[Pair], index: dict[str, int], config: PairsConfig, batch: int
) -> list[Bucket]:
    """Group pairs by source and languages, since negatives from the same source are the hardest;
    sources smaller than a batch share a bucket with others of the same languages."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        name = f"{pair.source}.{pair.languages}"
        groups[name] += [pair] * match(config.repeats, name, 1)
    buckets: dict[str, list[Pair]] = defaultdict(list)
    for name, members in groups.items():
        large = len(members) >= 2 * batch
        buckets[name if large else f"small.{members[0].languages}"] += members
    records = {record: i for i, record in enumerate(dict.fromkeys(p.record for p in pairs))}
    result = []
    for name, members in buckets.items():
        record = [records[p.record] if p.record else -1 - i for i, p in enumerate(members)]
        left = np.array([index[pair.left] for pair in members])
        right = np.array([index[pair.right] for pair in members])
        result.append(Bucket(name, left, right, np.array(record), np.arange(len(members))))
    return result


def with_hard_negatives(
    buckets: list[Bucket],
    texts: Sequence[str],
    tokens: Ragged,
    config: TrainConfig,
    rng: np.random.Generator,
) -> list[Bucket]:
    """The buckets that a glob of ``config.hard_negatives`` names, with their pairs grouped."""
    result = []
    for bucket in buckets:
        if any(fnmatch(bucket.name, glob) for glob in config.hard_negatives):
            logger.info("hard negatives: %s", bucket.name)
            left, right = bucket.left, bucket.right
            if config.hard_negatives_model:
                found = confused_by_model(
                    [texts[i] for i in left], [texts[i] for i in right], config.hard_negatives_model
                )
            else:
                found = confused_by_words(tokens.take(left).rows(), tokens.take(right).rows())
            bucket = replace(bucket, group=groups(found, config.hard_negatives_group, rng))
        result.append(bucket)
    return result


def epoch_batches(
    buckets: list[Bucket], batch: int, rng: np.random.Generator
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """All pairs once, in batches of one bucket each, in random order."""
    plan: list[tuple[Bucket, Ints]] = []
    for bucket in buckets:
        shuffled = rng.permutation(int(bucket.group.max(initial=-1)) + 1)
        order = np.argsort(shuffled[bucket.group], kind="stable")
        plan += [(bucket, order[i : i + batch]) for i in range(0, len(order), batch)]
    for i in rng.permutation(len(plan)):
        bucket, rows = plan[i]
        if len(rows) >= 32:  # a handful of negatives teaches nothing
            yield bucket.left[rows], bucket.right[rows], bucket.record[rows]


def token_counts(tokens: Ragged, buckets: Iterable[Bucket], size: int) -> Ints:
    """How often each token is seen in an epoch."""
    counts = np.zeros(size, np.int64)
    for bucket in buckets:
        for side in (bucket.left, bucket.right):
            counts += np.bincount(tokens.take(side).values, minlength=size)
    return counts


def alternatives(tokenizer: Tokenizer) -> Ragged:
    """For every token, the shorter tokens that spell it: the best split that is not itself.

    Exchanging tokens for them at random (as in subword regularisation) trains the parts of
    frequent words, which rare words and typing errors are made of.
    """
    vocabulary = tokenizer.get_vocab()
    rows: list[list[int]] = [[token] for token in range(len(vocabulary))]
    for piece, token in vocabulary.items():
        cuts = [
            cut
            for cut in range(1, len(piece))
            if piece[:cut] in vocabulary and piece[cut:] in vocabulary
        ]
        if cuts:  # balanced splits are better: 中小|企业 rather than 中|小企业
            best = min((max(cut, len(piece) - cut), cut) for cut in cuts)[1]
            rows[token] = [vocabulary[piece[:best]], vocabulary[piece[best:]]]
    return Ragged.of(rows)


class Augmenter:
    """Drops and splits tokens at random."""

    def __init__(self, splits: Ragged, config: TrainConfig, rng: np.random.Generator) -> None:
        self._splits = splits
        self._config = config
        self._rng = rng

    def __call__(self, texts: Ragged) -> Ragged:
        """A changed copy; a text never loses all of its tokens."""
        kept = self._rng.random(len(texts.values)) >= self._config.token_dropout
        owners = texts.owners()
        survives = np.zeros(len(texts.starts) - 1, bool)
        survives[owners[kept]] = True
        kept |= ~survives[owners]
        values, owners = texts.values[kept], owners[kept]
        parts = self._splits.take(values)
        split = self._rng.random(len(values)) < self._config.token_split
        lengths = np.where(split, np.diff(parts.starts), 1)
        result = np.repeat(values, lengths)
        result[np.repeat(split, lengths)] = parts.values[np.repeat(split, np.diff(parts.starts))]
        counts = np.bincount(np.repeat(owners, lengths), minlength=len(texts.starts) - 1)
        return Ragged(result, np.concatenate([[0], np.cumsum(counts)]))


class RowAdam:
    """Adam (Kingma & Ba 2015) over the rows that a step touches; other rows keep their moments."""

    def __init__(self, weights: Tensor, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.weights = weights
        self._mean = torch.zeros_like(weights)
        self._square = torch.zeros_like(weights)
        self._betas = betas
        self._steps = torch.zeros(len(weights), 1)

    def step(self, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """Update ``weights[rows]`` (distinct rows) along their gradient."""
        first, second = self._betas
        steps = self._steps[rows] + 1
        mean = self._mean[rows].lerp_(gradient, 1 - first)
        square = self._square[rows].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        self._steps[rows], self._mean[rows], self._square[rows] = steps, mean, square
        scale = (square / (1 - second**steps)).sqrt_().add_(1e-8)
        self.weights[rows] -= rate * (mean / (1 - first**steps)) / scale


def initial_weights(counts: Ints, words: Floats | None, config: TrainConfig, seed: int) -> Tensor:
    """The directions of ``words`` in the first dimensions, as many as they have, and random ones in
    the others, with norms falling with frequency: ``a / (a + p)``, the smooth inverse frequency of
    Arora et al. 2017."""
    frequency = torch.from_numpy(counts / max(1, counts.sum())).float()
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(len(counts), config.dimension, generator=generator)
    if words is not None:
        taught = words.shape[1]
        length = torch.tensor(taught**0.5)
        free = functional.normalize(directions[:, taught:], dim=1) * length * config.free_scale
        directions = torch.cat([torch.from_numpy(words) * length, free], dim=1)
    weights: Tensor = directions * config.initial_scale * (1e-3 / (1e-3 + frequency))[:, None]
    return weights


class SymmetricInfoNCE(torch.autograd.Function):
    """InfoNCE both ways over unit vectors: a value and its gradient from one exponential.

    Equal, to the rounding of bfloat16, to the mean of the cross-entropies of the rows and of the
    columns of ``left @ right.T / temperature``, in little more than a third of the time.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, same: Tensor, temperature: float) -> Tensor:
        """The loss of pairs shaped (pairs, dimension); ``same[i, j]``: ``j`` is no negative of
        ``i``. Both gradients are worked out here, since all that they need is at hand."""
        left_half, right_half = left.bfloat16(), right.bfloat16()
        # cosines are at most 1, so this never overflows
        scores = torch.mm(left_half, right_half.T).float().sub_(1).div_(temperature)
        matching = scores.diagonal().clone()
        likelihoods = scores.exp_().masked_fill_(same, 0)
        rows, columns = likelihoods.sum(dim=1), likelihoods.sum(dim=0)
        loss = ((rows.log() + columns.log()) / 2 - matching).mean()
        gradient = likelihoods.mul_(1 / rows[:, None] + 1 / columns[None, :]).div_(2)
        gradient.diagonal().sub_(1)
        gradient = gradient.div_(len(left) * temperature).bfloat16()
        ctx.save_for_backward(
            torch.mm(gradient, right_half).float(), torch.mm(gradient.T, left_half).float()
        )
        return loss

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """The gradients of the two matrices."""
        left, right = ctx.saved_tensors
        return outputs[0] * left, outputs[0] * right, None, None


def contrastive_loss(left: Tensor, right: Tensor, same: Tensor, temperature: float) -> Tensor:
    """:class:`SymmetricInfoNCE` as a function."""
    loss: Tensor = SymmetricInfoNCE.apply(left, right, same, temperature)  # type: ignore[no-untyped-call]
    return loss


def not_negatives(left: Ints, right: Ints, record: Ints) -> Tensor:
    """Off-diagonal places of pairs that share a text or a record."""
    same = np.zeros((len(left), len(left)), bool)
    for ids in (left, right, record):
        same |= ids[:, None] == ids[None, :]
    np.fill_diagonal(same, False)
    return torch.from_numpy(same)


class Teacher:
    """What the teacher says of each text: the vector of its English side, if it has one."""

    def __init__(
        self, pairs: Sequence[Pair], index: dict[str, int], config: TrainConfig, work: Path
    ) -> None:
        english = dict.fromkeys(
            text
            for pair in pairs
            for language, text in zip(
                pair.languages.split("-"), (pair.left, pair.right), strict=True
            )
            if language == "en"
        )
        vectors = teach(list(english), config.teacher, work / f"{config.teacher}.npz")
        self._vectors = torch.from_numpy(vectors)
        self._row = np.full(len(index), -1)
        self._row[[index[text] for text in english]] = np.arange(len(english))

    def loss(self, vectors: Tensor, left: Ints, right: Ints) -> Tensor:
        """Mean of 1 - cosine between each text and the teacher's vector of it or of its partner, in
        the teacher's dimensions: the first."""
        own = self._row[np.concatenate([left, right])]
        partner = self._row[np.concatenate([right, left])]
        row = np.where(own >= 0, own, partner)
        known = torch.from_numpy(np.flatnonzero(row >= 0))
        if not len(known):
            return vectors.new_zeros(())
        target = self._vectors[torch.from_numpy(row)[known]].float()
        taught = functional.normalize(vectors[known, : target.shape[1]], dim=1)
        return 1 - (taught * target).sum(dim=1).mean()


def train(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    pairs_config: PairsConfig,
    config: TrainConfig,
    seed: int,
    work: Path,
) -> Tensor:
    """Train and return the matrix of token vectors, shaped (vocabulary, dimension).

    ``work`` is the folder where the teacher's embeddings are kept between runs.
    """
    torch.set_num_threads(config.threads)
    rng = np.random.default_rng(seed)
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right)))
    index = {text: i for i, text in enumerate(texts)}
    tokens = encode_texts(tokenizer, texts)
    buckets = make_buckets(pairs, index, pairs_config, config.batch)
    buckets = with_hard_negatives(buckets, texts, tokens, config, rng)
    augment = Augmenter(alternatives(tokenizer), config, rng)
    counts = token_counts(tokens, buckets, tokenizer.get_vocab_size())
    words = None
    if config.word_teacher:
        words = token_vectors(tokenizer, config.word_teacher, config.teacher, work)
    weights = initial_weights(counts, words, config, seed)
    optimiser = RowAdam(weights)
    teacher = Teacher(pairs, index, config, work) if config.teacher else None
    per_epoch = sum(1 for _ in epoch_batches(buckets, config.batch, np.random.default_rng(0)))
    total = per_epoch * config.epochs
    logger.info("%d texts, %d buckets, %d steps", len(texts), len(buckets), total)
    step, began = 0, time.monotonic()
    for epoch in range(config.epochs):
        losses = []
        for left, right, record in epoch_batches(buckets, config.batch, rng):
            both = augment(tokens.take(np.concatenate([left, right])))
            rows, places = np.unique(both.values, return_inverse=True)
            row_index = torch.from_numpy(rows)
            local = weights[row_index].requires_grad_()
            sums = functional.embedding_bag(
                torch.from_numpy(places), local, torch.from_numpy(both.starts[:-1]), mode="sum"
            )
            vectors = functional.normalize(sums, dim=1)
            same = not_negatives(left, right, record)
            loss = contrastive_loss(
                vectors[: len(left)], vectors[len(left) :], same, config.temperature
            )
            if teacher:
                loss = loss + config.teacher_weight * teacher.loss(vectors, left, right)
            loss.backward()  # type: ignore[no-untyped-call]
            assert local.grad is not None
            optimiser.step(row_index, local.grad, learning_rate(step, total, config))
            losses.append(loss.item())
            step += 1
        seconds = time.monotonic() - began
        logger.info("epoch %d: loss %.4f, %.0f s", epoch + 1, np.mean(losses), seconds)
    if words is not None:
        trained = complete(weights.numpy(), words, counts * config.epochs, config.word_prior)
        weights = torch.from_numpy(trained)
        # New texts want the free dimensions shorter than the training texts do (RUNS.md).
        weights[:, words.shape[1] :] *= config.free_share
    return weights


def learning_rate(step: int, total: int, config: TrainConfig) -> float:
    """Linear warm-up, then linear decay to zero."""
    warm = max(1, int(config.warmup * total))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * (total - step) / max(1, total - warm)
