// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A bound on units that refills evenly over a day
library RefillingAllowance {
    uint256 private constant REFILL_SECONDS = 1 days;

    /// @dev `spent` decays by `unitsPerDay` each second and is counted in units times {REFILL_SECONDS}, so that no
    /// rounding eats the allowance of who mints often.
    struct Allowance {
        uint64 unitsPerDay;
        uint128 spent;
        uint40 updatedAt;
    }

    /// @dev What was spent stays spent, within the new bound.
    function set(Allowance storage self, uint64 unitsPerDay) internal {
        Allowance memory a = self;
        uint256 spent = _decayed(a);
        a.unitsPerDay = unitsPerDay;
        uint256 bound = _bound(a);
        (a.spent, a.updatedAt) = (uint128(spent < bound ? spent : bound), uint40(block.timestamp));
        _store(self, a);
    }

    /// @return Whether the units were within what is available; else nothing is spent.
    function spend(Allowance storage self, uint256 units) internal returns (bool) {
        Allowance memory a = self;
        uint256 spent = _decayed(a) + units * REFILL_SECONDS;
        if (spent > _bound(a)) return false;

        // `spent <= bound < 2**64 * 2**17`.
        (a.spent, a.updatedAt) = (uint128(spent), uint40(block.timestamp));
        _store(self, a);
        return true;
    }

    function available(Allowance storage self) internal view returns (uint256) {
        Allowance memory a = self;
        return (_bound(a) - _decayed(a)) / REFILL_SECONDS;
    }

    function _store(Allowance storage self, Allowance memory a) private {
        (self.unitsPerDay, self.spent, self.updatedAt) = (a.unitsPerDay, a.spent, a.updatedAt);
    }

    function _bound(Allowance memory a) private pure returns (uint256) {
        unchecked {
            // `unitsPerDay < 2**64` and `REFILL_SECONDS < 2**17`.
            return a.unitsPerDay * REFILL_SECONDS;
        }
    }

    function _decayed(Allowance memory a) private view returns (uint256) {
        unchecked {
            // `updatedAt <= block.timestamp < 2**40` and `unitsPerDay < 2**64`.
            uint256 decay = (block.timestamp - a.updatedAt) * a.unitsPerDay;
            return a.spent > decay ? a.spent - decay : 0;
        }
    }
}
