// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHolderPolicy} from "./IHolderPolicy.sol";

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

/// @dev `Open` and `CalledBack` may still be settled or refused; the other three are ends.
enum Status {
    None,
    Open,
    CalledBack,
    Settled,
    Refused,
    Returned
}

/// @dev Serial numbers `first..last` of one space, both inclusive.
struct Range {
    bytes32 space;
    uint64 first;
    uint64 last;
}

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

/// @dev A compact signature (ERC-2098).
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @dev What a request id commits to, with the chain and this contract.
struct Request {
    Kind kind;
    address holder;
    uint256 classId;
    uint64 units;
    bytes32 commitment;
    uint256 salt;
}

/// @dev A request as stored: one slot. The two `calledBack` figures are readings of {ICarbonBridge-challengeClock}.
struct RequestState {
    uint64 remaining;
    uint32 classIndex;
    uint40 deadline;
    uint40 calledBackSeconds;
    uint40 calledBackBlocks;
    uint16 parts;
    Kind kind;
    Status status;
}

/// @dev Constants that a class copies from its registry when it is created. Seconds, seconds, blocks, kilograms. All but
/// `challengeBlocks` must be more than zero; without it the seconds alone make the challenge, for a chain whose blocks
/// say nothing about time. Warning: a chain that stands still and goes on then leaves settlements no block to land in.
struct Terms {
    uint32 requestDeadline;
    uint32 challengeSeconds;
    uint32 challengeBlocks;
    uint32 kgPerUnit;
}

/// @dev One credit class. The first four fields share a slot and carry law L1:
/// `supply + pendingRetirement + pendingRedemption = live serials + shortfall`.
struct CreditClass {
    uint64 supply;
    uint64 pendingRetirement;
    uint64 pendingRedemption;
    uint64 shortfall;
    uint32 index;
    uint32 registryIndex;
    Terms terms;
}

/// @dev Serials `first..liveFrom-1` are tombstones, `liveFrom..last` are live; the next range starts at `next`.
struct LedgerRange {
    uint64 first;
    uint64 liveFrom;
    uint64 last;
    uint64 next;
    uint256 classId;
}

/// @title Carbon credits locked in a registry, as ERC-1155 units
/// @notice One unit is one serial. Units appear only against a registry's attested lock and disappear only into a
/// request, which the registry's attesters settle or refuse, or which the holder takes back.
/// @dev This interface is the specification. Every array of signatures is in rising order of signer, all of one
/// registry's attesters, at least as many as its threshold; one set covers the whole batch.
interface ICarbonBridge {
    event RegistryAdded(bytes32 indexed registry, Terms terms);
    event AttestersSet(bytes32 indexed registry, address[] added, address[] removed, uint8 threshold);
    event SpaceRegistered(bytes32 indexed space, bytes32 indexed registry, SpaceKind kind, string key);
    event ClassCreated(
        uint256 indexed classId, bytes32 indexed registry, string project, uint16 vintage, string creditType, Terms terms
    );
    event AllowanceSet(address indexed operator, uint64 unitsPerDay);
    event Minted(
        uint256 indexed lockId,
        uint256 indexed classId,
        bytes32 indexed space,
        uint64 first,
        uint64 last,
        address recipient
    );
    event RequestOpened(
        bytes32 indexed requestId,
        address indexed holder,
        uint256 indexed classId,
        Kind kind,
        uint64 units,
        bytes32 commitment,
        uint256 salt,
        uint40 deadline
    );
    event OutcomeSettled(
        bytes32 indexed requestId, uint256 indexed classId, Kind kind, uint16 part, Range[] ranges, uint64 remaining
    );
    event RequestRefused(bytes32 indexed requestId, bytes32 reason, uint64 units);
    event RequestCalledBack(bytes32 indexed requestId, uint64 units);
    event RequestReturned(bytes32 indexed requestId, address indexed to, uint64 units);
    event GuardianSet(address indexed account, bool enabled);
    event Paused(address account);
    event Unpaused(address account);

