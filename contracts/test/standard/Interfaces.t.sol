// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {vm} from "../Cheats.sol";
import {Standard} from "./Standard.t.sol";

/// @dev ERC-165 as EIP-1155 asks for it.
contract InterfacesTest is Standard {
    bytes4 private constant ERC165 = 0x01ffc9a7;
    bytes4 private constant ERC1155 = 0xd9b67a26;
    bytes4 private constant METADATA = 0x0e89341c;
    bytes4 private constant RECEIVER = 0x4e2312e0;

    function _supports(bytes4 id) private view returns (bool) {
        return IERC165(address(bridge)).supportsInterface(id);
    }

    // specification: supportsInterface says true to ERC-1155's id
    function test_it_says_that_it_is_an_erc1155() public view {
        vm.assertTrue(_supports(ERC1155));
    }

    // ERC-165: true to its own id
    function test_it_says_that_it_answers_such_questions() public view {
        vm.assertTrue(_supports(ERC165));
    }

    // metadata extensions: true to the extension's id, since the extension is there
    function test_it_says_that_it_has_metadata() public view {
        vm.assertTrue(_supports(METADATA));
    }

    // ERC-165: false to 0xffffffff
    function test_it_says_no_to_the_invalid_id() public view {
        vm.assertFalse(_supports(0xffffffff));
    }

    // ERC-165: false to whatever else it is not; a receiver it is not either
    function testFuzz_it_says_no_to_what_it_is_not(bytes4 id) public view {
        vm.assume(id != ERC165 && id != ERC1155 && id != METADATA);
        vm.assertFalse(_supports(id));
        vm.assertFalse(_supports(RECEIVER));
    }

    // ERC-165: an answer takes less than 30,000 gas, whatever the question
    function testFuzz_an_answer_takes_less_than_thirty_thousand_gas(bytes4 id) public view {
        bytes4[4] memory questions = [ERC165, ERC1155, 0xffffffff, id];
        for (uint256 i; i < 4; ++i) {
            (bool ok, bytes memory answer) =
                address(bridge).staticcall{gas: 30_000}(abi.encodeCall(IERC165.supportsInterface, (questions[i])));
            vm.assertTrue(ok);
            vm.assertEq(answer.length, 32);
        }
    }

    // specification: the ids are the signatures', so that what is answered for is what callers call
    function test_the_ids_are_those_of_the_functions_that_the_bridge_has() public pure {
        vm.assertEq(
            bytes32(ERC1155),
            bytes32(
                IERC1155.safeTransferFrom.selector ^ IERC1155.safeBatchTransferFrom.selector
                    ^ IERC1155.balanceOf.selector ^ IERC1155.balanceOfBatch.selector
                    ^ IERC1155.setApprovalForAll.selector ^ IERC1155.isApprovedForAll.selector
            )
        );
        vm.assertEq(bytes32(METADATA), bytes32(IERC1155MetadataURI.uri.selector));
    }

    // specification: all six functions are there. An unknown one reverts without a word, these answer or say why not
    function test_every_function_of_the_interface_is_there() public {
        bytes[6] memory calls = [
            abi.encodeCall(IERC1155.safeTransferFrom, (alice, bob, class, 1, "")),
            abi.encodeCall(IERC1155.safeBatchTransferFrom, (alice, bob, _one(class), _one(1), "")),
            abi.encodeCall(IERC1155.balanceOf, (alice, class)),
            abi.encodeCall(IERC1155.balanceOfBatch, (new address[](1), _one(class))),
            abi.encodeCall(IERC1155.setApprovalForAll, (bob, true)),
            abi.encodeCall(IERC1155.isApprovedForAll, (alice, bob))
        ];
        for (uint256 i; i < 6; ++i) {
            vm.prank(alice);
            (bool ok,) = address(bridge).call(calls[i]);
            vm.assertTrue(ok);
        }
        (bool unknown, bytes memory why) = address(bridge).call(abi.encodeWithSignature("burn(uint256)", 1));
        vm.assertFalse(unknown);
        vm.assertEq(why.length, 0);
    }
}
