// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Attestations} from "./Attestations.sol";
import {Guard} from "./Guard.sol";
import {
    CreditClass,
    ICarbonBridge,
    Kind,
    LedgerRange,
    Lock,
    Outcome,
    Range,
    Refusal,
    Request,
    RequestState,
    Signature,
    SpaceKind,
    Status,
    Terms
} from "./ICarbonBridge.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {Node, SerialLedger} from "./SerialLedger.sol";

/// @title The doors: mint, retire, redeem, settle, refuse, and the holder's exit
/// @dev The specification is {ICarbonBridge}. Every function keeps one order: load, check, write, emit, call out.
contract CarbonBridge is ERC1155, EIP712, Guard {
    using RegistryBook for RegistryBook.Book;
    using SerialLedger for SerialLedger.Space;

    /// @inheritdoc ICarbonBridge
    IHolderPolicy public immutable policy;

    RegistryBook.Book private _book;
    mapping(bytes32 requestId => RequestState) private _requests;

    /// @param policy_ Address zero for none. It is for ever: without code it would hold every unit where it is.
    constructor(address admin, string memory uri_, IHolderPolicy policy_)
        ERC1155(uri_)
        EIP712("CarbonBridge", "1")
        Ownable(admin)
    {
        if (address(policy_) != address(0) && address(policy_).code.length == 0) revert PolicyInvalid(address(policy_));
        policy = policy_;
    }

    /// @inheritdoc ICarbonBridge
    function addRegistry(bytes32 registry, address[] calldata attesters, uint8 threshold, Terms calldata terms)
        external
        onlyOwner
    {
        _book.addRegistry(registry, attesters, threshold, terms);
    }

    /// @inheritdoc ICarbonBridge
    function setAttesters(bytes32 registry, address[] calldata add, address[] calldata remove, uint8 threshold)
        external
        onlyOwner
    {
        _book.setAttesters(registry, add, remove, threshold);
    }

    /// @inheritdoc ICarbonBridge
    function registerSpace(bytes32 registry, SpaceKind kind, string calldata key)
        external
        onlyOperator
        returns (bytes32)
    {
        return _book.registerSpace(registry, kind, key);
    }

    /// @inheritdoc ICarbonBridge
    function createClass(bytes32 registry, string calldata project, uint16 vintage, string calldata creditType)
        external
        onlyOperator
        returns (uint256)
    {
        return _book.createClass(registry, project, vintage, creditType);
    }

    /// @inheritdoc ICarbonBridge
    function mint(Lock[] calldata locks, uint64[] calldata hints, Signature[] calldata signatures)
        external
        whenNotPaused
    {
        if (locks.length == 0) revert EmptyBatch();
        if (locks.length != hints.length) revert LengthMismatch(locks.length, hints.length);
        uint32 registryIndex = _book.requireClass(locks[0].classId).registryIndex;
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(locks)), signatures);

        // Locks side by side that share recipient and class are credited as one, in the place of the first of them.
        uint256[] memory credits = new uint256[](locks.length);
        uint256 total;
        Lock calldata run = locks[0];
        uint256 head;
        for (uint256 i; i < locks.length; ++i) {
            Lock calldata lock = locks[i];
            if (lock.recipient != run.recipient || lock.classId != run.classId) (run, head) = (lock, i);
            uint256 units = _insertLock(registryIndex, lock, hints[i]);
            credits[head] += units;
            total += units;
        }
        _spendAllowance(msg.sender, total);
        for (uint256 i; i < locks.length; ++i) {
            if (credits[i] != 0) _credit(locks[i].recipient, locks[i].classId, credits[i]);
        }

        for (uint256 i; i < locks.length; ++i) {
            if (credits[i] != 0) _checkReceiver(locks[i].recipient, locks[i].classId, credits[i]);
        }
    }

    /// @inheritdoc ICarbonBridge
    function retire(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        whenNotPaused
        returns (bytes32)
    {
        return _open(Request(Kind.Retirement, msg.sender, classId, units, commitment, salt));
    }

    /// @inheritdoc ICarbonBridge
    function redeem(uint256 classId, uint64 units, bytes32 commitment, uint256 salt)
        external
        whenNotPaused
        returns (bytes32)
    {
        return _open(Request(Kind.Redemption, msg.sender, classId, units, commitment, salt));
    }

    /// @inheritdoc ICarbonBridge
    function settle(Outcome[] calldata outcomes, uint64[] calldata hints, Signature[] calldata signatures) external {
        if (outcomes.length == 0) revert EmptyBatch();
        uint32 registryIndex = _registryIndexOf(outcomes[0].requestId);
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(outcomes)), signatures);

        uint256 applied;
        uint256 nextHint;
        for (uint256 i; i < outcomes.length; ++i) {
            Outcome calldata outcome = outcomes[i];
            uint256 hintsEnd = nextHint + outcome.ranges.length;
            if (hintsEnd > hints.length) revert LengthMismatch(hintsEnd, hints.length);
            if (_settleOutcome(registryIndex, outcome, hints[nextHint:hintsEnd])) ++applied;
            nextHint = hintsEnd;
        }
        if (nextHint != hints.length) revert LengthMismatch(nextHint, hints.length);
        if (applied == 0) revert NothingToSettle();
    }

    /// @inheritdoc ICarbonBridge
    function refuse(Refusal[] calldata refusals, Request[] calldata requests, Signature[] calldata signatures)
        external
    {
        if (refusals.length == 0) revert EmptyBatch();
        if (refusals.length != requests.length) revert LengthMismatch(refusals.length, requests.length);
        uint32 registryIndex = _registryIndexOf(refusals[0].requestId);
        _book.requireQuorum(registryIndex, _hashTypedDataV4(Attestations.hash(refusals)), signatures);

        uint256 applied;
        for (uint256 i; i < refusals.length; ++i) {
            if (_refuseRequest(registryIndex, refusals[i], requests[i])) ++applied;
        }
        if (applied == 0) revert NothingToSettle();
    }

    /// @inheritdoc ICarbonBridge
    function callBack(Request calldata request) external {
        (bytes32 id, RequestState storage state) = _requireHolders(request);
        if (state.status != Status.Open) revert RequestNotOpen(id, state.status);
        if (block.timestamp <= state.deadline) revert DeadlineNotPassed(id, state.deadline);

        state.status = Status.CalledBack;
        (state.calledBackSeconds, state.calledBackBlocks) = challengeClock();
        emit RequestCalledBack(id, state.remaining);
    }

    /// @inheritdoc ICarbonBridge
    function takeBack(Request calldata request, address to) external {
        (bytes32 id, RequestState storage state) = _requireHolders(request);
        if (to != request.holder) _requireMayGive(request.holder);
        if (state.status == Status.CalledBack) {
            _requireChallengePassed(id, state, _book.classes[request.classId]);
            state.status = Status.Returned;
        } else if (state.status != Status.Refused || state.remaining == 0) {
            revert RequestNotOpen(id, state.status);
        }

        uint64 units = _returnUnits(id, state, request.classId, to);
        _checkReceiver(to, request.classId, units);
    }

    /// @inheritdoc ICarbonBridge
    function creditClass(uint256 classId) external view returns (CreditClass memory) {
        RegistryBook.Class storage class = _book.classes[classId];
        return CreditClass(
            class.supply,
            class.pendingRetirement,
            class.pendingRedemption,
            class.shortfall,
            class.index,
            class.registryIndex,
            class.terms
        );
    }

    /// @inheritdoc ICarbonBridge
    function totalSupply(uint256 classId) external view returns (uint256) {
        return _book.classes[classId].supply;
    }

    /// @inheritdoc ICarbonBridge
    function spaceOf(bytes32 id) external view returns (bytes32 registry, SpaceKind kind, uint256 soleClassId) {
        SerialLedger.Space storage space = _book.requireSpace(id);
        soleClassId = space.soleClass == 0 ? 0 : _book.classIdAt(space.soleClass);
        return (_book.registryCodes[space.registryIndex - 1], space.kind, soleClassId);
    }

    /// @inheritdoc ICarbonBridge
    function rangeAt(bytes32 id, uint64 first) external view returns (LedgerRange memory) {
        SerialLedger.Space storage space = _book.requireSpace(id);
        Node node = space.nodes[first];
        if (node.lastOf() == 0) return LedgerRange(0, 0, 0, first == 0 ? space.head : 0, 0);
        return LedgerRange(
            first, node.liveFromOf(), node.lastOf(), node.nextOf(), _book.classIdAt(node.classIndexOf())
        );
    }

    /// @inheritdoc ICarbonBridge
    function registryOf(bytes32 registry) external view returns (uint8, uint8, Terms memory) {
        RegistryBook.Registry storage r = _book.registries[_book.requireRegistry(registry)];
        return (r.threshold, r.attesters, r.terms);
    }

    /// @inheritdoc ICarbonBridge
    function isAttester(bytes32 registry, address account) external view returns (bool) {
        return _book.registries[_book.requireRegistry(registry)].isAttester[account];
    }

    /// @inheritdoc ICarbonBridge
    function lockUsed(bytes32 registry, uint256 lockId) external view returns (bool) {
        return _book.registries[_book.requireRegistry(registry)].usedLocks[lockId >> 8] & (1 << (lockId & 0xff)) != 0;
    }

    /// @inheritdoc ICarbonBridge
    function requestId(Request memory request) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), request));
    }

    /// @inheritdoc ICarbonBridge
    function requestState(bytes32 id) external view returns (RequestState memory) {
        return _requests[id];
    }

    /// @dev Keeps `supply` beside the balances, and asks the policy. Returned and refused units come from address zero,
    /// so they reach a holder whom the policy holds, and stay with him.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0)) _requireMayGive(from);
        super._update(from, to, ids, values);
        if (from != address(0) && to != address(0)) return;
        for (uint256 i; i < ids.length; ++i) {
            // Below 2**64: a mint by the operator's allowance, a burn and a return by the request's type.
            if (from == address(0)) _book.classes[ids[i]].supply += uint64(values[i]);
            else if (to == address(0)) _book.classes[ids[i]].supply -= uint64(values[i]);
        }
    }

    /// @dev Takes the lock's serials into the ledger; the caller credits the units.
    function _insertLock(uint32 registryIndex, Lock calldata lock, uint64 hint) private returns (uint256) {
        uint32 classIndex = _book.requireClassOf(lock.classId, registryIndex).index;
        if (block.timestamp > lock.notAfter) revert LockExpired(lock.lockId, lock.notAfter);
        SerialLedger.Space storage space = _book.admit(lock.space, registryIndex, classIndex);
        (uint64 first, uint64 last) = (lock.first, lock.last);

        _book.useLock(registryIndex, lock.lockId);
        space.insert(first, last, classIndex, hint);
        emit Minted(lock.lockId, lock.classId, lock.space, first, last, lock.recipient);
        return _length(first, last);
    }

    function _open(Request memory request) private returns (bytes32 id) {
        id = requestId(request);
        RegistryBook.Class storage class = _book.requireClass(request.classId);
        if (request.units == 0) revert ZeroUnits();
        if (_requests[id].status != Status.None) revert RequestExists(id);

        uint40 deadline = uint40(block.timestamp) + class.terms.requestDeadline;
        _requests[id] = RequestState({
            remaining: request.units,
            classIndex: class.index,
            deadline: deadline,
            calledBackSeconds: 0,
            calledBackBlocks: 0,
            parts: 0,
            kind: request.kind,
            status: Status.Open
        });
        _burn(request.holder, request.classId, request.units);
        if (request.kind == Kind.Retirement) class.pendingRetirement += request.units;
        else class.pendingRedemption += request.units;
        emit RequestOpened(
            id,
            request.holder,
            request.classId,
            request.kind,
            request.units,
            request.commitment,
            request.salt,
            deadline
        );
    }

    /// @return False when there is nothing left to do for this outcome.
    function _settleOutcome(uint32 registryIndex, Outcome calldata outcome, uint64[] calldata hints)
        private
        returns (bool)
    {
        bytes32 id = outcome.requestId;
        RequestState memory state = _requests[id];
        uint256 classId = _requireClassOf(id, state, registryIndex);
        if (_hasEnded(state.status) || outcome.part < state.parts) return false;
        if (outcome.part != state.parts) revert PartOutOfOrder(id, outcome.part, state.parts);

        // Only ranges that the ledger accepted can be counted.
        uint64 units = _consume(outcome.ranges, hints, state, registryIndex);
        if (units == 0) revert ZeroUnits();
        if (units > state.remaining) revert OutcomeExceedsRequest(id, units, state.remaining);
        state.remaining -= units;
        ++state.parts;
        if (state.remaining == 0) state.status = Status.Settled;
        _requests[id] = state;
        _lowerPending(classId, state.kind, units);
        emit OutcomeSettled(id, classId, state.kind, outcome.part, outcome.ranges, state.remaining);
        return true;
    }

    /// @dev Takes the ranges out of the live serials: buried when retired, freed when handed over.
    function _consume(Range[] calldata ranges_, uint64[] calldata hints, RequestState memory state, uint32 registryIndex)
        private
        returns (uint64 units)
    {
        for (uint256 i; i < ranges_.length; ++i) {
            Range calldata range = ranges_[i];
            SerialLedger.Space storage space = _book.requireSpaceOf(range.space, registryIndex);
            if (state.kind == Kind.Retirement) space.bury(range.first, range.last, state.classIndex, hints[i]);
            else space.free(range.first, range.last, state.classIndex, hints[i]);
            units += _length(range.first, range.last);
        }
    }

    /// @return False when the request has ended already.
    function _refuseRequest(uint32 registryIndex, Refusal calldata refusal, Request calldata request)
        private
        returns (bool)
    {
        bytes32 id = refusal.requestId;
        RequestState storage state = _requests[id];
        _requireClassOf(id, state, registryIndex);
        if (requestId(request) != id) revert RequestUnknown(requestId(request));
        if (_hasEnded(state.status)) return false;

        state.status = Status.Refused;
        emit RequestRefused(id, refusal.reason, state.remaining);
        if (request.holder.code.length == 0) _returnUnits(id, state, request.classId, request.holder);
        return true;
    }

    /// @dev Credits what is unsettled. The caller has set the request's end and calls the receiver afterwards.
    function _returnUnits(bytes32 id, RequestState storage state, uint256 classId, address to)
        private
        returns (uint64 units)
    {
        units = state.remaining;
        state.remaining = 0;
        _lowerPending(classId, state.kind, units);
        _credit(to, classId, units);
        emit RequestReturned(id, to, units);
    }

    function _lowerPending(uint256 classId, Kind kind, uint64 units) private {
        if (kind == Kind.Retirement) _book.classes[classId].pendingRetirement -= units;
        else _book.classes[classId].pendingRedemption -= units;
    }

    /// @dev Mints without the receiver hook; every caller calls {_checkReceiver} last, or gives to an account without
    /// code.
    function _credit(address to, uint256 classId, uint256 units) private {
        if (to == address(0)) revert ERC1155InvalidReceiver(to);
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (classId, units);
        _update(address(0), to, ids, values);
    }

    function _checkReceiver(address to, uint256 classId, uint256 units) private {
        ERC1155Utils.checkOnERC1155Received(msg.sender, address(0), to, classId, units, "");
    }

    function _requireMayGive(address from) private view {
        if (address(policy) != address(0)) policy.requireMayGive(from);
    }

    function _registryIndexOf(bytes32 id) private view returns (uint32) {
        RequestState storage state = _requests[id];
        if (state.status == Status.None) revert RequestUnknown(id);
        return _book.classes[_book.classIdAt(state.classIndex)].registryIndex;
    }

    function _requireClassOf(bytes32 id, RequestState memory state, uint32 registryIndex)
        private
        view
        returns (uint256 classId)
    {
        if (state.status == Status.None) revert RequestUnknown(id);
        classId = _book.classIdAt(state.classIndex);
        _book.requireClassOf(classId, registryIndex);
    }

    function _requireHolders(Request calldata request)
        private
        view
        returns (bytes32 id, RequestState storage state)
    {
        if (msg.sender != request.holder) revert NotHolder(msg.sender, request.holder);
        id = requestId(request);
        state = _requests[id];
        if (state.status == Status.None) revert RequestUnknown(id);
    }

    function _requireChallengePassed(bytes32 id, RequestState storage state, RegistryBook.Class storage class) private view {
        (uint256 nowSeconds, uint256 nowBlocks) = challengeClock();
        uint256 fromSeconds = uint256(state.calledBackSeconds) + class.terms.challengeSeconds;
        uint256 fromBlocks = uint256(state.calledBackBlocks) + class.terms.challengeBlocks;
        if (nowSeconds < fromSeconds || nowBlocks < fromBlocks) {
            revert ChallengeNotPassed(
                id,
                nowSeconds < fromSeconds ? fromSeconds - nowSeconds : 0,
                nowBlocks < fromBlocks ? fromBlocks - nowBlocks : 0
            );
        }
    }

    function _hasEnded(Status status) private pure returns (bool) {
        return status == Status.Settled || status == Status.Refused || status == Status.Returned;
    }

    /// @dev For ranges that the ledger has accepted.
    function _length(uint64 first, uint64 last) private pure returns (uint64) {
        unchecked {
            // `1 <= first <= last`.
            return last - first + 1;
        }
    }
}
