// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {Signals} from "../src/Signals.sol";
import {Kind, Request, RequestState, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Both doors that open a request; what they share is tried at each.
abstract contract AskTest is Base {
    Kind internal kind;

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _door(uint256 classId, uint64 units, uint256 salt) internal {
        if (kind == Kind.Retirement) bridge.retire(classId, units, COMMITMENT, salt);
        else bridge.redeem(classId, units, COMMITMENT, salt);
    }

    function test_a_request_for_nothing_is_refused() public {
        vm.prank(alice);
        vm.expectRevert(Signals.ZeroUnits.selector);
        _door(class, 0, 1);
    }

    function test_a_request_of_an_unknown_class_is_refused() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
        _door(7, 1, 1);
    }

    function test_nobody_asks_for_more_than_he_has() public {
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 100, 101, class)
        );
        _door(class, 101, 1);
    }

    function test_nobody_asks_with_anothers_units_even_when_approved_to_move_them() public {
        vm.prank(alice);
        bridge.setApprovalForAll(mallory, true);
        vm.prank(mallory);
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, mallory, 0, 1, class)
        );
        _door(class, 1, 1);
    }

    function test_a_request_id_is_usable_once() public {
        (Request memory request, bytes32 id) = _ask(kind, alice, 10);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestExists.selector, id));
        _door(class, 10, request.salt);
    }

    function test_a_request_id_is_not_free_again_after_its_end() public {
        (Request memory request, bytes32 id) = _ask(kind, alice, 10);
        _refuse(request);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestExists.selector, id));
        _door(class, 10, request.salt);
    }

    function test_no_request_opens_while_paused() public {
        vm.prank(guardian);
        bridge.pause();
        vm.prank(alice);
        vm.expectRevert(Signals.IsPaused.selector);
        _door(class, 10, 1);
    }

    function test_a_request_id_binds_kind_holder_class_units_commitment_and_salt() public view {
        Request memory request = Request(kind, alice, class, 10, COMMITMENT, 1);
        bytes32 id = bridge.requestId(request);
        vm.assertEq(id, keccak256(abi.encode(block.chainid, address(bridge), request)));
        for (uint256 i; i < 6; ++i) {
            Request memory other = abi.decode(abi.encode(request), (Request));
            if (i == 0) other.kind = kind == Kind.Retirement ? Kind.Redemption : Kind.Retirement;
            if (i == 1) other.holder = bob;
            if (i == 2) other.classId = sibling;
            if (i == 3) other.units = 11;
            if (i == 4) other.commitment = 0;
            if (i == 5) other.salt = 2;
            vm.assertTrue(bridge.requestId(other) != id);
        }
    }

    function test_asking_burns_at_once_and_keeps_the_deadline_of_the_class() public {
        uint40 deadline = uint40(vm.getBlockTimestamp()) + DEADLINE;
        Request memory request = Request(kind, alice, class, 30, COMMITMENT, 1);
        vm.expectEmit();
        emit IERC1155.TransferSingle(alice, alice, address(0), class, 30);
        vm.expectEmit();
        emit Signals.RequestOpened(
            bridge.requestId(request), alice, class, kind, 30, COMMITMENT, 1, deadline
        );
        vm.prank(alice);
        _door(class, 30, 1);

        vm.assertEq(_balance(alice), 70);
        vm.assertEq(bridge.totalSupply(class), 70);
        RequestState memory state = bridge.requestState(bridge.requestId(request));
        vm.assertEq(state.remaining, 30);
        vm.assertEq(state.deadline, deadline);
        vm.assertEq(uint256(state.status), uint256(Status.Open));
        bool retiring = kind == Kind.Retirement;
        vm.assertEq(bridge.creditClass(class).pendingRetirement, retiring ? 30 : 0);
        vm.assertEq(bridge.creditClass(class).pendingRedemption, retiring ? 0 : 30);
    }
}

contract RetireTest is AskTest {
    constructor() {
        kind = Kind.Retirement;
    }

    function test_a_retired_range_stays_as_a_tombstone() public {
        (, bytes32 id) = _retire(alice, 10);
        _settle(id, 0, 1, 10);
        vm.assertEq(bridge.rangeAt(counter, 1).liveFrom, 11);
        vm.assertEq(bridge.rangeAt(counter, 1).last, 100);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 0);
    }
}
