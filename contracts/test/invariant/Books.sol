// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cover, Kind, Lock, Recovery, Request, Status} from "../../src/Types.sol";
import {Signals} from "../../src/Signals.sol";
import {vm} from "../Cheats.sol";
import {World} from "./World.sol";

/// @dev What the contract should hold, kept by the acts themselves and written before each act, so that a receiver's
/// hook finds both sides complete.
abstract contract Books is World {
    struct ClassBook {
        uint64 live;
        uint64 buried;
        uint64 pendingRetirement;
        uint64 pendingRedemption;
        uint64 shortfall;
        uint64 minted;
        uint40 quarantinedUntil;
    }

    struct RequestBook {
        Request request;
        uint64 settled;
        uint64 givenBack;
        uint16 parts;
        Status status;
    }

    struct CoverBook {
        Cover cover;
        bytes32 id;
        uint64 left;
    }

    /// @dev How much more was minted than a steady flow of `perDay` carries off, in units times seconds of a day: at
    /// no time more than a day's worth, which is the same as saying so of every window of time.
    struct Flow {
        uint256 level;
        uint256 since;
    }

    mapping(uint256 classId => ClassBook) internal books;
    mapping(address account => mapping(uint256 classId => uint256)) internal balances;
    mapping(address account => mapping(uint256 classId => uint256)) internal retired;
    mapping(bytes32 id => RequestBook) internal requests;
    bytes32[] internal unended;
    bytes32[] internal ended;
    CoverBook[] internal covers;
    Recovery[] internal orders;
    mapping(uint256 order => uint40) internal maturesAt;
    mapping(uint256 order => bool) internal orderEnded;
    Lock[] internal minted;
    bytes32[] internal reversedEvents;
    mapping(bytes32 eventId => uint256 classId) internal reversedIn;
    uint64 internal mostStated;
    uint64 internal sequence;
    uint64 internal statedAt;
    Flow internal operatorFlow;
    Flow internal gatedFlow;

    /// @dev The act under way, when it must not work a second time: the wallet's hook tries.
    address internal actor;
    bytes internal act;
    /// @dev What somebody did who may not, and hooks that found a law broken.
    uint256 public breaches;
    uint256 public attempts;
    uint256 public audits;

    event Breach(bytes4 act, bytes answer);

    // ----------------------------------------------------------------------- entries

    function _bookMint(Lock memory lock, address to) internal {
        uint64 units = lock.last - lock.first + 1;
        ClassBook storage b = books[lock.classId];
        (b.live, b.minted) = (b.live + units, b.minted + units);
        balances[to][lock.classId] += units;
        minted.push(lock);
        _flow(operatorFlow, units, OPERATOR_PER_DAY);
        if (lock.classId == gated) _flow(gatedFlow, units, GATED_PER_DAY);
    }

    function _bookTransfer(address from, address to, uint256 classId, uint256 units) internal {
        balances[from][classId] -= units;
        balances[to][classId] += units;
    }

    function _bookRequest(bytes32 id, Request memory r) internal {
        balances[r.holder][r.classId] -= r.units;
        (RequestBook storage b, ClassBook storage c) = (requests[id], books[r.classId]);
        (b.request, b.status) = (r, Status.Open);
        if (r.kind == Kind.Retirement) c.pendingRetirement += r.units;
        else c.pendingRedemption += r.units;
        unended.push(id);
    }

    function _bookSettlement(bytes32 id, uint64 units) internal {
        RequestBook storage b = requests[id];
        ClassBook storage c = books[b.request.classId];
        (b.settled, b.parts) = (b.settled + units, b.parts + 1);
        _lowerPendingBook(b, units);
        c.live -= units;
        if (b.request.kind == Kind.Retirement) {
            c.buried += units;
            retired[b.request.holder][b.request.classId] += units;
        }
        if (_remaining(b) == 0) _end(id, Status.Settled);
    }

    function _bookReturn(bytes32 id, address to, Status status) internal {
        RequestBook storage b = requests[id];
        uint64 units = _remaining(b);
        _lowerPendingBook(b, units);
        b.givenBack = units;
        balances[to][b.request.classId] += units;
        _end(id, status);
    }

    function _bookReversal(uint256 classId, uint64 units) internal {
        ClassBook storage b = books[classId];
        (b.live, b.buried, b.shortfall) = (b.live - units, b.buried + units, b.shortfall + units);
    }

    function _bookCoverTaken(uint256 which, address holder, uint64 units) internal {
        CoverBook storage b = covers[which];
        b.left -= units;
        books[b.cover.shortClassId].shortfall -= units;
        balances[holder][b.cover.shortClassId] -= units;
        _bookTransfer(address(bridge), holder, b.cover.lock.classId, units);
    }

    function _remaining(RequestBook storage b) internal view returns (uint64) {
        return b.request.units - b.settled - b.givenBack;
    }

    /// @dev The first holder from `seed` who has units of the class.
    function _holding(uint256 classId, uint256 seed) internal view returns (address holder) {
        for (uint256 i; i < 5; ++i) {
            holder = _holder(seed % 5 + i);
            if (balances[holder][classId] != 0) return holder;
        }
        vm.assume(false);
    }

    /// @dev Some request that may still be settled or refused, or of which holders can take back what is left.
    function _someWith(uint256 seed, bool settleable, bool returnable) internal view returns (bytes32 id) {
        for (uint256 i; i < unended.length; ++i) {
            id = unended[(seed % unended.length + i) % unended.length];
            Status status = requests[id].status;
            if (settleable && status == Status.Refused || returnable && status == Status.Open) continue;
            return id;
        }
        vm.assume(false);
    }

    /// @dev Some request that has not come to rest.
    function _some(uint256 seed) internal view returns (bytes32) {
        vm.assume(unended.length != 0);
        return unended[seed % unended.length];
    }

    function _do(address who, bytes memory act_) internal {
        vm.prank(who);
        (bool ok, bytes memory answer) = address(bridge).call(act_);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @dev An act that never works twice.
    function _once(address who, bytes memory act_) internal {
        (actor, act) = (who, act_);
        _do(who, act_);
        delete actor;
    }

    // ------------------------------------------------------------------- what must fail

    /// @dev The answer is looked at too: an attempt that fails for another reason tries nothing.
    function _refused(address who, bytes memory act_, bytes4 why) internal {
        bytes memory answer = _attempt(who, act_);
        if (bytes4(answer) != why) _breach(bytes4(act_), answer);
    }

    /// @dev For want of the signatures that it takes.
    function _unsigned(address who, bytes memory act_) internal {
        bytes memory answer = _attempt(who, act_);
        bytes4 why = bytes4(answer);
        bool expected = why == Signals.QuorumNotReached.selector || why == Signals.SignersNotRising.selector
            || why == Signals.SignerNotAttester.selector;
        if (!expected) _breach(bytes4(act_), answer);
    }

    /// @return answer Empty when the attempt succeeded.
    function _attempt(address who, bytes memory act_) internal returns (bytes memory answer) {
        ++attempts;
        bool ok;
        vm.prank(who);
        (ok, answer) = address(bridge).call(act_);
        if (ok) delete answer;
    }

    function _breach(bytes4 act_, bytes memory answer) internal {
        ++breaches;
        emit Breach(act_, answer);
    }

    // ------------------------------------------------------------------------- private

    function _lowerPendingBook(RequestBook storage b, uint64 units) private {
        ClassBook storage c = books[b.request.classId];
        if (b.request.kind == Kind.Retirement) c.pendingRetirement -= units;
        else c.pendingRedemption -= units;
    }

    function _end(bytes32 id, Status status) private {
        requests[id].status = status;
        ended.push(id);
        for (uint256 i; i < unended.length; ++i) {
            if (unended[i] != id) continue;
            unended[i] = unended[unended.length - 1];
            unended.pop();
            return;
        }
    }

    function _flow(Flow storage flow, uint64 units, uint256 perDay) private {
        uint256 ebb = (vm.getBlockTimestamp() - flow.since) * perDay;
        flow.level = (flow.level > ebb ? flow.level - ebb : 0) + units * 1 days;
        flow.since = vm.getBlockTimestamp();
    }
}
