// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";

/// @title The vault between OpenLedger's ledger and the chain
/// @dev Documented in {ISettlement}. Order in every paying function: checks, effects, event, transfer. A deposit cannot
/// keep it, because what arrived is known only after the transfer; the reentrancy guard stands in for the order there.
contract Settlement is ISettlement, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant PUBLISHER_ROLE = keccak256("PUBLISHER_ROLE");
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @notice No root may stay pending for longer: the guardian delays payment, he does not stop it.
    uint64 public constant LONGEST_WINDOW = 30 days;

    /// @notice Seconds for which a root published now stays pending.
    uint64 public disputeWindow;

    /// @notice Tokens that can be deposited.
    mapping(address token => bool) public isAllowed;

    /// @notice How much of a token may leave in one epoch.
    mapping(address token => uint256) public outflowCap;

    /// @inheritdoc ISettlement
    mapping(address account => mapping(address token => uint256)) public claimed;

    mapping(address token => mapping(uint64 epoch => uint256)) private _outflow;
    mapping(uint64 epoch => Checkpoint) private _checkpointOf;
    Checkpoint private _checkpoint;

    // As last written. A pending root whose window has passed pays before it is moved here: read through `roots`.
    Root private _current;
    Root private _previous;
    Root private _pending;

    constructor(address admin, address publisher, address guardian, uint64 window) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PUBLISHER_ROLE, publisher);
        _grantRole(GUARDIAN_ROLE, guardian);
        _setDisputeWindow(window);
    }

    // ---- money in

    /// @inheritdoc ISettlement
    function deposit(address token, uint256 amount, bytes32 party) external nonReentrant {
        uint256 before = _beforeDeposit(token, party);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _credit(token, party, msg.sender, before);
    }

    /// @inheritdoc ISettlement
    function depositWithAuthorization(Authorization calldata authorization, bytes32 party) external nonReentrant {
        uint256 before = _beforeDeposit(authorization.token, party);
        IERC3009(authorization.token).receiveWithAuthorization(
            authorization.from,
            address(this),
            authorization.amount,
            authorization.validAfter,
            authorization.validBefore,
            keccak256(abi.encode(party, authorization.salt)),
            authorization.v,
            authorization.r,
            authorization.s
        );
        _credit(authorization.token, party, authorization.from, before);
    }

    function _beforeDeposit(address token, bytes32 party) private view returns (uint256 balance) {
        require(isAllowed[token], TokenNotAllowed(token));
        require(party != 0, PartyMissing());
        return IERC20(token).balanceOf(address(this));
    }

    function _credit(address token, bytes32 party, address from, uint256 before) private {
        uint256 amount = IERC20(token).balanceOf(address(this)) - before;
        require(amount > 0, NothingReceived());
        emit Deposited(token, party, from, amount);
    }

    // ---- roots

    /// @inheritdoc ISettlement
    function publish(
        uint64 epoch,
        bytes32 root,
        Checkpoint calldata logCheckpoint
    ) external onlyRole(PUBLISHER_ROLE) {
        (Root memory current, Root memory previous, Root memory pending) = roots();
        require(root != 0, RootMissing());
        require(pending.hash == 0, WindowOpen(pending.activeAt));
        require(epoch > current.epoch, EpochNotNew(epoch, current.epoch));
        uint64 activeAt = uint64(block.timestamp) + disputeWindow;
        (_current, _previous, _pending) = (current, previous, Root(root, epoch, activeAt));
        emit Published(epoch, root, activeAt);
        _checkpointOf[epoch] = logCheckpoint;
        _anchor(epoch, logCheckpoint);
    }

    /// @inheritdoc ISettlement
    function anchor(Checkpoint calldata logCheckpoint) external onlyRole(PUBLISHER_ROLE) {
        (Root memory current, , Root memory pending) = roots();
        _anchor(pending.hash == 0 ? current.epoch : pending.epoch, logCheckpoint);
    }

    function _anchor(uint64 epoch, Checkpoint calldata next) private {
        Checkpoint memory last = _checkpoint;
        require(next.root != 0, CheckpointMissing());
        require(next.treeSize >= last.treeSize, CheckpointShrank(next.treeSize, last.treeSize));
        require(
            next.treeSize > last.treeSize || next.root == last.root || last.root == 0,
            CheckpointForked(next.treeSize)
        );
        _checkpoint = next;
        emit Anchored(epoch, next.treeSize, next.root);
    }

    /// @inheritdoc ISettlement
    function revoke(uint64 epoch) external onlyRole(GUARDIAN_ROLE) {
        (, , Root memory pending) = roots();
        require(pending.hash != 0 && pending.epoch == epoch, NotPending(epoch));
        delete _pending;
        emit Revoked(epoch, pending.hash);
    }

    /// @inheritdoc ISettlement
    function roots() public view returns (Root memory current, Root memory previous, Root memory pending) {
        (current, previous, pending) = (_current, _previous, _pending);
        if (pending.hash != 0 && block.timestamp >= pending.activeAt) {
            (current, previous, pending) = (pending, current, Root(0, 0, 0));
        }
    }

    /// @inheritdoc ISettlement
    function checkpoint() external view returns (Checkpoint memory) {
        return _checkpoint;
    }

    /// @inheritdoc ISettlement
    function checkpointOf(uint64 epoch) external view returns (Checkpoint memory) {
        return _checkpointOf[epoch];
    }

    // ---- money out

    /// @inheritdoc ISettlement
    function claim(
        address account,
        address token,
        uint256 cumulative,
        bytes32[] calldata proof
    ) external nonReentrant returns (uint256 paid) {
        uint256 owed = _owed(account, token, cumulative, proof);
        require(owed > 0, NothingToClaim(account, token));
        paid = _pay(account, token, owed);
        require(paid > 0, OutflowCapReached(token, outflowCap[token]));
    }

    /// @inheritdoc ISettlement
    function claimMany(Claim[] calldata claims) external nonReentrant returns (uint256 paid) {
        for (uint256 i = 0; i < claims.length; i++) {
            Claim calldata one = claims[i];
            paid += _pay(one.account, one.token, _owed(one.account, one.token, one.cumulative, one.proof));
        }
    }

    /// @inheritdoc ISettlement
    function outflowLeft(address token) public view returns (uint256) {
        (Root memory current, , ) = roots();
        return Math.saturatingSub(outflowCap[token], _outflow[token][current.epoch]);
    }

    /// @dev What the leaf entitles to beyond what was paid; zero for a leaf of an older root that is paid already.
    function _owed(
        address account,
        address token,
        uint256 cumulative,
        bytes32[] calldata proof
    ) private view returns (uint256) {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, token, cumulative))));
        bytes32 root = MerkleProof.processProofCalldata(proof, leaf);
        (Root memory current, Root memory previous, ) = roots();
        require(root == current.hash || root == previous.hash, InvalidProof(account, token, cumulative));
        return Math.saturatingSub(cumulative, claimed[account][token]);
    }

    function _pay(address account, address token, uint256 owed) private returns (uint256 amount) {
        amount = Math.min(owed, outflowLeft(token));
        if (amount == 0) return 0;
        (Root memory current, , ) = roots();
        uint256 total = claimed[account][token] + amount;
        claimed[account][token] = total;
        _outflow[token][current.epoch] += amount;
        emit Claimed(account, token, amount, total);
        IERC20(token).safeTransfer(account, amount);
    }

    // ---- settings

    /// @inheritdoc ISettlement
    function setToken(address token, bool allowed, uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        isAllowed[token] = allowed;
        outflowCap[token] = cap;
        emit TokenSet(token, allowed, cap);
    }

    /// @inheritdoc ISettlement
    function setDisputeWindow(uint64 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setDisputeWindow(window);
    }

    function _setDisputeWindow(uint64 window) private {
        require(window <= LONGEST_WINDOW, WindowTooLong(window, LONGEST_WINDOW));
        disputeWindow = window;
        emit DisputeWindowSet(window);
    }
}
