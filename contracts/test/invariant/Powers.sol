// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Subject, Terms, Verdict} from "../../src/Types.sol";
import {vm} from "../Cheats.sol";
import {Books} from "./Books.sol";

/// @dev Transfers, and all that people may stop and start again. The chances favour starting, so that the walk goes on.
abstract contract Powers is Books {
    // ------------------------------------------------------------------------- transfers

    function transfer(uint256 from, uint256 to, uint256 which, uint256 units) external {
        (address sender, address receiver, uint256 classId) = (_holder(from), _holder(to), _openClass(which));
        vm.assume(_mayMove(sender, receiver));
        units %= balances[sender][classId] + 1;
        _bookTransfer(sender, receiver, classId, units);
        // Bob is approved by Alice, once and for all.
        vm.prank(sender == alice && from % 2 == 0 ? bob : sender);
        bridge.safeTransferFrom(sender, receiver, classId, units, "");
    }

    function transferBatch(uint256 from, uint256 to, uint256 units) external {
        (address sender, address receiver) = (_holder(from), _holder(to));
        vm.assume(_mayMove(sender, receiver));
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](2), new uint256[](2));
        for (uint256 i; i < 2; ++i) {
            ids[i] = _openClass(from / 5 + i);
            values[i] = (units >> (8 * i)) % (balances[sender][ids[i]] + 1);
            _bookTransfer(sender, receiver, ids[i], values[i]);
        }
        vm.prank(sender);
        bridge.safeBatchTransferFrom(sender, receiver, ids, values, "");
    }

    function wait(uint32 seconds_, uint16 blocks) external {
        _pass(seconds_ % 10 days, blocks % 2_000);
    }

    // -------------------------------------------------------------- the guardian and the admin

    function pause(uint256 seldom) external {
        vm.assume(!bridge.paused() && seldom % 3 == 0);
        vm.prank(guardian);
        bridge.pause();
    }

    function unpause() external {
        vm.assume(bridge.paused());
        vm.prank(admin);
        bridge.unpause();
    }

    function quarantine(uint256 which) external {
        uint256 classId = _class(which);
        uint40 until = books[classId].quarantinedUntil;
        vm.assume(which % 9 < 3 && (until == 0 || vm.getBlockTimestamp() >= until + 30 days));
        books[classId].quarantinedUntil = uint40(vm.getBlockTimestamp()) + 30 days;
        vm.prank(guardian);
        bridge.quarantine(classId);
    }

    /// @dev The admin prolongs it now and then, and else lifts it.
    function confirmQuarantine(uint256 which, uint256 by) external {
        uint256 classId = _class(which);
        uint40 nowIs = uint40(vm.getBlockTimestamp());
        vm.assume(books[classId].quarantinedUntil > nowIs);
        uint40 until = by % 4 == 0 ? nowIs + uint40(by % 60 days) : 0;
        books[classId].quarantinedUntil = until < nowIs ? nowIs : until;
        vm.prank(admin);
        bridge.confirmQuarantine(classId, until);
    }

    function bar(uint256 what, uint256 by) external {
        (Subject subject, string memory code) = _subject(what);
        vm.assume(by % 3 == 0 && bridge.verdictOn(VERRA, subject, code) != Verdict.Barred);
        vm.prank(by % 2 == 0 ? guardian : admin);
        bridge.setVerdict(VERRA, subject, code, Verdict.Barred);
    }

    function admit(uint256 what) external {
        (Subject subject, string memory code) = _subject(what);
        vm.assume(bridge.verdictOn(VERRA, subject, code) != Verdict.Admitted);
        vm.prank(admin);
        bridge.setVerdict(VERRA, subject, code, Verdict.Admitted);
    }

    function setMethodology(uint256 which) external {
        methodology = which % 2;
        vm.prank(admin);
        bridge.setMethodology(VERRA, GATED_PROJECT, methodologies[methodology]);
    }

    /// @dev Terms of the worst kind, for classes yet to be made: those that exist keep theirs.
    function setTerms(uint256 which) external {
        Terms memory terms = _terms();
        (terms.recoverer, terms.recoverySeconds, terms.requestDeadline) = (mallory, uint32(RECOVERY), 1);
        vm.prank(admin);
        bridge.setTerms(which % 2 == 0 ? VERRA : GOLD, terms);
    }

    // ------------------------------------------------------------------------- the policy

    function freeze(uint256 who, uint256 seldom) external {
        vm.assume(seldom % 3 == 0);
        address account = _holder(who);
        uint256 until = policy.frozenUntil(account);
        vm.assume(until == 0 || vm.getBlockTimestamp() >= until + 30 days);
        vm.prank(compliance);
        policy.freeze(account);
    }

    function thaw(uint256 who) external {
        vm.assume(policy.frozenUntil(_holder(who)) > vm.getBlockTimestamp());
        vm.prank(admin);
        policy.confirmFreeze(_holder(who), 0);
    }

    function strikeOff(uint256 who, uint256 seldom) external {
        vm.assume(seldom % 3 == 0 && listing && policy.isListed(_holder(who)));
        _list(_holder(who), false);
    }

    function list(uint256 who) external {
        vm.assume(listing && !policy.isListed(_holder(who)));
        _list(_holder(who), true);
    }

    // ------------------------------------------------------------------------- private

    function _subject(uint256 what) private view returns (Subject, string memory) {
        if (what % 4 < 2) return (Subject.Project, what % 4 == 0 ? PLAIN_PROJECT : GATED_PROJECT);
        return (Subject.Methodology, methodologies[what % 2]);
    }
}
