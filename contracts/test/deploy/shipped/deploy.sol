// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../../Cheats.sol";
import {create} from "../create.sol";

/// @dev Deploys what the package ships, so that it is what the tests try. `scripts/compile` makes it.
function deploy(string memory name, bytes memory arguments) returns (address) {
    string memory artifact = vm.readFile(string.concat("../bridge/chain/artifacts/", name, ".json"));
    bytes memory code = bytes(vm.parseJsonString(artifact, ".bytecode"));
    string[] memory libraries = vm.parseJsonKeys(artifact, ".links");
    for (uint256 i; i < libraries.length; ++i) {
        bytes memory linked = bytes(vm.toString(deploy(libraries[i], "")));
        uint256[] memory places = vm.parseJsonUintArray(artifact, string.concat(".links.", libraries[i]));
        for (uint256 j; j < places.length; ++j) {
            for (uint256 k; k < 40; ++k) code[2 * places[j] + k] = linked[2 + k];
        }
    }
    return create(bytes.concat(vm.parseBytes(string(code)), arguments));
}
