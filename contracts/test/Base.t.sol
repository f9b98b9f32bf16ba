// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {deploy} from "deploy/deploy.sol";
import {BridgeLens} from "../src/BridgeLens.sol";
import {FreezePolicy} from "../src/FreezePolicy.sol";
import {ICarbonBridge} from "../src/ICarbonBridge.sol";
import {
    ClassTotal,
    Cover,
    CreditClass,
    Kind,
    LedgerRange,
    Lock,
    Outcome,
    Range,
    Refusal,
    Request,
    Reversal,
    Signature,
    SpaceKind,
    StatementHead,
    Status,
    Terms
} from "../src/Types.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {vm} from "./Cheats.sol";

/// @dev All doors of the contract, those that it inherits included.
interface IBridge is ICarbonBridge, IERC1155 {
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function transferOwnership(address to) external;
    function acceptOwnership() external;
    function uri(uint256 classId) external view returns (string memory);
    function extension() external view returns (address);
    function PAUSE_SECONDS() external view returns (uint40);
    function QUARANTINE_SECONDS() external view returns (uint40);
}

/// @dev Takes whatever it is given, unless told to reject it or to call back while it is being paid.
contract Wallet is IERC1155Receiver {
    bool public rejects;
    address public target;
    bytes public reply;
    bytes public answer;

    function reject(bool on) external {
        rejects = on;
    }

    function whenPaid(address target_, bytes calldata reply_) external {
        (target, reply) = (target_, reply_);
    }

    function run(address to, bytes calldata data) external returns (bytes memory result) {
        bool ok;
        (ok, result) = to.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        require(!rejects, "rejected");
        if (target != address(0)) (, answer) = target.call(reply);
        return IERC1155Receiver.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }
}

