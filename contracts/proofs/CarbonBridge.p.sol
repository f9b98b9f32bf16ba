// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {CarbonBridge} from "../src/CarbonBridge.sol";
import {IExtension} from "../src/Extended.sol";
import {ICarbonBridge} from "../src/ICarbonBridge.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {Office} from "../src/Office.sol";
import {Remedies} from "../src/Remedies.sol";
import {CreditClass, Lock, Signature, SpaceKind, Terms} from "../src/Types.sol";
import {svm, vm} from "./Svm.sol";

/// @dev All that answers at a bridge's address. Were a function missing here, the bytes that the prover makes for an
/// unknown one would reach it without a form, and the proof would fail.
interface Whole is ICarbonBridge, IERC1155 {
    function uri(uint256 classId) external view returns (string memory);
    function extension() external view returns (address);
    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function transferOwnership(address to) external;
    function acceptOwnership() external;
    function renounceOwnership() external;
    function PAUSE_SECONDS() external view returns (uint40);
    function QUARANTINE_SECONDS() external view returns (uint40);
}

/// @dev A bridge with one registry of three attesters, two of whom must sign, and one class.
abstract contract BridgeProofs {
    address internal constant ADMIN = address(0xad);
    address internal constant OPERATOR = address(0x09);
    address internal constant GUARDIAN = address(0x6a);
    address internal constant RECOVERER = address(0x4e);
    bytes32 internal constant REGISTRY = "verra";
    uint8 internal constant THRESHOLD = 2;

    IERC1155 internal units;
    ICarbonBridge internal bridge;
    uint256 internal class;
    bytes32 internal space;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(1_000_000);
        IHolderPolicy nobody = IHolderPolicy(address(0));
        Office office = new Office(nobody, IExtension(address(new Remedies(nobody))));
        bridge = ICarbonBridge(address(new CarbonBridge(ADMIN, "", nobody, IExtension(address(office)))));
        units = IERC1155(address(bridge));
        address[] memory attesters = new address[](3);
        for (uint256 i; i < 3; ++i) attesters[i] = address(uint160(0xa1 + i));
        vm.prank(ADMIN);
        bridge.addRegistry(REGISTRY, attesters, THRESHOLD, Terms(14 days, 7 days, 1_000, 1_000, 0, 7 days, false, RECOVERER));
        vm.prank(ADMIN);
        bridge.setAllowance(OPERATOR, type(uint64).max);
        vm.prank(ADMIN);
        bridge.setGuardian(GUARDIAN, true);
        vm.prank(OPERATOR);
        class = bridge.createClass(REGISTRY, "1686", 2014, "VCU");
        vm.prank(OPERATOR);
        space = bridge.registerSpace(REGISTRY, SpaceKind.Counter, "VER");
    }
}

/// @dev Signatures are what `ecrecover` makes of them, and that is any address for any of them: the signers of these
/// proofs can be whom the adversary likes.
contract Mint is BridgeProofs {
    function check_nobody_but_an_operator_mints() external {
        address caller = svm.createAddress("caller");
        vm.assume(caller != OPERATOR);
        _mintBy(caller, THRESHOLD);
    }

    function check_an_operator_with_fewer_signatures_does_not_mint() external {
        for (uint256 count; count < THRESHOLD; ++count) _mintBy(OPERATOR, count);
    }

    function _mintBy(address caller, uint256 count) private {
        Lock[] memory locks = new Lock[](1);
        locks[0] = Lock({
            lockId: svm.createUint256("lockId"),
            classId: svm.createUint256("classId"),
            space: svm.createBytes32("space"),
            first: uint64(svm.createUint(64, "first")),
            last: uint64(svm.createUint(64, "last")),
            recipient: svm.createAddress("recipient"),
            notAfter: uint64(svm.createUint(64, "notAfter"))
        });
        uint64[] memory hints = new uint64[](1);
        hints[0] = uint64(svm.createUint(64, "hint"));
        Signature[] memory signatures = new Signature[](count);
        for (uint256 i; i < count; ++i) {
            signatures[i] = Signature(svm.createBytes32("r"), svm.createBytes32("vs"));
        }
        vm.prank(caller);
        try bridge.mint(locks, hints, signatures) {
            assert(false);
        } catch {}
    }

    /// @dev The proofs above would hold of a bridge that never mints; this has a counterexample, or they say nothing.
    function check_an_operator_with_enough_signatures_mints_REFUTED() external {
        _mintBy(OPERATOR, THRESHOLD);
    }
}

/// @dev One call, by whom it may be, of any function that the bridge has with any arguments, but fewer signatures than a quorum. ALICE holds
/// units, and has asked for some to be retired; what she called back she may take back.
contract AnyCall is BridgeProofs {
    address private constant ALICE = address(0xa11ce);

    function setUp() public override {
        super.setUp();
        Lock[] memory locks = new Lock[](1);
        locks[0] = Lock(1, class, space, 1, 100, ALICE, uint64(block.timestamp));
        Signature[] memory signatures = new Signature[](THRESHOLD);
        for (uint256 i; i < THRESHOLD; ++i) signatures[i] = Signature(bytes32(i + 1), bytes32(i + 1));
        vm.prank(OPERATOR);
        bridge.mint(locks, new uint64[](1), signatures);
        vm.prank(ALICE);
        bridge.retire(class, 30, "", 1);
        vm.prank(ALICE);
        bridge.redeem(class, 20, "", 2);
    }

    function check_without_a_quorum_nothing_is_minted() external {
        bytes memory data = svm.createCalldata("Whole", false);
        address caller = svm.createAddress("caller");
        CreditClass memory before = bridge.creditClass(class);
        address holder = svm.createAddress("holder");
        uint256 held = units.balanceOf(holder, class);
        bytes4 selector = bytes4(data);

        vm.prank(caller);
        (bool done,) = address(bridge).call(data);
        vm.assume(done);

        CreditClass memory now_ = bridge.creditClass(class);
        assert(
            now_.supply + now_.pendingRetirement + now_.pendingRedemption
                == before.supply + before.pendingRetirement + before.pendingRedemption
        );
        assert(now_.supply <= before.supply);
        bool gives = selector == IERC1155.safeTransferFrom.selector || selector == IERC1155.safeBatchTransferFrom.selector;
        assert(gives || units.balanceOf(holder, class) <= held);
    }
}
