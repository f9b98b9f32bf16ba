// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {deploy} from "deploy/deploy.sol";
import {AllowListPolicy} from "../../src/AllowListPolicy.sol";
import {FreezePolicy} from "../../src/FreezePolicy.sol";
import {IHolderPolicy} from "../../src/IHolderPolicy.sol";
import {CreditClass, LedgerRange, Lock, Reserve, Subject, Terms, Verdict} from "../../src/Types.sol";
import {Base} from "../Base.t.sol";
import {vm} from "../Cheats.sol";

/// @dev A bridge on which everything is switched on that can be, who lives with it, and what an act may choose from.
/// `class` is plain; `gated` (Verra too) asks for an admission and has a daily bound; `stated` (Gold) mints within its
/// registry's statements. The latter two have a recoverer.
abstract contract World is Base {
    uint40 internal constant RECOVERY = 10 days;
    uint256 internal constant PAGE = 32;
    uint256 internal constant MANY = 24;
    uint64 internal constant OPERATOR_PER_DAY = 600;
    uint64 internal constant GATED_PER_DAY = 200;
    uint40 internal constant STATEMENT = 60 days;
    string internal constant PLAIN_PROJECT = "1686";
    string internal constant GATED_PROJECT = "902";

    address internal immutable carol = _person("carol");
    /// @dev Freezes and lists. The guardian of the bridge is another.
    address internal immutable compliance = _person("compliance");
    bool internal immutable listing;

    AllowListPolicy internal policy;
    uint256 internal gated;
    uint256 internal stated;
    uint256[3] internal classes;
    bytes32[3] internal spaces;
    address[5] internal holders;
    string[2] internal methodologies = ["VM0042", "VM0047"];
    /// @dev By which of the two the gated project issues.
    uint256 internal methodology;
    mapping(bytes32 space => uint64) internal nextSerial;
    mapping(address account => uint256 key) internal keyOf;

    constructor(bool listing_) {
        listing = listing_;
        Base.setUp();
        _setTerms();
        vm.startPrank(operator);
        gated = bridge.createClass(VERRA, GATED_PROJECT, 2021, "VCU");
        stated = bridge.createClass(GOLD, "GS7000", 2025, "VER");
        vm.stopPrank();
        _setBounds();
        classes = [class, gated, stated];
        spaces = [counter, batch, goldSpace];
        holders = [alice, bob, carol, address(wallet), mallory];
        for (uint256 i; i < 3; ++i) nextSerial[spaces[i]] = 1;
        _letIn();
    }

    function setUp() public override {}

    function _policy() internal override returns (IHolderPolicy) {
        string memory name = listing ? "AllowListPolicy" : "FreezePolicy";
        policy = AllowListPolicy(deploy(name, abi.encode(admin)));
        vm.startPrank(admin);
        policy.setGuardian(compliance, true);
        if (listing) policy.setLister(compliance, true);
        vm.stopPrank();
        return policy;
    }

    function _setTerms() private {
        Terms memory terms = _terms();
        (terms.recoverer, terms.recoverySeconds, terms.admissionRequired) = (recoverer, uint32(RECOVERY), true);
        vm.startPrank(admin);
        bridge.setTerms(VERRA, terms);
        (terms.admissionRequired, terms.statementSeconds) = (false, uint32(STATEMENT));
        bridge.setTerms(GOLD, terms);
        vm.stopPrank();
    }

    function _setBounds() private {
        vm.startPrank(admin);
        bridge.setAllowance(operator, OPERATOR_PER_DAY);
        bridge.setClassAllowance(gated, GATED_PER_DAY);
        bridge.setMethodology(VERRA, GATED_PROJECT, methodologies[0]);
        bridge.setVerdict(VERRA, Subject.Project, GATED_PROJECT, Verdict.Admitted);
        bridge.setVerdict(VERRA, Subject.Methodology, methodologies[0], Verdict.Admitted);
        vm.stopPrank();
    }

    /// @dev The probe of {Laws} sends nothing to the admin.
    function _letIn() private {
        string[5] memory names = ["alice", "bob", "carol", "", "mallory"];
        for (uint256 i; i < 5; ++i) keyOf[holders[i]] = uint256(keccak256(bytes(names[i])));
        vm.prank(alice);
        bridge.setApprovalForAll(bob, true);
        if (!listing) return;
        _list(admin, true);
        for (uint256 i; i < 5; ++i) _list(holders[i], true);
    }

    function _list(address account, bool on) internal {
        address[] memory accounts = new address[](1);
        accounts[0] = account;
        vm.prank(compliance);
        policy.setListed(accounts, on);
    }

    // -------------------------------------------------------------------- choosing

    function _class(uint256 seed) internal view returns (uint256) {
        return classes[seed % 3];
    }

    function _holder(uint256 seed) internal view returns (address) {
        return holders[seed % 5];
    }

    /// @dev The first class from `seed` that has room for `atLeast` units, and the room.
    function _mintableClass(uint256 seed, uint256 atLeast) internal view returns (uint256 classId, uint64 room) {
        for (uint256 i; i < 3; ++i) {
            classId = _class(seed % 3 + i);
            room = uint64(_mintable(classId));
            if (room >= atLeast) return (classId, room);
        }
        vm.assume(false);
    }

    function _openClass(uint256 seed) internal view returns (uint256 classId) {
        for (uint256 i; i < 3; ++i) {
            classId = _class(seed % 3 + i);
            if (_isOpen(classId)) return classId;
        }
        vm.assume(false);
    }

    function _spaceFor(uint256 classId, uint256 seed) internal view returns (bytes32) {
        if (classId == stated) return goldSpace;
        return classId == gated && seed % 2 == 0 ? batch : counter;
    }

    function _registryOf(uint256 classId) internal view returns (bytes32) {
        return classId == stated ? GOLD : VERRA;
    }

    function _keysOf(uint256 classId) internal view returns (uint256[3] memory) {
        return classId == stated ? goldKeys : verraKeys;
    }

    /// @dev Some live range of the class; an act that needs one does not happen without.
    function _liveRange(uint256 classId, uint256 seed) internal view returns (bytes32 space, LedgerRange memory range) {
        for (uint256 s; s < 2; ++s) {
            space = _spaceFor(classId, seed % 2 + s);
            LedgerRange[] memory ranges = _ranges(space);
            for (uint256 i; i < ranges.length; ++i) {
                range = ranges[(seed % ranges.length + i) % ranges.length];
                if (range.classId == classId && range.liveFrom <= range.last) return (space, range);
            }
        }
        vm.assume(false);
    }

    function _ranges(bytes32 space) internal view returns (LedgerRange[] memory) {
        return lens.ranges(bridge, space, 0, PAGE);
    }

    function _hint(bytes32 space, uint64 serial) internal view returns (uint64) {
        return lens.hintFor(bridge, space, serial);
    }

    function _hints(bytes32 space, uint64 serial) internal view returns (uint64[] memory hints) {
        hints = new uint64[](1);
        hints[0] = _hint(space, serial);
    }

    function _lockFor(uint256 classId, bytes32 space, address to, uint64 first, uint64 last)
        internal
        returns (Lock memory lock)
    {
        lock = _lock(to, first, last);
        (lock.classId, lock.space) = (classId, space);
    }

    // ------------------------------------------------------------- what is allowed now

    function _mayMove(address from, address to) internal view returns (bool ok) {
        (ok,) = address(policy).staticcall(abi.encodeCall(IHolderPolicy.requireMayMove, (from, to)));
    }

    function _isShort(uint256 classId) internal view returns (bool) {
        return bridge.creditClass(classId).shortfall != 0;
    }

    function _isOpen(uint256 classId) internal view returns (bool) {
        CreditClass memory c = bridge.creditClass(classId);
        return c.shortfall == 0 && vm.getBlockTimestamp() >= c.quarantinedUntil;
    }

    function _admitted(uint256 classId) internal view returns (bool) {
        if (classId == stated) return true;
        Verdict verdict = bridge.verdictOn(VERRA, Subject.Project, classId == gated ? GATED_PROJECT : PLAIN_PROJECT);
        return classId == gated ? verdict == Verdict.Admitted && _methodologyAdmitted() : verdict != Verdict.Barred;
    }

    /// @dev Units that the operator may mint of the class, other obstacles aside.
    function _mintable(uint256 classId) internal view returns (uint256 units) {
        if (bridge.paused() || !_isOpen(classId) || !_admitted(classId)) return 0;
        (, units) = bridge.allowance(operator);
        uint256 bound = classId == class ? units : classId == gated ? _classBound() : _reserveLeft();
        return bound < units ? bound : units;
    }

    function _classBound() internal view returns (uint256 available) {
        (, available) = bridge.classAllowance(gated);
    }

    function _reserveLeft() internal view returns (uint256) {
        Reserve memory r = bridge.reserveOf(stated);
        return _isStale() || r.minted > r.locked ? 0 : r.locked - r.minted;
    }

    function _isStale() internal view returns (bool) {
        return vm.getBlockTimestamp() > bridge.reserveOf(stated).asOf + STATEMENT;
    }

    function _methodologyAdmitted() private view returns (bool) {
        return bridge.verdictOn(VERRA, Subject.Methodology, methodologies[methodology]) == Verdict.Admitted;
    }

    function _person(string memory name) private returns (address account) {
        account = vm.addr(uint256(keccak256(bytes(name))));
        vm.label(account, name);
    }
}
