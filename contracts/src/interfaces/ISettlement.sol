// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/**
 * @title The vault between OpenLedger's ledger and the chain
 * @notice Deposits come in and are credited to a party; earnings go out against a Merkle root of cumulative amounts.
 *
 * A leaf is `keccak256(bytes.concat(keccak256(abi.encode(account, token, cumulative))))`, the double hash of
 * OpenZeppelin's StandardMerkleTree, so that no inner node can pass for a leaf. `cumulative` is all that the account
 * has ever earned of the token: a claim pays the difference to what it has already received, and a claim made twice
 * pays once.
 *
 * Life of a root: `publish` -> pending for `disputeWindow` seconds, in which the guardian may `revoke` it -> current ->
 * previous, when the next one has become current. Current and previous root both pay, so that a claim in flight
 * survives a new root.
 *
 * Assumptions
 * - The publisher computes roots from the ledger and refuses to publish what the vault does not cover. The contract
 *   cannot see the ledger: a publisher's key in wrong hands can name wrong amounts. The window, the guardian and the
 *   outflow cap bound what that costs; they do not prevent it.
 * - Publisher, guardian and admin are different keys. The guardian can delay payment but never direct it.
 *
 * Warnings
 * - An allowed token must not rebase: balances are compared before and after a deposit, never later.
 * - Tokens that call back are safe here (no entry point can be re-entered) but gain nothing from it.
 * - A party is named by 32 bytes that only the ledger understands. A deposit to a wrong name cannot be undone here.
 */
interface ISettlement {
    /// @dev A published root. `activeAt` is the time, in seconds, from which it pays.
    struct Root {
        bytes32 hash;
        uint64 epoch;
        uint64 activeAt;
    }

    /// @dev A head of the receipts' log (RFC 6962): its number of leaves and its root.
    struct Checkpoint {
        uint64 treeSize;
        bytes32 root;
    }

    /// @dev One account's claim: the leaf's three values and the path from it to a root.
    struct Claim {
        address account;
        address token;
        uint256 cumulative;
        bytes32[] proof;
    }

    /// @dev A payment signed by its payer (ERC-3009), see {depositWithAuthorization}.
    struct Authorization {
        address token;
        address from;
        uint256 amount;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 salt;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice `amount` of `token` has arrived and belongs to `party`. The ledger credits exactly this.
    event Deposited(address indexed token, bytes32 indexed party, address indexed from, uint256 amount);

    /// @notice `amount` was paid to `account`, which has now received `total` of `token` in all.
    event Claimed(address indexed account, address indexed token, uint256 amount, uint256 total);

    event Published(uint64 indexed epoch, bytes32 root, uint64 activeAt);
    event Revoked(uint64 indexed epoch, bytes32 root);
    event Anchored(uint64 indexed epoch, uint64 treeSize, bytes32 root);
    event TokenSet(address indexed token, bool allowed, uint256 outflowCap);
    event DisputeWindowSet(uint64 window);

    error TokenNotAllowed(address token);
    error PartyMissing();
    error NothingReceived();
    error RootMissing();
    error EpochNotNew(uint64 epoch, uint64 latest);
    error WindowOpen(uint64 activeAt);
    error NotPending(uint64 epoch);
    error CheckpointMissing();
    error CheckpointShrank(uint64 treeSize, uint64 anchored);
    error CheckpointForked(uint64 treeSize);
    error InvalidProof(address account, address token, uint256 cumulative);
    error NothingToClaim(address account, address token);
    error OutflowCapReached(address token, uint256 cap);
    error WindowTooLong(uint64 window, uint64 longest);

    /**
     * @notice Takes `amount` of `token` from the caller and credits `party` with what arrives.
     * @dev What arrives may be less than `amount` (a token with a transfer fee); the event has the difference of the
     * vault's balance. Reverts with TokenNotAllowed, PartyMissing, NothingReceived, or the token's own error.
     */
    function deposit(address token, uint256 amount, bytes32 party) external;

    /**
     * @notice Takes a payment that its payer has signed; anyone may bring it, and the payer needs no gas.
     * @dev The payer signs ERC-3009 `ReceiveWithAuthorization` to this vault with the nonce
     * `keccak256(abi.encode(party, salt))`. So the signature covers the party: whoever relays it cannot redirect it.
     */
    function depositWithAuthorization(Authorization calldata authorization, bytes32 party) external;

    /**
     * @notice Proposes the root of an epoch and anchors the log's checkpoint with it. Publisher only.
     * @dev Epochs rise but may skip: an epoch in which nothing was earned needs no root. One root may be pending at a
     * time; a revoked epoch may be published again.
     */
    function publish(uint64 epoch, bytes32 root, Checkpoint calldata checkpoint) external;

    /// @notice Anchors a checkpoint between roots. Publisher only. The log must not shrink, nor change at one size.
    function anchor(Checkpoint calldata checkpoint) external;

    /// @notice Withdraws the pending root of `epoch` before it pays. Guardian only, inside the window only.
    function revoke(uint64 epoch) external;

    /**
     * @notice Pays an account what it has earned and not yet received. Anyone may call, for anyone.
     * @dev Pays less than all when the epoch's outflow cap is near, and the rest in a later epoch.
     * Reverts with InvalidProof, NothingToClaim or OutflowCapReached.
     * @return paid what was sent, in the token's units
     */
    function claim(
        address account,
        address token,
        uint256 cumulative,
        bytes32[] calldata proof
    ) external returns (uint256 paid);

    /**
     * @notice Pays many accounts in one transaction, passing over those with nothing to receive.
     * @dev One invalid proof reverts all: a relayer checks his proofs. So does a token that refuses a recipient.
     * @return paid what was sent in all; of one token if all claims are of one token, else a mere sum
     */
    function claimMany(Claim[] calldata claims) external returns (uint256 paid);

    /// @notice Allows or forbids deposits of a token and sets how much of it may leave in one epoch. Admin only.
    /// @dev A token that is no longer allowed still pays claims: what was earned stays owed.
    function setToken(address token, bool allowed, uint256 outflowCap) external;

    /// @notice Sets how long roots published from now on stay pending, in seconds. Admin only.
    function setDisputeWindow(uint64 window) external;

    /// @notice The roots as they stand now. A pending root whose window has passed is shown as current.
    function roots() external view returns (Root memory current, Root memory previous, Root memory pending);

    /// @notice The last checkpoint anchored.
    function checkpoint() external view returns (Checkpoint memory);

    /// @notice The checkpoint anchored when the root of `epoch` was published; zero where there was none.
    function checkpointOf(uint64 epoch) external view returns (Checkpoint memory);

    /// @notice What `account` has received of `token` in all.
    function claimed(address account, address token) external view returns (uint256);

    /// @notice What may still leave of `token` in the current epoch.
    function outflowLeft(address token) external view returns (uint256);
}
