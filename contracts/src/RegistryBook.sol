// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ICarbonBridge, Signature, SpaceKind, Terms} from "./ICarbonBridge.sol";
import {SerialLedger} from "./SerialLedger.sol";

/// @title Registries with their attesters, serial spaces and credit classes
/// @dev Registries and classes are counted from one, so that a zero index means "none" in every packed slot. What sets
/// things up is `external`, deployed on its own and linked, which leaves room in the contract for the doors; what the
/// doors need at every call is `internal`.
library RegistryBook {
    struct Registry {
        uint8 threshold;
        uint8 attesters;
        Terms terms;
        mapping(address => bool) isAttester;
        mapping(uint256 word => uint256) usedLocks;
    }

    /// @dev {CreditClass} as stored. All that a door reads or writes at every call shares the first slot.
    struct Class {
        uint64 supply;
        uint64 pendingRetirement;
        uint64 pendingRedemption;
        uint32 index;
        uint32 registryIndex;
        Terms terms;
        uint64 shortfall;
    }

    struct Book {
        mapping(bytes32 code => uint32 index) registryIndex;
        bytes32[] registryCodes;
        mapping(uint32 index => Registry) registries;
        uint256[] classIds;
        mapping(uint256 classId => Class) classes;
        mapping(bytes32 id => SerialLedger.Space) spaces;
    }

    function addRegistry(
        Book storage book,
        bytes32 registry,
        address[] calldata attesters,
        uint8 threshold,
        Terms calldata terms
    ) external {
        if (book.registryIndex[registry] != 0) revert ICarbonBridge.RegistryExists(registry);
        if (registry == 0 || terms.requestDeadline == 0 || terms.challengeSeconds == 0 || terms.kgPerUnit == 0) {
            revert ICarbonBridge.TermsInvalid(registry);
        }
        book.registryCodes.push(registry);
        uint32 index = uint32(book.registryCodes.length);
        book.registryIndex[registry] = index;
        book.registries[index].terms = terms;
        emit ICarbonBridge.RegistryAdded(registry, terms);
        _setAttesters(book, registry, attesters, new address[](0), threshold);
    }

    function setAttesters(
        Book storage book,
        bytes32 registry,
        address[] calldata add,
        address[] calldata remove,
        uint8 threshold
    ) external {
        _setAttesters(book, registry, add, remove, threshold);
    }

    function registerSpace(Book storage book, bytes32 registry, SpaceKind kind, string calldata key)
        external
        returns (bytes32 id)
    {
        uint32 index = requireRegistry(book, registry);
        id = keccak256(abi.encode(registry, kind, key));
        SerialLedger.Space storage space = book.spaces[id];
        if (space.registryIndex != 0) revert ICarbonBridge.SpaceExists(id);
        space.registryIndex = index;
        space.kind = kind;
        emit ICarbonBridge.SpaceRegistered(id, registry, kind, key);
    }

    function createClass(
        Book storage book,
        bytes32 registry,
        string calldata project,
        uint16 vintage,
        string calldata creditType
    ) external returns (uint256 classId) {
        uint32 registryIndex = requireRegistry(book, registry);
        classId = uint256(keccak256(abi.encode(registry, project, vintage, creditType)));
        Class storage class = book.classes[classId];
        if (class.index != 0) revert ICarbonBridge.ClassExists(classId);
        book.classIds.push(classId);
        class.index = uint32(book.classIds.length);
        class.registryIndex = registryIndex;
        class.terms = book.registries[registryIndex].terms;
        emit ICarbonBridge.ClassCreated(classId, registry, project, vintage, creditType, class.terms);
    }

    function requireRegistry(Book storage book, bytes32 registry) internal view returns (uint32 index) {
        index = book.registryIndex[registry];
        if (index == 0) revert ICarbonBridge.RegistryUnknown(registry);
    }

    function requireSpace(Book storage book, bytes32 id) internal view returns (SerialLedger.Space storage space) {
        space = book.spaces[id];
        if (space.registryIndex == 0) revert ICarbonBridge.SpaceUnknown(id);
    }

    /// @dev A space serves its own registry's classes only.
    function requireSpaceOf(Book storage book, bytes32 id, uint32 registryIndex)
        internal
        view
        returns (SerialLedger.Space storage space)
    {
        space = book.spaces[id];
        uint32 actual = space.registryIndex;
        if (actual == registryIndex) return space;
        if (actual == 0) revert ICarbonBridge.SpaceUnknown(id);
        revert ICarbonBridge.SpaceOfOtherRegistry(id, actual, registryIndex);
    }

    function requireClass(Book storage book, uint256 classId) internal view returns (Class storage class) {
        class = book.classes[classId];
        if (class.registryIndex == 0) revert ICarbonBridge.ClassUnknown(classId);
    }

    function requireClassOf(Book storage book, uint256 classId, uint32 registryIndex)
        internal
        view
        returns (Class storage class)
    {
        class = book.classes[classId];
        uint32 actual = class.registryIndex;
        if (actual == registryIndex) return class;
        if (actual == 0) revert ICarbonBridge.ClassUnknown(classId);
        revert ICarbonBridge.ClassOfOtherRegistry(classId, actual, registryIndex);
    }

    /// @dev A `Batch` space takes the first class that uses it, and no other ever.
    function admit(Book storage book, bytes32 id, uint32 registryIndex, uint32 classIndex)
        internal
        returns (SerialLedger.Space storage space)
    {
        space = requireSpaceOf(book, id, registryIndex);
        if (space.kind == SpaceKind.Batch) {
            uint32 sole = space.soleClass;
            if (sole == 0) space.soleClass = classIndex;
            else if (sole != classIndex) revert ICarbonBridge.SpaceOfOtherClass(id, sole, classIndex);
        }
    }

    function classIdAt(Book storage book, uint32 index) internal view returns (uint256) {
        return book.classIds[index - 1];
    }

    function useLock(Book storage book, uint32 registryIndex, uint256 lockId) internal {
        mapping(uint256 => uint256) storage used = book.registries[registryIndex].usedLocks;
        uint256 bit = 1 << (lockId & 0xff);
        uint256 word = used[lockId >> 8];
        if (word & bit != 0) revert ICarbonBridge.LockUsed(lockId);
        used[lockId >> 8] = word | bit;
    }

    /// @dev The one place where attesters' signatures are read. Signers in rising order are distinct, and zero, which
    /// {ECDSA-recover} refuses anyway, could not be the first.
    function requireQuorum(Book storage book, uint32 registryIndex, bytes32 digest, Signature[] calldata signatures)
        internal
        view
    {
        Registry storage registry = book.registries[registryIndex];
        if (signatures.length < registry.threshold) {
            revert ICarbonBridge.QuorumNotReached(signatures.length, registry.threshold);
        }
        address previous;
        for (uint256 i; i < signatures.length; ++i) {
            Signature calldata signature = signatures[i];
            address signer = ECDSA.recover(digest, signature.r, signature.vs);
            if (signer <= previous) revert ICarbonBridge.SignersNotRising(previous, signer);
            if (!registry.isAttester[signer]) revert ICarbonBridge.SignerNotAttester(registryIndex, signer);
            previous = signer;
        }
    }

    function _setAttesters(
        Book storage book,
        bytes32 code,
        address[] calldata add,
        address[] memory remove,
        uint8 threshold
    ) private {
        Registry storage registry = book.registries[requireRegistry(book, code)];
        for (uint256 i; i < remove.length; ++i) {
            if (!registry.isAttester[remove[i]]) revert ICarbonBridge.AttesterInvalid(code, remove[i]);
            registry.isAttester[remove[i]] = false;
        }
        for (uint256 i; i < add.length; ++i) {
            if (add[i] == address(0) || registry.isAttester[add[i]]) {
                revert ICarbonBridge.AttesterInvalid(code, add[i]);
            }
            registry.isAttester[add[i]] = true;
        }
        uint256 count = registry.attesters + add.length - remove.length;
        if (threshold == 0 || threshold > count || count > type(uint8).max) {
            revert ICarbonBridge.ThresholdInvalid(code, threshold, count);
        }
        registry.attesters = uint8(count);
        registry.threshold = threshold;
        emit ICarbonBridge.AttestersSet(code, add, remove, threshold);
    }
}
