// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Signals} from "../src/Signals.sol";
import {Lock, Request, Signature, SpaceKind} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract PauseTest is Base {
    function _pause() private {
        vm.prank(guardian);
        bridge.pause();
    }

    function _unpause() private {
        vm.prank(admin);
        bridge.unpause();
    }

    function _clock() private view returns (uint256 seconds_, uint256 blocks) {
        (seconds_, blocks) = bridge.challengeClock();
    }

    function test_only_a_guardian_pauses_and_only_the_admin_unpauses() public {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, admin));
        bridge.pause();
        vm.expectEmit();
        emit Signals.Paused(guardian);
        _pause();
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        bridge.unpause();
        vm.expectEmit();
        emit Signals.Unpaused(admin);
        _unpause();
        vm.assertFalse(bridge.paused());
    }

    function test_a_pause_is_begun_and_ended_once() public {
        vm.prank(admin);
        vm.expectRevert(Signals.IsNotPaused.selector);
        bridge.unpause();
        _pause();
        vm.prank(guardian);
        vm.expectRevert(Signals.IsPaused.selector);
        bridge.pause();
    }

    function test_nothing_is_minted_while_paused() public {
        Lock[] memory locks = _locks(_lock(alice, 1, 9));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        _pause();
        vm.prank(operator);
        vm.expectRevert(Signals.IsPaused.selector);
        bridge.mint(locks, _noHints(1), signatures);
    }

    /// @dev Else a stolen operator's key could fix old terms for classes to come.
    function test_nothing_is_set_up_by_an_operator_while_paused() public {
        vm.prank(guardian);
        bridge.pause();
        vm.startPrank(operator);
        vm.expectRevert(Signals.IsPaused.selector);
        bridge.createClass(VERRA, "985", 2019, "VCU");
        vm.expectRevert(Signals.IsPaused.selector);
        bridge.registerSpace(VERRA, SpaceKind.Counter, "MER");
        vm.stopPrank();
    }

    function test_holders_transfer_while_paused() public {
        _mint(alice, 1, 9);
        _pause();
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 9, "");
    }

    function test_the_challenge_clock_stands_while_paused() public {
        _pause();
        (uint256 seconds_, uint256 blocks) = _clock();
        _pass(10 days, 500);
        (uint256 laterSeconds, uint256 laterBlocks) = _clock();
        vm.assertEq(laterSeconds, seconds_);
        vm.assertEq(laterBlocks, blocks);
        _unpause();
        _pass(5, 5);
        (laterSeconds, laterBlocks) = _clock();
        vm.assertEq(laterSeconds, seconds_ + 5);
        vm.assertEq(laterBlocks, blocks + 5);
    }

    function test_a_pause_stops_the_clock_for_thirty_days_at_most() public {
        (uint256 seconds_, uint256 blocks) = _clock();
        _pause();
        _pass(100 days, 500);
        (uint256 laterSeconds, uint256 laterBlocks) = _clock();
        vm.assertEq(laterSeconds, seconds_ + 70 days);
        vm.assertEq(laterBlocks, blocks + 500);
        _unpause();
        (laterSeconds, laterBlocks) = _clock();
        vm.assertEq(laterSeconds, seconds_ + 70 days);
        vm.assertEq(laterBlocks, blocks + 500);
    }

    function test_a_chain_of_pauses_cannot_stop_returns() public {
        _mint(alice, 1, 100);
        (Request memory request,) = _retire(alice, 30);
        _passDeadline();
        _callBack(request);
        for (uint256 i; i < 3; ++i) {
            _pause();
            _pass(29 days, 1_000);
            _unpause();
        }
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_after_thirty_quiet_days_a_pause_stops_the_clock_again() public {
        _pause();
        _unpause();
        _pass(30 days, 1);
        _pause();
        (uint256 seconds_,) = _clock();
        _pass(1 days, 1);
        (uint256 later,) = _clock();
        vm.assertEq(later, seconds_);
    }

    function test_the_clock_never_runs_backwards_nor_faster_than_time(uint32[8] calldata waits) public {
        (uint256 seconds_, uint256 blocks) = _clock();
        (uint256 startTime, uint256 startSeconds) = (vm.getBlockTimestamp(), seconds_);
        for (uint256 i; i < 8; ++i) {
            if (bridge.paused()) _unpause();
            else _pause();
            _pass(waits[i] % 60 days, waits[i] % 1_000);
            (uint256 laterSeconds, uint256 laterBlocks) = _clock();
            vm.assertLe(seconds_, laterSeconds);
            vm.assertLe(blocks, laterBlocks);
            (seconds_, blocks) = (laterSeconds, laterBlocks);
        }
        vm.assertLe(seconds_ - startSeconds, vm.getBlockTimestamp() - startTime);
    }
}
