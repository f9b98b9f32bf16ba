// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who may not give units away
/// @notice A bridge names one such contract for ever, or none. It asks before a transfer, before a new request, and
/// before a return to another address than the holder's; never in a mint, a settlement, a refusal, a call-back, or a
/// return to the holder himself.
/// @dev The bridge asks by a static call, so that an answer can change nothing anywhere. It waits for it with all its
/// gas. Warning: a policy must never go by what the bridge says of itself while it asks, for the bridge is in the
/// middle of its writes; and it must never lose its code or fail to answer, for then no unit changes hands, for ever.
interface IHolderPolicy {
    /// @notice Reverts, and says why, when `from` may not give units away now.
    function requireMayGive(address from) external view;
}
