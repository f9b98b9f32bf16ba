// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whether all is paused, and a clock that stands still meanwhile, within bounds
library PauseClock {
    /// @dev The longest that a pause stops the clock, and the peace that must follow before another does.
    uint40 internal constant PAUSE_SECONDS = 30 days;

    /// @dev The two `stopped` totals hold what ended pauses took off the clock. `stops` says whether the running pause
    /// does: one that follows another too soon does not, so that no chain of pauses can stop returns.
    struct State {
        bool paused;
        bool stops;
        uint40 since;
        uint40 sinceBlock;
        uint40 endedAt;
        uint40 stoppedSeconds;
        uint40 stoppedBlocks;
    }

    function pause(State storage self) internal {
        uint40 endedAt = self.endedAt;
        self.paused = true;
        self.stops = endedAt == 0 || block.timestamp >= uint256(endedAt) + PAUSE_SECONDS;
        (self.since, self.sinceBlock) = (uint40(block.timestamp), uint40(block.number));
    }

    function unpause(State storage self) internal {
        (uint40 extraSeconds, uint40 extraBlocks) = _stopped(self);
        self.stoppedSeconds += extraSeconds;
        self.stoppedBlocks += extraBlocks;
        (self.paused, self.endedAt) = (false, uint40(block.timestamp));
    }

    /// @return unpausedSeconds Seconds since 1970, and blocks, less those that a pause took off.
    function read(State storage self) internal view returns (uint40 unpausedSeconds, uint40 unpausedBlocks) {
        (uint40 extraSeconds, uint40 extraBlocks) = _stopped(self);
        unpausedSeconds = uint40(block.timestamp) - self.stoppedSeconds - extraSeconds;
        unpausedBlocks = uint40(block.number) - self.stoppedBlocks - extraBlocks;
    }

    /// @dev What the running pause takes off. After {PAUSE_SECONDS} it stops no longer, and since nobody recorded the
    /// block in which that happened, its blocks then count as unpaused.
    function _stopped(State storage self) private view returns (uint40 extraSeconds, uint40 extraBlocks) {
        if (!self.paused || !self.stops) return (0, 0);
        extraSeconds = uint40(block.timestamp) - self.since;
        if (extraSeconds >= PAUSE_SECONDS) return (PAUSE_SECONDS, 0);
        extraBlocks = uint40(block.number) - self.sinceBlock;
    }
}
