// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title Batches of serials as ERC-721, as some bridges have them before they make fungible tokens of them
contract BatchToken is ERC721("Batch", "BATCH") {
    event BatchUpdated(uint256 indexed tokenId, string serialNumbers, uint256 quantity);

    function record(uint256 tokenId, string calldata serialNumbers, uint256 quantity) external {
        _mint(msg.sender, tokenId);
        emit BatchUpdated(tokenId, serialNumbers, quantity);
    }
}

/// @title Tonnes with eighteen places, which are burned without saying which
contract TonneToken is ERC20("Tonne", "T") {
    event Retired(address indexed account, uint256 amount);

    function retire(uint256 amount) external {
        _mint(msg.sender, amount);
        _burn(msg.sender, amount);
        emit Retired(msg.sender, amount);
    }
}

/// @title Classes of ERC-1155 units: serials once as numbers of a batch, once within a URI
contract ClassToken is ERC1155("") {
    event Issued(uint256 indexed id, bytes32 indexed batch, uint64 first, uint64 last);
    event SerialsRetired(address indexed account, string[] serials);

    function issue(uint256 id, bytes32 batch, uint64 first, uint64 last) external {
        _mint(msg.sender, id, last - first + 1, "");
        emit Issued(id, batch, first, last);
    }

    function describe(uint256 id, string calldata uri_) external {
        emit URI(uri_, id);
    }

    function retire(string[] calldata serials) external {
        emit SerialsRetired(msg.sender, serials);
    }
}
