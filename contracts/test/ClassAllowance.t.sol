// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Signals} from "../src/Signals.sol";
import {Lock, Signature} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev What all operators together may mint of one class.
contract ClassAllowanceTest is Base {
    function _bound(uint64 unitsPerDay) private {
        vm.prank(admin);
        bridge.setClassAllowance(class, unitsPerDay);
    }

    function _exceeded(uint256 units, uint256 available) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.ClassAllowanceExceeded.selector, class, units, available);
    }

    function _available() private view returns (uint256 available) {
        (, available) = bridge.classAllowance(class);
    }

    function test_only_the_admin_bounds_a_class() public {
        address[3] memory others = [operator, guardian, mallory];
        for (uint256 i; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, others[i]));
            bridge.setClassAllowance(class, 1);
        }
    }

    function test_an_unknown_class_has_no_bound() public {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
        bridge.setClassAllowance(7, 1);
    }

    function test_minting_stops_at_the_classs_allowance_to_the_unit() public {
        _bound(100);
        _mintRefused(_lock(alice, 1, 101), _exceeded(101, 100));
        _mint(alice, 1, 90);
        _mintRefused(_lock(alice, 91, 101), _exceeded(11, 10));
        _mint(alice, 91, 100);
        _mintRefused(_lock(alice, 101, 101), _exceeded(1, 0));
    }

    function test_locks_of_one_batch_count_together_and_in_both_bounds() public {
        _bound(100);
        Lock[] memory locks = _locks(_lock(alice, 1, 60), _lock(bob, 61, 101));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(_exceeded(41, 40));
        bridge.mint(locks, _noHints(2), signatures);
        vm.assertEq(_available(), 100);
        _mint(alice, 1, 60);
        (, uint256 operators) = bridge.allowance(operator);
        vm.assertEq(_available(), 40);
        vm.assertEq(operators, PER_DAY - 60);
    }

    function test_operators_share_the_bound_of_a_class() public {
        _bound(100);
        _mint(alice, 1, 90);
        vm.prank(admin);
        bridge.setAllowance(bob, PER_DAY);
        Lock[] memory locks = _locks(_lock(alice, 91, 101));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(bob);
        vm.expectRevert(_exceeded(11, 10));
        bridge.mint(locks, _noHints(1), signatures);
    }

    function test_another_class_is_not_bound() public {
        _bound(1);
        class = sibling;
        _mint(alice, 1, 1_000);
    }

    function test_the_bound_refills_evenly_and_never_above_a_days_worth() public {
        _bound(86_400);
        _mint(alice, 1, 86_400);
        vm.assertEq(_available(), 0);
        _pass(1 hours, 1);
        vm.assertEq(_available(), 3_600);
        _mintRefused(_lock(alice, 86_401, 86_400 + 3_601), _exceeded(3_601, 3_600));
        _pass(10 days, 1);
        vm.assertEq(_available(), 86_400);
    }

    function test_zero_ends_the_bound() public {
        _bound(10);
        _mint(alice, 1, 10);
        vm.expectEmit();
        emit Signals.ClassAllowanceSet(class, 0);
        _bound(0);
        _mint(alice, 11, 1_000);
        (uint64 unitsPerDay, uint256 available) = bridge.classAllowance(class);
        vm.assertEq(unitsPerDay, 0);
        vm.assertEq(available, 0);
    }

    function test_a_changed_bound_keeps_what_was_spent() public {
        _bound(100);
        _mint(alice, 1, 60);
        _bound(50);
        vm.assertEq(_available(), 0);
        _bound(200);
        vm.assertEq(_available(), 150);
    }

    function test_what_was_minted_before_the_bound_was_not_spent_in_it() public {
        _mint(alice, 1, 1_000);
        _bound(100);
        vm.assertEq(_available(), 100);
        _mint(alice, 1_001, 1_100);
    }

    function test_burning_and_reversing_give_nothing_back() public {
        _bound(100);
        _mint(alice, 1, 100);
        (, bytes32 id) = _redeem(alice, 50);
        _settle(id, 0, 51, 100);
        _mintRefused(_lock(alice, 51, 51), _exceeded(1, 0));
        _reverse("event 1", 1, 10);
        vm.assertEq(_available(), 0);
    }

    function test_cover_spends_the_bound_of_its_class() public {
        _mint(alice, 1, 100);
        _reverse("event 1", 1, 30);
        vm.prank(admin);
        bridge.setClassAllowance(sibling, 100);
        _offer(_coverBy(bob, 1_001, 1_030));
        class = sibling;
        vm.assertEq(_available(), 70);
    }
}
