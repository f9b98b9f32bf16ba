// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {Signals} from "../src/Signals.sol";
import {
    Cover, Lock, Outcome, Recovery, Request, Reversal, Signature, StatementHead, Status, Terms
} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Eats whatever gas its hook is given.
contract Devourer {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        assembly {
            invalid()
        }
    }
}

/// @dev What those can do who only want to make others' calls fail, or dear.
contract GriefingTest is Base {
    uint256 private constant GAS = 5_000_000;
    address private devourer;

    function _terms() internal view override returns (Terms memory terms) {
        terms = super._terms();
        (terms.recoverer, terms.recoverySeconds) = (recoverer, 7 days);
    }

    function setUp() public override {
        super.setUp();
        devourer = address(new Devourer());
    }

    function _devoured() private view returns (bytes memory) {
        return abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, devourer);
    }

    // ------------------------------------------------------------- hungry receivers

    function test_a_receiver_that_eats_all_gas_spoils_its_own_batch_only() public {
        Lock memory bad = _lock(devourer, 1, 9);
        Lock[] memory locks = _locks(_lock(alice, 10, 19), bad);
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(_devoured());
        bridge.mint{gas: GAS}(locks, _noHints(2), signatures);
        vm.assertFalse(bridge.lockUsed(VERRA, bad.lockId));
        _mint(locks[0]);
        vm.assertEq(_balance(alice), 10);
    }

    /// @dev A refusal, a settlement and an offer of cover call nobody.
    function test_a_holder_that_eats_all_gas_spoils_no_batch_of_the_attesters() public {
        _mint(alice, 1, 100);
        address hungry = address(wallet);
        _mint(hungry, 101, 120);
        (Request memory refused, bytes32 refusedId) = _retire(hungry, 10);
        (, bytes32 settled) = _retire(hungry, 10);
        vm.etch(hungry, devourer.code);
        _settle(settled, 0, 101, 110);
        _refuse(refused);
        _assertStatus(settled, Status.Settled);
        _assertStatus(refusedId, Status.Refused);
        _reverse("event 1", 1, 10);
        _offer(_coverBy(hungry, 1_001, 1_010));
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), 10);
    }

    function test_a_holder_that_eats_all_gas_takes_no_cover_and_leaves_it_to_others() public {
        _mint(alice, 1, 100);
        _mint(address(wallet), 101, 110);
        _reverse("event 1", 1, 10);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        vm.etch(address(wallet), devourer.code);
        vm.prank(address(wallet));
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, wallet));
        bridge.takeCover{gas: GAS}(cover, 10);
        _takeCover(alice, cover, 10);
        vm.assertEq(bridge.creditClass(class).shortfall, 0);
    }

    function test_a_receiver_that_eats_all_gas_is_recovered_nothing() public {
        _mint(alice, 1, 100);
        Recovery memory recovery = Recovery(class, alice, devourer, 100, 1);
        vm.prank(recoverer);
        bridge.orderRecovery(recovery);
        _pass(7 days, 1);
        vm.expectRevert(_devoured());
        bridge.recover{gas: GAS}(recovery);
        vm.assertEq(_balance(alice), 100);
    }

    // -------------------------------------------------------------------- long walks

    /// @dev Thirty-four ranges of one serial each, at 10, 20, and so on; thirty-two steps is the longest walk.
    function _scatter() private {
        for (uint64 i = 1; i <= 34; ++i) {
            Lock[] memory locks = _locks(_lock(alice, i * 10, i * 10));
            uint64[] memory hints = new uint64[](1);
            hints[0] = (i - 1) * 10;
            Signature[] memory signatures = _sign(verraKeys, _digest(locks));
            vm.prank(operator);
            bridge.mint(locks, hints, signatures);
        }
    }

    function _hint(uint64 serial) private pure returns (uint64[] memory hints) {
        hints = new uint64[](1);
        hints[0] = serial;
    }

    function _tooFar(uint64 hint, uint64 serial) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Signals.HintTooFar.selector, hint, serial);
    }

    function test_a_settlement_walks_thirty_two_steps_and_no_more() public {
        _scatter();
        (, bytes32 id) = _retire(alice, 2);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 330, 330));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        vm.expectRevert(_tooFar(0, 330));
        bridge.settle(outcomes, _requestsOf(outcomes), _hint(0), signatures);
        bridge.settle(outcomes, _requestsOf(outcomes), _hint(10), signatures);
        _settle(id, 1, 320, 320);
        _assertStatus(id, Status.Settled);
    }

    function test_a_redeemed_range_is_unlinked_by_a_walk_from_the_head_that_is_bounded_too() public {
        _scatter();
        (, bytes32 id) = _redeem(alice, 1);
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 340, 340));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        // The hint names the range itself, so that the one before it must be found from the head.
        vm.expectRevert(_tooFar(0, 339));
        bridge.settle(outcomes, _requestsOf(outcomes), _hint(340), signatures);
        bridge.settle(outcomes, _requestsOf(outcomes), _hint(lens.hintFor(bridge, counter, 340)), signatures);
        _assertStatus(id, Status.Settled);
    }

    function test_a_reversal_walks_thirty_two_steps_and_no_more() public {
        _scatter();
        Reversal[] memory reversals = _reversals(_reversal("event 1", 330, 330));
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        vm.expectRevert(_tooFar(0, 330));
        bridge.reverse(reversals, _hint(0), signatures);
        bridge.reverse(reversals, _hint(lens.hintFor(bridge, counter, 330)), signatures);
        _reverse("event 2", 320, 320);
        vm.assertEq(bridge.creditClass(class).shortfall, 2);
    }

    function test_a_cover_walks_thirty_two_steps_and_no_more() public {
        _scatter();
        _reverse("event 1", 10, 10);
        Cover[] memory covers = _covers(_coverBy(bob, 335, 335));
        Signature[] memory signatures = _sign(verraKeys, _digest(covers));
        vm.prank(operator);
        vm.expectRevert(_tooFar(0, 335));
        bridge.cover(covers, _hint(0), signatures);
        uint64[] memory near = _hint(lens.hintFor(bridge, counter, 335));
        vm.prank(operator);
        bridge.cover(covers, near, signatures);
        _offer(_coverBy(bob, 325, 325));
        vm.assertEq(bridge.balanceOf(address(bridge), sibling), 2);
    }

    function test_a_hint_that_is_none_counts_as_the_head() public {
        _scatter();
        Reversal[] memory reversals = _reversals(_reversal("event 1", 330, 330));
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        vm.expectRevert(_tooFar(325, 330));
        bridge.reverse(reversals, _hint(325), signatures);
        vm.expectRevert(_tooFar(340, 330));
        bridge.reverse(reversals, _hint(340), signatures);
    }

    // --------------------------------------------------------------------- a crowd

    /// @dev Nothing walks over requests, so that a crowd of them makes nobody's settlement dearer.
    function test_twenty_thousand_open_requests_make_no_settlement_dearer() public {
        vm.pauseGasMetering();
        _mint(mallory, 1, 20_000);
        _mint(alice, 100_001, 100_100);
        (, bytes32 id) = _retire(alice, 30);
        // One more of the crowd's, so that no total is nought on either side.
        _retireBy(mallory, 1);
        uint256 alone = _gasOfSettling(id);
        for (uint256 i = 2; i <= 20_000; ++i) _retireBy(mallory, i);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 20_030);
        vm.assertEq(_gasOfSettling(id), alone);
        vm.assertTrue(alone > 50_000);
    }

    function _retireBy(address holder, uint256 salt) private {
        vm.prank(holder);
        bridge.retire(class, 1, COMMITMENT, salt);
    }

    function _gasOfSettling(bytes32 id) private returns (uint256 used) {
        Outcome[] memory outcomes = _outcomes(_outcome(id, 0, 100_001, 100_030));
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        bytes memory call = abi.encodeCall(
            bridge.settle, (outcomes, _requestsOf(outcomes), _noHints(1), signatures)
        );
        uint256 before = vm.snapshotState();
        used = this.gasOf(call);
        vm.revertToState(before);
    }

    /// @dev External, so that memory costs the same each time.
    function gasOf(bytes calldata call) external returns (uint256 used) {
        vm.cool(address(bridge));
        vm.resumeGasMetering();
        used = gasleft();
        (bool ok,) = address(bridge).call(call);
        used -= gasleft();
        vm.pauseGasMetering();
        vm.assertTrue(ok);
    }

    // --------------------------------------------------------------- signer lists

    /// @dev The same attester twice, and two in falling order.
    function _bad(bytes32 digest) private view returns (Signature[] memory twice, Signature[] memory falling) {
        (twice, falling) = (new Signature[](2), new Signature[](2));
        twice[0] = twice[1] = falling[1] = _signature(verraKeys[0], digest);
        falling[0] = _signature(verraKeys[1], digest);
    }

    function _notRising(uint256 previous) private view returns (bytes memory) {
        return abi.encodeWithSelector(
            Signals.SignersNotRising.selector, vm.addr(verraKeys[previous]), vm.addr(verraKeys[0])
        );
    }

    function test_a_reversal_counts_each_attester_once_and_in_rising_order() public {
        _mint(alice, 1, 100);
        Reversal[] memory reversals = _reversals(_reversal("event 1", 1, 10));
        (Signature[] memory twice, Signature[] memory falling) = _bad(_digest(reversals));
        vm.expectRevert(_notRising(0));
        bridge.reverse(reversals, _noHints(1), twice);
        vm.expectRevert(_notRising(1));
        bridge.reverse(reversals, _noHints(1), falling);
    }

    function test_a_cover_counts_each_attester_once_and_in_rising_order() public {
        _mint(alice, 1, 100);
        _reverse("event 1", 1, 10);
        Cover[] memory covers = _covers(_coverBy(bob, 1_001, 1_010));
        (Signature[] memory twice, Signature[] memory falling) = _bad(_digest(covers));
        vm.startPrank(operator);
        vm.expectRevert(_notRising(0));
        bridge.cover(covers, _noHints(1), twice);
        vm.expectRevert(_notRising(1));
        bridge.cover(covers, _noHints(1), falling);
        vm.stopPrank();
    }

    function test_a_statement_counts_each_attester_once_and_in_rising_order() public {
        StatementHead memory head = _head(1, class, 100, 0);
        (Signature[] memory twice, Signature[] memory falling) = _bad(_digest(head));
        vm.expectRevert(_notRising(0));
        bridge.stateReserves(head, twice);
        vm.expectRevert(_notRising(1));
        bridge.stateReserves(head, falling);
    }

    function test_more_signatures_than_needed_must_be_good_too() public {
        StatementHead memory head = _head(1, class, 100, 0);
        Signature[] memory three = new Signature[](3);
        for (uint256 i; i < 3; ++i) three[i] = _signature(verraKeys[i], _digest(head));
        three[2] = three[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                Signals.SignersNotRising.selector, vm.addr(verraKeys[1]), vm.addr(verraKeys[1])
            )
        );
        bridge.stateReserves(head, three);
        three[2] = _signature(verraKeys[2], _digest(head));
        bridge.stateReserves(head, three);
    }
}
