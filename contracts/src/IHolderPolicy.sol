// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who may not give or take units
/// @notice A bridge names one such contract for ever, or none. It asks before a mint, an offer of cover, a transfer, a
/// new request, a recovery, and a return to another address than the holder's; never in a settlement, a refusal, a
/// call-back, a return to the holder himself, or when he takes cover or gets his own back.
/// @dev The bridge asks by a static call, so that an answer can change nothing anywhere. It waits for it with all its
/// gas. A mint asks for all its locks before it writes, so that balances are those before the whole batch. Warning: a
/// policy must never lose its code or fail to answer, for then no unit changes hands, for ever.
interface IHolderPolicy {
    /// @notice Reverts, and says why, when units may not go from one account to another now.
    /// @param from Address zero when nobody gives: a mint, cover, and a recovery, which the account has not asked for.
    /// @param to Address zero when nobody takes: a new request.
    function requireMayMove(address from, address to) external view;
}
