"""Nothing in the repository opens a door or names a machine of ours."""

from __future__ import annotations

import re

from tests.architecture.tracked import text_files, tracked_files

SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a token of a cloud": re.compile(
        r"\b(AKIA|ghp_|glpat-|xox[bp]-)[A-Za-z0-9_-]{10,}"
    ),
    "a webhook of a real portal": re.compile(
        r"bitrix24\.(ru|com|kz|by)/rest/\d+/\w{8,}"
    ),
    "a password in an address": re.compile(
        # In capitals it stands for the reader's own.
        r"\b\w+://[^\s:/@{}$\"'<>]+:(?![A-Z]+@)[^\s:/@{}$\"'<>]+@"
    ),
    "a person's phone": re.compile(r"\+7[ (-]*9\d\d[ )-]*\d{3}[ -]?\d\d[ -]?\d\d"),
}
# Phones of these ranges belong to nobody.
FICTITIOUS = ("ingestion/demo/", "tests/")
ABSOLUTE = re.compile(r"(?<![\w.~$}])/(root|work|Users|home/(?!me\b)\w+)/")
REGISTRY = re.compile(
    r"(py[p]i\.org|python[h]osted|artifactory|jfrog|nexus|mirror\w*\.|npm[j]s|index-url)"
)
SETTING = re.compile(r"^#?\s*(REESTR_\w+)=(.*)$", re.MULTILINE)


def test_no_secret_is_kept() -> None:
    for name, text in text_files():
        for what, pattern in SECRETS.items():
            found = pattern.search(text)
            if what == "a person's phone" and name.startswith(FICTITIOUS):
                continue
            if name.startswith("tests/") and found and "127.0.0.1" in text:
                continue
            assert not found, f"{name}: {what}: {found and found.group()}"


def test_no_file_names_a_place_of_one_machine() -> None:
    for name, text in text_files():
        found = ABSOLUTE.search(text)
        assert not found, f"{name}: {found and found.group()}"


def test_no_file_names_a_package_registry() -> None:
    """Packages come from where the machine is told to get them."""
    for name, text in text_files():
        if name != "tests/architecture/test_secrets.py":
            found = REGISTRY.search(text)
            assert not found, f"{name}: {found and found.group()}"


def test_every_pinned_package_has_its_hashes_and_no_address() -> None:
    files = {name: text for name, text in text_files() if "requirements/" in name}
    assert {"requirements/pipeline.txt", "requirements/superset.txt"} <= set(files)
    for name, text in files.items():
        assert "://" not in text, name
        lines = text.replace("\\\n", " ").splitlines()
        packages = [line for line in lines if line.strip() and line.strip()[0] != "#"]
        assert packages
        for line in packages:
            assert re.match(r"[\w.\[\],-]+==\S+", line), f"{name}: {line}"
            assert "--hash=sha256:" in line, f"{name}: {line}"


def test_settings_of_a_home_are_not_kept() -> None:
    names = {path.name for path in tracked_files()}
    assert not names & {".env", "portal.sqlite", "portal.sqlite-wal"}


def test_the_example_of_settings_holds_no_secret() -> None:
    text = dict(text_files())[".env.example"]
    settings = SETTING.findall(text)
    assert settings
    for name, value in settings:
        if re.search(r"PASSWORD|SECRET|CODE|TOKEN|KEY", name):
            assert value.strip() == "", name
