// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Forgers} from "./Forgers.sol";
import {Laws} from "./Laws.sol";
import {Powers} from "./Powers.sol";
import {World} from "./World.sol";

/// @dev Everything that people do to a bridge, by chapter, and the laws. An act that reverts is a failure; one that
/// cannot be done now is discarded. With `listing` the policy is an {AllowListPolicy}, else a {FreezePolicy}.
contract Handler is Forgers, Powers, Laws {
    constructor(bool listing) World(listing) {
        wallet.whenPaid(address(this), abi.encodeCall(Laws.whilePaid, ()));
        _state(200, 0);
        for (uint256 i; i < 3; ++i) {
            _mintAll(_locks(_newLock(classes[i], _spaceFor(classes[i], 0), holders[i], 50)));
        }
    }
}
