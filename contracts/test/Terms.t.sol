// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Signals} from "../src/Signals.sol";
import {Request, Terms} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Terms are a class's for life.
contract TermsTest is Base {
    function _refused(Terms memory terms) private {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.TermsInvalid.selector, VERRA));
        bridge.setTerms(VERRA, terms);
    }

    /// @dev Each word differs from the registry's first terms.
    function _others() private view returns (Terms memory) {
        return Terms(1 days, 2 days, 3, 500, 4 days, 8 days, true, recoverer);
    }

    function test_only_the_admin_sets_terms() public {
        address[3] memory others = [operator, guardian, mallory];
        for (uint256 i; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, others[i]));
            bridge.setTerms(VERRA, _terms());
        }
    }

    function test_an_unknown_registry_has_no_terms() public {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Signals.RegistryUnknown.selector, bytes32("acr")));
        bridge.setTerms("acr", _terms());
    }

    function test_terms_have_a_deadline_a_challenge_and_a_weight() public {
        for (uint256 i; i < 3; ++i) {
            Terms memory terms = _terms();
            if (i == 0) terms.requestDeadline = 0;
            if (i == 1) terms.challengeSeconds = 0;
            if (i == 2) terms.kgPerUnit = 0;
            _refused(terms);
        }
    }

    function test_a_recoverer_needs_seven_days_and_seven_days_need_no_recoverer() public {
        Terms memory terms = _terms();
        (terms.recoverer, terms.recoverySeconds) = (recoverer, uint32(7 days - 1));
        _refused(terms);
        terms.recoverer = address(0);
        vm.prank(admin);
        bridge.setTerms(VERRA, terms);
    }

    function test_new_terms_are_those_of_new_classes_only() public {
        vm.expectEmit();
        emit Signals.TermsSet(VERRA, _others());
        vm.prank(admin);
        bridge.setTerms(VERRA, _others());
        (,, Terms memory kept) = bridge.registryOf(VERRA);
        vm.assertEq(keccak256(abi.encode(kept)), keccak256(abi.encode(_others())));
        vm.assertEq(keccak256(abi.encode(bridge.creditClass(class).terms)), keccak256(abi.encode(_terms())));
        uint256 classId = uint256(keccak256(abi.encode(VERRA, "985", uint16(2024), "VCU")));
        vm.expectEmit();
        emit Signals.ClassCreated(classId, VERRA, "985", 2024, "VCU", _others());
        vm.prank(operator);
        bridge.createClass(VERRA, "985", 2024, "VCU");
        vm.assertEq(keccak256(abi.encode(bridge.creditClass(classId).terms)), keccak256(abi.encode(_others())));
    }

    function test_another_registry_keeps_its_terms() public {
        vm.prank(admin);
        bridge.setTerms(VERRA, _others());
        (,, Terms memory kept) = bridge.registryOf(GOLD);
        vm.assertEq(keccak256(abi.encode(kept)), keccak256(abi.encode(_terms())));
    }

    function test_a_class_that_exists_keeps_its_deadline_its_challenge_and_its_open_door() public {
        _mint(alice, 1, 100);
        (Request memory open, bytes32 before) = _redeem(alice, 10);
        vm.prank(admin);
        bridge.setTerms(VERRA, _others());
        vm.assertEq(bridge.requestState(before).deadline, vm.getBlockTimestamp() + DEADLINE);
        (, bytes32 later) = _redeem(alice, 10);
        vm.assertEq(bridge.requestState(later).deadline, vm.getBlockTimestamp() + DEADLINE);
        _passDeadline();
        _callBack(open);
        _pass(2 days, 3);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                Signals.ChallengeNotPassed.selector, before, CHALLENGE_SECONDS - 2 days, CHALLENGE_BLOCKS - 3
            )
        );
        bridge.takeBack(open, alice);
        // Neither a statement nor an admission is asked of it.
        _mint(alice, 101, 110);
    }

    function test_a_new_class_has_the_new_deadline_and_challenge() public {
        Terms memory terms = _others();
        (terms.statementSeconds, terms.admissionRequired) = (0, false);
        class = _classWith("985", terms);
        _mint(alice, 1, 100);
        (Request memory request, bytes32 id) = _redeem(alice, 10);
        vm.assertEq(bridge.requestState(id).deadline, vm.getBlockTimestamp() + 1 days);
        _pass(1 days + 1, 1);
        _callBack(request);
        _pass(2 days, 3);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }
}
