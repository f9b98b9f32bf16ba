// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lock} from "../src/ICarbonBridge.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract BatchSpaceTest is Base {
    function test_a_batch_space_takes_more_of_the_class_that_it_took_first() public {
        for (uint64 i; i < 2; ++i) {
            Lock memory lock = _lock(alice, 1 + 10 * i, 10 + 10 * i);
            lock.space = batch;
            _mint(lock);
        }
        vm.assertEq(_balance(alice), 20);
    }
}
