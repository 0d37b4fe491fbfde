// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";

/**
 * @title OPEN, the unit of account
 * @notice An ERC-20 of 18 decimals that can be approved (ERC-2612) and sent (ERC-3009) by signature.
 *
 * The whole supply is minted once, at deployment, to one holder. There is no owner, no further minting, no pause and
 * no fee: what the code below does today it does for ever.
 *
 * Assumptions
 * - Votes are not counted on this token: checkpoints would triple the price of a payment. A wrapper carries them.
 * - ERC-3009 nonces are random 32-byte values chosen by the signer, as x402 payments need them.
 *
 * Warnings
 * - A signed `transferWithAuthorization` can be brought by anyone who sees it. A contract that acts on a payment uses
 *   `receiveWithAuthorization`, which only the payee can bring.
 */
interface IOpenToken is IERC20Metadata, IERC20Permit, IERC3009 {}
