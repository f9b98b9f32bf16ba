// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {vm} from "../Cheats.sol";
import {Standard} from "./Standard.t.sol";

/// @dev EIP-1155, balanceOf, balanceOfBatch, setApprovalForAll, isApprovedForAll.
contract BalanceAndApprovalTest is Standard {
    // balanceOf: the owner's units of that id
    function test_a_balance_is_of_one_owner_and_one_id() public {
        _transfer(alice, bob, class, 30, "");
        vm.assertEq(bridge.balanceOf(alice, class), 70);
        vm.assertEq(bridge.balanceOf(alice, sibling), 100);
        vm.assertEq(bridge.balanceOf(bob, class), 30);
        vm.assertEq(bridge.balanceOf(bob, sibling), 0);
        vm.assertEq(bridge.balanceOf(alice, 7), 0);
    }

    // balanceOfBatch: one figure for each pair of owner and id, in their order
    function test_balances_are_answered_pair_by_pair() public {
        _transfer(alice, bob, class, 30, "");
        address[] memory owners = new address[](4);
        uint256[] memory ids = new uint256[](4);
        (owners[0], owners[1], owners[2], owners[3]) = (bob, alice, alice, bob);
        (ids[0], ids[1], ids[2], ids[3]) = (class, sibling, class, class);
        uint256[] memory balances = bridge.balanceOfBatch(owners, ids);
        vm.assertEq(balances.length, 4);
        for (uint256 i; i < 4; ++i) {
            vm.assertEq(balances[i], bridge.balanceOf(owners[i], ids[i]));
        }
        vm.assertEq(balances[0], 30);
    }

    // balanceOfBatch: pairs need as many owners as ids
    function test_balances_of_uneven_lists_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidArrayLength.selector, 1, 2));
        bridge.balanceOfBatch(new address[](2), new uint256[](1));
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidArrayLength.selector, 2, 1));
        bridge.balanceOfBatch(new address[](1), new uint256[](2));
    }

    // setApprovalForAll, ApprovalForAll: emitted when enabled and when disabled
    function test_an_approval_emits_when_given_and_when_taken() public {
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit();
            emit IERC1155.ApprovalForAll(alice, bob, i == 0);
            vm.prank(alice);
            bridge.setApprovalForAll(bob, i == 0);
        }
    }

    // ApprovalForAll: without an event an approval is off
    function test_nobody_is_approved_at_first() public view {
        address[5] memory everybody = [admin, guardian, operator, bob, mallory];
        for (uint256 i; i < 5; ++i) {
            vm.assertFalse(bridge.isApprovedForAll(alice, everybody[i]));
        }
    }

    // Approval: isApprovedForAll reads what setApprovalForAll set, for that owner and that operator
    function test_an_approval_is_read_back_and_is_one_owners_of_one_operator() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.assertTrue(bridge.isApprovedForAll(alice, bob));
        vm.assertFalse(bridge.isApprovedForAll(bob, alice));
        vm.assertFalse(bridge.isApprovedForAll(alice, mallory));
        vm.prank(alice);
        bridge.setApprovalForAll(bob, false);
        vm.assertFalse(bridge.isApprovedForAll(alice, bob));
    }

    // Approval: it is for all of the owner's units
    function test_an_approval_covers_every_id() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.prank(bob);
        bridge.safeBatchTransferFrom(alice, bob, _pair(class, sibling), _pair(100, 100), "");
        vm.assertEq(bridge.balanceOf(bob, class), 100);
        vm.assertEq(bridge.balanceOf(bob, sibling), 100);
    }

    // Approval: one that was taken away no longer moves anything
    function test_a_revoked_operator_moves_nothing() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.prank(alice);
        bridge.setApprovalForAll(bob, false);
        vm.prank(bob);
        vm.expectRevert(_missingApproval(bob, alice));
        bridge.safeTransferFrom(alice, bob, class, 1, "");
    }

    // Approval: an operator of one owner is none of another's
    function test_an_operator_of_one_owner_moves_nothing_of_another() public {
        _transfer(alice, bob, class, 10, "");
        vm.prank(alice);
        bridge.setApprovalForAll(mallory, true);
        vm.prank(mallory);
        vm.expectRevert(_missingApproval(mallory, bob));
        bridge.safeTransferFrom(bob, mallory, class, 1, "");
    }

    // Approval: an owner needs no approval of himself
    function test_an_owner_moves_his_own_without_approving_himself() public {
        vm.assertFalse(bridge.isApprovedForAll(alice, alice));
        _transfer(alice, bob, class, 100, "");
        vm.assertEq(_balance(bob), 100);
    }
}
