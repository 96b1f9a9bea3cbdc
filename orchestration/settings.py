"""Settings of one home: the environment first, then ``<home>/.env``.

A home is one warehouse, one firm. Secrets that nobody gave are made once and kept in
``<home>/.env``, which only its owner may read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_HOME = REPOSITORY / ".reestr" / "home"


class SettingsError(Exception):
    """A setting is missing or unusable; the text says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """What one home knows before it opens a database.

    Attributes:
        home: Folder of the warehouse: cluster, portal, logs, exports, secrets.
        environment: Names that came from outside; they win over the file.
    """

    home: Path
    environment: Mapping[str, str]

    @property
    def file(self) -> Path:
        """The home's own settings and secrets, mode 600."""
        return self.home / ".env"

    def values(self) -> dict[str, str]:
        """Every known setting, the environment over the file."""
        return {**_read(self.file), **self.environment}

    def get(self, name: str, default: str = "") -> str:
        """One setting, or the default where nobody gave it."""
        return self.values().get(name, default)

    def require(self, name: str) -> str:
        """One setting that has no default.

        Raises:
            SettingsError: nobody gave it.
        """
        value = self.get(name)
        if not value:
            raise SettingsError(
                f"setting {name} is not set: export it or write it into {self.file}"
            )
        return value

    def secret(self, name: str) -> str:
        """A secret, made at the first call and kept in the home's file."""
        value = self.get(name)
        if value:
            return value
        with self._writing() as kept:
            return kept.setdefault(name, secrets.token_urlsafe(24))

    def keep(self, name: str, value: str) -> None:
        """Write one setting into the home's file (mode 600)."""
        if _read(self.file).get(name) == value:
            return
        with self._writing() as kept:
            kept[name] = value

    @contextmanager
    def _writing(self) -> Iterator[dict[str, str]]:
        """Change the home's file; changes at the same time wait for each other."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / ".env.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _read(self.file)
            yield kept
            text = "".join(f"{key}={kept[key]}\n" for key in sorted(kept))
            draft = self.file.with_suffix(".draft")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            draft.replace(self.file)

    def folder(self, name: str) -> Path:
        """A folder of the home, made when missing, for its owner only."""
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path


def load_settings(
    home: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings of a home: ``--home``, else ``REESTR_HOME``, else the default."""
    source = dict(os.environ if environment is None else environment)
    chosen = home or Path(source.get("REESTR_HOME") or DEFAULT_HOME)
    own = {key: value for key, value in source.items() if key.startswith("REESTR_")}
    return Settings(home=chosen.expanduser().resolve(), environment=own)


def fingerprint(*parts: str | bytes) -> str:
    """A short stable name of some content: 16 hexadecimal digits of SHA-256."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()[:16]


def code_fingerprint(*folders: str) -> str:
    """Fingerprint of the files people write below some folders of the repository."""
    files = sorted(
        path
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", ".sql", ".yml", ".yaml", ".csv")
    )
    parts: list[str | bytes] = []
    for path in files:
        parts += [path.relative_to(REPOSITORY).as_posix(), path.read_bytes()]
    return fingerprint(*parts)


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} can be read by others: run chmod 600 {path}")
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"{path}:{number}: expected NAME=value, got {text!r}")
        values[name.strip()] = value.strip()
    return values
