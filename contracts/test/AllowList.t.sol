// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {AllowListPolicy} from "../src/AllowListPolicy.sol";
import {FreezePolicy} from "../src/FreezePolicy.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {Cover, Request, Signature, Status} from "../src/Types.sol";
import {deploy} from "deploy/deploy.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Alice is listed; the lister is the operator's compliance desk.
contract AllowListTest is Base {
    AllowListPolicy private list;
    address private immutable lister = vm.addr(uint256(keccak256("lister")));

    function _policy() internal override returns (IHolderPolicy) {
        list = AllowListPolicy(deploy("AllowListPolicy", abi.encode(admin)));
        vm.startPrank(admin);
        list.setGuardian(guardian, true);
        list.setLister(lister, true);
        vm.stopPrank();
        return list;
    }

    function setUp() public override {
        super.setUp();
        _list(alice, true);
        _mint(alice, 1, 100);
    }

    function _list(address account, bool on) private {
        vm.prank(lister);
        list.setListed(_one(account), on);
    }

    function _one(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }

    function _unlisted(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(AllowListPolicy.NotListed.selector, account);
    }

    function test_only_the_owner_names_listers_and_only_listers_list() public {
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        list.setLister(guardian, true);
        address[3] memory others = [admin, guardian, alice];
        for (uint256 i; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(AllowListPolicy.NotLister.selector, others[i]));
            list.setListed(_one(bob), true);
        }
    }

    function test_a_lister_who_was_dismissed_lists_nobody() public {
        vm.expectEmit();
        emit AllowListPolicy.ListerSet(lister, false);
        vm.prank(admin);
        list.setLister(lister, false);
        vm.prank(lister);
        vm.expectRevert(abi.encodeWithSelector(AllowListPolicy.NotLister.selector, lister));
        list.setListed(_one(bob), true);
    }

    function test_many_are_listed_at_once_and_each_is_said() public {
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (bob, mallory);
        vm.expectEmit();
        emit AllowListPolicy.Listed(bob, true);
        vm.expectEmit();
        emit AllowListPolicy.Listed(mallory, true);
        vm.prank(lister);
        list.setListed(accounts, true);
        vm.assertTrue(list.isListed(bob) && list.isListed(mallory));
    }

    function test_who_is_not_listed_is_minted_and_sent_nothing() public {
        _mintRefused(_lock(bob, 101, 110), _unlisted(bob));
        _transferRefused(alice, class, _unlisted(bob));
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](1), new uint256[](1));
        ids[0] = class;
        vm.prank(alice);
        vm.expectRevert(_unlisted(bob));
        bridge.safeBatchTransferFrom(alice, bob, ids, values, "");
    }

    function test_who_is_listed_takes_units() public {
        _list(bob, true);
        _mint(bob, 101, 110);
        _transfer(alice, bob, class, 10);
        vm.assertEq(_balance(bob), 20);
    }

    function test_who_was_struck_off_gives_retires_and_redeems_what_he_has() public {
        _list(bob, true);
        _list(alice, false);
        _mintRefused(_lock(alice, 101, 110), _unlisted(alice));
        _transfer(alice, bob, class, 10);
        (, bytes32 id) = _retire(alice, 10);
        _settle(id, 0, 1, 10);
        _redeem(alice, 10);
        _assertStatus(id, Status.Settled);
    }

    function test_who_was_struck_off_gets_his_own_units_back() public {
        (Request memory refused,) = _retire(alice, 10);
        (Request memory calledBack,) = _redeem(alice, 10);
        _list(alice, false);
        _refuse(refused);
        _passDeadline();
        _callBack(calledBack);
        _passChallenge();
        vm.prank(alice);
        vm.expectRevert(_unlisted(bob));
        bridge.takeBack(calledBack, bob);
        _takeBack(calledBack, alice);
        vm.assertEq(_balance(alice), 100);
    }

    function test_who_is_not_listed_gets_no_new_units_as_the_rest_of_a_cover() public {
        _reverse("event 1", 1, 10);
        Cover[] memory covers = _covers(_coverBy(bob, 1_001, 1_015));
        Signature[] memory signatures = _sign(verraKeys, _digest(covers));
        vm.prank(operator);
        vm.expectRevert(_unlisted(bob));
        bridge.cover(covers, _noHints(1), signatures);
    }

    function test_who_was_struck_off_takes_cover_for_what_he_has_and_his_own_cover_back() public {
        _list(bob, true);
        _reverse("event 1", 1, 10);
        Cover memory cover = _coverBy(bob, 1_001, 1_015);
        _offer(cover);
        _list(alice, false);
        _takeCover(alice, cover, 10);
        vm.assertEq(bridge.balanceOf(alice, sibling), 10);
        _list(bob, false);
        vm.prank(bob);
        bridge.withdrawCover(cover);
        vm.assertEq(bridge.balanceOf(bob, sibling), 5);
    }

    function test_a_frozen_account_takes_cover_too() public {
        _list(bob, true);
        _reverse("event 1", 1, 10);
        Cover memory cover = _coverBy(bob, 1_001, 1_010);
        _offer(cover);
        vm.prank(guardian);
        list.freeze(alice);
        _takeCover(alice, cover, 10);
        vm.assertEq(bridge.balanceOf(alice, sibling), 10);
    }

    function test_a_listed_account_can_still_be_frozen() public {
        _list(bob, true);
        vm.prank(guardian);
        list.freeze(alice);
        uint40 until = list.frozenUntil(alice);
        _transferRefused(alice, class, abi.encodeWithSelector(FreezePolicy.AccountFrozen.selector, alice, until));
    }
}
