"""The settings as flags of the command line: one for each field, with its default and description,
so that flags, environment and documentation cannot diverge."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from qa.config import Settings, secrets_folder
from qa.errors import SettingsError


def flag_of(field: str) -> str:
    """The flag of a field of the settings."""
    return f"--{field.replace('_', '-')}"


def has_flag(information: FieldInfo) -> bool:
    """Whether a setting may stand on the command line, which everybody on the machine can read."""
    return information.repr and SecretStr not in _types(information)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each setting that is no secret; those not given leave no trace."""
    for name, information in Settings.model_fields.items():
        if not has_flag(information):
            continue
        about: dict[str, Any] = {
            "dest": name,
            "default": argparse.SUPPRESS,
            "help": (information.description or "").replace("%", "%%"),
        }
        if information.annotation is bool:
            about["action"] = argparse.BooleanOptionalAction
        else:
            about["metavar"] = name.upper()
        parser.add_argument(flag_of(name), **about)


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The settings of the environment, overridden by flags.

    Args:
        given: fields and their values, as text; what is no field is passed over.

    Raises:
        SettingsError: a flag or a variable has no such value; the message names it.
    """
    fields = {name: value for name, value in given.items() if name in Settings.model_fields}
    if not fields:
        return Settings.from_environment()
    try:
        return Settings(_secrets_dir=secrets_folder(), **fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = flag_of(name) if name in fields else f"QA_{name.removeprefix('qa_').upper()}"
        shown = "no such value" if _is_secret(name) else repr(first["input"])
        raise SettingsError(
            where, f"is {shown}: {first['msg']}", "correct it or leave it out"
        ) from (error)


def _is_secret(name: str) -> bool:
    information = Settings.model_fields.get(name)
    return information is not None and not has_flag(information)


def _types(information: FieldInfo) -> tuple[Any, ...]:
    annotation: Any = information.annotation
    return (annotation, *getattr(annotation, "__args__", ()))
