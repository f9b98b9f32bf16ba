// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICarbonBridge} from "../../src/ICarbonBridge.sol";
import {
    CreditClass,
    Kind,
    LedgerRange,
    Lock,
    Outcome,
    Range,
    Refusal,
    Request,
    RequestState,
    Signature,
    Status
} from "../../src/Types.sol";
import {Base, Freezable} from "../Base.t.sol";
import {vm} from "../Cheats.sol";

/// @dev Everything that people may do to a bridge, bounded so that a revert is a failure; and what mallory tries,
/// which must fail. Keeps its own books of what each holder should have.
contract Handler is Freezable {
    address[] internal holders;
    bytes32[] public ids;
    mapping(bytes32 id => uint256) public settledUnits;
    mapping(bytes32 id => uint256) public givenBack;
    mapping(address holder => uint256) public expectedBalance;
    Lock[] internal minted;
    uint64 internal nextSerial = 1;
    /// @dev What mallory achieved, and hooks that found a law broken.
    uint256 public breaches;
    mapping(bytes4 act => uint256) public done;

    constructor() {
        Base.setUp();
        holders = [alice, bob, address(wallet)];
        // The wallet audits law L1 whenever it is paid.
        wallet.whenPaid(address(this), abi.encodeWithSignature("audit()"));
        _mintTo(0, 50);
    }

    function setUp() public override {}

    // --------------------------------------------------------------------- acts

    function mint(uint256 who, uint64 units, uint64 gap) external {
        if (bridge.paused()) return;
        (, uint256 available) = bridge.allowance(operator);
        units = 1 + units % 100;
        if (available < units) return;
        nextSerial += gap % 3;
        _mintTo(who, units);
        ++done[msg.sig];
    }

    /// @dev Serials that were freed are minted again, under a new lock.
    function remint(uint256 who) external {
        if (bridge.paused()) return;
        uint64 expected = 1;
        LedgerRange[] memory ranges = lens.ranges(bridge, counter, 0, 500);
        for (uint256 i; i < ranges.length; ++i) {
            if (ranges[i].first > expected) {
                _mintSerials(holders[who % 3], expected, expected, lens.hintFor(bridge, counter, expected));
                ++done[msg.sig];
                return;
            }
            expected = ranges[i].last + 1;
        }
    }

    function transfer(uint256 from, uint256 to, uint256 units) external {
        (address sender, address receiver) = (holders[from % 3], holders[to % 3]);
        if (_frozen(sender)) return;
        units %= _balance(sender) + 1;
        vm.prank(sender);
        bridge.safeTransferFrom(sender, receiver, class, units, "");
        expectedBalance[sender] -= units;
        expectedBalance[receiver] += units;
        ++done[msg.sig];
    }

    function ask(uint256 who, bool retiring, uint64 units) external {
        address holder = holders[who % 3];
        if (bridge.paused() || _frozen(holder) || _balance(holder) == 0) return;
        units = uint64(1 + units % ((_balance(holder) + 2) / 3));
        (, bytes32 id) = retiring ? _retire(holder, units) : _redeem(holder, units);
        ids.push(id);
        expectedBalance[holder] -= units;
        ++done[msg.sig];
    }

    /// @dev From the low edge, the high edge or the middle of some live range.
    function settle(uint256 which, uint256 where, uint64 units, uint256 side) external {
        bytes32 id = _some(which);
        RequestState memory state = bridge.requestState(id);
        if (!_isOpen(state.status)) return;
        LedgerRange memory range = _someLive(where);
        uint64 room = range.last - range.liveFrom + 1;
        units = 1 + units % (room < state.remaining ? room : state.remaining);
        uint64 first = side % 3 == 0
            ? range.liveFrom
            : side % 3 == 1 ? range.last - units + 1 : range.liveFrom + (room - units) / 2;
        uint64[] memory hints = new uint64[](1);
        hints[0] = lens.hintFor(bridge, counter, first);
        Outcome[] memory outcomes = _outcomes(_outcome(id, state.parts, first, first + units - 1));
        bridge.settle(outcomes, _requestsOf(outcomes), hints, _sign(verraKeys, _digest(outcomes)));
        settledUnits[id] += units;
        ++done[msg.sig];
    }

    function refuse(uint256 which) external {
        bytes32 id = _some(which);
        RequestState memory state = bridge.requestState(id);
        if (!_isOpen(state.status)) return;
        _refuse(requestOf[id]);
        if (requestOf[id].holder.code.length == 0) _giveBack(id, requestOf[id].holder, state.remaining);
        ++done[msg.sig];
    }

    function callBack(uint256 which) external {
        bytes32 id = _some(which);
        RequestState memory state = bridge.requestState(id);
        if (state.status != Status.Open) return;
        if (vm.getBlockTimestamp() <= state.deadline) _passDeadline();
        _callBack(requestOf[id]);
        ++done[msg.sig];
    }

    function takeBack(uint256 which, uint256 to) external {
        bytes32 id = _some(which);
        RequestState memory state = bridge.requestState(id);
        Request memory request = requestOf[id];
        if (state.status == Status.CalledBack && !bridge.paused()) _passChallenge();
        (uint40 seconds_, uint40 blocks) = bridge.challengeClock();
        bool challenged = state.status == Status.CalledBack
            && seconds_ >= state.calledBackSeconds + CHALLENGE_SECONDS
            && blocks >= state.calledBackBlocks + CHALLENGE_BLOCKS;
        if (!challenged && (state.status != Status.Refused || state.remaining == 0)) return;
        address receiver = _frozen(request.holder) ? request.holder : holders[to % 3];
        _giveBack(id, receiver, state.remaining);
        _takeBack(request, receiver);
        ++done[msg.sig];
    }

    function wait(uint32 seconds_, uint16 blocks) external {
        _pass(seconds_ % 20 days, blocks % 2_000);
    }

    function pauseOrUnpause(uint256 seed) external {
        if (bridge.paused()) {
            vm.prank(admin);
            bridge.unpause();
        } else if (seed % 3 == 0) {
            vm.prank(guardian);
            bridge.pause();
        }
        ++done[msg.sig];
    }

    function freeze(uint256 who) external {
        // Seldom: a frozen holder only waits.
        if (who % 4 != 0) return;
        address holder = holders[(who / 4) % 3];
        uint256 until = policy.frozenUntil(holder);
        if (until != 0 && vm.getBlockTimestamp() < until + 30 days) return;
        _freeze(holder);
        ++done[msg.sig];
    }

    // ------------------------------------------------------------ what must fail

    /// @dev A lock that minted never mints again, whoever signs it anew, whatever became of its serials.
    function replay(uint256 which) external {
        if (bridge.paused()) return;
        Lock memory lock = minted[which % minted.length];
        lock.notAfter = uint64(vm.getBlockTimestamp() + 1);
        Lock[] memory locks = _locks(lock);
        _try(operator, abi.encodeCall(bridge.mint, (locks, _noHints(1), _sign(verraKeys, _digest(locks)))));
    }

    /// @dev Serials that are in the ledger, live or buried, are never minted by another lock.
    function mintTwice(uint256 where) external {
        LedgerRange memory range = _someRange(where);
        Lock[] memory locks = _locks(_lock(mallory, range.last, range.last));
        uint64[] memory hints = new uint64[](1);
        hints[0] = range.first;
        _try(operator, abi.encodeCall(bridge.mint, (locks, hints, _sign(verraKeys, _digest(locks)))));
    }

    /// @dev An ended request is never settled, refused, called back or taken back.
    function endTwice(uint256 which) external {
        bytes32 id = _some(which);
        RequestState memory state = bridge.requestState(id);
        if (_isOpen(state.status) || (state.status == Status.Refused && state.remaining != 0)) return;
        Request memory request = requestOf[id];
        LedgerRange memory range = _someLive(which);
        Outcome[] memory outcomes = _outcomes(_outcome(id, state.parts, range.liveFrom, range.liveFrom));
        uint64[] memory hints = new uint64[](1);
        hints[0] = lens.hintFor(bridge, counter, range.liveFrom);
        _try(mallory, abi.encodeCall(bridge.settle, (outcomes, _requestsOf(outcomes), hints, _sign(verraKeys, _digest(outcomes)))));
        Refusal[] memory refusals = new Refusal[](1);
        refusals[0] = Refusal(id, "again");
        Request[] memory requests = new Request[](1);
        requests[0] = request;
        _try(mallory, abi.encodeCall(bridge.refuse, (refusals, requests, _sign(verraKeys, _digest(refusals)))));
        _try(request.holder, abi.encodeCall(bridge.callBack, (request)));
        _try(request.holder, abi.encodeCall(bridge.takeBack, (request, request.holder)));
    }

    /// @dev Every role tries to move a holder's units, and to take what a request holds.
    function steal(uint256 who, uint256 which) external {
        address holder = holders[who % 3];
        if (_balance(holder) == 0) return;
        address[4] memory thieves = [mallory, operator, guardian, admin];
        Request memory request = requestOf[_some(which)];
        for (uint256 i; i < 4; ++i) {
            _try(thieves[i], abi.encodeCall(bridge.safeTransferFrom, (holder, thieves[i], class, 1, "")));
            _try(thieves[i], abi.encodeCall(bridge.retire, (class, 1, COMMITMENT, 1)));
            _try(thieves[i], abi.encodeCall(bridge.takeBack, (request, thieves[i])));
        }
    }

    function _try(address who, bytes memory act) private {
        vm.prank(who);
        (bool ok,) = address(bridge).call(act);
        if (ok) ++breaches;
        ++done[msg.sig];
    }

    // -------------------------------------------------------------------- the laws

    function audit() external {
        if (!lawOneHolds()) ++breaches;
    }

    function lawOneHolds() public view returns (bool) {
        CreditClass memory c = bridge.creditClass(class);
        uint256 live;
        LedgerRange[] memory ranges = lens.ranges(bridge, counter, 0, 500);
        for (uint256 i; i < ranges.length; ++i) live += ranges[i].last + 1 - ranges[i].liveFrom;
        return uint256(c.supply) + c.pendingRetirement + c.pendingRedemption == live + c.shortfall;
    }

    function rangesAreSortedAndDisjoint() external view returns (bool) {
        LedgerRange[] memory ranges = lens.ranges(bridge, counter, 0, 500);
        uint64 end;
        for (uint256 i; i < ranges.length; ++i) {
            LedgerRange memory r = ranges[i];
            if (r.first <= end || r.last < r.first || r.liveFrom < r.first || r.liveFrom > r.last + 1) return false;
            end = r.last;
        }
        return true;
    }

    /// @dev Of each request: what was settled, what was given back and what remains are its units.
    function requestsAddUp() external view returns (bool) {
        for (uint256 i; i < ids.length; ++i) {
            RequestState memory state = bridge.requestState(ids[i]);
            if (settledUnits[ids[i]] + givenBack[ids[i]] + state.remaining != requestOf[ids[i]].units) return false;
            bool ended = state.status == Status.Settled || state.status == Status.Returned;
            if (ended && state.remaining != 0) return false;
        }
        return true;
    }

    function balancesAreAsExpected() external view returns (bool) {
        uint256 sum;
        for (uint256 i; i < holders.length; ++i) {
            if (_balance(holders[i]) != expectedBalance[holders[i]]) return false;
            sum += _balance(holders[i]);
        }
        return sum == bridge.totalSupply(class);
    }

    // -------------------------------------------------------------------- choosing

    function _mintTo(uint256 who, uint64 units) private {
        uint64 first = nextSerial;
        _mintSerials(holders[who % 3], first, first + units - 1, lens.hintFor(bridge, counter, first));
        nextSerial += units;
    }

    function _mintSerials(address to, uint64 first, uint64 last, uint64 hint) private {
        Lock[] memory locks = _locks(_lock(to, first, last));
        uint64[] memory hints = new uint64[](1);
        hints[0] = hint;
        vm.prank(operator);
        bridge.mint(locks, hints, _sign(verraKeys, _digest(locks)));
        minted.push(locks[0]);
        expectedBalance[to] += last - first + 1;
    }

    function _giveBack(bytes32 id, address to, uint64 units) private {
        givenBack[id] += units;
        expectedBalance[to] += units;
    }

    /// @dev An id without a request when nobody has asked yet.
    function _some(uint256 which) private view returns (bytes32) {
        return ids.length == 0 ? bytes32(0) : ids[which % ids.length];
    }

    function _someRange(uint256 where) private view returns (LedgerRange memory) {
        LedgerRange[] memory ranges = lens.ranges(bridge, counter, 0, 500);
        return ranges[where % ranges.length];
    }

    /// @dev An open request means that something is live; else a range that says it has nothing.
    function _someLive(uint256 where) private view returns (LedgerRange memory range) {
        LedgerRange[] memory ranges = lens.ranges(bridge, counter, 0, 500);
        for (uint256 i; i < ranges.length; ++i) {
            range = ranges[(where % ranges.length + i) % ranges.length];
            if (range.liveFrom <= range.last) return range;
        }
    }

    function _isOpen(Status status) private pure returns (bool) {
        return status == Status.Open || status == Status.CalledBack;
    }
}
