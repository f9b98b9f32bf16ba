"""What strangers wrote cannot command a terminal, nor pass for what we say."""

from __future__ import annotations

import json

import pytest

from bridge.cli import screen

ATTACK = "Acme\x7f\U000e0001\x1b[2J\x1b]0;pwned\x07\x9b8m\u202e Corp\nreceipt  VERRA-1\u2028\ud800"
NEVER = "\x7f\U000e0001\x1b\x07\x9b\u202e\u2028\ud800"


def test_a_control_letter_becomes_a_sign_and_a_line_stays_one_line() -> None:
    shown = screen.printable(ATTACK)
    assert not set(shown) & set(NEVER + "\n")
    assert shown.startswith("Acme\ufffd\ufffd\ufffd[2J")
    assert screen.printable("無効化 é 1,000 t…") == "無効化 é 1,000 t…"


def test_lines_tables_facts_and_complaints_are_all_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    screen.say(ATTACK)
    screen.table(["name"], [[ATTACK]])
    screen.facts([("name", ATTACK)])
    screen.complain(ATTACK)
    out, err = capsys.readouterr()
    assert not set(out + err) & set(NEVER)
    assert not any(line.startswith("receipt") for line in (out + err).splitlines())


def test_json_says_the_same_without_a_letter_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    screen.emit({"name": ATTACK, "language": "日本語"})
    out = capsys.readouterr().out
    assert not set(out) & set(NEVER)
    assert json.loads(out) == {"name": ATTACK, "language": "日本語"}
    assert "日本語" in out


def test_a_report_keeps_its_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    screen.say_text("Clean\n\nlock \x1b[8m1\n")
    assert capsys.readouterr().out == "Clean\n\nlock \ufffd[8m1\n"


def test_a_second_that_no_calendar_holds_is_shown_as_a_number() -> None:
    assert screen.moment(2**64 - 1) == f"second {2**64 - 1}"
