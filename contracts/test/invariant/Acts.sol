// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposits} from "./Deposits.sol";
import {Forgers} from "./Forgers.sol";
import {Powers} from "./Powers.sol";
import {Remedies} from "./Remedies.sol";
import {Requests} from "./Requests.sol";
import {Thieves} from "./Thieves.sol";

/// @dev All acts of the handler; twice and more those without which a walk comes to a stand.
function allActs(bool listing) pure returns (bytes4[] memory acts) {
    bytes4[7] memory deposits = [
        Deposits.mint.selector,
        Deposits.mint.selector,
        Deposits.mint.selector,
        Deposits.mintBatch.selector,
        Deposits.remint.selector,
        Deposits.state.selector,
        Powers.wait.selector
    ];
    bytes4[12] memory requests = [
        Requests.ask.selector,
        Requests.ask.selector,
        Requests.ask.selector,
        Requests.askBySignature.selector,
        Requests.settle.selector,
        Requests.settle.selector,
        Requests.settleBatch.selector,
        Requests.settleBatch.selector,
        Requests.refuse.selector,
        Requests.callBack.selector,
        Requests.takeBack.selector,
        Requests.exit.selector
    ];
    bytes4[11] memory remedies = [
        Remedies.reverse.selector,
        Remedies.offerCover.selector,
        Remedies.offerCover.selector,
        Remedies.takeCover.selector,
        Remedies.takeCover.selector,
        Remedies.takeCover.selector,
        Remedies.withdrawCover.selector,
        Remedies.orderRecovery.selector,
        Remedies.veto.selector,
        Remedies.recover.selector,
        Remedies.recover.selector
    ];
    bytes4[15] memory powers = [
        Powers.transfer.selector,
        Powers.transferBatch.selector,
        Powers.pause.selector,
        Powers.unpause.selector,
        Powers.unpause.selector,
        Powers.quarantine.selector,
        Powers.confirmQuarantine.selector,
        Powers.confirmQuarantine.selector,
        Powers.bar.selector,
        Powers.admit.selector,
        Powers.admit.selector,
        Powers.setMethodology.selector,
        Powers.setTerms.selector,
        Powers.freeze.selector,
        Powers.thaw.selector
    ];
    bytes4[19] memory thieves = [
        Thieves.takeAnothers.selector,
        Thieves.overstep.selector,
        Thieves.operatorAlters.selector,
        Thieves.operatorReplays.selector,
        Thieves.operatorMintsTwice.selector,
        Thieves.operatorMintsBeyond.selector,
        Thieves.operatorCovers.selector,
        Thieves.guardianRepeats.selector,
        Thieves.complianceOversteps.selector,
        Thieves.recovererHurries.selector,
        Thieves.carolsThief.selector,
        Thieves.signatureAgain.selector,
        Thieves.moveClosed.selector,
        Forgers.attesterAlone.selector,
        Forgers.quorumAbroad.selector,
        Forgers.quorumSmuggles.selector,
        Forgers.quorumOverdoes.selector,
        Forgers.quorumDigs.selector,
        Forgers.endTwice.selector
    ];
    bytes4[3] memory lists = [Powers.strikeOff.selector, Powers.list.selector, Powers.list.selector];

    acts = new bytes4[](64 + (listing ? 3 : 0));
    uint256 n;
    for (uint256 i; i < deposits.length; ++i) acts[n++] = deposits[i];
    for (uint256 i; i < requests.length; ++i) acts[n++] = requests[i];
    for (uint256 i; i < remedies.length; ++i) acts[n++] = remedies[i];
    for (uint256 i; i < powers.length; ++i) acts[n++] = powers[i];
    for (uint256 i; i < thieves.length; ++i) acts[n++] = thieves[i];
    for (uint256 i; i < lists.length && listing; ++i) acts[n++] = lists[i];
}
