"""The settings of a process: the only reader of the environment.

Variables start with `ASSAY_`; a secret can come from a file instead (`ASSAY_PASSWORD_FILE`). A variable that isn't
known is refused, so that a misspelt one can't be ignored. Values are passed on as arguments; nothing else in the
package looks at the environment. Doesn't protect secrets in the environment from other processes of the same user:
prefer the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from assay.errors import Refused

PREFIX: Final = "ASSAY_"


class Settings(BaseSettings):
    """Settings, frozen. Paths are relative to the working directory; `upload` and `download` are bytes per second,
    `quota` is bytes of artifacts.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Path(".assay")
    rpc: str | None = None
    chain_id: int | None = Field(default=None, ge=1)
    deployments: Path = Path("deployments")
    account: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    cache: Path = Path("~/.cache/assay")
    threads: int = Field(default=1, ge=1, le=256)
    rollout_threads: int = Field(default=0, ge=0, le=256)
    upload: int | None = Field(default=None, ge=1)
    download: int | None = Field(default=None, ge=1)
    quota: int | None = Field(default=None, ge=1)

    def secret(self) -> str | None:
        """Return the keystore password: the variable's, the named file's, or that of `<home>/password`;
        None if there is none.

        Refused if the named file can't be read.
        """
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is not None:
            try:
                return self.password_file.read_text().rstrip("\n")
            except OSError as error:
                raise Refused(f"{PREFIX}PASSWORD_FILE: can't read {self.password_file}: {error.strerror}") from error
        local = self.home / "password"
        return local.read_text().rstrip("\n") if local.is_file() else None

    def child_environment(self) -> dict[str, str]:
        """Return the environment for a process that this one starts: as ours, with the number of threads set."""
        kept = {k: v for k, v in os.environ.items() if k.upper() not in {f"{PREFIX}HOME", f"{PREFIX}ACCOUNT"}}
        threads = str(self.threads)
        return {**kept, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}


def load(**overrides: Any) -> Settings:
    """Return the settings of the environment, with `overrides` (where not None) on top.

    Refused with one sentence that names the variable if one is unknown or out of range.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise Refused(f"unknown setting {unknown[0]}; known: {', '.join(sorted(known))}")
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise Refused(f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
