"""A signature, a mark and other forms belong to one report, and to no other."""

from __future__ import annotations

import json

import pytest

from bridge.chain.anchors import Mark
from bridge.chain.signers import KeySigner
from bridge.domain.deployment import Check, Verdict
from bridge.domain.findings import Reconciliation
from bridge.domain.values import hex32
from bridge.errors import MalformedInput
from bridge.report.findings import as_json
from bridge.report.messages import Language
from bridge.report.sealing import (
    FORMS,
    anchor_check,
    form_check,
    hash_of,
    is_canonical,
    read_report,
    report_checks,
    seal,
    seal_checks,
)
from tests.report.test_forms import full

US, MALLORY = KeySigner(b"\x01" * 32), KeySigner(b"\x02" * 32)
STORED = as_json(full()) + b"\n"
NOW = 1_700_300_000


def fails(*checks: Check) -> list[str]:
    return [check.subject for check in checks if check.verdict is Verdict.FAILS]


def checked(stored: bytes, signed: bytes = STORED, signer: KeySigner = US, expected: KeySigner = US) -> list[str]:
    return fails(*report_checks(stored), *seal_checks(stored, seal(signed, signer, NOW), expected.address))


def test_an_altered_report_is_named() -> None:
    assert checked(STORED) == []
    assert checked(STORED.replace(b"11-20", b"11-21").replace(b'"units":10', b'"units":11')) == ["signed hash"]
    assert checked(STORED.replace(b":", b": ", 1)) == ["report", "signed hash"]


def test_two_values_of_one_name_of_which_readers_take_either_are_refused() -> None:
    twice = STORED.replace(b'{"blocks"', b'{"clean":true,"blocks"', 1)
    assert read_report(twice) == full()
    assert not is_canonical(twice)
    with pytest.raises(MalformedInput, match="anew"):
        seal(twice, US, NOW)


def test_anothers_signature_is_no_signature_of_ours() -> None:
    assert checked(STORED, signer=MALLORY) == ["signer"]
    forged = seal(STORED, MALLORY, NOW).model_copy(update={"signer": US.address})
    assert fails(*seal_checks(STORED, forged, US.address)) == ["signature", "signer"]


@pytest.mark.parametrize("change", [{"clean": True}, {"signed_at": NOW - 1}, {"report": hex32(1)}])
def test_a_signature_binds_every_word_of_it(change: dict[str, object]) -> None:
    changed = seal(STORED, US, NOW).model_copy(update=change)
    assert "signature" in fails(*seal_checks(STORED, changed, US.address))


def test_without_anybody_expected_it_only_says_who_signed() -> None:
    verdicts = {c.subject: c.verdict for c in seal_checks(STORED, seal(STORED, MALLORY, NOW), None)}
    assert verdicts == {"signed hash": Verdict.HOLDS, "signature": Verdict.HOLDS, "signer": Verdict.WARNS}


def test_what_is_not_anchored_fails_and_what_is_says_since_when() -> None:
    assert fails(anchor_check(None, US.address)) == ["anchor"]
    found = anchor_check(Mark(number=1234, timestamp=1_700_000_000), US.address)
    assert (found.verdict, "block 1,234, 2023-11-14 22:13:20 UTC" in found.found) == (Verdict.HOLDS, True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", list(Language))
def test_a_form_that_was_touched_or_is_of_another_report_is_named(form: str, language: Language) -> None:
    written = FORMS[form](full(), language, None)
    assert form_check(STORED, "it", form, written).verdict is Verdict.HOLDS
    touched = form_check(STORED, "it", form, written.replace("Aya", "Bob"))
    assert "not what this program makes" in touched.found
    another = form_check(STORED, "it", form, FORMS[form](full("another reason"), language, None))
    assert another.found == "of another report"


def test_what_was_stored_comes_back_the_same() -> None:
    assert read_report(STORED) == full()
    assert hash_of(STORED) == hash_of(as_json(read_report(STORED)))


@pytest.mark.parametrize(
    "stored", [b"", b"[]", b"{}", b'{"findings": 1}', b'{"findings": {"a": 1}}', b"\xff", b"[" * 9999]
)
def test_what_is_no_report_is_refused(stored: bytes) -> None:
    with pytest.raises(MalformedInput):
        read_report(stored)


def test_a_report_of_before_runs_were_kept_is_read_and_signed() -> None:
    document = json.loads(STORED)
    for name in ("run", "labels", "supply_by_day"):
        del document[name]
    old = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert isinstance(read_report(old), Reconciliation)
    assert fails(*report_checks(old), *seal_checks(old, seal(old, US, NOW), US.address)) == []
    page = FORMS["html"](read_report(old), Language.ENGLISH, hash_of(old))
    assert form_check(old, "it", "html", page).verdict is Verdict.HOLDS
