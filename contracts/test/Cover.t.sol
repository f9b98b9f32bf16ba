// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Signals} from "../src/Signals.sol";
import {
    Cover,
    Lock,
    Outcome,
    Refusal,
    Request,
    Reversal,
    Signature,
    Status,
    Subject,
    Terms,
    Verdict
} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev `class` has a hundred units of alice's and lacks thirty serials; the sibling's forty are to cover them.
abstract contract Short is Base {
    Cover internal cover;

    function setUp() public virtual override {
        super.setUp();
        _mint(alice, 1, 100);
        _reverse("event 1", 1, 30);
        cover = _coverBy(bob, 1_001, 1_040);
    }

    function _id() internal view returns (bytes32) {
        return bridge.coverId(cover);
    }

    function _shortfall() internal view returns (uint64) {
        return bridge.creditClass(class).shortfall;
    }

    function _quarantine(uint256 classId) internal returns (bytes memory why) {
        vm.prank(guardian);
        bridge.quarantine(classId);
        return abi.encodeWithSelector(
            Signals.ClassQuarantined.selector, classId, uint40(vm.getBlockTimestamp()) + bridge.QUARANTINE_SECONDS()
        );
    }

    /// @dev What a hook asks for in the middle of things.
    function audit() external view returns (bool) {
        _auditL1(class);
        _auditL1(sibling);
        return true;
    }
}

