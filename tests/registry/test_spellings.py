"""Every grammar there and back, and what becomes of serials that are nearly right."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import MalformedInput
from bridge.registry.statements.grammar import grammars
from bridge.registry.statements.serial import Serial

from .spellings import J_CREDIT, SPELLINGS, Spelling, normal

every_grammar = pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.grammar.code)


strange = st.one_of(st.text(max_size=2), st.text("0123456789-_ ABCGSVX", max_size=2))


def test_no_grammar_is_left_out() -> None:
    ours = {code for code in grammars() if grammars()[code] is not J_CREDIT}
    assert ours | {"J-CREDIT"} == {spelling.grammar.code for spelling in SPELLINGS}


@every_grammar
@settings(deadline=None)
@given(data=st.data())
def test_the_canonical_spelling_comes_back_as_it_was(spelling: Spelling, data: st.DataObject) -> None:
    text = data.draw(spelling.serials)
    read = spelling.grammar.parse(text, spelling.vintage)
    assert spelling.grammar.spell(read) == text
    assert spelling.grammar.parse(spelling.grammar.spell(read), spelling.vintage) == read


@every_grammar
@settings(deadline=None)
@given(data=st.data(), at=st.integers(0, 120), insert=strange, drop=st.integers(0, 2))
def test_a_mutated_serial_is_refused_or_spells_back_to_itself(
    spelling: Spelling, data: st.DataObject, at: int, insert: str, drop: int
) -> None:
    text = data.draw(spelling.serials)
    at %= len(text) + 1
    mutated = text[:at] + insert + text[at + drop :]
    try:
        read = spelling.grammar.parse(mutated, spelling.vintage)
    except MalformedInput:
        return
    spelt = spelling.grammar.spell(read)
    assert spelling.grammar.parse(spelt, spelling.vintage) == read
    assert normal(spelling, spelt) == normal(spelling, mutated)
    if isinstance(read, Serial):
        assert read.range.units == read.range.last - read.range.first + 1 >= 1


@every_grammar
@settings(deadline=None)
@given(data=st.data(), swapped=st.integers(0, 15), letter=st.sampled_from("0123456789-_ ABCGSVX"))
def test_no_two_canonical_serials_read_alike(
    spelling: Spelling, data: st.DataObject, swapped: int, letter: str
) -> None:
    one = data.draw(spelling.serials)
    other = one[:swapped] + letter + one[swapped + 1 :]
    try:
        reads = [spelling.grammar.parse(text, spelling.vintage) for text in (one, other)]
    except MalformedInput:
        return
    if spelling.grammar.spell(reads[1]) != one:
        assert reads[0] != reads[1]


@every_grammar
@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_at_all_is_read_or_refused(spelling: Spelling, text: str) -> None:
    with suppress(MalformedInput):
        spelling.grammar.parse(text, spelling.vintage)


@every_grammar
@settings(deadline=None)
@given(data=st.data())
def test_a_spelling_tells_its_registry_and_no_other(spelling: Spelling, data: st.DataObject) -> None:
    text = data.draw(spelling.serials).upper()
    marked = {one.grammar.code for one in SPELLINGS if re.search(one.grammar.mark, text)}
    assert marked == {spelling.grammar.code}
