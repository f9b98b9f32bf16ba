// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Node, SerialLedger, pack} from "../src/SerialLedger.sol";
import {svm, vm} from "./Svm.sol";

/// @dev No jump, so that a condition costs the proof no path.
function both(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := and(a, b)
    }
}

function either(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := or(a, b)
    }
}

function select(bool condition, uint256 a, uint256 b) pure returns (uint256 c) {
    assembly ("memory-safe") {
        c := xor(b, and(sub(0, condition), xor(a, b)))
    }
}

function isWithin(uint64 serial, uint64 first, uint64 last) pure returns (bool) {
    return both(first <= serial, serial <= last);
}

function isRange(uint64 end, uint64 first, uint64 last, uint64 liveFrom) pure returns (bool) {
    unchecked {
        // `last + 1` where `last < 2**64 - 1`.
        bool ordered = both(end < first, both(first <= last, last < type(uint64).max));
        return both(ordered, isWithin(liveFrom, first, last + 1));
    }
}

/// @dev From any list of `count` ranges, one call with any arguments and any hint. It succeeds exactly when it
/// is allowed; then the list is sorted and disjoint again, and any one serial, being any, is what it has to be.
abstract contract SerialLedgerProofs {
    using SerialLedger for SerialLedger.Space;

    /// @dev What a serial is: nothing, a tombstone, or `LIVE` and its class.
    uint256 private constant ABSENT = 0;
    uint256 private constant TOMBSTONE = 1;
    uint256 private constant LIVE = 1 << 32;

    struct Before {
        uint64 first;
        uint64 last;
        uint64 liveFrom;
        uint32 classIndex;
    }

    struct Call {
        uint64 first;
        uint64 last;
        uint32 classIndex;
        uint64 hint;
    }

    uint256 private immutable _count;
    SerialLedger.Space private _space;

    constructor(uint256 count) {
        _count = count;
    }

    function insert(Call calldata c) external {
        _space.insert(c.first, c.last, c.classIndex, c.hint);
    }

    function bury(Call calldata c) external {
        _space.bury(c.first, c.last, c.classIndex, c.hint);
    }

    function free(Call calldata c) external {
        _space.free(c.first, c.last, c.classIndex, c.hint);
    }

    function check_insert() external {
        (Before[] memory list, Call memory c) = (_anyList(), _anyCall());
        bool done;
        try this.insert(c) {
            done = true;
        } catch {}

        bool changed = _isChanged(list, c, done, LIVE | c.classIndex);
        assert(both(done == _isFree(list, c), changed));
    }

    function check_bury() external {
        (Before[] memory list, Call memory c) = (_anyList(), _anyCall());
        bool done;
        try this.bury(c) {
            done = true;
        } catch {}

        bool changed = _isChanged(list, c, done, TOMBSTONE);
        assert(both(done == _isLive(list, c), changed));
    }

    function check_free() external {
        (Before[] memory list, Call memory c) = (_anyList(), _anyCall());
        bool done;
        try this.free(c) {
            done = true;
        } catch {}

        bool changed = _isChanged(list, c, done, ABSENT);
        assert(both(done == _isLive(list, c), changed));
    }

    /// @dev The ranges of an arbitrary well-formed list, and the list itself in storage.
    function _anyList() private returns (Before[] memory list) {
        list = new Before[](_count);
        uint64 end;
        bool sound = true;
        for (uint256 i; i < _count; ++i) {
            Before memory b = Before(
                uint64(svm.createUint(64, "node.first")),
                uint64(svm.createUint(64, "node.last")),
                uint64(svm.createUint(64, "node.liveFrom")),
                uint32(svm.createUint(32, "node.classIndex"))
            );
            sound = both(sound, isRange(end, b.first, b.last, b.liveFrom));
            end = b.last;
            list[i] = b;
        }
        vm.assume(sound);

        for (uint256 i; i < _count; ++i) {
            Before memory b = list[i];
            uint64 next = i + 1 < _count ? list[i + 1].first : 0;
            _space.nodes[b.first] = pack(b.last, b.liveFrom, next, b.classIndex);
        }
        if (_count != 0) _space.head = list[0].first;
    }

    /// @dev Classes are counted from one; the head, which is no range, has class zero.
    function _anyCall() private pure returns (Call memory c) {
        c = Call(
            uint64(svm.createUint(64, "first")),
            uint64(svm.createUint(64, "last")),
            uint32(svm.createUint(32, "classIndex")),
            uint64(svm.createUint(64, "hint"))
        );
        vm.assume(c.classIndex != 0);
    }

    function _isFree(Before[] memory list, Call memory c) private pure returns (bool free_) {
        free_ = both(c.first != 0, both(c.first <= c.last, c.last < type(uint64).max));
        for (uint256 i; i < list.length; ++i) {
            free_ = both(free_, either(c.last < list[i].first, list[i].last < c.first));
        }
    }

    /// @dev Live serials can be taken together when they are of one range.
    function _isLive(Before[] memory list, Call memory c) private pure returns (bool live) {
        for (uint256 i; i < list.length; ++i) {
            bool within = both(list[i].liveFrom <= c.first, both(c.first <= c.last, c.last <= list[i].last));
            live = either(live, both(within, list[i].classIndex == c.classIndex));
        }
    }

    /// @dev Any serial within the call's range is `now_`, any other what it was; and no key outside the list is set.
    function _isChanged(Before[] memory list, Call memory c, bool done, uint256 now_) private view returns (bool) {
        uint64 serial = uint64(svm.createUint(64, "serial"));
        uint256 expected;
        for (uint256 i; i < list.length; ++i) {
            Before memory b = list[i];
            uint256 state = select(serial < b.liveFrom, TOMBSTONE, LIVE | b.classIndex);
            expected = select(isWithin(serial, b.first, b.last), state, expected);
        }
        expected = select(both(done, isWithin(serial, c.first, c.last)), now_, expected);

        // Not a walk but as many steps as there can be ranges, so that no step costs a path.
        uint256 actual;
        bool isKey;
        bool sound = true;
        uint64 end;
        uint64 key = _space.head;
        for (uint256 i; i <= _count; ++i) {
            Node node = _space.nodes[key];
            (uint64 last, uint64 liveFrom) = (node.lastOf(), node.liveFromOf());
            bool ended = key == 0;
            sound = both(sound, either(ended, isRange(end, key, last, liveFrom)));
            sound = both(sound, Node.unwrap(node) >> 224 == 0);
            uint256 state = select(serial < liveFrom, TOMBSTONE, LIVE | node.classIndexOf());
            actual = select(both(!ended, isWithin(serial, key, last)), state, actual);
            isKey = either(isKey, both(!ended, key == serial));
            end = last;
            key = uint64(select(ended, 0, node.nextOf()));
        }
        bool listed = isKey == (Node.unwrap(_space.nodes[serial]) != 0);
        return both(both(sound, key == 0), both(listed, actual == expected));
    }
}

contract LedgerOf0 is SerialLedgerProofs(0) {}

contract LedgerOf1 is SerialLedgerProofs(1) {}
