// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {FreezePolicy} from "../src/FreezePolicy.sol";
import {Request, Status} from "../src/Types.sol";
import {Freezable} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract FreezeTest is Freezable {
    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _holds(address account, uint40 until) private pure returns (bytes memory why) {
        return abi.encodeWithSelector(FreezePolicy.AccountFrozen.selector, account, until);
    }

    function _confirm(uint40 until) private {
        vm.prank(admin);
        policy.confirmFreeze(alice, until);
    }

    function _cannotFreeze(uint40 since) private {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(FreezePolicy.FreezeCoolingDown.selector, alice, since));
        policy.freeze(alice);
    }

    function test_only_a_guardian_freezes_and_only_the_admin_confirms() public {
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(FreezePolicy.NotGuardian.selector, mallory));
        policy.freeze(alice);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        policy.confirmFreeze(alice, type(uint40).max);
    }

    function test_a_frozen_account_sends_nothing_itself_or_through_an_approved_one() public {
        vm.prank(alice);
        bridge.setApprovalForAll(mallory, true);
        uint40 until = _freeze(alice);
        bytes memory why = _holds(alice, until);
        vm.prank(alice);
        vm.expectRevert(why);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.safeTransferFrom(alice, mallory, class, 1, "");
        uint256[] memory one = new uint256[](1);
        (one[0]) = class;
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.safeBatchTransferFrom(alice, mallory, one, new uint256[](1), "");
    }

    function test_freezing_nobody_stops_no_mint() public {
        _freeze(address(0));
        _mint(alice, 1_001, 1_010);
        vm.assertGe(_balance(alice), 10);
    }

    function test_a_frozen_account_receives() public {
        _freeze(alice);
        _mint(alice, 101, 110);
        _mint(bob, 111, 120);
        vm.prank(bob);
        bridge.safeTransferFrom(bob, alice, class, 10, "");
        vm.assertEq(_balance(alice), 120);
    }

    function test_a_guardians_freeze_lasts_thirty_days_and_as_long_a_peace_follows() public {
        uint40 until = uint40(vm.getBlockTimestamp()) + 30 days;
        vm.expectEmit();
        emit FreezePolicy.Frozen(alice, until);
        _freeze(alice);
        _cannotFreeze(until);
        _pass(30 days, 1);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _pass(30 days - 1, 1);
        _cannotFreeze(until);
        _pass(1, 1);
        _freeze(alice);
    }

    function test_who_was_never_frozen_owes_no_peace_even_in_a_chains_first_days() public {
        vm.warp(1 days);
        vm.assertEq(_freeze(alice), 31 days);
    }

    function test_the_admin_confirms_a_freeze_for_as_long_as_he_says() public {
        _freeze(alice);
        _confirm(type(uint40).max);
        _pass(3650 days, 1);
        vm.prank(alice);
        vm.expectRevert(_holds(alice, type(uint40).max));
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _cannotFreeze(type(uint40).max);
    }

    function test_a_lifted_freeze_is_followed_by_the_same_peace() public {
        _freeze(alice);
        _pass(1 days, 1);
        uint40 today = uint40(vm.getBlockTimestamp());
        vm.expectEmit();
        emit FreezePolicy.Frozen(alice, today);
        _confirm(0);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _cannotFreeze(today);
    }

    function test_the_bridge_names_its_policy_and_the_policy_its_owner() public {
        vm.assertEq(address(bridge.policy()), address(policy));
        vm.assertEq(policy.owner(), bridge.owner());
        vm.prank(admin);
        policy.transferOwnership(bob);
        vm.assertEq(policy.owner(), admin);
        vm.prank(bob);
        policy.acceptOwnership();
        vm.assertEq(policy.owner(), bob);
    }

    function test_the_policys_guardians_are_its_own_and_only_its_owner_names_them() public {
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, mallory));
        policy.setGuardian(mallory, true);
        vm.prank(admin);
        bridge.setGuardian(bob, true);
        vm.assertFalse(policy.isGuardian(bob));
        vm.expectEmit();
        emit FreezePolicy.GuardianSet(guardian, false);
        vm.prank(admin);
        policy.setGuardian(guardian, false);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(FreezePolicy.NotGuardian.selector, guardian));
        policy.freeze(alice);
    }

    function test_a_frozen_holder_opens_no_request() public {
        bytes memory why = _holds(alice, _freeze(alice));
        vm.startPrank(alice);
        vm.expectRevert(why);
        bridge.retire(class, 10, COMMITMENT, 1);
        vm.expectRevert(why);
        bridge.redeem(class, 10, COMMITMENT, 1);
        vm.stopPrank();
    }

    function test_no_freeze_stops_a_settlement() public {
        (, bytes32 id) = _retire(alice, 30);
        _freeze(alice);
        _settle(id, 0, 1, 30);
        _assertStatus(id, Status.Settled);
    }

    function test_refused_units_reach_a_frozen_holder_and_stay_with_him() public {
        (Request memory request,) = _retire(alice, 30);
        bytes memory why = _holds(alice, _freeze(alice));
        _refuse(request);
        vm.assertEq(_balance(alice), 100);
        vm.prank(alice);
        vm.expectRevert(why);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
    }

    function test_a_frozen_holder_takes_back_to_himself_only() public {
        (Request memory request,) = _redeem(alice, 30);
        _passDeadline();
        _callBack(request);
        _passChallenge();
        bytes memory why = _holds(alice, _freeze(alice));
        vm.prank(alice);
        vm.expectRevert(why);
        bridge.takeBack(request, bob);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_a_frozen_holder_with_code_takes_refused_units_to_himself_only() public {
        _mint(address(wallet), 101, 110);
        (Request memory request,) = _redeem(address(wallet), 10);
        _refuse(request);
        bytes memory why = _holds(address(wallet), _freeze(address(wallet)));
        vm.prank(address(wallet));
        vm.expectRevert(why);
        bridge.takeBack(request, bob);
        _takeBack(request, address(wallet));
        vm.assertEq(_balance(address(wallet)), 10);
    }

    function test_a_silent_registry_keeps_nothing_even_when_everything_is_stopped() public {
        (Request memory request,) = _redeem(alice, 30);
        vm.prank(guardian);
        bridge.pause();
        _freeze(alice);
        vm.prank(admin);
        policy.confirmFreeze(alice, type(uint40).max);
        _passDeadline();
        _callBack(request);
        _pass(30 days + CHALLENGE_SECONDS, CHALLENGE_BLOCKS);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }
}