    error EmptyBatch();
    error LengthMismatch(uint256 items, uint256 hints);
    error RegistryUnknown(bytes32 registry);
    error RegistryExists(bytes32 registry);
    error TermsInvalid(bytes32 registry);
    error ThresholdInvalid(bytes32 registry, uint256 threshold, uint256 attesters);
    error AttesterInvalid(bytes32 registry, address attester);
    error QuorumNotReached(uint256 signatures, uint256 threshold);
    error SignerNotAttester(uint32 registryIndex, address signer);
    error SignersNotRising(address previous, address signer);
    error ClassUnknown(uint256 classId);
    error ClassExists(uint256 classId);
    error ClassOfOtherRegistry(uint256 classId, uint32 registryIndex, uint32 expected);
    error SpaceUnknown(bytes32 space);
    error SpaceExists(bytes32 space);
    error SpaceOfOtherRegistry(bytes32 space, uint32 registryIndex, uint32 expected);
    error SpaceOfOtherClass(bytes32 space, uint32 classIndex, uint32 expected);
    error RangeInvalid(uint64 first, uint64 last);
    error SerialsTaken(uint64 first, uint64 last, uint64 byFirst, uint64 byLast);
    error SerialsNotLive(uint64 first, uint64 last, uint32 classIndex);
    error HintTooFar(uint64 hint, uint64 first);
    error LockExpired(uint256 lockId, uint64 notAfter);
    error LockUsed(uint256 lockId);
    error AllowanceExceeded(address operator, uint256 units, uint256 available);
    error NotGuardian(address account);
    error NotOperator(address account);
    error ZeroUnits();
    error RequestExists(bytes32 requestId);
    error RequestUnknown(bytes32 requestId);
    error RequestNotOpen(bytes32 requestId, Status status);
    error PartOutOfOrder(bytes32 requestId, uint16 part, uint16 expected);
    error OutcomeExceedsRequest(bytes32 requestId, uint256 units, uint64 remaining);
    error NothingToSettle();
    error NotHolder(address account, address holder);
    error DeadlineNotPassed(bytes32 requestId, uint40 deadline);
    error ChallengeNotPassed(bytes32 requestId, uint256 secondsLeft, uint256 blocksLeft);
    error IsPaused();
    error IsNotPaused();
    error PolicyInvalid(address policy);

    // ---------------------------------------------------------------- set-up

    /// @notice Admin adds a registry with its attesters and the terms its classes will copy.
    function addRegistry(bytes32 registry, address[] calldata attesters, uint8 threshold, Terms calldata terms)
        external;

    /// @notice Admin changes a registry's attesters. Warning: outcomes signed by a removed attester must be signed anew.
    function setAttesters(bytes32 registry, address[] calldata add, address[] calldata remove, uint8 threshold)
        external;

    /// @notice Admin lets `operator` mint, register spaces and create classes; zero ends it.
    /// The allowance refills evenly over a day and is never more than a day's worth.
    function setAllowance(address operator, uint64 unitsPerDay) external;

    /// @notice Admin names who may pause.
    function setGuardian(address account, bool enabled) external;

    /// @notice An operator registers a serial space; its id is `keccak256(abi.encode(registry, kind, key))`.
    /// @dev Warning: the contract cannot know a registry's canonical spelling of `key`. It need not: attesters sign
    /// only locks in spaces they derived themselves, so a misspelt space stays empty.
    function registerSpace(bytes32 registry, SpaceKind kind, string calldata key) external returns (bytes32 space);

    /// @notice An operator creates a class; its id is `keccak256(abi.encode(registry, project, vintage, creditType))`.
    function createClass(bytes32 registry, string calldata project, uint16 vintage, string calldata creditType)
        external
        returns (uint256 classId);

