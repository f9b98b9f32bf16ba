// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Lock, Request} from "../../src/Types.sol";
import {Base} from "../Base.t.sol";
import {Vm, vm} from "../Cheats.sol";
import {Hook} from "./Receivers.sol";
import {Door, Movement, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, minting and burning rules, and those for functions of an implementation's own.
contract MintAndBurnTest is Standard {
    function _only() private returns (Movement memory) {
        Movement[] memory movements = _movements();
        vm.assertEq(movements.length, 1);
        return movements[0];
    }

    // minting rules: a mint comes from address zero
    function test_a_minted_lock_comes_from_the_zero_address() public {
        vm.recordLogs();
        _give(class, bob, 9);
        _assertMovement(_only(), operator, address(0), bob, class, 9);
    }

    // minting rules: the hook is told address zero too, and no data, since a lock carries none
    function test_the_hook_of_a_mint_is_told_the_zero_address() public {
        through(Door.Mint, address(receiver));
        Hook memory hook = receiver.hooks()[0];
        vm.assertEq(hook.caller, address(bridge));
        vm.assertEq(hook.operator, operator);
        vm.assertEq(hook.from, address(0));
        _same(hook.ids, _one(class));
        _same(hook.values, _one(20));
        vm.assertEq(hook.data.length, 0);
    }

    // minting rules: locks of several classes and recipients are each credited in full, in order
    function test_a_batch_of_locks_emits_every_credit() public {
        Lock[] memory locks = new Lock[](3);
        locks[0] = _fresh(class, alice, 5);
        locks[1] = _fresh(sibling, alice, 6);
        locks[2] = _fresh(class, bob, 7);
        vm.recordLogs();
        _mintAll(locks);
        Movement[] memory movements = _movements();
        vm.assertEq(movements.length, 3);
        _assertMovement(movements[0], operator, address(0), alice, class, 5);
        _assertMovement(movements[1], operator, address(0), alice, sibling, 6);
        _assertMovement(movements[2], operator, address(0), bob, class, 7);
    }

    // minting rules: an id without units is announced by a movement of nothing from address zero to itself
    function test_a_new_class_is_announced_and_holds_nothing() public {
        vm.recordLogs();
        vm.prank(operator);
        uint256 created = bridge.createClass(VERRA, "985", 2019, "VCU");
        _assertMovement(_only(), operator, address(0), address(0), created, 0);
        vm.assertEq(bridge.totalSupply(created), 0);
    }

    // burning rules: a burn goes to address zero
    function test_units_asked_to_be_retired_go_to_the_zero_address() public {
        vm.recordLogs();
        _retire(alice, 9);
        _assertMovement(_only(), alice, alice, address(0), class, 9);
    }

    // burning rules: a burn goes to address zero
    function test_units_asked_to_be_redeemed_go_to_the_zero_address() public {
        vm.recordLogs();
        _redeem(alice, 9);
        _assertMovement(_only(), alice, alice, address(0), class, 9);
    }

    // burning rules: address zero need not be credited, and is not
    function test_the_zero_address_holds_nothing_afterwards() public {
        _retire(alice, 9);
        vm.assertEq(_balance(address(0)), 0);
    }

    // event rules: what was burnt when it was asked for is not burnt again when it is settled
    function test_a_settlement_moves_no_units() public {
        Lock memory lock = _fresh(class, bob, 10);
        _mint(lock);
        (, bytes32 id) = _retire(bob, 10);
        vm.recordLogs();
        _settle(id, 0, lock.first, lock.last);
        vm.assertEq(_movements().length, 0);
    }

    // minting rules: a refusal gives units back out of address zero; its operator is who handed it in
    function test_refused_units_come_from_the_zero_address() public {
        (Request memory request,) = _retire(alice, 9);
        vm.recordLogs();
        _refuse(request);
        _assertMovement(_only(), mallory, address(0), alice, class, 9);
    }

    // minting rules: a holder with code is credited, and called, when he fetches what was refused
    function test_refused_units_of_a_contract_come_when_it_takes_them() public {
        through(Door.Transfer, address(receiver));
        (Request memory request,) = _retire(address(receiver), 9);
        vm.recordLogs();
        _refuse(request);
        vm.assertEq(_movements().length, 0);
        _takeBack(request, address(receiver));
        _assertMovement(_only(), address(receiver), address(0), address(receiver), class, 9);
        Hook[] memory hooks = receiver.hooks();
        vm.assertEq(hooks.length, 2);
        vm.assertEq(hooks[1].from, address(0));
        _same(hooks[1].values, _one(9));
    }

    // minting rules: units taken back come from address zero, and the hook is told so
    function test_units_taken_back_come_from_the_zero_address() public {
        vm.recordLogs();
        through(Door.TakeBack, address(receiver));
        _assertMovement(_only(), alice, address(0), address(receiver), class, 20);
        Hook memory hook = receiver.hooks()[0];
        vm.assertEq(hook.operator, alice);
        vm.assertEq(hook.from, address(0));
        vm.assertEq(hook.data.length, 0);
    }

    // burning rules: a burn is the holder's own asking; sending to nobody is none, whoever is approved
    function test_an_approved_operator_burns_nothing_by_sending_it_to_nobody() public {
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        vm.prank(bob);
        vm.expectRevert(_invalid(address(0)));
        bridge.safeTransferFrom(alice, address(0), class, 1, "");
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, bob, 0, 1, class));
        bridge.retire(class, 1, COMMITMENT, 1);
    }

    // event rules: one event kind for a mint of one lock, none of it doubled by the other kind
    function test_a_mint_of_one_lock_is_told_once() public {
        vm.recordLogs();
        _give(class, bob, 9);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, IERC1155.TransferSingle.selector), 1);
        vm.assertEq(_count(logs, IERC1155.TransferBatch.selector), 0);
    }
}
