// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReportAnchor} from "../src/ReportAnchor.sol";
import {deploy} from "deploy/deploy.sol";
import {vm} from "./Cheats.sol";

contract ReportAnchorTest {
    ReportAnchor private anchors;
    address private immutable compliance = vm.addr(uint256(keccak256("compliance")));
    address private immutable mallory = vm.addr(uint256(keccak256("mallory")));
    bytes32 private constant REPORT = keccak256("report");

    function setUp() public {
        anchors = ReportAnchor(deploy("ReportAnchor", ""));
        vm.warp(1_700_000_000);
        vm.roll(1000);
    }

    function _anchor(address by, bytes32 hash) private {
        vm.prank(by);
        anchors.anchor(hash);
    }

    function test_a_second_time_is_refused_and_the_first_stays() public {
        _anchor(compliance, REPORT);
        vm.warp(1_700_000_500);
        vm.roll(1040);
        bytes memory why =
            abi.encodeWithSelector(ReportAnchor.AlreadyAnchored.selector, compliance, REPORT, uint64(1_700_000_000));
        vm.prank(compliance);
        vm.expectRevert(why);
        anchors.anchor(REPORT);
        vm.assertEq(anchors.anchoredAt(compliance, REPORT).timestamp, 1_700_000_000);
        vm.assertEq(anchors.anchoredAt(compliance, REPORT).number, 1000);
    }

    function test_nobody_anchors_in_anothers_name_or_before_him_in_his_place() public {
        _anchor(mallory, REPORT);
        vm.assertEq(anchors.anchoredAt(compliance, REPORT).timestamp, 0);
        vm.warp(1_700_000_500);
        _anchor(compliance, REPORT);
        vm.assertEq(anchors.anchoredAt(compliance, REPORT).timestamp, 1_700_000_500);
        vm.assertEq(anchors.anchoredAt(mallory, REPORT).timestamp, 1_700_000_000);
    }

    function test_what_nobody_anchored_has_no_time() public {
        _anchor(compliance, REPORT);
        vm.assertEq(anchors.anchoredAt(compliance, keccak256("another report")).timestamp, 0);
        vm.assertEq(anchors.anchoredAt(compliance, keccak256("another report")).number, 0);
    }

    function test_it_is_told_with_who_and_what() public {
        vm.expectEmit();
        emit ReportAnchor.Anchored(compliance, REPORT);
        _anchor(compliance, REPORT);
    }
}
