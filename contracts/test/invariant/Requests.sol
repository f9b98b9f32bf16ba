// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Kind, LedgerRange, Outcome, Range, Refusal, Request, RequestState, Status} from "../../src/Types.sol";
import {Signals} from "../../src/Signals.sol";
import {vm} from "../Cheats.sol";
import {Books} from "./Books.sol";

/// @dev What holders ask for, what comes of it, and their way out. To the contract a false outcome is an outcome, so
/// these acts are also what a stolen quorum does within its own registry.
abstract contract Requests is Books {
    /// @dev Where a batch goes on taking serials of a class.
    struct Cursor {
        bytes32 space;
        uint64 next;
        uint64 last;
    }

    uint256 private constant BATCH = 4;

    function ask(uint256 who, uint256 which, uint64 units, uint256 kind) external {
        uint256 classId = _openClass(which);
        Request memory r = _newRequest(_holding(classId, who), classId, units, Kind(kind % 2));
        _bookRequest(bridge.requestId(r), r);
        vm.prank(r.holder);
        if (r.kind == Kind.Retirement) bridge.retire(r.classId, r.units, COMMITMENT, r.salt);
        else bridge.redeem(r.classId, r.units, COMMITMENT, r.salt);
    }

    /// @dev Mallory submits what the holder signed.
    function askBySignature(uint256 who, uint256 which, uint64 units, uint256 kind) external {
        uint256 classId = _openClass(which);
        address holder = _holding(classId, who);
        vm.assume(holder != address(wallet));
        Request memory r = _newRequest(holder, classId, units, Kind(kind % 2));
        _bookRequest(bridge.requestId(r), r);
        uint64 notAfter = uint64(vm.getBlockTimestamp());
        vm.prank(mallory);
        bridge.requestFor(r, notAfter, _holderSigns(keyOf[holder], r, notAfter));
    }

    /// @dev From the low edge, the high edge or the middle of some live range, and a unit of another one sometimes.
    function settle(uint256 which, uint256 where, uint64 units, uint256 side) external {
        bytes32 id = _openRequest(which);
        Request memory r = requests[id].request;
        vm.assume(!_isShort(r.classId));
        (bytes32 space, LedgerRange memory range) = _liveRange(r.classId, where);
        vm.assume(side % 3 != 2 || _ranges(space).length < MANY);
        uint64 room = range.last - range.liveFrom + 1;
        uint64 remaining = _remaining(requests[id]);
        units = 1 + units % (room < remaining ? room : remaining);
        uint64 first = side % 3 == 0
            ? range.liveFrom
            : side % 3 == 1 ? range.last - units + 1 : range.liveFrom + (room - units) / 2;
        Outcome memory o = Outcome(id, requests[id].parts, new Range[](1));
        o.ranges[0] = Range(space, first, first + units - 1);
        if (side % 2 == 0 && units < remaining && _addRange(o, r.classId, where / 7)) ++units;
        _bookSettlement(id, units);
        _submit(_outcomes(o), true);
    }

    /// @dev Several requests, and several parts of one, of one registry in one batch. Those that have ended meanwhile
    /// and those of a short class are skipped; a batch of nothing else is refused.
    function settleBatch(uint256 which, uint256 where, uint64 units) external {
        uint256 leader = requests[_some(which)].request.classId;
        Outcome[] memory outcomes = new Outcome[](BATCH);
        Cursor[2] memory cursors;
        bool applies;
        for (uint256 i; i < BATCH; ++i) {
            bytes32 id = _inRegistry(leader, which, i);
            RequestBook storage b = requests[id];
            uint256 classId = b.request.classId;
            outcomes[i] = Outcome(id, b.parts, new Range[](1));
            if (b.status >= Status.Settled || _isShort(classId)) continue;

            Cursor memory cursor = cursors[classId == leader ? 0 : 1];
            if (cursor.space == 0) _place(cursor, classId, where);
            vm.assume(cursor.next <= cursor.last);
            uint64 room = cursor.last - cursor.next + 1;
            uint64 remaining = _remaining(b);
            uint64 part = 1 + (units >> (8 * i)) % (room < remaining ? room : remaining);
            outcomes[i].ranges[0] = Range(cursor.space, cursor.next, cursor.next + part - 1);
            cursor.next += part;
            _bookSettlement(id, part);
            applies = true;
        }
        _submit(outcomes, applies);
    }

    /// @dev With one that has ended already, if there is one.
    function refuse(uint256 which) external {
        bytes32 id = _openRequest(which);
        Request memory r = requests[id].request;
        bytes32 other = ended.length == 0 ? id : ended[which % ended.length];
        if (_registryOf(requests[other].request.classId) != _registryOf(r.classId)) other = id;
        (Refusal[] memory refusals, Request[] memory asked) = (new Refusal[](2), new Request[](2));
        (refusals[0], refusals[1]) = (Refusal(other, "unserved"), Refusal(id, "unserved"));
        (asked[0], asked[1]) = (requests[other].request, r);
        if (r.holder.code.length == 0) _bookReturn(id, r.holder, Status.Refused);
        else requests[id].status = Status.Refused;
        vm.prank(mallory);
        bridge.refuse(refusals, asked, _sign(_keysOf(r.classId), _digest(refusals)));
    }

    function callBack(uint256 which) external {
        bytes32 id = _some(which);
        vm.assume(requests[id].status == Status.Open);
        if (vm.getBlockTimestamp() <= bridge.requestState(id).deadline) _passDeadline();
        requests[id].status = Status.CalledBack;
        _callBack(requests[id].request);
    }

    function takeBack(uint256 which, uint256 to) external {
        bytes32 id = _someWith(which, false, true);
        RequestBook storage b = requests[id];
        if (b.status == Status.CalledBack) {
            if (!bridge.paused()) _passChallenge();
            vm.assume(_challenged(id));
        }
        bool free = _isOpen(b.request.classId) && _mayMove(b.request.holder, _holder(to));
        _return(id, free ? _holder(to) : b.request.holder);
    }

    /// @dev Whatever is paused, closed, short or frozen, after the challenge and one pause a holder has his units.
    function exit(uint256 which) external {
        bytes32 id = _someWith(which, false, true);
        _pass(CHALLENGE_SECONDS + bridge.PAUSE_SECONDS(), CHALLENGE_BLOCKS);
        _return(id, requests[id].request.holder);
    }

    // ------------------------------------------------------------------------- private

    function _newRequest(address holder, uint256 classId, uint64 units, Kind kind)
        private
        returns (Request memory)
    {
        uint256 balance = balances[holder][classId];
        vm.assume(!bridge.paused() && _mayMove(holder, address(0)));
        return Request(kind, holder, classId, uint64(1 + units % ((balance + 1) / 2)), COMMITMENT, nextSalt++);
    }

    function _openRequest(uint256 which) internal view returns (bytes32 id) {
        return _someWith(which, true, false);
    }

    /// @dev The `i`th request after `which`, of the leader's registry: every fourth is one that has ended.
    function _inRegistry(uint256 leader, uint256 which, uint256 i) private view returns (bytes32 id) {
        bytes32[] storage list = i == 3 && ended.length != 0 || unended.length == 0 ? ended : unended;
        for (uint256 j; j < list.length; ++j) {
            id = list[(which % list.length + i + j) % list.length];
            if (_registryOf(requests[id].request.classId) == _registryOf(leader)) return id;
        }
        vm.assume(false);
    }

    function _place(Cursor memory cursor, uint256 classId, uint256 where) private view {
        (bytes32 space, LedgerRange memory range) = _liveRange(classId, where);
        (cursor.space, cursor.next, cursor.last) = (space, range.liveFrom, range.last);
    }

    /// @return False when there is no other live range of the class above.
    function _addRange(Outcome memory o, uint256 classId, uint256 where) private view returns (bool) {
        (bytes32 space, LedgerRange memory range) = _liveRange(classId, where);
        Range memory first = o.ranges[0];
        if (space != first.space || range.liveFrom <= first.last || range.first <= first.first) return false;
        o.ranges = new Range[](2);
        (o.ranges[0], o.ranges[1]) = (first, Range(space, range.last, range.last));
        return true;
    }

    function _submit(Outcome[] memory outcomes, bool applies) internal {
        uint256 count;
        for (uint256 i; i < outcomes.length; ++i) count += outcomes[i].ranges.length;
        uint64[] memory hints = new uint64[](count);
        Request[] memory asked = new Request[](outcomes.length);
        count = 0;
        for (uint256 i; i < outcomes.length; ++i) {
            asked[i] = requests[outcomes[i].requestId].request;
            for (uint256 j; j < outcomes[i].ranges.length; ++j) {
                Range memory r = outcomes[i].ranges[j];
                hints[count++] = r.space == 0 ? 0 : _hint(r.space, r.first);
            }
        }
        bytes memory call = abi.encodeCall(
            bridge.settle, (outcomes, asked, hints, _sign(_keysOf(asked[0].classId), _digest(outcomes)))
        );
        if (applies) _do(mallory, call);
        else _refused(mallory, call, Signals.NothingToSettle.selector);
    }

    function _challenged(bytes32 id) private view returns (bool) {
        RequestState memory state = bridge.requestState(id);
        (uint40 seconds_, uint40 blocks) = bridge.challengeClock();
        return seconds_ >= state.calledBackSeconds + CHALLENGE_SECONDS
            && blocks >= state.calledBackBlocks + CHALLENGE_BLOCKS;
    }

    function _return(bytes32 id, address to) private {
        RequestBook storage b = requests[id];
        _bookReturn(id, to, b.status == Status.Refused ? Status.Refused : Status.Returned);
        _once(b.request.holder, abi.encodeCall(bridge.takeBack, (b.request, to)));
    }

    function _holderSigns(uint256 key, Request memory r, uint64 notAfter) internal view returns (bytes memory) {
        (uint8 v, bytes32 rr, bytes32 s) = vm.sign(key, _digest(r, notAfter));
        return abi.encodePacked(rr, s, v);
    }
}
