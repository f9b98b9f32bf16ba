// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FreezePolicy} from "./FreezePolicy.sol";

/// @title New units go to listed accounts only; and accounts can be frozen
/// @notice For deployments that must know their holders, in the spirit of ERC-3643: who takes units has been looked at
/// before. Who was struck off keeps what he has, and may give, retire or redeem it.
contract AllowListPolicy is FreezePolicy {
    event ListerSet(address indexed account, bool enabled);
    event Listed(address indexed account, bool listed);

    error NotLister(address account);
    error NotListed(address account);

    mapping(address account => bool) public isLister;
    mapping(address account => bool) public isListed;

    constructor(address admin) FreezePolicy(admin) {}

    /// @notice The owner names who may list accounts and strike them off.
    function setLister(address account, bool enabled) external onlyOwner {
        isLister[account] = enabled;
        emit ListerSet(account, enabled);
    }

    /// @notice A lister says whether accounts may take units.
    function setListed(address[] calldata accounts, bool listed) external {
        if (!isLister[msg.sender]) revert NotLister(msg.sender);
        for (uint256 i; i < accounts.length; ++i) {
            isListed[accounts[i]] = listed;
            emit Listed(accounts[i], listed);
        }
    }

    /// @inheritdoc FreezePolicy
    function requireMayMove(address from, address to) public view override {
        super.requireMayMove(from, to);
        if (to != address(0) && !isListed[to]) revert NotListed(to);
    }
}
