"""The few choices of the product, each with its reason; the only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the project: the package is installed in place (``pip install -e .``)."""

DEFAULT_MODEL = ROOT / "models" / "trilingual-static"


def portable_model(name: str) -> str:
    """How an index names its model: from the project's folder where the model lies in it, so that
    the project can be moved."""
    path = Path(name).resolve()
    inside = path.is_dir() and path.is_relative_to(ROOT)
    return path.relative_to(ROOT).as_posix() if inside else name


def located_model(name: str) -> str:
    """The folder or name that loads the model which ``portable_model`` named."""
    path = ROOT / name
    return str(path) if path.is_dir() else name


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. Paths are as given; nothing is created by making settings."""

    corpus: Path = ROOT / "corpus"
    index: Path = ROOT / "index"
    model: str = str(DEFAULT_MODEL)
    host: str = "127.0.0.1"
    port: int = 7860

    @classmethod
    def from_environment(cls) -> Settings:
        """The defaults, overridden by QA_CORPUS, QA_INDEX, QA_MODEL, QA_HOST and QA_PORT."""
        default = cls()
        port = os.environ.get("QA_PORT", "")
        return cls(
            corpus=Path(os.environ.get("QA_CORPUS") or default.corpus),
            index=Path(os.environ.get("QA_INDEX") or default.index),
            model=os.environ.get("QA_MODEL") or default.model,
            host=os.environ.get("QA_HOST") or default.host,
            port=int(port) if port.isdecimal() else default.port,
        )
