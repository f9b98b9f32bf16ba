// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

function create(bytes memory code) returns (address created) {
    assembly ("memory-safe") {
        created := create(0, add(code, 32), mload(code))
        if iszero(created) {
            returndatacopy(0, 0, returndatasize())
            revert(0, returndatasize())
        }
    }
}
