"""The few choices of the product, each with its reason; the only reader of the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from qa.errors import SettingsError

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


class Settings(BaseSettings):
    """The choices of an operator: each field is the environment variable ``QA_<FIELD>``.

    Paths are as given; nothing is created by making settings.
    """

    model_config = SettingsConfigDict(env_prefix="QA_", frozen=True, env_ignore_empty=True)

    corpus: Path = Field(ROOT / "corpus", description="folder of the policies")
    index: Path = Field(ROOT / "index", description="folder of the index")
    model: str = Field(str(DEFAULT_MODEL), description="sentence encoder: a folder or a name")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0: any that is free")

    @classmethod
    def from_environment(cls) -> Settings:
        """The defaults, overridden by the environment.

        Raises:
            SettingsError: a variable holds no such value; the message names it.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            raise SettingsError(
                f"QA_{name}", f"is {first['input']!r}: {first['msg']}", "correct it or unset it"
            ) from error
