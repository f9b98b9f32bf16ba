// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";

/// @dev What a hook was told, and the balances that it found: its own, and of whom the units came from.
struct Hook {
    bytes4 selector;
    address caller;
    address operator;
    address from;
    uint256[] ids;
    uint256[] values;
    bytes data;
    uint256[] own;
    uint256[] giver;
}

/// @dev Accepts everything, writes down what its hooks were told, and makes the calls it was given while being told.
contract Recorder is IERC1155Receiver {
    event Told(bytes4 selector);

    IERC1155 private immutable _bridge;
    Hook[] private _hooks;
    bytes[] private _attempts;
    uint256 public tried;
    uint256 public succeeded;
    bytes public lastRefusal;

    constructor(IERC1155 bridge) {
        _bridge = bridge;
    }

    function attempt(bytes calldata data) external {
        _attempts.push(data);
    }

    function hooks() external view returns (Hook[] memory) {
        return _hooks;
    }

    function onERC1155Received(address operator, address from, uint256 id, uint256 value, bytes calldata data)
        external
        returns (bytes4)
    {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (id, value);
        _record(this.onERC1155Received.selector, operator, from, ids, values, data);
        return 0xf23a6e61;
    }

    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external returns (bytes4) {
        _record(this.onERC1155BatchReceived.selector, operator, from, ids, values, data);
        return 0xbc197c81;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0x4e2312e0;
    }

    function _record(
        bytes4 selector,
        address operator,
        address from,
        uint256[] memory ids,
        uint256[] memory values,
        bytes memory data
    ) private {
        emit Told(selector);
        Hook storage hook = _hooks.push();
        (hook.selector, hook.caller, hook.operator, hook.from) = (selector, msg.sender, operator, from);
        (hook.ids, hook.values, hook.data) = (ids, values, data);
        for (uint256 i; i < ids.length; ++i) {
            hook.own.push(_bridge.balanceOf(address(this), ids[i]));
            hook.giver.push(from == address(0) ? 0 : _bridge.balanceOf(from, ids[i]));
        }
        for (uint256 i; i < _attempts.length; ++i) {
            ++tried;
            (bool ok, bytes memory answer) = address(_bridge).call(_attempts[i]);
            if (ok) ++succeeded;
            else lastRefusal = answer;
        }
    }
}

/// @dev Has code and no hooks; answers every call with the same bytes, or throws them.
contract Odd {
    bytes private _answer;
    bool private immutable _throws;

    constructor(bytes memory answer, bool throws_) {
        (_answer, _throws) = (answer, throws_);
    }

    fallback() external {
        bytes memory answer = _answer;
        if (_throws) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        assembly ("memory-safe") {
            return(add(answer, 32), mload(answer))
        }
    }
}

/// @dev Sends on to its heir whatever it is given.
contract Forwarder is IERC1155Receiver {
    address private immutable _heir;

    constructor(address heir) {
        _heir = heir;
    }

    function onERC1155Received(address, address, uint256 id, uint256 value, bytes calldata) external returns (bytes4) {
        IERC1155(msg.sender).safeTransferFrom(address(this), _heir, id, value, "forwarded");
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata ids, uint256[] calldata values, bytes calldata)
        external
        returns (bytes4)
    {
        IERC1155(msg.sender).safeBatchTransferFrom(address(this), _heir, ids, values, "forwarded");
        return this.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0x4e2312e0;
    }
}
