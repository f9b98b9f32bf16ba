// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Kind, Range, SpaceKind, Status, Subject, Terms, Verdict} from "./Types.sol";

/// @title What the bridge says: its events, and why it refuses
interface Signals {
    // ---------------------------------------------------------------- set-up

    event RegistryAdded(bytes32 indexed registry, Terms terms);
    event TermsSet(bytes32 indexed registry, Terms terms);
    event AttestersSet(bytes32 indexed registry, address[] added, address[] removed, uint8 threshold);
    event SpaceRegistered(bytes32 indexed space, bytes32 indexed registry, SpaceKind kind, string key);
    event ClassCreated(
        uint256 indexed classId, bytes32 indexed registry, string project, uint16 vintage, string creditType, Terms terms
    );
    event MethodologySet(bytes32 indexed registry, string project, string methodology);
    event VerdictSet(bytes32 indexed registry, Subject subject, string code, Verdict verdict);
    event AllowanceSet(address indexed operator, uint64 unitsPerDay);
    event ClassAllowanceSet(uint256 indexed classId, uint64 unitsPerDay);
    event ReserveStated(uint256 indexed classId, uint64 sequence, uint64 asOf, uint64 locked);

    error RegistryUnknown(bytes32 registry);
    error RegistryExists(bytes32 registry);
    error TermsInvalid(bytes32 registry);
    error ThresholdInvalid(bytes32 registry, uint256 threshold, uint256 attesters);
    error AttesterInvalid(bytes32 registry, address attester);
    error ClassUnknown(uint256 classId);
    error ClassExists(uint256 classId);
    error ClassOfOtherRegistry(uint256 classId, uint32 registryIndex, uint32 expected);
    error SpaceUnknown(bytes32 space);
    error SpaceExists(bytes32 space);
    error SpaceOfOtherRegistry(bytes32 space, uint32 registryIndex, uint32 expected);
    error SpaceOfOtherClass(bytes32 space, uint32 classIndex, uint32 expected);
    error PolicyInvalid(address policy);
    error ExtensionInvalid(address extension);
    error StatementFromFuture(uint64 asOf);
    error StatementSuperseded(uint64 sequence);

    // ------------------------------------------------------------ signatures

    error EmptyBatch();
    error LengthMismatch(uint256 items, uint256 others);
    error QuorumNotReached(uint256 signatures, uint256 threshold);
    error SignerNotAttester(uint32 registryIndex, address signer);
    error SignersNotRising(address previous, address signer);
    error SignatureExpired(uint64 notAfter);
    error SignatureInvalid(address holder);

    // --------------------------------------------------------------- minting

    event Minted(
        uint256 indexed lockId,
        uint256 indexed classId,
        bytes32 indexed space,
        uint64 first,
        uint64 last,
        address recipient
    );

    error RangeInvalid(uint64 first, uint64 last);
    error SerialsTaken(uint64 first, uint64 last, uint64 byFirst, uint64 byLast);
    error SerialsNotLive(uint64 first, uint64 last, uint32 classIndex);
    error HintTooFar(uint64 hint, uint64 first);
    error LockExpired(uint256 lockId, uint64 notAfter);
    error LockUsed(uint256 lockId);
    error NotOperator(address account);
    error AllowanceExceeded(address operator, uint256 units, uint256 available);
    error ClassAllowanceExceeded(uint256 classId, uint256 units, uint256 available);
    error NotAdmitted(uint256 classId, Subject subject, Verdict verdict);
    error ReserveStale(uint256 classId, uint40 asOf);
    error ReserveExceeded(uint256 classId, uint256 units, uint256 available);

    // -------------------------------------------------------------- requests

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
    /// @dev As ERC-8393, a draft, has it; `units` have joined the holder's retired balance for good.
    event CreditRetired(address indexed account, uint256 indexed classId, uint256 units);
    event RequestRefused(bytes32 indexed requestId, bytes32 reason, uint64 units);
    event RequestCalledBack(bytes32 indexed requestId, uint64 units);
    event RequestReturned(bytes32 indexed requestId, address indexed to, uint64 units);

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

    // -------------------------------------------------- reversals and cover

    event Reversed(
        bytes32 indexed eventId, uint256 indexed classId, bytes32 reason, Range[] ranges, uint64 shortfall
    );
    event CoverOffered(bytes32 indexed coverId, uint256 indexed lockId, uint256 indexed shortClassId, uint64 units);
    event CoverTaken(
        bytes32 indexed coverId, address indexed holder, uint256 indexed shortClassId, uint64 units, uint64 shortfall
    );
    event CoverWithdrawn(bytes32 indexed coverId, address indexed to, uint64 units);

    error NothingToReverse();
    error EventOfOtherClass(bytes32 eventId, uint256 classId);
    error NotShort(uint256 classId);
    error StillShort(uint256 classId, uint64 shortfall);
    error WeightMismatch(uint256 classId, uint32 kgPerUnit, uint32 expected);
    error CoverExceeded(bytes32 coverId, uint256 units, uint256 available);

    // ------------------------------------------------------------ recoveries

    event RecoveryOrdered(
        bytes32 indexed recoveryId,
        address indexed from,
        uint256 indexed classId,
        address to,
        uint64 units,
        uint256 salt,
        uint40 maturesAt
    );
    event RecoveryVetoed(bytes32 indexed recoveryId, address indexed by);
    event Recovered(bytes32 indexed recoveryId, address indexed from, address indexed to, uint64 units);

    error NotRecoverer(address account, uint256 classId);
    error RecoveryExists(bytes32 recoveryId);
    error RecoveryStands(address from, uint256 classId, uint40 until);
    error RecoveryNotPending(bytes32 recoveryId);
    error RecoveryNotMature(bytes32 recoveryId, uint40 maturesAt);
    error RecoveryLapsed(bytes32 recoveryId, uint40 lapsedAt);

    // ----------------------------------------------------------------- guard

    event GuardianSet(address indexed account, bool enabled);
    event Paused(address account);
    event Unpaused(address account);
    event Quarantined(uint256 indexed classId, uint40 until);

    error NotGuardian(address account);
    error IsPaused();
    error IsNotPaused();
    error ClassShort(uint256 classId, uint64 shortfall);
    error ClassQuarantined(uint256 classId, uint40 until);
    error QuarantineCoolingDown(uint256 classId, uint40 since);
}
