// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {FreezePolicy} from "../src/FreezePolicy.sol";
import {Signals} from "../src/Signals.sol";
import {Kind, Request, Status} from "../src/Types.sol";
import {Freezable, IBridge} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev A wallet with one owner, whose signatures are its own (ERC-1271).
contract OwnedWallet is ERC1155Holder {
    enum Mood {
        Honest,
        Entering,
        Auditing,
        Devouring,
        Short,
        Reverting
    }

    address public owner;
    Mood public mood;
    address public target;
    bytes public reply;

    constructor(address owner_) {
        owner = owner_;
    }

    function own(address owner_) external {
        owner = owner_;
    }

    function turn(Mood mood_, address target_, bytes calldata reply_) external {
        (mood, target, reply) = (mood_, target_, reply_);
    }

    /// @dev Not `view`, so that it may try to change something while it is asked.
    function isValidSignature(bytes32 hash, bytes calldata signature) external returns (bytes4) {
        if (mood == Mood.Reverting) revert("not now");
        if (mood == Mood.Devouring) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.Short) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (mood == Mood.Entering) {
            (bool entered,) = target.call{gas: 1_000_000}(reply);
            if (entered) return 0xffffffff;
        }
        if (mood == Mood.Auditing) {
            (bool sound,) = target.call(reply);
            if (!sound) return 0xffffffff;
        }
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

contract SignedTest is Freezable {
    uint256 private immutable aliceKey = uint256(keccak256("alice"));
    uint256 private immutable malloryKey = uint256(keccak256("mallory"));
    OwnedWallet private owned;
    Request private request;
    uint64 private notAfter;

    function setUp() public override {
        super.setUp();
        owned = new OwnedWallet(alice);
        _mint(alice, 1, 100);
        _mint(address(owned), 101, 200);
        request = Request(Kind.Retirement, alice, class, 30, COMMITMENT, 1);
        notAfter = uint64(vm.getBlockTimestamp()) + 1 days;
    }

    function _signed(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _signed() private view returns (bytes memory) {
        return _signed(aliceKey, _digest(request, notAfter));
    }

    function _submit(bytes memory signature) private returns (bytes32) {
        vm.prank(mallory);
        return bridge.requestFor(request, notAfter, signature);
    }

    function _refused(bytes memory signature, bytes memory why) private {
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.requestFor(request, notAfter, signature);
    }

    function _invalid() private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.SignatureInvalid.selector, request.holder);
    }

    function test_anothers_signature_is_refused() public {
        _refused(_signed(malloryKey, _digest(request, notAfter)), _invalid());
        _refused("", _invalid());
        _refused(new bytes(65), _invalid());
    }

    function test_nobody_is_no_holder_however_nothing_is_signed() public {
        request.holder = address(0);
        _refused(new bytes(65), _invalid());
    }

    function test_the_malleable_twin_of_a_signature_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(aliceKey, _digest(request, notAfter));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 high = bytes32(order - uint256(s));
        // It recovers to alice, so that only its high half refuses it.
        vm.assertEq(ecrecover(_digest(request, notAfter), v == 27 ? 28 : 27, r, high), alice);
        _refused(abi.encodePacked(r, high, v == 27 ? 28 : 27), _invalid());
    }

    function test_a_holders_signature_has_sixty_five_bytes_and_a_compact_one_is_refused() public {
        (bytes32 r, bytes32 vs) = vm.signCompact(aliceKey, _digest(request, notAfter));
        _refused(abi.encodePacked(r, vs), _invalid());
        _submit(_signed());
    }

    function test_a_signature_of_any_other_length_is_refused() public {
        bytes memory signature = _signed();
        _refused(bytes.concat(signature, hex"00"), _invalid());
        assembly ("memory-safe") {
            mstore(signature, 64)
        }
        _refused(signature, _invalid());
    }

    function test_a_signature_is_void_after_its_last_second() public {
        bytes memory signature = _signed();
        vm.warp(notAfter + 1);
        _refused(signature, abi.encodeWithSelector(Signals.SignatureExpired.selector, notAfter));
        vm.warp(notAfter);
        _submit(signature);
    }

    function test_a_longer_life_than_was_signed_is_refused() public {
        bytes memory signature = _signed();
        ++notAfter;
        _refused(signature, _invalid());
    }

    function test_a_signature_opens_one_request_even_after_it_has_ended() public {
        bytes memory signature = _signed();
        bytes32 id = _submit(signature);
        bytes memory why = abi.encodeWithSelector(Signals.RequestExists.selector, id);
        _refused(signature, why);
        _refuse(request);
        _assertStatus(id, Status.Refused);
        _refused(signature, why);
    }

    function test_what_the_holder_asked_himself_is_not_asked_for_him_again() public {
        vm.prank(alice);
        bytes32 id = bridge.retire(class, 30, COMMITMENT, 1);
        _refused(_signed(), abi.encodeWithSelector(Signals.RequestExists.selector, id));
    }

    function test_a_signature_for_another_chain_is_refused() public {
        bytes memory signature = _signed();
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        _refused(signature, _invalid());
        vm.chainId(here);
        _submit(signature);
    }

    function test_a_signature_for_another_bridge_is_refused() public {
        IBridge second = IBridge(_deploy(admin, "", address(policy)));
        bytes32 theirs = _digest(address(second), block.chainid, request, notAfter);
        _refused(_signed(aliceKey, theirs), _invalid());
        bytes memory ours = _signed();
        vm.expectRevert(_invalid());
        second.requestFor(request, notAfter, ours);
        // There only the class is missing.
        vm.expectRevert(abi.encodeWithSelector(Signals.ClassUnknown.selector, class));
        second.requestFor(request, notAfter, _signed(aliceKey, theirs));
    }

    function test_a_signature_binds_every_word_of_the_request() public {
        bytes memory signature = _signed();
        Request memory asked = request;
        for (uint256 i; i < 6; ++i) {
            if (i == 0) request.kind = Kind.Redemption;
            if (i == 1) request.holder = bob;
            if (i == 2) request.classId = sibling;
            if (i == 3) request.units = 31;
            if (i == 4) request.commitment = "another";
            if (i == 5) request.salt = 2;
            _refused(signature, _invalid());
            request = asked;
        }
        _submit(signature);
    }

    function test_a_request_by_signature_meets_every_check_of_the_others() public {
        request.units = 0;
        _refused(_signed(), abi.encodeWithSelector(Signals.ZeroUnits.selector));
        (request.units, request.classId) = (30, 7);
        _refused(_signed(), abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
    }

    function test_no_request_opens_by_signature_while_paused() public {
        vm.prank(guardian);
        bridge.pause();
        _refused(_signed(), abi.encodeWithSelector(Signals.IsPaused.selector));
    }

    function test_no_request_opens_by_signature_in_a_closed_class() public {
        uint256 before = vm.snapshotState();
        vm.prank(guardian);
        bridge.quarantine(class);
        uint40 until = bridge.creditClass(class).quarantinedUntil;
        _refused(_signed(), abi.encodeWithSelector(Signals.ClassQuarantined.selector, class, until));
        vm.revertToState(before);
        _reverse("event 1", 1, 1);
        _refused(_signed(), abi.encodeWithSelector(Signals.ClassShort.selector, class, 1));
    }

    function test_a_frozen_holder_opens_no_request_by_signature() public {
        uint40 until = _freeze(alice);
        _refused(_signed(), abi.encodeWithSelector(FreezePolicy.AccountFrozen.selector, alice, until));
    }

    function test_a_frozen_submitter_harms_nobody() public {
        _freeze(mallory);
        _assertStatus(_submit(_signed()), Status.Open);
    }

    function test_anyone_opens_what_the_holder_signed() public {
        bytes memory signature = _signed();
        bytes32 id = bridge.requestId(request);
        vm.expectEmit();
        emit Signals.RequestOpened(
            id, alice, class, Kind.Retirement, 30, COMMITMENT, 1, uint40(vm.getBlockTimestamp()) + DEADLINE
        );
        vm.assertEq(_submit(signature), id);
        vm.assertEq(_balance(alice), 70);
        requestOf[id] = request;
        _settle(id, 0, 1, 30);
        vm.assertEq(bridge.retiredBalanceOf(alice, class), 30);
        vm.assertEq(bridge.retiredBalanceOf(mallory, class), 0);
    }

    function test_a_redemption_is_signed_likewise() public {
        request.kind = Kind.Redemption;
        _submit(_signed());
        vm.assertEq(bridge.creditClass(class).pendingRedemption, 30);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 0);
    }

    // ------------------------------------------------------------ holders with code

    function test_a_wallets_owner_signs_for_it() public {
        request.holder = address(owned);
        _assertStatus(_submit(_signed()), Status.Open);
        vm.assertEq(_balance(address(owned)), 70);
        vm.assertEq(_balance(alice), 100);
    }

    function test_who_does_not_own_the_wallet_does_not_sign_for_it() public {
        request.holder = address(owned);
        _refused(_signed(malloryKey, _digest(request, notAfter)), _invalid());
    }

    function test_an_owner_who_was_removed_signs_no_more() public {
        request.holder = address(owned);
        bytes memory signature = _signed();
        owned.own(bob);
        _refused(signature, _invalid());
    }

    function test_a_wallet_that_knows_no_signatures_signs_nothing() public {
        request.holder = address(wallet);
        _refused(_signed(), _invalid());
    }

    function test_a_wallet_that_reverts_or_answers_short_has_not_signed() public {
        request.holder = address(owned);
        bytes memory signature = _signed();
        owned.turn(OwnedWallet.Mood.Reverting, address(0), "");
        _refused(signature, _invalid());
        owned.turn(OwnedWallet.Mood.Short, address(0), "");
        _refused(signature, _invalid());
    }

    function test_a_wallet_that_eats_its_gas_stops_its_own_request_only() public {
        request.holder = address(owned);
        bytes memory signature = _signed();
        owned.turn(OwnedWallet.Mood.Devouring, address(0), "");
        vm.prank(mallory);
        vm.expectRevert(_invalid());
        bridge.requestFor{gas: 3_000_000}(request, notAfter, signature);
        request.holder = alice;
        _submit(_signed());
    }

    function audit() external view {
        _auditL1(class);
        vm.assertEq(_balance(address(owned)), 100);
    }

    function test_a_wallet_that_is_asked_finds_the_books_in_order_and_nothing_taken_yet() public {
        request.holder = address(owned);
        bytes memory signature = _signed();
        owned.turn(OwnedWallet.Mood.Auditing, address(this), abi.encodeCall(this.audit, ()));
        _assertStatus(_submit(signature), Status.Open);
        // An audit that finds something amiss would have been seen: now thirty are gone.
        request.salt = 2;
        _refused(_signed(), _invalid());
    }

    function test_a_wallet_that_acts_while_it_is_asked_changes_nothing() public {
        request.holder = address(owned);
        bytes memory signature = _signed();
        bytes[4] memory replies = [
            abi.encodeCall(bridge.retire, (class, 1, COMMITMENT, 9)),
            abi.encodeCall(bridge.safeTransferFrom, (address(owned), bob, class, 1, "")),
            abi.encodeCall(bridge.setApprovalForAll, (bob, true)),
            abi.encodeCall(bridge.requestFor, (request, notAfter, signature))
        ];
        for (uint256 i; i < 4; ++i) {
            uint256 before = vm.snapshotState();
            owned.turn(OwnedWallet.Mood.Entering, address(bridge), replies[i]);
            _assertStatus(_submit(signature), Status.Open);
            vm.assertEq(_balance(address(owned)), 70);
            _auditL1(class);
            vm.revertToState(before);
        }
        // At any other time the same calls are its own to make.
        for (uint256 i; i < 3; ++i) {
            vm.prank(address(owned));
            (bool ok,) = address(bridge).call(replies[i]);
            vm.assertTrue(ok);
        }
    }
}
