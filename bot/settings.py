"""Settings of the service, read from the environment (prefix JZT_) and from nowhere else."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting with its default; the defaults need no other service.

    Sizes are bytes, times seconds unless the field says otherwise.

    Raises:
        pydantic.ValidationError: a JZT_ variable has a value that cannot be used; it names the field.
    """

    model_config = SettingsConfigDict(env_prefix="JZT_", extra="ignore", env_ignore_empty=True)

    var: Path = Field(default=Path("var"), description="folder of everything written: database, files, keys")
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL; default: SQLite (WAL) under var"
    )
    redis_url: str | None = Field(
        default=None, description="redis://, rediss:// or unix://; default: in-process"
    )
    key: SecretStr | None = Field(
        default=None, description="encryption key; default: <var>/key, made at first start"
    )

    pack: str = Field(default="shifan-xian", description="policy pack new conversations use")
    packs_dir: Path | None = Field(default=None, description="folder of packs; default: the shipped ones")

    cache: Path | None = Field(
        default=None, description="where commands keep what they built; default: the user's cache folder"
    )

    sentence_vectors: bool = Field(
        default=True, description="false: policy questions are answered by words alone, on any processor"
    )

    calendar: Path | None = Field(
        default=None, description="the office's own holidays and workdays, a file like a pack's calendar.yml"
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = Field(
        default=None,
        description="address residents and staff use, as in https://example; turns Secure cookies on",
    )

    trusted_proxies: Annotated[frozenset[IPv4Network | IPv6Network], NoDecode] = Field(
        default=frozenset(),
        description="reverse proxies whose X-Forwarded-For is believed: addresses or networks, with commas between",
    )

    nlu_url: str | None = Field(
        default=None, description="an NLU server kept elsewhere; default: a local one is started"
    )
    nlu_start: bool = Field(default=True, description="start the local NLU server when nlu_url is unset")

    max_text: int = Field(default=2000, ge=1, description="characters of one message")
    max_file_bytes: int = Field(default=10 * 1024 * 1024, ge=1)
    rate_limit: int = Field(
        default=60, ge=1, description="messages one conversation may send per rate_window"
    )
    rate_window: float = Field(default=30.0, gt=0)
    new_conversation_limit: int = Field(
        default=600, ge=1, description="conversations one address may open a minute"
    )
    sweep_seconds: float = Field(
        default=5.0, gt=0, description="how often work left behind by a crash is looked for"
    )

    pack_check_seconds: float = Field(
        default=30.0, gt=0, description="how often is looked whether a policy pack's files have changed"
    )

    session_hours: float = Field(default=8.0, gt=0, description="a staff session's idle life")
    login_limit: int = Field(
        default=10, ge=1, description="sign-ins tried per name and address in login_window"
    )
    login_window: float = Field(default=300.0, gt=0)

    backoffice_url: str | None = Field(
        default=None, description="where cases are delivered; default: the reference back office on port + 1"
    )
    backoffice_public_url: str | None = Field(
        default=None,
        description="address staff open the reference back office at; with https its cookies are Secure",
    )
    backoffice_secret: SecretStr | None = Field(
        default=None,
        description="shared signing secret (whsec_…); default: <var>/backoffice-secret, made once",
    )

    telegram_token: SecretStr | None = None
    telegram_base_url: str | None = Field(
        default=None, description="another Bot API server, with /bot at its end"
    )
    telegram_base_file_url: str | None = None
    telegram_webhook_url: str | None = Field(
        default=None, description="https address Telegram posts to; default: polling"
    )
    telegram_webhook_secret: SecretStr | None = None

    log_format: Literal["console", "json"] | None = Field(
        default=None, description="default: console on a terminal, JSON elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return [part for part in re.split(r"[,\s]+", value) if part] if isinstance(value, str) else value

    @field_validator("public_url", "nlu_url", "backoffice_url", "backoffice_public_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else value

    @property
    def storage_url(self) -> str:
        """SQLAlchemy URL of the service's database."""
        return self.database_url or f"sqlite:///{self.var.absolute() / 'jzt.sqlite3'}"

    @property
    def index_dir(self) -> Path:
        """Folder of the policy packs' indexes: built once, and anew when it is deleted."""
        return self.var / "index"

    @property
    def files_dir(self) -> Path:
        """Folder of the encrypted file store."""
        return self.var / "files"
