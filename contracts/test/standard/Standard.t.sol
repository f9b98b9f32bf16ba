// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Lock, Request, Signature} from "../../src/Types.sol";
import {Base} from "../Base.t.sol";
import {Vm, vm} from "../Cheats.sol";
import {Recorder} from "./Receivers.sol";

/// @dev One change of balance, as an event tells it. `place` is the event's place among all that were recorded.
struct Movement {
    address operator;
    address from;
    address to;
    uint256 id;
    uint256 value;
    uint256 place;
}

/// @dev The ways in which an account with code comes by units.
enum Door {
    Transfer,
    Batch,
    Mint,
    TakeBack
}

/// @dev A bridge on which alice holds 100 units each of two classes, and has 20 more of `class` that she called back
/// and may take.
abstract contract Standard is Base {
    bytes32 internal constant SINGLE = IERC1155.TransferSingle.selector;
    bytes32 internal constant BATCH = IERC1155.TransferBatch.selector;

    Recorder internal receiver;
    Request internal returnable;
    uint64 private _nextSerial = 1;

    function setUp() public virtual override {
        super.setUp();
        receiver = new Recorder(bridge);
        _give(class, alice, 120);
        _give(sibling, alice, 100);
        (returnable,) = _retire(alice, 20);
        _passDeadline();
        _callBack(returnable);
        _passChallenge();
    }

    // ------------------------------------------------------------- what people do

    function _give(uint256 id, address to, uint64 units) internal {
        _mint(_fresh(id, to, units));
    }

    /// @dev A lock of serials that nobody used; no two of them touch.
    function _fresh(uint256 id, address to, uint64 units) internal returns (Lock memory lock) {
        lock = _lock(to, _nextSerial, _nextSerial + units - 1);
        lock.classId = id;
        _nextSerial += units + 1;
    }

    function _mintAll(Lock[] memory locks) internal {
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, _noHints(locks.length), signatures);
    }

    function _transfer(address from, address to, uint256 id, uint256 value, bytes memory data) internal {
        vm.prank(from);
        bridge.safeTransferFrom(from, to, id, value, data);
    }

    function _batchTransfer(address from, address to, uint256[] memory ids, uint256[] memory values, bytes memory data)
        internal
    {
        vm.prank(from);
        bridge.safeBatchTransferFrom(from, to, ids, values, data);
    }

    /// @dev By each door `to` is credited 20 units of `class`, by the batch 5 of the other one also.
    function through(Door door, address to) public {
        if (door == Door.Transfer) _transfer(alice, to, class, 20, "memo");
        if (door == Door.Batch) _batchTransfer(alice, to, _pair(class, sibling), _pair(20, 5), "memo");
        if (door == Door.Mint) _give(class, to, 20);
        if (door == Door.TakeBack) _takeBack(returnable, to);
    }

    function _assertThroughReverts(Door door, address to, bytes memory why) internal {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.through, (door, to)));
        vm.assertFalse(ok);
        vm.assertEq(keccak256(answer), keccak256(why));
    }

    function _invalid(address to) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, to);
    }

    function _missingApproval(address account, address holder) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, account, holder);
    }

    // ------------------------------------------------------------------- what was said

    /// @dev The bridge's transfer events since the last call, one entry for each pair of a batch.
    function _movements() internal returns (Movement[] memory movements) {
        return _movementsIn(vm.getRecordedLogs());
    }

    function _movementsIn(Vm.Log[] memory logs) internal view returns (Movement[] memory movements) {
        uint256 count;
        for (uint256 i; i < logs.length; ++i) {
            (, uint256[] memory ids,) = _pairsOf(logs[i]);
            count += ids.length;
        }
        movements = new Movement[](count);
        count = 0;
        for (uint256 i; i < logs.length; ++i) {
            (bool any, uint256[] memory ids, uint256[] memory values) = _pairsOf(logs[i]);
            if (!any) continue;
            vm.assertEq(ids.length, values.length);
            bytes32[] memory topics = logs[i].topics;
            for (uint256 j; j < ids.length; ++j) {
                movements[count++] =
                    Movement(_account(topics[1]), _account(topics[2]), _account(topics[3]), ids[j], values[j], i);
            }
        }
    }

    function _pairsOf(Vm.Log memory log)
        private
        view
        returns (bool any, uint256[] memory ids, uint256[] memory values)
    {
        if (log.emitter != address(bridge)) {
            return (false, ids, values);
        }
        if (log.topics[0] == BATCH) {
            (ids, values) = abi.decode(log.data, (uint256[], uint256[]));
            return (true, ids, values);
        }
        if (log.topics[0] == SINGLE) {
            (uint256 id, uint256 value) = abi.decode(log.data, (uint256, uint256));
            return (true, _one(id), _one(value));
        }
    }

    /// @dev How many of `logs` the bridge emitted with this first topic.
    function _count(Vm.Log[] memory logs, bytes32 topic) internal view returns (uint256 count) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(bridge) && logs[i].topics[0] == topic) ++count;
        }
    }

    function _assertMovement(Movement memory m, address by, address from, address to, uint256 id, uint256 value)
        internal
        pure
    {
        vm.assertEq(m.operator, by);
        vm.assertEq(m.from, from);
        vm.assertEq(m.to, to);
        vm.assertEq(m.id, id);
        vm.assertEq(m.value, value);
    }

    // ------------------------------------------------------------------- lists

    function _account(bytes32 topic) internal pure returns (address) {
        return address(uint160(uint256(topic)));
    }

    function _one(uint256 a) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = a;
    }

    function _pair(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function _three(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory list) {
        list = new uint256[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    function _same(uint256[] memory a, uint256[] memory b) internal pure {
        vm.assertEq(keccak256(abi.encode(a)), keccak256(abi.encode(b)));
    }
}
