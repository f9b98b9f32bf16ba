// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeBase} from "./BridgeBase.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";
import {Recoveries} from "./Recoveries.sol";
import {Reversals} from "./Reversals.sol";

/// @title The code for reversals, cover and recoveries, for a bridge to run
/// @dev Called at its own address it is a bridge without registries, whose owner is itself and never acts.
contract Remedies is Reversals, Recoveries {
    constructor(IHolderPolicy policy_) BridgeBase(address(this), "", policy_) {}
}
