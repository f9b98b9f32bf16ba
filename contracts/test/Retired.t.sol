// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Signals} from "../src/Signals.sol";
import {Cover, Outcome, Request, Signature, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {Vm, vm} from "./Cheats.sol";

/// @dev What was retired for an account, for ever.
contract RetiredTest is Base {
    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _retired(address account) private view returns (uint256) {
        return bridge.retiredBalanceOf(account, class);
    }

    function test_asking_retires_nothing_yet() public {
        _retire(alice, 30);
        vm.assertEq(_retired(alice), 0);
    }

    function test_a_refused_or_returned_request_retires_nothing() public {
        (Request memory refused,) = _retire(alice, 30);
        _refuse(refused);
        (Request memory returned,) = _retire(alice, 30);
        _passDeadline();
        _callBack(returned);
        _passChallenge();
        _takeBack(returned, alice);
        vm.assertEq(_retired(alice), 0);
    }

    function test_a_redemption_retires_nothing() public {
        (, bytes32 id) = _redeem(alice, 30);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.recordLogs();
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        vm.assertEq(_told(), 0);
        vm.assertEq(_retired(alice), 0);
    }

    function test_each_settled_part_joins_the_balance_and_says_so_once() public {
        (, bytes32 id) = _retire(alice, 30);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 10));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.recordLogs();
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        vm.assertEq(_told(), 1);
        vm.assertEq(_retired(alice), 10);
        outcomes = _outcomes(_outcome(id, 1, 11, 30));
        signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectEmit();
        emit Signals.CreditRetired(alice, class, 20);
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        vm.assertEq(_retired(alice), 30);
    }

    function test_a_part_that_is_skipped_joins_nothing() public {
        (, bytes32 id) = _retire(alice, 30);
        Outcome memory outcome = _outcome(id, 0, 1, 10);
        _settle(_outcomes(outcome, outcome));
        vm.assertEq(_retired(alice), 10);
        (Request memory refused,) = _redeem(alice, 10);
        _refuse(refused);
        vm.assertEq(_retired(alice), 10);
    }

    function test_part_of_a_request_stays_retired_when_the_rest_is_refused() public {
        (Request memory request, bytes32 id) = _retire(alice, 30);
        _settle(id, 0, 1, 10);
        _refuse(request);
        vm.assertEq(_retired(alice), 10);
        vm.assertEq(_balance(alice), 90);
        _assertStatus(id, Status.Refused);
    }

    function test_it_is_the_holders_who_asked_and_the_classs_own() public {
        (, bytes32 id) = _retire(alice, 30);
        _transfer(alice, bob, class, 70);
        _settle(id, 0, 1, 30);
        vm.assertEq(_retired(alice), 30);
        vm.assertEq(_retired(bob), 0);
        vm.assertEq(_retired(mallory), 0);
        vm.assertEq(bridge.retiredBalanceOf(alice, sibling), 0);
    }

    function test_retirements_of_many_requests_add_up() public {
        (, bytes32 first) = _retire(alice, 10);
        (, bytes32 second) = _retire(alice, 20);
        _settle(_outcomes(_outcome(second, 0, 1, 20), _outcome(first, 0, 21, 30)));
        vm.assertEq(_retired(alice), 30);
    }

    /// @dev Every door through which units move, tried with a retired balance in place.
    function test_no_door_reduces_or_moves_it() public {
        (, bytes32 id) = _retire(alice, 30);
        _settle(id, 0, 1, 30);
        _transfer(alice, bob, class, 10);
        (, bytes32 redeemed) = _redeem(alice, 10);
        _settle(redeemed, 0, 91, 100);
        (Request memory returned,) = _retire(alice, 10);
        _passDeadline();
        _callBack(returned);
        _passChallenge();
        _takeBack(returned, bob);
        _mint(alice, 101, 110);
        _reverse("event 1", 31, 40);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        _takeCover(alice, cover, 10);
        vm.assertEq(_retired(alice), 30);
        vm.assertEq(_retired(bob), 0);
        uint256 held = _balance(alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC1155Errors.ERC1155InsufficientBalance.selector, alice, held, held + 1, class
            )
        );
        bridge.safeTransferFrom(alice, bob, class, held + 1, "");
    }

    function test_retired_serials_cannot_be_reversed_so_that_the_balance_stays_true() public {
        (, bytes32 id) = _retire(alice, 30);
        _settle(id, 0, 1, 30);
        Signature[] memory signatures = _sign(verraKeys, _digest(_reversals(_reversal("event 1", 30, 31))));
        vm.expectRevert(abi.encodeWithSelector(Signals.SerialsNotLive.selector, 30, 31, 1));
        bridge.reverse(_reversals(_reversal("event 1", 30, 31)), _noHints(1), signatures);
    }

    /// @dev How often a retirement was announced since the logs were recorded.
    function _told() private returns (uint256 times) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == Signals.CreditRetired.selector) ++times;
        }
    }
}
