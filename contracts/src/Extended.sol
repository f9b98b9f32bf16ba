// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHolderPolicy} from "./IHolderPolicy.sol";
import {Signals} from "./Signals.sol";

interface IExtension {
    function policy() external view returns (IHolderPolicy);
}

/// @title A contract whose other functions are another contract's code, run on its own storage
/// @dev A contract may have 24,576 bytes, so the bridge has three: it extends into the office, and that into the
/// remedies. All are immutable and share {BridgeBase}, which alone declares storage.
abstract contract Extended is Signals {
    /// @notice Whose code answers what this has no function for.
    address public immutable extension;

    constructor(IExtension extension_, IHolderPolicy policy_) {
        if (address(extension_).code.length == 0 || address(extension_.policy()) != address(policy_)) {
            revert ExtensionInvalid(address(extension_));
        }
        extension = address(extension_);
    }

    fallback() external {
        address code_ = extension;
        assembly ("memory-safe") {
            // Nothing of ours runs afterwards, so memory may be overwritten.
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), code_, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}
