// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Signals} from "../src/Signals.sol";
import {Request, RequestState, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Calling back and taking back what nobody answered.
contract ExitTest is Base {
    Request private request;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
        _mint(address(wallet), 101, 200);
        (request, id) = _retire(alice, 30);
    }

    function test_nobody_calls_back_or_takes_back_for_another() public {
        bytes memory why = abi.encodeWithSelector(Signals.NotHolder.selector, mallory, alice);
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.callBack(request);
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.takeBack(request, mallory);
    }

    function test_a_request_that_was_never_opened_cannot_be_called_back() public {
        Request memory other = request;
        other.units = 31;
        bytes32 otherId = bridge.requestId(other);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestUnknown.selector, otherId));
        bridge.callBack(other);
    }

    function test_the_call_back_waits_for_the_deadline_to_pass() public {
        _pass(DEADLINE, 1);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(Signals.DeadlineNotPassed.selector, id, uint40(vm.getBlockTimestamp()))
        );
        bridge.callBack(request);
        _pass(1, 0);
        _callBack(request);
    }

    function test_a_request_is_called_back_once() public {
        _passDeadline();
        _callBack(request);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestNotOpen.selector, id, Status.CalledBack));
        bridge.callBack(request);
    }

    function test_nothing_is_taken_back_without_a_call_back() public {
        _passDeadline();
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestNotOpen.selector, id, Status.Open));
        bridge.takeBack(request, alice);
    }

    function test_the_challenge_counts_seconds_and_blocks() public {
        _passDeadline();
        _callBack(request);
        bytes4 early = Signals.ChallengeNotPassed.selector;
        _pass(CHALLENGE_SECONDS - 1, CHALLENGE_BLOCKS);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(early, id, 1, 0));
        bridge.takeBack(request, alice);

        _pass(1, 0);
        vm.roll(vm.getBlockNumber() - 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(early, id, 0, 1));
        bridge.takeBack(request, alice);

        _pass(0, 1);
        _takeBack(request, alice);
    }

    function test_units_are_taken_back_once() public {
        _passDeadline();
        _callBack(request);
        _passChallenge();
        _takeBack(request, alice);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestNotOpen.selector, id, Status.Returned));
        bridge.takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_units_are_not_taken_back_to_nobody_or_to_one_who_rejects() public {
        _passDeadline();
        _callBack(request);
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(0)));
        bridge.takeBack(request, address(0));
        wallet.reject(true);
        vm.prank(alice);
        vm.expectRevert();
        bridge.takeBack(request, address(wallet));
        _assertStatus(id, Status.CalledBack);
        _takeBack(request, bob);
        vm.assertEq(_balance(bob), 30);
    }

    function test_what_was_settled_in_part_is_not_taken_back() public {
        _settle(id, 0, 1, 10);
        _passDeadline();
        vm.expectEmit();
        emit Signals.RequestCalledBack(id, 20);
        _callBack(request);
        _settle(id, 1, 11, 15);
        _passChallenge();
        vm.expectEmit();
        emit Signals.RequestReturned(id, alice, 15);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 85);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 0);
    }

    function test_a_receiver_that_re_enters_takes_back_once() public {
        (Request memory theirs,) = _redeem(address(wallet), 10);
        _passDeadline();
        _callBack(theirs);
        _passChallenge();
        wallet.whenPaid(
            address(wallet),
            abi.encodeCall(
                wallet.run, (address(bridge), abi.encodeCall(bridge.takeBack, (theirs, address(wallet))))
            )
        );
        _takeBack(theirs, address(wallet));
        vm.assertEq(_balance(address(wallet)), 100);
        vm.assertEq(bridge.totalSupply(class), 170);
        vm.assertEq(bytes32(bytes4(wallet.answer())), bytes32(Signals.RequestNotOpen.selector));
    }

    function test_a_silent_registry_keeps_nothing_even_when_the_bridge_is_paused() public {
        vm.prank(guardian);
        bridge.pause();
        _passDeadline();
        _callBack(request);
        _pass(30 days + CHALLENGE_SECONDS, CHALLENGE_BLOCKS);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function audit() external view returns (bool) {
        _auditL1(class);
        return true;
    }

    function test_a_wallet_that_is_paid_back_finds_the_books_in_order() public {
        (Request memory own,) = _redeem(address(wallet), 10);
        _refuse(own);
        wallet.whenPaid(address(this), abi.encodeCall(this.audit, ()));
        _takeBack(own, address(wallet));
        vm.assertTrue(abi.decode(wallet.answer(), (bool)));
    }
}
