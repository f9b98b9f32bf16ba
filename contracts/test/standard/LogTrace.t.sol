// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lock, Request} from "../../src/Types.sol";
import {Vm, vm} from "../Cheats.sol";
import {Movement, Standard} from "./Standard.t.sol";

/// @dev EIP-1155, guaranteed log trace: whoever has read every event knows every balance.
contract LogTraceTest is Standard {
    address[] private people;
    uint256[2] private ids;
    mapping(address account => mapping(uint256 id => uint256)) private told;
    mapping(uint256 id => uint256) private circulating;
    Request[] private asked;

    /// @dev The recording begins before the bridge is there.
    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        people = [alice, bob, mallory, address(wallet)];
        ids = [class, sibling];
    }

    function _replay() private {
        Movement[] memory movements = _movements();
        for (uint256 i; i < movements.length; ++i) {
            Movement memory m = movements[i];
            if (m.from != address(0)) told[m.from][m.id] -= m.value;
            else circulating[m.id] += m.value;
            if (m.to != address(0)) told[m.to][m.id] += m.value;
            else circulating[m.id] -= m.value;
        }
    }

    function _assertTold() private {
        _replay();
        for (uint256 i; i < ids.length; ++i) {
            uint256 sum;
            for (uint256 j; j < people.length; ++j) {
                uint256 balance = bridge.balanceOf(people[j], ids[i]);
                vm.assertEq(told[people[j]][ids[i]], balance);
                sum += balance;
            }
            vm.assertEq(circulating[ids[i]], sum);
            vm.assertEq(circulating[ids[i]], bridge.totalSupply(ids[i]));
        }
    }

    // scenario 9, log trace: balances are the sums of the events, and what circulates is out of zero less into zero
    function test_the_events_of_a_story_add_up_to_its_balances() public {
        _assertTold();
        Lock memory lock = _fresh(class, bob, 50);
        _mint(lock);
        _assertTold();
        _transfer(bob, mallory, class, 5, "");
        _batchTransfer(alice, address(wallet), _three(class, sibling, class), _three(1, 2, 3), "");
        _assertTold();
        (, bytes32 settled) = _redeem(bob, 20);
        (Request memory refused,) = _retire(alice, 30);
        (Request memory refusedWallet,) = _retire(address(wallet), 4);
        _assertTold();
        _settle(settled, 0, lock.first, lock.first + 19);
        _refuse(refused);
        _refuse(refusedWallet);
        _assertTold();
        _takeBack(refusedWallet, mallory);
        _takeBack(returnable, bob);
        _assertTold();
        vm.assertEq(_balance(bob), 45);
        vm.assertEq(_balance(mallory), 9);
    }

    // log trace: the same after any dozen of acts, in any order
    function testFuzz_the_events_of_any_story_add_up_to_its_balances(uint256 seed) public {
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _act(seed % 7, people[(seed >> 8) % 4], people[(seed >> 16) % 4], ids[(seed >> 24) % 2], seed >> 32);
        }
        _assertTold();
    }

    function _act(uint256 act, address from, address to, uint256 id, uint256 number) private {
        uint256 value = number % (bridge.balanceOf(from, id) + 1);
        uint64 units = uint64(number % (_balance(from) + 1));
        if (act < 2) _give(id, to, uint64(number % 50 + 1));
        if (act == 2) _transfer(from, to, id, value, "");
        if (act == 3) _batchTransfer(from, to, _pair(id, id), _pair(value / 2, value - value / 2), "");
        if (act == 4 && units != 0) {
            (Request memory request,) = number & 1 == 0 ? _retire(from, units) : _redeem(from, units);
            asked.push(request);
        }
        if (act > 4 && asked.length != 0) {
            Request memory request = asked[asked.length - 1];
            asked.pop();
            if (act == 5) _refuse(request);
            if (act == 6) {
                _passDeadline();
                _callBack(request);
                _passChallenge();
            }
            if (act == 6 || request.holder == address(wallet)) _takeBack(request, to);
        }
    }
}
