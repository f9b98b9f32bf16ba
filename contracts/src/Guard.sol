// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeBase} from "./BridgeBase.sol";
import {IOffice} from "./ICarbonBridge.sol";
import {PauseClock} from "./PauseClock.sol";
import {RegistryBook} from "./RegistryBook.sol";

/// @title Who may stop what, and for how long
/// @dev Guardians stop, the admin restarts. Nothing here is read by a settlement, a refusal or a return to the holder
/// himself, except that a pause stretches the challenge within bounds.
abstract contract Guard is BridgeBase, IOffice {
    using PauseClock for PauseClock.State;
    using RegistryBook for RegistryBook.Book;

    uint40 public constant PAUSE_SECONDS = PauseClock.PAUSE_SECONDS;
    uint40 public constant QUARANTINE_SECONDS = 30 days;

    modifier onlyGuardian() {
        if (!_guardians[msg.sender]) revert NotGuardian(msg.sender);
        _;
    }

    /// @inheritdoc IOffice
    function setGuardian(address account, bool enabled) external onlyOwner {
        _guardians[account] = enabled;
        emit GuardianSet(account, enabled);
    }

    /// @inheritdoc IOffice
    function pause() external onlyGuardian whenNotPaused {
        _pause.pause();
        emit Paused(msg.sender);
    }

    /// @inheritdoc IOffice
    function unpause() external onlyOwner {
        if (!_pause.paused) revert IsNotPaused();
        _pause.unpause();
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc IOffice
    function quarantine(uint256 classId) external onlyGuardian {
        uint40 until = _book.requireClass(classId).quarantinedUntil;
        if (until != 0 && block.timestamp < uint256(until) + QUARANTINE_SECONDS) {
            revert QuarantineCoolingDown(classId, until);
        }
        _setQuarantine(classId, uint40(block.timestamp) + QUARANTINE_SECONDS);
    }

    /// @inheritdoc IOffice
    function confirmQuarantine(uint256 classId, uint40 until) external onlyOwner {
        // An end in the past is now: a lift starts the guardians' cooling-down too.
        _setQuarantine(classId, until < block.timestamp ? uint40(block.timestamp) : until);
    }

    /// @inheritdoc IOffice
    function challengeClock() external view returns (uint40 unpausedSeconds, uint40 unpausedBlocks) {
        return _pause.read();
    }

    function _setQuarantine(uint256 classId, uint40 until) private {
        RegistryBook.Class storage class = _book.requireClass(classId);
        class.quarantinedUntil = until;
        if (until > block.timestamp) class.flags |= RegistryBook.QUARANTINED;
        else class.flags &= ~RegistryBook.QUARANTINED;
        emit Quarantined(classId, until);
    }
}
