// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../src/Signals.sol";
import {ClassTotal, Cover, Lock, Request, Reserve, Signature, StatementHead, Terms} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev `class` mints against a statement that is a day old at most; `open`, its registry's first class, against none.
contract ReserveTest is Base {
    uint32 private constant AGE = 1 days;
    uint256 private open;

    function setUp() public override {
        super.setUp();
        open = class;
        Terms memory terms = _terms();
        terms.statementSeconds = AGE;
        class = _classWith("985", terms);
    }

    function _refused(StatementHead memory head, bytes memory why) private {
        Signature[] memory signatures = _sign(verraKeys, _digest(head));
        vm.expectRevert(why);
        bridge.stateReserves(head, signatures);
    }

    function _exceeded(uint256 units, uint256 available) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.ReserveExceeded.selector, class, units, available);
    }

    function _stale(uint256 asOf) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.ReserveStale.selector, class, asOf);
    }

    function _superseded(uint64 sequence) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Signals.StatementSuperseded.selector, sequence);
    }

    /// @dev Totals of two classes.
    function _both(uint64 sequence, uint256 a, uint256 b) private view returns (StatementHead memory head) {
        head = _head(sequence, a, 10, 0);
        head.totals = new ClassTotal[](2);
        (head.totals[0], head.totals[1]) = (ClassTotal(a, 10, 0, 0, 0), ClassTotal(b, 20, 0, 0, 0));
    }

    // -------------------------------------------------------------- statements

    function test_a_statement_about_nothing_is_refused() public {
        StatementHead memory head = _head(1, class, 100, 0);
        head.totals = new ClassTotal[](0);
        _refused(head, abi.encodeWithSelector(Signals.EmptyBatch.selector));
    }

    function test_without_a_quorum_nothing_is_stated() public {
        StatementHead memory head = _head(1, class, 100, 0);
        Signature[] memory one = new Signature[](1);
        one[0] = _signature(verraKeys[1], _digest(head));
        vm.expectRevert(abi.encodeWithSelector(Signals.QuorumNotReached.selector, 1, 2));
        bridge.stateReserves(head, one);
    }

    function test_another_registrys_attesters_state_nothing() public {
        StatementHead memory head = _head(1, class, 100, 0);
        Signature[] memory signatures = _sign(goldKeys, _digest(head));
        vm.expectRevert(abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0])));
        bridge.stateReserves(head, signatures);
    }

    function test_an_attestation_binds_every_word_of_the_statement() public {
        Signature[] memory signatures = _sign(verraKeys, _digest(_head(1, class, 100, 5)));
        for (uint256 i; i < 8; ++i) {
            StatementHead memory altered = _head(1, class, 100, 5);
            if (i == 0) altered.sequence = 2;
            if (i == 1) altered.asOf -= 1;
            if (i == 2) altered.rowsHash = "other rows";
            if (i == 3) altered.totals[0].classId = open;
            if (i == 4) altered.totals[0].locked = 101;
            if (i == 5) altered.totals[0].released = 4;
            if (i == 6) altered.totals[0].retired = 1;
            if (i == 7) altered.totals[0].handedOver = 1;
            vm.expectPartialRevert(Signals.SignerNotAttester.selector);
            bridge.stateReserves(altered, signatures);
        }
        bridge.stateReserves(_head(1, class, 100, 5), signatures);
    }

    function test_unknown_classes_and_another_registrys_are_not_stated() public {
        _refused(_both(1, 7, class), abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
        _refused(_both(1, class, 7), abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
        _refused(
            _both(1, class, goldClass),
            abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1)
        );
        vm.assertEq(bridge.reserveOf(class).sequence, 0);
    }

    function test_a_statement_of_tomorrow_is_refused() public {
        StatementHead memory head = _head(1, class, 100, 0);
        head.asOf += 1;
        _refused(head, abi.encodeWithSelector(Signals.StatementFromFuture.selector, head.asOf));
        _pass(1, 1);
        _state(head);
    }

    function test_a_statement_that_is_no_newer_is_refused_whoever_signs_it_anew() public {
        _state(_head(5, class, 100, 0));
        _refused(_head(5, class, 200, 0), _superseded(5));
        _refused(_head(4, class, 200, 0), _superseded(4));
        StatementHead memory older = _head(6, class, 200, 0);
        older.asOf -= 2;
        _refused(older, _superseded(6));
        vm.assertEq(bridge.reserveOf(class).locked, 100);
    }

    function test_a_forged_sequence_spoils_one_second_only() public {
        _state(_head(type(uint64).max, class, 100, 0));
        _refused(_head(6, class, 200, 0), _superseded(6));
        _pass(1, 1);
        _state(_head(6, class, 200, 0));
        vm.assertEq(bridge.reserveOf(class).locked, 200);
    }

    function test_a_later_sequence_of_the_same_second_is_newer() public {
        _state(_head(5, class, 100, 0));
        _state(_head(6, class, 90, 0));
        vm.assertEq(bridge.reserveOf(class).locked, 90);
    }

    function test_a_class_that_knows_as_much_is_skipped_and_the_others_land() public {
        _state(_head(2, open, 50, 0));
        StatementHead memory head = _both(2, open, class);
        _state(head);
        vm.assertEq(bridge.reserveOf(open).locked, 50);
        vm.assertEq(bridge.reserveOf(class).locked, 20);
        _refused(head, _superseded(2));
    }

    function test_a_class_named_twice_in_one_statement_is_stated_once() public {
        _state(_both(1, class, class));
        vm.assertEq(bridge.reserveOf(class).locked, 10);
    }

    function test_more_released_than_locked_is_refused() public {
        _refused(_head(1, class, 10, 11), abi.encodeWithSignature("Panic(uint256)", 0x11));
    }

    function test_a_statement_says_what_backs_the_class() public {
        uint64 asOf = uint64(vm.getBlockTimestamp());
        StatementHead memory head = _head(3, class, 100, 40);
        Signature[] memory signatures = _sign(verraKeys, _digest(head));
        vm.expectEmit();
        emit Signals.ReserveStated(class, 3, asOf, 60);
        bridge.stateReserves(head, signatures);
        Reserve memory reserve = bridge.reserveOf(class);
        vm.assertEq(reserve.locked, 60);
        vm.assertEq(reserve.sequence, 3);
        vm.assertEq(reserve.asOf, asOf);
        vm.assertEq(reserve.minted, 0);
    }

    function test_no_pause_stops_a_statement() public {
        vm.prank(guardian);
        bridge.pause();
        _state(_head(1, class, 100, 0));
        vm.assertEq(bridge.reserveOf(class).locked, 100);
    }

    // ------------------------------------------------------------------- mints

    function test_without_a_statement_nothing_mints() public {
        _mintRefused(_lock(alice, 1, 1), _stale(0));
    }

    function test_a_statement_is_good_for_as_long_as_the_terms_say() public {
        _state(_head(1, class, 100, 0));
        uint256 asOf = vm.getBlockTimestamp();
        _pass(AGE, 1);
        _mint(alice, 1, 10);
        _pass(1, 1);
        _mintRefused(_lock(alice, 11, 20), _stale(asOf));
        _state(_head(2, class, 100, 0));
        _mint(alice, 11, 20);
    }

    function test_a_mint_fits_what_the_registry_holds_to_the_unit() public {
        _state(_head(1, class, 100, 0));
        _mintRefused(_lock(alice, 1, 101), _exceeded(101, 100));
        _mint(alice, 1, 100);
        vm.assertEq(bridge.reserveOf(class).minted, 100);
        _mintRefused(_lock(alice, 101, 101), _exceeded(1, 0));
    }

    function test_locks_of_one_batch_count_together() public {
        _state(_head(1, class, 100, 0));
        Lock[] memory locks = _locks(_lock(alice, 1, 50), _lock(bob, 51, 101));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(_exceeded(51, 50));
        bridge.mint(locks, _noHints(2), signatures);
    }

    function test_what_was_released_backs_nothing() public {
        _state(_head(1, class, 100, 40));
        _mintRefused(_lock(alice, 1, 61), _exceeded(61, 60));
        _mint(alice, 1, 60);
    }

    function test_a_statement_below_what_was_minted_leaves_nothing() public {
        _state(_head(1, class, 100, 0));
        _mint(alice, 1, 100);
        _state(_head(2, class, 100, 50));
        _mintRefused(_lock(alice, 101, 101), _exceeded(1, 0));
    }

    function test_no_retirement_redemption_refusal_or_reversal_opens_the_reserve_again() public {
        _state(_head(1, class, 100, 0));
        _mint(alice, 1, 100);
        bytes memory why = _exceeded(1, 0);
        (, bytes32 retired) = _retire(alice, 10);
        _settle(retired, 0, 1, 10);
        (, bytes32 redeemed) = _redeem(alice, 10);
        _settle(redeemed, 0, 91, 100);
        _mintRefused(_lock(alice, 91, 91), why);
        (Request memory refused,) = _redeem(alice, 10);
        _refuse(refused);
        _mintRefused(_lock(alice, 101, 101), why);
        _reverse("event 1", 11, 15);
        Cover memory cover = _coverBy(bob, 2_001, 2_005);
        _offer(cover);
        _takeCover(alice, cover, 5);
        _mintRefused(_lock(alice, 101, 101), why);
        vm.assertEq(bridge.reserveOf(class).minted, 100);
    }

    function test_redeemed_serials_mint_again_only_under_a_larger_total() public {
        _state(_head(1, class, 100, 0));
        _mint(alice, 1, 100);
        (, bytes32 id) = _redeem(alice, 100);
        _settle(id, 0, 1, 100);
        _state(_head(2, class, 110, 0));
        _mint(alice, 1, 10);
        vm.assertEq(bridge.reserveOf(class).minted, 110);
    }

    function test_cover_counts_against_the_reserve_too() public {
        uint256 reserved = class;
        class = open;
        _mint(alice, 1, 100);
        _reverse("event 1", 1, 30);
        Cover memory cover = _coverBy(bob, 1_001, 1_030);
        cover.lock.classId = reserved;
        Signature[] memory signatures = _sign(verraKeys, _digest(_covers(cover)));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.ReserveStale.selector, reserved, 0));
        bridge.cover(_covers(cover), _noHints(1), signatures);
        _state(_head(1, reserved, 29, 0));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.ReserveExceeded.selector, reserved, 30, 29));
        bridge.cover(_covers(cover), _noHints(1), signatures);
        _state(_head(2, reserved, 31, 0));
        _offer(cover);
        class = reserved;
        _mintRefused(_lock(alice, 2_001, 2_002), _exceeded(2, 1));
    }

    function test_a_class_without_the_gate_ignores_statements() public {
        class = open;
        _state(_head(1, class, 0, 0));
        _mint(alice, 1, 100);
        _pass(AGE + 1, 1);
        _mint(alice, 101, 110);
        vm.assertEq(bridge.reserveOf(class).minted, 0);
    }

    function test_the_gate_comes_with_the_class_and_not_with_later_terms() public {
        class = open;
        _mint(alice, 1, 10);
        class = _classWith("1001", _terms());
        _mint(alice, 11, 20);
    }

    function test_the_largest_totals_overflow_nothing(uint64 locked, uint64 units) public {
        locked = locked % PER_DAY;
        units = 1 + units % PER_DAY;
        _state(_head(1, class, type(uint64).max, type(uint64).max - locked));
        if (units > locked) _mintRefused(_lock(alice, 1, units), _exceeded(units, locked));
        else _mint(alice, 1, units);
        vm.assertEq(bridge.reserveOf(class).minted, units > locked ? 0 : units);
    }
}
