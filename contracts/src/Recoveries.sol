// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeBase} from "./BridgeBase.sol";
import {IRemedies} from "./ICarbonBridge.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {Recovery} from "./Types.sol";

/// @title Units of an account whose key is lost, ordered to another, slowly and in the open
abstract contract Recoveries is BridgeBase, IRemedies {
    using RegistryBook for RegistryBook.Book;

    uint40 private constant ENDED = type(uint40).max;

    /// @inheritdoc IRemedies
    function orderRecovery(Recovery calldata recovery) external returns (bytes32 id) {
        RegistryBook.Class storage class = _book.requireClass(recovery.classId);
        id = _recoveryId(recovery);
        if (msg.sender != class.terms.recoverer) revert NotRecoverer(msg.sender, recovery.classId);
        if (recovery.units == 0) revert ZeroUnits();
        // From nobody they would be new units, and what the bridge has is its cover.
        if (recovery.from == address(0) || recovery.from == address(this)) revert ERC1155InvalidSender(recovery.from);
        if (recovery.to == address(0)) revert ERC1155InvalidReceiver(recovery.to);
        if (_recoveries[id] != 0) revert RecoveryExists(id);
        // Two orders would each count the same units, and take twice as many when more have come.
        uint40 standsUntil = _ordered[recovery.from][recovery.classId];
        if (block.timestamp <= standsUntil) revert RecoveryStands(recovery.from, recovery.classId, standsUntil);
        // An order that waited for units to come would take them without notice.
        uint256 balance = balanceOf(recovery.from, recovery.classId);
        if (balance < recovery.units) {
            revert ERC1155InsufficientBalance(recovery.from, balance, recovery.units, recovery.classId);
        }

        uint40 maturesAt = uint40(block.timestamp) + class.terms.recoverySeconds;
        _recoveries[id] = maturesAt;
        _ordered[recovery.from][recovery.classId] = maturesAt + class.terms.recoverySeconds;
        emit RecoveryOrdered(
            id, recovery.from, recovery.classId, recovery.to, recovery.units, recovery.salt, maturesAt
        );
    }

    /// @inheritdoc IRemedies
    function vetoRecovery(Recovery calldata recovery) external {
        (bytes32 id,) = _requirePending(recovery);
        if (msg.sender != recovery.from && !_guardians[msg.sender]) revert NotHolder(msg.sender, recovery.from);

        _end(id, recovery);
        emit RecoveryVetoed(id, msg.sender);
    }

    /// @inheritdoc IRemedies
    function recover(Recovery calldata recovery) external {
        (bytes32 id, uint40 maturesAt) = _requirePending(recovery);
        if (block.timestamp < maturesAt) revert RecoveryNotMature(id, maturesAt);
        _book.requireOpen(recovery.classId);
        _requireMayMove(address(0), recovery.to);

        _end(id, recovery);
        _pass(recovery.from, recovery.to, recovery.classId, recovery.units);
        emit Recovered(id, recovery.from, recovery.to, recovery.units);
        _checkReceiver(recovery.from, recovery.to, recovery.classId, recovery.units);
    }

    /// @inheritdoc IRemedies
    function recoveryId(Recovery calldata recovery) external view returns (bytes32) {
        return _recoveryId(recovery);
    }

    /// @inheritdoc IRemedies
    function recoveryMaturesAt(bytes32 id) external view returns (uint40) {
        return _recoveries[id];
    }

    function _recoveryId(Recovery calldata recovery) private view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), recovery));
    }

    function _requirePending(Recovery calldata recovery) private view returns (bytes32 id, uint40 maturesAt) {
        id = _recoveryId(recovery);
        maturesAt = _recoveries[id];
        if (maturesAt == 0 || maturesAt == ENDED) revert RecoveryNotPending(id);
        uint40 lapsesAt = maturesAt + _book.classes[recovery.classId].terms.recoverySeconds;
        if (block.timestamp > lapsesAt) revert RecoveryLapsed(id, lapsesAt);
    }

    function _end(bytes32 id, Recovery calldata recovery) private {
        _recoveries[id] = ENDED;
        delete _ordered[recovery.from][recovery.classId];
    }
}
