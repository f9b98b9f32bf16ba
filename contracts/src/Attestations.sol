// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cover, Lock, Outcome, Range, Refusal, Request, Reversal, StatementHead} from "./Types.sol";

/// @title The EIP-712 struct hashes that attesters sign, and the one that holders do
/// @dev What attesters sign is a batch; a single item is a batch of one. The domain is (name, version, chain id, contract).
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
/// | Reversals | Reversal[] reversals |
/// | Reversal | bytes32 eventId, uint256 classId, bytes32 reason, Range[] ranges |
/// | Covers | Cover[] covers |
/// | Cover | Lock lock, uint256 shortClassId |
/// | StatementHeads | StatementHead[] statementHeads |
/// | StatementHead | uint64 sequence, uint64 asOf, bytes32 rowsHash, ClassTotal[] totals |
/// | ClassTotal | uint256 classId, uint64 locked, uint64 released, uint64 retired, uint64 handedOver |
/// | Request (a holder) | uint8 kind, address holder, uint256 classId, uint64 units, bytes32 commitment, uint256 salt, uint64 notAfter |
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

    bytes32 private constant REVERSAL_TYPE = keccak256(
        "Reversal(bytes32 eventId,uint256 classId,bytes32 reason,Range[] ranges)"
        "Range(bytes32 space,uint64 first,uint64 last)"
    );
    bytes32 private constant REVERSALS_TYPE = keccak256(
        "Reversals(Reversal[] reversals)" "Range(bytes32 space,uint64 first,uint64 last)"
        "Reversal(bytes32 eventId,uint256 classId,bytes32 reason,Range[] ranges)"
    );
    bytes32 private constant COVER_TYPE = keccak256(
        "Cover(Lock lock,uint256 shortClassId)"
        "Lock(uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter)"
    );
    bytes32 private constant COVERS_TYPE = keccak256(
        "Covers(Cover[] covers)" "Cover(Lock lock,uint256 shortClassId)"
        "Lock(uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter)"
    );
    bytes32 private constant TOTAL_TYPE = keccak256(
        "ClassTotal(uint256 classId,uint64 locked,uint64 released,uint64 retired,uint64 handedOver)"
    );
    bytes32 private constant HEAD_TYPE = keccak256(
        "StatementHead(uint64 sequence,uint64 asOf,bytes32 rowsHash,ClassTotal[] totals)"
        "ClassTotal(uint256 classId,uint64 locked,uint64 released,uint64 retired,uint64 handedOver)"
    );
    bytes32 private constant HEADS_TYPE = keccak256(
        "StatementHeads(StatementHead[] statementHeads)"
        "ClassTotal(uint256 classId,uint64 locked,uint64 released,uint64 retired,uint64 handedOver)"
        "StatementHead(uint64 sequence,uint64 asOf,bytes32 rowsHash,ClassTotal[] totals)"
    );
    bytes32 private constant REQUEST_TYPE = keccak256(
        "Request(uint8 kind,address holder,uint256 classId,uint64 units,bytes32 commitment,uint256 salt,uint64 notAfter)"
    );

    function hash(Lock[] calldata locks) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](locks.length);
        for (uint256 i; i < locks.length; ++i) {
            hashes[i] = _hashLock(locks[i]);
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

    function hash(Reversal[] calldata reversals) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](reversals.length);
        for (uint256 i; i < reversals.length; ++i) {
            Reversal calldata r = reversals[i];
            hashes[i] =
                keccak256(abi.encode(REVERSAL_TYPE, r.eventId, r.classId, r.reason, _hashRanges(r.ranges)));
        }
        return _hashBatch(REVERSALS_TYPE, hashes);
    }

    function hash(Cover[] calldata covers) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](covers.length);
        for (uint256 i; i < covers.length; ++i) {
            hashes[i] = keccak256(abi.encode(COVER_TYPE, _hashLock(covers[i].lock), covers[i].shortClassId));
        }
        return _hashBatch(COVERS_TYPE, hashes);
    }

    function hash(StatementHead calldata head) internal pure returns (bytes32) {
        bytes32[] memory totals = new bytes32[](head.totals.length);
        for (uint256 i; i < totals.length; ++i) {
            totals[i] = keccak256(abi.encode(TOTAL_TYPE, head.totals[i]));
        }
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = keccak256(
            abi.encode(HEAD_TYPE, head.sequence, head.asOf, head.rowsHash, keccak256(abi.encodePacked(totals)))
        );
        return _hashBatch(HEADS_TYPE, hashes);
    }

    function hash(Request calldata request, uint64 notAfter) internal pure returns (bytes32) {
        return keccak256(abi.encode(REQUEST_TYPE, request, notAfter));
    }

    function _hashLock(Lock calldata lock) private pure returns (bytes32) {
        return keccak256(abi.encode(LOCK_TYPE, lock));
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