contract OfferCoverTest is Short {
    function _refused(Cover[] memory covers, bytes memory why) private {
        Signature[] memory signatures = _sign(verraKeys, _digest(covers));
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.cover(covers, _noHints(covers.length), signatures);
    }

    function _refused(Cover memory cover_, bytes memory why) private {
        _refused(_covers(cover_), why);
    }

    function test_an_empty_batch_is_refused() public {
        vm.prank(operator);
        vm.expectRevert(Signals.EmptyBatch.selector);
        bridge.cover(new Cover[](0), _noHints(0), new Signature[](0));
    }

    function test_each_cover_needs_a_hint() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.cover(_covers(cover), _noHints(2), new Signature[](0));
    }

    function test_attesters_cannot_offer_cover_without_an_operator() public {
        Signature[] memory signatures = _sign(verraKeys, _digest(_covers(cover)));
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, mallory));
        bridge.cover(_covers(cover), _noHints(1), signatures);
    }

    function test_an_operator_cannot_offer_cover_without_a_quorum() public {
        Signature[] memory one = new Signature[](1);
        one[0] = _signature(verraKeys[0], _digest(_covers(cover)));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.QuorumNotReached.selector, 1, 2));
        bridge.cover(_covers(cover), _noHints(1), one);
    }

    function test_another_registrys_attesters_cover_nothing_with_these_serials() public {
        Signature[] memory signatures = _sign(goldKeys, _digest(_covers(cover)));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0])));
        bridge.cover(_covers(cover), _noHints(1), signatures);
    }

    function test_an_attestation_binds_every_word_of_the_cover() public {
        Signature[] memory signatures = _sign(verraKeys, _digest(_covers(cover)));
        for (uint256 i; i < 8; ++i) {
            Cover memory altered = cover;
            if (i == 0) altered.shortClassId = sibling;
            if (i == 1) altered.lock.lockId += 1;
            if (i == 2) altered.lock.classId = class;
            if (i == 3) altered.lock.space = batch;
            if (i == 4) altered.lock.first += 1;
            if (i == 5) altered.lock.last += 1;
            if (i == 6) altered.lock.recipient = operator;
            if (i == 7) altered.lock.notAfter += 1;
            vm.prank(operator);
            vm.expectPartialRevert(Signals.SignerNotAttester.selector);
            bridge.cover(_covers(altered), _noHints(1), signatures);
        }
        vm.prank(operator);
        bridge.cover(_covers(cover), _noHints(1), signatures);
    }

    function test_no_cover_is_offered_while_paused() public {
        vm.prank(guardian);
        bridge.pause();
        _refused(cover, abi.encodeWithSelector(Signals.IsPaused.selector));
    }

    function test_unknown_classes_neither_cover_nor_are_covered() public {
        bytes memory why = abi.encodeWithSelector(Signals.ClassUnknown.selector, 7);
        Cover memory unknown = cover;
        unknown.shortClassId = 7;
        _refused(unknown, why);
        unknown = cover;
        unknown.lock.classId = 7;
        _refused(unknown, why);
        _refused(_covers(cover, unknown), why);
    }

    function test_a_class_that_lacks_nothing_needs_no_cover() public {
        cover.shortClassId = sibling;
        _refused(cover, abi.encodeWithSelector(Signals.NotShort.selector, sibling));
    }

    function test_a_short_class_cannot_cover_itself() public {
        cover.lock.classId = class;
        _refused(cover, abi.encodeWithSelector(Signals.ClassShort.selector, class, 30));
    }

    function test_units_of_another_weight_cover_nothing() public {
        Terms memory terms = _terms();
        terms.kgPerUnit = 500;
        cover.lock.classId = _classWith("985", terms);
        _refused(cover, abi.encodeWithSelector(Signals.WeightMismatch.selector, cover.lock.classId, 500, 1_000));
    }

    function test_one_batch_is_of_one_registrys_serials() public {
        Cover memory theirs = _coverBy(bob, 1, 5);
        (theirs.lock.classId, theirs.lock.space) = (goldClass, goldSpace);
        _refused(
            _covers(cover, theirs), abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1)
        );
        cover.lock.space = goldSpace;
        _refused(cover, abi.encodeWithSelector(Signals.SpaceOfOtherRegistry.selector, goldSpace, 2, 1));
    }

    function test_a_lock_that_minted_covers_nothing_and_one_that_covers_mints_nothing() public {
        Cover memory minted = _coverBy(bob, 2_001, 2_010);
        _mint(minted.lock);
        _refused(minted, abi.encodeWithSelector(Signals.LockUsed.selector, minted.lock.lockId));
        _offer(cover);
        _mintRefused(cover.lock, abi.encodeWithSelector(Signals.LockUsed.selector, cover.lock.lockId));
        _refused(cover, abi.encodeWithSelector(Signals.LockUsed.selector, cover.lock.lockId));
    }

    function test_what_attesters_signed_for_a_mint_offers_no_cover() public {
        Lock[] memory locks = _locks(cover.lock);
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectPartialRevert(Signals.SignerNotAttester.selector);
        bridge.cover(_covers(cover), _noHints(1), signatures);
        signatures = _sign(verraKeys, _digest(_covers(cover)));
        vm.prank(operator);
        vm.expectPartialRevert(Signals.SignerNotAttester.selector);
        bridge.mint(locks, _noHints(1), signatures);
    }

    function test_an_expired_lock_and_taken_serials_cover_nothing() public {
        Cover memory taken = _coverBy(bob, 100, 101);
        _refused(taken, abi.encodeWithSelector(Signals.SerialsTaken.selector, 100, 101, 1, 100));
        taken = _coverBy(bob, 0, 5);
        _refused(taken, abi.encodeWithSelector(Signals.RangeInvalid.selector, 0, 5));
        _pass(1 days + 1, 1);
        _refused(
            cover, abi.encodeWithSelector(Signals.LockExpired.selector, cover.lock.lockId, cover.lock.notAfter)
        );
    }

    function test_cover_spends_the_operators_allowance() public {
        (, uint256 before) = bridge.allowance(operator);
        _offer(cover);
        (, uint256 afterwards) = bridge.allowance(operator);
        vm.assertEq(before - afterwards, 40);
        Cover memory large = _coverBy(bob, 2_001, 2_000 + uint64(afterwards) + 1);
        _refused(
            large,
            abi.encodeWithSelector(Signals.AllowanceExceeded.selector, operator, afterwards + 1, afterwards)
        );
    }

    function test_cover_passes_the_gates_of_its_own_class() public {
        vm.prank(admin);
        bridge.setClassAllowance(sibling, 39);
        _refused(cover, abi.encodeWithSelector(Signals.ClassAllowanceExceeded.selector, sibling, 40, 39));
        vm.prank(guardian);
        bridge.setVerdict(VERRA, Subject.Project, "1340", Verdict.Barred);
        _refused(
            cover,
            abi.encodeWithSelector(Signals.NotAdmitted.selector, sibling, Subject.Project, Verdict.Barred)
        );
        _refused(cover, _quarantine(sibling));
    }

    function test_a_verdict_on_the_short_class_does_not_stop_its_cover() public {
        vm.startPrank(guardian);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
        bridge.quarantine(class);
        vm.stopPrank();
        _offer(cover);
        _takeCover(alice, cover, 30);
        vm.assertEq(_shortfall(), 0);
    }

    function test_a_batch_space_takes_its_sole_class_as_cover_only() public {
        (Cover memory first, Cover memory second) = (_coverBy(bob, 1, 5), _coverBy(bob, 6, 9));
        first.lock.space = second.lock.space = batch;
        _offer(first);
        Terms memory terms = _terms();
        second.lock.classId = _classWith("985", terms);
        _refused(second, abi.encodeWithSelector(Signals.SpaceOfOtherClass.selector, batch, 2, 4));
    }

    function test_the_bridge_holds_the_units_and_says_so() public {
        Signature[] memory signatures = _sign(verraKeys, _digest(_covers(cover)));
        vm.expectEmit();
        emit Signals.Minted(cover.lock.lockId, sibling, counter, 1_001, 1_040, bob);
        vm.expectEmit();
        emit IERC1155.TransferSingle(operator, address(0), address(bridge), sibling, 40);
        vm.expectEmit();
        emit Signals.CoverOffered(_id(), cover.lock.lockId, class, 40);
        vm.prank(operator);
        bridge.cover(_covers(cover), _noHints(1), signatures);
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), 40);
        vm.assertEq(bridge.balanceOf(bob, sibling), 0);
        vm.assertEq(bridge.totalSupply(sibling), 40);
        vm.assertEq(bridge.coverLeft(_id()), 40);
        vm.assertEq(_shortfall(), 30);
        _auditL1(sibling);
    }

    function test_a_covers_id_commits_to_chain_contract_and_every_word() public {
        vm.assertEq(_id(), keccak256(abi.encode(block.chainid, address(bridge), cover)));
        bytes32 here = _id();
        vm.chainId(block.chainid + 1);
        vm.assertTrue(_id() != here);
    }
}

