// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {Signals} from "../src/Signals.sol";
import {Recovery, Reversal, Signature} from "../src/Types.sol";
import {deploy} from "deploy/deploy.sol";
import {Base, IBridge} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

contract CalmPolicy is IHolderPolicy {
    function requireMayMove(address, address) external view {}
}

/// @dev The bridge runs the office's and the remedies' code on its own storage; at their own addresses they are nothing.
contract ExtensionTest is Base {
    IBridge private office;
    IBridge private remedies;

    function setUp() public override {
        super.setUp();
        office = IBridge(bridge.extension());
        remedies = IBridge(office.extension());
        _mint(alice, 1, 100);
    }

    /// @dev Bubbles up why a deployment reverted.
    function deploy(string calldata name, bytes calldata arguments) external returns (address) {
        return deploy(name, arguments);
    }

    function _deployRefused(string memory name, bytes memory arguments, address extension) private {
        vm.expectRevert(abi.encodeWithSelector(Signals.ExtensionInvalid.selector, extension));
        this.deploy(name, arguments);
    }

    function test_an_extension_without_code_is_refused() public {
        address[2] memory nobody = [address(0), mallory];
        for (uint256 i; i < 2; ++i) {
            _deployRefused("CarbonBridge", abi.encode(admin, "", address(0), nobody[i]), nobody[i]);
            _deployRefused("Office", abi.encode(address(0), nobody[i]), nobody[i]);
        }
    }

    function test_an_extension_that_asks_another_policy_is_refused() public {
        address other = address(new CalmPolicy());
        _deployRefused("CarbonBridge", abi.encode(admin, "", other, office), address(office));
        _deployRefused("Office", abi.encode(other, remedies), address(remedies));
        address asking = this.deploy("Remedies", abi.encode(other));
        _deployRefused("Office", abi.encode(address(0), asking), asking);
        this.deploy("Office", abi.encode(other, asking));
    }

    function test_the_bridge_takes_no_ether_at_any_door() public {
        bytes[4] memory doors = [
            bytes(""),
            abi.encodeCall(bridge.totalSupply, (class)),
            abi.encodeCall(bridge.balanceOf, (alice, class)),
            abi.encodeCall(bridge.coverLeft, (bytes32(0)))
        ];
        for (uint256 i; i < 4; ++i) {
            (bool ok,) = address(bridge).call{value: 1}(doors[i]);
            vm.assertFalse(ok);
        }
        for (uint256 i = 1; i < 4; ++i) {
            (bool ok,) = address(bridge).call(doors[i]);
            vm.assertTrue(ok);
        }
        vm.assertEq(address(bridge).balance, 0);
    }

    function test_what_nobody_has_a_function_for_reverts() public {
        bytes[3] memory unknown = [bytes(""), hex"00", abi.encodeWithSignature("initialize(address)", mallory)];
        for (uint256 i; i < 3; ++i) {
            (bool ok, bytes memory why) = address(bridge).call(unknown[i]);
            vm.assertFalse(ok);
            vm.assertEq(why.length, 0);
        }
    }

    function test_nobody_owns_the_office_or_the_remedies() public {
        IBridge[2] memory parts = [office, remedies];
        address[3] memory people = [admin, operator, mallory];
        for (uint256 i; i < 2; ++i) {
            vm.assertEq(parts[i].owner(), address(parts[i]));
            vm.assertEq(parts[i].pendingOwner(), address(0));
            for (uint256 j; j < 3; ++j) {
                vm.startPrank(people[j]);
                vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, people[j]));
                parts[i].transferOwnership(people[j]);
                vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, people[j]));
                parts[i].acceptOwnership();
                vm.stopPrank();
            }
        }
    }

    function test_the_office_called_directly_sets_up_nothing_and_stops_nothing() public {
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, admin));
        office.addRegistry("acr", _addresses(verraKeys), 2, _terms());
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, admin));
        office.setGuardian(mallory, true);
        vm.stopPrank();
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotGuardian.selector, guardian));
        office.pause();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, operator));
        office.createClass(VERRA, "1", 2020, "VCU");
        vm.expectRevert(abi.encodeWithSelector(Signals.RegistryUnknown.selector, VERRA));
        office.registryOf(VERRA);
        vm.assertFalse(bridge.isGuardian(mallory));
        vm.assertEq(office.totalSupply(class), 0);
        vm.assertEq(office.balanceOf(alice, class), 0);
    }

    function test_the_remedies_called_directly_reverse_and_recover_nothing() public {
        Reversal[] memory reversals = _reversals(_reversal("event 1", 1, 10));
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        IBridge[2] memory parts = [office, remedies];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Signals.ClassUnknown.selector, class));
            parts[i].reverse(reversals, _noHints(1), signatures);
            vm.expectRevert(abi.encodeWithSelector(Signals.ClassUnknown.selector, class));
            parts[i].orderRecovery(Recovery(class, alice, mallory, 100, 1));
        }
        vm.assertEq(bridge.creditClass(class).shortfall, 0);
        bridge.reverse(reversals, _noHints(1), signatures);
        vm.assertEq(bridge.creditClass(class).shortfall, 10);
    }

    function test_a_door_of_the_bridge_is_not_found_in_its_extensions() public {
        IBridge[2] memory parts = [office, remedies];
        for (uint256 i; i < 2; ++i) {
            vm.prank(alice);
            (bool ok, bytes memory why) =
                address(parts[i]).call(abi.encodeCall(bridge.retire, (class, 1, COMMITMENT, 1)));
            vm.assertFalse(ok);
            vm.assertEq(why.length, 0);
        }
    }

    function test_two_bridges_share_code_and_no_storage() public {
        IBridge second = IBridge(deploy(
            "CarbonBridge", abi.encode(bob, "ipfs://second", address(0), office)
        ));
        vm.assertEq(second.extension(), bridge.extension());
        vm.assertEq(second.owner(), bob);
        vm.prank(bob);
        second.setGuardian(bob, true);
        vm.prank(bob);
        second.pause();
        vm.assertTrue(second.paused());
        vm.assertFalse(bridge.paused());
        vm.assertFalse(office.paused());
        vm.assertEq(second.totalSupply(class), 0);
    }
}
