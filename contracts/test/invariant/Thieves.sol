// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AllowListPolicy} from "../../src/AllowListPolicy.sol";
import {FreezePolicy} from "../../src/FreezePolicy.sol";
import {
    Cover,
    Kind,
    LedgerRange,
    Lock,
    Recovery,
    Request,
    Signature,
    SpaceKind,
    Subject,
    Verdict
} from "../../src/Types.sol";
import {Signals} from "../../src/Signals.sol";
import {vm} from "../Cheats.sol";
import {Deposits} from "./Deposits.sol";
import {Remedies} from "./Remedies.sol";
import {Requests} from "./Requests.sol";

/// @dev A thief with one role's key at a time, who tries what that role may not do. What it may do, with whatever
/// intent, is among the other acts. {Forgers} have attesters' keys.
abstract contract Thieves is Deposits, Requests, Remedies {
    // ------------------------------------------------------------------------ any key

    /// @dev Whoever's key it is, another's units, requests and cover stay another's.
    function takeAnothers(uint256 who, uint256 which, uint256 way) external {
        (address thief, address victim, uint256 classId) = (_thief(who), _holder(who / 9), _class(which));
        vm.assume(thief != victim && !(thief == bob && victim == alice));
        uint256 chosen = way % 6;
        if (chosen == 0) {
            bytes memory move = abi.encodeCall(bridge.safeTransferFrom, (victim, thief, classId, 0, ""));
            _refused(thief, move, IERC1155Errors.ERC1155MissingApprovalForAll.selector);
        } else if (chosen == 1) {
            // Approved though he be, Bob asks for nothing with Alice's units.
            Request memory r = Request(Kind.Redemption, alice, classId, 1, COMMITMENT, nextSalt++);
            vm.assume(!bridge.paused());
            _forgeRequest(r, bob);
        } else if (chosen == 2) {
            vm.assume(!bridge.paused() && _isOpen(classId) && _mayMove(thief, address(0)));
            uint64 units = uint64(balances[thief][classId]) + 1;
            bytes memory ask_ = abi.encodeCall(bridge.retire, (classId, units, COMMITMENT, nextSalt++));
            _refused(thief, ask_, IERC1155Errors.ERC1155InsufficientBalance.selector);
        } else if (chosen == 3) {
            Request memory r = requests[_some(which)].request;
            vm.assume(r.holder != thief);
            _refused(thief, abi.encodeCall(bridge.takeBack, (r, thief)), Signals.NotHolder.selector);
            _refused(thief, abi.encodeCall(bridge.callBack, (r)), Signals.NotHolder.selector);
        } else if (chosen == 4) {
            Cover memory c = covers[_someCover(which, (way / 6) % 2 == 0)].cover;
            bool isShort = _isShort(c.lock.classId);
            vm.assume(c.lock.recipient != thief && (isShort || books[c.shortClassId].shortfall != 0));
            bytes4 why = isShort ? Signals.NotHolder.selector : Signals.StillShort.selector;
            _refused(thief, abi.encodeCall(bridge.withdrawCover, (c)), why);
        } else {
            Recovery memory r = orders[_pendingOrder(which)];
            vm.assume(r.from != thief && thief != guardian);
            _refused(thief, abi.encodeCall(bridge.vetoRecovery, (r)), Signals.NotHolder.selector);
        }
    }

    /// @dev Each door of office is for one role.
    function overstep(uint256 who, uint256 which, uint256 way) external {
        (address thief, uint256 classId) = (_thief(who), _class(which));
        way %= 12;
        if (way < 8) {
            vm.assume(thief != admin);
            _refused(thief, _adminsDoor(way, thief, classId), Ownable.OwnableUnauthorizedAccount.selector);
        } else if (way == 8) {
            vm.assume(thief != guardian);
            _refused(thief, abi.encodeCall(bridge.pause, ()), Signals.NotGuardian.selector);
            _refused(thief, abi.encodeCall(bridge.quarantine, (classId)), Signals.NotGuardian.selector);
        } else if (way == 9) {
            vm.assume(thief != operator);
            bytes memory create = abi.encodeCall(bridge.createClass, (VERRA, "1", 2020, "VCU"));
            bytes memory register = abi.encodeCall(bridge.registerSpace, (VERRA, SpaceKind.Counter, "X"));
            _refused(thief, create, Signals.NotOperator.selector);
            _refused(thief, register, Signals.NotOperator.selector);
        } else if (way == 10) {
            vm.assume(thief != recoverer || classId == class);
            Recovery memory r = Recovery(classId, alice, thief, 1, nextSalt++);
            _refused(thief, abi.encodeCall(bridge.orderRecovery, (r)), Signals.NotRecoverer.selector);
        } else {
            // With the whole quorum's word, but no operator's.
            vm.assume(thief != operator && _mintable(classId) != 0);
            Lock[] memory locks = _locks(_fresh(classId, which, thief, 1));
            uint64[] memory hints = _hints(locks[0].space, locks[0].first);
            bytes memory mint_ = abi.encodeCall(bridge.mint, (locks, hints, _signed(locks)));
            vm.assume(_mayMove(address(0), thief));
            _refused(thief, mint_, Signals.NotOperator.selector);
        }
    }

    // ------------------------------------------------------------------- the operator's key

    /// @dev With a true attestation, but of something else: of another recipient, of fewer serials, of a sibling class,
    /// of a whole batch of which this is one, of a lock that was no cover.
    function operatorAlters(uint256 which, uint256 way) external {
        vm.assume(!bridge.paused());
        uint256 classId = _class(which);
        Lock memory lock = _fresh(classId, which, alice, 2);
        Lock[] memory locks = way % 5 == 3 ? _locks(lock, minted[which % minted.length]) : _locks(lock);
        Signature[] memory signatures = _signed(locks);
        locks = _locks(lock);
        if (way % 5 == 4) {
            Cover[] memory offered = _covers(Cover(lock, _class(which % 3 + 1)));
            _unsigned(operator, abi.encodeCall(bridge.cover, (offered, _noHints(1), signatures)));
            return;
        }
        if (way % 5 == 0) lock.recipient = operator;
        if (way % 5 == 1) lock.last += 1;
        if (way % 5 == 2) lock.classId = classId == class ? gated : classId == gated ? class : goldClass;
        _unsigned(operator, abi.encodeCall(bridge.mint, (locks, _noHints(1), signatures)));
    }

    function operatorReplays(uint256 which, uint64 notAfter) external {
        vm.assume(!bridge.paused());
        Lock memory lock = minted[which % minted.length];
        // Signed anew, for other serials even: the lock has minted.
        lock.notAfter = uint64(vm.getBlockTimestamp()) + notAfter % 10;
        if (which % 2 == 0) (lock.first, lock.last) = (lock.first + 100_000, lock.last + 100_000);
        _operatorMints(lock, Signals.LockUsed.selector);
    }

    /// @dev Serials in the ledger, live or buried, are nobody else's.
    function operatorMintsTwice(uint256 which, uint256 where) external {
        vm.assume(!bridge.paused());
        bytes32 space = spaces[which % 3];
        LedgerRange[] memory ranges = _ranges(space);
        vm.assume(ranges.length != 0);
        LedgerRange memory range = ranges[where % ranges.length];
        uint64 first = range.first + uint64(where % (range.last - range.first + 1));
        _operatorMints(
            _lockFor(range.classId, space, mallory, first, first + uint64(where % 3)), Signals.SerialsTaken.selector
        );
    }

    /// @dev One unit more than a closed, barred, bounded or unbacked class admits; as cover, if some class is short.
    function operatorMintsBeyond(uint256 which, uint256 where) external {
        vm.assume(!bridge.paused());
        uint256 classId = _class(which);
        (uint256 units, bytes4 why) = _beyond(classId);
        Lock memory lock = _fresh(classId, where, alice, uint64(units));
        uint256 shortId = where % 2 == 0 ? classId : _class(which % 3 + 1);
        if (shortId == classId || !_isShort(shortId)) _operatorMints(lock, why);
        else _refused(operator, _coverCall(_covers(Cover(lock, shortId))), _ifMayTake(alice, why));
    }

    /// @dev Whom the policy lets take nothing is refused for that before anything else.
    function _ifMayTake(address account, bytes4 why) private view returns (bytes4) {
        return _mayMove(address(0), account) ? why : AllowListPolicy.NotListed.selector;
    }

    function operatorCovers(uint256 which, uint256 where) external {
        vm.assume(!bridge.paused() && !_isShort(_class(which)));
        Lock memory lock = _fresh(_class(which % 3 + 1), where, operator, 1);
        bytes4 why = _ifMayTake(operator, Signals.NotShort.selector);
        _refused(operator, _coverCall(_covers(Cover(lock, _class(which)))), why);
    }

    // -------------------------------------------------------- the guardians' keys, and the lister's

    function guardianRepeats(uint256 which, uint256 who) external {
        uint40 until = books[_class(which)].quarantinedUntil;
        if (until != 0 && vm.getBlockTimestamp() < until + 30 days) {
            bytes memory again = abi.encodeCall(bridge.quarantine, (_class(which)));
            _refused(guardian, again, Signals.QuarantineCoolingDown.selector);
        }
        if (bridge.paused()) _refused(guardian, abi.encodeCall(bridge.pause, ()), Signals.IsPaused.selector);
        until = policy.frozenUntil(_holder(who));
        if (until != 0 && vm.getBlockTimestamp() < until + 30 days) {
            bytes memory freeze_ = abi.encodeCall(policy.freeze, (_holder(who)));
            _refusedByPolicy(freeze_, FreezePolicy.FreezeCoolingDown.selector);
        }
    }

    function complianceOversteps(uint256 who) external {
        bytes4 why = Ownable.OwnableUnauthorizedAccount.selector;
        _refusedByPolicy(abi.encodeCall(policy.confirmFreeze, (_holder(who), type(uint40).max)), why);
        _refusedByPolicy(abi.encodeCall(policy.setGuardian, (compliance, false)), why);
        if (listing) _refusedByPolicy(abi.encodeCall(policy.setLister, (mallory, true)), why);
    }

    // ----------------------------------------------------------------- the recoverer's key

    function recovererHurries(uint256 which, uint256 way) external {
        vm.assume(orders.length != 0);
        uint256 i = which % orders.length;
        Recovery memory r = orders[i];
        uint256 time = vm.getBlockTimestamp();
        bytes4 why = orderEnded[i]
            ? Signals.RecoveryNotPending.selector
            : time < maturesAt[i]
                ? Signals.RecoveryNotMature.selector
                : time > maturesAt[i] + RECOVERY ? Signals.RecoveryLapsed.selector : bytes4(0);
        if (why != 0) _refused(recoverer, abi.encodeCall(bridge.recover, (r)), why);
        _refused(recoverer, abi.encodeCall(bridge.orderRecovery, (r)), Signals.RecoveryExists.selector);
        if (_stands(r.from, r.classId)) {
            Recovery memory more = Recovery(r.classId, r.from, r.to, 1, nextSalt++);
            _refused(recoverer, abi.encodeCall(bridge.orderRecovery, (more)), Signals.RecoveryStands.selector);
        }
        // What the bridge has is cover, and from nobody units would be new.
        (r.from, r.salt) = (way % 2 == 0 ? address(bridge) : address(0), way);
        bytes memory order = abi.encodeCall(bridge.orderRecovery, (r));
        _refused(recoverer, order, IERC1155Errors.ERC1155InvalidSender.selector);
    }

    // ------------------------------------------------------------------ a holder's key: Carol's

    /// @dev All that is hers goes, for that is what a key is for; and nothing that is not.
    function carolsThief(uint256 which, uint256 way) external {
        uint256 classId = _class(which);
        if (way % 3 == 0) {
            uint256 all = balances[carol][classId];
            vm.assume(all != 0 && _isOpen(classId) && _mayMove(carol, mallory));
            _bookTransfer(carol, mallory, classId, all);
            _do(carol, abi.encodeCall(bridge.safeTransferFrom, (carol, mallory, classId, all, "")));
        } else {
            vm.assume(!bridge.paused());
            _forgeRequest(Request(Kind.Redemption, _holder(which / 3), classId, 1, COMMITMENT, nextSalt++), carol);
        }
    }

    /// @dev What a holder signed once opens one request, and none when it is late.
    function signatureAgain(uint256 which) external {
        vm.assume(!bridge.paused() && ended.length + unended.length != 0);
        uint256 i = which % (ended.length + unended.length);
        Request memory r = requests[i < ended.length ? ended[i] : unended[i - ended.length]].request;
        vm.assume(keyOf[r.holder] != keyOf[address(wallet)]);
        uint64 time = uint64(vm.getBlockTimestamp());
        bytes memory signature = _holderSigns(keyOf[r.holder], r, time);
        bytes memory again = abi.encodeCall(bridge.requestFor, (r, time, signature));
        bytes memory late = abi.encodeCall(bridge.requestFor, (r, time - 1, signature));
        bytes memory prolonged = abi.encodeCall(bridge.requestFor, (r, time + 1, signature));
        _refused(mallory, again, Signals.RequestExists.selector);
        _refused(mallory, late, Signals.SignatureExpired.selector);
        _refused(mallory, prolonged, Signals.SignatureInvalid.selector);
    }

    /// @dev A class that is short or quarantined lets nothing go, not even to its own holder's request.
    function moveClosed(uint256 who, uint256 which) external {
        (address holder, uint256 classId) = (_holder(who), _class(which));
        vm.assume(!bridge.paused() && !_isOpen(classId) && balances[holder][classId] != 0 && _mayMove(holder, admin));
        bytes4 why = _isShort(classId) ? Signals.ClassShort.selector : Signals.ClassQuarantined.selector;
        _refused(holder, abi.encodeCall(bridge.redeem, (classId, 1, COMMITMENT, nextSalt++)), why);
        _refused(holder, abi.encodeCall(bridge.safeTransferFrom, (holder, admin, classId, 1, "")), why);
    }

    // ------------------------------------------------------------------------- private

    function _thief(uint256 who) private view returns (address) {
        address[9] memory thieves =
            [admin, operator, guardian, recoverer, compliance, vm.addr(goldKeys[0]), mallory, carol, bob];
        return thieves[who % 9];
    }

    function _adminsDoor(uint256 way, address thief, uint256 classId) private view returns (bytes memory) {
        if (way == 0) return abi.encodeCall(bridge.setAllowance, (thief, 1));
        if (way == 1) return abi.encodeCall(bridge.setGuardian, (thief, true));
        if (way == 2) return abi.encodeCall(bridge.confirmQuarantine, (classId, 0));
        if (way == 3) {
            return abi.encodeCall(bridge.setVerdict, (VERRA, Subject.Project, GATED_PROJECT, Verdict.Admitted));
        }
        if (way == 4) return abi.encodeCall(bridge.setClassAllowance, (classId, 0));
        if (way == 5) return abi.encodeCall(bridge.setTerms, (VERRA, _terms()));
        if (way == 6) return abi.encodeCall(bridge.unpause, ());
        return abi.encodeCall(bridge.setAttesters, (VERRA, new address[](0), new address[](0), 1));
    }

    function _operatorMints(Lock memory lock, bytes4 why) private {
        // The policy is asked before anything else is looked at.
        vm.assume(_mayMove(address(0), lock.recipient));
        Lock[] memory locks = _locks(lock);
        uint64[] memory hints = _hints(lock.space, lock.first);
        _refused(operator, abi.encodeCall(bridge.mint, (locks, hints, _signed(locks))), why);
    }

    /// @dev Serials that nobody will reach.
    function _fresh(uint256 classId, uint256 seed, address to, uint64 units) internal returns (Lock memory) {
        return _lockFor(classId, _spaceFor(classId, seed), to, 1_000_000, 999_999 + units);
    }

    /// @dev In the order in which the contract looks.
    function _beyond(uint256 classId) private view returns (uint256 units, bytes4 why) {
        if (_isShort(classId)) return (1, Signals.ClassShort.selector);
        if (!_isOpen(classId)) return (1, Signals.ClassQuarantined.selector);
        if (!_admitted(classId)) return (1, Signals.NotAdmitted.selector);
        if (classId == gated) return (_classBound() + 1, Signals.ClassAllowanceExceeded.selector);
        if (classId == stated && _isStale()) return (1, Signals.ReserveStale.selector);
        if (classId == stated) return (_reserveLeft() + 1, Signals.ReserveExceeded.selector);
        (, units) = bridge.allowance(operator);
        return (units + 1, Signals.AllowanceExceeded.selector);
    }

    function _forgeRequest(Request memory r, address signer) private {
        uint64 time = uint64(vm.getBlockTimestamp());
        vm.assume(r.holder != signer);
        bytes memory forged = _holderSigns(keyOf[signer], r, time);
        _refused(signer, abi.encodeCall(bridge.requestFor, (r, time, forged)), Signals.SignatureInvalid.selector);
    }

    function _refusedByPolicy(bytes memory act_, bytes4 why) private {
        ++attempts;
        vm.prank(compliance);
        (bool ok, bytes memory answer) = address(policy).call(act_);
        if (ok || bytes4(answer) != why) _breach(bytes4(act_), answer);
    }
}