contract TakeCoverTest is Short {
    function setUp() public override {
        super.setUp();
        _offer(cover);
    }

    function _refused(address holder, uint64 units, bytes memory why) private {
        vm.prank(holder);
        vm.expectRevert(why);
        bridge.takeCover(cover, units);
    }

    function _exceeded(uint256 units, uint256 available) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.CoverExceeded.selector, _id(), units, available);
    }

    /// @dev The wallet has ten units of the short class, got before it was short.
    function _walletHolds() private {
        uint256 mine = class;
        class = _classWith("985", _terms());
        _mint(address(wallet), 3_001, 3_010);
        _reverse("event 2", 3_001, 3_010);
        cover = _coverBy(bob, 2_001, 2_010);
        _offer(cover);
        vm.assertTrue(class != mine);
    }

    function test_nothing_is_taken_for_nothing() public {
        _refused(alice, 0, abi.encodeWithSelector(Signals.ZeroUnits.selector));
    }

    function test_nobody_takes_more_than_the_class_lacks() public {
        _refused(alice, 31, _exceeded(31, 30));
        _takeCover(alice, cover, 20);
        _refused(alice, 11, _exceeded(11, 10));
    }

    function test_nobody_takes_more_than_the_cover_has_left() public {
        cover = _coverBy(bob, 2_001, 2_005);
        _offer(cover);
        _refused(alice, 6, _exceeded(6, 5));
        _takeCover(alice, cover, 5);
        _refused(alice, 1, _exceeded(1, 0));
    }

    function test_a_cover_that_nobody_offered_has_nothing() public {
        cover.lock.recipient = alice;
        _refused(alice, 1, _exceeded(1, 0));
    }

    function test_who_holds_no_units_takes_no_cover() public {
        _refused(
            mallory,
            1,
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, mallory, 0, 1, class)
        );
    }

    function test_no_cover_of_a_closed_class_is_taken() public {
        _refused(alice, 10, _quarantine(sibling));
    }

    function test_a_cover_that_is_itself_reversed_waits_until_its_own_class_is_whole() public {
        uint256 mine = class;
        class = sibling;
        _mint(mallory, 5_001, 5_010);
        _reverse("event 2", 1_001, 1_005);
        bytes memory why = abi.encodeWithSelector(Signals.ClassShort.selector, sibling, 5);
        _refused(alice, 10, why);
        Cover memory second = Cover(_lock(bob, 1, 5), sibling);
        (second.lock.classId, second.lock.space) = (goldClass, goldSpace);
        Signature[] memory signatures = _sign(goldKeys, _digest(_covers(second)));
        vm.prank(operator);
        bridge.cover(_covers(second), _noHints(1), signatures);
        _takeCover(mallory, second, 5);
        class = mine;
        _takeCover(alice, cover, 30);
        vm.assertEq(bridge.balanceOf(alice, sibling), 30);
        vm.assertEq(bridge.balanceOf(mallory, goldClass), 5);
        _auditL1(class);
        _auditL1(sibling);
        _auditL1(goldClass);
    }

    function test_a_holder_gives_one_unit_for_one_of_the_cover() public {
        vm.expectEmit();
        emit IERC1155.TransferSingle(alice, alice, address(0), class, 10);
        vm.expectEmit();
        emit IERC1155.TransferSingle(alice, address(bridge), alice, sibling, 10);
        vm.expectEmit();
        emit Signals.CoverTaken(_id(), alice, class, 10, 20);
        _takeCover(alice, cover, 10);
        vm.assertEq(_balance(alice), 90);
        vm.assertEq(bridge.totalSupply(class), 90);
        vm.assertEq(bridge.balanceOf(alice, sibling), 10);
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), 30);
        vm.assertEq(bridge.totalSupply(sibling), 40);
        vm.assertEq(bridge.coverLeft(_id()), 30);
        _auditL1(class);
        _auditL1(sibling);
    }

    function test_the_class_stays_closed_until_the_last_unit_and_then_opens() public {
        _takeCover(alice, cover, 29);
        _transferRefused(alice, class, abi.encodeWithSelector(Signals.ClassShort.selector, class, 1));
        _takeCover(alice, cover, 1);
        vm.assertEq(_shortfall(), 0);
        _transfer(alice, bob, class, 10);
        (, bytes32 id) = _retire(bob, 10);
        _settle(id, 0, 31, 40);
        _mint(bob, 101, 110);
        _assertStatus(id, Status.Settled);
        _auditL1(class);
    }

    function test_whole_again_leaves_nothing_to_take() public {
        _takeCover(alice, cover, 30);
        _refused(alice, 1, _exceeded(1, 0));
    }

    function test_two_covers_fill_one_class_together() public {
        Cover memory second = _coverBy(bob, 2_001, 2_010);
        _offer(second);
        _takeCover(alice, second, 10);
        _takeCover(alice, cover, 20);
        vm.assertEq(_shortfall(), 0);
        vm.assertEq(bridge.coverLeft(_id()), 20);
        _auditL1(sibling);
    }

    function test_another_registry_can_cover_and_its_attesters_say_so() public {
        Cover memory theirs = _coverBy(bob, 1, 30);
        (theirs.lock.classId, theirs.lock.space) = (goldClass, goldSpace);
        Signature[] memory signatures = _sign(goldKeys, _digest(_covers(theirs)));
        vm.prank(operator);
        bridge.cover(_covers(theirs), _noHints(1), signatures);
        vm.assertTrue(bridge.lockUsed(GOLD, theirs.lock.lockId));
        vm.assertFalse(bridge.lockUsed(VERRA, theirs.lock.lockId));
        _takeCover(alice, theirs, 30);
        vm.assertEq(bridge.balanceOf(alice, goldClass), 30);
        _transfer(alice, bob, class, 1);
        _auditL1(class);
        _auditL1(goldClass);
    }

    function test_cover_is_taken_while_paused_and_in_a_quarantine_of_the_short_class() public {
        _quarantine(class);
        vm.prank(guardian);
        bridge.pause();
        _takeCover(alice, cover, 30);
        vm.assertEq(_shortfall(), 0);
    }

    function test_a_cover_does_not_expire_once_offered() public {
        _pass(3650 days, 1);
        _takeCover(alice, cover, 30);
    }

    function test_units_taken_as_cover_can_be_retired() public {
        _takeCover(alice, cover, 30);
        class = sibling;
        (, bytes32 id) = _retire(alice, 30);
        _settle(id, 0, 1_001, 1_030);
        vm.assertEq(bridge.retiredBalanceOf(alice, sibling), 30);
        _auditL1(sibling);
    }

    function test_a_wallet_that_rejects_keeps_what_it_has() public {
        _walletHolds();
        wallet.reject(true);
        _refused(address(wallet), 10, abi.encodeWithSignature("Error(string)", "rejected"));
        vm.assertEq(_balance(address(wallet)), 10);
        vm.assertEq(bridge.coverLeft(_id()), 10);
    }

    function test_a_wallet_that_is_being_paid_finds_the_books_in_order() public {
        _walletHolds();
        wallet.whenPaid(address(this), abi.encodeCall(this.audit, ()));
        _takeCover(address(wallet), cover, 4);
        vm.assertTrue(abi.decode(wallet.answer(), (bool)));
    }

    function test_a_wallet_that_calls_back_into_the_same_door_gets_no_more_than_its_due() public {
        _walletHolds();
        wallet.whenPaid(address(bridge), abi.encodeCall(bridge.takeCover, (cover, 7)));
        _takeCover(address(wallet), cover, 4);
        vm.assertEq(
            keccak256(wallet.answer()),
            keccak256(abi.encodeWithSelector(Signals.CoverExceeded.selector, _id(), 7, 6))
        );
        vm.assertEq(bridge.balanceOf(address(wallet), sibling), 4);
        _auditL1(class);
    }

    function test_a_wallet_may_spend_at_any_door_what_it_is_being_paid() public {
        _walletHolds();
        address paid = address(wallet);
        bytes[4] memory replies = [
            abi.encodeCall(bridge.takeCover, (cover, 1)),
            abi.encodeCall(bridge.retire, (sibling, 1, COMMITMENT, 1)),
            abi.encodeCall(bridge.redeem, (sibling, 1, COMMITMENT, 2)),
            abi.encodeCall(bridge.safeTransferFrom, (paid, bob, sibling, 1, ""))
        ];
        for (uint256 i; i < 4; ++i) {
            uint256 before = vm.snapshotState();
            wallet.whenPaid(address(bridge), replies[i]);
            _takeCover(paid, cover, 1);
            // Only its own door pays again, and that once more for each unit it still had.
            vm.assertEq(bridge.balanceOf(paid, sibling), i == 0 ? 10 : 0);
            vm.assertEq(_balance(paid), i == 0 ? 0 : 9);
            _auditL1(class);
            _auditL1(sibling);
            vm.revertToState(before);
        }
    }

    function test_a_wallet_that_is_being_paid_moves_no_unit_of_the_class_that_is_still_short() public {
        _walletHolds();
        bytes memory why = abi.encodeWithSelector(Signals.ClassShort.selector, class, 6);
        bytes[3] memory replies = [
            abi.encodeCall(bridge.safeTransferFrom, (address(wallet), bob, class, 1, "")),
            abi.encodeCall(bridge.retire, (class, 1, COMMITMENT, 1)),
            abi.encodeCall(bridge.redeem, (class, 1, COMMITMENT, 1))
        ];
        for (uint256 i; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            wallet.whenPaid(address(bridge), replies[i]);
            _takeCover(address(wallet), cover, 4);
            vm.assertEq(keccak256(wallet.answer()), keccak256(why));
            vm.revertToState(before);
        }
    }

    function test_what_attesters_signed_lands_inside_a_hook_as_anywhere_else() public {
        _walletHolds();
        uint256 short = class;
        class = sibling;
        _mint(bob, 6_001, 6_010);
        (Request memory request, bytes32 id) = _retire(bob, 10);
        bytes[3] memory replies = _attested(request, id);
        class = short;
        for (uint256 i; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            wallet.whenPaid(address(bridge), replies[i]);
            _takeCover(address(wallet), cover, 4);
            vm.assertEq(wallet.answer().length, 0);
            if (i < 2) _assertStatus(id, i == 0 ? Status.Settled : Status.Refused);
            vm.assertEq(bridge.creditClass(sibling).shortfall, i == 2 ? 3 : 0);
            vm.assertEq(bridge.balanceOf(address(wallet), sibling), 4);
            _auditL1(class);
            _auditL1(sibling);
            vm.revertToState(before);
        }
    }

    /// @dev A settlement of the request, a refusal of it, and a reversal of three serials of the cover.
    function _attested(Request memory request, bytes32 id) private view returns (bytes[3] memory) {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 6_001, 6_010));
        Refusal[] memory refusals = new Refusal[](1);
        refusals[0] = Refusal(id, "unserved");
        Request[] memory requests = new Request[](1);
        requests[0] = request;
        Reversal[] memory reversals = _reversals(_reversal("event 3", 2_001, 2_003));
        return [
            abi.encodeCall(
                bridge.settle, (outcomes, requests, _noHints(1), _sign(verraKeys, _digest(outcomes)))
            ),
            abi.encodeCall(bridge.refuse, (refusals, requests, _sign(verraKeys, _digest(refusals)))),
            abi.encodeCall(bridge.reverse, (reversals, _noHints(1), _sign(verraKeys, _digest(reversals))))
        ];
    }

    function test_any_shares_of_holders_fill_the_class_and_the_books_agree(uint64 mine, uint64 more) public {
        mine = 1 + mine % 30;
        _takeCover(alice, cover, mine);
        _auditL1(class);
        _auditL1(sibling);
        more = more % (31 - mine);
        if (more != 0) _takeCover(alice, cover, more);
        vm.assertEq(_shortfall(), 30 - mine - more);
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), bridge.coverLeft(_id()));
        _auditL1(class);
        _auditL1(sibling);
    }
}

