// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";

/// @title Accounts frozen by guardians for a month, or by the owner for as long as he says
/// @notice Warning: the owner of the policy and the owner of the bridge are meant to be the same timelock; nothing
/// checks that they are. A bridge cannot change its policy. At its most hostile, a policy stops mints,
/// transfers and new requests. It never stops a settlement, a refusal, a call-back, or a return to the holder himself.
contract FreezePolicy is IHolderPolicy, Ownable2Step {
    event GuardianSet(address indexed account, bool enabled);
    event Frozen(address indexed account, uint40 until);

    error NotGuardian(address account);
    error AccountFrozen(address account, uint40 until);
    error FreezeCoolingDown(address account, uint40 since);

    uint40 public constant FREEZE_SECONDS = 30 days;

    mapping(address account => bool) public isGuardian;
    mapping(address account => uint40) public frozenUntil;

    constructor(address admin) Ownable(admin) {}

    /// @notice The owner names who may freeze. They are not the bridge's guardians, unless he names the same.
    function setGuardian(address account, bool enabled) external onlyOwner {
        isGuardian[account] = enabled;
        emit GuardianSet(account, enabled);
    }

    /// @notice A guardian freezes an account for {FREEZE_SECONDS}; not again before as long a time has passed since.
    function freeze(address account) external {
        if (!isGuardian[msg.sender]) revert NotGuardian(msg.sender);
        uint40 until = frozenUntil[account];
        if (until != 0 && block.timestamp < uint256(until) + FREEZE_SECONDS) revert FreezeCoolingDown(account, until);
        _setFreeze(account, uint40(block.timestamp) + FREEZE_SECONDS);
    }

    /// @notice The owner sets the end of a freeze: later confirms it, zero (or any past time) lifts it as of now.
    function confirmFreeze(address account, uint40 until) external onlyOwner {
        // An end in the past is now: a lift starts the guardians' cooling-down too.
        _setFreeze(account, until < block.timestamp ? uint40(block.timestamp) : until);
    }

    /// @inheritdoc IHolderPolicy
    function requireMayMove(address from, address) public view virtual {
        uint40 until = frozenUntil[from];
        // Nobody gives in a mint; freezing nobody must not stop it.
        if (from != address(0) && block.timestamp < until) revert AccountFrozen(from, until);
    }

    function _setFreeze(address account, uint40 until) private {
        frozenUntil[account] = until;
        emit Frozen(account, until);
    }
}
