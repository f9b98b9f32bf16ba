// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title When somebody first stood by a document, of which the chain learns nothing but its hash
/// @dev No owner, no fee, nothing that could be changed or taken back. Warning: that a hash stands here says who put it
/// here and when, and nothing of what the document says.
contract ReportAnchor {
    /// @dev The block that took it, and that block's second since 1970; both zero where there is none.
    struct Mark {
        uint64 number;
        uint64 timestamp;
    }

    /// @notice `by` has anchored `hash`, for the first and only time.
    event Anchored(address indexed by, bytes32 indexed hash);

    error AlreadyAnchored(address by, bytes32 hash, uint64 timestamp);

    mapping(address by => mapping(bytes32 hash => Mark)) private _marks;

    /// @notice Writes down that the caller stands by the hash from now on. What others have anchored is no obstacle, so
    /// that nobody can be first in another's place.
    function anchor(bytes32 hash) external {
        Mark storage mark = _marks[msg.sender][hash];
        if (mark.timestamp != 0) revert AlreadyAnchored(msg.sender, hash, mark.timestamp);

        (mark.number, mark.timestamp) = (uint64(block.number), uint64(block.timestamp));
        emit Anchored(msg.sender, hash);
    }

    function anchoredAt(address by, bytes32 hash) external view returns (Mark memory) {
        return _marks[by][hash];
    }
}
