// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ICarbonBridge} from "./ICarbonBridge.sol";

/// @title Who may stop what, and for how long
/// @dev The owner is the admin; in production a timelock behind a multisig. Guardians stop, the admin restarts. Nothing here is read by a settlement, a refusal or a return, except that
/// a pause stretches the challenge by {PAUSE_SECONDS} at most.
abstract contract Guard is Ownable2Step, ICarbonBridge {
    uint40 public constant FREEZE_SECONDS = 30 days;
    uint40 public constant PAUSE_SECONDS = 30 days;
    uint256 private constant REFILL_SECONDS = 1 days;

    /// @dev `spent` decays by `unitsPerDay` each second and is counted in units times {REFILL_SECONDS}, so that no
    /// rounding eats the allowance of an operator who mints often.
    struct Allowance {
        uint64 unitsPerDay;
        uint128 spent;
        uint40 updatedAt;
    }

    /// @dev The two `paused` totals hold ended pauses only.
    struct PauseState {
        bool paused;
        uint40 since;
        uint40 sinceBlock;
        uint40 pausedSeconds;
        uint40 pausedBlocks;
    }

    PauseState private _pause;
    mapping(address account => bool) public isGuardian;
    mapping(address account => uint40) public frozenUntil;
    mapping(address operator => Allowance) private _allowances;

    modifier whenNotPaused() {
        if (_pause.paused) revert IsPaused();
        _;
    }

    modifier onlyGuardian() {
        if (!isGuardian[msg.sender]) revert NotGuardian(msg.sender);
        _;
    }

    modifier onlyOperator() {
        if (_allowances[msg.sender].unitsPerDay == 0) revert NotOperator(msg.sender);
        _;
    }

    /// @inheritdoc ICarbonBridge
    function setAllowance(address operator, uint64 unitsPerDay) external onlyOwner {
        (, uint256 available) = allowance(operator);
        uint256 left = available < unitsPerDay ? available : unitsPerDay;
        // A new operator starts full; a changed one keeps what he had spent, within the new bound.
        uint256 spent = _allowances[operator].unitsPerDay == 0 ? 0 : unitsPerDay - left;
        _allowances[operator] =
            Allowance(unitsPerDay, uint128(spent * REFILL_SECONDS), uint40(block.timestamp));
        emit AllowanceSet(operator, unitsPerDay);
    }

    /// @inheritdoc ICarbonBridge
    function setGuardian(address account, bool enabled) external onlyOwner {
        isGuardian[account] = enabled;
        emit GuardianSet(account, enabled);
    }

    /// @inheritdoc ICarbonBridge
    function pause() external onlyGuardian whenNotPaused {
        _pause.paused = true;
        _pause.since = uint40(block.timestamp);
        _pause.sinceBlock = uint40(block.number);
        emit Paused(msg.sender);
    }

    /// @inheritdoc ICarbonBridge
    function unpause() external onlyOwner {
        if (!_pause.paused) revert IsNotPaused();
        (uint40 extraSeconds, uint40 extraBlocks) = _currentPause();
        _pause.pausedSeconds += extraSeconds;
        _pause.pausedBlocks += extraBlocks;
        _pause.paused = false;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc ICarbonBridge
    function freeze(address account) external onlyGuardian {
        uint40 until = frozenUntil[account];
        if (until != 0 && block.timestamp < uint256(until) + FREEZE_SECONDS) revert FreezeCoolingDown(account, until);
        _setFreeze(account, uint40(block.timestamp) + FREEZE_SECONDS);
    }

    /// @inheritdoc ICarbonBridge
    function confirmFreeze(address account, uint40 until) external onlyOwner {
        _setFreeze(account, until);
    }

    /// @inheritdoc ICarbonBridge
    function paused() external view returns (bool) {
        return _pause.paused;
    }

    /// @inheritdoc ICarbonBridge
    function allowance(address operator) public view returns (uint64 unitsPerDay, uint256 available) {
        Allowance memory a = _allowances[operator];
        return (a.unitsPerDay, (_bound(a) - _decayed(a)) / REFILL_SECONDS);
    }

    /// @inheritdoc ICarbonBridge
    function challengeClock() public view returns (uint40 unpausedSeconds, uint40 unpausedBlocks) {
        (uint40 extraSeconds, uint40 extraBlocks) = _currentPause();
        unpausedSeconds = uint40(block.timestamp) - _pause.pausedSeconds - extraSeconds;
        unpausedBlocks = uint40(block.number) - _pause.pausedBlocks - extraBlocks;
    }

    function _spendAllowance(address operator, uint256 units) internal {
        Allowance memory a = _allowances[operator];
        if (a.unitsPerDay == 0) revert NotOperator(operator);
        uint256 bound = _bound(a);
        uint256 spent = _decayed(a) + units * REFILL_SECONDS;
        if (spent > bound) revert AllowanceExceeded(operator, units, (bound - _decayed(a)) / REFILL_SECONDS);

        // `spent <= bound < 2**64 * 2**17`.
        (a.spent, a.updatedAt) = (uint128(spent), uint40(block.timestamp));
        _allowances[operator] = a;
    }

    function _isFrozen(address account) internal view returns (bool) {
        return block.timestamp < frozenUntil[account];
    }

    function _requireNotFrozen(address account) internal view {
        if (_isFrozen(account)) revert AccountFrozen(account, frozenUntil[account]);
    }

    function _setFreeze(address account, uint40 until) private {
        frozenUntil[account] = until;
        emit Frozen(account, until);
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

    /// @dev What the running pause takes off the clock. After {PAUSE_SECONDS} it stops no longer, and since nobody
    /// recorded the block in which that happened, its blocks then count as unpaused.
    function _currentPause() private view returns (uint40 extraSeconds, uint40 extraBlocks) {
        if (!_pause.paused) return (0, 0);
        extraSeconds = uint40(block.timestamp) - _pause.since;
        if (extraSeconds >= PAUSE_SECONDS) return (PAUSE_SECONDS, 0);
        extraBlocks = uint40(block.number) - _pause.sinceBlock;
    }
}
