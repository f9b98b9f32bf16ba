// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev How block numbers behave in a serial space. `Counter`: one running number for many projects.
/// `Batch`: numbering restarts in each batch, so the space admits a single credit class, fixed at first use.
enum SpaceKind {
    Counter,
    Batch
}

/// @dev What a holder asks of the registry: retire the underlying serials, or hand them over.
enum Kind {
    Retirement,
    Redemption
}

/// @dev `Open` and `CalledBack` may still be settled or refused; the last three are ends.
enum Status {
    None,
    Open,
    CalledBack,
    Settled,
    Refused,
    Returned
}

/// @dev What a verdict is about, within one registry.
enum Subject {
    Project,
    Methodology
}

/// @dev `None` admits, unless the class's terms ask for an admission.
enum Verdict {
    None,
    Admitted,
    Barred
}

/// @dev A compact signature (ERC-2098).
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @dev Serial numbers `first..last` of one space, both inclusive.
struct Range {
    bytes32 space;
    uint64 first;
    uint64 last;
}

// -------------------------------------------------------------- what attesters sign

/// @dev "The registry holds these serials for this contract; mint them to this recipient, or never."
struct Lock {
    uint256 lockId;
    uint256 classId;
    bytes32 space;
    uint64 first;
    uint64 last;
    address recipient;
    uint64 notAfter;
}

/// @dev "The registry holds these serials to cover what `shortClassId` lacks." The recipient gets what nobody takes.
struct Cover {
    Lock lock;
    uint256 shortClassId;
}

/// @dev "These serials are reserved for part `part` of the request", ranges in rising order.
struct Outcome {
    bytes32 requestId;
    uint16 part;
    Range[] ranges;
}

/// @dev "The registry will not act on what is left of this request." `reason` is a short ASCII code.
struct Refusal {
    bytes32 requestId;
    bytes32 reason;
}

/// @dev "The registry has taken these serials back", once for each of its events. `reason` as above.
struct Reversal {
    bytes32 eventId;
    uint256 classId;
    bytes32 reason;
    Range[] ranges;
}

/// @dev Lifetime totals of one class for this contract, in units; they never fall.
struct ClassTotal {
    uint256 classId;
    uint64 locked;
    uint64 released;
    uint64 retired;
    uint64 handedOver;
}

/// @dev The head of a registry's statement as of a second since 1970; `rowsHash` binds the rows, which stay off chain.
struct StatementHead {
    uint64 sequence;
    uint64 asOf;
    bytes32 rowsHash;
    ClassTotal[] totals;
}

// ------------------------------------------------------------------ what ids commit to

/// @dev What a request id commits to, with the chain and this contract.
struct Request {
    Kind kind;
    address holder;
    uint256 classId;
    uint64 units;
    bytes32 commitment;
    uint256 salt;
}

/// @dev What a recovery id commits to, with the chain and this contract.
struct Recovery {
    uint256 classId;
    address from;
    address to;
    uint64 units;
    uint256 salt;
}

// ---------------------------------------------------------------------- what is stored

/// @dev A request: one slot. The two `calledBack` figures are readings of the challenge clock.
struct RequestState {
    uint64 remaining;
    uint40 deadline;
    uint40 calledBackSeconds;
    uint40 calledBackBlocks;
    uint16 parts;
    Status status;
}

/// @dev Constants that a class copies from its registry when it is created.
/// Deadline and challenge must be more than zero; without `challengeBlocks` the seconds alone make the challenge, for a
/// chain whose blocks say nothing about time. Warning: a chain that stands still and goes on then leaves settlements
/// no block to land in.
/// `kgPerUnit`: what a unit weighs. `statementSeconds`: how old a statement a mint may lean on; zero for no reserve
/// gate. `admissionRequired`: nothing mints before project and methodology are admitted. `recoverer` may order units
/// from one account to another after `recoverySeconds`; address zero for nobody.
struct Terms {
    uint32 requestDeadline;
    uint32 challengeSeconds;
    uint32 challengeBlocks;
    uint32 kgPerUnit;
    uint32 statementSeconds;
    uint32 recoverySeconds;
    bool admissionRequired;
    address recoverer;
}

/// @dev One credit class. Law L1: `supply + pendingRetirement + pendingRedemption = live serials + shortfall`.
/// While it has a shortfall, or until `quarantinedUntil`, its units stay where they are.
struct CreditClass {
    uint64 supply;
    uint64 pendingRetirement;
    uint64 pendingRedemption;
    uint64 shortfall;
    uint40 quarantinedUntil;
    uint32 index;
    uint32 registryIndex;
    Terms terms;
}

/// @dev Units minted in the class's life, and locked less released in the registry's by its statement `sequence`.
struct Reserve {
    uint64 minted;
    uint64 locked;
    uint64 sequence;
    uint40 asOf;
}

/// @dev Serials `first..liveFrom-1` are tombstones, `liveFrom..last` are live; the next range starts at `next`.
struct LedgerRange {
    uint64 first;
    uint64 liveFrom;
    uint64 last;
    uint64 next;
    uint256 classId;
}
