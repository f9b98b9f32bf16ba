"""Whether a report, its signature, its mark on the chain and its other forms belong together.

What is signed are the file's own bytes. A form belongs to a report when it is, letter by letter, what this program
makes of it: a hash that it carries is only its word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import orjson
from pydantic import ValidationError

from bridge.chain.anchors import Mark
from bridge.chain.signers import Signer, recover
from bridge.domain.deployment import About, Check
from bridge.domain.findings import Reconciliation
from bridge.domain.sealing import Seal, typed_report
from bridge.domain.values import Address, Hex32, keccak_hex, moment
from bridge.errors import MalformedInput
from bridge.report.findings import as_csv
from bridge.report.markdown import as_markdown
from bridge.report.messages import Language
from bridge.report.page import as_page

FORMS: Mapping[str, Callable[[Reconciliation, Language, Hex32 | None], str]] = {
    "html": as_page,
    "md": as_markdown,
    "csv": as_csv,
}
"""What may be written beside the JSON, by the ends of its files' names."""


def read_report(stored: bytes) -> Reconciliation:
    """Raises MalformedInput when it is no stored reconciliation."""
    try:
        return Reconciliation.model_validate(_without_derived(orjson.loads(stored)))
    except (ValidationError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise MalformedInput("it is no stored reconciliation") from error


def _without_derived(document: dict[str, object]) -> dict[str, object]:
    """What a report adds for its readers, and the facts themselves do not keep."""
    facts: dict[str, object] = {name: value for name, value in document.items() if name not in ("clean", "language")}
    for name in {"findings", "in_flight", "shown"} & set(facts):
        items = facts[name]
        if isinstance(items, list):
            facts[name] = [{k: v for k, v in item.items() if k != "id"} for item in items]
    return facts


def hash_of(stored: bytes) -> Hex32:
    """Of a file's canonical JSON, without the line's end that the file adds."""
    return keccak_hex(stored.removesuffix(b"\n"))


def seal(stored: bytes, signer: Signer, now: int) -> Seal:
    """Raises MalformedInput for a file that is no report, or not as it was written; and as the signer does."""
    if not is_canonical(stored):
        raise MalformedInput("it is not as it was written: make it anew before anybody signs it")
    report, clean = hash_of(stored), read_report(stored).clean
    signature = signer.sign(typed_report(report, clean, now))
    return Seal(report=report, clean=clean, signed_at=now, signer=signer.address, signature=signature)


def is_canonical(stored: bytes) -> bool:
    """One spelling only, so that nobody reads in it what another reader would not."""
    try:
        return orjson.dumps(orjson.loads(stored), option=orjson.OPT_SORT_KEYS) == stored.removesuffix(b"\n")
    except orjson.JSONDecodeError:
        return False


def report_checks(stored: bytes) -> Iterator[Check]:
    advice = "it was changed after it was written: have the signed one sent again"
    yield Check.compared(About.REPORT, "report", is_canonical(stored), hash_of(stored), advice)


def seal_checks(stored: bytes, sealed: Seal, expected: Address | None) -> Iterator[Check]:
    """`expected`: who ought to have signed; None when nobody says."""
    found, wanted = sealed.report, hash_of(stored)
    advice = f"the signature is of report {found}, and this one is {wanted}: it was changed, or they are not a pair"
    yield Check.compared(About.REPORT, "signed hash", found == wanted, found, advice)
    signer = recover(sealed.document, sealed.signature)
    by = f"{signer or 'nobody'}, {moment(sealed.signed_at)} by his clock"
    advice = f"the file says that {sealed.signer} signed: it was changed after that"
    yield Check.compared(About.REPORT, "signature", signer == sealed.signer, by, advice)
    if expected is None:
        yield Check.warns(About.REPORT, "signer", sealed.signer, "say who ought to have signed, with --by")
    else:
        advice = f"{expected} ought to have signed"
        yield Check.compared(About.REPORT, "signer", signer == expected, str(signer or "nobody"), advice)


def anchor_check(mark: Mark | None, by: Address) -> Check:
    if mark is None:
        advice = "anchor it with: carbonbridge compliance anchor FILE; or wait until the block that has it is final"
        return Check.fails(About.REPORT, "anchor", f"{by} has not anchored it by the final block", advice)
    return Check.holds(About.REPORT, "anchor", f"by {by} in block {mark.number:,}, {moment(mark.timestamp)}")


def form_check(stored: bytes, name: str, form: str, written: str) -> Check:
    """`form`: one of `FORMS`; `written`: what stands in the file of that name."""
    result, report = read_report(stored), hash_of(stored)
    for language in Language:
        if FORMS[form](result, language, report) == written:
            return Check.holds(About.REPORT, name, f"letter by letter of this report ({language.value})")
    if report not in written:
        return Check.fails(About.REPORT, name, "of another report", "make it anew from the JSON")
    advice = "it was changed, or made by another version: make it anew with: carbonbridge compliance findings FILE"
    return Check.fails(About.REPORT, name, "not what this program makes of the report", advice)
