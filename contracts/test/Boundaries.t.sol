// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../src/Signals.sol";
import {Lock, Refusal, Request, Signature} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev The last of what is allowed, and the first of what is not.
contract BoundariesTest is Base {
    function test_a_batch_space_takes_more_of_the_class_that_it_took_first() public {
        for (uint64 i; i < 2; ++i) {
            Lock memory lock = _lock(alice, 1 + 10 * i, 10 + 10 * i);
            lock.space = batch;
            _mint(lock);
        }
        vm.assertEq(_balance(alice), 20);
    }

    function test_two_hundred_and_fifty_five_attesters_are_not_too_many() public {
        address[] memory many = new address[](255);
        for (uint256 i; i < 255; ++i) many[i] = address(uint160(i + 1));
        vm.prank(admin);
        bridge.addRegistry("acr", many, 255, _terms());
        vm.assertTrue(bridge.isAttester("acr", many[254]));
    }

    function test_in_its_last_second_a_pause_gives_back_the_blocks() public {
        (uint256 seconds_, uint256 blocks) = bridge.challengeClock();
        vm.prank(guardian);
        bridge.pause();
        _pass(30 days - 1, 500);
        (uint256 laterSeconds, uint256 laterBlocks) = bridge.challengeClock();
        vm.assertEq(laterSeconds, seconds_);
        vm.assertEq(laterBlocks, blocks);
        _pass(1, 0);
        (laterSeconds, laterBlocks) = bridge.challengeClock();
        vm.assertEq(laterSeconds, seconds_);
        vm.assertEq(laterBlocks, blocks + 500);
    }

    function test_a_registry_refuses_no_others_request_in_its_batch() public {
        _mint(alice, 1, 10);
        (Request memory own,) = _retire(alice, 10);
        uint256[3] memory keys = verraKeys;
        (verraKeys, class, counter) = (goldKeys, goldClass, goldSpace);
        _mint(alice, 1, 10);
        (Request memory theirs,) = _retire(alice, 10);

        Request[] memory requests = new Request[](2);
        (requests[0], requests[1]) = (own, theirs);
        Refusal[] memory refusals = new Refusal[](2);
        for (uint256 i; i < 2; ++i) refusals[i] = Refusal(bridge.requestId(requests[i]), "unserved");
        Signature[] memory signatures = _sign(keys, _digest(refusals));
        vm.expectRevert(abi.encodeWithSelector(Signals.ClassOfOtherRegistry.selector, goldClass, 2, 1));
        bridge.refuse(refusals, requests, signatures);
    }
}
