// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Signals} from "../src/Signals.sol";
import {Lock, Request, Signature} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract MintTest is Base {
    function _refused(Lock memory lock, bytes memory why) private {
        _refused(_locks(lock), why);
    }

    function _refused(Lock[] memory locks, bytes memory why) private {
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.mint(locks, _noHints(locks.length), signatures);
    }

    function _refusedSignatures(Lock memory lock, Signature[] memory signatures, bytes memory why) private {
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.mint(_locks(lock), _noHints(1), signatures);
    }

    function test_an_empty_batch_is_refused() public {
        vm.prank(operator);
        vm.expectRevert(Signals.EmptyBatch.selector);
        bridge.mint(new Lock[](0), _noHints(0), new Signature[](0));
    }

    function test_each_lock_needs_a_hint() public {
        Lock[] memory locks = _locks(_lock(alice, 1, 9));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.mint(locks, _noHints(2), new Signature[](0));
    }

    function test_attesters_cannot_mint_without_an_operator() public {
        Lock[] memory locks = _locks(_lock(mallory, 1, 9));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        address attester = vm.addr(verraKeys[0]);
        vm.prank(attester);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, attester));
        bridge.mint(locks, _noHints(1), signatures);
    }

    function test_an_operator_cannot_mint_without_a_quorum() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory one = new Signature[](1);
        one[0] = _signature(verraKeys[0], _digest(_locks(lock)));
        _refusedSignatures(lock, one, abi.encodeWithSelector(Signals.QuorumNotReached.selector, 1, 2));
    }

    function test_the_same_attester_twice_is_one_attester() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory twice = new Signature[](2);
        twice[0] = twice[1] = _signature(verraKeys[0], _digest(_locks(lock)));
        address signer = vm.addr(verraKeys[0]);
        _refusedSignatures(
            lock, twice, abi.encodeWithSelector(Signals.SignersNotRising.selector, signer, signer)
        );
    }

    function test_signatures_out_of_order_are_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        _refusedSignatures(
            lock,
            signatures,
            abi.encodeWithSelector(
                Signals.SignersNotRising.selector, vm.addr(verraKeys[1]), vm.addr(verraKeys[0])
            )
        );
    }

    function test_a_malleable_twin_of_a_signature_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(verraKeys[0], _digest(_locks(lock)));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        // The upper half of the curve, cut to the 255 bits that a compact signature has room for.
        bytes32 twin = bytes32((order - uint256(s)) & (type(uint256).max >> 1));
        signatures[0] = Signature(r, bytes32(uint256(twin) | uint256(v == 27 ? 1 : 0) << 255));
        vm.prank(operator);
        vm.expectRevert();
        bridge.mint(_locks(lock), _noHints(1), signatures);
    }

    function test_a_high_s_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        bytes32 high = bytes32(type(uint256).max >> 1);
        signatures[0].vs = high;
        _refusedSignatures(lock, signatures, abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
    }

    function test_a_signature_that_recovers_nobody_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        signatures[0] = Signature(0, 0);
        _refusedSignatures(lock, signatures, abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
    }

    function test_another_registrys_attesters_cannot_attest() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(goldKeys, _digest(_locks(lock)));
        _refusedSignatures(
            lock,
            signatures,
            abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0]))
        );
    }

    function test_a_signature_for_another_chain_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        vm.chainId(99);
        vm.prank(operator);
        vm.expectRevert();
        bridge.mint(_locks(lock), _noHints(1), signatures);
    }

    function test_a_signature_for_another_contract_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        Base.setUp();
        vm.prank(operator);
        vm.expectRevert();
        bridge.mint(_locks(lock), _noHints(1), signatures);
    }

    function test_an_attestation_binds_every_word_of_the_lock() public {
        Lock memory lock = _lock(alice, 1, 9);
        Signature[] memory signatures = _sign(verraKeys, _digest(_locks(lock)));
        for (uint256 i; i < 7; ++i) {
            Lock memory other = abi.decode(abi.encode(lock), (Lock));
            if (i == 0) other.lockId += 1;
            if (i == 1) other.classId = sibling;
            if (i == 2) other.space = batch;
            if (i == 3) other.first += 1;
            if (i == 4) other.last += 1;
            if (i == 5) other.recipient = mallory;
            if (i == 6) other.notAfter += 1;
            vm.prank(operator);
            vm.expectRevert();
            bridge.mint(_locks(other), _noHints(1), signatures);
        }
    }

    function test_an_unknown_class_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        lock.classId = 7;
        _refused(lock, abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
        _refused(_locks(_lock(alice, 1, 9), lock), abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
    }

    function test_a_batch_serves_one_registry() public {
        Lock memory lock = _lock(alice, 1, 9);
        lock.classId = goldClass;
        _refused(
            _locks(_lock(alice, 1, 9), lock),
            abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1)
        );
    }

    function test_an_unknown_space_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        lock.space = "nowhere";
        _refused(lock, abi.encodeWithSelector(Signals.SpaceUnknown.selector, bytes32("nowhere")));
    }

    function test_another_registrys_space_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        lock.space = goldSpace;
        _refused(lock, abi.encodeWithSelector(Signals.SpaceOfOtherRegistry.selector, goldSpace, 2, 1));
    }

    function test_a_batch_space_takes_one_class_for_ever() public {
        Lock memory lock = _lock(alice, 1, 9);
        lock.space = batch;
        _mint(lock);
        Lock memory other = _lock(alice, 100, 109);
        (other.space, other.classId) = (batch, sibling);
        _refused(other, abi.encodeWithSelector(Signals.SpaceOfOtherClass.selector, batch, 1, 2));
    }

    function test_an_expired_lock_is_refused_and_so_is_a_second_attestation_of_it() public {
        Lock memory lock = _lock(alice, 1, 9);
        _pass(1 days + 1, 1);
        bytes memory why = abi.encodeWithSelector(Signals.LockExpired.selector, lock.lockId, lock.notAfter);
        _refused(lock, why);
        _refused(lock, why);
    }

    function test_a_lock_is_good_in_its_last_second() public {
        Lock memory lock = _lock(alice, 1, 9);
        _pass(1 days, 1);
        _mint(lock);
        vm.assertEq(_balance(alice), 9);
    }

    function test_a_lock_mints_once() public {
        Lock memory lock = _lock(alice, 1, 9);
        _mint(lock);
        vm.assertTrue(bridge.lockUsed(VERRA, lock.lockId));
        _refused(lock, abi.encodeWithSelector(Signals.LockUsed.selector, lock.lockId));
    }

    function test_the_same_lock_twice_in_one_batch_is_refused() public {
        Lock memory lock = _lock(alice, 1, 9);
        _refused(_locks(lock, lock), abi.encodeWithSelector(Signals.LockUsed.selector, lock.lockId));
    }

    function test_a_lock_id_is_its_registrys_own() public {
        Lock memory lock = _lock(alice, 1, 9);
        _mint(lock);
        vm.assertFalse(bridge.lockUsed(GOLD, lock.lockId));
        (lock.classId, lock.space) = (goldClass, goldSpace);
        Signature[] memory signatures = _sign(goldKeys, _digest(_locks(lock)));
        vm.prank(operator);
        bridge.mint(_locks(lock), _noHints(1), signatures);
        vm.assertEq(bridge.balanceOf(alice, goldClass), 9);
    }

    function test_the_same_serials_under_another_lock_are_refused() public {
        _mint(alice, 10, 19);
        bytes memory why = abi.encodeWithSelector(Signals.SerialsTaken.selector, 10, 19, 10, 19);
        _refused(_lock(alice, 10, 19), why);
    }

    function test_overlaps_are_refused_from_below_from_above_from_inside_and_from_around() public {
        _mint(alice, 10, 19);
        bytes4 taken = Signals.SerialsTaken.selector;
        _refused(_lock(alice, 5, 10), abi.encodeWithSelector(taken, 5, 10, 10, 19));
        _refused(_lock(alice, 19, 25), abi.encodeWithSelector(taken, 19, 25, 10, 19));
        _refused(_lock(alice, 12, 13), abi.encodeWithSelector(taken, 12, 13, 10, 19));
        _refused(_lock(alice, 1, 99), abi.encodeWithSelector(taken, 1, 99, 10, 19));
    }

    function test_the_same_serials_in_another_class_are_refused() public {
        _mint(alice, 10, 19);
        Lock memory lock = _lock(alice, 15, 15);
        lock.classId = sibling;
        _refused(lock, abi.encodeWithSelector(Signals.SerialsTaken.selector, 15, 15, 10, 19));
    }

    function test_the_same_numbers_in_another_space_are_other_serials() public {
        _mint(alice, 10, 19);
        Lock memory lock = _lock(alice, 10, 19);
        lock.space = batch;
        _mint(lock);
        vm.assertEq(_balance(alice), 20);
    }

    function test_neighbours_do_not_overlap() public {
        _mint(alice, 10, 19);
        _mint(alice, 20, 29);
        _mint(alice, 1, 9);
        vm.assertEq(_balance(alice), 29);
        vm.assertEq(bridge.totalSupply(class), 29);
    }

    function test_ranges_that_are_none_are_refused() public {
        bytes4 invalid = Signals.RangeInvalid.selector;
        _refused(_lock(alice, 0, 9), abi.encodeWithSelector(invalid, 0, 9));
        _refused(_lock(alice, 9, 8), abi.encodeWithSelector(invalid, 9, 8));
        uint64 end = type(uint64).max;
        _refused(_lock(alice, 9, end), abi.encodeWithSelector(invalid, 9, end));
    }

    function test_the_last_serials_there_are_can_be_minted() public {
        uint64 end = type(uint64).max - 1;
        _mint(alice, end - 9, end);
        vm.assertEq(_balance(alice), 10);
    }

    function test_retired_serials_are_never_minted_again() public {
        _mint(alice, 10, 19);
        (, bytes32 id) = _retire(alice, 3);
        _settle(id, 0, 10, 12);
        _refused(_lock(alice, 10, 12), abi.encodeWithSelector(Signals.SerialsTaken.selector, 10, 12, 10, 19));
    }

    function test_redeemed_serials_come_back_under_a_new_lock_and_never_under_the_old_one() public {
        Lock memory lock = _lock(alice, 10, 19);
        _mint(lock);
        (, bytes32 id) = _redeem(alice, 10);
        _settle(id, 0, 10, 19);
        _refused(lock, abi.encodeWithSelector(Signals.LockUsed.selector, lock.lockId));
        _mint(bob, 10, 19);
        vm.assertEq(_balance(bob), 10);
    }

    function test_minting_stops_at_the_operators_allowance() public {
        _mint(alice, 1, PER_DAY - 10);
        _refused(
            _lock(alice, PER_DAY, PER_DAY + 10),
            abi.encodeWithSelector(Signals.AllowanceExceeded.selector, operator, 11, 10)
        );
        _mint(alice, PER_DAY, PER_DAY + 9);
    }

    function test_retiring_does_not_give_the_allowance_back() public {
        _mint(alice, 1, PER_DAY);
        (, bytes32 id) = _retire(alice, PER_DAY);
        _settle(id, 0, 1, PER_DAY);
        _refused(
            _lock(alice, PER_DAY + 1, PER_DAY + 1),
            abi.encodeWithSelector(Signals.AllowanceExceeded.selector, operator, 1, 0)
        );
    }

    function test_nobody_is_no_recipient() public {
        _refused(
            _lock(address(0), 1, 9), abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(0))
        );
    }

    function test_a_recipient_that_rejects_spoils_its_batch_and_keeps_its_lock() public {
        wallet.reject(true);
        Lock memory lock = _lock(address(wallet), 1, 9);
        _refused(_locks(_lock(alice, 10, 19), lock), abi.encodeWithSignature("Error(string)", "rejected"));
        wallet.reject(false);
        _mint(lock);
        vm.assertEq(_balance(address(wallet)), 9);
    }

    function test_a_stale_hint_is_walked_and_a_far_one_is_refused() public {
        for (uint64 i = 1; i <= 34; ++i) _mintWithHint(i * 10, (i - 1) * 10);
        Lock[] memory locks = _locks(_lock(alice, 345, 345));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.HintTooFar.selector, 0, 345));
        bridge.mint(locks, _noHints(1), signatures);
        uint64[] memory hints = new uint64[](1);
        hints[0] = lens.hintFor(bridge, counter, 345);
        vm.assertEq(hints[0], 340);
        vm.prank(operator);
        bridge.mint(locks, hints, signatures);
    }

    function _mintWithHint(uint64 serial, uint64 hint) private {
        Lock[] memory locks = _locks(_lock(alice, serial, serial));
        uint64[] memory hints = new uint64[](1);
        hints[0] = hint;
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, hints, signatures);
    }

    function test_a_mint_tells_of_each_lock_and_of_one_transfer_for_each_run_of_one_recipient() public {
        Lock[] memory locks = new Lock[](3);
        (locks[0], locks[1], locks[2]) = (_lock(alice, 1, 9), _lock(alice, 10, 19), _lock(bob, 20, 29));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        for (uint256 i; i < 3; ++i) {
            Lock memory lock = locks[i];
            vm.expectEmit();
            emit Signals.Minted(lock.lockId, class, counter, lock.first, lock.last, lock.recipient);
        }
        vm.expectEmit();
        emit IERC1155.TransferSingle(operator, address(0), alice, class, 19);
        vm.expectEmit();
        emit IERC1155.TransferSingle(operator, address(0), bob, class, 10);
        vm.prank(operator);
        bridge.mint(locks, _noHints(3), signatures);
        vm.assertEq(_balance(alice), 19);
        vm.assertEq(_balance(bob), 10);
        vm.assertEq(bridge.totalSupply(class), 29);
    }

    function test_a_recipient_that_calls_back_finds_every_lock_of_the_batch_minted() public {
        Lock[] memory locks = _locks(_lock(address(wallet), 1, 9), _lock(bob, 20, 29));
        wallet.whenPaid(address(bridge), abi.encodeCall(bridge.totalSupply, (class)));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, _noHints(2), signatures);
        vm.assertEq(abi.decode(wallet.answer(), (uint256)), 19);
    }

    function test_a_recipient_may_retire_what_it_is_being_paid() public {
        wallet.whenPaid(address(bridge), abi.encodeCall(bridge.retire, (class, 9, COMMITMENT, 1)));
        _mint(address(wallet), 1, 9);
        vm.assertEq(_balance(address(wallet)), 0);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 9);
    }

    function audit() external view returns (bool) {
        _auditL1(class);
        return true;
    }

    function test_a_recipient_that_is_being_paid_finds_the_books_in_order() public {
        wallet.whenPaid(address(this), abi.encodeCall(this.audit, ()));
        Lock[] memory locks = _locks(_lock(address(wallet), 1, 9), _lock(bob, 20, 29));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, _noHints(2), signatures);
        vm.assertTrue(abi.decode(wallet.answer(), (bool)));
    }
}
