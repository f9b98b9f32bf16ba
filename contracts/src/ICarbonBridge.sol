// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHolderPolicy} from "./IHolderPolicy.sol";
import {Signals} from "./Signals.sol";
import {
    Cover,
    CreditClass,
    LedgerRange,
    Lock,
    Outcome,
    Recovery,
    Refusal,
    Request,
    RequestState,
    Reserve,
    Reversal,
    Signature,
    SpaceKind,
    StatementHead,
    Subject,
    Terms,
    Verdict
} from "./Types.sol";

/// @title What everybody uses every day
/// @dev These interfaces are the specification. Every array of signatures is in rising order of signer, all of one
/// registry's attesters, at least as many as its threshold; one set covers the whole batch.
interface IDoors is Signals {
    /// @notice An operator mints attested locks of one registry, each to the recipient that its lock names.
    /// @param hints For each lock the first serial of the range before it in its space, or zero.
    /// @dev Reverts whole when any lock is used, expired, overlapping, over an allowance, or in a class that is closed,
    /// not admitted or without reserve; or when a recipient with code rejects it. Locks side by side that share
    /// recipient and class reach him as one transfer.
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

    /// @notice Anyone submits attested outcomes, each with the request it is about; no pause, policy, freeze or
    /// quarantine stops it. What is retired joins the holder's retired balance for good.
    /// @param hints For each range, over all outcomes in order, the first serial of a range before the one that
    /// contains it, or zero.
    /// @dev A part that is settled already, or whose request has ended, or whose class is short, is skipped, so that
    /// nobody can spoil a batch; reverts when nothing at all is left to do.
    function settle(
        Outcome[] calldata outcomes,
        Request[] calldata requests,
        uint64[] calldata hints,
        Signature[] calldata signatures
    ) external;

    /// @notice Anyone opens a request that its holder signed (EIP-712; ERC-1271 for holders with code), as if the
    /// holder had called {retire} or {redeem}.
    /// @param notAfter Seconds since 1970 after which the signature is void. It is part of what is signed.
    function requestFor(Request calldata request, uint64 notAfter, bytes calldata signature)
        external
        returns (bytes32 requestId);

    /// @notice Anyone submits attested refusals. What is unsettled returns to the holder at once; a holder with code
    /// takes it by {takeBack}, since a receiver hook could spoil the batch.
    /// @dev Requests that have ended are skipped; reverts when nothing at all is left to do.
    function refuse(Refusal[] calldata refusals, Request[] calldata requests, Signature[] calldata signatures)
        external;

    /// @notice The holder, past the deadline, calls back what is unsettled. A settlement may still land until
    /// {takeBack}.
    function callBack(Request calldata request) external;

    /// @notice The holder takes called-back units after the challenge, or refused ones at once, to `to`.
    /// Warning: a holder whom the policy holds, or whose class is closed, may name himself only.
    function takeBack(Request calldata request, address to) external;

    /// @notice Units that the registry retired for `account`, for ever; named as in the draft ERC-8393.
    function retiredBalanceOf(address account, uint256 classId) external view returns (uint256);
}

/// @title Setting up, stopping, reading
interface IOffice is Signals {
    // ---------------------------------------------------------------- set-up

    /// @notice Admin adds a registry with its attesters and the terms its classes will copy.
    function addRegistry(bytes32 registry, address[] calldata attesters, uint8 threshold, Terms calldata terms)
        external;

    /// @notice Admin sets the terms of classes yet to be made. Those that exist keep theirs.
    function setTerms(bytes32 registry, Terms calldata terms) external;

    /// @notice Admin changes a registry's attesters. Warning: outcomes signed by a removed attester must be signed anew.
    function setAttesters(bytes32 registry, address[] calldata add, address[] calldata remove, uint8 threshold)
        external;

    /// @notice Admin lets `operator` mint, register spaces and create classes; zero ends it.
    /// The allowance refills evenly over a day and is never more than a day's worth.
    function setAllowance(address operator, uint64 unitsPerDay) external;

    /// @notice Admin bounds what all operators together may mint of a class, refilling likewise; zero ends the bound.
    function setClassAllowance(uint256 classId, uint64 unitsPerDay) external;

    /// @notice Admin says by which methodology a project issues, for the verdicts on methodologies.
    function setMethodology(bytes32 registry, string calldata project, string calldata methodology) external;

    /// @notice Admin admits or bars a project or a methodology, or takes a verdict back; a guardian may bar.
    /// @dev A class that minted before is looked at anew at its next mint. Units that exist are not touched.
    function setVerdict(bytes32 registry, Subject subject, string calldata code, Verdict verdict) external;

    /// @notice An operator registers a serial space; its id is `keccak256(abi.encode(registry, kind, key))`.
    /// @dev Warning: the contract cannot know a registry's canonical spelling of `key`. It need not: attesters sign
    /// only locks in spaces they derived themselves, so a misspelt space stays empty.
    function registerSpace(bytes32 registry, SpaceKind kind, string calldata key) external returns (bytes32 space);

    /// @notice An operator creates a class; its id is `keccak256(abi.encode(registry, project, vintage, creditType))`.
    function createClass(bytes32 registry, string calldata project, uint16 vintage, string calldata creditType)
        external
        returns (uint256 classId);

