// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Attestations} from "./Attestations.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {IRemedies} from "./ICarbonBridge.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {SerialLedger} from "./SerialLedger.sol";
import {Cover, Range, Reversal, Signature} from "./Types.sol";

/// @title What happens when a registry takes serials back, and how the hole is filled
abstract contract Reversals is BridgeBase, IRemedies {
    using RegistryBook for RegistryBook.Book;
    using SerialLedger for SerialLedger.Space;

    /// @inheritdoc IRemedies
    function reverse(Reversal[] calldata reversals, uint64[] calldata hints, Signature[] calldata signatures)
        external
    {
        if (reversals.length == 0) revert EmptyBatch();
        uint32 registryIndex = _book.requireClass(reversals[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(reversals)), signatures);

        uint256 applied;
        uint256 nextHint;
        for (uint256 i; i < reversals.length; ++i) {
            uint256 hintsEnd = nextHint + reversals[i].ranges.length;
            if (hintsEnd > hints.length) revert LengthMismatch(hintsEnd, hints.length);
            if (_reverseOne(registryIndex, reversals[i], hints[nextHint:hintsEnd])) ++applied;
            nextHint = hintsEnd;
        }
        if (nextHint != hints.length) revert LengthMismatch(nextHint, hints.length);
        if (applied == 0) revert NothingToReverse();
    }

    /// @inheritdoc IRemedies
    function cover(Cover[] calldata covers, uint64[] calldata hints, Signature[] calldata signatures)
        external
        whenNotPaused
    {
        if (covers.length == 0) revert EmptyBatch();
        if (covers.length != hints.length) revert LengthMismatch(covers.length, hints.length);
        uint32 registryIndex = _book.requireClass(covers[0].lock.classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(covers)), signatures);

        uint256 total;
        for (uint256 i; i < covers.length; ++i) {
            total += _offer(registryIndex, covers[i], hints[i]);
        }
        _spendAllowance(total);
    }

    /// @inheritdoc IRemedies
    function takeCover(Cover calldata cover_, uint64 units) external {
        bytes32 id = _coverId(cover_);
        uint256 classId = cover_.lock.classId;
        RegistryBook.Class storage short = _book.classes[cover_.shortClassId];
        (uint64 left, uint64 shortfall) = (_covers[id], short.shortfall);
        uint64 available = left < shortfall ? left : shortfall;
        if (units == 0) revert ZeroUnits();
        if (units > available) revert CoverExceeded(id, units, available);
        _book.requireOpen(classId);

        _covers[id] = left - units;
        short.shortfall = shortfall - units;
        if (shortfall == units) short.flags &= ~RegistryBook.SHORT;
        _debit(msg.sender, cover_.shortClassId, units);
        _pass(address(this), msg.sender, classId, units);
        emit CoverTaken(id, msg.sender, cover_.shortClassId, units, shortfall - units);
        _checkReceiver(address(this), msg.sender, classId, units);
    }

    /// @inheritdoc IRemedies
    function withdrawCover(Cover calldata cover_) external {
        bytes32 id = _coverId(cover_);
        (uint256 classId, address to) = (cover_.lock.classId, cover_.lock.recipient);
        uint64 left = _covers[id];
        uint64 shortfall = _book.classes[cover_.shortClassId].shortfall;
        if (left == 0) revert CoverExceeded(id, 0, 0);
        if (_book.classes[classId].shortfall == 0) {
            if (shortfall != 0) revert StillShort(cover_.shortClassId, shortfall);
            _book.requireOpen(classId);
        } else if (msg.sender != to) {
            // Cover whose own class is short covers nothing any more; only its owner can then take cover for it.
            revert NotHolder(msg.sender, to);
        }

        _covers[id] = 0;
        _pass(address(this), to, classId, left);
        emit CoverWithdrawn(id, to, left);
        _checkReceiver(address(this), to, classId, left);
    }

    /// @inheritdoc IRemedies
    function coverId(Cover calldata cover_) external view returns (bytes32) {
        return _coverId(cover_);
    }

    /// @inheritdoc IRemedies
    function coverLeft(bytes32 id) external view returns (uint64) {
        return _covers[id];
    }

    /// @inheritdoc IRemedies
    function reversalDone(bytes32 registry, bytes32 eventId) external view returns (bool) {
        return _book.registries[_book.requireRegistry(registry)].reversed[eventId] != 0;
    }

    function _coverId(Cover calldata cover_) private view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), cover_));
    }

    /// @return False when the event was reversed already.
    function _reverseOne(uint32 registryIndex, Reversal calldata reversal, uint64[] calldata hints)
        private
        returns (bool)
    {
        RegistryBook.Class storage class = _book.requireClassOf(reversal.classId, registryIndex);
        mapping(bytes32 => uint256) storage reversed = _book.registries[registryIndex].reversed;
        uint256 done = reversed[reversal.eventId];
        if (done == reversal.classId) return false;
        if (done != 0) revert EventOfOtherClass(reversal.eventId, done);

        uint64 units;
        for (uint256 i; i < reversal.ranges.length; ++i) {
            Range calldata range = reversal.ranges[i];
            SerialLedger.Space storage space = _book.requireSpaceOf(range.space, registryIndex);
            space.bury(range.first, range.last, class.index, hints[i]);
            units += _length(range.first, range.last);
        }
        if (units == 0) revert ZeroUnits();
        reversed[reversal.eventId] = reversal.classId;
        class.shortfall += units;
        class.flags |= RegistryBook.SHORT;
        emit Reversed(reversal.eventId, reversal.classId, reversal.reason, reversal.ranges, class.shortfall);
        return true;
    }

    /// @dev The bridge itself holds the units, so that law L1 needs no word on cover.
    function _offer(uint32 registryIndex, Cover calldata cover_, uint64 hint) private returns (uint64 units) {
        RegistryBook.Class storage short = _book.requireClass(cover_.shortClassId);
        uint32 weight = short.terms.kgPerUnit;
        uint32 coverWeight = _book.requireClassOf(cover_.lock.classId, registryIndex).terms.kgPerUnit;
        address to = cover_.lock.recipient;
        if (to == address(0) || to == address(this)) revert ERC1155InvalidReceiver(to);
        _requireMayMove(address(0), to);
        if (short.shortfall == 0) revert NotShort(cover_.shortClassId);
        if (coverWeight != weight) revert WeightMismatch(cover_.lock.classId, coverWeight, weight);

        units = _insertLock(registryIndex, cover_.lock, hint);
        bytes32 id = _coverId(cover_);
        _covers[id] = units;
        _credit(address(this), cover_.lock.classId, units);
        emit CoverOffered(id, cover_.lock.lockId, cover_.shortClassId, units);
    }
}
