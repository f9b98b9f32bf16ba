// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lock, Outcome, Range, Refusal} from "./ICarbonBridge.sol";

/// @title The EIP-712 struct hashes that attesters sign
/// @dev Each is a batch; a single item is a batch of one. The domain is (name, version, chain id, contract).
///
/// | type | members |
/// |---|---|
/// | Locks | Lock[] locks |
/// | Lock | uint256 lockId, uint256 classId, bytes32 space, uint64 first, uint64 last, address recipient, uint64 notAfter |
/// | Outcomes | Outcome[] outcomes |
/// | Outcome | bytes32 requestId, uint16 part, Range[] ranges |
/// | Range | bytes32 space, uint64 first, uint64 last |
/// | Refusals | Refusal[] refusals |
/// | Refusal | bytes32 requestId, bytes32 reason |
library Attestations {
    // Written out, members and all, since the compiler folds the hash of a literal only.
    bytes32 private constant LOCK_TYPE = keccak256(
        "Lock(uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter)"
    );
    bytes32 private constant LOCKS_TYPE = keccak256(
        "Locks(Lock[] locks)"
        "Lock(uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter)"
    );
    bytes32 private constant RANGE_TYPE = keccak256("Range(bytes32 space,uint64 first,uint64 last)");
    bytes32 private constant OUTCOME_TYPE = keccak256(
        "Outcome(bytes32 requestId,uint16 part,Range[] ranges)" "Range(bytes32 space,uint64 first,uint64 last)"
    );
    bytes32 private constant OUTCOMES_TYPE = keccak256(
        "Outcomes(Outcome[] outcomes)" "Outcome(bytes32 requestId,uint16 part,Range[] ranges)"
        "Range(bytes32 space,uint64 first,uint64 last)"
    );
    bytes32 private constant REFUSAL_TYPE = keccak256("Refusal(bytes32 requestId,bytes32 reason)");
    bytes32 private constant REFUSALS_TYPE =
        keccak256("Refusals(Refusal[] refusals)" "Refusal(bytes32 requestId,bytes32 reason)");

    function hash(Lock[] calldata locks) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](locks.length);
        for (uint256 i; i < locks.length; ++i) {
            hashes[i] = keccak256(abi.encode(LOCK_TYPE, locks[i]));
        }
        return _hashBatch(LOCKS_TYPE, hashes);
    }

    function hash(Outcome[] calldata outcomes) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](outcomes.length);
        for (uint256 i; i < outcomes.length; ++i) {
            Outcome calldata outcome = outcomes[i];
            hashes[i] =
                keccak256(abi.encode(OUTCOME_TYPE, outcome.requestId, outcome.part, _hashRanges(outcome.ranges)));
        }
        return _hashBatch(OUTCOMES_TYPE, hashes);
    }

    function hash(Refusal[] calldata refusals) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](refusals.length);
        for (uint256 i; i < refusals.length; ++i) {
            hashes[i] = keccak256(abi.encode(REFUSAL_TYPE, refusals[i]));
        }
        return _hashBatch(REFUSALS_TYPE, hashes);
    }

    function _hashRanges(Range[] calldata ranges) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](ranges.length);
        for (uint256 i; i < ranges.length; ++i) {
            hashes[i] = keccak256(abi.encode(RANGE_TYPE, ranges[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _hashBatch(bytes32 batchType, bytes32[] memory hashes) private pure returns (bytes32) {
        return keccak256(abi.encode(batchType, keccak256(abi.encodePacked(hashes))));
    }
}