    // ----------------------------------------------------------------- doors

    /// @notice An operator mints attested locks of one registry, each to the recipient that its lock names.
    /// @param hints For each lock the first serial of the range before it in its space, or zero.
    /// @dev Reverts whole when any lock is used, expired, overlapping, or over the operator's allowance, or when a
    /// recipient with code rejects it. Locks side by side that share recipient and class reach him as one transfer.
    function mint(Lock[] calldata locks, uint64[] calldata hints, Signature[] calldata signatures) external;

    /// @notice Burns the caller's units and asks the registry to retire as many serials.
    /// @param commitment `keccak256(abi.encode(holder, classId, units, beneficiary, purpose, secret))`, opened to the
    /// registry alone. Warning: who loses the opening cannot be served; call the request back after its deadline.
    /// @param salt Makes the id unique; an id is usable once.
    function retire(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        returns (bytes32 requestId);

    /// @notice Burns the caller's units and asks the registry to hand over as many serials.
    function redeem(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        returns (bytes32 requestId);

    /// @notice Anyone submits attested outcomes; no pause and no policy stops it.
    /// @param hints For each range, over all outcomes in order, the first serial of a range before the one that
    /// contains it, or zero.
    /// @dev A part that is settled already, or whose request has ended, is skipped, so that nobody can spoil a batch;
    /// reverts when nothing at all is left to do.
    function settle(Outcome[] calldata outcomes, uint64[] calldata hints, Signature[] calldata signatures) external;

    /// @notice Anyone submits attested refusals. What is unsettled returns to the holder at once; a holder with code
    /// takes it by {takeBack}, since a receiver hook could spoil the batch.
    /// @dev Requests that have ended are skipped; reverts when nothing at all is left to do.
    function refuse(Refusal[] calldata refusals, Request[] calldata requests, Signature[] calldata signatures)
        external;

    /// @notice The holder, past the deadline, calls back what is unsettled. A settlement may still land until
    /// {takeBack}.
    function callBack(Request calldata request) external;

    /// @notice The holder takes called-back units after the challenge, or refused ones at once, to `to`.
    /// Warning: a holder whom the policy holds may name himself only.
    function takeBack(Request calldata request, address to) external;

    // ----------------------------------------------------------------- guard

    /// @notice A guardian stops minting and new requests. Only the admin unpauses.
    function pause() external;
    function unpause() external;

    // ----------------------------------------------------------------- views

    function requestId(Request calldata request) external view returns (bytes32);
    function requestState(bytes32 requestId) external view returns (RequestState memory);
    function creditClass(uint256 classId) external view returns (CreditClass memory);
    function totalSupply(uint256 classId) external view returns (uint256);
    function spaceOf(bytes32 space) external view returns (bytes32 registry, SpaceKind kind, uint256 soleClassId);
    function registryOf(bytes32 registry) external view returns (uint8 threshold, uint8 attesters, Terms memory terms);
    function isAttester(bytes32 registry, address account) external view returns (bool);
    function lockUsed(bytes32 registry, uint256 lockId) external view returns (bool);
    function allowance(address operator) external view returns (uint64 unitsPerDay, uint256 available);
    function isGuardian(address account) external view returns (bool);
    function paused() external view returns (bool);

    /// @notice Who says which holders may not give units away, for ever; address zero for nobody.
    function policy() external view returns (IHolderPolicy);

    /// @notice The range of a space that starts at `first`, all zero when there is none; for `first` zero the head,
    /// of which only `next` means anything. {BridgeLens} walks the list with it.
    function rangeAt(bytes32 space, uint64 first) external view returns (LedgerRange memory);

    /// @notice Seconds and blocks that have passed unpaused. One pause stops it for {PAUSE_SECONDS} at most, and not at
    /// all when it begins within as long a time after the last one.
    function challengeClock() external view returns (uint40 unpausedSeconds, uint40 unpausedBlocks);
}
