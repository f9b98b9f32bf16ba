// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Signals} from "../src/Signals.sol";
import {LedgerRange, SpaceKind, Terms} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Registries, attesters, spaces, classes.
contract SetupTest is Base {
    address[] private none;

    function _addRefused(bytes32 registry, address[] memory attesters, uint8 threshold, Terms memory terms, bytes memory why)
        private
    {
        vm.prank(admin);
        vm.expectRevert(why);
        bridge.addRegistry(registry, attesters, threshold, terms);
    }

    function _setRefused(address[] memory add, address[] memory remove, uint8 threshold, bytes memory why) private {
        vm.prank(admin);
        vm.expectRevert(why);
        bridge.setAttesters(VERRA, add, remove, threshold);
    }

    function _list(address a) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = a;
    }

    function test_only_the_admin_adds_registries_and_sets_attesters() public {
        bytes memory why = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, operator);
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.addRegistry("acr", _list(mallory), 1, _terms());
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.setAttesters(VERRA, _list(mallory), none, 1);
    }

    function test_a_registry_is_added_once() public {
        _addRefused(
            VERRA, _list(bob), 1, _terms(), abi.encodeWithSelector(Signals.RegistryExists.selector, VERRA)
        );
    }

    function test_a_registry_needs_a_name_a_deadline_a_challenge_and_a_weight() public {
        bytes4 invalid = Signals.TermsInvalid.selector;
        _addRefused(0, _list(bob), 1, _terms(), abi.encodeWithSelector(invalid, 0));
        for (uint256 i; i < 3; ++i) {
            Terms memory terms = _terms();
            if (i == 0) terms.requestDeadline = 0;
            if (i == 1) terms.challengeSeconds = 0;
            if (i == 2) terms.kgPerUnit = 0;
            _addRefused("acr", _list(bob), 1, terms, abi.encodeWithSelector(invalid, bytes32("acr")));
        }
    }

    function test_a_challenge_may_count_seconds_alone() public {
        Terms memory terms = _terms();
        terms.challengeBlocks = 0;
        vm.prank(admin);
        bridge.addRegistry("acr", _list(bob), 1, terms);
        (,, terms) = bridge.registryOf("acr");
        vm.assertEq(terms.challengeBlocks, 0);
    }

    function test_a_threshold_is_neither_nought_nor_out_of_reach() public {
        bytes4 invalid = Signals.ThresholdInvalid.selector;
        _addRefused("acr", _list(bob), 0, _terms(), abi.encodeWithSelector(invalid, bytes32("acr"), 0, 1));
        _addRefused("acr", _list(bob), 2, _terms(), abi.encodeWithSelector(invalid, bytes32("acr"), 2, 1));
        _addRefused("acr", none, 0, _terms(), abi.encodeWithSelector(invalid, bytes32("acr"), 0, 0));
        _setRefused(none, none, 0, abi.encodeWithSelector(invalid, VERRA, 0, 3));
        _setRefused(none, _addresses(verraKeys), 0, abi.encodeWithSelector(invalid, VERRA, 0, 0));
        _setRefused(none, _list(vm.addr(verraKeys[0])), 3, abi.encodeWithSelector(invalid, VERRA, 3, 2));
    }

    function test_two_hundred_and_fifty_six_attesters_are_too_many() public {
        address[] memory many = new address[](256);
        for (uint256 i; i < 256; ++i) many[i] = address(uint160(i + 1));
        _addRefused(
            "acr", many, 1, _terms(), abi.encodeWithSelector(Signals.ThresholdInvalid.selector, bytes32("acr"), 1, 256)
        );
    }

    function test_an_attester_is_somebody_and_is_added_and_removed_once() public {
        bytes4 invalid = Signals.AttesterInvalid.selector;
        address known = vm.addr(verraKeys[0]);
        _setRefused(_list(address(0)), none, 2, abi.encodeWithSelector(invalid, VERRA, address(0)));
        _setRefused(_list(known), none, 2, abi.encodeWithSelector(invalid, VERRA, known));
        _setRefused(none, _list(bob), 2, abi.encodeWithSelector(invalid, VERRA, bob));
        address[] memory twice = new address[](2);
        twice[0] = twice[1] = known;
        _setRefused(none, twice, 1, abi.encodeWithSelector(invalid, VERRA, known));
        twice[0] = twice[1] = bob;
        _setRefused(twice, none, 1, abi.encodeWithSelector(invalid, VERRA, bob));
    }

    function test_an_unknown_registry_has_nothing() public {
        bytes memory why = abi.encodeWithSelector(Signals.RegistryUnknown.selector, bytes32("acr"));
        vm.prank(admin);
        vm.expectRevert(why);
        bridge.setAttesters("acr", _list(bob), none, 1);
        vm.startPrank(operator);
        vm.expectRevert(why);
        bridge.registerSpace("acr", SpaceKind.Counter, "1");
        vm.expectRevert(why);
        bridge.createClass("acr", "1", 2020, "ERT");
        vm.stopPrank();
        vm.expectRevert(why);
        bridge.registryOf("acr");
        vm.expectRevert(why);
        bridge.isAttester("acr", bob);
        vm.expectRevert(why);
        bridge.lockUsed("acr", 1);
    }

    function test_only_operators_register_spaces_and_create_classes() public {
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, admin));
        bridge.registerSpace(VERRA, SpaceKind.Counter, "APX");
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, admin));
        bridge.createClass(VERRA, "1", 2020, "VCU");
        vm.stopPrank();
    }

    function test_spaces_and_classes_are_made_once() public {
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.SpaceExists.selector, counter));
        bridge.registerSpace(VERRA, SpaceKind.Counter, "VER");
        vm.expectRevert(abi.encodeWithSelector(Signals.ClassExists.selector, class));
        bridge.createClass(VERRA, "1686", 2014, "VCU");
        vm.stopPrank();
    }

    function test_an_unregistered_space_has_no_ranges() public {
        bytes memory why = abi.encodeWithSelector(Signals.SpaceUnknown.selector, bytes32("nowhere"));
        vm.expectRevert(why);
        bridge.rangeAt("nowhere", 0);
        vm.expectRevert(why);
        bridge.spaceOf("nowhere");
    }

    function test_a_registry_says_what_was_set() public {
        vm.expectEmit();
        emit Signals.RegistryAdded("acr", _terms());
        vm.expectEmit();
        emit Signals.AttestersSet("acr", _list(bob), none, 1);
        vm.prank(admin);
        bridge.addRegistry("acr", _list(bob), 1, _terms());
        (uint8 threshold, uint8 attesters, Terms memory terms) = bridge.registryOf("acr");
        vm.assertEq(threshold, 1);
        vm.assertEq(attesters, 1);
        vm.assertEq(keccak256(abi.encode(terms)), keccak256(abi.encode(_terms())));
        vm.assertTrue(bridge.isAttester("acr", bob));
        vm.assertFalse(bridge.isAttester(VERRA, bob));
    }

    function test_an_attester_is_exchanged_in_one_call() public {
        address old = vm.addr(verraKeys[0]);
        vm.expectEmit();
        emit Signals.AttestersSet(VERRA, _list(bob), _list(old), 3);
        vm.prank(admin);
        bridge.setAttesters(VERRA, _list(bob), _list(old), 3);
        vm.assertFalse(bridge.isAttester(VERRA, old));
        vm.assertTrue(bridge.isAttester(VERRA, bob));
    }

    function test_a_space_and_a_class_have_ids_that_anyone_can_work_out() public {
        bytes32 spaceId = keccak256(abi.encode(VERRA, SpaceKind.Batch, "MER/2"));
        uint256 classId = uint256(keccak256(abi.encode(VERRA, "985", uint16(2019), "VCU")));
        vm.expectEmit();
        emit Signals.SpaceRegistered(spaceId, VERRA, SpaceKind.Batch, "MER/2");
        vm.prank(operator);
        vm.assertEq(bridge.registerSpace(VERRA, SpaceKind.Batch, "MER/2"), spaceId);
        vm.expectEmit();
        emit Signals.ClassCreated(classId, VERRA, "985", 2019, "VCU", _terms());
        vm.prank(operator);
        vm.assertEq(bridge.createClass(VERRA, "985", 2019, "VCU"), classId);
        (bytes32 registry, SpaceKind kind, uint256 sole) = bridge.spaceOf(spaceId);
        vm.assertEq(registry, VERRA);
        vm.assertEq(uint256(kind), uint256(SpaceKind.Batch));
        vm.assertEq(sole, 0);
    }

    function test_a_batch_space_names_its_class_once_used() public {
        counter = batch;
        _mint(alice, 1, 9);
        (,, uint256 sole) = bridge.spaceOf(batch);
        vm.assertEq(sole, class);
    }

    function test_the_lens_pages_through_a_space() public {
        for (uint64 i = 1; i <= 5; ++i) _mint(alice, i * 10, i * 10 + 4);
        LedgerRange[] memory page = lens.ranges(bridge, counter, 0, 3);
        vm.assertEq(page.length, 3);
        page = lens.ranges(bridge, counter, page[2].first, 3);
        vm.assertEq(page.length, 2);
        vm.assertEq(page[0].first, 40);
        vm.assertEq(page[1].last, 54);
        vm.assertEq(page[1].classId, class);
        page = lens.ranges(bridge, counter, 45, 9);
        vm.assertEq(page.length, 1);
        page = lens.ranges(bridge, counter, 50, 9);
        vm.assertEq(page.length, 0);
        vm.assertEq(lens.hintFor(bridge, counter, 5), 0);
        vm.assertEq(lens.hintFor(bridge, counter, 10), 0);
        vm.assertEq(lens.hintFor(bridge, counter, 35), 30);
    }
}
