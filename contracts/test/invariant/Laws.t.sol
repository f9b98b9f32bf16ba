// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../Cheats.sol";
import {Handler} from "./Handler.sol";

/// @dev The laws that hold on chain, after every step of a random walk through the handler's acts.
contract LawsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), _acts());
    }

    function _acts() private pure returns (bytes4[] memory acts) {
        bytes4[18] memory all = [
            Handler.mint.selector,
            Handler.mint.selector,
            Handler.remint.selector,
            Handler.transfer.selector,
            Handler.ask.selector,
            Handler.ask.selector,
            Handler.settle.selector,
            Handler.settle.selector,
            Handler.refuse.selector,
            Handler.callBack.selector,
            Handler.takeBack.selector,
            Handler.wait.selector,
            Handler.pauseOrUnpause.selector,
            Handler.freeze.selector,
            Handler.replay.selector,
            Handler.mintTwice.selector,
            Handler.endTwice.selector,
            Handler.steal.selector
        ];
        acts = new bytes4[](all.length);
        for (uint256 i; i < all.length; ++i) acts[i] = all[i];
    }

    function invariant_the_laws_hold() external view {
        vm.assertTrue(handler.lawOneHolds(), "L1: supply + pending = live + shortfall");
        vm.assertTrue(handler.rangesAreSortedAndDisjoint(), "L2: ranges are sorted and disjoint");
        vm.assertTrue(handler.requestsAddUp(), "L4: parts never exceed a request, and it ends once");
        vm.assertTrue(handler.balancesAreAsExpected(), "L6: balances change by their holders' acts alone");
        vm.assertEq(handler.breaches(), 0, "somebody did what nobody may");
    }
}
