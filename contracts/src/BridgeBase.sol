// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IHolderPolicy} from "./IHolderPolicy.sol";
import {PauseClock} from "./PauseClock.sol";
import {RefillingAllowance} from "./RefillingAllowance.sol";
import {RegistryBook} from "./RegistryBook.sol";
import {SerialLedger} from "./SerialLedger.sol";
import {Signals} from "./Signals.sol";
import {Kind, Lock, Request, RequestState, Status} from "./Types.sol";

/// @title What doors, office and remedies share: all storage, and the one way in which balances move
/// @dev Nothing below it declares storage, so that all three read the same slots. The owner is the admin.
abstract contract BridgeBase is ERC1155, EIP712, Ownable2Step, Signals {
    using Arrays for uint256[];
    using RefillingAllowance for RefillingAllowance.Allowance;
    using RegistryBook for RegistryBook.Book;
    using SerialLedger for SerialLedger.Space;

    /// @notice Who says which holders may not give or take units, for ever; address zero for nobody.
    IHolderPolicy public immutable policy;

    RegistryBook.Book internal _book;
    mapping(bytes32 requestId => RequestState) internal _requests;
    mapping(address account => mapping(uint256 classId => uint256)) internal _retired;
    mapping(bytes32 coverId => uint64) internal _covers;
    mapping(bytes32 recoveryId => uint40) internal _recoveries;
    mapping(address from => mapping(uint256 classId => uint40)) internal _ordered;
    mapping(address operator => RefillingAllowance.Allowance) internal _allowances;
    mapping(address account => bool) internal _guardians;
    PauseClock.State internal _pause;

    /// @param policy_ Address zero for none. It is for ever: without code it would hold every unit where it is.
    constructor(address admin, string memory uri_, IHolderPolicy policy_)
        ERC1155(uri_)
        EIP712("CarbonBridge", "1")
        Ownable(admin)
    {
        if (address(policy_) != address(0) && address(policy_).code.length == 0) revert PolicyInvalid(address(policy_));
        policy = policy_;
    }

    modifier whenNotPaused() {
        if (_pause.paused) revert IsPaused();
        _;
    }

    /// @inheritdoc ERC1155
    /// @dev The transfers of the standard come here; our own movements have nobody's will, or another place, to ask.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        _requireMayMove(from, to);
        for (uint256 i; i < ids.length; ++i) {
            _book.requireOpen(ids.unsafeMemoryAccess(i));
        }
        super._update(from, to, ids, values);
    }

    function _requestId(Request memory request) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), request));
    }

    function _open(Request memory request) internal returns (bytes32 id) {
        id = _requestId(request);
        RegistryBook.Class storage class = _book.requireClass(request.classId);
        if (request.units == 0) revert ZeroUnits();
        RequestState storage state = _requests[id];
        if (state.status != Status.None) revert RequestExists(id);
        _book.requireOpen(request.classId);
        _requireMayMove(request.holder, address(0));

        uint40 deadline = uint40(block.timestamp) + class.terms.requestDeadline;
        (state.remaining, state.deadline, state.status) = (request.units, deadline, Status.Open);
        _debit(request.holder, request.classId, request.units);
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

    /// @param claimed The id that was signed, or given.
    function _requireRequest(bytes32 claimed, Request calldata request)
        internal
        view
        returns (bytes32 id, RequestState storage state)
    {
        id = _requestId(request);
        state = _requests[id];
        if (id != claimed || state.status == Status.None) revert RequestUnknown(claimed);
    }

    /// @dev Takes the lock's serials into the ledger; the caller credits the units.
    function _insertLock(uint32 registryIndex, Lock calldata lock, uint64 hint) internal returns (uint64 units) {
        uint32 classIndex = _book.requireClassOf(lock.classId, registryIndex).index;
        if (block.timestamp > lock.notAfter) revert LockExpired(lock.lockId, lock.notAfter);
        SerialLedger.Space storage space = _book.admit(lock.space, registryIndex, classIndex);
        (uint64 first, uint64 last) = (lock.first, lock.last);

        _book.useLock(registryIndex, lock.lockId);
        space.insert(first, last, classIndex, hint);
        units = _length(first, last);
        _book.passGates(registryIndex, lock.classId, units);
        emit Minted(lock.lockId, lock.classId, lock.space, first, last, lock.recipient);
    }

    function _spendAllowance(uint256 units) internal {
        RefillingAllowance.Allowance storage allowance_ = _allowances[msg.sender];
        if (allowance_.spend(units)) return;
        if (allowance_.unitsPerDay == 0) revert NotOperator(msg.sender);
        revert AllowanceExceeded(msg.sender, units, allowance_.available());
    }

    function _lowerPending(RegistryBook.Class storage class, Kind kind, uint64 units) internal {
        if (kind == Kind.Retirement) class.pendingRetirement -= units;
        else class.pendingRedemption -= units;
    }

    /// @dev Without the receiver's hook: who calls this calls {_checkReceiver} last, or gives to an account without
    /// code. The same holds for {_pass}.
    function _credit(address to, uint256 classId, uint64 units) internal {
        _pass(address(0), to, classId, units);
        // Below 2**64: each unit is a serial of a range that the ledger holds or held.
        _book.classes[classId].supply += units;
    }

    function _debit(address from, uint256 classId, uint64 units) internal {
        _move(from, address(0), classId, units);
        _book.classes[classId].supply -= units;
    }

    function _pass(address from, address to, uint256 classId, uint64 units) internal {
        if (to == address(0)) revert ERC1155InvalidReceiver(to);
        _move(from, to, classId, units);
    }

    function _checkReceiver(address from, address to, uint256 classId, uint64 units) internal {
        ERC1155Utils.checkOnERC1155Received(msg.sender, from, to, classId, units, "");
    }

    function _requireMayMove(address from, address to) internal view {
        if (address(policy) != address(0)) policy.requireMayMove(from, to);
    }

    /// @dev For ranges that the ledger has accepted.
    function _length(uint64 first, uint64 last) internal pure returns (uint64) {
        unchecked {
            // `1 <= first <= last`.
            return last - first + 1;
        }
    }

    function _hasEnded(Status status) internal pure returns (bool) {
        return status >= Status.Settled;
    }

    function _move(address from, address to, uint256 classId, uint64 units) private {
        uint256[] memory ids = new uint256[](1);
        uint256[] memory values = new uint256[](1);
        (ids[0], values[0]) = (classId, units);
        super._update(from, to, ids, values);
    }
}
