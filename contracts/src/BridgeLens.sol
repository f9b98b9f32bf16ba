// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICarbonBridge} from "./ICarbonBridge.sol";
import {LedgerRange} from "./Types.sol";

/// @title Walks over a bridge's serial ledger, for callers off chain
/// @dev Holds nothing and may be deployed by anyone, anew for each question.
contract BridgeLens {
    /// @notice Up to `count` ranges of a space in order, from the first that starts above `above`.
    function ranges(ICarbonBridge bridge, bytes32 space, uint64 above, uint256 count)
        external
        view
        returns (LedgerRange[] memory page)
    {
        page = new LedgerRange[](count);
        uint256 found;
        for (uint64 key = _after(bridge, space, above); key != 0 && found < count; ++found) {
            page[found] = bridge.rangeAt(space, key);
            key = page[found].next;
        }
        assembly ("memory-safe") {
            mstore(page, found)
        }
    }

    /// @notice The hint for a range that starts at `serial`: the start of the last range strictly before the one
    /// that contains it, or before the gap it falls into. Zero is the head.
    function hintFor(ICarbonBridge bridge, bytes32 space, uint64 serial) external view returns (uint64 hint) {
        LedgerRange memory range = bridge.rangeAt(space, 0);
        while (range.next != 0) {
            LedgerRange memory following = bridge.rangeAt(space, range.next);
            if (following.last >= serial) break;
            range = following;
        }
        return range.first;
    }

    function _after(ICarbonBridge bridge, bytes32 space, uint64 above) private view returns (uint64 key) {
        key = bridge.rangeAt(space, 0).next;
        // A known start is left by its own link, without a walk.
        uint64 known = bridge.rangeAt(space, above).next;
        if (above != 0 && known != 0) return known;
        while (key != 0 && key <= above) key = bridge.rangeAt(space, key).next;
    }
}
