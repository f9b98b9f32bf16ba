// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Kind} from "../src/Types.sol";
import {AskTest} from "./Retire.t.sol";
import {vm} from "./Cheats.sol";

contract RedeemTest is AskTest {
    constructor() {
        kind = Kind.Redemption;
    }

    function test_a_redeemed_range_leaves_the_space() public {
        (, bytes32 id) = _redeem(alice, 100);
        _settle(id, 0, 1, 100);
        vm.assertEq(bridge.rangeAt(counter, 1).last, 0);
        vm.assertEq(bridge.rangeAt(counter, 0).next, 0);
        vm.assertEq(bridge.creditClass(class).pendingRedemption, 0);
    }
}
