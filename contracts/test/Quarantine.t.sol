// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Signals} from "../src/Signals.sol";
import {Cover, Request, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract QuarantineTest is Base {
    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _quarantine() private returns (uint40 until) {
        vm.prank(guardian);
        bridge.quarantine(class);
        return bridge.creditClass(class).quarantinedUntil;
    }

    function _confirm(uint40 until) private {
        vm.prank(admin);
        bridge.confirmQuarantine(class, until);
    }

    function _closed(uint40 until) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.ClassQuarantined.selector, class, until);
    }

    function _cannotQuarantine(uint40 since) private {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Signals.QuarantineCoolingDown.selector, class, since));
        bridge.quarantine(class);
    }

    function test_only_a_guardian_quarantines_and_only_the_admin_confirms() public {
        address[3] memory others = [admin, operator, mallory];
        for (uint256 i; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, others[i]));
            bridge.quarantine(class);
        }
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        bridge.confirmQuarantine(class, type(uint40).max);
    }

    function test_an_unknown_class_is_not_quarantined() public {
        bytes memory why = abi.encodeWithSelector(Signals.ClassUnknown.selector, 7);
        vm.prank(guardian);
        vm.expectRevert(why);
        bridge.quarantine(7);
        vm.prank(admin);
        vm.expectRevert(why);
        bridge.confirmQuarantine(7, 0);
    }

    function test_it_stops_transfers_new_requests_and_mints() public {
        bytes memory why = _closed(_quarantine());
        _transferRefused(alice, class, why);
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](2), new uint256[](2));
        (ids[0], ids[1]) = (sibling, class);
        vm.startPrank(alice);
        vm.expectRevert(why);
        bridge.safeBatchTransferFrom(alice, bob, ids, values, "");
        vm.expectRevert(why);
        bridge.retire(class, 1, COMMITMENT, 1);
        vm.expectRevert(why);
        bridge.redeem(class, 1, COMMITMENT, 1);
        vm.stopPrank();
        _mintRefused(_lock(alice, 101, 110), why);
    }

    function test_it_stops_its_own_class_only() public {
        _quarantine();
        class = sibling;
        _mint(alice, 101, 110);
        _transfer(alice, bob, sibling, 10);
    }

    function test_it_stops_no_settlement_and_no_reversal() public {
        (, bytes32 id) = _retire(alice, 30);
        _quarantine();
        _settle(id, 0, 1, 30);
        _assertStatus(id, Status.Settled);
        _reverse("event 1", 31, 40);
        vm.assertEq(bridge.creditClass(class).shortfall, 10);
    }

    function test_it_stops_no_refusal_and_no_return() public {
        (Request memory refused,) = _retire(alice, 10);
        (Request memory calledBack,) = _redeem(alice, 10);
        _passDeadline();
        _quarantine();
        _refuse(refused);
        vm.assertEq(_balance(alice), 90);
        _callBack(calledBack);
        _passChallenge();
        bytes memory closed = _closed(bridge.creditClass(class).quarantinedUntil);
        vm.prank(alice);
        vm.expectRevert(closed);
        bridge.takeBack(calledBack, bob);
        _takeBack(calledBack, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_it_stops_nobody_from_taking_cover_for_its_units() public {
        _reverse("event 1", 1, 10);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        uint40 until = _quarantine();
        _takeCover(alice, cover, 10);
        _transferRefused(alice, class, _closed(until));
        _transfer(alice, bob, sibling, 10);
    }

    function test_a_class_both_short_and_quarantined_opens_when_it_is_neither() public {
        uint40 until = _quarantine();
        _reverse("event 1", 1, 10);
        _transferRefused(alice, class, abi.encodeWithSelector(Signals.ClassShort.selector, class, 10));
        vm.warp(until);
        _transferRefused(alice, class, abi.encodeWithSelector(Signals.ClassShort.selector, class, 10));
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        _takeCover(alice, cover, 10);
        _transfer(alice, bob, class, 1);
    }

    function test_a_guardians_quarantine_lasts_thirty_days_and_as_long_a_peace_follows() public {
        uint40 until = uint40(vm.getBlockTimestamp()) + 30 days;
        vm.expectEmit();
        emit Signals.Quarantined(class, until);
        _quarantine();
        _cannotQuarantine(until);
        _pass(30 days - 1, 1);
        _transferRefused(alice, class, _closed(until));
        _pass(1, 1);
        _transfer(alice, bob, class, 1);
        _mint(alice, 101, 110);
        _pass(30 days - 1, 1);
        _cannotQuarantine(until);
        _pass(1, 1);
        _quarantine();
        _transferRefused(alice, class, _closed(until + 60 days));
    }

    function test_a_class_never_quarantined_owes_no_peace_even_in_a_chains_first_days() public {
        vm.warp(1 days);
        vm.assertEq(_quarantine(), 31 days);
    }

    function test_the_admin_confirms_for_as_long_as_he_says() public {
        _quarantine();
        _confirm(type(uint40).max);
        _pass(3650 days, 1);
        _transferRefused(alice, class, _closed(type(uint40).max));
        _cannotQuarantine(type(uint40).max);
    }

    function test_a_lifted_quarantine_is_followed_by_the_same_peace() public {
        _quarantine();
        _pass(1 days, 1);
        uint40 today = uint40(vm.getBlockTimestamp());
        vm.expectEmit();
        emit Signals.Quarantined(class, today);
        _confirm(0);
        _transfer(alice, bob, class, 1);
        _mint(alice, 101, 110);
        _cannotQuarantine(today);
        _pass(30 days, 1);
        _quarantine();
    }

    function test_a_guardian_of_yesterday_quarantines_nothing() public {
        vm.prank(admin);
        bridge.setGuardian(guardian, false);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, guardian));
        bridge.quarantine(class);
    }

    function test_a_silent_registry_keeps_nothing_even_when_all_is_paused_and_quarantined() public {
        (Request memory request,) = _redeem(alice, 100);
        vm.prank(guardian);
        bridge.pause();
        _quarantine();
        _confirm(type(uint40).max);
        _passDeadline();
        _callBack(request);
        _pass(30 days + CHALLENGE_SECONDS, CHALLENGE_BLOCKS);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }
}
