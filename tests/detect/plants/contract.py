"""A contract that does what its code forbids, or a node that tells of it falsely."""

from __future__ import annotations

from bridge.domain.lifecycle import Kind
from bridge.domain.observed import CreditRetired, Reversed, Transferred
from bridge.domain.serials import subtract
from bridge.domain.values import ZERO_ADDRESS
from tests.detect.plant import Planted, amounts, names, plants, seen
from tests.detect.story import Story
from tests.reconcile.story import ALICE, BOB, FOREST, HERE, RECOVERY, SOLAR, THERE, name


@plants("supply-mismatch")
def units_out_of_nowhere(s: Story) -> Planted:
    deployment, units = s.somewhere(), s.dice.randint(1, 500)
    s.deposited(deployment)
    sender, to = s.dice.choice([(ZERO_ADDRESS, ALICE), (ALICE, ZERO_ADDRESS)])
    s.emit(deployment, Transferred, sender=sender, to=to, class_id=FOREST.id, units=units)
    return seen(s, amounts("supply-mismatch", (FOREST.id, units)))


@plants("storage-mismatch")
def a_figure_in_storage_is_another(s: Story) -> Planted:
    deployment, figure = s.somewhere(), s.dice.choice(["supply", "pending", "shortfall", "live"])
    s.deposited(deployment)
    off = s.dice.randint(1, 1000)
    statement, views = s.statement(), {d: s.chain(d) for d in s.events}
    stored = {d: s.stored(view)[0] for d, view in views.items()}
    one = s.dice.choice([snapshot for snapshot in stored[deployment] if snapshot.supply > 0])
    wrong = one.model_copy(update={figure: getattr(one, figure) + off})
    snapshots = [wrong if snapshot is one else snapshot for some in stored.values() for snapshot in some]
    evidence = s.seen([statement], list(views.values()), snapshots=snapshots)
    return Planted(evidence, (amounts("storage-mismatch", (one.class_id, off)),))


@plants("ledger-mismatch")
def a_range_is_missing_in_storage(s: Story) -> Planted:
    deployment = s.somewhere()
    missing, other = s.part(s.deposited(deployment)), s.deposited(deployment)
    statement, views = s.statement(), {d: s.chain(d) for d in s.events}
    stored = [s.stored(view) for view in views.values()]
    ledgers = []
    for one in (ledger for _, some in stored for ledger in some):
        live = list(one.live)
        if one.deployment == deployment and one.space == missing.space:
            live = [(c, rest) for c, r in live for rest in subtract(r, [missing])]
            live = [(SOLAR.id if r == other else c, r) for c, r in live]
        ledgers.append(one.model_copy(update={"live": tuple(live)}))
    snapshots = [snapshot for some, _ in stored for snapshot in some]
    evidence = s.seen([statement], list(views.values()), snapshots=snapshots, ledgers=ledgers)
    return Planted(evidence, (names("ledger-mismatch", missing, other),))


@plants("shortfall-mismatch")
def a_shortfall_misstated(s: Story) -> Planted:
    deployment, off = s.somewhere(), s.dice.randint(1, 90)
    p = s.part(s.deposited(deployment))
    s.take_back(p)
    s.wait(10)
    told = {"event_id": name("event"), "class_id": FOREST.id, "reason": "invalid", "ranges": (p,)}
    s.emit(deployment, Reversed, **told, shortfall=p.units + off)
    return seen(s, amounts("shortfall-mismatch", (FOREST.id, off)))


@plants("cover-mismatch")
def cover_that_leaves_by_itself(s: Story) -> Planted:
    deployment = s.somewhere()
    p = s.part(s.deposited(deployment))
    s.take_back(p)
    s.reverse(p, deployment=deployment)
    cover = s.plot(credit_class=SOLAR)
    s.cover(cover, FOREST, deployment)
    units = s.dice.randint(1, cover.units)
    s.wait(10)
    moved = {"sender": deployment.contract, "to": BOB, "class_id": SOLAR.id, "units": units}
    s.emit(deployment, Transferred, **moved)
    return seen(s, amounts("cover-mismatch", (SOLAR.id, units)))


@plants("retired-balance-mismatch")
def a_retired_balance_out_of_nowhere(s: Story) -> Planted:
    deployment = s.somewhere()
    p = s.part(s.deposited(deployment))
    s.exit(Kind.RETIREMENT, p, deployment=deployment)
    units = s.dice.randint(1, 500)
    s.emit(deployment, CreditRetired, account=s.dice.choice([ALICE, BOB]), class_id=FOREST.id, units=units)
    return seen(s, amounts("retired-balance-mismatch", (FOREST.id, units)))


@plants("moved-while-closed")
def transferred_in_quarantine(s: Story) -> Planted:
    r = s.deposited(HERE)
    s.transfer(1)
    s.quarantine()
    units = [s.dice.randint(1, 3) for _ in range(s.dice.randint(1, 2))]
    for some in units:
        s.transfer(min(some, r.units))
    s.quarantine(days=0)
    s.transfer(1)
    return seen(s, amounts("moved-while-closed", (FOREST.id, sum(units))))


@plants("moved-while-closed")
def minted_in_quarantine(s: Story) -> Planted:
    r = s.plot()
    lock_id = s.lock(r)
    s.quarantine()
    s.mint(lock_id)
    beside = s.plot()
    s.deposit(beside, THERE)
    return seen(s, names("moved-while-closed", r))


@plants("recovery-unordered")
def recovered_too_early_or_too_much(s: Story) -> Planted:
    r = s.deposited(HERE)
    units = s.dice.randint(1, r.units)
    recovery_id = s.order(units)
    fault = s.dice.choice(["early", "vetoed", "more"])
    if fault == "vetoed":
        s.veto(recovery_id)
    if fault != "early":
        s.wait(RECOVERY + 10)
    if fault == "more":
        units += 1
        s.orders[recovery_id].units += 1
    s.recover(recovery_id)
    return seen(s, amounts("recovery-unordered", (FOREST.id, units)))
