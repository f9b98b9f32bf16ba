// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lock} from "../../src/Types.sol";
import {Vm, vm} from "../Cheats.sol";
import {Door, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, metadata.
contract MetadataTest is Standard {
    /// @dev What a client puts in the place of `{id}`: 64 digits, lower case, no prefix.
    function _digits(uint256 id) private pure returns (bytes memory digits) {
        digits = new bytes(64);
        for (uint256 i; i < 64; ++i) {
            digits[63 - i] = bytes16("0123456789abcdef")[(id >> (4 * i)) & 15];
        }
    }

    /// @dev The URI as a client reads it, and how many times `{id}` stood in it.
    function _read(uint256 id) private view returns (bytes memory read, uint256 places) {
        bytes memory text = bytes(bridge.uri(id));
        for (uint256 i; i < text.length; ++i) {
            bool place = i + 4 <= text.length && text[i] == "{" && text[i + 1] == "i" && text[i + 2] == "d"
                && text[i + 3] == "}";
            read = bytes.concat(read, place ? _digits(id) : abi.encodePacked(text[i]));
            if (place) (i, places) = (i + 3, places + 1);
        }
    }

    // metadata: `{id}` is left for clients, who get an address of its own for each class
    function test_clients_put_the_id_into_the_uri() public view {
        (bytes memory read, uint256 places) = _read(class);
        vm.assertEq(places, 1);
        vm.assertEq(keccak256(read), keccak256(bytes.concat("ipfs://classes/", _digits(class))));
        (bytes memory other,) = _read(sibling);
        vm.assertFalse(keccak256(read) == keccak256(other));
    }

    // metadata: the id is written in 64 lower-case hexadecimal digits, padded, without a prefix
    function test_the_id_is_sixty_four_lower_case_digits() public view {
        (bytes memory read,) = _read(0x4cce0);
        bytes memory expected = "ipfs://classes/000000000000000000000000000000000000000000000000000000000004cce0";
        vm.assertEq(keccak256(read), keccak256(expected));
        (read,) = _read(type(uint256).max);
        expected = "ipfs://classes/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
        vm.assertEq(keccak256(read), keccak256(expected));
    }

    // metadata extensions: a URI says nothing about whether a token exists
    function test_a_class_that_is_not_there_has_a_uri_too() public view {
        vm.assertEq(keccak256(bytes(bridge.uri(7))), keccak256(bytes(bridge.uri(class))));
        vm.assertEq(bridge.totalSupply(7), 0);
    }

    // metadata extensions: URI is emitted for changes. The text is the constructor's and no door changes it, so there
    // is never one to tell of
    function test_no_uri_event_is_emitted_since_the_uri_never_changes() public {
        bytes32 before = keccak256(bytes(bridge.uri(class)));
        vm.recordLogs();
        super.setUp();
        for (uint256 i; i < 4; ++i) {
            through(Door(i), address(receiver));
        }
        Lock memory lock = _fresh(class, bob, 9);
        _mint(lock);
        (, bytes32 id) = _retire(bob, 9);
        _settle(id, 0, lock.first, lock.last);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(_count(logs, keccak256("URI(string,uint256)")), 0);
        vm.assertEq(keccak256(bytes(bridge.uri(class))), before);
    }
}
