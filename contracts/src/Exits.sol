// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Attestations} from "./Attestations.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {IDoors} from "./ICarbonBridge.sol";
import {PauseClock} from "./PauseClock.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {Refusal, Request, RequestState, Signature, Status} from "./Types.sol";

/// @title A request by signature, the attested no, and the holder's way out
abstract contract Exits is BridgeBase, IDoors {
    using PauseClock for PauseClock.State;
    using RegistryBook for RegistryBook.Book;

    /// @inheritdoc IDoors
    function requestFor(Request calldata request, uint64 notAfter, bytes calldata signature)
        external
        whenNotPaused
        returns (bytes32)
    {
        if (block.timestamp > notAfter) revert SignatureExpired(notAfter);
        bytes32 digest = _hashTypedDataV4(Attestations.hash(request, notAfter));
        if (!SignatureChecker.isValidSignatureNowCalldata(request.holder, digest, signature)) {
            revert SignatureInvalid(request.holder);
        }
        return _open(request);
    }

    /// @inheritdoc IDoors
    function refuse(Refusal[] calldata refusals, Request[] calldata requests, Signature[] calldata signatures)
        external
    {
        if (refusals.length == 0) revert EmptyBatch();
        if (refusals.length != requests.length) revert LengthMismatch(refusals.length, requests.length);
        uint32 registryIndex = _book.requireClass(requests[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(refusals)), signatures);

        uint256 applied;
        for (uint256 i; i < refusals.length; ++i) {
            if (_refuseRequest(registryIndex, refusals[i], requests[i])) ++applied;
        }
        if (applied == 0) revert NothingToSettle();
    }

    /// @inheritdoc IDoors
    function callBack(Request calldata request) external {
        (bytes32 id, RequestState storage state) = _requireHolders(request);
        if (state.status != Status.Open) revert RequestNotOpen(id, state.status);
        if (block.timestamp <= state.deadline) revert DeadlineNotPassed(id, state.deadline);

        state.status = Status.CalledBack;
        (state.calledBackSeconds, state.calledBackBlocks) = _pause.read();
        emit RequestCalledBack(id, state.remaining);
    }

    /// @inheritdoc IDoors
    function takeBack(Request calldata request, address to) external {
        (bytes32 id, RequestState storage state) = _requireHolders(request);
        if (to != request.holder) {
            _book.requireOpen(request.classId);
            _requireMayMove(request.holder, to);
        }
        if (state.status == Status.CalledBack) {
            _requireChallengePassed(id, state, _book.classes[request.classId]);
            state.status = Status.Returned;
        } else if (state.status != Status.Refused || state.remaining == 0) {
            revert RequestNotOpen(id, state.status);
        }

        uint64 units = _returnUnits(id, state, request, to);
        _checkReceiver(address(0), to, request.classId, units);
    }

    /// @return False when the request has ended already.
    function _refuseRequest(uint32 registryIndex, Refusal calldata refusal, Request calldata request)
        private
        returns (bool)
    {
        (bytes32 id, RequestState storage state) = _requireRequest(refusal.requestId, request);
        _book.requireClassOf(request.classId, registryIndex);
        if (_hasEnded(state.status)) return false;

        state.status = Status.Refused;
        emit RequestRefused(id, refusal.reason, state.remaining);
        if (request.holder.code.length == 0) _returnUnits(id, state, request, request.holder);
        return true;
    }

    /// @dev Credits what is unsettled. The caller has set the request's end and calls the receiver afterwards.
    function _returnUnits(bytes32 id, RequestState storage state, Request calldata request, address to)
        private
        returns (uint64 units)
    {
        units = state.remaining;
        state.remaining = 0;
        _lowerPending(_book.classes[request.classId], request.kind, units);
        _credit(to, request.classId, units);
        emit RequestReturned(id, to, units);
    }

    function _requireHolders(Request calldata request)
        private
        view
        returns (bytes32 id, RequestState storage state)
    {
        if (msg.sender != request.holder) revert NotHolder(msg.sender, request.holder);
        return _requireRequest(_requestId(request), request);
    }

    function _requireChallengePassed(bytes32 id, RequestState storage state, RegistryBook.Class storage class)
        private
        view
    {
        (uint256 nowSeconds, uint256 nowBlocks) = _pause.read();
        uint256 fromSeconds = uint256(state.calledBackSeconds) + class.terms.challengeSeconds;
        uint256 fromBlocks = uint256(state.calledBackBlocks) + class.terms.challengeBlocks;
        if (nowSeconds < fromSeconds || nowBlocks < fromBlocks) {
            revert ChallengeNotPassed(
                id,
                nowSeconds < fromSeconds ? fromSeconds - nowSeconds : 0,
                nowBlocks < fromBlocks ? fromBlocks - nowBlocks : 0
            );
        }
    }
}
