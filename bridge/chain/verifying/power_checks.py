"""Who guards, who operates and who attests: those expected, and nobody else?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bridge.chain.verifying.powers import BridgePower, PolicyPower, RegistryPower
from bridge.chain.verifying.words import all_shown, difference, shown
from bridge.domain.deployment import About, Check, Expectations, ExpectedRegistry
from bridge.domain.values import ZERO_ADDRESS, Address


def power_checks(bridge: BridgePower, policy: PolicyPower | None, expected: Expectations) -> Iterator[Check]:
    yield _group("guardians", bridge.guardians, expected.guardians, "setGuardian")
    if policy is not None:
        yield _group("policy guardians", policy.guardians, expected.freezers, "policy.setGuardian")
    if policy is not None and policy.listers is not None:
        yield _group("policy listers", policy.listers, expected.listers, "policy.setLister")
    yield _operators(bridge.operators, expected.operators)
    yield from _registries({one.code: one for one in bridge.registries}, expected.registries)
    yield from _recoverers(bridge.recoverers, expected.recoverers)
    if bridge.class_allowances:
        bounds = "; ".join(f"{label} {units:,} a day" for label, units in bridge.class_allowances.items())
        yield Check.shows(About.POWERS, "class allowances", bounds)
    if bridge.verdicts:
        yield Check.shows(About.POWERS, "verdicts", "; ".join(bridge.verdicts))
    if bridge.paused:
        yield Check.warns(About.POWERS, "paused", "yes", "nothing is minted and nobody asks until the admin unpauses")


def _group(subject: str, actual: Collection[Address], expected: Collection[Address] | None, act: str) -> Check:
    if expected is None:
        return Check.shows(About.POWERS, subject, all_shown(actual))
    return Check.compared(
        About.POWERS,
        subject,
        set(actual) == set(expected),
        difference(actual, expected),
        f"only those expected: carbonbridge admin propose {act} ACCOUNT true|false",
    )


def _recoverers(actual: Mapping[Address, Sequence[str]], expected: Collection[Address] | None) -> Iterator[Check]:
    """Where nobody recovers and nobody was expected to, there is nothing to say."""
    found = "; ".join(f"{shown(account)} of {', '.join(where)}" for account, where in actual.items()) or "nobody"
    if expected is not None and (actual or expected):
        advice = "terms of classes stay for good; for new ones: carbonbridge admin propose setTerms …"
        yield Check.compared(About.POWERS, "recoverers", set(actual) == set(expected), found, advice)
    elif actual:
        yield Check.shows(About.POWERS, "recoverers", found)


def _operators(actual: Mapping[Address, int], expected: Mapping[Address, int] | None) -> Check:
    found = "; ".join(f"{shown(account)} {units:,} a day" for account, units in actual.items()) or "nobody"
    if expected is None:
        return Check.shows(About.POWERS, "operators", found)
    advice = "as expected: carbonbridge admin propose setAllowance OPERATOR UNITS"
    return Check.compared(About.POWERS, "operators", dict(actual) == dict(expected), found, advice)


def _registries(
    actual: Mapping[str, RegistryPower], expected: Mapping[str, ExpectedRegistry] | None
) -> Iterator[Check]:
    for code, registry in actual.items():
        wanted = None if expected is None else expected.get(code)
        if expected is not None and wanted is None:
            advice = "nobody expected it: its attesters may have classes of their own minted"
            yield Check.fails(About.POWERS, f"registry {code}", _registry_shown(registry), advice)
        else:
            yield _registry(registry, wanted)
    for code in (expected or {}).keys() - actual.keys():
        yield Check.fails(About.POWERS, f"registry {code}", "missing", "carbonbridge admin propose addRegistry …")


def _registry(registry: RegistryPower, expected: ExpectedRegistry | None) -> Check:
    subject, found = f"registry {registry.code}", _registry_shown(registry)
    if len(registry.attesters) != registry.counted:
        less = f"{found}; the contract counts {registry.counted} attesters"
        return Check.fails(About.POWERS, subject, less, "the node does not give every event: ask another one")
    wrong = _unlike(registry, expected) if expected else ""
    if wrong:
        return Check.fails(About.POWERS, subject, f"{found}; {wrong}", "carbonbridge admin propose setAttesters …")
    if registry.threshold == 1:
        return Check.warns(About.POWERS, subject, found, "one stolen key attests anything: raise the threshold")
    return (Check.holds if expected else Check.shows)(About.POWERS, subject, found)


def _unlike(registry: RegistryPower, expected: ExpectedRegistry) -> str:
    wrong = [f"{name} should be {value}" for name, value in expected.terms.items() if registry.terms.get(name) != value]
    if expected.threshold not in (None, registry.threshold):
        wrong.append(f"threshold should be {expected.threshold}")
    if expected.attesters is not None and expected.attesters != set(registry.attesters):
        wrong.append(difference(registry.attesters, expected.attesters))
    return "; ".join(wrong)


def _registry_shown(registry: RegistryPower) -> str:
    stated = {name: value for name, value in registry.terms.items() if value and value != ZERO_ADDRESS}
    terms = ", ".join(name if value is True else f"{name} {value}" for name, value in stated.items())
    return f"{registry.threshold} of {len(registry.attesters)}: {all_shown(registry.attesters)}; {terms}"
