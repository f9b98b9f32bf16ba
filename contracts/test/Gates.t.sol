// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Signals} from "../src/Signals.sol";
import {Lock, Signature, Subject, Terms, Verdict} from "../src/Types.sol";
import {Base} from "./Base.t.sol";
import {vm} from "./Cheats.sol";

/// @dev Verdicts on projects and methodologies. `class` is of project 1686.
contract GatesTest is Base {
    string private constant METHOD = "VM0007";

    function setUp() public override {
        super.setUp();
        _mint(alice, 1, 100);
    }

    function _say(Subject subject, string memory code, Verdict verdict) private {
        vm.prank(admin);
        bridge.setVerdict(VERRA, subject, code, verdict);
    }

    function _tell(string memory project, string memory methodology) private {
        vm.prank(admin);
        bridge.setMethodology(VERRA, project, methodology);
    }

    function _shut(Subject subject, Verdict verdict) private view returns (bytes memory) {
        return abi.encodeWithSelector(Signals.NotAdmitted.selector, class, subject, verdict);
    }

    function _adminsOnly(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, account);
    }

    function _mustBeAdmitted() private {
        Terms memory terms = _terms();
        terms.admissionRequired = true;
        class = _classWith("985", terms);
    }

    function test_a_guardian_bars_and_does_no_more() public {
        Lock[] memory locks = _locks(_lock(guardian, 101, 109));
        locks[0].classId = sibling;
        Signature[] memory signatures = _sign(verraKeys, _digest(locks));
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Signals.NotOperator.selector, guardian));
        bridge.mint(locks, _noHints(1), signatures);
        Verdict[2] memory others = [Verdict.None, Verdict.Admitted];
        vm.startPrank(guardian);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(_adminsOnly(guardian));
            bridge.setVerdict(VERRA, Subject.Project, "1686", others[i]);
        }
        vm.expectRevert(_adminsOnly(guardian));
        bridge.setMethodology(VERRA, "1686", METHOD);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
        vm.expectRevert(_adminsOnly(guardian));
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.None);
        vm.expectRevert(
            abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, guardian, alice)
        );
        bridge.safeTransferFrom(alice, guardian, class, 0, "");
        vm.stopPrank();
    }

    function test_nobody_else_says_anything() public {
        address[3] memory others = [operator, mallory, vm.addr(verraKeys[0])];
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(others[i]);
            vm.expectRevert(_adminsOnly(others[i]));
            bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
            vm.expectRevert(_adminsOnly(others[i]));
            bridge.setMethodology(VERRA, "1686", METHOD);
            vm.stopPrank();
        }
    }

    function test_an_unknown_registry_has_no_verdicts() public {
        bytes memory why = abi.encodeWithSelector(Signals.RegistryUnknown.selector, bytes32("acr"));
        vm.startPrank(admin);
        vm.expectRevert(why);
        bridge.setVerdict("acr", Subject.Project, "1686", Verdict.Barred);
        vm.expectRevert(why);
        bridge.setMethodology("acr", "1686", METHOD);
        vm.stopPrank();
        vm.expectRevert(why);
        bridge.verdictOn("acr", Subject.Project, "1686");
    }

    function test_a_verdict_and_a_methodology_are_said_aloud() public {
        vm.expectEmit();
        emit Signals.VerdictSet(VERRA, Subject.Methodology, METHOD, Verdict.Barred);
        _say(Subject.Methodology, METHOD, Verdict.Barred);
        vm.expectEmit();
        emit Signals.MethodologySet(VERRA, "1686", METHOD);
        _tell("1686", METHOD);
        vm.assertEq(uint256(bridge.verdictOn(VERRA, Subject.Methodology, METHOD)), uint256(Verdict.Barred));
        // A methodology's name is no project's.
        vm.assertEq(uint256(bridge.verdictOn(VERRA, Subject.Project, METHOD)), uint256(Verdict.None));
        vm.assertEq(uint256(bridge.verdictOn(GOLD, Subject.Methodology, METHOD)), uint256(Verdict.None));
    }

    function test_a_barred_project_mints_nothing_in_classes_old_and_new() public {
        vm.prank(guardian);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Project, Verdict.Barred));
        vm.prank(operator);
        class = bridge.createClass(VERRA, "1686", 2015, "VCU");
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Project, Verdict.Barred));
    }

    function test_a_barred_methodology_stops_the_projects_that_issue_by_it() public {
        _tell("1686", METHOD);
        _mint(alice, 101, 110);
        _say(Subject.Methodology, METHOD, Verdict.Barred);
        _mintRefused(_lock(alice, 111, 120), _shut(Subject.Methodology, Verdict.Barred));
        class = sibling;
        _mint(alice, 111, 120);
    }

    function test_a_project_that_changes_to_a_barred_methodology_stops_too() public {
        _say(Subject.Methodology, METHOD, Verdict.Barred);
        _mint(alice, 101, 110);
        _tell("1686", METHOD);
        _mintRefused(_lock(alice, 111, 120), _shut(Subject.Methodology, Verdict.Barred));
        _tell("1686", "VM0048");
        _mint(alice, 111, 120);
    }

    function test_a_verdict_taken_back_lets_mints_go_on() public {
        _say(Subject.Project, "1686", Verdict.Barred);
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Project, Verdict.Barred));
        _say(Subject.Project, "1686", Verdict.None);
        _mint(alice, 101, 110);
    }

    function test_where_admission_is_required_nothing_mints_before_both_are_admitted() public {
        _mustBeAdmitted();
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Project, Verdict.None));
        _say(Subject.Project, "985", Verdict.Admitted);
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Methodology, Verdict.None));
        _say(Subject.Methodology, METHOD, Verdict.Admitted);
        _mintRefused(_lock(alice, 101, 110), _shut(Subject.Methodology, Verdict.None));
        _tell("985", METHOD);
        _mint(alice, 101, 110);
        _mint(alice, 111, 120);
    }

    function test_an_admission_taken_back_or_barred_stops_the_next_mint() public {
        _mustBeAdmitted();
        _say(Subject.Project, "985", Verdict.Admitted);
        _say(Subject.Methodology, METHOD, Verdict.Admitted);
        _tell("985", METHOD);
        _mint(alice, 101, 110);
        _say(Subject.Project, "985", Verdict.None);
        _mintRefused(_lock(alice, 111, 120), _shut(Subject.Project, Verdict.None));
        _say(Subject.Project, "985", Verdict.Admitted);
        _mint(alice, 111, 120);
        vm.prank(guardian);
        bridge.setVerdict(VERRA, Subject.Methodology, METHOD, Verdict.Barred);
        _mintRefused(_lock(alice, 121, 130), _shut(Subject.Methodology, Verdict.Barred));
    }

    function test_admission_is_asked_of_the_classes_whose_own_terms_say_so() public {
        uint256 old = class;
        _mustBeAdmitted();
        uint256 strict = class;
        // Some verdict, so that the next mint of each looks.
        _say(Subject.Project, "1", Verdict.Admitted);
        class = old;
        _mint(alice, 101, 110);
        vm.prank(admin);
        bridge.setTerms(VERRA, _terms());
        _say(Subject.Project, "2", Verdict.Admitted);
        class = strict;
        _mintRefused(_lock(alice, 111, 120), _shut(Subject.Project, Verdict.None));
    }

    function test_a_verdict_is_its_registrys_own() public {
        _say(Subject.Project, "GS11236", Verdict.Barred);
        uint256[3] memory verra = verraKeys;
        (uint256 mine, bytes32 space) = (class, counter);
        (class, counter, verraKeys) = (goldClass, goldSpace, goldKeys);
        _mint(alice, 1, 5);
        vm.prank(admin);
        bridge.setVerdict(GOLD, Subject.Project, "1686", Verdict.Barred);
        _mint(alice, 6, 9);
        vm.prank(guardian);
        bridge.setVerdict(GOLD, Subject.Project, "GS11236", Verdict.Barred);
        _mintRefused(_lock(alice, 10, 12), _shut(Subject.Project, Verdict.Barred));
        (class, counter, verraKeys) = (mine, space, verra);
        _mint(alice, 101, 110);
    }

    function test_a_refused_look_is_repeated_at_the_next_mint() public {
        _say(Subject.Project, "1686", Verdict.Barred);
        for (uint256 i; i < 2; ++i) {
            _mintRefused(_lock(alice, 101, 110), _shut(Subject.Project, Verdict.Barred));
        }
        class = sibling;
        _mint(alice, 111, 120);
    }

    /// @dev A guardian could spend all epochs there are, for some 8,000 gas each; that must cost the admin nothing.
    function test_after_the_last_epoch_every_mint_looks_anew() public {
        bytes32 slot = keccak256(abi.encode(uint256(1), uint256(9)));
        uint256 word = uint256(vm.load(address(bridge), slot));
        uint256 last = uint256(type(uint24).max) << 16;
        vm.store(address(bridge), slot, bytes32((word & ~last) | (last - (1 << 16))));
        _mint(alice, 1_001, 1_010);
        vm.prank(guardian);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
        _mintRefused(
            _lock(alice, 1_011, 1_020),
            abi.encodeWithSelector(Signals.NotAdmitted.selector, class, Subject.Project, Verdict.Barred)
        );
        vm.prank(admin);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Admitted);
        _mint(alice, 1_011, 1_020);
        vm.prank(guardian);
        bridge.setVerdict(VERRA, Subject.Project, "1686", Verdict.Barred);
        _mintRefused(
            _lock(alice, 1_021, 1_030),
            abi.encodeWithSelector(Signals.NotAdmitted.selector, class, Subject.Project, Verdict.Barred)
        );
        vm.assertEq(uint256(vm.load(address(bridge), slot)) >> 16 & type(uint24).max, type(uint24).max);
    }

    function test_units_that_exist_move_on() public {
        _say(Subject.Project, "1686", Verdict.Barred);
        _transfer(alice, bob, class, 50);
        (, bytes32 retired) = _retire(bob, 10);
        _settle(retired, 0, 1, 10);
        (, bytes32 redeemed) = _redeem(bob, 10);
        _settle(redeemed, 0, 91, 100);
        vm.assertEq(_balance(bob), 30);
    }
}
