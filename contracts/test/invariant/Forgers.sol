// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Cover,
    LedgerRange,
    Lock,
    Outcome,
    Range,
    Refusal,
    Request,
    Reversal,
    Signature,
    StatementHead,
    Status
} from "../../src/Types.sol";
import {Signals} from "../../src/Signals.sol";
import {vm} from "../Cheats.sol";
import {Thieves} from "./Thieves.sol";

/// @dev Thieves with attesters' keys: one, which is below every threshold, or Gold's full quorum. The operator, where
/// one is needed, is in league with them.
abstract contract Forgers is Thieves {
    /// @dev One Verra key, alone, twice, with a stranger's, with one of Gold's.
    function attesterAlone(uint256 what, uint256 which, uint256 way) external {
        (address who, bytes memory call, bytes32 digest) = _verraAct(what, which);
        Signature memory own = _signature(verraKeys[way % 3], digest);
        Signature[] memory alone = new Signature[](1);
        alone[0] = own;
        _unsigned(who, _with(call, alone));
        Signature[] memory pair = new Signature[](2);
        (pair[0], pair[1]) = (own, own);
        if (way % 4 == 1) pair[1] = _signature(keyOf[mallory], digest);
        if (way % 4 == 2) pair[0] = _signature(keyOf[mallory], digest);
        if (way % 4 == 3) pair[1] = _signature(goldKeys[way % 3], digest);
        _unsigned(who, _with(call, pair));
    }

    /// @dev All of Gold's keys say nothing about Verra.
    function quorumAbroad(uint256 what, uint256 which) external {
        (address who, bytes memory call, bytes32 digest) = _verraAct(what, which);
        _unsigned(who, _with(call, _sign(goldKeys, digest)));
    }

    /// @dev Under cover of a class or a request of Gold's own.
    function quorumSmuggles(uint256 which, uint256 where, uint256 way) external {
        (bytes32 space, LedgerRange memory range) = _liveRange(way % 2 == 0 ? class : gated, where);
        if (way % 4 < 2) {
            Reversal[] memory reversals = _reversals(Reversal(keccak256("smuggled"), stated, "fire", new Range[](1)));
            reversals[0].ranges[0] = Range(space, range.liveFrom, range.liveFrom);
            uint64[] memory hints = _hints(space, range.liveFrom);
            Signature[] memory signatures = _sign(goldKeys, _digest(reversals));
            bytes memory reverse_ = abi.encodeCall(bridge.reverse, (reversals, hints, signatures));
            _refused(mallory, reverse_, Signals.SpaceOfOtherRegistry.selector);
            return;
        }
        bytes32 golds = _requestIn(stated, which);
        bytes32 verras = _requestIn(way % 2 == 0 ? class : gated, which);
        (Refusal[] memory refusals, Request[] memory asked) = (new Refusal[](2), new Request[](2));
        (refusals[0], refusals[1]) = (Refusal(golds, "no"), Refusal(verras, "no"));
        (asked[0], asked[1]) = (requests[golds].request, requests[verras].request);
        bytes memory refuse_ = abi.encodeCall(bridge.refuse, (refusals, asked, _sign(goldKeys, _digest(refusals))));
        _refused(mallory, refuse_, Signals.ClassOfOtherRegistry.selector);
    }

    /// @dev Even its own holders: no more than they asked for, no serial twice, no event twice, no statement twice.
    function quorumOverdoes(uint256 which, uint256 where, uint256 way) external {
        if (way % 3 == 0) {
            StatementHead memory head = _head(sequence, stated, type(uint64).max, 0);
            head.asOf = statedAt;
            bytes memory state_ = abi.encodeCall(bridge.stateReserves, (head, _sign(goldKeys, _digest(head))));
            _refused(mallory, state_, Signals.StatementSuperseded.selector);
            (head.sequence, head.asOf) = (sequence + 1, uint64(vm.getBlockTimestamp()) + 1);
            state_ = abi.encodeCall(bridge.stateReserves, (head, _sign(goldKeys, _digest(head))));
            _refused(mallory, state_, Signals.StatementFromFuture.selector);
        } else if (way % 3 == 1) {
            bytes32 id = _openRequest(which);
            uint256 classId = requests[id].request.classId;
            (bytes32 space, LedgerRange memory range) = _liveRange(classId, where);
            uint64 units = _remaining(requests[id]) + 1;
            vm.assume(!_isShort(classId) && range.last - range.liveFrom + 1 >= units);
            _refused(
                mallory,
                _settleCall(id, requests[id].parts, Range(space, range.liveFrom, range.liveFrom + units - 1)),
                Signals.OutcomeExceedsRequest.selector
            );
        } else {
            vm.assume(reversedEvents.length != 0);
            bytes32 event_ = reversedEvents[which % reversedEvents.length];
            (bytes32 space, LedgerRange memory range) = _liveRange(class, where);
            Reversal[] memory reversals = _reversals(Reversal(event_, reversedIn[event_], "again", new Range[](1)));
            reversals[0].ranges[0] = Range(space, range.liveFrom, range.liveFrom);
            uint64[] memory hints = _hints(space, range.liveFrom);
            Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
            bytes memory reverse_ = abi.encodeCall(bridge.reverse, (reversals, hints, signatures));
            _refused(mallory, reverse_, Signals.NothingToReverse.selector);
        }
    }

    /// @dev A tombstone is neither retired nor reversed again, and no other class's serial is taken.
    function quorumDigs(uint256 which, uint256 where, uint256 way) external {
        LedgerRange[] memory ranges = _ranges(spaces[which % 3]);
        vm.assume(ranges.length != 0);
        LedgerRange memory range = ranges[where % ranges.length];
        Range memory dug = Range(spaces[which % 3], range.first, range.first);
        uint256 classId = range.classId;
        if (range.liveFrom == range.first) {
            // All live: then for another class of the registry.
            vm.assume(classId != stated);
            classId = classId == class ? gated : class;
        }
        if (way % 2 == 0) {
            Reversal[] memory reversals = _reversals(Reversal(keccak256("dug"), classId, "fire", new Range[](1)));
            reversals[0].ranges[0] = dug;
            uint64[] memory hints = _hints(dug.space, dug.first);
            Signature[] memory signatures = _sign(_keysOf(classId), _digest(reversals));
            bytes memory reverse_ = abi.encodeCall(bridge.reverse, (reversals, hints, signatures));
            _refused(mallory, reverse_, Signals.SerialsNotLive.selector);
        } else {
            vm.assume(!_isShort(classId));
            bytes32 id = _requestIn(classId, which);
            vm.assume(requests[id].status <= Status.CalledBack);
            _refused(mallory, _settleCall(id, requests[id].parts, dug), Signals.SerialsNotLive.selector);
        }
    }

    /// @dev What has ended is not settled, refused, called back or taken back.
    function endTwice(uint256 which) external {
        vm.assume(ended.length != 0);
        bytes32 id = ended[which % ended.length];
        Request memory r = requests[id].request;
        _refused(mallory, _settleCall(id, requests[id].parts, Range(0, 0, 0)), Signals.NothingToSettle.selector);
        _refused(mallory, _refuseCall(id), Signals.NothingToSettle.selector);
        _refused(r.holder, abi.encodeCall(bridge.callBack, (r)), Signals.RequestNotOpen.selector);
        _refused(r.holder, abi.encodeCall(bridge.takeBack, (r, r.holder)), Signals.RequestNotOpen.selector);
    }

    // ------------------------------------------------------------------------- private

    /// @dev Something that only Verra's quorum may say, without signatures: who submits it, the call, what is signed.
    function _verraAct(uint256 what, uint256 which) private returns (address, bytes memory, bytes32) {
        uint256 classId = which % 2 == 0 ? class : gated;
        Signature[] memory none = new Signature[](0);
        if (what % 6 == 0) {
            Lock[] memory locks = _locks(_fresh(classId, which, mallory, 1));
            vm.assume(!bridge.paused());
            return (operator, abi.encodeCall(bridge.mint, (locks, _noHints(1), none)), _digest(locks));
        }
        if (what % 6 == 1) {
            Cover[] memory offered = _covers(Cover(_fresh(classId, which, mallory, 1), stated));
            vm.assume(!bridge.paused());
            return (operator, abi.encodeCall(bridge.cover, (offered, _noHints(1), none)), _digest(offered));
        }
        if (what % 6 == 2) {
            Reversal[] memory reversals = _reversals(Reversal(keccak256("forged"), classId, "fire", new Range[](1)));
            return (mallory, abi.encodeCall(bridge.reverse, (reversals, _noHints(1), none)), _digest(reversals));
        }
        if (what % 6 == 3) {
            StatementHead memory head = _head(1, classId, type(uint64).max, 0);
            return (mallory, abi.encodeCall(bridge.stateReserves, (head, none)), _digest(head));
        }
        Request[] memory asked = new Request[](1);
        bytes32 id = _requestIn(classId, which);
        asked[0] = requests[id].request;
        if (what % 6 == 4) {
            Refusal[] memory refusals = new Refusal[](1);
            refusals[0] = Refusal(id, "no");
            return (mallory, abi.encodeCall(bridge.refuse, (refusals, asked, none)), _digest(refusals));
        }
        Outcome[] memory outcomes = _outcomes(Outcome(id, requests[id].parts, new Range[](1)));
        return (mallory, abi.encodeCall(bridge.settle, (outcomes, asked, _noHints(1), none)), _digest(outcomes));
    }

    /// @dev The empty signatures come last in every call, so others may take their place.
    function _with(bytes memory call, Signature[] memory signatures) private pure returns (bytes memory full) {
        full = bytes.concat(call);
        for (uint256 i; i < signatures.length; ++i) full = bytes.concat(full, signatures[i].r, signatures[i].vs);
        uint256 count = signatures.length;
        uint256 end = call.length;
        assembly ("memory-safe") {
            mstore(add(full, end), count)
        }
    }

    function _requestIn(uint256 classId, uint256 seed) private view returns (bytes32 id) {
        for (uint256 i; i < unended.length; ++i) {
            id = unended[(seed % unended.length + i) % unended.length];
            if (requests[id].request.classId == classId) return id;
        }
        vm.assume(false);
    }

    function _settleCall(bytes32 id, uint16 part, Range memory range) private view returns (bytes memory) {
        Outcome[] memory outcomes = _outcomes(Outcome(id, part, new Range[](1)));
        outcomes[0].ranges[0] = range;
        Request[] memory asked = new Request[](1);
        asked[0] = requests[id].request;
        uint64[] memory hints = range.space == 0 ? _noHints(1) : _hints(range.space, range.first);
        Signature[] memory signatures = _sign(_keysOf(asked[0].classId), _digest(outcomes));
        return abi.encodeCall(bridge.settle, (outcomes, asked, hints, signatures));
    }

    function _refuseCall(bytes32 id) private view returns (bytes memory) {
        (Refusal[] memory refusals, Request[] memory asked) = (new Refusal[](1), new Request[](1));
        (refusals[0], asked[0]) = (Refusal(id, "again"), requests[id].request);
        return abi.encodeCall(bridge.refuse, (refusals, asked, _sign(_keysOf(asked[0].classId), _digest(refusals))));
    }
}
