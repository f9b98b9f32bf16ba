// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {Signals} from "../src/Signals.sol";
import {Cover, Lock, Recovery, Request, Signature, Status, Terms} from "../src/Types.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Calm until told; then it lets nobody give anything, by a reason or by eating all the gas.
contract HostilePolicy is IHolderPolicy {
    enum Mood {
        Calm,
        Refusing,
        Devouring
    }

    Mood public mood;

    error Never();

    function turn(Mood to) external {
        mood = to;
    }

    function requireMayMove(address, address) external view {
        if (mood == Mood.Refusing) revert Never();
        if (mood == Mood.Devouring) {
            assembly {
                invalid()
            }
        }
    }
}

/// @dev Calls somebody whenever it is asked, and says no when that changed anything or found a law broken.
contract ReentrantPolicy is ERC1155Holder {
    address public target;
    bytes public reply;
    address public auditor;

    error Entered();

    function whenAsked(address target_, bytes calldata reply_, address auditor_) external {
        (target, reply, auditor) = (target_, reply_, auditor_);
    }

    function requireMayMove(address, address) external {
        if (target != address(0)) {
            (bool entered,) = target.call{gas: 500_000}(reply);
            if (entered) revert Entered();
        }
        if (auditor != address(0)) PolicyReentryTest(auditor).audit();
    }
}

/// @dev What the worst policy stops, and what it cannot.
contract HostilePolicyTest is Base {
    HostilePolicy private hostile;
    Request private request;
    bytes32 private id;

    function _policy() internal override returns (IHolderPolicy) {
        return hostile = new HostilePolicy();
    }

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
        (request, id) = _retire(alice, 30);
        hostile.turn(HostilePolicy.Mood.Refusing);
    }

    function _challenged() private {
        _passDeadline();
        _callBack(request);
        _passChallenge();
    }

    function test_it_stops_transfers_and_new_requests() public {
        vm.startPrank(alice);
        vm.expectRevert(HostilePolicy.Never.selector);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        vm.expectRevert(HostilePolicy.Never.selector);
        bridge.retire(class, 1, COMMITMENT, 7);
        vm.expectRevert(HostilePolicy.Never.selector);
        bridge.redeem(class, 1, COMMITMENT, 7);
        vm.stopPrank();
    }

    function test_it_stops_mints() public {
        Lock[] memory locks = _locks(_lock(alice, 101, 110));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(HostilePolicy.Never.selector);
        bridge.mint(locks, _noHints(1), signatures);
    }

    function test_it_stops_no_settlement() public {
        _settle(id, 0, 1, 30);
        _assertStatus(id, Status.Settled);
    }

    function test_it_stops_no_refusal() public {
        _refuse(request);
        vm.assertEq(_balance(alice), 100);
    }

    function test_it_stops_no_return_to_the_holder_himself() public {
        _challenged();
        vm.prank(alice);
        vm.expectRevert(HostilePolicy.Never.selector);
        bridge.takeBack(request, bob);
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_one_that_eats_all_gas_stops_no_more() public {
        hostile.turn(HostilePolicy.Mood.Devouring);
        _settle(id, 0, 1, 10);
        _challenged();
        _takeBack(request, alice);
        vm.assertEq(_balance(alice), 90);
    }

    function test_a_calm_one_is_not_noticed() public {
        hostile.turn(HostilePolicy.Mood.Calm);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 70, "");
        _challenged();
        _takeBack(request, bob);
        vm.assertEq(_balance(bob), 100);
    }
}

