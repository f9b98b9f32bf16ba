"""The section of the configuration that says who is told, and the files of secrets that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import bootstrap, settings
from bridge.errors import UsageError

SECRET = "nobody else's"
HEAD = '[chain]\nrpc = "http://127.0.0.1:1"\n[journal]\nurl = "sqlite:///j.db"\n[registry]\nurl = "sqlite:///r.db"\n'
HOOK = '[compliance.alerts.webhooks.desk]\nurl = "https://desk.example/x"\nsecret_file = "desk.secret"\n'
MAIL = '[compliance.alerts.mails.audit]\nhost = "m.example"\nsender = "a@e.example"\nto = ["b@e.example"]\n'


def load(folder: Path, section: str) -> settings.Settings:
    (folder / "carbonbridge.toml").write_text(HEAD + section)
    return settings.load(folder / "carbonbridge.toml")


def secret(folder: Path, text: str, mode: int = 0o600) -> None:
    (folder / "desk.secret").write_text(text)
    (folder / "desk.secret").chmod(mode)


@pytest.mark.parametrize(
    ("section", "why"),
    [
        (HOOK.replace("https", "http"), "in the clear"),
        (HOOK.replace("secret_file", "secret"), "secret_file"),
        (HOOK + MAIL.replace("audit", "desk"), "a webhook and a mail of one name"),
        (MAIL + 'user = "me"\n', "go together"),
        (MAIL + "starttls = false\n", "only to this machine"),
        (MAIL.replace("b@e.example", "b@e.example\\r\\nBcc: c@e.example"), "to.0"),
        ('[compliance.breaker]\nenabled = "perhaps"\n', "enabled"),
        ('[compliance.alerts]\nlanguage = "fr"\n', "language"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, section: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        load(tmp_path, section)


def test_a_secret_that_others_can_read_or_that_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    told = load(tmp_path, HOOK).compliance.alerts
    with pytest.raises(UsageError, match="cannot be read"):
        bootstrap.channels(told)
    for text, mode, why in (
        (SECRET, 0o644, "by others"),
        ("", 0o600, "no secret"),
        (f"a\n{SECRET}", 0o600, "one line"),
    ):
        secret(tmp_path, text, mode)
        with pytest.raises(UsageError, match=why) as error:
            bootstrap.channels(told)
        assert SECRET not in str(error.value)


def test_files_are_found_beside_the_configuration_or_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(tmp_path, SECRET + "\n")
    config = load(tmp_path, HOOK + MAIL)
    assert set(bootstrap.channels(config.compliance.alerts)) == {"desk", "audit"}
    assert config.compliance.url == f"sqlite:///{tmp_path}/compliance.db"
    monkeypatch.setenv("CARBONBRIDGE_ALERT_SECRET_DESK_FILE", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError, match="elsewhere"):
        bootstrap.channels(config.compliance.alerts)


def test_off_unless_it_says_so(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert (config.compliance.breaker.enabled, bootstrap.channels(config.compliance.alerts)) == (False, {})
