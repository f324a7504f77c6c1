// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The EIP-712 digest that a validator commits to. It names chain, contract, task, round and validator, so that nobody can copy a
/// commitment or replay a reveal.
library TypedData {
    bytes32 internal constant DOMAIN_TYPE = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant ATTESTATION_TYPE =
        keccak256("Attestation(uint256 task,uint32 round,address validator,bytes votes,uint256 held,bytes32 evidence,bytes32 salt)");
    bytes32 internal constant NAME = keccak256("Assay");
    bytes32 internal constant VERSION = keccak256("1");

    function domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
    }

    function attestation(
        bytes32 domain_,
        uint256 task,
        uint32 round,
        address validator,
        bytes calldata votes,
        uint256 held,
        bytes32 evidence,
        bytes32 salt
    ) internal pure returns (bytes32) {
        bytes32 body = keccak256(abi.encode(ATTESTATION_TYPE, task, round, validator, keccak256(votes), held, evidence, salt));
        return keccak256(abi.encodePacked(hex"1901", domain_, body));
    }
}
