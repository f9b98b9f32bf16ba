// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {AllowListPolicy} from "../src/AllowListPolicy.sol";
import {IHolderPolicy} from "../src/IHolderPolicy.sol";
import {Signals} from "../src/Signals.sol";
import {Cover, Recovery, Signature, Terms} from "../src/Types.sol";
import {deploy} from "deploy/deploy.sol";
import {Base, Freezable} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Alice has lost her key; her hundred units are to go to bob.
abstract contract Lost is Base {
    uint40 internal constant DELAY = 10 days;
    Recovery internal recovery;

    function _terms() internal view override returns (Terms memory terms) {
        terms = super._terms();
        (terms.recoverer, terms.recoverySeconds) = (recoverer, uint32(DELAY));
    }

    function setUp() public virtual override {
        super.setUp();
        _mint(alice, 1, 100);
        recovery = Recovery(class, alice, bob, 100, 1);
    }

    function _id() internal view returns (bytes32) {
        return bridge.recoveryId(recovery);
    }

    function _order() internal {
        vm.prank(recoverer);
        bridge.orderRecovery(recovery);
    }

    function _mature() internal {
        _order();
        _pass(DELAY, 1);
    }

    /// @dev Anyone executes: mallory does.
    function _recover() internal {
        vm.prank(mallory);
        bridge.recover(recovery);
    }

    function _refused(bytes memory why) internal {
        vm.prank(mallory);
        vm.expectRevert(why);
        bridge.recover(recovery);
    }

    function _notPending() internal view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.RecoveryNotPending.selector, _id());
    }
}

