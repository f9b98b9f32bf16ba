// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {Lock, Request} from "../../src/Types.sol";
import {Vm, vm} from "../Cheats.sol";
import {Forwarder, Hook, Odd, Recorder} from "./Receivers.sol";
import {Door, Movement, Standard} from "./Standard.t.sol";

interface CallWatch {
    function expectCall(address callee, bytes calldata data, uint64 count) external;
}

/// @dev EIP-1155, safe transfer rules: its scenarios, through every door that credits an account.
contract SafeTransferRulesTest is Standard {
    bytes4 private constant ONE = 0xf23a6e61;
    bytes4 private constant MANY = 0xbc197c81;

    function _assertEveryDoorReverts(address to, bytes memory why) private {
        for (uint256 i; i < 4; ++i) {
            _assertThroughReverts(Door(i), to, why);
        }
    }

    // scenario 1: no hook is called on an account without code
    function test_accounts_without_code_are_not_called() public {
        CallWatch(address(vm)).expectCall(bob, abi.encodePacked(ONE), 0);
        CallWatch(address(vm)).expectCall(bob, abi.encodePacked(MANY), 0);
        for (uint256 i; i < 4; ++i) {
            through(Door(i), bob);
        }
        vm.assertEq(_balance(bob), 80);
    }

    // scenario 2: no hook outside a mint or a transfer, also when the holder has code
    function test_approving_asking_settling_and_refusing_call_no_hook() public {
        Lock memory lock = _fresh(class, address(receiver), 100);
        _mint(lock);
        vm.prank(address(receiver));
        bridge.setApprovalForAll(bob, true);
        (, bytes32 settled) = _redeem(address(receiver), 10);
        (Request memory refused,) = _retire(address(receiver), 10);
        (Request memory calledBack,) = _retire(address(receiver), 10);
        _settle(settled, 0, lock.first, lock.first + 9);
        _refuse(refused);
        _passDeadline();
        _callBack(calledBack);
        vm.assertEq(receiver.hooks().length, 1);
    }

    // scenario 3: a receiver without the functions
    function test_a_contract_without_hooks_gets_nothing() public {
        _assertEveryDoorReverts(address(lens), _invalid(address(lens)));
    }

    // scenario 3: a receiver that answers nothing at all
    function test_a_contract_that_answers_nothing_gets_nothing() public {
        Odd odd = new Odd("", false);
        _assertEveryDoorReverts(address(odd), "");
    }

    // scenario 4: a receiver that answers something else, the other hook's word included
    function test_any_other_answer_is_a_rejection() public {
        for (uint256 i; i < 4; ++i) {
            bytes4 others = Door(i) == Door.Batch ? ONE : MANY;
            bytes4[3] memory wrong = [others, bytes4(0), bytes4(0xffffffff)];
            for (uint256 j; j < 3; ++j) {
                Odd odd = new Odd(abi.encode(wrong[j]), false);
                _assertThroughReverts(Door(i), address(odd), _invalid(address(odd)));
            }
        }
    }

    // onERC1155Received rules, onERC1155BatchReceived rules: the right word, and nothing but it, is acceptance
    function test_the_right_answer_is_acceptance() public {
        for (uint256 i; i < 4; ++i) {
            Odd odd = new Odd(abi.encode(Door(i) == Door.Batch ? MANY : ONE), false);
            through(Door(i), address(odd));
            vm.assertEq(_balance(address(odd)), 20);
        }
    }

    // scenario 5: a receiver that throws, with words or without
    function test_a_receiver_that_throws_gets_nothing() public {
        bytes memory why = abi.encodeWithSignature("Error(string)", "not today");
        _assertEveryDoorReverts(address(new Odd(why, true)), why);
        Odd silent = new Odd("", true);
        _assertEveryDoorReverts(address(silent), _invalid(address(silent)));
    }

    // scenarios 3 to 5: what was rejected has moved nothing
    function test_a_rejection_leaves_everything_as_it_was() public {
        Odd odd = new Odd("", true);
        uint256 supply = bridge.totalSupply(class);
        _assertEveryDoorReverts(address(odd), _invalid(address(odd)));
        vm.assertEq(_balance(alice), 100);
        vm.assertEq(_balance(address(odd)), 0);
        vm.assertEq(bridge.totalSupply(class), supply);
        _takeBack(returnable, alice);
        vm.assertEq(_balance(alice), 120);
    }

    // scenario 6: one change, the balances first and the hook after; scenario 9: whichever function made it
    function test_balances_have_moved_before_a_hook_of_one() public {
        Door[3] memory doors = [Door.Transfer, Door.Mint, Door.TakeBack];
        for (uint256 i; i < 3; ++i) {
            through(doors[i], address(receiver));
            Hook memory hook = receiver.hooks()[i];
            vm.assertEq(bytes32(hook.selector), bytes32(ONE));
            _same(hook.values, _one(20));
            _same(hook.own, _one(20 * (i + 1)));
            if (doors[i] == Door.Transfer) _same(hook.giver, _one(80));
        }
    }

    // scenario 7: several changes, all the balances first
    function test_all_balances_have_moved_before_a_hook_of_many() public {
        uint256[] memory ids = _three(class, sibling, class);
        _batchTransfer(alice, address(receiver), ids, _three(10, 20, 30), "");
        Hook memory hook = receiver.hooks()[0];
        _same(hook.own, _three(40, 20, 40));
        _same(hook.giver, _three(60, 80, 60));
    }

    // scenarios 6 and 7: the events first and the hook after
    function test_events_are_out_before_any_hook() public {
        for (uint256 i; i < 4; ++i) {
            vm.recordLogs();
            through(Door(i), address(receiver));
            Vm.Log[] memory logs = vm.getRecordedLogs();
            Movement[] memory movements = _movementsIn(logs);
            vm.assertEq(movements.length, Door(i) == Door.Batch ? 2 : 1);
            uint256 told;
            for (uint256 j; j < logs.length; ++j) {
                if (logs[j].emitter != address(receiver)) continue;
                ++told;
                vm.assertLt(movements[movements.length - 1].place, j);
            }
            vm.assertEq(told, 1);
        }
    }

    // scenario 7: a mint of many locks too is told whole before its first hook
    function test_a_batch_of_locks_is_done_before_its_first_hook() public {
        Recorder second = new Recorder(bridge);
        Lock[] memory locks = new Lock[](3);
        locks[0] = _fresh(class, address(receiver), 5);
        locks[1] = _fresh(sibling, address(second), 6);
        locks[2] = _fresh(class, address(receiver), 7);
        vm.recordLogs();
        _mintAll(locks);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Movement[] memory movements = _movementsIn(logs);
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(bridge)) continue;
            vm.assertLt(movements[movements.length - 1].place, i);
        }
        _same(receiver.hooks()[0].own, _one(12));
        _same(second.hooks()[0].own, _one(6));
    }

    // onERC1155Received rules: hooks share no change, and together tell all of them in their order
    function test_the_hooks_of_a_batch_of_locks_tell_what_its_events_tell() public {
        Lock[] memory locks = new Lock[](4);
        for (uint256 i; i < 4; ++i) {
            locks[i] = _fresh(i == 1 ? sibling : class, address(receiver), uint64(i + 1));
        }
        vm.recordLogs();
        _mintAll(locks);
        Movement[] memory movements = _movements();
        Hook[] memory hooks = receiver.hooks();
        uint256 next;
        for (uint256 i; i < hooks.length; ++i) {
            for (uint256 j; j < hooks[i].ids.length; ++j) {
                _assertMovement(
                    movements[next++],
                    hooks[i].operator,
                    hooks[i].from,
                    address(receiver),
                    hooks[i].ids[j],
                    hooks[i].values[j]
                );
            }
        }
        vm.assertEq(next, movements.length);
        vm.assertEq(_balance(address(receiver)), 8);
        vm.assertEq(bridge.balanceOf(address(receiver), sibling), 2);
    }

    // scenario 8: forwarding is acceptance, then a transfer of its own
    function test_a_receiver_may_forward_at_once() public {
        Forwarder forwarder = new Forwarder(address(receiver));
        for (uint256 i; i < 4; ++i) {
            vm.recordLogs();
            through(Door(i), address(forwarder));
            Movement[] memory movements = _movements();
            uint256 half = movements.length / 2;
            for (uint256 j; j < half; ++j) {
                vm.assertEq(movements[j].to, address(forwarder));
                Movement memory on = movements[half + j];
                _assertMovement(
                    on, address(forwarder), address(forwarder), address(receiver), movements[j].id, movements[j].value
                );
            }
            Hook memory hook = receiver.hooks()[i];
            vm.assertEq(hook.from, address(forwarder));
            vm.assertEq(keccak256(hook.data), keccak256("forwarded"));
        }
        vm.assertEq(_balance(address(forwarder)), 0);
        vm.assertEq(_balance(address(receiver)), 80);
    }

    // scenario 8: when forwarding fails, so does what set it off
    function test_a_receiver_that_cannot_forward_spoils_the_transfer() public {
        Forwarder forwarder = new Forwarder(address(0));
        _assertEveryDoorReverts(address(forwarder), _invalid(address(0)));
    }

    // onERC1155Received rules: an account with code that sends to itself may be called or not, and keeps its units
    function test_a_contract_may_send_to_itself() public {
        through(Door.Transfer, address(receiver));
        _transfer(address(receiver), address(receiver), class, 20, "");
        vm.assertEq(_balance(address(receiver)), 20);
    }

    // ERC1155TokenReceiver: the words that hooks answer with are those of their signatures
    function test_the_words_of_acceptance_are_the_hooks_selectors() public pure {
        vm.assertEq(bytes32(ONE), bytes32(IERC1155Receiver.onERC1155Received.selector));
        vm.assertEq(bytes32(MANY), bytes32(IERC1155Receiver.onERC1155BatchReceived.selector));
    }
}
