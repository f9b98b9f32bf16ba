// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../../src/Signals.sol";
import {Lock, Signature} from "../../src/Types.sol";
import {vm} from "../Cheats.sol";
import {Hook} from "./Receivers.sol";
import {Door, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, event rules on re-entry: what a receiver calls from its hook meets a bridge that has finished.
contract ReentryTest is Standard {
    bytes private replay;

    function setUp() public override {
        super.setUp();
        Lock[] memory locks = new Lock[](1);
        locks[0] = _fresh(class, address(receiver), 20);
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        replay = abi.encodeCall(bridge.mint, (locks, _noHints(1), signatures));
    }

    /// @dev Everything that a receiver might gain by, none of which is its right.
    function _attempts() private view returns (bytes[] memory attempts) {
        attempts = new bytes[](9);
        address self = address(receiver);
        attempts[0] = abi.encodeCall(bridge.safeTransferFrom, (alice, self, class, 1, ""));
        attempts[1] =
            abi.encodeCall(bridge.safeBatchTransferFrom, (alice, self, _pair(class, sibling), _pair(1, 1), ""));
        attempts[2] = abi.encodeCall(bridge.safeTransferFrom, (self, bob, class, 21, ""));
        attempts[3] = abi.encodeCall(bridge.retire, (class, 21, COMMITMENT, 1));
        attempts[4] = abi.encodeCall(bridge.redeem, (class, 21, COMMITMENT, 2));
        attempts[5] = abi.encodeCall(bridge.callBack, (returnable));
        attempts[6] = abi.encodeCall(bridge.takeBack, (returnable, self));
        attempts[7] = replay;
        attempts[8] = abi.encodeCall(bridge.unpause, ());
    }

    /// @dev Balances of everybody concerned, and the supplies.
    function _picture() private view returns (bytes32) {
        address[3] memory everybody = [alice, bob, address(receiver)];
        bytes memory seen = abi.encode(bridge.totalSupply(class), bridge.totalSupply(sibling));
        for (uint256 i; i < 3; ++i) {
            seen = abi.encode(
                seen,
                bridge.balanceOf(everybody[i], class),
                bridge.balanceOf(everybody[i], sibling),
                bridge.isApprovedForAll(alice, everybody[i])
            );
        }
        return keccak256(seen);
    }

    function _assertNothingGained(Door door) private {
        uint256 before = vm.snapshotState();
        through(door, address(receiver));
        bytes32 honest = _picture();
        vm.revertToState(before);

        bytes[] memory attempts = _attempts();
        for (uint256 i; i < attempts.length; ++i) {
            receiver.attempt(attempts[i]);
        }
        through(door, address(receiver));
        vm.assertEq(receiver.tried(), attempts.length);
        vm.assertEq(receiver.succeeded(), 0);
        vm.assertEq(_picture(), honest);
    }

    // event rules, onERC1155Received rules: re-entry from the hook of a transfer
    function test_a_transfers_receiver_gains_nothing_by_calling_back() public {
        _assertNothingGained(Door.Transfer);
    }

    // event rules, onERC1155BatchReceived rules: re-entry from the hook of a batch
    function test_a_batchs_receiver_gains_nothing_by_calling_back() public {
        _assertNothingGained(Door.Batch);
    }

    // mint rules: re-entry from the hook of a mint
    function test_a_mints_recipient_gains_nothing_by_calling_back() public {
        _assertNothingGained(Door.Mint);
    }

    // mint rules: re-entry of a recipient who is an operator too, with the lock that he is being paid for
    function test_a_recipient_who_may_mint_does_not_mint_his_lock_twice() public {
        vm.prank(admin);
        bridge.setAllowance(address(receiver), PER_DAY);
        receiver.attempt(replay);
        vm.prank(operator);
        (bool ok,) = address(bridge).call(replay);
        vm.assertTrue(ok);
        vm.assertEq(receiver.tried(), 1);
        vm.assertEq(receiver.succeeded(), 0);
        vm.assertEq(bytes32(bytes4(receiver.lastRefusal())), bytes32(Signals.LockUsed.selector));
        vm.assertEq(_balance(address(receiver)), 20);
    }

    // mint rules: re-entry from the hook of a return
    function test_a_returns_receiver_gains_nothing_by_calling_back() public {
        _assertNothingGained(Door.TakeBack);
    }

    // mint rules: re-entry of the holder himself, who has code and asks for the same return again
    function test_a_holder_is_paid_a_return_once_however_often_he_asks() public {
        _transfer(alice, address(receiver), class, 20, "");
        (returnable,) = _retire(address(receiver), 20);
        _passDeadline();
        _callBack(returnable);
        _passChallenge();
        receiver.attempt(abi.encodeCall(bridge.takeBack, (returnable, address(receiver))));
        receiver.attempt(abi.encodeCall(bridge.takeBack, (returnable, bob)));
        receiver.attempt(abi.encodeCall(bridge.callBack, (returnable)));
        _takeBack(returnable, address(receiver));
        vm.assertEq(receiver.tried(), 3);
        vm.assertEq(receiver.succeeded(), 0);
        vm.assertEq(_balance(address(receiver)), 20);
        vm.assertEq(_balance(bob), 0);
    }

    // event rules: what a receiver may do with what it was paid, it may do at once, and the hooks see each state true
    function test_a_receiver_may_spend_what_it_is_being_paid_and_no_more() public {
        receiver.attempt(abi.encodeCall(bridge.safeTransferFrom, (address(receiver), bob, class, 15, "")));
        receiver.attempt(abi.encodeCall(bridge.safeTransferFrom, (address(receiver), bob, class, 15, "")));
        through(Door.Transfer, address(receiver));
        vm.assertEq(receiver.tried(), 2);
        vm.assertEq(receiver.succeeded(), 1);
        vm.assertEq(_balance(address(receiver)), 5);
        vm.assertEq(_balance(bob), 15);
        Hook[] memory hooks = receiver.hooks();
        _same(hooks[0].own, _one(20));
    }
}
