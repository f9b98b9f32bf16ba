// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Vm, vm} from "../Cheats.sol";
import {Hook} from "./Receivers.sol";
import {Movement, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, safeTransferFrom.
contract SafeTransferFromTest is Standard {
    // safeTransferFrom rules: the caller must be approved to manage the source's units
    function test_the_caller_must_be_the_holder_or_approved() public {
        vm.prank(mallory);
        vm.expectRevert(_missingApproval(mallory, alice));
        bridge.safeTransferFrom(alice, bob, class, 1, "");
    }

    // safeTransferFrom rules: approval speaks for the source alone, also when nothing is moved
    function test_a_transfer_of_nothing_needs_approval_too() public {
        vm.prank(mallory);
        vm.expectRevert(_missingApproval(mallory, alice));
        bridge.safeTransferFrom(alice, mallory, class, 0, "");
    }

    // safeTransferFrom rules: reverts to address zero
    function test_it_reverts_to_the_zero_address() public {
        vm.prank(alice);
        vm.expectRevert(_invalid(address(0)));
        bridge.safeTransferFrom(alice, address(0), class, 1, "");
    }

    // safeTransferFrom rules: reverts to address zero
    function test_it_reverts_to_the_zero_address_even_with_nothing() public {
        vm.prank(alice);
        vm.expectRevert(_invalid(address(0)));
        bridge.safeTransferFrom(alice, address(0), class, 0, "");
    }

    // safeTransferFrom rules: reverts above the balance
    function testFuzz_it_reverts_above_the_holders_balance(uint256 value) public {
        vm.assume(value > 100);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 100, value, class)
        );
        bridge.safeTransferFrom(alice, bob, class, value, "");
    }

    // safeTransferFrom rules: the balance that counts is that of the id
    function test_units_of_another_id_do_not_make_up_for_it() public {
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 0, 1, goldClass)
        );
        bridge.safeTransferFrom(alice, bob, goldClass, 1, "");
    }

    // safeTransferFrom: what the source loses is what the target gains, and nothing else moves
    function testFuzz_both_balances_change_by_the_value(uint256 value) public {
        value %= 101;
        _transfer(alice, bob, class, value, "");
        vm.assertEq(_balance(alice), 100 - value);
        vm.assertEq(_balance(bob), value);
        vm.assertEq(bridge.balanceOf(alice, sibling), 100);
        vm.assertEq(bridge.balanceOf(bob, sibling), 0);
    }

    // safeTransferFrom: source and target may be one
    function test_a_transfer_to_oneself_changes_no_balance() public {
        _transfer(alice, alice, class, 100, "");
        vm.assertEq(_balance(alice), 100);
    }

    // safeTransferFrom rules: emits TransferSingle; event rules: one for one change of balance
    function test_it_emits_one_transfer_single() public {
        vm.recordLogs();
        _transfer(alice, bob, class, 7, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, SINGLE), 1);
        vm.assertEq(_count(logs, BATCH), 0);
        _assertMovement(_movementsIn(logs)[0], alice, alice, bob, class, 7);
    }

    // event rules: the operator is who was approved and called
    function test_the_events_operator_is_the_approved_caller() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.expectEmit();
        emit IERC1155.TransferSingle(bob, alice, mallory, class, 7);
        vm.prank(bob);
        bridge.safeTransferFrom(alice, mallory, class, 7, "");
    }

    // TransferSingle: emitted for transfers of nothing too
    function test_a_transfer_of_nothing_emits_too() public {
        vm.recordLogs();
        _transfer(bob, alice, class, 0, "");
        Movement[] memory movements = _movements();
        vm.assertEq(movements.length, 1);
        _assertMovement(movements[0], bob, bob, alice, class, 0);
    }

    // safeTransferFrom rules: onERC1155Received on a target with code, the data unaltered
    function testFuzz_the_hook_is_told_exactly_what_happened(uint256 value, bytes calldata data) public {
        value %= 101;
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.prank(bob);
        bridge.safeTransferFrom(alice, address(receiver), class, value, data);
        Hook[] memory hooks = receiver.hooks();
        vm.assertEq(hooks.length, 1);
        vm.assertEq(bytes32(hooks[0].selector), bytes32(bytes4(0xf23a6e61)));
        vm.assertEq(hooks[0].caller, address(bridge));
        vm.assertEq(hooks[0].operator, bob);
        vm.assertEq(hooks[0].from, alice);
        _same(hooks[0].ids, _one(class));
        _same(hooks[0].values, _one(value));
        vm.assertEq(keccak256(hooks[0].data), keccak256(data));
    }

    // safeTransferFrom rules: the hook does not wait for a value
    function test_a_transfer_of_nothing_calls_the_hook_too() public {
        _transfer(alice, address(receiver), class, 0, "memo");
        Hook[] memory hooks = receiver.hooks();
        vm.assertEq(hooks.length, 1);
        _same(hooks[0].values, _one(0));
    }
}
