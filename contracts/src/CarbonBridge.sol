// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Attestations} from "./Attestations.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {Exits} from "./Exits.sol";
import {Extended, IExtension} from "./Extended.sol";
import {IDoors} from "./ICarbonBridge.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {SerialLedger} from "./SerialLedger.sol";
import {Kind, Lock, Outcome, Range, Request, RequestState, Signature, Status} from "./Types.sol";

/// @title The doors: mint, retire, redeem, settle, the holder's exit; and the way to the office
/// @dev The specification is {ICarbonBridge}. Every function keeps one order: load, check, write, emit, call out.
contract CarbonBridge is Exits, Extended {
    using RegistryBook for RegistryBook.Book;
    using SerialLedger for SerialLedger.Space;

    constructor(address admin, string memory uri_, IHolderPolicy policy_, IExtension office)
        BridgeBase(admin, uri_, policy_)
        Extended(office, policy_)
    {}

    /// @inheritdoc IDoors
    function mint(Lock[] calldata locks, uint64[] calldata hints, Signature[] calldata signatures)
        external
        whenNotPaused
    {
        if (locks.length == 0) revert EmptyBatch();
        if (locks.length != hints.length) revert LengthMismatch(locks.length, hints.length);
        uint32 registryIndex = _book.requireClass(locks[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(locks)), signatures);

        // Asked before anything is written, so that the policy sees the books in order.
        if (address(policy) != address(0)) {
            for (uint256 i; i < locks.length; ++i) policy.requireMayMove(address(0), locks[i].recipient);
        }
        // Locks side by side that share recipient and class are credited as one, in the place of the first of them.
        uint64[] memory credits = new uint64[](locks.length);
        uint256 total;
        Lock calldata run = locks[0];
        uint256 head;
        for (uint256 i; i < locks.length; ++i) {
            Lock calldata lock = locks[i];
            if (lock.recipient != run.recipient || lock.classId != run.classId) (run, head) = (lock, i);
            uint64 units = _insertLock(registryIndex, lock, hints[i]);
            credits[head] += units;
            total += units;
        }
        _spendAllowance(total);
        for (uint256 i; i < locks.length; ++i) {
            if (credits[i] != 0) _credit(locks[i].recipient, locks[i].classId, credits[i]);
        }

        for (uint256 i; i < locks.length; ++i) {
            if (credits[i] != 0) _checkReceiver(address(0), locks[i].recipient, locks[i].classId, credits[i]);
        }
    }

    /// @inheritdoc IDoors
    function retire(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        whenNotPaused
        returns (bytes32)
    {
        return _open(Request(Kind.Retirement, msg.sender, classId, units, commitment, salt));
    }

    /// @inheritdoc IDoors
    function redeem(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        whenNotPaused
        returns (bytes32)
    {
        return _open(Request(Kind.Redemption, msg.sender, classId, units, commitment, salt));
    }

    /// @inheritdoc IDoors
    function settle(
        Outcome[] calldata outcomes,
        Request[] calldata requests,
        uint64[] calldata hints,
        Signature[] calldata signatures
    ) external {
        if (outcomes.length == 0) revert EmptyBatch();
        if (outcomes.length != requests.length) revert LengthMismatch(outcomes.length, requests.length);
        uint32 registryIndex = _book.requireClass(requests[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(outcomes)), signatures);

        uint256 applied;
        uint256 nextHint;
        for (uint256 i; i < outcomes.length; ++i) {
            Outcome calldata outcome = outcomes[i];
            uint256 hintsEnd = nextHint + outcome.ranges.length;
            if (hintsEnd > hints.length) revert LengthMismatch(hintsEnd, hints.length);
            if (_settleOutcome(registryIndex, outcome, requests[i], hints[nextHint:hintsEnd])) ++applied;
            nextHint = hintsEnd;
        }
        if (nextHint != hints.length) revert LengthMismatch(nextHint, hints.length);
        if (applied == 0) revert NothingToSettle();
    }

    /// @inheritdoc IDoors
    function retiredBalanceOf(address account, uint256 classId) external view returns (uint256) {
        return _retired[account][classId];
    }

    /// @return False when there is nothing left to do for this outcome.
    function _settleOutcome(
        uint32 registryIndex,
        Outcome calldata outcome,
        Request calldata request,
        uint64[] calldata hints
    ) private returns (bool) {
        (bytes32 id, RequestState storage state) = _requireRequest(outcome.requestId, request);
        RegistryBook.Class storage class = _book.requireClassOf(request.classId, registryIndex);
        (uint16 parts, uint64 remaining) = (state.parts, state.remaining);
        if (_hasEnded(state.status) || outcome.part < parts || class.flags & RegistryBook.SHORT != 0) return false;
        if (outcome.part != parts) revert PartOutOfOrder(id, outcome.part, parts);

        // Only ranges that the ledger accepted can be counted.
        uint64 units = _consume(registryIndex, class.index, request.kind, outcome.ranges, hints);
        if (units == 0) revert ZeroUnits();
        if (units > remaining) revert OutcomeExceedsRequest(id, units, remaining);
        unchecked {
            // `units <= remaining`.
            remaining -= units;
        }
        (state.remaining, state.parts) = (remaining, parts + 1);
        if (remaining == 0) state.status = Status.Settled;
        _lowerPending(class, request.kind, units);
        if (request.kind == Kind.Retirement) {
            unchecked {
                // Each serial is retired once, and below 2**256 of them exist.
                _retired[request.holder][request.classId] += units;
            }
            emit CreditRetired(request.holder, request.classId, units);
        }
        emit OutcomeSettled(id, request.classId, request.kind, outcome.part, outcome.ranges, remaining);
        return true;
    }

    /// @dev Takes the ranges out of the live serials: buried when retired, freed when handed over.
    function _consume(
        uint32 registryIndex,
        uint32 classIndex,
        Kind kind,
        Range[] calldata ranges,
        uint64[] calldata hints
    ) private returns (uint64 units) {
        for (uint256 i; i < ranges.length; ++i) {
            Range calldata range = ranges[i];
            SerialLedger.Space storage space = _book.requireSpaceOf(range.space, registryIndex);
            if (kind == Kind.Retirement) space.bury(range.first, range.last, classIndex, hints[i]);
            else space.free(range.first, range.last, classIndex, hints[i]);
            units += _length(range.first, range.last);
        }
    }
}
