// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../src/Signals.sol";
import {Cover, Lock, Outcome, Range, Recovery, Request, Reversal, Signature, Status, Terms} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract ReverseTest is Base {
    bytes32 private constant EVENT = "event 1";

    function _terms() internal view override returns (Terms memory terms) {
        terms = super._terms();
        (terms.recoverer, terms.recoverySeconds) = (recoverer, 7 days);
    }

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _refused(Reversal[] memory reversals, bytes memory why) private {
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        uint256 ranges;
        for (uint256 i; i < reversals.length; ++i) ranges += reversals[i].ranges.length;
        vm.expectRevert(why);
        bridge.reverse(reversals, _noHints(ranges), signatures);
    }

    function _refused(Reversal memory reversal, bytes memory why) private {
        _refused(_reversals(reversal), why);
    }

    function _shortfall() private view returns (uint64) {
        return bridge.creditClass(class).shortfall;
    }

    function _closed(uint64 shortfall) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.ClassShort.selector, class, shortfall);
    }

    function test_an_empty_batch_is_refused() public {
        vm.expectRevert(Signals.EmptyBatch.selector);
        bridge.reverse(new Reversal[](0), _noHints(0), new Signature[](0));
    }

    function test_an_unknown_class_is_refused() public {
        Reversal memory reversal = _reversal(EVENT, 1, 10);
        reversal.classId = 7;
        bytes memory why = abi.encodeWithSelector(Signals.ClassUnknown.selector, 7);
        _refused(reversal, why);
        _refused(_reversals(_reversal("event 2", 1, 10), reversal), why);
    }

    function test_without_a_quorum_nothing_is_reversed() public {
        Reversal[] memory reversals = _reversals(_reversal(EVENT, 1, 10));
        Signature[] memory one = new Signature[](1);
        one[0] = _signature(verraKeys[0], _digest(reversals));
        vm.expectRevert(abi.encodeWithSelector(Signals.QuorumNotReached.selector, 1, 2));
        bridge.reverse(reversals, _noHints(1), one);
    }

    function test_another_registrys_attesters_reverse_nothing() public {
        Reversal[] memory reversals = _reversals(_reversal(EVENT, 1, 10));
        Signature[] memory signatures = _sign(goldKeys, _digest(reversals));
        vm.expectRevert(abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0])));
        bridge.reverse(reversals, _noHints(1), signatures);
    }

    function test_an_attestation_binds_every_word_of_the_reversal() public {
        Signature[] memory signatures = _sign(verraKeys, _digest(_reversals(_reversal(EVENT, 1, 10))));
        for (uint256 i; i < 7; ++i) {
            Reversal memory altered = _reversal(EVENT, 1, 10);
            if (i == 0) altered.eventId = "event 2";
            if (i == 1) altered.classId = sibling;
            if (i == 2) altered.reason = "fire";
            if (i == 3) altered.ranges[0].space = batch;
            if (i == 4) altered.ranges[0].first = 2;
            if (i == 5) altered.ranges[0].last = 11;
            if (i == 6) altered.ranges = new Range[](0);
            vm.expectPartialRevert(Signals.SignerNotAttester.selector);
            bridge.reverse(_reversals(altered), _noHints(altered.ranges.length), signatures);
        }
        bridge.reverse(_reversals(_reversal(EVENT, 1, 10)), _noHints(1), signatures);
    }

    function test_another_registrys_class_in_the_batch_is_refused() public {
        Reversal memory theirs = _reversal("event 2", 1, 5);
        theirs.classId = goldClass;
        _refused(
            _reversals(_reversal(EVENT, 1, 10), theirs),
            abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1)
        );
    }

    function test_another_registrys_space_is_refused_and_so_is_one_that_nobody_registered() public {
        Reversal memory reversal = _reversal(EVENT, 1, 10);
        reversal.ranges[0].space = goldSpace;
        _refused(reversal, abi.encodeWithSelector(Signals.SpaceOfOtherRegistry.selector, goldSpace, 2, 1));
        reversal.ranges[0].space = "nowhere";
        _refused(reversal, abi.encodeWithSelector(Signals.SpaceUnknown.selector, bytes32("nowhere")));
    }

    function test_each_range_needs_a_hint() public {
        Reversal[] memory reversals = _reversals(_reversal(EVENT, 1, 10));
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 0));
        bridge.reverse(reversals, _noHints(0), signatures);
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.reverse(reversals, _noHints(2), signatures);
    }

    function test_serials_that_are_not_live_are_not_reversed() public {
        (, bytes32 retired) = _retire(alice, 10);
        _settle(retired, 0, 1, 10);
        (, bytes32 redeemed) = _redeem(alice, 10);
        _settle(redeemed, 0, 91, 100);
        bytes4 dead = Signals.SerialsNotLive.selector;
        _refused(_reversal(EVENT, 101, 130), abi.encodeWithSelector(dead, 101, 130, 1));
        _refused(_reversal(EVENT, 10, 20), abi.encodeWithSelector(dead, 10, 20, 1));
        _refused(_reversal(EVENT, 90, 91), abi.encodeWithSelector(dead, 90, 91, 1));
        _refused(_reversal(EVENT, 30, 20), abi.encodeWithSelector(dead, 30, 20, 1));
        _refused(_reversal(EVENT, 0, 20), abi.encodeWithSelector(dead, 0, 20, 1));
    }

    function test_another_classs_serials_are_not_reversed() public {
        Reversal memory reversal = _reversal(EVENT, 1, 10);
        reversal.classId = sibling;
        _refused(reversal, abi.encodeWithSelector(Signals.SerialsNotLive.selector, 1, 10, 2));
    }

    function test_the_same_serials_are_reversed_once_whatever_the_event() public {
        bytes4 dead = Signals.SerialsNotLive.selector;
        Reversal memory twice = _reversal(EVENT, 1, 10);
        twice.ranges = new Range[](2);
        twice.ranges[0] = twice.ranges[1] = Range(counter, 1, 10);
        _refused(twice, abi.encodeWithSelector(dead, 1, 10, 1));
        _reverse(EVENT, 1, 10);
        _refused(_reversal("event 2", 10, 19), abi.encodeWithSelector(dead, 10, 19, 1));
        vm.assertEq(_shortfall(), 10);
    }

    function test_a_reversal_without_serials_is_refused() public {
        Reversal memory nothing = _reversal(EVENT, 1, 10);
        nothing.ranges = new Range[](0);
        _refused(nothing, abi.encodeWithSelector(Signals.ZeroUnits.selector));
        _reverse(EVENT, 1, 10);
    }

    function test_an_event_reverses_once_whoever_signs_what() public {
        _reverse(EVENT, 1, 10);
        bytes memory why = abi.encodeWithSelector(Signals.NothingToReverse.selector);
        _refused(_reversal(EVENT, 1, 10), why);
        _refused(_reversal(EVENT, 11, 20), why);
        vm.assertEq(_shortfall(), 10);
    }

    function test_the_same_event_twice_in_one_batch_lands_once() public {
        _reverse(_reversals(_reversal(EVENT, 1, 10), _reversal(EVENT, 11, 20)));
        vm.assertEq(_shortfall(), 10);
        _auditL1(class);
    }

    function test_a_batch_whose_event_somebody_submitted_first_still_lands() public {
        _reverse(EVENT, 1, 10);
        _reverse(_reversals(_reversal(EVENT, 1, 10), _reversal("event 2", 11, 15)));
        vm.assertEq(_shortfall(), 15);
        _auditL1(class);
    }

    /// @dev Skipped it would leave the second class open, with nothing behind it.
    function test_an_event_names_one_class_and_another_of_the_same_id_is_refused() public {
        Lock memory other = _lock(bob, 201, 300);
        other.classId = sibling;
        _mint(other);
        Reversal memory theirs = _reversal(EVENT, 201, 300);
        theirs.classId = sibling;
        _refused(
            _reversals(_reversal(EVENT, 1, 50), theirs),
            abi.encodeWithSelector(Signals.EventOfOtherClass.selector, EVENT, class)
        );
    }

    function test_an_event_id_is_its_registrys_own() public {
        _reverse(EVENT, 1, 10);
        vm.assertTrue(bridge.reversalDone(VERRA, EVENT));
        vm.assertFalse(bridge.reversalDone(GOLD, EVENT));
        (class, counter, verraKeys) = (goldClass, goldSpace, goldKeys);
        _mint(alice, 1, 5);
        _reverse(EVENT, 1, 5);
        vm.assertEq(_shortfall(), 5);
        vm.expectRevert(abi.encodeWithSelector(Signals.RegistryUnknown.selector, bytes32("acr")));
        bridge.reversalDone("acr", EVENT);
    }

    function test_a_reversal_names_its_serials_and_what_the_class_now_lacks() public {
        _reverse(EVENT, 1, 10);
        Reversal memory reversal = _reversal("event 2", 11, 15);
        reversal.ranges = new Range[](2);
        (reversal.ranges[0], reversal.ranges[1]) = (Range(counter, 11, 15), Range(counter, 41, 42));
        Signature[] memory signatures = _sign(verraKeys, _digest(_reversals(reversal)));
        vm.expectEmit();
        emit Signals.Reversed("event 2", class, "buffer", reversal.ranges, 17);
        bridge.reverse(_reversals(reversal), _noHints(2), signatures);
        vm.assertEq(_shortfall(), 17);
        vm.assertEq(_balance(alice), 100);
        vm.assertEq(bridge.totalSupply(class), 100);
        _auditL1(class);
    }

    function test_reversed_serials_are_never_minted_again() public {
        _reverse(EVENT, 41, 50);
        bytes memory why = abi.encodeWithSelector(Signals.SerialsTaken.selector, 41, 50, 41, 100);
        _mintRefused(_lock(alice, 41, 50), why);
        Lock memory elsewhere = _lock(alice, 41, 50);
        elsewhere.classId = sibling;
        _mintRefused(elsewhere, why);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        _takeCover(alice, cover, 10);
        _mintRefused(_lock(alice, 41, 50), why);
    }

    function test_a_short_class_is_closed_at_once() public {
        Recovery memory recovery = Recovery(class, alice, bob, 1, 1);
        vm.prank(recoverer);
        bridge.orderRecovery(recovery);
        _pass(7 days, 1);
        _reverse(EVENT, 1, 1);
        bytes memory why = _closed(1);
        _transferRefused(alice, class, why);
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](2), new uint256[](2));
        (ids[0], ids[1]) = (sibling, class);
        vm.startPrank(alice);
        vm.expectRevert(why);
        bridge.safeBatchTransferFrom(alice, bob, ids, values, "");
        vm.expectRevert(why);
        bridge.retire(class, 1, COMMITMENT, 1);
        vm.expectRevert(why);
        bridge.redeem(class, 1, COMMITMENT, 1);
        vm.expectRevert(why);
        bridge.recover(recovery);
        vm.stopPrank();
        _mintRefused(_lock(alice, 101, 110), why);
    }

    function test_a_settlement_signed_before_the_reversal_lands_nothing_after_it() public {
        (, bytes32 id) = _redeem(alice, 90);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 11, 100));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        _reverse(EVENT, 1, 10);
        vm.expectRevert(Signals.NothingToSettle.selector);
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        _assertStatus(id, Status.Open);
    }

    function test_what_was_skipped_while_short_lands_once_the_class_is_whole() public {
        (, bytes32 id) = _retire(alice, 30);
        _reverse(EVENT, 1, 10);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        _takeCover(alice, cover, 10);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 1, 30));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(abi.encodeWithSelector(Signals.SerialsNotLive.selector, 1, 30, 1));
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(1), signatures);
        _settle(id, 0, 11, 40);
        _assertStatus(id, Status.Settled);
        _auditL1(class);
    }

    function test_a_batch_with_a_short_class_in_it_still_lands_for_the_others() public {
        (, bytes32 id) = _retire(alice, 30);
        uint256 short = class;
        class = sibling;
        _mint(bob, 1_001, 1_010);
        (, bytes32 whole) = _retire(bob, 10);
        class = short;
        _reverse(EVENT, 1, 10);
        _settle(_outcomes(_outcome(id, 0, 11, 40), _outcome(whole, 0, 1_001, 1_010)));
        _assertStatus(id, Status.Open);
        _assertStatus(whole, Status.Settled);
    }

    function test_refused_units_return_to_a_short_class_and_stay_where_they_are() public {
        (Request memory request, bytes32 id) = _redeem(alice, 100);
        _reverse(EVENT, 1, 10);
        _refuse(request);
        _assertStatus(id, Status.Refused);
        vm.assertEq(_balance(alice), 100);
        _transferRefused(alice, class, _closed(10));
        _auditL1(class);
    }

    function test_called_back_units_return_to_a_short_class_and_stay_where_they_are() public {
        (Request memory request,) = _redeem(alice, 100);
        _reverse(EVENT, 1, 10);
        _passDeadline();
        _callBack(request);
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(_closed(10));
        bridge.takeBack(request, bob);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
        _transferRefused(alice, class, _closed(10));
        _auditL1(class);
    }

    function test_a_wallet_takes_its_refused_units_of_a_short_class() public {
        _mint(address(wallet), 101, 110);
        (Request memory request,) = _retire(address(wallet), 10);
        _reverse(EVENT, 1, 10);
        _refuse(request);
        _takeBack(request, address(wallet));
        vm.assertEq(_balance(address(wallet)), 10);
        _auditL1(class);
    }

    function test_a_class_can_lose_all_its_serials_and_requests_then_wait_for_cover() public {
        (Request memory request,) = _retire(alice, 60);
        _reverse(EVENT, 1, 100);
        vm.assertEq(_shortfall(), 100);
        _auditL1(class);
        _refuse(request);
        Cover memory cover = _coverBy(bob, 1_001, 1_100);
        _offer(cover);
        _takeCover(alice, cover, 100);
        vm.assertEq(_shortfall(), 0);
        vm.assertEq(bridge.balanceOf(alice, sibling), 100);
        _auditL1(class);
        _auditL1(sibling);
    }

    function test_a_sibling_in_the_same_space_is_untouched() public {
        uint256 short = class;
        class = sibling;
        _mint(bob, 101, 200);
        class = short;
        _reverse(EVENT, 1, 10);
        class = sibling;
        _transfer(bob, alice, sibling, 10);
        (, bytes32 id) = _retire(bob, 10);
        _settle(id, 0, 101, 110);
        _mint(bob, 201, 210);
        vm.assertEq(_shortfall(), 0);
        _auditL1(sibling);
    }

    function test_no_pause_stops_a_reversal() public {
        vm.prank(guardian);
        bridge.pause();
        _reverse(EVENT, 1, 10);
        vm.assertEq(_shortfall(), 10);
    }

    function test_any_live_serials_can_be_reversed_and_the_books_agree(uint64 first, uint64 last) public {
        first = 1 + first % 100;
        last = first + last % (101 - first);
        _reverse(EVENT, first, last);
        vm.assertEq(_shortfall(), last - first + 1);
        _auditL1(class);
    }
}
