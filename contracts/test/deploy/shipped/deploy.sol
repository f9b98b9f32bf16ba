// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../../Cheats.sol";
import {create} from "../create.sol";

/// @dev Deploys what the package ships, so that it is what the tests try. `scripts/compile` makes it.
function deploy(string memory name, bytes memory arguments) returns (address) {
    string memory artifact = vm.readFile(string.concat("../bridge/chain/artifacts/", name, ".json"));
    return create(bytes.concat(vm.parseBytes(vm.parseJsonString(artifact, ".bytecode")), arguments));
}
