// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BridgeBase} from "./BridgeBase.sol";
import {IOffice} from "./ICarbonBridge.sol";
import {RefillingAllowance} from "./RefillingAllowance.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {Node, SerialLedger} from "./SerialLedger.sol";
import {
    CreditClass,
    LedgerRange,
    Request,
    RequestState,
    Reserve,
    SpaceKind,
    Subject,
    Terms,
    Verdict
} from "./Types.sol";

/// @title What can be read
abstract contract Reading is BridgeBase, IOffice {
    using RefillingAllowance for RefillingAllowance.Allowance;
    using RegistryBook for RegistryBook.Book;

    /// @inheritdoc IOffice
    function requestId(Request calldata request) external view returns (bytes32) {
        return _requestId(request);
    }

    /// @inheritdoc IOffice
    function requestState(bytes32 id) external view returns (RequestState memory) {
        return _requests[id];
    }

    /// @inheritdoc IOffice
    function creditClass(uint256 classId) external view returns (CreditClass memory) {
        RegistryBook.Class storage class = _book.classes[classId];
        return CreditClass(
            class.supply,
            class.pendingRetirement,
            class.pendingRedemption,
            class.shortfall,
            class.quarantinedUntil,
            class.index,
            class.registryIndex,
            class.terms
        );
    }

    /// @inheritdoc IOffice
    function reserveOf(uint256 classId) external view returns (Reserve memory) {
        return _book.classes[classId].reserve;
    }

    /// @inheritdoc IOffice
    function classAllowance(uint256 classId) external view returns (uint64 unitsPerDay, uint256 available) {
        RefillingAllowance.Allowance storage bound = _book.classes[classId].allowance;
        return (bound.unitsPerDay, bound.available());
    }

    /// @inheritdoc IOffice
    function totalSupply(uint256 classId) external view returns (uint256) {
        return _book.classes[classId].supply;
    }

    /// @inheritdoc IOffice
    function spaceOf(bytes32 id) external view returns (bytes32 registry, SpaceKind kind, uint256 soleClassId) {
        SerialLedger.Space storage space = _book.requireSpace(id);
        soleClassId = space.soleClass == 0 ? 0 : _book.classIdAt(space.soleClass);
        return (_book.registryCodes[space.registryIndex - 1], space.kind, soleClassId);
    }

    /// @inheritdoc IOffice
    function rangeAt(bytes32 id, uint64 first) external view returns (LedgerRange memory) {
        SerialLedger.Space storage space = _book.requireSpace(id);
        Node node = space.nodes[first];
        if (node.lastOf() == 0) return LedgerRange(0, 0, 0, first == 0 ? space.head : 0, 0);
        return LedgerRange(
            first, node.liveFromOf(), node.lastOf(), node.nextOf(), _book.classIdAt(node.classIndexOf())
        );
    }

    /// @inheritdoc IOffice
    function registryOf(bytes32 registry) external view returns (uint8, uint8, Terms memory) {
        RegistryBook.Registry storage r = _book.registries[_book.requireRegistry(registry)];
        return (r.threshold, r.attesters, r.terms);
    }

    /// @inheritdoc IOffice
    function verdictOn(bytes32 registry, Subject subject, string calldata code) external view returns (Verdict) {
        return _book.registries[_book.requireRegistry(registry)].gates[RegistryBook.subjectKey(subject, code)].verdict;
    }

    /// @inheritdoc IOffice
    function isAttester(bytes32 registry, address account) external view returns (bool) {
        return _book.registries[_book.requireRegistry(registry)].isAttester[account];
    }

    /// @inheritdoc IOffice
    function lockUsed(bytes32 registry, uint256 lockId) external view returns (bool) {
        return _book.registries[_book.requireRegistry(registry)].usedLocks[lockId >> 8] & (1 << (lockId & 0xff)) != 0;
    }

    /// @inheritdoc IOffice
    function allowance(address operator) external view returns (uint64 unitsPerDay, uint256 available) {
        RefillingAllowance.Allowance storage bound = _allowances[operator];
        return (bound.unitsPerDay, bound.available());
    }

    /// @inheritdoc IOffice
    function isGuardian(address account) external view returns (bool) {
        return _guardians[account];
    }

    /// @inheritdoc IOffice
    function paused() external view returns (bool) {
        return _pause.paused;
    }
}
