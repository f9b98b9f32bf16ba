// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerRange, Lock, Signature, StatementHead} from "../../src/Types.sol";
import {vm} from "../Cheats.sol";
import {Books} from "./Books.sol";

/// @dev Minting, and the statements that it leans on. An act that cannot be done is not done: forge discards the call,
/// and counts it as such.
abstract contract Deposits is Books {
    function mint(uint256 who, uint256 which, uint64 units, uint256 where) external {
        (uint256 classId, uint64 room) = _mintableClass(which, 1);
        units = 1 + units % (room < 60 ? room : 60);
        _mintAll(_locks(_newLock(classId, _spaceFor(classId, where), _recipient(who), units)));
    }

    /// @dev The first two locks reach their recipient as one transfer; the third is another's, and of a sibling class
    /// if the registry has one.
    function mintBatch(uint256 who, uint256 which, uint64 units, uint256 where) external {
        (uint256 classId, uint64 room) = _mintableClass(which, 3);
        uint256 other = classId == class && _mintable(gated) >= room / 3 ? gated : classId;
        units = 1 + units % (room < 60 ? room / 3 : 20);
        vm.assume(other == classId || units <= _mintable(other));
        Lock[] memory locks = new Lock[](3);
        bytes32 space = _spaceFor(classId, where);
        for (uint256 i; i < 2; ++i) locks[i] = _newLock(classId, space, _recipient(who), units);
        locks[2] = _newLock(other, _spaceFor(other, where / 2), _recipient(who / 5), units);
        _mintAll(locks);
    }

    /// @dev Serials that were handed over, or never minted, come in again under a new lock.
    function remint(uint256 who, uint256 which, uint256 where) external {
        (uint256 classId,) = _mintableClass(which, 1);
        bytes32 space = _spaceFor(classId, where);
        LedgerRange[] memory ranges = _ranges(space);
        uint64 gap = 1;
        uint256 i;
        for (; i < ranges.length && ranges[i].first == gap; ++i) gap = ranges[i].last + 1;
        vm.assume(i < ranges.length);
        _mintAll(_locks(_lockFor(classId, space, _recipient(who), gap, gap)));
    }

    function state(uint64 more, uint64 released) external {
        _state(books[stated].minted + more % 150 + released % 5, released % 5);
    }

    // ------------------------------------------------------------------------- private

    function _mintAll(Lock[] memory locks) internal {
        uint64[] memory hints = new uint64[](locks.length);
        for (uint256 i; i < locks.length; ++i) {
            hints[i] = _hint(locks[i].space, locks[i].first);
            _bookMint(locks[i], locks[i].recipient);
        }
        _once(operator, abi.encodeCall(bridge.mint, (locks, hints, _signed(locks))));
    }

    function _state(uint64 locked, uint64 released) internal {
        StatementHead memory head = _head(++sequence, stated, locked, released);
        if (locked - released > mostStated) mostStated = locked - released;
        vm.prank(mallory);
        statedAt = head.asOf;
        bridge.stateReserves(head, _sign(goldKeys, _digest(head)));
    }

    function _signed(Lock[] memory locks) internal view returns (Signature[] memory) {
        return _sign(_keysOf(locks[0].classId), _digest(locks));
    }

    /// @dev Above all others of its space, sometimes with a gap. A full ledger takes no more, to keep the walk quick.
    function _newLock(uint256 classId, bytes32 space, address to, uint64 units) internal returns (Lock memory) {
        vm.assume(_ranges(space).length < MANY);
        uint64 first = nextSerial[space] + units % 3;
        nextSerial[space] = first + units;
        return _lockFor(classId, space, to, first, first + units - 1);
    }

    function _recipient(uint256 who) internal view returns (address to) {
        to = _holder(who);
        vm.assume(_mayMove(address(0), to));
    }
}
