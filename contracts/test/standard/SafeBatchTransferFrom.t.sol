// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Vm, vm} from "../Cheats.sol";
import {Hook} from "./Receivers.sol";
import {Movement, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, safeBatchTransferFrom.
contract SafeBatchTransferFromTest is Standard {
    function _reverts(uint256[] memory ids, uint256[] memory values, bytes memory why) private {
        vm.prank(alice);
        vm.expectRevert(why);
        bridge.safeBatchTransferFrom(alice, bob, ids, values, "");
    }

    function _short(uint256 balance, uint256 value, uint256 id) private view returns (bytes memory) {
        return abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, balance, value, id);
    }

    // safeBatchTransferFrom rules: the caller must be approved to manage the source's units
    function test_the_caller_must_be_the_holder_or_approved() public {
        vm.prank(mallory);
        vm.expectRevert(_missingApproval(mallory, alice));
        bridge.safeBatchTransferFrom(alice, bob, _pair(class, sibling), _pair(1, 1), "");
    }

    // safeBatchTransferFrom rules: the same of a batch of nothing
    function test_an_empty_batch_needs_approval_too() public {
        vm.prank(mallory);
        vm.expectRevert(_missingApproval(mallory, alice));
        bridge.safeBatchTransferFrom(alice, bob, new uint256[](0), new uint256[](0), "");
    }

    // safeBatchTransferFrom rules: reverts to address zero
    function test_it_reverts_to_the_zero_address() public {
        vm.prank(alice);
        vm.expectRevert(_invalid(address(0)));
        bridge.safeBatchTransferFrom(alice, address(0), _pair(class, sibling), _pair(1, 1), "");
    }

    // safeBatchTransferFrom rules: reverts when ids and values differ in number
    function test_it_reverts_when_the_lengths_differ() public {
        bytes4 invalid = IERC1155Errors.ERC1155InvalidArrayLength.selector;
        _reverts(_pair(class, sibling), _one(1), abi.encodeWithSelector(invalid, 2, 1));
        _reverts(_one(class), _pair(1, 1), abi.encodeWithSelector(invalid, 1, 2));
        _reverts(new uint256[](0), _one(1), abi.encodeWithSelector(invalid, 0, 1));
        _reverts(_one(class), new uint256[](0), abi.encodeWithSelector(invalid, 1, 0));
    }

    // safeBatchTransferFrom rules: reverts when any balance is short
    function testFuzz_it_reverts_when_any_balance_is_short(uint256 value, bool first) public {
        vm.assume(value > 100);
        if (first) _reverts(_pair(class, sibling), _pair(value, 1), _short(100, value, class));
        else _reverts(_pair(class, sibling), _pair(1, value), _short(100, value, sibling));
    }

    // safeBatchTransferFrom rules: an id that stands twice is served from one balance
    function test_an_id_twice_is_counted_together() public {
        _reverts(_pair(class, class), _pair(60, 41), _short(40, 41, class));
        _batchTransfer(alice, bob, _pair(class, class), _pair(60, 40), "");
        vm.assertEq(_balance(alice), 0);
        vm.assertEq(_balance(bob), 100);
    }

    // safeBatchTransferFrom: each pair moves its own value of its own id
    function testFuzz_each_balance_changes_by_its_value(uint256 a, uint256 b) public {
        (a, b) = (a % 101, b % 101);
        _batchTransfer(alice, bob, _pair(sibling, class), _pair(a, b), "");
        vm.assertEq(bridge.balanceOf(alice, sibling), 100 - a);
        vm.assertEq(bridge.balanceOf(bob, sibling), a);
        vm.assertEq(_balance(alice), 100 - b);
        vm.assertEq(_balance(bob), b);
    }

    // safeBatchTransferFrom: source and target may be one
    function test_a_batch_to_oneself_changes_no_balance() public {
        _batchTransfer(alice, alice, _pair(class, class), _pair(100, 100), "");
        vm.assertEq(_balance(alice), 100);
    }

    // safeBatchTransferFrom rules: one event for all; order: as the arrays were given
    function test_its_event_names_every_change_in_the_order_given() public {
        vm.expectEmit();
        emit IERC1155.TransferBatch(alice, alice, bob, _three(sibling, class, sibling), _three(3, 2, 1));
        _batchTransfer(alice, bob, _three(sibling, class, sibling), _three(3, 2, 1), "");
        vm.recordLogs();
        _batchTransfer(alice, bob, _pair(class, sibling), _pair(2, 3), "");
        Movement[] memory movements = _movements();
        vm.assertEq(movements.length, 2);
        _assertMovement(movements[0], alice, alice, bob, class, 2);
        _assertMovement(movements[1], alice, alice, bob, sibling, 3);
    }

    // event rules: the operator is who was approved and called
    function test_the_events_operator_is_the_approved_caller() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.expectEmit();
        emit IERC1155.TransferBatch(bob, alice, mallory, _pair(class, sibling), _pair(1, 2));
        vm.prank(bob);
        bridge.safeBatchTransferFrom(alice, mallory, _pair(class, sibling), _pair(1, 2), "");
    }

    // TransferBatch: emitted for transfers of nothing too
    function test_a_batch_of_nothings_emits_too() public {
        vm.recordLogs();
        _batchTransfer(bob, alice, _pair(class, sibling), _pair(0, 0), "");
        Movement[] memory movements = _movements();
        vm.assertEq(movements.length, 2);
        _assertMovement(movements[0], bob, bob, alice, class, 0);
        _assertMovement(movements[1], bob, bob, alice, sibling, 0);
    }

    // event rules: a batch of one may be told by either event, but by one of them
    function test_a_batch_of_one_is_told_once() public {
        vm.recordLogs();
        _batchTransfer(alice, bob, _one(class), _one(9), "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, SINGLE) + _count(logs, BATCH), 1);
        _assertMovement(_movementsIn(logs)[0], alice, alice, bob, class, 9);
    }

    // safeBatchTransferFrom rules: a hook on a target with code, the lists and the data unaltered
    function testFuzz_the_hook_is_told_exactly_what_happened(uint256 a, uint256 b, bytes calldata data) public {
        (a, b) = (a % 51, b % 51);
        uint256[] memory ids = _three(sibling, class, sibling);
        uint256[] memory values = _three(a, b, b);
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.prank(bob);
        bridge.safeBatchTransferFrom(alice, address(receiver), ids, values, data);
        Hook[] memory hooks = receiver.hooks();
        vm.assertEq(hooks.length, 1);
        vm.assertEq(bytes32(hooks[0].selector), bytes32(bytes4(0xbc197c81)));
        vm.assertEq(hooks[0].caller, address(bridge));
        vm.assertEq(hooks[0].operator, bob);
        vm.assertEq(hooks[0].from, alice);
        _same(hooks[0].ids, ids);
        _same(hooks[0].values, values);
        vm.assertEq(keccak256(hooks[0].data), keccak256(data));
    }

    // onERC1155BatchReceived rules: a batch of one calls one hook, with that one pair and the data
    function test_a_batch_of_one_calls_one_hook() public {
        _batchTransfer(alice, address(receiver), _one(class), _one(9), "memo");
        Hook[] memory hooks = receiver.hooks();
        vm.assertEq(hooks.length, 1);
        _same(hooks[0].ids, _one(class));
        _same(hooks[0].values, _one(9));
        vm.assertEq(keccak256(hooks[0].data), keccak256("memo"));
    }
}
