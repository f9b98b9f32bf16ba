// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../Cheats.sol";
import {allActs} from "./Acts.sol";
import {Handler} from "./Handler.sol";

/// @dev The laws, after every act of a random walk.
abstract contract Walk {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler internal handler;
    bool private immutable listing;

    constructor(bool listing_) {
        listing = listing_;
    }

    function setUp() public {
        handler = new Handler(listing);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), allActs(listing));
    }

    function invariant_the_laws_hold() external {
        _requireLaws();
    }

    function afterInvariant() external view {
        _require(handler.brokenAtTheEnd());
    }

    function _requireLaws() internal {
        _require(handler.broken());
        vm.assertEq(handler.breaches(), 0, "somebody did what nobody may, or a law was broken inside a hook");
    }

    function _require(string memory broken) internal pure {
        vm.assertTrue(bytes(broken).length == 0, broken);
    }
}

contract LawsWithFreezesTest is Walk(false) {}

/// @dev An allow list freezes too, so every act can happen here.
contract LawsWithAllowListTest is Walk(true) {
    uint256 private constant STEPS = 4_000;

    error NeverHappened(bytes4 act);

    mapping(bytes4 act => uint256) private done;

    /// @dev A fixed walk, in which no act may be discarded always.
    function test_every_act_happens() external {
        bytes4[] memory acts = allActs(true);
        for (uint256 i; i < STEPS; ++i) {
            bytes4 act = acts[uint256(keccak256(abi.encode("act", i))) % acts.length];
            (bool ok, bytes memory why) = address(handler).call(abi.encodePacked(act, _arguments(i)));
            if (ok) ++done[act];
            else vm.assertEq(bytes32(why), bytes32("FOUNDRY::ASSUME"));
            if (i % 50 == 0) _requireLaws();
        }
        for (uint256 i; i < acts.length; ++i) {
            if (done[acts[i]] == 0) revert NeverHappened(acts[i]);
        }
        vm.assertLt(30, handler.audits());
        vm.assertLt(300, handler.attempts());
        _requireLaws();
        _require(handler.brokenAtTheEnd());
    }

    /// @dev Four words within the narrowest type that an act takes.
    function _arguments(uint256 i) private pure returns (bytes memory) {
        uint256 seed = uint256(keccak256(abi.encode(i)));
        return abi.encode(uint16(seed), uint16(seed >> 16), uint16(seed >> 32), uint16(seed >> 48));
    }
}