    /// @notice Anyone submits an attested statement of one registry, for the classes whose terms ask for it.
    /// @dev Signed as a batch of one. It may name some classes only; one that is as new already is skipped.
    function stateReserves(StatementHead calldata head, Signature[] calldata signatures) external;

    // ----------------------------------------------------------------- guard

    /// @notice Admin names who may pause, quarantine, bar and veto.
    function setGuardian(address account, bool enabled) external;

    /// @notice A guardian stops minting and new requests. Only the admin unpauses.
    function pause() external;
    function unpause() external;

    /// @notice A guardian closes a class for transfers, requests and mints, for {QUARANTINE_SECONDS}; not again before
    /// as long a time has passed since. Settlements, refusals and returns go on.
    function quarantine(uint256 classId) external;

    /// @notice Admin sets the end of a quarantine: later confirms it, zero (or any past time) lifts it as of now.
    function confirmQuarantine(uint256 classId, uint40 until) external;

    // ----------------------------------------------------------------- views

    function requestId(Request calldata request) external view returns (bytes32);
    function requestState(bytes32 requestId) external view returns (RequestState memory);

    function creditClass(uint256 classId) external view returns (CreditClass memory);
    function reserveOf(uint256 classId) external view returns (Reserve memory);
    function classAllowance(uint256 classId) external view returns (uint64 unitsPerDay, uint256 available);
    function totalSupply(uint256 classId) external view returns (uint256);
    function spaceOf(bytes32 space) external view returns (bytes32 registry, SpaceKind kind, uint256 soleClassId);
    function registryOf(bytes32 registry) external view returns (uint8 threshold, uint8 attesters, Terms memory terms);
    function verdictOn(bytes32 registry, Subject subject, string calldata code) external view returns (Verdict);
    function isAttester(bytes32 registry, address account) external view returns (bool);
    function lockUsed(bytes32 registry, uint256 lockId) external view returns (bool);
    function allowance(address operator) external view returns (uint64 unitsPerDay, uint256 available);
    function isGuardian(address account) external view returns (bool);
    function paused() external view returns (bool);

    /// @notice The range of a space that starts at `first`, all zero when there is none; for `first` zero the head,
    /// of which only `next` means anything. {BridgeLens} walks the list with it.
    function rangeAt(bytes32 space, uint64 first) external view returns (LedgerRange memory);

    /// @notice Seconds and blocks that have passed unpaused. One pause stops it for {PAUSE_SECONDS} at most, and not at
    /// all when it begins within as long a time after the last one.
    function challengeClock() external view returns (uint40 unpausedSeconds, uint40 unpausedBlocks);
}

/// @title For what should not happen
interface IRemedies is Signals {
    // -------------------------------------------------- reversals and cover

    /// @notice Anyone submits attested reversals: live serials become tombstones, the class is short by as many, and
    /// closed for transfers, requests, mints and settlements until the shortfall is covered.
    /// @dev An event that was reversed already is skipped; reverts when nothing at all is left to do.
    function reverse(Reversal[] calldata reversals, uint64[] calldata hints, Signature[] calldata signatures) external;

    /// @notice An operator mints attested cover, bound as in {IDoors-mint}. The bridge holds the units until holders
    /// of the short class take them. Both classes' units weigh the same.
    function cover(Cover[] calldata covers, uint64[] calldata hints, Signature[] calldata signatures) external;

    /// @notice The caller gives `units` of the short class for as many of the cover. Nobody must.
    function takeCover(Cover calldata cover_, uint64 units) external;

    /// @notice Once the class is short no more, anyone sends what nobody took to the recipient whom the cover names. When
    /// the cover's own class has become short he takes it himself, since only a holder can take cover for it.
    function withdrawCover(Cover calldata cover_) external;

    // ------------------------------------------------------------ recoveries

    /// @notice The recoverer of the class orders units from one account to another, after the class's delay: no more
    /// than the account holds now, and one order at a time.
    function orderRecovery(Recovery calldata recovery) external returns (bytes32 recoveryId);

    /// @notice The account that would lose the units, or a guardian, ends an order.
    function vetoRecovery(Recovery calldata recovery) external;

    /// @notice Anyone executes a matured order. It lapses when it is as old again as it had to become. The policy is
    /// asked about the receiver only, so that a frozen account can be recovered from.
    function recover(Recovery calldata recovery) external;

    // ----------------------------------------------------------------- views

    function coverId(Cover calldata cover_) external view returns (bytes32);
    function recoveryId(Recovery calldata recovery) external view returns (bytes32);
    function reversalDone(bytes32 registry, bytes32 eventId) external view returns (bool);

    /// @notice Units of a cover that nobody has taken.
    function coverLeft(bytes32 coverId) external view returns (uint64 units);

    /// @notice When an order matures, or did before it lapsed: zero for one that was never given, the highest number for
    /// one that was vetoed or executed.
    function recoveryMaturesAt(bytes32 recoveryId) external view returns (uint40);
}

/// @title Carbon credits locked in a registry, as ERC-1155 units
/// @notice One unit is one serial. Units appear only against a registry's attested lock and disappear only into a
/// request, which the registry's attesters settle or refuse, or which the holder takes back; or for as many units of
/// a cover, by the holder's choice.
interface ICarbonBridge is IDoors, IOffice, IRemedies {
    /// @notice Who says which holders may not give or take units, for ever; address zero for nobody.
    function policy() external view returns (IHolderPolicy);
}
