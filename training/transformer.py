"""The design that lost on two cores: a small transformer whose body starts from the teacher.

Some layers of the English teacher (all-MiniLM-L6-v2) are kept; its vocabulary is exchanged for
ours. The embedding of an English token starts as the mean of the teacher's word pieces, that of any
other token as a mean over the English tokens that mean most nearly the same (``words.py``; the idea
of Minixhofer et al. 2022, "WECHSEL"). Training is the same as that of the static model, contrast
within batches and the teacher's vectors as targets (Reimers & Gurevych 2020), but by the trainer of
sentence-transformers. It is kept so that the table in RUNS.md can be made again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from tokenizers import Tokenizer, processors
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from training.config import PairsConfig, StudentConfig, TrainConfig
from training.pairs import Pair
from training.teacher import teacher_folder
from training.train import Teacher, contrastive_loss, make_buckets, not_negatives
from training.words import ENGLISH, Floats, token_vectors

SPECIAL = ("[PAD]", "[CLS]", "[SEP]")
NEIGHBOURS = 8


def first_embeddings(tokens: Sequence[str], words: Floats, teacher: Path) -> Floats:
    """The teacher's input embeddings carried to our tokens, shaped (tokens, width).

    ``words``: unit vectors of the same tokens, by which the nearest English ones are found.
    """
    pieces = AutoTokenizer.from_pretrained(teacher)
    table = BertModel.from_pretrained(teacher).embeddings.word_embeddings.weight.detach().numpy()
    english = np.array([i for i, token in enumerate(tokens) if ENGLISH.fullmatch(token)])
    ids = pieces([tokens[i] for i in english], add_special_tokens=False)["input_ids"]
    known = np.stack([table[row].mean(axis=0) for row in ids])
    result = np.empty((len(tokens), table.shape[1]), np.float32)
    for start in range(0, len(tokens), 4096):
        scores = words[start : start + 4096] @ words[english].T
        nearest = np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        shares = np.exp(np.take_along_axis(scores, nearest, axis=1) / 0.1)
        shares /= shares.sum(axis=1, keepdims=True)
        result[start : start + 4096] = (shares[:, :, None] * known[nearest]).sum(axis=1)
    result[english] = known
    return result


def build_student(
    tokenizer: Tokenizer, words: Floats, teacher: Path, config: StudentConfig
) -> SentenceTransformer:
    """The student before training: evenly spaced layers of the teacher over our vocabulary."""
    source = BertModel.from_pretrained(teacher)
    names = [str(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]
    own = Tokenizer.from_str(tokenizer.to_str())
    own.add_special_tokens(list(SPECIAL))
    ends = [(name, own.token_to_id(name)) for name in SPECIAL[1:]]
    own.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    special = AutoTokenizer.from_pretrained(teacher).convert_tokens_to_ids(list(SPECIAL))
    state = source.state_dict()
    table = state["embeddings.word_embeddings.weight"]
    carried = torch.from_numpy(first_embeddings(names, words, teacher))
    state["embeddings.word_embeddings.weight"] = torch.cat([carried, table[special]])
    kept = np.linspace(0, source.config.num_hidden_layers - 1, config.layers).round().astype(int)
    layers = {
        name.replace(f"layer.{old}.", f"layer.{new}.", 1): value
        for new, old in enumerate(kept)
        for name, value in state.items()
        if f"layer.{old}." in name
    }
    rest = {name: value for name, value in state.items() if "encoder.layer." not in name}
    shape = source.config.to_dict() | {
        "vocab_size": own.get_vocab_size(),
        "num_hidden_layers": config.layers,
    }
    student = BertModel(BertConfig.from_dict(shape), add_pooling_layer=False)
    student.load_state_dict({k: v for k, v in (rest | layers).items() if "pooler" not in k})
    with tempfile.TemporaryDirectory() as folder:
        student.save_pretrained(folder)
        roles = dict(zip(("pad_token", "cls_token", "sep_token"), SPECIAL, strict=True))
        fast: Any = PreTrainedTokenizerFast  # its class has no types
        fast(tokenizer_object=own, **roles).save_pretrained(folder)
        body = Transformer(folder, max_seq_length=config.max_tokens)
    pooling = Pooling(body.get_embedding_dimension(), "mean")
    return SentenceTransformer(modules=[body, pooling, Normalize()], device="cpu")


class ContrastAndTeacher(nn.Module):
    """The loss of the static model as one of sentence-transformers; a label is a pair's row."""

    def __init__(
        self,
        model: SentenceTransformer,
        teacher: Teacher,
        rows: tuple[Any, Any, Any],
        config: TrainConfig,
    ) -> None:
        super().__init__()
        self.model = model
        self._teacher = teacher
        self._left, self._right, self._record = rows
        self._config = config

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The loss of a batch of two columns of texts."""
        vectors = [self.model(features)["sentence_embedding"] for features in sentence_features]
        left, right = (functional.normalize(v.float(), dim=1) for v in vectors)
        rows = labels.numpy()
        ids = self._left[rows], self._right[rows]
        same = not_negatives(*ids, self._record[rows])
        loss = contrastive_loss(left, right, same, self._config.temperature)
        taught = self._teacher.loss(torch.cat([left, right]), *ids)
        return loss + self._config.teacher_weight * taught


def train_student(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    pairs_config: PairsConfig,
    config: TrainConfig,
    student_config: StudentConfig,
    seed: int,
    work: Path,
) -> SentenceTransformer:
    """Train the small transformer for a fixed number of steps on the pairs of the static model."""
    torch.set_num_threads(config.threads)
    words = token_vectors(tokenizer, config.word_teacher, config.teacher, work)
    model = build_student(tokenizer, words, teacher_folder(config.teacher), student_config)
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.left, pair.right)))
    index = {text: i for i, text in enumerate(texts)}
    buckets = make_buckets(pairs, index, pairs_config, student_config.batch)
    sides = [np.concatenate([getattr(b, side) for b in buckets]) for side in ("left", "right")]
    record = np.concatenate([bucket.record for bucket in buckets])
    datasets, start = {}, 0
    for bucket in buckets:
        columns = {
            "left": [texts[i] for i in bucket.left],
            "right": [texts[i] for i in bucket.right],
            "label": list(range(start, start + len(bucket.left))),
        }
        datasets[bucket.name] = Dataset.from_dict(columns)
        start += len(bucket.left)
    loss = ContrastAndTeacher(
        model, Teacher(pairs, index, config, work), (sides[0], sides[1], record), config
    )
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work / "student"),
        max_steps=student_config.steps,
        per_device_train_batch_size=student_config.batch,
        learning_rate=student_config.learning_rate,
        warmup_steps=student_config.steps // 20,
        multi_dataset_batch_sampler="proportional",
        bf16=True,
        use_cpu=True,
        seed=seed,
        save_strategy="no",
        report_to="none",
        logging_steps=50,
        disable_tqdm=True,
    )
    SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=datasets, loss=loss
    ).train()
    model.max_seq_length = student_config.max_tokens_read
    return model
