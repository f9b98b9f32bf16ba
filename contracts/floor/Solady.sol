// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "solady/src/tokens/ERC1155.sol";

/// @title The least that an ERC-1155 made with Solady costs: a floor of `scripts/bench gas`
contract Floor is ERC1155 {
    address private immutable _minter;

    constructor(address minter_) {
        _minter = minter_;
    }

    function mint(address to, uint256 id, uint256 value) external {
        require(msg.sender == _minter);
        _mint(to, id, value, "");
    }

    function burn(uint256 id, uint256 value) external {
        _burn(msg.sender, id, value);
    }

    function uri(uint256) public pure override returns (string memory) {
        return "";
    }
}
