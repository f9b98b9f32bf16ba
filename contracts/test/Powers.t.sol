// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Signals} from "../src/Signals.sol";
import {Lock, Outcome, Request, Signature} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev What each role cannot do, even malicious, and how far its power goes.
contract PowersTest is Base {
    function test_the_admin_is_changed_in_two_steps() public {
        vm.prank(admin);
        bridge.transferOwnership(bob);
        vm.assertEq(bridge.owner(), admin);
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, mallory));
        bridge.acceptOwnership();
        vm.prank(bob);
        bridge.acceptOwnership();
        vm.assertEq(bridge.owner(), bob);
    }

    function test_the_admin_mints_nothing_and_pauses_nothing() public {
        Lock[] memory locks = _locks(_lock(admin, 1, 9));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, admin));
        bridge.mint(locks, _noHints(1), signatures);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, admin));
        bridge.pause();
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, admin, alice)
        );
        bridge.safeTransferFrom(alice, admin, class, 0, "");
        vm.stopPrank();
    }

    function test_an_operator_cannot_choose_the_recipient() public {
        Lock[] memory locks = _locks(_lock(alice, 1, 9));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        locks[0].recipient = operator;
        vm.prank(operator);
        // The signatures are of other words, so that they recover somebody else.
        (bool ok, bytes memory why) = address(bridge).call(abi.encodeCall(bridge.mint, (locks, _noHints(1), signatures)));
        bytes4 said = bytes4(why);
        vm.assertFalse(ok);
        vm.assertTrue(said == Signals.SignerNotAttester.selector || said == Signals.SignersNotRising.selector);
    }

    function test_a_dismissed_operator_mints_nothing() public {
        vm.prank(admin);
        bridge.setAllowance(operator, 0);
        Lock[] memory locks = _locks(_lock(alice, 1, 9));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, operator));
        bridge.mint(locks, _noHints(1), signatures);
    }

    function test_only_the_admin_sets_allowances_and_guardians() public {
        bytes memory why = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, operator);
        vm.startPrank(operator);
        vm.expectRevert(why);
        bridge.setAllowance(operator, type(uint64).max);
        vm.expectRevert(why);
        bridge.setGuardian(operator, true);
        vm.stopPrank();
    }

    function test_a_dismissed_guardian_stops_nothing() public {
        vm.expectEmit();
        emit Signals.GuardianSet(guardian, false);
        vm.prank(admin);
        bridge.setGuardian(guardian, false);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, guardian));
        bridge.pause();
    }

    function test_an_allowance_refills_evenly_and_never_above_a_days_worth() public {
        vm.expectEmit();
        emit Signals.AllowanceSet(bob, 86_400);
        vm.prank(admin);
        bridge.setAllowance(bob, 86_400);
        _mintBy(bob, 1, 86_400);
        vm.assertEq(_available(bob), 0);
        for (uint64 i = 1; i <= 20; ++i) {
            _pass(1, 1);
            _mintBy(bob, 86_400 + i, 86_400 + i);
        }
        vm.assertEq(_available(bob), 0);
        _pass(1 hours, 1);
        vm.assertEq(_available(bob), 3_600);
        _pass(10 days, 1);
        vm.assertEq(_available(bob), 86_400);
    }

    function test_a_changed_allowance_keeps_what_was_spent() public {
        vm.prank(admin);
        bridge.setAllowance(bob, 100);
        _mintBy(bob, 1, 60);
        vm.prank(admin);
        bridge.setAllowance(bob, 50);
        vm.assertEq(_available(bob), 0);
        vm.prank(admin);
        bridge.setAllowance(bob, 200);
        vm.assertEq(_available(bob), 150);
    }

    function test_the_largest_allowance_overflows_nothing() public {
        vm.prank(admin);
        bridge.setAllowance(bob, type(uint64).max);
        _mintBy(bob, 1, type(uint64).max - 1);
        _pass(3650 days, 1);
        vm.assertEq(_available(bob), type(uint64).max);
    }

    function test_attesters_take_nothing_from_a_holder_who_asked_for_nothing() public {
        _mint(alice, 1, 100);
        Outcome[] memory outcomes = _outcomes(_outcome(bytes32(uint256(1)), 0, 1, 100));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestUnknown.selector, bytes32(uint256(1))));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        vm.assertEq(_balance(alice), 100);
    }

    function test_a_renounced_admin_stops_no_exit() public {
        _mint(alice, 1, 100);
        (Request memory request,) = _redeem(alice, 100);
        vm.prank(guardian);
        bridge.pause();
        vm.prank(admin);
        (bool ok,) = address(bridge).call(abi.encodeWithSignature("renounceOwnership()"));
        vm.assertTrue(ok);
        _passDeadline();
        _callBack(request);
        _pass(30 days + CHALLENGE_SECONDS, CHALLENGE_BLOCKS);
        _takeBack(request, bob);
        vm.assertEq(_balance(bob), 100);
    }

    function _mintBy(address minter, uint64 first, uint64 last) private {
        Lock[] memory locks = _locks(_lock(alice, first, last));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(minter);
        bridge.mint(locks, _noHints(1), signatures);
    }

    function _available(address account) private view returns (uint256 available) {
        (, available) = bridge.allowance(account);
    }
}
