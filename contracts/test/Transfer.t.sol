// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract TransferTest is Base {
    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function test_nobody_moves_anothers_units() public {
        address[4] memory others = [mallory, operator, guardian, admin];
        for (uint256 i; i < 4; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, others[i], alice)
            );
            bridge.safeTransferFrom(alice, others[i], class, 1, "");
        }
    }

    function test_a_transfer_to_nobody_is_no_burn() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(0)));
        bridge.safeTransferFrom(alice, address(0), class, 1, "");
    }

    function test_the_bridge_itself_takes_no_units() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(bridge)));
        bridge.safeTransferFrom(alice, address(bridge), class, 1, "");
    }

    function test_transfers_leave_the_supply_alone() public {
        uint256[] memory ids = new uint256[](2);
        uint256[] memory values = new uint256[](2);
        (ids[0], ids[1], values[0], values[1]) = (class, class, 10, 20);
        vm.prank(alice);
        bridge.safeBatchTransferFrom(alice, bob, ids, values, "");
        vm.assertEq(_balance(alice), 70);
        vm.assertEq(_balance(bob), 30);
        vm.assertEq(bridge.totalSupply(class), 100);
    }
}
