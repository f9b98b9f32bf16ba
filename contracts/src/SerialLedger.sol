// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signals} from "./Signals.sol";
import {SpaceKind} from "./Types.sol";

/// @dev One range in one word, from the low bits: last, liveFrom, next (64 each), classIndex (32).
type Node is uint256;

function pack(uint64 last, uint64 liveFrom, uint64 next, uint32 classIndex) pure returns (Node) {
    return Node.wrap(last | uint256(liveFrom) << 64 | uint256(next) << 128 | uint256(classIndex) << 192);
}

function lastOf(Node node) pure returns (uint64) {
    return uint64(Node.unwrap(node));
}

function liveFromOf(Node node) pure returns (uint64) {
    return uint64(Node.unwrap(node) >> 64);
}

function nextOf(Node node) pure returns (uint64) {
    return uint64(Node.unwrap(node) >> 128);
}

function classIndexOf(Node node) pure returns (uint32) {
    return uint32(Node.unwrap(node) >> 192);
}

using {lastOf, liveFromOf, nextOf, classIndexOf} for Node global;

/// @title The ranges of one serial space, sorted and disjoint (law L2)
/// @dev A linked list keyed by each range's first serial; zero is the head and the end, so serials start at one.
/// A range `[first, last]` is a tombstone up to `liveFrom - 1` and live from there. Retiring takes from the low edge
/// and redeeming from the high edge without a new node; anywhere else costs one.
library SerialLedger {
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
        if (first == 0 || first > last || last == type(uint64).max) revert Signals.RangeInvalid(first, last);
        (, uint64 key, Node node) = walk(space, hint, first);
        if (node.lastOf() >= first) revert Signals.SerialsTaken(first, last, key, node.lastOf());
        uint64 next = node.nextOf();
        if (next != 0 && next <= last) {
            revert Signals.SerialsTaken(first, last, next, space.nodes[next].lastOf());
        }

        space.nodes[first] = pack(last, first, next, classIndex);
        _link(space, key, node, first);
    }

    /// @dev Turns live serials of the class into tombstones.
    function bury(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint) internal {
        (, uint64 key, Node node) = _requireLive(space, first, last, classIndex, hint);

        if (first == node.liveFromOf()) {
            space.nodes[key] = pack(node.lastOf(), last + 1, node.nextOf(), classIndex);
        } else {
            space.nodes[first] = pack(node.lastOf(), last + 1, node.nextOf(), classIndex);
            space.nodes[key] = pack(first - 1, node.liveFromOf(), first, classIndex);
        }
    }

    /// @dev Takes live serials of the class out of the space, so that they may be minted again.
    function free(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint) internal {
        (uint64 before, uint64 key, Node node) = _requireLive(space, first, last, classIndex, hint);

        uint64 next = node.nextOf();
        if (last != node.lastOf()) {
            space.nodes[last + 1] = pack(node.lastOf(), last + 1, next, classIndex);
            next = last + 1;
        }
        if (first != key) {
            space.nodes[key] = pack(first - 1, node.liveFromOf(), next, classIndex);
        } else {
            // The hint may have named the range itself; the one before it is then found from the head.
            if (key == hint) (, before,) = walk(space, 0, key - 1);
            space.nodes[key] = Node.wrap(0);
            _link(space, before, space.nodes[before], next);
        }
    }

    /// @dev Finds `key`, the last range that starts at or below `serial`; if there is none the head, which is zero and
    /// whose node has a `next` only. `before`, its neighbour, is known only when at least one step was taken, that is
    /// when `key != hint`. A hint that does not exist or lies above `serial` counts as the head.
    function walk(Space storage space, uint64 hint, uint64 serial)
        internal
        view
        returns (uint64 before, uint64 key, Node node)
    {
        if (hint != 0 && hint <= serial) (key, node) = (hint, space.nodes[hint]);
        if (node.lastOf() == 0) (key, node) = (0, pack(0, 0, space.head, 0));
        for (uint256 steps; node.nextOf() != 0 && node.nextOf() <= serial; ++steps) {
            if (steps == MAX_STEPS) revert Signals.HintTooFar(hint, serial);
            (before, key) = (key, node.nextOf());
            node = space.nodes[key];
        }
    }

    function _link(Space storage space, uint64 key, Node node, uint64 next) private {
        if (key == 0) space.head = next;
        else space.nodes[key] = pack(node.lastOf(), node.liveFromOf(), next, node.classIndexOf());
    }

    function _requireLive(Space storage space, uint64 first, uint64 last, uint32 classIndex, uint64 hint)
        private
        view
        returns (uint64 before, uint64 key, Node node)
    {
        (before, key, node) = walk(space, hint, first);
        bool live = first >= node.liveFromOf() && first <= last && last <= node.lastOf();
        if (!live || node.classIndexOf() != classIndex) revert Signals.SerialsNotLive(first, last, classIndex);
    }
}
