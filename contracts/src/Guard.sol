// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ICarbonBridge} from "./ICarbonBridge.sol";

/// @title Who may stop what, and for how long
/// @dev The owner is the admin; in production a timelock behind a multisig. Guardians stop, the admin restarts. Nothing
/// here is read by a settlement, a refusal or a return, except that a pause stretches the challenge within bounds.
abstract contract Guard is Ownable2Step, ICarbonBridge {
    uint40 public constant PAUSE_SECONDS = 30 days;
    uint256 private constant REFILL_SECONDS = 1 days;

    /// @dev Without `unitsPerDay` the account is no operator. `spent` decays by `unitsPerDay` each second and is counted
    /// in units times {REFILL_SECONDS}, so that no rounding eats the allowance of an operator who mints often.
    struct Allowance {
        uint64 unitsPerDay;
        uint128 spent;
        uint40 updatedAt;
    }

    /// @dev The two `stopped` totals hold what ended pauses took off {challengeClock}. `stopsClock` says whether the
    /// running pause does: one that follows another within {PAUSE_SECONDS} does not, so that no chain of pauses can
    /// stop returns.
    struct PauseState {
        bool paused;
        bool stopsClock;
        uint40 since;
        uint40 sinceBlock;
        uint40 endedAt;
        uint40 stoppedSeconds;
        uint40 stoppedBlocks;
    }

    PauseState private _pause;
    mapping(address account => bool) public isGuardian;
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
        Allowance memory a = _allowances[operator];
        uint256 spent = _decayed(a);
        a.unitsPerDay = unitsPerDay;
        uint256 bound = _bound(a);

        // What was spent stays spent, within the new bound.
        (a.spent, a.updatedAt) = (uint128(spent < bound ? spent : bound), uint40(block.timestamp));
        _allowances[operator] = a;
        emit AllowanceSet(operator, unitsPerDay);
    }

    /// @inheritdoc ICarbonBridge
    function setGuardian(address account, bool enabled) external onlyOwner {
        isGuardian[account] = enabled;
        emit GuardianSet(account, enabled);
    }

    /// @inheritdoc ICarbonBridge
    function pause() external onlyGuardian whenNotPaused {
        PauseState memory p = _pause;
        p.stopsClock = p.endedAt == 0 || block.timestamp >= uint256(p.endedAt) + PAUSE_SECONDS;
        (p.paused, p.since, p.sinceBlock) = (true, uint40(block.timestamp), uint40(block.number));
        _pause = p;
        emit Paused(msg.sender);
    }

    /// @inheritdoc ICarbonBridge
    function unpause() external onlyOwner {
        PauseState memory p = _pause;
        if (!p.paused) revert IsNotPaused();
        (uint40 extraSeconds, uint40 extraBlocks) = _stopped(p);

        p.stoppedSeconds += extraSeconds;
        p.stoppedBlocks += extraBlocks;
        (p.paused, p.endedAt) = (false, uint40(block.timestamp));
        _pause = p;
        emit Unpaused(msg.sender);
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
        PauseState memory p = _pause;
        (uint40 extraSeconds, uint40 extraBlocks) = _stopped(p);
        unpausedSeconds = uint40(block.timestamp) - p.stoppedSeconds - extraSeconds;
        unpausedBlocks = uint40(block.number) - p.stoppedBlocks - extraBlocks;
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
    function _stopped(PauseState memory p) private view returns (uint40 extraSeconds, uint40 extraBlocks) {
        if (!p.paused || !p.stopsClock) return (0, 0);
        extraSeconds = uint40(block.timestamp) - p.since;
        if (extraSeconds >= PAUSE_SECONDS) return (PAUSE_SECONDS, 0);
        extraBlocks = uint40(block.number) - p.sinceBlock;
    }
}
