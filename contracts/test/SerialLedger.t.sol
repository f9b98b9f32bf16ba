// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Node, SerialLedger} from "../src/SerialLedger.sol";
import {Signals} from "../src/Signals.sol";
import {vm} from "./Cheats.sol";

contract Ledger {
    using SerialLedger for SerialLedger.Space;

    SerialLedger.Space private _space;

    function insert(uint64 first, uint64 last, uint32 class, uint64 hint) external {
        _space.insert(first, last, class, hint);
    }

    function bury(uint64 first, uint64 last, uint32 class, uint64 hint) external {
        _space.bury(first, last, class, hint);
    }

    function free(uint64 first, uint64 last, uint32 class, uint64 hint) external {
        _space.free(first, last, class, hint);
    }

    function head() external view returns (uint64) {
        return _space.head;
    }

    function nodeAt(uint64 first) external view returns (uint64 last, uint64 liveFrom, uint64 next, uint32 class) {
        Node node = _space.nodes[first];
        return (node.lastOf(), node.liveFromOf(), node.nextOf(), node.classIndexOf());
    }
}

/// @dev The ledger against an array of serials, each free, live or buried, by random steps with random hints.
contract SerialLedgerTest {
    uint64 private constant SERIALS = 40;
    uint256 private constant STEPS = 40;
    uint32 private constant BURIED = type(uint32).max;

    Ledger private ledger;
    uint64 private base;
    /// @dev The insertion that each serial came with, zero when free; its class, `BURIED` for a tombstone.
    uint32[SERIALS + 1] private insertion;
    uint32[SERIALS + 1] private class;
    uint32 private insertions;

    function test_the_ledger_agrees_with_an_array_of_serials(uint256 seed) public {
        _compare(seed, 0);
    }

    function test_the_ledger_agrees_with_an_array_at_the_end_of_all_serials(uint256 seed) public {
        _compare(seed, type(uint64).max - SERIALS);
    }

    function test_the_walk_ends_after_thirty_two_steps() public {
        ledger = new Ledger();
        for (uint64 i = 1; i <= 33; ++i) ledger.insert(i * 2, i * 2, 1, i * 2 - 2);
        vm.expectRevert(abi.encodeWithSelector(Signals.HintTooFar.selector, 0, 67));
        ledger.insert(67, 67, 1, 0);
        ledger.insert(65, 65, 1, 0);
    }

    function _compare(uint256 seed, uint64 base_) private {
        (ledger, base) = (new Ledger(), base_);
        for (uint256 step; step < STEPS; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            _step(seed);
            _requireSame();
        }
    }

    function _step(uint256 seed) private {
        uint64 first = uint64(seed % (SERIALS + 1));
        uint64 last = first + uint64((seed >> 32) % 8);
        // Now and then a range that ends before it begins.
        if ((seed >> 64) % 16 == 0) last = first / 2;
        if (last > SERIALS) last = SERIALS;
        uint32 owner = uint32(1 + (seed >> 96) % 2);
        uint256 act = (seed >> 128) % 3;
        bool expected = act == 0 ? _isFree(first, last) : _isLive(first, last, owner);
        bytes memory call_ = abi.encodeWithSelector(
            act == 0 ? Ledger.insert.selector : act == 1 ? Ledger.bury.selector : Ledger.free.selector,
            base + first,
            base + last,
            owner,
            _hint(seed >> 160, base + first)
        );
        (bool done,) = address(ledger).call(call_);
        vm.assertTrue(done == expected, "accepted what the array refuses, or the reverse");
        if (done) _write(act, first, last, owner);
    }

    /// @dev Absurd, stale, the range itself, or good.
    function _hint(uint256 seed, uint64 serial) private view returns (uint64) {
        if (seed % 4 == 0) return uint64(seed >> 8);
        if (seed % 4 == 1) return serial;
        if (seed % 4 == 2) return base + uint64((seed >> 8) % (SERIALS + 9)) % (type(uint64).max - base);
        uint64 before;
        uint64 key = ledger.head();
        while (key != 0 && key < serial) {
            before = key;
            (,, key,) = ledger.nodeAt(key);
        }
        return before;
    }

    function _isFree(uint64 first, uint64 last) private view returns (bool) {
        if (base + first == 0 || first > last || base + last == type(uint64).max) return false;
        for (uint64 i = first; i <= last; ++i) {
            if (insertion[i] != 0) return false;
        }
        return true;
    }

    /// @dev Live serials can be taken together when they came together.
    function _isLive(uint64 first, uint64 last, uint32 owner) private view returns (bool) {
        if (first > last) return false;
        for (uint64 i = first; i <= last; ++i) {
            if (insertion[i] == 0 || class[i] != owner || insertion[i] != insertion[first]) return false;
        }
        return true;
    }

    function _write(uint256 act, uint64 first, uint64 last, uint32 owner) private {
        if (act == 0) ++insertions;
        for (uint64 i = first; i <= last; ++i) {
            if (act == 0) (insertion[i], class[i]) = (insertions, owner);
            if (act == 1) class[i] = BURIED;
            if (act == 2) (insertion[i], class[i]) = (0, 0);
        }
    }

    function _requireSame() private view {
        uint64 expected = 0;
        for (uint64 key = ledger.head(); key != 0;) {
            (uint64 last, uint64 liveFrom, uint64 next, uint32 owner) = ledger.nodeAt(key);
            vm.assertTrue(key <= last && liveFrom >= key && liveFrom <= last + 1, "a range is none");
            vm.assertTrue(next == 0 || next > last, "ranges overlap or are out of order");
            for (; base + expected < key; ++expected) vm.assertEq(insertion[expected], 0, "a serial was lost");
            for (; base + expected <= last; ++expected) {
                bool live = base + expected >= liveFrom;
                vm.assertTrue(insertion[expected] != 0, "a serial was invented");
                vm.assertEq(class[expected], live ? owner : BURIED, "a serial's state");
                if (base + expected == type(uint64).max) break;
            }
            key = next;
        }
        for (; expected <= SERIALS; ++expected) vm.assertEq(insertion[expected], 0, "a serial was lost");
    }
}
