// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICarbonBridge, SpaceKind} from "./ICarbonBridge.sol";

/// @title The ranges of one serial space, sorted and disjoint (law L2)
/// @dev A linked list keyed by each range's first serial; zero is the head and the end, so serials start at one.
/// A range `[first, last]` is a tombstone up to `liveFrom - 1` and live from there. Retiring takes from the low edge
/// and redeeming from the high edge without a new node; anywhere else costs one.
library SerialLedger {
    struct Node {
        uint64 last;
        uint64 liveFrom;
        uint64 next;
        uint32 classIndex;
    }

    /// @dev `registryIndex` is zero while the space is not registered. `soleClass` is used by `Batch` spaces.
    struct Space {
        uint64 head;
        uint32 registryIndex;
        uint32 soleClass;
        SpaceKind kind;
        mapping(uint64 first => Node) nodes;
    }

    /// @dev The longest walk from a stale hint.
    uint256 internal constant MAX_STEPS = 32;

    /// @dev Adds live serials. Refuses any overlap with a range of the space, live or tombstone.
    function insert(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint) internal {
        // The upper bound keeps `last + 1` representable in every function below.
        if (first == 0 || first > last || last == type(uint64).max) revert ICarbonBridge.RangeInvalid(first, last);
        (, uint64 key, uint64 next) = walk(space, hint, first);
        if (key != 0) {
            uint64 atLast = space.nodes[key].last;
            if (atLast >= first) revert ICarbonBridge.SerialsTaken(first, last, key, atLast);
        }
        if (next != 0 && next <= last) {
            revert ICarbonBridge.SerialsTaken(first, last, next, space.nodes[next].last);
        }

        space.nodes[first] = Node({last: last, liveFrom: first, next: next, classIndex: classIndex});
        _link(space, key, first);
    }

    /// @dev Turns live serials of the class into tombstones.
    function bury(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint) internal {
        (, uint64 key) = _requireLive(space, first, last, classIndex, hint);
        Node storage node = space.nodes[key];

        if (first == node.liveFrom) {
            node.liveFrom = last + 1;
        } else {
            space.nodes[first] =
                Node({last: node.last, liveFrom: last + 1, next: node.next, classIndex: classIndex});
            node.last = first - 1;
            node.next = first;
        }
    }

    /// @dev Takes live serials of the class out of the space, so that they may be minted again.
    function free(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint) internal {
        (uint64 before, uint64 key) = _requireLive(space, first, last, classIndex, hint);
        Node storage node = space.nodes[key];

        uint64 next = node.next;
        if (last != node.last) {
            next = last + 1;
            space.nodes[next] =
                Node({last: node.last, liveFrom: next, next: node.next, classIndex: classIndex});
        }
        if (first != key) {
            node.last = first - 1;
            node.next = next;
        } else {
            // The hint may have named the range itself; the one before it is then found from the head.
            if (key == hint) (, before,) = walk(space, 0, key - 1);
            delete space.nodes[key];
            _link(space, before, next);
        }
    }

    /// @dev Finds `key`, the last range that starts at or below `serial` (zero if none), and its neighbours. `before` is
    /// known only when at least one step was taken, that is when `key != hint`. A hint that does not exist or lies above
    /// `serial` counts as the head.
    function walk(Space storage space, uint64 hint, uint64 serial)
        internal
        view
        returns (uint64 before, uint64 key, uint64 next)
    {
        if (hint == 0 || hint > serial || space.nodes[hint].last == 0) {
            next = space.head;
        } else {
            key = hint;
            next = space.nodes[hint].next;
        }
        for (uint256 steps; next != 0 && next <= serial; ++steps) {
            if (steps == MAX_STEPS) revert ICarbonBridge.HintTooFar(hint, serial);
            before = key;
            key = next;
            next = space.nodes[key].next;
        }
    }

    function _link(Space storage space, uint64 key, uint64 next) private {
        if (key == 0) space.head = next;
        else space.nodes[key].next = next;
    }

    function _requireLive(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint)
        private
        view
        returns (uint64 before, uint64 key)
    {
        (before, key,) = walk(space, hint, first);
        Node storage node = space.nodes[key];
        if (key == 0 || first > last || first < node.liveFrom || last > node.last || node.classIndex != classIndex) {
            revert ICarbonBridge.SerialsNotLive(first, last, classIndex);
        }
    }
}
