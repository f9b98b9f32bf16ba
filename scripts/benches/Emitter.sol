// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Says what the bridge says at a mint, and does nothing: as many logs as a measurement wants
contract Emitter {
    event Minted(
        uint256 indexed lockId,
        uint256 indexed classId,
        bytes32 indexed space,
        uint64 first,
        uint64 last,
        address recipient
    );

    function say(uint64 from, uint64 count) external {
        for (uint64 n = from; n < from + count; ++n) {
            uint256 lockId = uint256(keccak256(abi.encode(n)));
            emit Minted(lockId, lockId % 97, keccak256("space"), 1 + 10 * n, 10 + 10 * n, address(uint160(lockId)));
        }
    }
}
