"""What other bridges say of themselves, and cannot be so."""

from __future__ import annotations

from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState
from tests.detect.plant import Planted, amounts, names, plants, seen
from tests.detect.plants.backing import claim
from tests.detect.story import Story
from tests.reconcile.story import serials


@plants("claim-repeated")
def minted_twice_by_one_bridge(s: Story) -> Planted:
    r = s.unissued(100)
    first = s.dice.randint(r.first + 1, r.last)
    over = serials(first, r.last + s.dice.randint(1, 50))
    s.extra.claims += [claim("a", r, ClaimState.MINTED), claim("b", over, ClaimState.MINTED)]
    return seen(s, names("claim-repeated", serials(first, r.last)))


@plants("parent-and-split")
def minted_as_a_block_and_as_its_part(s: Story) -> Planted:
    r = s.unissued(100)
    inner = s.within(r)
    s.extra.claims += [claim("a", r, ClaimState.MINTED), claim("b", inner, ClaimState.MINTED)]
    return seen(s, names("parent-and-split", inner))


@plants("claim-unminted")
def retired_outside_its_blocks(s: Story) -> Planted:
    r = s.unissued(100)
    first, more = s.dice.randint(r.first, r.last), s.dice.randint(1, 50)
    s.extra.claims += [
        claim("a", r, ClaimState.MINTED),
        claim("b", serials(first, r.last + more), ClaimState.RETIRED),
    ]
    return seen(s, names("claim-unminted", serials(r.last + 1, r.last + more)))


@plants("claim-unretired")
def burned_more_than_it_retired(s: Story) -> Planted:
    r = s.unissued(100)
    part = s.within(r)
    kg, open_kg = part.units * 1000, s.dice.randint(1, 5000)
    s.extra.claims += [
        claim("a", r, ClaimState.MINTED),
        claim("r", part, ClaimState.RETIRED),
        Claim(source="other", claim_id="t", kg=kg + open_kg, state=ClaimState.BURNED),
    ]
    s.extra.links.append(ClaimLink(source="other", earlier="t", later="r", kg=kg))
    return seen(s, amounts("claim-unretired", (None, open_kg)))


@plants("retirement-used-twice")
def one_retirement_serves_two_burns(s: Story) -> Planted:
    r = s.unissued(100)
    part = s.within(r)
    kg, more = part.units * 1000, s.dice.randint(1, 5000)
    s.extra.claims += [claim("a", r, ClaimState.MINTED), claim("r", part, ClaimState.RETIRED)]
    for claim_id, burned in (("t1", kg), ("t2", more)):
        s.extra.claims.append(Claim(source="other", claim_id=claim_id, kg=burned, state=ClaimState.BURNED))
        s.extra.links.append(ClaimLink(source="other", earlier=claim_id, later="r", kg=burned))
    return seen(s, amounts("retirement-used-twice", (None, more)))


@plants("claim-link-mismatch")
def a_link_of_another_mass(s: Story) -> Planted:
    r = s.unissued(100)
    part = s.within(r)
    kg = part.units * 1000
    off = s.dice.randint(1, kg - 1)
    s.extra.claims += [
        claim("a", r, ClaimState.MINTED),
        claim("r", part, ClaimState.RETIRED),
        Claim(source="other", claim_id="t", kg=kg - off, state=ClaimState.BURNED),
    ]
    s.extra.links.append(ClaimLink(source="other", earlier="t", later="r", kg=kg - off))
    return seen(s, amounts("claim-link-mismatch", (None, off)))
