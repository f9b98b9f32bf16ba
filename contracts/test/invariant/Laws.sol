// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CreditClass, LedgerRange, RequestState, Reserve, Status} from "../../src/Types.sol";
import {vm} from "../Cheats.sol";
import {Books} from "./Books.sol";

/// @dev The laws, read off the contract, and the contract compared with the handler's books.
abstract contract Laws is Books {
    struct Counted {
        uint256 live;
        uint256 buried;
    }

    /// @return The first law that does not hold, or nothing. What nobody may touch any more is looked at by
    /// {brokenAtTheEnd}, where an error would still show, and so are all retired balances, which only grow.
    function broken() public returns (string memory) {
        if (!_serialsHold()) return "L1, L2: serials and units";
        if (!_requestsHold(unended)) return "L4: a request's parts and ends";
        if (!_balancesHold()) return "L6: balances";
        if (!_retiredHolds(_holder(vm.getBlockTimestamp()))) return "retired balances";
        if (!_coversHold(false)) return "cover: what the bridge holds is what is left of covers";
        if (!_boundsHold()) return "bounds: statements and allowances";
        if (!_closedHolds()) return "closed: a class stands still while short or quarantined, and not else";
        return "";
    }

    function brokenAtTheEnd() external view returns (string memory) {
        if (!_requestsHold(ended)) return "L4: an end is for ever";
        if (!_coversHold(true)) return "cover: an end is for ever";
        for (uint256 i; i < 5; ++i) {
            if (!_retiredHolds(holders[i])) return "retired balances";
        }
        for (uint256 i; i < minted.length; ++i) {
            if (!bridge.lockUsed(_registryOf(minted[i].classId), minted[i].lockId)) return "L4: a lock mints once";
        }
        for (uint256 i; i < reversedEvents.length; ++i) {
            if (!bridge.reversalDone(VERRA, reversedEvents[i])) return "L4: a reversal is done once";
        }
        return "";
    }

    /// @dev The wallet calls this whenever it is paid, in the middle of an act, and then tries to have it twice.
    function whilePaid() external {
        ++audits;
        if (bytes(broken()).length != 0) _breach(this.whilePaid.selector, bytes(broken()));
        if (actor == address(0)) return;
        address who = actor;
        delete actor;
        if (_attempt(who, act).length == 0) _breach(bytes4(act), "twice");
    }

    // ------------------------------------------------------------------------- private

    /// @dev L1 of the contract's own figures, L2, and both against the books: as many tombstones as were buried means
    /// that none became live again.
    function _serialsHold() private view returns (bool) {
        Counted[3] memory counted;
        for (uint256 s; s < 3; ++s) {
            uint64 end;
            LedgerRange memory r = bridge.rangeAt(spaces[s], 0);
            while (r.next != 0) {
                r = bridge.rangeAt(spaces[s], r.next);
                if (r.first <= end || r.last < r.first || r.liveFrom < r.first || r.liveFrom > r.last + 1) return false;
                end = r.last;
                Counted memory c = counted[r.classId == class ? 0 : r.classId == gated ? 1 : 2];
                (c.live, c.buried) = (c.live + r.last + 1 - r.liveFrom, c.buried + r.liveFrom - r.first);
            }
        }
        for (uint256 i; i < 3; ++i) {
            if (!_classHolds(classes[i], counted[i])) return false;
        }
        return true;
    }

    function _classHolds(uint256 classId, Counted memory counted) private view returns (bool) {
        CreditClass memory c = bridge.creditClass(classId);
        ClassBook storage b = books[classId];
        return uint256(c.supply) + c.pendingRetirement + c.pendingRedemption == counted.live + c.shortfall
            && counted.live == b.live && counted.buried == b.buried && c.shortfall == b.shortfall
            && c.pendingRetirement == b.pendingRetirement && c.pendingRedemption == b.pendingRedemption
            && c.terms.recoverer == (classId == class ? address(0) : recoverer)
            && c.terms.requestDeadline == DEADLINE && c.terms.challengeSeconds == CHALLENGE_SECONDS;
    }

    /// @dev What was settled, what was given back and what remains are what was asked for.
    function _requestsHold(bytes32[] storage ids) private view returns (bool) {
        for (uint256 i; i < ids.length; ++i) {
            RequestBook storage b = requests[ids[i]];
            RequestState memory state = bridge.requestState(ids[i]);
            if (state.status != b.status || state.parts != b.parts || state.remaining != _remaining(b)) return false;
            bool over = state.status == Status.Settled || state.status == Status.Returned;
            if (over && state.remaining != 0) return false;
        }
        return true;
    }

    /// @dev Of all people and of the bridge; nobody else has anything.
    function _balancesHold() private view returns (bool) {
        address[] memory accounts = new address[](18);
        uint256[] memory ids = new uint256[](18);
        for (uint256 i; i < 18; ++i) {
            (accounts[i], ids[i]) = (i < 15 ? holders[i / 3] : address(bridge), classes[i % 3]);
        }
        uint256[] memory actual = bridge.balanceOfBatch(accounts, ids);
        uint256[3] memory sums;
        for (uint256 i; i < 18; ++i) {
            sums[i % 3] += actual[i];
            if (actual[i] != balances[accounts[i]][ids[i]]) return false;
        }
        for (uint256 i; i < 3; ++i) {
            if (sums[i] != bridge.totalSupply(classes[i])) return false;
        }
        return true;
    }

    function _retiredHolds(address account) private view returns (bool) {
        for (uint256 i; i < 3; ++i) {
            if (bridge.retiredBalanceOf(account, classes[i]) != retired[account][classes[i]]) return false;
        }
        return true;
    }

    function _coversHold(bool all) private view returns (bool) {
        uint256[3] memory left;
        for (uint256 i; i < covers.length; ++i) {
            CoverBook storage b = covers[i];
            if (!all && b.left == 0) continue;
            if (bridge.coverLeft(b.id) != b.left) return false;
            uint256 classId = b.cover.lock.classId;
            left[classId == class ? 0 : classId == gated ? 1 : 2] += b.left;
        }
        for (uint256 i; i < 3; ++i) {
            if (balances[address(bridge)][classes[i]] != left[i]) return false;
        }
        return true;
    }

    function _boundsHold() private view returns (bool) {
        Reserve memory reserve = bridge.reserveOf(stated);
        return reserve.minted == books[stated].minted && reserve.minted <= mostStated
            && operatorFlow.level <= uint256(OPERATOR_PER_DAY) * 1 days
            && gatedFlow.level <= uint256(GATED_PER_DAY) * 1 days;
    }

    /// @dev Nothing goes from nobody to the admin, of all classes at once if they are open, else of each.
    function _closedHolds() private returns (bool) {
        uint256[] memory open = new uint256[](3);
        uint256 count;
        for (uint256 i; i < 3; ++i) {
            ClassBook storage b = books[classes[i]];
            if (b.shortfall == 0 && vm.getBlockTimestamp() >= b.quarantinedUntil) open[count++] = classes[i];
            else if (_probe(_one(classes[i]))) return false;
        }
        assembly ("memory-safe") {
            mstore(open, count)
        }
        return _probe(open);
    }

    function _probe(uint256[] memory ids) private returns (bool ok) {
        uint256[] memory nothing = new uint256[](ids.length);
        bytes memory move = abi.encodeCall(bridge.safeBatchTransferFrom, (address(this), admin, ids, nothing, ""));
        (ok,) = address(bridge).call(move);
    }

    function _one(uint256 classId) private pure returns (uint256[] memory ids) {
        ids = new uint256[](1);
        ids[0] = classId;
    }
}
