/** Generated from contracts/src/Settlement.sol by scripts/compile-contracts.mjs: do not edit. */
export const settlementAbi = [
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "admin",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "publisher",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "guardian",
        "type": "address"
      },
      {
        "internalType": "uint64",
        "name": "window",
        "type": "uint64"
      }
    ],
    "stateMutability": "nonpayable",
    "type": "constructor"
  },
  {
    "inputs": [],
    "name": "AccessControlBadConfirmation",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "internalType": "bytes32",
        "name": "neededRole",
        "type": "bytes32"
      }
    ],
    "name": "AccessControlUnauthorizedAccount",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "treeSize",
        "type": "uint64"
      }
    ],
    "name": "CheckpointForked",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "CheckpointMissing",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "treeSize",
        "type": "uint64"
      },
      {
        "internalType": "uint64",
        "name": "anchored",
        "type": "uint64"
      }
    ],
    "name": "CheckpointShrank",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      },
      {
        "internalType": "uint64",
        "name": "latest",
        "type": "uint64"
      }
    ],
    "name": "EpochNotNew",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "cumulative",
        "type": "uint256"
      }
    ],
    "name": "InvalidProof",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      }
    ],
    "name": "NotPending",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "NothingReceived",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "NothingToClaim",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "cap",
        "type": "uint256"
      }
    ],
    "name": "OutflowCapReached",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "PartyMissing",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "ReentrancyGuardReentrantCall",
    "type": "error"
  },
  {
    "inputs": [],
    "name": "RootMissing",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "SafeERC20FailedOperation",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "TokenNotAllowed",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "activeAt",
        "type": "uint64"
      }
    ],
    "name": "WindowOpen",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "window",
        "type": "uint64"
      },
      {
        "internalType": "uint64",
        "name": "longest",
        "type": "uint64"
      }
    ],
    "name": "WindowTooLong",
    "type": "error"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      },
      {
        "indexed": false,
        "internalType": "uint64",
        "name": "treeSize",
        "type": "uint64"
      },
      {
        "indexed": false,
        "internalType": "bytes32",
        "name": "root",
        "type": "bytes32"
      }
    ],
    "name": "Anchored",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "amount",
        "type": "uint256"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "total",
        "type": "uint256"
      }
    ],
    "name": "Claimed",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "party",
        "type": "bytes32"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "from",
        "type": "address"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "amount",
        "type": "uint256"
      }
    ],
    "name": "Deposited",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": false,
        "internalType": "uint64",
        "name": "window",
        "type": "uint64"
      }
    ],
    "name": "DisputeWindowSet",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      },
      {
        "indexed": false,
        "internalType": "bytes32",
        "name": "root",
        "type": "bytes32"
      },
      {
        "indexed": false,
        "internalType": "uint64",
        "name": "activeAt",
        "type": "uint64"
      }
    ],
    "name": "Published",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      },
      {
        "indexed": false,
        "internalType": "bytes32",
        "name": "root",
        "type": "bytes32"
      }
    ],
    "name": "Revoked",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "previousAdminRole",
        "type": "bytes32"
      },
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "newAdminRole",
        "type": "bytes32"
      }
    ],
    "name": "RoleAdminChanged",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "sender",
        "type": "address"
      }
    ],
    "name": "RoleGranted",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "indexed": true,
        "internalType": "address",
        "name": "sender",
        "type": "address"
      }
    ],
    "name": "RoleRevoked",
    "type": "event"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "indexed": false,
        "internalType": "bool",
        "name": "allowed",
        "type": "bool"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "outflowCap",
        "type": "uint256"
      }
    ],
    "name": "TokenSet",
    "type": "event"
  },
  {
    "inputs": [],
    "name": "DEFAULT_ADMIN_ROLE",
    "outputs": [
      {
        "internalType": "bytes32",
        "name": "",
        "type": "bytes32"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "GUARDIAN_ROLE",
    "outputs": [
      {
        "internalType": "bytes32",
        "name": "",
        "type": "bytes32"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "LONGEST_WINDOW",
    "outputs": [
      {
        "internalType": "uint64",
        "name": "",
        "type": "uint64"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "PUBLISHER_ROLE",
    "outputs": [
      {
        "internalType": "bytes32",
        "name": "",
        "type": "bytes32"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "components": [
          {
            "internalType": "uint64",
            "name": "treeSize",
            "type": "uint64"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          }
        ],
        "internalType": "struct ISettlement.Checkpoint",
        "name": "logCheckpoint",
        "type": "tuple"
      }
    ],
    "name": "anchor",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "checkpoint",
    "outputs": [
      {
        "components": [
          {
            "internalType": "uint64",
            "name": "treeSize",
            "type": "uint64"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          }
        ],
        "internalType": "struct ISettlement.Checkpoint",
        "name": "",
        "type": "tuple"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      }
    ],
    "name": "checkpointOf",
    "outputs": [
      {
        "components": [
          {
            "internalType": "uint64",
            "name": "treeSize",
            "type": "uint64"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          }
        ],
        "internalType": "struct ISettlement.Checkpoint",
        "name": "",
        "type": "tuple"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "cumulative",
        "type": "uint256"
      },
      {
        "internalType": "bytes32[]",
        "name": "proof",
        "type": "bytes32[]"
      }
    ],
    "name": "claim",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "paid",
        "type": "uint256"
      }
    ],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "components": [
          {
            "internalType": "address",
            "name": "account",
            "type": "address"
          },
          {
            "internalType": "address",
            "name": "token",
            "type": "address"
          },
          {
            "internalType": "uint256",
            "name": "cumulative",
            "type": "uint256"
          },
          {
            "internalType": "bytes32[]",
            "name": "proof",
            "type": "bytes32[]"
          }
        ],
        "internalType": "struct ISettlement.Claim[]",
        "name": "claims",
        "type": "tuple[]"
      }
    ],
    "name": "claimMany",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "paid",
        "type": "uint256"
      }
    ],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      },
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "claimed",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "internalType": "uint256",
        "name": "amount",
        "type": "uint256"
      },
      {
        "internalType": "bytes32",
        "name": "party",
        "type": "bytes32"
      }
    ],
    "name": "deposit",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "components": [
          {
            "internalType": "address",
            "name": "token",
            "type": "address"
          },
          {
            "internalType": "address",
            "name": "from",
            "type": "address"
          },
          {
            "internalType": "uint256",
            "name": "amount",
            "type": "uint256"
          },
          {
            "internalType": "uint256",
            "name": "validAfter",
            "type": "uint256"
          },
          {
            "internalType": "uint256",
            "name": "validBefore",
            "type": "uint256"
          },
          {
            "internalType": "bytes32",
            "name": "salt",
            "type": "bytes32"
          },
          {
            "internalType": "uint8",
            "name": "v",
            "type": "uint8"
          },
          {
            "internalType": "bytes32",
            "name": "r",
            "type": "bytes32"
          },
          {
            "internalType": "bytes32",
            "name": "s",
            "type": "bytes32"
          }
        ],
        "internalType": "struct ISettlement.Authorization",
        "name": "authorization",
        "type": "tuple"
      },
      {
        "internalType": "bytes32",
        "name": "party",
        "type": "bytes32"
      }
    ],
    "name": "depositWithAuthorization",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "disputeWindow",
    "outputs": [
      {
        "internalType": "uint64",
        "name": "",
        "type": "uint64"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      }
    ],
    "name": "getRoleAdmin",
    "outputs": [
      {
        "internalType": "bytes32",
        "name": "",
        "type": "bytes32"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      }
    ],
    "name": "grantRole",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      }
    ],
    "name": "hasRole",
    "outputs": [
      {
        "internalType": "bool",
        "name": "",
        "type": "bool"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "isAllowed",
    "outputs": [
      {
        "internalType": "bool",
        "name": "",
        "type": "bool"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "outflowCap",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      }
    ],
    "name": "outflowLeft",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      },
      {
        "internalType": "bytes32",
        "name": "root",
        "type": "bytes32"
      },
      {
        "components": [
          {
            "internalType": "uint64",
            "name": "treeSize",
            "type": "uint64"
          },
          {
            "internalType": "bytes32",
            "name": "root",
            "type": "bytes32"
          }
        ],
        "internalType": "struct ISettlement.Checkpoint",
        "name": "logCheckpoint",
        "type": "tuple"
      }
    ],
    "name": "publish",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "internalType": "address",
        "name": "callerConfirmation",
        "type": "address"
      }
    ],
    "name": "renounceRole",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "epoch",
        "type": "uint64"
      }
    ],
    "name": "revoke",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes32",
        "name": "role",
        "type": "bytes32"
      },
      {
        "internalType": "address",
        "name": "account",
        "type": "address"
      }
    ],
    "name": "revokeRole",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "roots",
    "outputs": [
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "hash",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "epoch",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "activeAt",
            "type": "uint64"
          }
        ],
        "internalType": "struct ISettlement.Root",
        "name": "current",
        "type": "tuple"
      },
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "hash",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "epoch",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "activeAt",
            "type": "uint64"
          }
        ],
        "internalType": "struct ISettlement.Root",
        "name": "previous",
        "type": "tuple"
      },
      {
        "components": [
          {
            "internalType": "bytes32",
            "name": "hash",
            "type": "bytes32"
          },
          {
            "internalType": "uint64",
            "name": "epoch",
            "type": "uint64"
          },
          {
            "internalType": "uint64",
            "name": "activeAt",
            "type": "uint64"
          }
        ],
        "internalType": "struct ISettlement.Root",
        "name": "pending",
        "type": "tuple"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "uint64",
        "name": "window",
        "type": "uint64"
      }
    ],
    "name": "setDisputeWindow",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "address",
        "name": "token",
        "type": "address"
      },
      {
        "internalType": "bool",
        "name": "allowed",
        "type": "bool"
      },
      {
        "internalType": "uint256",
        "name": "cap",
        "type": "uint256"
      }
    ],
    "name": "setToken",
    "outputs": [],
    "stateMutability": "nonpayable",
    "type": "function"
  },
  {
    "inputs": [
      {
        "internalType": "bytes4",
        "name": "interfaceId",
        "type": "bytes4"
      }
    ],
    "name": "supportsInterface",
    "outputs": [
      {
        "internalType": "bool",
        "name": "",
        "type": "bool"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  }
] as const;

export const settlementBytecode =
  '0x608060405234801561000f575f5ffd5b5060405161255138038061255183398101604081905261002e91610201565b6100385f856100a1565b506100637f0ac90c257048ef1c3e387c26d4a99bde06894efbcbff862dc1885c3a9319308a846100a1565b5061008e7f55435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a5041836100a1565b506100988161014a565b50505050610260565b5f828152602081815260408083206001600160a01b038516845290915281205460ff16610141575f838152602081815260408083206001600160a01b03861684529091529020805460ff191660011790556100f93390565b6001600160a01b0316826001600160a01b0316847f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d60405160405180910390a4506001610144565b505f5b92915050565b8062278d006001600160401b03821681101561019057604051631762a47f60e21b81526001600160401b0392831660048201529116602482015260440160405180910390fd5b5050600180546001600160401b0319166001600160401b0383169081179091556040519081527f029fbca445cf255ae5eafb60ff3aaa7cc25b6b97ebb15598b7dc388a840c21b79060200160405180910390a150565b80516001600160a01b03811681146101fc575f5ffd5b919050565b5f5f5f5f60808587031215610214575f5ffd5b61021d856101e6565b935061022b602086016101e6565b9250610239604086016101e6565b60608601519092506001600160401b0381168114610255575f5ffd5b939692955090935050565b6122e48061026d5f395ff3fe608060405234801561000f575f5ffd5b50600436106101b0575f3560e01c80636fd9f870116100f3578063babcc53911610093578063d547741f1161006e578063d547741f14610460578063d8f4b6fd14610473578063f3729e101461049a578063fabed412146104f1575f5ffd5b8063babcc539146103d4578063c2c4c5c1146103f6578063d363cf5a1461044d575f5ffd5b806391d14854116100ce57806391d1485414610364578063a217fddf146103a7578063a954d8e0146103ae578063abce8ffe146103c1575f5ffd5b80636fd9f8701461031f57806375eb2ce6146103325780638b3603b414610351575f5ffd5b80632f2ff15d1161015e578063410866d011610139578063410866d0146102dc57806348c40d17146102ef578063582040fd146103025780636a4335101461030c575f5ffd5b80632f2ff15d1461029f57806336568abe146102b2578063393fe1cd146102c5575f5ffd5b8063248a9ca31161018e578063248a9ca31461024157806324ea54f41461026357806326b3293f1461028a575f5ffd5b806301ffc9a7146101b45780630c9cbf0e146101dc578063117f5f9214610214575b5f5ffd5b6101c76101c2366004611d77565b610504565b60405190151581526020015b60405180910390f35b6102066101ea366004611dde565b600460209081525f928352604080842090915290825290205481565b6040519081526020016101d3565b6001546102289067ffffffffffffffff1681565b60405167ffffffffffffffff90911681526020016101d3565b61020661024f366004611e0f565b5f9081526020819052604090206001015490565b6102067f55435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a504181565b61029d610298366004611e26565b61059c565b005b61029d6102ad366004611e56565b6105ed565b61029d6102c0366004611e56565b610617565b6102cd610670565b6040516101d393929190611e77565b61029d6102ea366004611f0a565b610775565b61029d6102fd366004611f3b565b610933565b61022862278d0081565b61029d61031a366004611f90565b6109d8565b61029d61032d366004611fc1565b6109eb565b610206610340366004611ffd565b60036020525f908152604090205481565b61029d61035f366004612016565b610c58565b6101c7610372366004611e56565b5f9182526020828152604080842073ffffffffffffffffffffffffffffffffffffffff93909316845291905290205460ff1690565b6102065f81565b61029d6103bc366004611f90565b610cb4565b6102066103cf366004612078565b610dcd565b6101c76103e2366004611ffd565b60026020525f908152604090205460ff1681565b6040805180820182525f808252602091820152815180830190925260075467ffffffffffffffff168252600854908201525b60408051825167ffffffffffffffff16815260209283015192810192909252016101d3565b61020661045b366004611ffd565b610e81565b61029d61046e366004611e56565b610ee6565b6102067f0ac90c257048ef1c3e387c26d4a99bde06894efbcbff862dc1885c3a9319308a81565b6104286104a8366004611f90565b6040805180820182525f808252602091820181905267ffffffffffffffff9384168152600682528290208251808401909352805490931682526001909201549181019190915290565b6102066104ff3660046120b7565b610f0a565b5f7fffffffff0000000000000000000000000000000000000000000000000000000082167f7965db0b00000000000000000000000000000000000000000000000000000000148061059657507f01ffc9a7000000000000000000000000000000000000000000000000000000007fffffffff000000000000000000000000000000000000000000000000000000008316145b92915050565b6105a461101c565b5f6105af8483611053565b90506105d373ffffffffffffffffffffffffffffffffffffffff8516333086611193565b6105df848333846111ef565b506105e8611333565b505050565b5f828152602081905260409020600101546106078161135d565b610611838361136a565b50505050565b73ffffffffffffffffffffffffffffffffffffffff81163314610666576040517f6697b23200000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6105e88282611463565b60408051606080820183525f808352602080840182905292840181905283518083018552818152808401829052840181905283518083018552818152808401829052840152825180820184526009548152600a5467ffffffffffffffff80821683860152680100000000000000009182900481168387015285518085018752600b548152600c548083168288015283900482168188015286519485018752600d54808652600e5480841697870197909752929095041694830194909452921580159061074a5750806040015167ffffffffffffffff164210155b1561077057604080516060810182525f8082526020820181905291810191909152909291505b909192565b61077d61101c565b5f61079461078e6020850185611ffd565b83611053565b90506107a36020840184611ffd565b73ffffffffffffffffffffffffffffffffffffffff1663ef55bec66107ce6040860160208701611ffd565b30866040013587606001358860800135888a60a001356040516020016107fe929190918252602082015260400190565b604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0818403018152919052805160209091012061084460e08c0160c08d01612121565b60405160e089811b7fffffffff0000000000000000000000000000000000000000000000000000000016825273ffffffffffffffffffffffffffffffffffffffff988916600483015296909716602488015260448701949094526064860192909252608485015260a484015260ff1660c483015286013560e4820152610100860135610104820152610124015f604051808303815f87803b1580156108e7575f5ffd5b505af11580156108f9573d5f5f3e3d5ffd5b50610926925061090f9150506020850185611ffd565b836109206040870160208801611ffd565b846111ef565b5061092f611333565b5050565b5f61093d8161135d565b73ffffffffffffffffffffffffffffffffffffffff84165f81815260026020908152604080832080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0016881515908117909155600383529281902086905580519283529082018590527f96e8f5708e37de67c3a8a777620384984d6b87718b3c6378b70ba99bd56094c8910160405180910390a250505050565b5f6109e28161135d565b61092f8261151c565b7f0ac90c257048ef1c3e387c26d4a99bde06894efbcbff862dc1885c3a9319308a610a158161135d565b5f5f5f610a20610670565b925092509250855f5f1b03610a61576040517fdee9837000000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b805160408201519015610ab2576040517fadc9513100000000000000000000000000000000000000000000000000000000815267ffffffffffffffff90911660048201526024015b60405180910390fd5b506020830151879067ffffffffffffffff80821690831611610b14576040517f86e6b1e800000000000000000000000000000000000000000000000000000000815267ffffffffffffffff928316600482015291166024820152604401610aa9565b50506001545f90610b2f9067ffffffffffffffff164261216e565b6040805160608101825289815267ffffffffffffffff8b81166020808401829052858316938501849052600d8d9055600e8054680100000000000000008087027fffffffffffffffffffffffffffffffff000000000000000000000000000000009283168617179092558a51600b558a830151600c80548d8a015188168502908416928816929092179190911790558b516009558b830151600a80548e8a01518816909402939092169516949094171790925583518c815291820192909252929350917fbd8d9951f48bcfca8e1acd4e4171705b4d094059c2f0927dbbdd6d6cfdc65ce2910160405180910390a267ffffffffffffffff88165f9081526006602052604090208690610c41828261218e565b905050610c4e88876115e8565b5050505050505050565b7f0ac90c257048ef1c3e387c26d4a99bde06894efbcbff862dc1885c3a9319308a610c828161135d565b5f5f610c8c610670565b8051929450925061061191159050610ca8578160200151610cae565b82602001515b856115e8565b7f55435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a5041610cde8161135d565b5f610ce7610670565b805190935015801592509050610d1457508267ffffffffffffffff16816020015167ffffffffffffffff16145b8390610d59576040517f045373aa00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff9091166004820152602401610aa9565b505f600d55600e80547fffffffffffffffffffffffffffffffff00000000000000000000000000000000169055805160405190815267ffffffffffffffff8416907f0154c9573c08535fb459839f45f6f266c8b456c2f56751afe0a28d5e0213bc22906020015b60405180910390a2505050565b5f610dd661101c565b5f5b82811015610e785736848483818110610df357610df36121da565b9050602002810190610e059190612207565b9050610e63610e176020830183611ffd565b610e276040840160208501611ffd565b610e5e610e376020860186611ffd565b610e476040870160208801611ffd565b6040870135610e596060890189612243565b6117c9565b611932565b610e6d90846122a7565b925050600101610dd8565b50610596611333565b5f5f610e8b610670565b505073ffffffffffffffffffffffffffffffffffffffff84165f90815260036020908152604080832054600583528184208386015167ffffffffffffffff16855290925290912054919250610edf91611a8f565b9392505050565b5f82815260208190526040902060010154610f008161135d565b6106118383611463565b5f610f1361101c565b5f610f2187878787876117c9565b9050868682610f7c576040517ff81d1d8800000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff928316600482015291166024820152604401610aa9565b5050610f89878783611932565b73ffffffffffffffffffffffffffffffffffffffff87165f90815260036020526040902054909250869083611008576040517f235307aa00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff90921660048301526024820152604401610aa9565b505050611013611333565b95945050505050565b611024611aa0565b61105160017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005b90611af9565b565b73ffffffffffffffffffffffffffffffffffffffff82165f90815260026020526040812054839060ff166110cc576040517f94403b7000000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff9091166004820152602401610aa9565b505f829003611107576040517ff2f0528800000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6040517f70a0823100000000000000000000000000000000000000000000000000000000815230600482015273ffffffffffffffffffffffffffffffffffffffff8416906370a0823190602401602060405180830381865afa15801561116f573d5f5f3e3d5ffd5b505050506040513d601f19601f82011682018060405250810190610edf91906122ba565b6111a1848484846001611b00565b610611576040517f5274afe700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff85166004820152602401610aa9565b6040517f70a082310000000000000000000000000000000000000000000000000000000081523060048201525f90829073ffffffffffffffffffffffffffffffffffffffff8716906370a0823190602401602060405180830381865afa15801561125b573d5f5f3e3d5ffd5b505050506040513d601f19601f8201168201806040525081019061127f91906122ba565b61128991906122d1565b90505f81116112c4576040517fb5c74a2700000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b8273ffffffffffffffffffffffffffffffffffffffff16848673ffffffffffffffffffffffffffffffffffffffff167f81226022599698f02239ac5895ce7a96962ba5fe72f8f7610d1cc2cb0405f3918460405161132491815260200190565b60405180910390a45050505050565b6110515f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f0061104b565b6113678133611b93565b50565b5f8281526020818152604080832073ffffffffffffffffffffffffffffffffffffffff8516845290915281205460ff1661145c575f8381526020818152604080832073ffffffffffffffffffffffffffffffffffffffff86168452909152902080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff001660011790556113fa3390565b73ffffffffffffffffffffffffffffffffffffffff168273ffffffffffffffffffffffffffffffffffffffff16847f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d60405160405180910390a4506001610596565b505f610596565b5f8281526020818152604080832073ffffffffffffffffffffffffffffffffffffffff8516845290915281205460ff161561145c575f8381526020818152604080832073ffffffffffffffffffffffffffffffffffffffff8616808552925280832080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0016905551339286917ff6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b9190a4506001610596565b8062278d0067ffffffffffffffff8216811015611579576040517f5d8a91fc00000000000000000000000000000000000000000000000000000000815267ffffffffffffffff928316600482015291166024820152604401610aa9565b5050600180547fffffffffffffffffffffffffffffffffffffffffffffffff00000000000000001667ffffffffffffffff83169081179091556040519081527f029fbca445cf255ae5eafb60ff3aaa7cc25b6b97ebb15598b7dc388a840c21b79060200160405180910390a150565b6040805180820190915260075467ffffffffffffffff1681526008546020808301919091528201355f03611648576040517f7585941100000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b805167ffffffffffffffff166116616020840184611f90565b67ffffffffffffffff16101561167a6020840184611f90565b825190916116c8576040517f4208455400000000000000000000000000000000000000000000000000000000815267ffffffffffffffff928316600482015291166024820152604401610aa9565b5050805167ffffffffffffffff166116e36020840184611f90565b67ffffffffffffffff161180611700575080602001518260200135145b8061170d57506020810151155b61171a6020840184611f90565b9061175e576040517fca9f2a8200000000000000000000000000000000000000000000000000000000815267ffffffffffffffff9091166004820152602401610aa9565b5081600761176c828261218e565b505067ffffffffffffffff83167fb1c419124cb1add6c4d8f6805fcca730b17c21a51f24f6fdcb437d6866b3d9c66117a76020850185611f90565b6040805167ffffffffffffffff90921682526020808701359083015201610dc0565b6040805173ffffffffffffffffffffffffffffffffffffffff8088166020830152861691810191909152606081018490525f908190608001604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0818403018152828252805160209182012090830152016040516020818303038152906040528051906020012090505f611860858584611c18565b90505f5f61186c610670565b50815191935091508314806118815750805183145b8a8a8a9091926118e4576040517f62d7149200000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff93841660048201529290911660248301526044820152606401610aa9565b50505073ffffffffffffffffffffffffffffffffffffffff808b165f908152600460209081526040808320938d1683529290522054611924908990611a8f565b9a9950505050505050505050565b5f6119458261194085610e81565b611c59565b9050805f0361195557505f610edf565b5f61195e610670565b505073ffffffffffffffffffffffffffffffffffffffff8087165f908152600460209081526040808320938916835292905290812054919250906119a39084906122a7565b73ffffffffffffffffffffffffffffffffffffffff8088165f908152600460209081526040808320938a168352928152828220849055600581528282208682015167ffffffffffffffff168352905290812080549293508592909190611a0a9084906122a7565b9091555050604080518481526020810183905273ffffffffffffffffffffffffffffffffffffffff80881692908916917f2f6639d24651730c7bf57c95ddbf96d66d11477e4ec626876f92c22e5f365e68910160405180910390a3611a8673ffffffffffffffffffffffffffffffffffffffff86168785611c68565b50509392505050565b5f8082840384811115908102611013565b7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005c15611051576040517f3ee5aeb500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b80825d5050565b6040517f23b872dd000000000000000000000000000000000000000000000000000000005f81815273ffffffffffffffffffffffffffffffffffffffff8781166004528616602452604485905291602083606481808c5af1925060015f51148316611b82578383151615611b76573d5f823e3d81fd5b5f883b113d1516831692505b604052505f60605295945050505050565b5f8281526020818152604080832073ffffffffffffffffffffffffffffffffffffffff8516845290915290205460ff1661092f576040517fe2517d3f00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8216600482015260248101839052604401610aa9565b5f81815b84811015611c5057611c4682878784818110611c3a57611c3a6121da565b90506020020135611cc3565b9150600101611c1c565b50949350505050565b5f828218828410028218610edf565b611c758383836001611cef565b6105e8576040517f5274afe700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff84166004820152602401610aa9565b5f818310611cdd575f828152602084905260409020610edf565b5f838152602083905260409020610edf565b6040517fa9059cbb000000000000000000000000000000000000000000000000000000005f81815273ffffffffffffffffffffffffffffffffffffffff8616600452602485905291602083604481808b5af1925060015f51148316611d6b578383151615611d5f573d5f823e3d81fd5b5f873b113d1516831692505b60405250949350505050565b5f60208284031215611d87575f5ffd5b81357fffffffff0000000000000000000000000000000000000000000000000000000081168114610edf575f5ffd5b803573ffffffffffffffffffffffffffffffffffffffff81168114611dd9575f5ffd5b919050565b5f5f60408385031215611def575f5ffd5b611df883611db6565b9150611e0660208401611db6565b90509250929050565b5f60208284031215611e1f575f5ffd5b5035919050565b5f5f5f60608486031215611e38575f5ffd5b611e4184611db6565b95602085013595506040909401359392505050565b5f5f60408385031215611e67575f5ffd5b82359150611e0660208401611db6565b6101208101611eb182868051825267ffffffffffffffff602082015116602083015267ffffffffffffffff60408201511660408301525050565b83516060830152602084015167ffffffffffffffff908116608084015260408501511660a0830152825160c0830152602083015167ffffffffffffffff90811660e0840152604084015116610100830152949350505050565b5f5f828403610140811215611f1d575f5ffd5b610120811215611f2b575f5ffd5b5091936101208501359350915050565b5f5f5f60608486031215611f4d575f5ffd5b611f5684611db6565b925060208401358015158114611f6a575f5ffd5b929592945050506040919091013590565b67ffffffffffffffff81168114611367575f5ffd5b5f60208284031215611fa0575f5ffd5b8135610edf81611f7b565b5f60408284031215611fbb575f5ffd5b50919050565b5f5f5f60808486031215611fd3575f5ffd5b8335611fde81611f7b565b925060208401359150611ff48560408601611fab565b90509250925092565b5f6020828403121561200d575f5ffd5b610edf82611db6565b5f60408284031215612026575f5ffd5b610edf8383611fab565b5f5f83601f840112612040575f5ffd5b50813567ffffffffffffffff811115612057575f5ffd5b6020830191508360208260051b8501011115612071575f5ffd5b9250929050565b5f5f60208385031215612089575f5ffd5b823567ffffffffffffffff81111561209f575f5ffd5b6120ab85828601612030565b90969095509350505050565b5f5f5f5f5f608086880312156120cb575f5ffd5b6120d486611db6565b94506120e260208701611db6565b935060408601359250606086013567ffffffffffffffff811115612104575f5ffd5b61211088828901612030565b969995985093965092949392505050565b5f60208284031215612131575f5ffd5b813560ff81168114610edf575f5ffd5b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b67ffffffffffffffff818116838216019081111561059657610596612141565b813561219981611f7b565b67ffffffffffffffff81167fffffffffffffffffffffffffffffffffffffffffffffffff000000000000000083541617825550602082013560018201555050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f82357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff81833603018112612239575f5ffd5b9190910192915050565b5f5f83357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe1843603018112612276575f5ffd5b83018035915067ffffffffffffffff821115612290575f5ffd5b6020019150600581901b3603821315612071575f5ffd5b8082018082111561059657610596612141565b5f602082840312156122ca575f5ffd5b5051919050565b818103818111156105965761059661214156';