contract RecoveryTest is Lost {
    function _orderRefused(bytes memory why) private {
        vm.prank(recoverer);
        vm.expectRevert(why);
        bridge.orderRecovery(recovery);
    }

    function _veto(address account) private {
        vm.prank(account);
        bridge.vetoRecovery(recovery);
    }

    function _vetoRefused(address account, bytes memory why) private {
        vm.prank(account);
        vm.expectRevert(why);
        bridge.vetoRecovery(recovery);
    }

    function test_terms_with_a_recoverer_leave_holders_seven_days() public {
        Terms memory terms = _terms();
        for (uint256 i; i < 2; ++i) {
            terms.recoverySeconds = i == 0 ? 0 : uint32(7 days - 1);
            vm.prank(admin);
            vm.expectRevert(abi.encodeWithSelector(Signals.TermsInvalid.selector, VERRA));
            bridge.setTerms(VERRA, terms);
        }
        terms.recoverySeconds = uint32(7 days);
        vm.prank(admin);
        bridge.setTerms(VERRA, terms);
    }

    function test_only_the_recoverer_orders() public {
        address[4] memory others = [admin, guardian, operator, alice];
        for (uint256 i; i < 4; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Signals.NotRecoverer.selector, others[i], class));
            bridge.orderRecovery(recovery);
        }
    }

    function test_a_class_without_a_recoverer_knows_no_recovery() public {
        Terms memory terms = _terms();
        (terms.recoverer, terms.recoverySeconds) = (address(0), 0);
        recovery.classId = _classWith("985", terms);
        _orderRefused(abi.encodeWithSelector(Signals.NotRecoverer.selector, recoverer, recovery.classId));
    }

    function test_an_unknown_class_knows_no_recovery() public {
        recovery.classId = 7;
        _orderRefused(abi.encodeWithSelector(Signals.ClassUnknown.selector, 7));
    }

    function test_an_order_is_of_units_to_somebody() public {
        recovery.units = 0;
        _orderRefused(abi.encodeWithSelector(Signals.ZeroUnits.selector));
        (recovery.units, recovery.to) = (1, address(0));
        _orderRefused(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(0)));
    }

    function test_an_order_from_nobody_would_mint_and_is_refused() public {
        recovery.from = address(0);
        _orderRefused(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidSender.selector, address(0)));
    }

    function test_what_the_bridge_holds_as_cover_is_nobodys_to_recover() public {
        _reverse("event 1", 1, 30);
        Cover memory cover = _coverBy(bob, 1_001, 1_030);
        _offer(cover);
        recovery = Recovery(sibling, address(bridge), bob, 30, 1);
        _orderRefused(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidSender.selector, address(bridge)));
    }

    function test_an_order_is_given_once_whatever_became_of_it() public {
        bytes memory why = abi.encodeWithSelector(Signals.RecoveryExists.selector, _id());
        _order();
        _orderRefused(why);
        _veto(alice);
        _orderRefused(why);
        recovery.salt = 2;
        _mature();
        _recover();
        _orderRefused(abi.encodeWithSelector(Signals.RecoveryExists.selector, _id()));
    }

    function test_an_order_is_known_by_its_id_and_says_when_it_matures() public {
        uint40 maturesAt = uint40(vm.getBlockTimestamp()) + DELAY;
        vm.assertEq(_id(), keccak256(abi.encode(block.chainid, address(bridge), recovery)));
        vm.assertEq(bridge.recoveryMaturesAt(_id()), 0);
        bytes32 id = _id();
        vm.expectEmit();
        emit Signals.RecoveryOrdered(id, alice, class, bob, 100, 1, maturesAt);
        _order();
        vm.assertEq(bridge.recoveryMaturesAt(id), maturesAt);
    }

    function test_what_nobody_ordered_is_neither_executed_nor_vetoed() public {
        _order();
        recovery.to = mallory;
        _pass(DELAY, 1);
        _refused(_notPending());
        _vetoRefused(alice, _notPending());
    }

    function test_an_order_matures_to_the_second() public {
        _order();
        uint40 maturesAt = bridge.recoveryMaturesAt(_id());
        vm.warp(maturesAt - 1);
        _refused(abi.encodeWithSelector(Signals.RecoveryNotMature.selector, _id(), maturesAt));
        vm.warp(maturesAt);
        _recover();
        vm.assertEq(_balance(bob), 100);
    }

    function test_an_order_lapses_to_the_second() public {
        _order();
        uint40 lapsesAt = bridge.recoveryMaturesAt(_id()) + DELAY;
        uint256 before = vm.snapshotState();
        vm.warp(lapsesAt + 1);
        _refused(abi.encodeWithSelector(Signals.RecoveryLapsed.selector, _id(), lapsesAt));
        vm.revertToState(before);
        vm.warp(lapsesAt);
        _recover();
    }

    function test_the_account_that_would_lose_vetoes() public {
        _order();
        bytes32 id = _id();
        vm.expectEmit();
        emit Signals.RecoveryVetoed(id, alice);
        _veto(alice);
        vm.assertEq(bridge.recoveryMaturesAt(id), type(uint40).max);
        _pass(DELAY, 1);
        _refused(_notPending());
        vm.assertEq(_balance(alice), 100);
    }

    function test_a_guardian_vetoes_even_a_mature_order() public {
        _mature();
        _veto(guardian);
        _refused(_notPending());
    }

    function test_nobody_else_vetoes() public {
        _order();
        address[4] memory others = [admin, operator, recoverer, bob];
        for (uint256 i; i < 4; ++i) {
            _vetoRefused(others[i], abi.encodeWithSelector(Signals.NotHolder.selector, others[i], alice));
        }
    }

    function test_an_order_ends_once() public {
        _order();
        _veto(alice);
        _vetoRefused(guardian, _notPending());
        recovery.salt = 2;
        _mature();
        _recover();
        _refused(_notPending());
        _vetoRefused(alice, _notPending());
    }

    function test_anyone_executes_a_mature_order_and_the_supply_stays() public {
        _mature();
        bytes32 id = _id();
        vm.expectEmit();
        emit IERC1155.TransferSingle(mallory, alice, bob, class, 100);
        vm.expectEmit();
        emit Signals.Recovered(id, alice, bob, 100);
        _recover();
        vm.assertEq(_balance(alice), 0);
        vm.assertEq(_balance(bob), 100);
        vm.assertEq(bridge.totalSupply(class), 100);
        _auditL1(class);
    }

    function test_one_order_at_a_time_counts_on_an_accounts_units() public {
        _order();
        uint40 until = bridge.recoveryMaturesAt(_id()) + DELAY;
        recovery.salt = 2;
        bytes memory why = abi.encodeWithSelector(Signals.RecoveryStands.selector, alice, class, until);
        _orderRefused(why);
        vm.warp(until);
        _orderRefused(why);
        vm.warp(until + 1);
        _order();
        _veto(alice);
        recovery.salt = 3;
        _mature();
        _recover();
        _mint(alice, 101, 200);
        recovery.salt = 4;
        _order();
    }

    function test_orders_of_other_accounts_and_classes_stand_side_by_side() public {
        _order();
        _mint(bob, 101, 110);
        recovery = Recovery(class, bob, alice, 10, 1);
        _order();
        recovery = Recovery(_classWith("985", _terms()), alice, bob, 0, 1);
        _orderRefused(abi.encodeWithSelector(Signals.ZeroUnits.selector));
        recovery.units = 1;
        _orderRefused(
            abi.encodeWithSelector(
                IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 0, 1, recovery.classId
            )
        );
    }

    function test_an_order_that_has_lapsed_needs_no_veto() public {
        _order();
        uint40 lapsesAt = bridge.recoveryMaturesAt(_id()) + DELAY;
        vm.warp(lapsesAt + 1);
        _vetoRefused(alice, abi.encodeWithSelector(Signals.RecoveryLapsed.selector, _id(), lapsesAt));
    }

    function test_nothing_is_ordered_of_units_that_are_yet_to_come() public {
        recovery.units = 101;
        _orderRefused(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 100, 101, class)
        );
        _mint(alice, 101, 101);
        _mature();
        _recover();
        vm.assertEq(_balance(bob), 101);
    }

    function test_what_the_account_has_no_more_is_not_recovered() public {
        _mature();
        vm.prank(alice);
        bridge.safeTransferFrom(alice, bob, class, 1, "");
        _refused(abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 99, 100, class));
    }

    function test_a_holder_who_still_has_his_key_can_move_away_in_time() public {
        _order();
        _transfer(alice, address(wallet), class, 100);
        _pass(DELAY, 1);
        _refused(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 0, 100, class)
        );
    }

    function test_a_quarantined_class_is_recovered_in_afterwards() public {
        _mature();
        vm.prank(guardian);
        bridge.quarantine(class);
        uint40 until = bridge.creditClass(class).quarantinedUntil;
        _refused(abi.encodeWithSelector(Signals.ClassQuarantined.selector, class, until));
        vm.prank(admin);
        bridge.confirmQuarantine(class, 0);
        _recover();
    }

    function test_no_unit_of_a_short_class_is_recovered() public {
        _mature();
        _reverse("event 1", 1, 1);
        _refused(abi.encodeWithSelector(Signals.ClassShort.selector, class, 1));
    }

    function test_no_pause_stops_a_recovery_or_a_veto() public {
        _mint(alice, 201, 300);
        vm.prank(guardian);
        bridge.pause();
        _mature();
        _recover();
        recovery.salt = 2;
        _order();
        _veto(alice);
    }

    function test_a_receiver_that_rejects_leaves_the_order_pending() public {
        recovery.to = address(wallet);
        _mature();
        wallet.reject(true);
        _refused(abi.encodeWithSignature("Error(string)", "rejected"));
        wallet.reject(false);
        _recover();
        vm.assertEq(_balance(address(wallet)), 100);
    }

    function test_a_receiver_that_calls_back_is_paid_once_and_finds_the_books_in_order() public {
        recovery.to = address(wallet);
        recovery.units = 50;
        _mature();
        uint256 before = vm.snapshotState();
        bytes memory why = _notPending();
        wallet.whenPaid(address(bridge), abi.encodeCall(bridge.recover, (recovery)));
        _recover();
        vm.assertEq(keccak256(wallet.answer()), keccak256(why));
        vm.assertEq(_balance(address(wallet)), 50);
        vm.revertToState(before);
        wallet.whenPaid(address(this), abi.encodeCall(this.audit, ()));
        _recover();
        vm.assertTrue(abi.decode(wallet.answer(), (bool)));
    }

    function audit() external view returns (bool) {
        _auditL1(class);
        return true;
    }

    function test_nothing_is_recovered_to_the_bridge() public {
        recovery.to = address(bridge);
        _mature();
        _refused(abi.encodeWithSelector(IERC1155Errors.ERC1155InvalidReceiver.selector, address(bridge)));
    }

    function test_a_recovery_reaches_no_unit_that_waits_in_a_request() public {
        _mature();
        _redeem(alice, 60);
        _refused(
            abi.encodeWithSelector(IERC1155Errors.ERC1155InsufficientBalance.selector, alice, 40, 100, class)
        );
    }

    function test_new_terms_name_no_recoverer_for_a_class_that_exists() public {
        Terms memory terms = _terms();
        terms.recoverer = mallory;
        vm.prank(admin);
        bridge.setTerms(VERRA, terms);
        vm.prank(mallory);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotRecoverer.selector, mallory, class));
        bridge.orderRecovery(recovery);
    }
}

/// @dev The policy is asked about the receiver alone.
contract RecoveryPolicyTest is Lost {
    AllowListPolicy private list;

    function _policy() internal override returns (IHolderPolicy) {
        list = AllowListPolicy(deploy("AllowListPolicy", abi.encode(admin)));
        address[] memory holders = new address[](1);
        holders[0] = alice;
        vm.startPrank(admin);
        list.setGuardian(guardian, true);
        list.setLister(operator, true);
        vm.stopPrank();
        vm.prank(operator);
        list.setListed(holders, true);
        return list;
    }

    function test_the_receiver_must_be_listed() public {
        _mature();
        _refused(abi.encodeWithSelector(AllowListPolicy.NotListed.selector, bob));
    }

    function test_a_frozen_account_can_be_recovered_from() public {
        vm.prank(guardian);
        list.freeze(alice);
        address[] memory holders = new address[](1);
        holders[0] = bob;
        vm.prank(operator);
        list.setListed(holders, true);
        _mature();
        _recover();
        vm.assertEq(_balance(bob), 100);
    }
}
