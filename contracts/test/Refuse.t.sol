// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "../src/Signals.sol";
import {Refusal, Request, Signature, Status} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract RefuseTest is Base {
    Request private request;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
        _mint(address(wallet), 101, 200);
        (request, id) = _retire(alice, 30);
    }

    function _batch(Request memory a, Request memory b)
        private
        view
        returns (Refusal[] memory refusals, Request[] memory requests)
    {
        (refusals, requests) = (new Refusal[](2), new Request[](2));
        (requests[0], requests[1]) = (a, b);
        for (uint256 i; i < 2; ++i) refusals[i] = Refusal(bridge.requestId(requests[i]), "unserved");
    }

    function _one(Request memory a) private view returns (Refusal[] memory refusals, Request[] memory requests) {
        (refusals, requests) = (new Refusal[](1), new Request[](1));
        (refusals[0], requests[0]) = (Refusal(bridge.requestId(a), "unserved"), a);
    }

    function _refused(Request memory a, bytes memory why) private {
        (Refusal[] memory refusals, Request[] memory requests) = _one(a);
        Signature[] memory signatures = _sign(verraKeys, _digest(refusals));
        vm.expectRevert(why);
        bridge.refuse(refusals, requests, signatures);
    }

    function test_an_empty_batch_is_refused() public {
        vm.expectRevert(Signals.EmptyBatch.selector);
        bridge.refuse(new Refusal[](0), new Request[](0), new Signature[](0));
    }

    function test_each_refusal_needs_its_request() public {
        (Refusal[] memory refusals,) = _one(request);
        vm.expectRevert(abi.encodeWithSelector(Signals.LengthMismatch.selector, 1, 2));
        bridge.refuse(refusals, new Request[](2), new Signature[](0));
    }

    function test_an_unknown_request_is_refused() public {
        Request memory other = request;
        other.salt = 99;
        _refused(other, abi.encodeWithSelector(Signals.RequestUnknown.selector, bridge.requestId(other)));
    }

    function test_a_refusal_with_another_request_beside_it_is_refused() public {
        (Refusal[] memory refusals, Request[] memory requests) = _one(request);
        requests[0].holder = mallory;
        Signature[] memory signatures = _sign(verraKeys, _digest(refusals));
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestUnknown.selector, refusals[0].requestId));
        bridge.refuse(refusals, requests, signatures);
    }

    function test_another_registrys_attesters_refuse_nothing() public {
        (Refusal[] memory refusals, Request[] memory requests) = _one(request);
        Signature[] memory signatures = _sign(goldKeys, _digest(refusals));
        vm.expectRevert(
            abi.encodeWithSelector(Signals.SignerNotAttester.selector, 1, vm.addr(goldKeys[0]))
        );
        bridge.refuse(refusals, requests, signatures);
    }

    function test_a_request_is_refused_once() public {
        _refuse(request);
        _refused(request, abi.encodeWithSelector(Signals.NothingToSettle.selector));
        vm.assertEq(_balance(alice), 100);
    }

    function test_a_settled_request_is_not_refused() public {
        _settle(id, 0, 1, 30);
        _refused(request, abi.encodeWithSelector(Signals.NothingToSettle.selector));
        vm.assertEq(_balance(alice), 70);
    }

    function test_a_returned_request_is_not_refused() public {
        _passDeadline();
        _callBack(request);
        _passChallenge();
        _takeBack(request, alice);
        _refused(request, abi.encodeWithSelector(Signals.NothingToSettle.selector));
        vm.assertEq(_balance(alice), 100);
    }

    function test_the_same_refusal_twice_in_a_batch_and_one_submitted_before_return_units_once() public {
        (Request memory other,) = _redeem(alice, 10);
        _refuse(request);
        (Refusal[] memory refusals, Request[] memory requests) = _batch(request, other);
        bridge.refuse(refusals, requests, _sign(verraKeys, _digest(refusals)));
        vm.assertEq(_balance(alice), 100);
    }

    function test_what_is_unsettled_returns_at_once() public {
        _settle(id, 0, 1, 10);
        vm.expectEmit();
        emit Signals.RequestRefused(id, "unserved", 20);
        vm.expectEmit();
        emit Signals.RequestReturned(id, alice, 20);
        _refuse(request);
        vm.assertEq(_balance(alice), 90);
        vm.assertEq(bridge.creditClass(class).pendingRetirement, 0);
        _assertStatus(id, Status.Refused);
    }

    function test_a_called_back_request_can_be_refused_inside_the_challenge() public {
        _passDeadline();
        _callBack(request);
        _refuse(request);
        vm.assertEq(_balance(alice), 100);
    }

    function test_a_holder_with_code_spoils_no_batch_and_claims_once() public {
        (Request memory theirs, bytes32 theirId) = _redeem(address(wallet), 10);
        wallet.reject(true);
        (Refusal[] memory refusals, Request[] memory requests) = _batch(theirs, request);
        bridge.refuse(refusals, requests, _sign(verraKeys, _digest(refusals)));
        vm.assertEq(_balance(alice), 100);
        vm.assertEq(_balance(address(wallet)), 90);
        vm.assertEq(bridge.creditClass(class).pendingRedemption, 10);

        wallet.reject(false);
        _takeBack(theirs, address(wallet));
        vm.assertEq(_balance(address(wallet)), 100);
        vm.prank(address(wallet));
        vm.expectRevert(abi.encodeWithSelector(Signals.RequestNotOpen.selector, theirId, Status.Refused));
        bridge.takeBack(theirs, address(wallet));
    }
}
