"""Puts the messengers that are configured at ``/channels``."""

from __future__ import annotations

from fastapi import FastAPI

from qa.api.conversation import Source
from qa.api.mount import mount
from qa.api.problems import add_problems
from qa.config import Settings
from qa.errors import SettingsError
from qa.operations.limits import Rates

MOUNT = "/channels"


def mount_channels(app: FastAPI, source: Source, settings: Settings) -> None:
    """Mounts what is configured; to be called before anything is mounted at ``/``.

    Raises:
        SettingsError: the key of the WeChat account is none, or its AppID is missing.
    """
    channels = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    add_problems(channels)
    rates = Rates(settings.rate_limit)
    if settings.kakao_secret:
        from qa.channels.kakao import kakao

        secret = settings.kakao_secret.get_secret_value()
        channels.include_router(kakao(source, secret, rates=rates, public_url=settings.public_url))
    if settings.wechat_token:
        from qa.channels.cipher import MessageCipher
        from qa.channels.wechat import wechat

        cipher = None
        if settings.wechat_key:
            if not settings.wechat_app:
                raise SettingsError("QA_WECHAT_APP", "is empty", "set it to the account's AppID")
            try:
                cipher = MessageCipher(settings.wechat_key.get_secret_value(), settings.wechat_app)
            except ValueError as error:
                raise SettingsError(
                    "QA_WECHAT_KEY", f"is no EncodingAESKey: {error}", "copy it from the account"
                ) from error
        token = settings.wechat_token.get_secret_value()
        channels.include_router(wechat(source, token, cipher, rates))
    mount(app, MOUNT, channels)