contract WithdrawCoverTest is Short {
    function _refused(address account, bytes memory why) private {
        vm.prank(account);
        vm.expectRevert(why);
        bridge.withdrawCover(cover);
    }

    function _withdraw(address account) private {
        vm.prank(account);
        bridge.withdrawCover(cover);
    }

    function _filled(address recipient) private {
        cover.lock.recipient = recipient;
        _offer(cover);
        _takeCover(alice, cover, 30);
    }

    function test_anyone_sends_the_rest_to_its_recipient_who_may_have_lost_his_key() public {
        _filled(bob);
        _withdraw(mallory);
        vm.assertEq(bridge.balanceOf(bob, sibling), 10);
    }

    function test_only_the_recipient_withdraws_cover_whose_own_class_is_short() public {
        _offer(cover);
        class = sibling;
        _reverse("event 2", 1_001, 1_001);
        address[3] memory others = [operator, admin, alice];
        for (uint256 i; i < 3; ++i) {
            _refused(others[i], abi.encodeWithSelector(Signals.NotHolder.selector, others[i], bob));
        }
        _withdraw(bob);
        vm.assertEq(bridge.balanceOf(bob, sibling), 40);
    }

    function test_nothing_is_withdrawn_while_the_class_is_short() public {
        _offer(cover);
        _refused(bob, abi.encodeWithSelector(Signals.StillShort.selector, class, 30));
        _takeCover(alice, cover, 29);
        _refused(bob, abi.encodeWithSelector(Signals.StillShort.selector, class, 1));
    }

    function test_a_class_that_is_short_anew_holds_what_is_left() public {
        _filled(bob);
        _reverse("event 2", 31, 33);
        _refused(bob, abi.encodeWithSelector(Signals.StillShort.selector, class, 3));
        _takeCover(alice, cover, 3);
        _withdraw(bob);
        vm.assertEq(bridge.balanceOf(bob, sibling), 7);
    }

    function test_where_nothing_is_left_nothing_is_withdrawn() public {
        bytes memory why = abi.encodeWithSelector(Signals.CoverExceeded.selector, _id(), 0, 0);
        _refused(bob, why);
        _filled(bob);
        _withdraw(bob);
        _refused(bob, why);
        vm.assertEq(bridge.balanceOf(bob, sibling), 10);
    }

    /// @dev Held by the bridge it would keep its own class short for ever: nobody else could take cover for it.
    function test_cover_whose_own_class_is_short_goes_back_to_its_owner_who_can_take_cover_for_it() public {
        Cover memory first = _coverBy(bob, 1_001, 1_010);
        _offer(first);
        (uint256 whole, bytes32 id) = (class, bridge.coverId(first));
        class = sibling;
        _reverse("event 2", 1_001, 1_010);
        vm.prank(bob);
        bridge.withdrawCover(first);
        vm.assertEq(bridge.balanceOf(bob, sibling), 10);
        vm.assertEq(bridge.coverLeft(id), 0);
        _transferRefused(bob, sibling, abi.encodeWithSelector(Signals.ClassShort.selector, sibling, 10));
        _auditL1(sibling);
        _auditL1(whole);
    }

    function test_cover_needs_somebody_to_whom_it_goes_back() public {
        address[2] memory nobody = [address(0), address(bridge)];
        for (uint256 i; i < 2; ++i) {
            Cover[] memory covers = _covers(_coverBy(nobody[i], 1_001, 1_010));
            Signature[] memory signatures = _sign(verraKeys, _digest(covers));
            vm.prank(operator);
            vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, nobody[i]));
            bridge.cover(covers, _noHints(1), signatures);
        }
    }

    function test_nothing_is_withdrawn_from_a_quarantined_class() public {
        _filled(bob);
        _refused(bob, _quarantine(sibling));
    }

    function test_the_recipient_takes_what_nobody_took() public {
        _filled(bob);
        vm.expectEmit();
        emit IERC1155.TransferSingle(bob, address(bridge), bob, sibling, 10);
        vm.expectEmit();
        emit Signals.CoverWithdrawn(_id(), bob, 10);
        _withdraw(bob);
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), 0);
        vm.assertEq(bridge.coverLeft(_id()), 0);
        _auditL1(sibling);
    }

    function test_a_recipient_that_rejects_leaves_it_for_later() public {
        _filled(address(wallet));
        wallet.reject(true);
        _refused(address(wallet), abi.encodeWithSignature("Error(string)", "rejected"));
        wallet.reject(false);
        _withdraw(address(wallet));
        vm.assertEq(bridge.balanceOf(address(wallet), sibling), 10);
    }

    function test_a_recipient_that_calls_back_is_paid_once_and_finds_the_books_in_order() public {
        _filled(address(wallet));
        uint256 before = vm.snapshotState();
        wallet.whenPaid(address(bridge), abi.encodeCall(bridge.withdrawCover, (cover)));
        _withdraw(address(wallet));
        vm.assertEq(
            keccak256(wallet.answer()),
            keccak256(abi.encodeWithSelector(Signals.CoverExceeded.selector, _id(), 0, 0))
        );
        vm.assertEq(bridge.balanceOf(address(wallet), sibling), 10);
        vm.revertToState(before);
        wallet.whenPaid(address(this), abi.encodeCall(this.audit, ()));
        _withdraw(address(wallet));
        vm.assertTrue(abi.decode(wallet.answer(), (bool)));
    }

    function test_nobody_sends_units_to_the_bridge() public {
        _filled(bob);
        bytes memory why = abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(bridge));
        _mintRefused(_lock(address(bridge), 101, 110), why);
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](2), new uint256[](2));
        (ids[0], ids[1]) = (class, class);
        vm.startPrank(alice);
        vm.expectRevert(why);
        bridge.safeTransferFrom(alice, address(bridge), class, 1, "");
        vm.expectRevert(why);
        bridge.safeBatchTransferFrom(alice, address(bridge), ids, values, "");
        vm.stopPrank();
        (Request memory request,) = _redeem(alice, 10);
        _passDeadline();
        _callBack(request);
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(why);
        bridge.takeBack(request, address(bridge));
    }
}