/// @dev A bridge with two registries of three attesters each (two must sign), and the people around it.
abstract contract Base {
    address internal immutable admin = _actor("admin");
    address internal immutable guardian = _actor("guardian");
    address internal immutable operator = _actor("operator");
    address internal immutable recoverer = _actor("recoverer");
    address internal immutable alice = _actor("alice");
    address internal immutable bob = _actor("bob");
    address internal immutable mallory = _actor("mallory");
    Wallet internal wallet;

    bytes32 internal constant VERRA = "verra";
    bytes32 internal constant GOLD = "gold";
    bytes32 internal constant COMMITMENT = keccak256("opened to the registry alone");
    uint64 internal constant PER_DAY = 1_000_000;
    uint40 internal constant DEADLINE = 14 days;
    uint40 internal constant CHALLENGE_SECONDS = 7 days;
    uint40 internal constant CHALLENGE_BLOCKS = 1_000;

    IBridge internal bridge;
    BridgeLens internal lens;
    uint256[3] internal verraKeys;
    uint256[3] internal goldKeys;
    /// @dev `class`: Verra, with space `counter`. `sibling`: another project that shares it. `batch`: a space that
    /// takes one class. The Gold class has a space of its own.
    uint256 internal class;
    uint256 internal sibling;
    uint256 internal goldClass;
    bytes32 internal counter;
    bytes32 internal batch;
    bytes32 internal goldSpace;
    mapping(bytes32 id => Request) internal requestOf;
    uint256 internal nextLockId = 1;
    uint256 internal nextSalt = 1;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(1_000_000);
        verraKeys = _keys("verra attester");
        goldKeys = _keys("gold attester");
        bridge = IBridge(_deploy(admin, "ipfs://classes/{id}", address(_policy())));
        lens = new BridgeLens();
        wallet = new Wallet();

        vm.startPrank(admin);
        bridge.addRegistry(VERRA, _addresses(verraKeys), 2, _terms());
        bridge.addRegistry(GOLD, _addresses(goldKeys), 2, _terms());
        bridge.setAllowance(operator, PER_DAY);
        bridge.setGuardian(guardian, true);
        vm.stopPrank();

        vm.startPrank(operator);
        class = bridge.createClass(VERRA, "1686", 2014, "VCU");
        sibling = bridge.createClass(VERRA, "1340", 2020, "VCU");
        goldClass = bridge.createClass(GOLD, "GS11236", 2024, "VER");
        counter = bridge.registerSpace(VERRA, SpaceKind.Counter, "VER");
        batch = bridge.registerSpace(VERRA, SpaceKind.Batch, "MER/1");
        goldSpace = bridge.registerSpace(GOLD, SpaceKind.Batch, "30307");
        vm.stopPrank();
    }

    function _deploy(address admin_, string memory uri, address policy_) internal returns (address) {
        address remedies = deploy("Remedies", abi.encode(policy_));
        address office = deploy("Office", abi.encode(policy_, remedies));
        return deploy("CarbonBridge", abi.encode(admin_, uri, policy_, office));
    }

    /// @dev Most bridges have none.
    function _policy() internal virtual returns (IHolderPolicy) {
        return IHolderPolicy(address(0));
    }

    // ------------------------------------------------------------- what people do

    function _mint(address to, uint64 first, uint64 last) internal {
        _mint(_lock(to, first, last));
    }

    function _mint(Lock memory lock) internal {
        Lock[] memory locks = _locks(lock);
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        bridge.mint(locks, _noHints(1), signatures);
    }

    function _mintRefused(Lock memory lock, bytes memory why) internal {
        Lock[] memory locks = _locks(lock);
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(operator);
        vm.expectRevert(why);
        bridge.mint(locks, _noHints(1), signatures);
    }

    function _retire(address holder, uint64 units) internal returns (Request memory request, bytes32 id) {
        return _ask(Kind.Retirement, holder, units);
    }

    function _redeem(address holder, uint64 units) internal returns (Request memory request, bytes32 id) {
        return _ask(Kind.Redemption, holder, units);
    }

    function _ask(Kind kind, address holder, uint64 units) internal returns (Request memory request, bytes32 id) {
        request = Request(kind, holder, class, units, COMMITMENT, nextSalt++);
        vm.prank(holder);
        id = kind == Kind.Retirement
            ? bridge.retire(class, units, COMMITMENT, request.salt)
            : bridge.redeem(class, units, COMMITMENT, request.salt);
        requestOf[id] = request;
    }

    function _settle(bytes32 id, uint16 part, uint64 first, uint64 last) internal {
        _settle(_outcomes(_outcome(id, part, first, last)));
    }

    /// @dev Anyone submits: mallory does.
    function _settle(Outcome[] memory outcomes) internal {
        Signature[] memory signatures = _sign(verraKeys, _digest(outcomes));
        uint256 ranges;
        for (uint256 i; i < outcomes.length; ++i) ranges += outcomes[i].ranges.length;
        vm.prank(mallory);
        bridge.settle(outcomes, _requestsOf(outcomes), _noHints(ranges), signatures);
    }

    /// @dev Anyone submits: mallory does.
    function _reverse(bytes32 eventId, uint64 first, uint64 last) internal {
        _reverse(_reversals(_reversal(eventId, first, last)));
    }

    function _reverse(Reversal[] memory reversals) internal {
        Signature[] memory signatures = _sign(verraKeys, _digest(reversals));
        uint256 ranges;
        for (uint256 i; i < reversals.length; ++i) ranges += reversals[i].ranges.length;
        vm.prank(mallory);
        bridge.reverse(reversals, _noHints(ranges), signatures);
    }

    function _offer(Cover memory cover) internal {
        Cover[] memory covers = _covers(cover);
        Signature[] memory signatures = _sign(verraKeys, _digest(covers));
        vm.prank(operator);
        bridge.cover(covers, _noHints(1), signatures);
    }

    function _takeCover(address holder, Cover memory cover, uint64 units) internal {
        vm.prank(holder);
        bridge.takeCover(cover, units);
    }

    function _state(StatementHead memory head) internal {
        Signature[] memory signatures = _sign(verraKeys, _digest(head));
        vm.prank(mallory);
        bridge.stateReserves(head, signatures);
    }

    function _transfer(address from, address to, uint256 classId, uint256 units) internal {
        vm.prank(from);
        bridge.safeTransferFrom(from, to, classId, units, "");
    }

    function _transferRefused(address from, uint256 classId, bytes memory why) internal {
        vm.prank(from);
        vm.expectRevert(why);
        bridge.safeTransferFrom(from, bob, classId, 1, "");
    }

    function _refuse(Request memory request) internal {
        Refusal[] memory refusals = new Refusal[](1);
        refusals[0] = Refusal(bridge.requestId(request), "unserved");
        Request[] memory requests = new Request[](1);
        requests[0] = request;
        Signature[] memory signatures = _sign(verraKeys, _digest(refusals));
        vm.prank(mallory);
        bridge.refuse(refusals, requests, signatures);
    }

    function _callBack(Request memory request) internal {
        vm.prank(request.holder);
        bridge.callBack(request);
    }

    function _takeBack(Request memory request, address to) internal {
        vm.prank(request.holder);
        bridge.takeBack(request, to);
    }

    function _passDeadline() internal {
        _pass(DEADLINE + 1, 1);
    }

    function _passChallenge() internal {
        _pass(CHALLENGE_SECONDS, CHALLENGE_BLOCKS);
    }

    function _pass(uint256 seconds_, uint256 blocks) internal {
        vm.warp(vm.getBlockTimestamp() + seconds_);
        vm.roll(vm.getBlockNumber() + blocks);
    }

    // ------------------------------------------------------------------- things

    function _lock(address to, uint64 first, uint64 last) internal returns (Lock memory) {
        return Lock(nextLockId++, class, counter, first, last, to, uint64(vm.getBlockTimestamp() + 1 days));
    }

    function _locks(Lock memory a) internal pure returns (Lock[] memory locks) {
        locks = new Lock[](1);
        locks[0] = a;
    }

    function _locks(Lock memory a, Lock memory b) internal pure returns (Lock[] memory locks) {
        locks = new Lock[](2);
        (locks[0], locks[1]) = (a, b);
    }

    function _outcome(bytes32 id, uint16 part, uint64 first, uint64 last) internal view returns (Outcome memory) {
        Range[] memory ranges = new Range[](1);
        ranges[0] = Range(counter, first, last);
        return Outcome(id, part, ranges);
    }

    function _outcomes(Outcome memory a) internal pure returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](1);
        outcomes[0] = a;
    }

    function _outcomes(Outcome memory a, Outcome memory b) internal pure returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](2);
        (outcomes[0], outcomes[1]) = (a, b);
    }

    function _reversal(bytes32 eventId, uint64 first, uint64 last) internal view returns (Reversal memory) {
        Range[] memory ranges = new Range[](1);
        ranges[0] = Range(counter, first, last);
        return Reversal(eventId, class, "buffer", ranges);
    }

    function _reversals(Reversal memory a) internal pure returns (Reversal[] memory reversals) {
        reversals = new Reversal[](1);
        reversals[0] = a;
    }

    function _reversals(Reversal memory a, Reversal memory b) internal pure returns (Reversal[] memory reversals) {
        reversals = new Reversal[](2);
        (reversals[0], reversals[1]) = (a, b);
    }

    /// @dev The sibling's serials for what `class` lacks; `to` takes what nobody took.
    function _coverBy(address to, uint64 first, uint64 last) internal returns (Cover memory) {
        Lock memory lock = _lock(to, first, last);
        lock.classId = sibling;
        return Cover(lock, class);
    }

    function _covers(Cover memory a) internal pure returns (Cover[] memory covers) {
        covers = new Cover[](1);
        covers[0] = a;
    }

    function _covers(Cover memory a, Cover memory b) internal pure returns (Cover[] memory covers) {
        covers = new Cover[](2);
        (covers[0], covers[1]) = (a, b);
    }

    /// @dev As of now, of one class.
    function _head(uint64 sequence, uint256 classId, uint64 locked, uint64 released)
        internal
        view
        returns (StatementHead memory)
    {
        ClassTotal[] memory totals = new ClassTotal[](1);
        totals[0] = ClassTotal(classId, locked, released, 0, 0);
        return StatementHead(sequence, uint64(vm.getBlockTimestamp()), keccak256("rows"), totals);
    }

    /// @dev For an id that nobody opened a request that nobody made.
    function _requestsOf(Outcome[] memory outcomes) internal view returns (Request[] memory requests) {
        requests = new Request[](outcomes.length);
        for (uint256 i; i < outcomes.length; ++i) {
            requests[i] = requestOf[outcomes[i].requestId];
            if (requests[i].classId == 0) requests[i].classId = class;
        }
    }

    function _noHints(uint256 count) internal pure returns (uint64[] memory) {
        return new uint64[](count);
    }

    function _terms() internal view virtual returns (Terms memory) {
        return Terms(uint32(DEADLINE), uint32(CHALLENGE_SECONDS), uint32(CHALLENGE_BLOCKS), 1_000, 0, 0, false, address(0));
    }

    /// @dev A Verra class with terms of its own; the registry keeps them for the next.
    function _classWith(string memory project, Terms memory terms) internal returns (uint256 classId) {
        vm.prank(admin);
        bridge.setTerms(VERRA, terms);
        vm.prank(operator);
        return bridge.createClass(VERRA, project, 2024, "VCU");
    }

    function _balance(address holder) internal view returns (uint256) {
        return bridge.balanceOf(holder, class);
    }

    function _status(bytes32 id) internal view returns (Status) {
        return bridge.requestState(id).status;
    }

    function _assertStatus(bytes32 id, Status expected) internal view {
        vm.assertEq(uint256(_status(id)), uint256(expected), "status");
    }

    /// @dev Law L1, of a class whose serials lie in `counter`, `batch` or `goldSpace`.
    function _auditL1(uint256 classId) internal view {
        bytes32[3] memory spaces = [counter, batch, goldSpace];
        uint256 live;
        for (uint256 i; i < 3; ++i) {
            LedgerRange[] memory ranges = lens.ranges(bridge, spaces[i], 0, 99);
            for (uint256 j; j < ranges.length; ++j) {
                if (ranges[j].classId == classId) live += ranges[j].last + 1 - ranges[j].liveFrom;
            }
        }
        CreditClass memory c = bridge.creditClass(classId);
        vm.assertEq(uint256(c.supply) + c.pendingRetirement + c.pendingRedemption, live + c.shortfall, "L1");
    }

    // -------------------------------------------- signatures, hashed from the type strings anew

    string private constant LOCK =
        "Lock(uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter)";
    string private constant OUTCOME = "Outcome(bytes32 requestId,uint16 part,Range[] ranges)";
    string private constant RANGE = "Range(bytes32 space,uint64 first,uint64 last)";
    string private constant REFUSAL = "Refusal(bytes32 requestId,bytes32 reason)";
    string private constant REVERSAL = "Reversal(bytes32 eventId,uint256 classId,bytes32 reason,Range[] ranges)";
    string private constant COVER = "Cover(Lock lock,uint256 shortClassId)";
    string private constant TOTAL =
        "ClassTotal(uint256 classId,uint64 locked,uint64 released,uint64 retired,uint64 handedOver)";
    string private constant HEAD =
        "StatementHead(uint64 sequence,uint64 asOf,bytes32 rowsHash,ClassTotal[] totals)";
    string private constant REQUEST =
        "Request(uint8 kind,address holder,uint256 classId,uint64 units,bytes32 commitment,uint256 salt,uint64 notAfter)";

    function _digest(Lock[] memory locks) internal view returns (bytes32) {
        bytes memory items;
        for (uint256 i; i < locks.length; ++i) {
            items = bytes.concat(items, keccak256(abi.encode(keccak256(bytes(LOCK)), locks[i])));
        }
        return _domain(address(bridge), block.chainid, string.concat("Locks(Lock[] locks)", LOCK), items);
    }

    function _digest(Outcome[] memory outcomes) internal view returns (bytes32) {
        bytes memory items;
        for (uint256 i; i < outcomes.length; ++i) {
            Outcome memory o = outcomes[i];
            bytes32 kind = keccak256(bytes(string.concat(OUTCOME, RANGE)));
            items = bytes.concat(items, keccak256(abi.encode(kind, o.requestId, o.part, _hashed(o.ranges))));
        }
        string memory kinds = string.concat("Outcomes(Outcome[] outcomes)", OUTCOME, RANGE);
        return _domain(address(bridge), block.chainid, kinds, items);
    }

    function _digest(Refusal[] memory refusals) internal view returns (bytes32) {
        bytes memory items;
        for (uint256 i; i < refusals.length; ++i) {
            items = bytes.concat(items, keccak256(abi.encode(keccak256(bytes(REFUSAL)), refusals[i])));
        }
        return _domain(address(bridge), block.chainid, string.concat("Refusals(Refusal[] refusals)", REFUSAL), items);
    }

    function _digest(Reversal[] memory reversals) internal view returns (bytes32) {
        bytes32 kind = keccak256(bytes(string.concat(REVERSAL, RANGE)));
        bytes memory items;
        for (uint256 i; i < reversals.length; ++i) {
            Reversal memory r = reversals[i];
            items = bytes.concat(
                items, keccak256(abi.encode(kind, r.eventId, r.classId, r.reason, _hashed(r.ranges)))
            );
        }
        string memory kinds = string.concat("Reversals(Reversal[] reversals)", RANGE, REVERSAL);
        return _domain(address(bridge), block.chainid, kinds, items);
    }

    function _digest(Cover[] memory covers) internal view returns (bytes32) {
        bytes32 kind = keccak256(bytes(string.concat(COVER, LOCK)));
        bytes memory items;
        for (uint256 i; i < covers.length; ++i) {
            bytes32 lock = keccak256(abi.encode(keccak256(bytes(LOCK)), covers[i].lock));
            items = bytes.concat(items, keccak256(abi.encode(kind, lock, covers[i].shortClassId)));
        }
        string memory kinds = string.concat("Covers(Cover[] covers)", COVER, LOCK);
        return _domain(address(bridge), block.chainid, kinds, items);
    }

    /// @dev A batch of one.
    function _digest(StatementHead memory head) internal view returns (bytes32) {
        bytes memory totals;
        for (uint256 i; i < head.totals.length; ++i) {
            totals = bytes.concat(totals, keccak256(abi.encode(keccak256(bytes(TOTAL)), head.totals[i])));
        }
        bytes32 kind = keccak256(bytes(string.concat(HEAD, TOTAL)));
        bytes memory item = bytes.concat(
            keccak256(abi.encode(kind, head.sequence, head.asOf, head.rowsHash, keccak256(totals)))
        );
        string memory kinds = string.concat("StatementHeads(StatementHead[] statementHeads)", TOTAL, HEAD);
        return _domain(address(bridge), block.chainid, kinds, item);
    }

    /// @dev What a holder signs for {IDoors-requestFor}.
    function _digest(Request memory request, uint64 notAfter) internal view returns (bytes32) {
        return _digest(address(bridge), block.chainid, request, notAfter);
    }

    function _digest(address contract_, uint256 chain, Request memory request, uint64 notAfter)
        internal
        pure
        returns (bytes32)
    {
        bytes32 hashed = keccak256(abi.encode(keccak256(bytes(REQUEST)), request, notAfter));
        return keccak256(abi.encodePacked(hex"1901", _separator(contract_, chain), hashed));
    }

    function _hashed(Range[] memory ranges) private pure returns (bytes32) {
        bytes memory items;
        for (uint256 i; i < ranges.length; ++i) {
            items = bytes.concat(items, keccak256(abi.encode(keccak256(bytes(RANGE)), ranges[i])));
        }
        return keccak256(items);
    }

    function _domain(address contract_, uint256 chain, string memory kind, bytes memory items)
        internal
        pure
        returns (bytes32)
    {
        bytes32 hashed = keccak256(abi.encode(keccak256(bytes(kind)), keccak256(items)));
        return keccak256(abi.encodePacked(hex"1901", _separator(contract_, chain), hashed));
    }

    function _separator(address contract_, uint256 chain) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("CarbonBridge"),
                keccak256("1"),
                chain,
                contract_
            )
        );
    }

    /// @dev The first two of three sign, in rising order.
    function _sign(uint256[3] memory keys, bytes32 digest) internal pure returns (Signature[] memory signatures) {
        signatures = new Signature[](2);
        for (uint256 i; i < 2; ++i) signatures[i] = _signature(keys[i], digest);
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (Signature memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        return Signature(r, vs);
    }

    function _addresses(uint256[3] memory keys) internal pure returns (address[] memory accounts) {
        accounts = new address[](3);
        for (uint256 i; i < 3; ++i) accounts[i] = vm.addr(keys[i]);
    }

    function _keys(string memory name) private pure returns (uint256[3] memory keys) {
        for (uint256 i; i < 3; ++i) keys[i] = uint256(keccak256(abi.encode(name, i)));
        for (uint256 i; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
    }

    function _actor(string memory name) private returns (address account) {
        account = vm.addr(uint256(keccak256(bytes(name))));
        vm.label(account, name);
    }
}

/// @dev A bridge whose policy freezes accounts; one guardian pauses and freezes.
abstract contract Freezable is Base {
    FreezePolicy internal policy;

    function _policy() internal override returns (IHolderPolicy) {
        policy = FreezePolicy(deploy("FreezePolicy", abi.encode(admin)));
        vm.prank(admin);
        policy.setGuardian(guardian, true);
        return policy;
    }

    function _freeze(address account) internal returns (uint40 until) {
        vm.prank(guardian);
        policy.freeze(account);
        return policy.frozenUntil(account);
    }

    function _frozen(address account) internal view returns (bool) {
        return vm.getBlockTimestamp() < policy.frozenUntil(account);
    }
}
