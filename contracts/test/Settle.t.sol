// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../src/Signals.sol";
import {Kind, Outcome, Range, Request, Signature, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract SettleTest is Base {
    bytes32 private id;
    Request private request;

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
        (request, id) = _retire(alice, 30);
    }

    function _refused(Outcome[] memory outcomes, bytes memory why) private {
        uint256 ranges;
        for (uint256 i; i < outcomes.length; ++i) ranges += outcomes[i].ranges.length;
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(why);
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(ranges), signatures);
    }

    function _refused(Outcome memory outcome, bytes memory why) private {
        _refused(_outcomes(outcome), why);
    }

    function test_an_empty_batch_is_refused() public {
        vm.expectRevert(Signals.EmptyBatch.selector);
        bridge.settle(new Outcome[](0), new Request[](0), _noHints(0), new Signature[](0));
    }

    function test_each_outcome_needs_its_request() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.settle(outcomes, new Request[](2), _noHints(1), signatures);
    }

    function test_an_outcome_with_another_request_beside_it_is_refused() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Request[] memory requests = _requestsOf(outcomes);
        requests[0].holder = mallory;
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestUnknown.selector, id));
        bridge.settle(outcomes, requests, _noHints(1), signatures);
    }

    function test_an_unknown_request_is_refused() public {
        Outcome memory outcome = _outcome("none", 0, 1, 30);
        bytes memory why = abi.encodeWithSelector(Signals.RequestUnknown.selector, bytes32("none"));
        _refused(outcome, why);
        _refused(_outcomes(_outcome(id, 0, 1, 30), outcome), why);
    }

    function test_without_a_quorum_nothing_is_settled() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory one = new Signature[](1);
        one[0] = _signature(verraKeys[2], _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.QuorumNotReached.selector, 1, 2));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), one);
    }

    function test_another_registrys_attesters_settle_nothing() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(goldKeys, _digest(outcomes));
        vm.expectRevert(
            abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0]))
        );
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
    }

    function test_another_registrys_request_in_the_batch_is_refused() public {
        bytes32 theirs = _goldRequest();
        _refused(
            _outcomes(_outcome(id, 0, 1, 30), _outcome(theirs, 0, 1, 5)),
            abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1)
        );
    }

    function test_another_registrys_space_is_refused() public {
        Outcome memory outcome = _outcome(id, 0, 1, 30);
        outcome.ranges[0].space = goldSpace;
        _refused(outcome, abi.encodeWithSelector(Signals.SpaceOfOtherRegistry.selector, goldSpace, 2, 1));
    }

    function test_each_range_needs_a_hint() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 0));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(0), signatures);
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(2), signatures);
    }

    function test_serials_that_are_not_live_settle_nothing() public {
        bytes4 dead = Signals.SerialsNotLive.selector;
        _refused(_outcome(id, 0, 101, 130), abi.encodeWithSelector(dead, 101, 130, 1));
        _refused(_outcome(id, 0, 90, 119), abi.encodeWithSelector(dead, 90, 119, 1));
        _refused(_outcome(id, 0, 30, 1), abi.encodeWithSelector(dead, 30, 1, 1));
        _refused(_outcome(id, 0, 0, 29), abi.encodeWithSelector(dead, 0, 29, 1));
    }

    function test_serials_settle_one_request_only() public {
        (, bytes32 other) = _retire(alice, 10);
        _settle(id, 0, 1, 30);
        bytes4 dead = Signals.SerialsNotLive.selector;
        _refused(_outcome(other, 0, 30, 39), abi.encodeWithSelector(dead, 30, 39, 1));
    }

    function test_the_same_serials_twice_in_one_outcome_are_refused() public {
        Range[] memory ranges = new Range[](2);
        ranges[0] = ranges[1] = Range(counter, 1, 15);
        bytes memory why = abi.encodeWithSelector(Signals.SerialsNotLive.selector, 1, 15, 1);
        _refused(Outcome(id, 0, ranges), why);
    }

    function test_another_classs_serials_settle_nothing() public {
        (, bytes32 other) = _siblingRequest();
        _refused(_outcome(other, 0, 1, 5), abi.encodeWithSelector(Signals.SerialsNotLive.selector, 1, 5, 2));
    }

    function test_an_outcome_without_serials_is_refused() public {
        _refused(Outcome(id, 0, new Range[](0)), abi.encodeWithSelector(Signals.ZeroUnits.selector));
    }

    function test_parts_never_exceed_the_request() public {
        _refused(
            _outcome(id, 0, 1, 31), abi.encodeWithSelector(Signals.OutcomeExceedsRequest.selector, id, 31, 30)
        );
        _settle(id, 0, 1, 20);
        _refused(
            _outcome(id, 1, 21, 31), abi.encodeWithSelector(Signals.OutcomeExceedsRequest.selector, id, 11, 10)
        );
    }

    function test_parts_come_in_order() public {
        _refused(_outcome(id, 1, 1, 10), abi.encodeWithSelector(Signals.PartOutOfOrder.selector, id, 1, 0));
    }

    function test_a_part_lands_once_whoever_signs_what() public {
        _settle(id, 0, 1, 10);
        _refused(_outcome(id, 0, 1, 10), abi.encodeWithSelector(Signals.NothingToSettle.selector));
        _refused(_outcome(id, 0, 11, 30), abi.encodeWithSelector(Signals.NothingToSettle.selector));
        vm.assertEq(bridge.requestState(id).remaining, 20);
    }

    function test_the_same_outcome_twice_in_one_batch_lands_once() public {
        Outcome memory outcome = _outcome(id, 0, 1, 10);
        _settle(_outcomes(outcome, outcome));
        vm.assertEq(bridge.requestState(id).remaining, 20);
    }

    function test_a_batch_whose_part_somebody_submitted_first_still_lands() public {
        (, bytes32 other) = _redeem(alice, 10);
        _settle(id, 0, 1, 30);
        _settle(_outcomes(_outcome(id, 0, 1, 30), _outcome(other, 0, 31, 40)));
        _assertStatus(other, Status.Settled);
    }

    function test_a_batch_with_a_refused_request_in_it_still_lands() public {
        (, bytes32 other) = _redeem(alice, 10);
        _refuse(request);
        _settle(_outcomes(_outcome(id, 0, 1, 30), _outcome(other, 0, 31, 40)));
        _assertStatus(id, Status.Refused);
        _assertStatus(other, Status.Settled);
    }

    function test_a_settlement_after_the_call_back_but_inside_the_challenge_lands() public {
        _passDeadline();
        _callBack(request);
        _settle(id, 0, 1, 30);
        _assertStatus(id, Status.Settled);
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestNotOpen.selector, id, Status.Settled));
        bridge.takeBack(request, alice);
    }

    function test_a_settlement_after_the_return_is_refused() public {
        _passDeadline();
        _callBack(request);
        _passChallenge();
        _takeBack(request, alice);
        _refused(_outcome(id, 0, 1, 30), abi.encodeWithSelector(Signals.NothingToSettle.selector));
        vm.assertEq(_balance(alice), 100);
    }

    function test_no_pause_stops_a_settlement() public {
        vm.prank(guardian);
        bridge.pause();
        _settle(id, 0, 1, 30);
        _assertStatus(id, Status.Settled);
    }

    function test_an_outcome_does_not_expire() public {
        _pass(3650 days, 1);
        _settle(id, 0, 1, 30);
    }

    function test_outcomes_signed_by_a_removed_attester_are_signed_anew() public {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        address[] memory gone = new address[](1);
        gone[0] = vm.addr(verraKeys[0]);
        vm.prank(admin);
        bridge.setAttesters(VERRA, new address[](0), gone, 2);
        vm.expectRevert(abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, gone[0]));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        (signatures[0], signatures[1]) =
            (_signature(verraKeys[1], _digest(outcomes)), _signature(verraKeys[2], _digest(outcomes)));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
    }

    function test_a_retirement_from_the_middle_and_then_from_what_is_left() public {
        _settle(id, 0, 41, 50);
        vm.assertEq(bridge.rangeAt(counter, 1).last, 40);
        vm.assertEq(bridge.rangeAt(counter, 41).liveFrom, 51);
        vm.assertEq(bridge.rangeAt(counter, 41).last, 100);
        Range[] memory ranges = new Range[](2);
        (ranges[0], ranges[1]) = (Range(counter, 31, 40), Range(counter, 51, 60));
        _settle(_outcomes(Outcome(id, 1, ranges)));
        _assertStatus(id, Status.Settled);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 0);
    }

    function test_a_settlement_names_its_serials() public {
        Outcome memory outcome = _outcome(id, 0, 1, 10);
        Signature[] memory signatures = _sign(verraKeys, _digest(_outcomes(outcome)));
        vm.expectEmit();
        emit Signals.OutcomeSettled(id, class, Kind.Retirement, 0, outcome.ranges, 20);
        bridge.settle(_outcomes(outcome), _requestsOf(_outcomes(outcome)), _noHints(1), signatures);
    }

    function _siblingRequest() private returns (Request memory theirs, bytes32 theirId) {
        (uint256 mine, bytes32 space) = (class, counter);
        (class, counter) = (sibling, batch);
        _mint(alice, 1, 5);
        (theirs, theirId) = _redeem(alice, 5);
        (class, counter) = (mine, space);
    }

    function _goldRequest() private returns (bytes32 theirs) {
        uint256[3] memory verra = verraKeys;
        (uint256 mine, bytes32 space) = (class, counter);
        (class, counter, verraKeys) = (goldClass, goldSpace, goldKeys);
        _mint(alice, 1, 5);
        (, theirs) = _retire(alice, 5);
        (class, counter, verraKeys) = (mine, space, verra);
    }
}
