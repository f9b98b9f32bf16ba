// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeBase} from "./BridgeBase.sol";
import {Extended, IExtension} from "./Extended.sol";
import {Guard} from "./Guard.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";
import {Reading} from "./Reading.sol";
import {Registrar} from "./Registrar.sol";

/// @title The code for setting up, stopping and reading, for a bridge to run
/// @dev Called at its own address it is a bridge without registries, whose owner is itself and never acts.
contract Office is Registrar, Guard, Reading, Extended {
    constructor(IHolderPolicy policy_, IExtension remedies)
        BridgeBase(address(this), "", policy_)
        Extended(remedies, policy_)
    {}
}
