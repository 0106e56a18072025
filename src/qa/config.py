"""The few choices of the product, each with its reason; the only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
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


def _default_journal() -> Path:
    """The user's own data folder: an update of the program must not touch what has happened."""
    from platformdirs import user_data_path

    return user_data_path("qa-policy", appauthor=False) / "journal.sqlite"


def _default_keys() -> Path:
    from platformdirs import user_config_path

    return user_config_path("qa-policy", appauthor=False)


def _default_api_keys() -> Path:
    return _default_keys() / "api-keys.json"


def secrets_folder() -> str | None:
    """Where secrets lie as files that are named like variables (``qa_secret``): what Docker, by
    ``QA_SECRETS_DIR``, and systemd (``LoadCredential``) hand over."""
    for variable in ("QA_SECRETS_DIR", "CREDENTIALS_DIRECTORY"):
        folder = os.environ.get(variable, "")
        if folder and Path(folder).is_dir():
            return folder
    return None


class Settings(BaseSettings):
    """The choices of an operator: each field is the environment variable ``QA_<FIELD>``.

    Paths are as given; nothing is created by making settings.
    """

    model_config = SettingsConfigDict(env_prefix="QA_", frozen=True, env_ignore_empty=True)

    corpus: Path = Field(ROOT / "corpus", description="folder of the policies")
    index: Path = Field(ROOT / "index", description="folder of the index")
    model: str = Field(str(DEFAULT_MODEL), description="sentence encoder: a folder or a name")
    store: str = Field(
        "",
        repr=False,  # may hold a password
        description="engine of vectors and terms: milvus+http://host:19530, milvus+file:PATH.db; "
        "empty: in the index folder",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0: any that is free")
    watch: bool = Field(False, description="on: the app builds again when the corpus changes")
    keys: Path = Field(
        default_factory=_default_keys,
        description="folder of the key that signs knowledge packs and of those that are trusted",
    )
    log: bool = Field(True, description="off: nothing of what people ask is stored")
    journal: Path = Field(
        default_factory=_default_journal, description="file of what was asked and how it was judged"
    )
    retention_days: int = Field(
        365, ge=1, le=36500, description="days after which a line of the journal is deleted"
    )
    users: Path | None = Field(
        None, description="file of the users of desk and insights; without: this machine only"
    )
    secret: SecretStr | None = Field(None, description="signs the cookies of users")
    secret_file: Path | None = Field(None, description="file that holds the secret instead")

    root_path: str = Field(
        "",
        pattern=r"^(/[^/?#\s]+)*$",
        description="path under which a proxy serves the program, such as /policies",
    )
    proxies: str = Field(
        "",
        description="addresses of the proxies whose forwarded headers are believed, with commas "
        "between them; empty: nobody's",
    )
    workers: int = Field(1, ge=1, le=64, description="processes that answer")
    stop_seconds: float = Field(
        10.0, ge=0, le=600, description="how long requests under way may take to finish at the end"
    )
    api_keys: Path = Field(
        default_factory=_default_api_keys,
        description="file of the API keys; without: the API is open to this machine only",
    )
    rate_limit: str = Field(
        "20/second; 600/minute",
        description="questions of one client or key, in the notation of the limits library; "
        "empty: any number. Whoever sits at this machine is not counted",
    )
    longest_request: int = Field(
        1_048_576, ge=1_000, le=100_000_000, description="bytes of a request's body"
    )
    concurrency: int = Field(4, ge=1, le=1000, description="questions dealt with at once a process")
    queue: int = Field(
        256, ge=0, le=100_000, description="questions that may wait a process; others are told so"
    )
    cors_origins: str = Field(
        "",
        description="pages that may call the API from a browser, such as https://trade.example, "
        "with commas between them; empty: none",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text: for a terminal; json: one object a line"
    )
    log_level: Literal["error", "warning", "info", "debug"] = Field(
        "warning", description="least severe event that is logged; info: each request, too"
    )

    embed_origins: str = Field(
        "",
        description="sites that may show the chat in a frame, such as "
        "https://portal.example, with commas between them; empty: none but this one",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+(/[^/?#\s]+)*)?$",
        description="address of the chat on the internet, such as https://policy.example, to which "
        "answers in messengers link; empty: they do not",
    )
    kakao_secret: SecretStr | None = Field(
        None,
        description="turns the KakaoTalk skill server on: what its header Authorization must hold "
        "after 'Bearer '",
    )
    wechat_token: SecretStr | None = Field(
        None, description="turns WeChat replies on: the token of the official account's server"
    )
    wechat_key: SecretStr | None = Field(
        None, description="the EncodingAESKey of the official account, for encrypted messages"
    )
    wechat_app: str = Field("", description="the AppID of the official account, with wechat_key")

    @classmethod
    def from_environment(cls) -> Settings:
        """The defaults, overridden by the environment.

        Raises:
            SettingsError: a variable holds no such value; the message names it.
        """
        try:
            return cls(_secrets_dir=secrets_folder())
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            raise SettingsError(
                f"QA_{name}", f"is {first['input']!r}: {first['msg']}", "correct it or unset it"
            ) from error
