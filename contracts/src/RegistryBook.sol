// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {RefillingAllowance} from "./RefillingAllowance.sol";
import {SerialLedger} from "./SerialLedger.sol";
import {Signals} from "./Signals.sol";
import {Reserve, Signature, SpaceKind, Subject, Terms, Verdict} from "./Types.sol";

/// @title Registries with their attesters, serial spaces and credit classes
/// @dev Registries and classes are counted from one, so that a zero index means "none" in every packed slot.
library RegistryBook {
    using RefillingAllowance for RefillingAllowance.Allowance;

    /// @dev Why a class may not mint, or may not move, without a closer look.
    uint8 internal constant SHORT = 1;
    uint8 internal constant QUARANTINED = 2;
    uint8 internal constant LIMITED = 4;
    uint8 internal constant RESERVED = 8;
    uint8 private constant CLOSED = SHORT | QUARANTINED;

    /// @dev A verdict, and for a project the key of its methodology.
    struct Gate {
        Verdict verdict;
        bytes32 methodology;
    }

    /// @dev `epoch` counts the changes of verdicts; a class whose own lags behind is looked at when it mints.
    struct Registry {
        uint8 threshold;
        uint8 attesters;
        uint24 epoch;
        Terms terms;
        mapping(address => bool) isAttester;
        mapping(uint256 word => uint256) usedLocks;
        mapping(bytes32 key => Gate) gates;
        mapping(bytes32 eventId => uint256 classId) reversed;
    }

    /// @dev {CreditClass} as stored. All that a door reads or writes at every call shares the first slot.
    /// `quarantinedUntil` means something while the flag says so.
    struct Class {
        uint64 supply;
        uint64 pendingRetirement;
        uint64 pendingRedemption;
        uint24 index;
        uint8 registryIndex;
        uint24 epoch;
        uint8 flags;
        Terms terms;
        uint64 shortfall;
        uint40 quarantinedUntil;
        bytes32 project;
        RefillingAllowance.Allowance allowance;
        Reserve reserve;
    }

    struct Book {
        mapping(bytes32 code => uint8 index) registryIndex;
        bytes32[] registryCodes;
        mapping(uint32 index => Registry) registries;
        uint256[] classIds;
        mapping(uint256 classId => Class) classes;
        mapping(bytes32 id => SerialLedger.Space) spaces;
    }

    function requireRegistry(Book storage book, bytes32 code) internal view returns (uint8 index) {
        index = book.registryIndex[code];
        if (index == 0) revert Signals.RegistryUnknown(code);
    }

    function requireSpace(Book storage book, bytes32 id) internal view returns (SerialLedger.Space storage space) {
        space = book.spaces[id];
        if (space.registryIndex == 0) revert Signals.SpaceUnknown(id);
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
        if (actual == 0) revert Signals.SpaceUnknown(id);
        revert Signals.SpaceOfOtherRegistry(id, actual, registryIndex);
    }

    function requireClass(Book storage book, uint256 classId) internal view returns (Class storage class) {
        class = book.classes[classId];
        if (class.registryIndex == 0) revert Signals.ClassUnknown(classId);
    }

    function requireClassOf(Book storage book, uint256 classId, uint32 registryIndex)
        internal
        view
        returns (Class storage class)
    {
        class = book.classes[classId];
        uint32 actual = class.registryIndex;
        if (actual == registryIndex) return class;
        if (actual == 0) revert Signals.ClassUnknown(classId);
        revert Signals.ClassOfOtherRegistry(classId, actual, registryIndex);
    }

    /// @dev Units of a class without flags move freely. A quarantine that has lapsed leaves its flag behind.
    function requireOpen(Book storage book, uint256 classId) internal view {
        Class storage class = book.classes[classId];
        uint8 flags = class.flags;
        if (flags & CLOSED == 0) return;
        if (flags & SHORT != 0) revert Signals.ClassShort(classId, class.shortfall);
        uint40 until = class.quarantinedUntil;
        if (block.timestamp < until) revert Signals.ClassQuarantined(classId, until);
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
            else if (sole != classIndex) revert Signals.SpaceOfOtherClass(id, sole, classIndex);
        }
    }

    /// @dev What stands between a lock and its units, beside signatures and serials. Most classes need no look.
    function passGates(Book storage book, uint32 registryIndex, uint256 classId, uint64 units) internal {
        Class storage class = book.classes[classId];
        uint24 epoch = book.registries[registryIndex].epoch;
        uint8 flags = class.flags;
        // The last epoch has no next: from then on every mint looks.
        bool looked = class.epoch == epoch && epoch != type(uint24).max;
        if (flags == 0 && looked) return;
        requireOpen(book, classId);
        if (!looked) {
            _requireAdmitted(book.registries[registryIndex], class, classId);
            class.epoch = epoch;
        }
        if (flags & LIMITED != 0 && !class.allowance.spend(units)) {
            revert Signals.ClassAllowanceExceeded(classId, units, class.allowance.available());
        }
        if (flags & RESERVED != 0) _countAgainstReserve(class, classId, units);
    }

    function classIdAt(Book storage book, uint32 index) internal view returns (uint256) {
        return book.classIds[index - 1];
    }

    function useLock(Book storage book, uint32 registryIndex, uint256 lockId) internal {
        mapping(uint256 => uint256) storage used = book.registries[registryIndex].usedLocks;
        uint256 bit = 1 << (lockId & 0xff);
        uint256 word = used[lockId >> 8];
        if (word & bit != 0) revert Signals.LockUsed(lockId);
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
            revert Signals.QuorumNotReached(signatures.length, registry.threshold);
        }
        address previous;
        for (uint256 i; i < signatures.length; ++i) {
            Signature calldata signature = signatures[i];
            address signer = ECDSA.recover(digest, signature.r, signature.vs);
            if (signer <= previous) revert Signals.SignersNotRising(previous, signer);
            if (!registry.isAttester[signer]) revert Signals.SignerNotAttester(registryIndex, signer);
            previous = signer;
        }
    }

    /// @dev Has every class of the registry looked at when it mints next.
    function turnEpoch(Registry storage registry) internal {
        if (registry.epoch != type(uint24).max) ++registry.epoch;
    }

    function subjectKey(Subject subject, string memory code) internal pure returns (bytes32) {
        return keccak256(abi.encode(subject, code));
    }

    /// @dev A project whose methodology nobody stated has one without a verdict.
    function _requireAdmitted(Registry storage registry, Class storage class, uint256 classId) private view {
        bool required = class.terms.admissionRequired;
        Gate storage project = registry.gates[class.project];
        _requireVerdict(classId, Subject.Project, project.verdict, required);
        _requireVerdict(classId, Subject.Methodology, registry.gates[project.methodology].verdict, required);
    }

    function _requireVerdict(uint256 classId, Subject subject, Verdict verdict, bool required) private pure {
        if (verdict == Verdict.Barred || (required && verdict != Verdict.Admitted)) {
            revert Signals.NotAdmitted(classId, subject, verdict);
        }
    }

    /// @dev Counted for the class's life, so that a burn re-opens nothing. Nothing stated means nothing available.
    function _countAgainstReserve(Class storage class, uint256 classId, uint64 units) private {
        Reserve memory reserve = class.reserve;
        if (block.timestamp > uint256(reserve.asOf) + class.terms.statementSeconds) {
            revert Signals.ReserveStale(classId, reserve.asOf);
        }
        uint256 minted = uint256(reserve.minted) + units;
        if (minted > reserve.locked) {
            uint256 available = reserve.locked > reserve.minted ? reserve.locked - reserve.minted : 0;
            revert Signals.ReserveExceeded(classId, units, available);
        }
        // `minted <= locked < 2**64`.
        class.reserve.minted = uint64(minted);
    }
}
