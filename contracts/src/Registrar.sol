// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Attestations} from "./Attestations.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {IOffice} from "./ICarbonBridge.sol";
import {RefillingAllowance} from "./RefillingAllowance.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {SerialLedger} from "./SerialLedger.sol";
import {
    ClassTotal,
    Reserve,
    Signature,
    SpaceKind,
    StatementHead,
    Subject,
    Terms,
    Verdict
} from "./Types.sol";

/// @title Registries, attesters, spaces, classes, and what bounds their minting
abstract contract Registrar is BridgeBase, IOffice {
    using RefillingAllowance for RefillingAllowance.Allowance;
    using RegistryBook for RegistryBook.Book;

    /// @dev Time enough for a holder to see an order against him.
    uint32 private constant MIN_RECOVERY_SECONDS = 7 days;

    modifier onlyOperator() {
        if (_allowances[msg.sender].unitsPerDay == 0) revert NotOperator(msg.sender);
        _;
    }

    /// @inheritdoc IOffice
    function addRegistry(bytes32 registry, address[] calldata attesters, uint8 threshold, Terms calldata terms)
        external
        onlyOwner
    {
        if (_book.registryIndex[registry] != 0) revert RegistryExists(registry);
        if (registry == 0) revert TermsInvalid(registry);
        _book.registryCodes.push(registry);
        uint8 index = SafeCast.toUint8(_book.registryCodes.length);
        _book.registryIndex[registry] = index;
        // Ahead of every new class, so that its first mint looks at the verdicts.
        _book.registries[index].epoch = 1;
        _setTerms(registry, index, terms);
        emit RegistryAdded(registry, terms);
        _setAttesters(registry, attesters, new address[](0), threshold);
    }

    /// @inheritdoc IOffice
    function setTerms(bytes32 registry, Terms calldata terms) external onlyOwner {
        _setTerms(registry, _book.requireRegistry(registry), terms);
        emit TermsSet(registry, terms);
    }

    /// @inheritdoc IOffice
    function setAttesters(bytes32 registry, address[] calldata add, address[] calldata remove, uint8 threshold)
        external
        onlyOwner
    {
        _setAttesters(registry, add, remove, threshold);
    }

    /// @inheritdoc IOffice
    function setAllowance(address operator, uint64 unitsPerDay) external onlyOwner {
        _allowances[operator].set(unitsPerDay);
        emit AllowanceSet(operator, unitsPerDay);
    }

    /// @inheritdoc IOffice
    function setClassAllowance(uint256 classId, uint64 unitsPerDay) external onlyOwner {
        RegistryBook.Class storage class = _book.requireClass(classId);
        class.allowance.set(unitsPerDay);
        if (unitsPerDay == 0) class.flags &= ~RegistryBook.LIMITED;
        else class.flags |= RegistryBook.LIMITED;
        emit ClassAllowanceSet(classId, unitsPerDay);
    }

    /// @inheritdoc IOffice
    function setMethodology(bytes32 registry, string calldata project, string calldata methodology)
        external
        onlyOwner
    {
        RegistryBook.Registry storage r = _book.registries[_book.requireRegistry(registry)];
        r.gates[RegistryBook.subjectKey(Subject.Project, project)].methodology =
            RegistryBook.subjectKey(Subject.Methodology, methodology);
        RegistryBook.turnEpoch(r);
        emit MethodologySet(registry, project, methodology);
    }

    /// @inheritdoc IOffice
    function setVerdict(bytes32 registry, Subject subject, string calldata code, Verdict verdict) external {
        if (verdict != Verdict.Barred || !_guardians[msg.sender]) _checkOwner();
        RegistryBook.Registry storage r = _book.registries[_book.requireRegistry(registry)];
        r.gates[RegistryBook.subjectKey(subject, code)].verdict = verdict;
        RegistryBook.turnEpoch(r);
        emit VerdictSet(registry, subject, code, verdict);
    }

    /// @inheritdoc IOffice
    function registerSpace(bytes32 registry, SpaceKind kind, string calldata key)
        external
        onlyOperator
        whenNotPaused
        returns (bytes32 id)
    {
        uint32 index = _book.requireRegistry(registry);
        id = keccak256(abi.encode(registry, kind, key));
        SerialLedger.Space storage space = _book.spaces[id];
        if (space.registryIndex != 0) revert SpaceExists(id);
        space.registryIndex = index;
        space.kind = kind;
        emit SpaceRegistered(id, registry, kind, key);
    }

    /// @inheritdoc IOffice
    function createClass(bytes32 registry, string calldata project, uint16 vintage, string calldata creditType)
        external
        onlyOperator
        whenNotPaused
        returns (uint256 classId)
    {
        uint8 registryIndex = _book.requireRegistry(registry);
        classId = uint256(keccak256(abi.encode(registry, project, vintage, creditType)));
        RegistryBook.Class storage class = _book.classes[classId];
        if (class.index != 0) revert ClassExists(classId);
        Terms memory terms = _book.registries[registryIndex].terms;
        _book.classIds.push(classId);
        class.index = SafeCast.toUint24(_book.classIds.length);
        class.registryIndex = registryIndex;
        class.terms = terms;
        class.project = RegistryBook.subjectKey(Subject.Project, project);
        if (terms.statementSeconds != 0) class.flags = RegistryBook.RESERVED;
        emit ClassCreated(classId, registry, project, vintage, creditType, terms);
        // The standard's way to announce an id before there are units of it.
        emit TransferSingle(msg.sender, address(0), address(0), classId, 0);
    }

    /// @inheritdoc IOffice
    function stateReserves(StatementHead calldata head, Signature[] calldata signatures) external {
        if (head.totals.length == 0) revert EmptyBatch();
        uint32 registryIndex = _book.requireClass(head.totals[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(head)), signatures);
        if (head.asOf > block.timestamp) revert StatementFromFuture(head.asOf);

        uint256 applied;
        for (uint256 i; i < head.totals.length; ++i) {
            if (_stateReserve(registryIndex, head, head.totals[i])) ++applied;
        }
        if (applied == 0) revert StatementSuperseded(head.sequence);
    }

    /// @return False when the class has a statement that is as new.
    function _stateReserve(uint32 registryIndex, StatementHead calldata head, ClassTotal calldata total)
        private
        returns (bool)
    {
        Reserve storage reserve = _book.requireClassOf(total.classId, registryIndex).reserve;
        // Time first: a sequence that somebody forged can then spoil one second only.
        bool newer = head.asOf > reserve.asOf || (head.asOf == reserve.asOf && head.sequence > reserve.sequence);
        if (!newer) return false;

        // What was released can never be minted, so it backs nothing.
        (reserve.locked, reserve.sequence, reserve.asOf) =
            (total.locked - total.released, head.sequence, uint40(head.asOf));
        emit ReserveStated(total.classId, head.sequence, head.asOf, reserve.locked);
        return true;
    }

    function _setTerms(bytes32 registry, uint8 index, Terms calldata terms) private {
        bool recoverable = terms.recoverer != address(0);
        if (
            terms.requestDeadline == 0 || terms.challengeSeconds == 0 || terms.kgPerUnit == 0
                || (recoverable && terms.recoverySeconds < MIN_RECOVERY_SECONDS)
        ) {
            revert TermsInvalid(registry);
        }
        _book.registries[index].terms = terms;
    }

    function _setAttesters(bytes32 code, address[] calldata add, address[] memory remove, uint8 threshold) private {
        RegistryBook.Registry storage registry = _book.registries[_book.requireRegistry(code)];
        for (uint256 i; i < remove.length; ++i) {
            if (!registry.isAttester[remove[i]]) revert AttesterInvalid(code, remove[i]);
            registry.isAttester[remove[i]] = false;
        }
        for (uint256 i; i < add.length; ++i) {
            if (add[i] == address(0) || registry.isAttester[add[i]]) revert AttesterInvalid(code, add[i]);
            registry.isAttester[add[i]] = true;
        }
        uint256 count = registry.attesters + add.length - remove.length;
        if (threshold == 0 || threshold > count || count > type(uint8).max) {
            revert ThresholdInvalid(code, threshold, count);
        }
        registry.attesters = uint8(count);
        registry.threshold = threshold;
        emit AttestersSet(code, add, remove, threshold);
    }
}
