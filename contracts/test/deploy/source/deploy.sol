// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../../Cheats.sol";
import {create} from "../create.sol";

/// @dev Deploys what forge compiled and linked from `src`, for coverage and for mutants.
function deploy(string memory name, bytes memory arguments) returns (address) {
    return create(bytes.concat(vm.getCode(string.concat("src/", name, ".sol:", name)), arguments));
}
