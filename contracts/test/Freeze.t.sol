// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ICarbonBridge} from "../src/ICarbonBridge.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract FreezeTest is Base {
    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _freeze() private returns (uint40 until) {
        vm.prank(guardian);
        bridge.freeze(alice);
        return bridge.frozenUntil(alice);
    }

    function _confirm(uint40 until) private {
        vm.prank(admin);
        bridge.confirmFreeze(alice, until);
    }

    function _cannotFreeze(uint40 since) private {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(ICarbonBridge.FreezeCoolingDown.selector, alice, since));
        bridge.freeze(alice);
    }

    function test_only_a_guardian_freezes_and_only_the_admin_confirms() public {
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(ICarbonBridge.NotGuardian.selector, mallory));
        bridge.freeze(alice);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        bridge.confirmFreeze(alice, type(uint40).max);
    }

    function test_a_frozen_account_sends_nothing_itself_or_through_an_approved_one() public {
        vm.prank(alice);
        bridge.setApprovalForAll(mallory, true);
        uint40 until = _freeze();
        bytes memory why = abi.encodeWithSelector(ICarbonBridge.AccountFrozen.selector, alice, until);
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

    function test_a_frozen_account_receives() public {
        _freeze();
        _mint(alice, 101, 110);
        _mint(bob, 111, 120);
        vm.prank(bob);
        bridge.safeTransferFrom(bob, alice, class, 10, "");
        vm.assertEq(_balance(alice), 120);
    }

    function test_a_guardians_freeze_lasts_thirty_days_and_as_long_a_peace_follows() public {
        uint40 until = uint40(vm.getBlockTimestamp()) + 30 days;
        vm.expectEmit();
        emit ICarbonBridge.Frozen(alice, until);
        _freeze();
        _cannotFreeze(until);
        _pass(30 days, 1);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _pass(30 days - 1, 1);
        _cannotFreeze(until);
        _pass(1, 1);
        _freeze();
    }

    function test_the_admin_confirms_a_freeze_for_as_long_as_he_says() public {
        _freeze();
        _confirm(type(uint40).max);
        _pass(3650 days, 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICarbonBridge.AccountFrozen.selector, alice, type(uint40).max));
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _cannotFreeze(type(uint40).max);
    }

    function test_a_lifted_freeze_is_followed_by_the_same_peace() public {
        _freeze();
        _pass(1 days, 1);
        uint40 today = uint40(vm.getBlockTimestamp());
        vm.expectEmit();
        emit ICarbonBridge.Frozen(alice, today);
        _confirm(0);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _cannotFreeze(today);
    }
}
