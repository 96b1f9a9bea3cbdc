"""Settings of a home: the environment first, then the home's own file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.settings import (
    DEFAULT_HOME,
    SettingsError,
    fingerprint,
    load_settings,
)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    load_settings(tmp_path, {}).keep("REESTR_ONE", "file")
    load_settings(tmp_path, {}).keep("REESTR_TWO", "file")
    settings = load_settings(tmp_path, {"REESTR_ONE": "environment", "PATH": "/bin"})
    assert settings.get("REESTR_ONE") == "environment"
    assert settings.get("REESTR_TWO") == "file"
    assert settings.get("REESTR_THREE", "usual") == "usual"
    assert settings.get("PATH") == ""


def test_the_home_is_the_word_then_the_environment_then_the_default(
    tmp_path: Path,
) -> None:
    environment = {"REESTR_HOME": str(tmp_path / "environment")}
    assert load_settings(tmp_path / "word", environment).home == tmp_path / "word"
    assert load_settings(None, environment).home == tmp_path / "environment"
    assert load_settings(None, {}).home == DEFAULT_HOME


def test_a_secret_is_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", {})
    first = settings.secret("REESTR_CODE")
    assert len(first) >= 32
    assert settings.secret("REESTR_CODE") == first
    assert load_settings(tmp_path / "home", {}).secret("REESTR_CODE") == first
    assert settings.secret("REESTR_OTHER_CODE") != first
    assert settings.file.stat().st_mode & 0o777 == 0o600


def test_a_given_secret_is_not_written_down(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"REESTR_CODE": "given"})
    assert settings.secret("REESTR_CODE") == "given"
    assert not settings.file.exists()


def test_changes_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """The pass and Superset start side by side, and both make secrets."""
    names = [f"REESTR_{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as beside:
        made = list(
            beside.map(lambda name: load_settings(tmp_path, {}).secret(name), names * 2)
        )
    settings = load_settings(tmp_path, {})
    assert made == [settings.get(name) for name in names * 2]
    assert len(set(made)) == len(names)


def test_a_missing_setting_says_where_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path, {}).require("REESTR_CONNECTIONS")
    assert str(raised.value) == (
        "setting REESTR_CONNECTIONS is not set: export it or write it into "
        f"{tmp_path / '.env'}"
    )


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    settings.keep("REESTR_CODE", "secret")
    settings.file.chmod(0o640)
    with pytest.raises(SettingsError, match=f"chmod 600 {settings.file}"):
        settings.get("REESTR_CODE")


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# by hand\n\n REESTR_URL = http://a/?b=c \nREESTR_EMPTY=\n")
    file.chmod(0o600)
    settings = load_settings(tmp_path, {})
    assert settings.get("REESTR_URL") == "http://a/?b=c"
    assert settings.get("REESTR_EMPTY", "usual") == ""
    file.write_text("REESTR_URL=1\nnonsense\n")
    with pytest.raises(SettingsError, match=r"\.env:2: expected NAME=value"):
        settings.get("REESTR_URL")


def test_folders_of_a_home_are_for_the_owner_alone(tmp_path: Path) -> None:
    folder = load_settings(tmp_path, {}).folder("logs")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_fingerprint_tells_parts_apart() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("ab", b"c") == fingerprint(b"ab", "c")
    assert len(fingerprint("")) == 16
