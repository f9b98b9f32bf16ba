// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";
import {Ledger} from "./SerialLedger.t.sol";

/// @dev What a hint may be, said once each; the ledger's random steps find most of it too.
contract HintsTest is Base {
    function test_a_hint_that_names_the_range_itself_saves_the_walk() public {
        Ledger ledger = _farLedger();
        ledger.bury(80, 80, 1, 80);
        (, uint64 liveFrom,,) = ledger.nodeAt(80);
        vm.assertEq(liveFrom, 81);
    }

    function test_a_hint_above_the_serials_counts_as_the_head() public {
        Ledger ledger = _farLedger();
        ledger.insert(1, 1, 1, 80);
        vm.assertEq(ledger.head(), 1);
    }

    function test_the_lens_names_the_range_before_the_one_that_ends_with_the_serial() public {
        for (uint64 i = 1; i <= 3; ++i) _mint(alice, i * 10, i * 10 + 4);
        vm.assertEq(lens.hintFor(bridge, counter, 34), 20);
        vm.assertEq(lens.hintFor(bridge, counter, 35), 30);
    }

    /// @dev Forty ranges of one serial, the last too far from the head to be walked to.
    function _farLedger() private returns (Ledger ledger) {
        ledger = new Ledger();
        for (uint64 i = 1; i <= 40; ++i) ledger.insert(i * 2, i * 2, 1, i * 2 - 2);
    }
}
