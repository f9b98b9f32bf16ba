// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cover, LedgerRange, Lock, Range, Recovery, Reversal} from "../../src/Types.sol";
import {vm} from "../Cheats.sol";
import {Books} from "./Books.sol";

/// @dev Serials that the registry takes back, the cover for them, and recoveries.
abstract contract Remedies is Books {
    // -------------------------------------------------------------- reversals and cover

    /// @dev With an event that was reversed before, which is skipped.
    function reverse(uint256 which, uint256 where, uint64 units) external {
        uint256 classId = _class(which);
        // One class short at a time is enough, mostly: short classes stand still.
        vm.assume(where % 8 == 0 || (!_isShort(class) && !_isShort(gated) && !_isShort(stated)));
        (bytes32 space, LedgerRange memory range) = _liveRange(classId, where);
        vm.assume(_ranges(space).length < MANY);
        uint64 room = range.last - range.liveFrom + 1;
        units = 1 + units % (room < 5 ? room : 5);
        uint64 first = range.liveFrom + uint64(where % (room - units + 1));
        bool again = classId != stated && reversedEvents.length != 0;

        Reversal[] memory reversals = new Reversal[](again ? 2 : 1);
        uint256 last = reversals.length - 1;
        if (again) {
            bytes32 done = reversedEvents[where % reversedEvents.length];
            reversals[0] = Reversal(done, reversedIn[done], "again", new Range[](1));
        }
        reversals[last] = Reversal(keccak256(abi.encode(nextSalt++)), classId, "fire", new Range[](1));
        reversals[last].ranges[0] = Range(space, first, first + units - 1);
        uint64[] memory hints = new uint64[](reversals.length);
        hints[last] = _hint(space, first);
        if (classId != stated) reversedEvents.push(reversals[last].eventId);
        reversedIn[reversals[last].eventId] = classId;
        _bookReversal(classId, units);
        vm.prank(mallory);
        bridge.reverse(reversals, hints, _sign(_keysOf(classId), _digest(reversals)));
    }

    function offerCover(uint256 which, uint256 by, uint64 units, uint256 who) external {
        uint256 shortId = _shortClass(which);
        (uint256 classId, uint64 room) = _mintableClass(by, 1);
        vm.assume(_mayMove(address(0), _holder(who)));
        units = 1 + units % (books[shortId].shortfall + 2);
        if (units > room) units = room;
        bytes32 space = _spaceFor(classId, by);
        vm.assume(_ranges(space).length < MANY);
        uint64 first = nextSerial[space];
        nextSerial[space] += units;
        Lock memory lock = _lockFor(classId, space, _holder(who), first, first + units - 1);
        Cover[] memory offered = _covers(Cover(lock, shortId));
        _bookMint(lock, address(bridge));
        covers.push(CoverBook(offered[0], bridge.coverId(offered[0]), units));
        _do(operator, _coverCall(offered));
    }

    function takeCover(uint256 which, uint256 who, uint64 units) external {
        uint256 i = _someCover(which, true);
        Cover memory c = covers[i].cover;
        address holder = _holding(c.shortClassId, who);
        uint256 most = balances[holder][c.shortClassId];
        if (most > covers[i].left) most = covers[i].left;
        if (most > books[c.shortClassId].shortfall) most = books[c.shortClassId].shortfall;
        vm.assume(most != 0 && _isOpen(c.lock.classId));
        units = uint64(1 + units % most);
        _bookCoverTaken(i, holder, units);
        vm.prank(holder);
        bridge.takeCover(c, units);
    }

    /// @dev Anybody: mallory does, but for cover whose own class is short.
    function withdrawCover(uint256 which) external {
        uint256 i = _withdrawable(which);
        Cover memory c = covers[i].cover;
        address to = c.lock.recipient;
        _bookTransfer(address(bridge), to, c.lock.classId, covers[i].left);
        covers[i].left = 0;
        _once(_isShort(c.lock.classId) ? to : mallory, abi.encodeCall(bridge.withdrawCover, (c)));
    }

    // ----------------------------------------------------------------------- recoveries

    function orderRecovery(uint256 which, uint256 from, uint256 to, uint64 units) external {
        uint256 classId = which % 2 == 0 ? gated : stated;
        uint256 balance = balances[_holder(from)][classId];
        vm.assume(balance != 0 && !_stands(_holder(from), classId));
        units = uint64(1 + units % balance);
        Recovery memory r = Recovery(classId, _holder(from), _holder(to), units, nextSalt++);
        maturesAt[orders.length] = uint40(vm.getBlockTimestamp()) + RECOVERY;
        orders.push(r);
        vm.prank(recoverer);
        bridge.orderRecovery(r);
    }

    function veto(uint256 which, uint256 by) external {
        uint256 i = _pendingOrder(which);
        orderEnded[i] = true;
        vm.prank(by % 2 == 0 ? guardian : orders[i].from);
        bridge.vetoRecovery(orders[i]);
    }

    /// @dev Anybody: mallory does.
    function recover(uint256 which) external {
        uint256 i = _pendingOrder(which);
        Recovery memory r = orders[i];
        if (vm.getBlockTimestamp() < maturesAt[i]) vm.warp(maturesAt[i]);
        vm.assume(r.units <= balances[r.from][r.classId] && _isOpen(r.classId) && _mayMove(address(0), r.to));
        orderEnded[i] = true;
        _bookTransfer(r.from, r.to, r.classId, r.units);
        _once(mallory, abi.encodeCall(bridge.recover, (r)));
    }

    // ------------------------------------------------------------------------- private

    function _coverCall(Cover[] memory offered) internal view returns (bytes memory) {
        Lock memory lock = offered[0].lock;
        uint64[] memory hints = _hints(lock.space, lock.first);
        return abi.encodeCall(bridge.cover, (offered, hints, _sign(_keysOf(lock.classId), _digest(offered))));
    }

    function _shortClass(uint256 seed) internal view returns (uint256 classId) {
        for (uint256 i; i < 3; ++i) {
            classId = classes[(seed % 3 + i) % 3];
            if (books[classId].shortfall != 0) return classId;
        }
        vm.assume(false);
    }

    /// @dev Some cover of which something is left, for a class that is or is no longer short.
    function _someCover(uint256 seed, bool stillShort) internal view returns (uint256 which) {
        for (uint256 i; i < covers.length; ++i) {
            which = (seed % covers.length + i) % covers.length;
            bool isShort = books[covers[which].cover.shortClassId].shortfall != 0;
            if (covers[which].left != 0 && isShort == stillShort) return which;
        }
        vm.assume(false);
    }

    /// @dev Cover that nobody needs any more, and cover that is short itself.
    function _withdrawable(uint256 seed) private view returns (uint256 which) {
        for (uint256 i; i < covers.length; ++i) {
            which = (seed % covers.length + i) % covers.length;
            Cover memory c = covers[which].cover;
            bool unneeded = books[c.shortClassId].shortfall == 0 && _isOpen(c.lock.classId);
            if (covers[which].left != 0 && (unneeded || _isShort(c.lock.classId))) return which;
        }
        vm.assume(false);
    }

    function _stands(address from, uint256 classId) internal view returns (bool) {
        for (uint256 i; i < orders.length; ++i) {
            bool ended = orderEnded[i] || vm.getBlockTimestamp() > maturesAt[i] + RECOVERY;
            if (orders[i].from == from && orders[i].classId == classId && !ended) return true;
        }
        return false;
    }

    function _pendingOrder(uint256 seed) internal view returns (uint256 which) {
        for (uint256 i; i < orders.length; ++i) {
            which = (seed % orders.length + i) % orders.length;
            if (!orderEnded[which] && vm.getBlockTimestamp() <= maturesAt[which] + RECOVERY) return which;
        }
        vm.assume(false);
    }
}