/// @dev The bridge asks by a static call, in the middle of its writes.
contract PolicyReentryTest is Base {
    ReentrantPolicy private reentrant;

    function _terms() internal view override returns (Terms memory terms) {
        terms = super._terms();
        (terms.recoverer, terms.recoverySeconds) = (recoverer, 7 days);
    }

    function _policy() internal override returns (IHolderPolicy) {
        reentrant = new ReentrantPolicy();
        return IHolderPolicy(address(reentrant));
    }

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
        _mint(address(reentrant), 101, 200);
        vm.prank(alice);
        bridge.setApprovalForAll(address(reentrant), true);
    }

    /// @dev Law L1, as whoever is asked sees it.
    function audit() public view {
        _auditL1(class);
        _auditL1(sibling);
    }

    function _everybodyActs(bytes memory reply) private {
        reentrant.whenAsked(address(bridge), reply, address(this));
        _mintTwo();
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 10, "");
        (, bytes32 id) = _retire(alice, 30);
        (Request memory asked,) = _redeem(alice, 20);
        _settle(id, 0, 1, 30);
        _passDeadline();
        _callBack(asked);
        _passChallenge();
        _takeBack(asked, bob);
        _recoverOne();
        _coverTen();
        audit();
        vm.assertEq(_balance(alice), 29);
        vm.assertEq(_balance(bob), 32);
        vm.assertEq(_balance(address(reentrant)), 100);
        _actsOnlyWhenNotAsked(reply);
    }

    function _recoverOne() private {
        Recovery memory recovery = Recovery(class, alice, bob, 1, 1);
        vm.prank(recoverer);
        bridge.orderRecovery(recovery);
        _pass(7 days, 1);
        bridge.recover(recovery);
    }

    /// @dev The policy is asked for both before either is written.
    function _mintTwo() private {
        Lock[] memory locks = _locks(_lock(mallory, 301, 310), _lock(bob, 311, 311));
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, _noHints(2), signatures);
    }

    /// @dev The policy is asked when the cover is offered.
    function _coverTen() private {
        _reverse("event 1", 31, 40);
        Cover memory cover = _coverBy(bob, 1_001, 1_015);
        _offer(cover);
        _takeCover(alice, cover, 10);
        vm.prank(bob);
        bridge.withdrawCover(cover);
        vm.assertEq(bridge.balanceOf(bob, sibling), 5);
    }

    /// @dev What was refused above is open to it at any other time, so that only the static call refused it.
    function _actsOnlyWhenNotAsked(bytes memory reply) private {
        vm.prank(address(reentrant));
        (bool ok,) = address(bridge).call(reply);
        vm.assertTrue(ok);
    }

    function test_one_that_transfers_while_it_is_asked_moves_nothing() public {
        _everybodyActs(abi.encodeCall(bridge.safeTransferFrom, (alice, address(reentrant), class, 1, "")));
    }

    function test_one_that_asks_while_it_is_asked_opens_nothing() public {
        _everybodyActs(abi.encodeCall(bridge.retire, (class, 1, COMMITMENT, 7)));
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 1);
    }

    function test_one_that_takes_back_while_it_is_asked_takes_nothing() public {
        (Request memory own,) = _redeem(address(reentrant), 10);
        _passDeadline();
        vm.prank(address(reentrant));
        bridge.callBack(own);
        _passChallenge();
        bytes memory reply = abi.encodeCall(bridge.takeBack, (own, address(reentrant)));
        reentrant.whenAsked(address(bridge), reply, address(this));
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 10, "");
        vm.assertEq(_balance(address(reentrant)), 90);
        audit();
        _actsOnlyWhenNotAsked(reply);
        vm.assertEq(_balance(address(reentrant)), 100);
    }
}

contract NoPolicyTest is Base {
    function test_a_bridge_without_a_policy_asks_nobody() public {
        vm.assertEq(address(bridge.policy()), address(0));
        _mint(alice, 1, 10);
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 10, "");
        vm.assertEq(_balance(bob), 10);
    }

    function test_a_policy_without_code_is_refused_before_it_can_hold_every_unit() public {
        (bool ok, bytes memory why) = address(this).call(abi.encodeCall(this.deployWith, (bob)));
        vm.assertFalse(ok);
        vm.assertEq(
            keccak256(why), keccak256(abi.encodeWithSelector(Signals.PolicyInvalid.selector, bob))
        );
    }

    /// @dev Bubbles up why a deployment reverted.
    function deployWith(address policy) external returns (address) {
        return _deploy(admin, "", policy);
    }
}
