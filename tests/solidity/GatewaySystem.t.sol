// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayCall} from "../../contracts/interfaces/IGateway.sol";
import {AccountView, ILens, RoundView, TaskView} from "../../contracts/interfaces/ILens.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {ITaskMarketErrors} from "../../contracts/interfaces/ITaskMarket.sol";
import {Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {SignerKit} from "./SignerKit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @dev The gateway and the lens before the whole system: a round that nobody but a relayer pays gas for.
contract GatewaySystemTest is Base, SignerKit {
    address internal relayer = makeAddr("relayer");
    uint256 internal nonce;
    GatewayCall[] internal queue;

    /// @dev Queues a call for the next request.
    function add(address target, bytes memory data) internal {
        queue.push(GatewayCall(target, data));
    }

    /// @dev The account signs what is queued, the relayer sends it.
    function relay(string memory name) internal {
        (address account, uint256 key) = makeAddrAndKey(name);
        bytes memory signature = signed(key, gateway.requestDigest(account, ++nonce, block.timestamp, queue));
        GatewayCall[] memory calls = queue;
        delete queue;
        vm.prank(relayer);
        gateway.relay(account, nonce, block.timestamp, calls, signature);
    }

    /// @dev Tokens and nothing else: no allowance, no gas.
    function permit(string memory name, address spender, uint256 amount) internal returns (uint8 v, bytes32 r, bytes32 s) {
        (address account, uint256 key) = makeAddrAndKey(name);
        token.transfer(account, amount);
        bytes32 permitType = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        uint256 count = IERC20Permit(address(token)).nonces(account);
        bytes32 body = keccak256(abi.encode(permitType, account, spender, amount, count, block.timestamp));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", IERC20Permit(address(token)).DOMAIN_SEPARATOR(), body)));
    }

    function stakeAnd(string memory name, uint256 amount, bytes memory then_) internal {
        (uint8 v, bytes32 r, bytes32 s) = permit(name, address(vault), amount);
        add(address(vault), abi.encodeCall(vault.stakeWithPermit, (makeAddr(name), amount, block.timestamp, v, r, s)));
        add(address(ledger), then_);
        relay(name);
    }

    function validatorName(uint256 i) internal pure returns (string memory) {
        return string.concat("validator", vm.toString(i));
    }

    function test_relay__a_whole_round__each_account_acts_and_is_paid() public {
        publishRelayed();
        stakeAnd("trainer0", 200 ether, abi.encodeCall(ledger.enlistTrainer, (task, 200 ether, "")));
        for (uint256 i; i < 3; ++i) {
            stakeAnd(validatorName(i), LOT, abi.encodeCall(ledger.enlistValidator, (task, LOT, "")));
        }
        for (uint256 i; i < 2; ++i) {
            add(address(ledger), abi.encodeCall(ledger.attest, (task, 0, GENESIS)));
            relay(validatorName(i));
        }
        vm.warp(opens(1));
        entries[1].push(entryOf(trainers[0], 0, 1000, "root"));
        salts[1].push(saltOf("root"));
        add(address(ledger), abi.encodeCall(ledger.submit, (task, 1, 0, 1000, "root", entries[1][0].mark, "http://a")));
        relay("trainer0");
        sealRound(1);
        judgeRelayed();
        vm.warp(votesEnd(1));
        for (uint256 i; i < 2; ++i) {
            add(address(ledger), abi.encodeCall(ledger.attest, (task, 1, "checkpoint")));
            relay(validatorName(i));
        }
        finalize(1);

        assertEq(claimable(trainers[0]), 10 ether, "the trainer's pay");
        assertEq(exposed(trainers[0]), 0, "nothing at risk");
        assertEq(claimable(relayer), 0, "the relayer has nothing of it");
        assertEq(staked(relayer), 0, "and staked nothing");
        add(address(ledger), abi.encodeCall(ledger.leave, (task, TRAINER)));
        relay("trainer0");
        ledger.release(task, trainers[0], TRAINER);
        add(address(vault), abi.encodeCall(vault.unbond, (200 ether)));
        relay("trainer0");
        assertEq(staked(trainers[0]), 0, "out again");
    }

    function publishRelayed() internal {
        uint256 budget = terms.rounds * terms.pot;
        give(initiator, 2 * budget);
        add(address(market), abi.encodeCall(market.publish, (terms, budget, "")));
        add(address(market), abi.encodeCall(market.fund, (market.tasks() + 1, 5)));
        relay("initiator");
        task = market.tasks();
        assertEq(market.initiatorOf(task), initiator, "published by who signed");
        assertEq(market.escrowOf(task), budget + 5, "funded");
    }

    function judgeRelayed() internal {
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 i; i < 3; ++i) {
            Reveal memory r = Reveal(validators[i], bytes32(i), "evidence", 1, votesOf(1, validators[i], all(1, VALID)));
            bytes32 digest = ledger.attestationDigest(task, 1, r.validator, r.votes, r.held, r.evidence, r.salt);
            add(address(ledger), abi.encodeCall(ledger.commit, (task, 1, digest)));
            relay(validatorName(i));
            rs[i] = r;
        }
        vm.warp(commitEnd(1));
        for (uint256 i; i < 3; ++i) {
            Reveal memory r = rs[i];
            add(address(ledger), abi.encodeCall(ledger.reveal, (task, 1, r.votes, r.held, r.evidence, r.salt)));
            relay(validatorName(i));
            reveals[1].push(r);
        }
    }

    /// @dev attack: a stranger's own call with another account's address behind it.
    function test_trailing_address__without_the_gateway__counts_for_nothing() public {
        start();
        refused(address(ledger), abi.encodeCall(ledger.leave, (task, TRAINER)), trainers[0]);
        refused(address(ledger), abi.encodeCall(ledger.leave, (task, VALIDATOR)), validators[0]);
        refused(address(ledger), abi.encodeCall(ledger.submit, (task, 1, 0, 1000, "root", "mark", "")), trainers[0]);
        refused(address(ledger), abi.encodeCall(ledger.enlistTrainer, (task, 1 ether, "")), trainers[0]);
        refused(address(market), abi.encodeCall(market.cancel, (task)), initiator);
        refused(address(market), abi.encodeCall(market.publish, (terms, terms.rounds * terms.pot, "")), initiator);
        refused(address(vault), abi.encodeCall(vault.unbond, (1)), validators[0]);
        refused(address(vault), abi.encodeCall(vault.setPayout, (trainers[0], stranger)), trainers[0]);
    }

    function refused(address target, bytes memory data, address account) internal {
        uint256 before = vm.snapshotState();
        give(account, terms.rounds * terms.pot);
        stakeFor(account, 10 ether);
        vm.prank(stranger);
        (bool ok,) = target.call(bytes.concat(data, bytes20(account)));
        assertFalse(ok, "refused");
        vm.prank(address(gateway)); // the same bytes from the gateway do it: nothing else was wrong
        (ok,) = target.call(bytes.concat(data, bytes20(account)));
        assertTrue(ok, "from the gateway");
        vm.revertToState(before);
    }

    /// @dev attack: functions for contracts, asked for through the gateway in the name of a contract.
    function test_gateway__functions_of_contracts__stay_theirs() public {
        start();
        bytes[5] memory calls = [
            abi.encodeCall(vault.lock, (trainers[0], 1)),
            abi.encodeCall(vault.unlock, (trainers[0], 1)),
            abi.encodeCall(market.pay, (task, 1)),
            abi.encodeCall(ledger.stop, (task)),
            abi.encodeCall(ledger.register, (99, terms))
        ];
        address[5] memory targets = [address(vault), address(vault), address(market), address(ledger), address(ledger)];
        bytes[5] memory errors = [
            abi.encodeWithSelector(IStakeVaultErrors.OnlySlasher.selector, gateway),
            abi.encodeWithSelector(IStakeVaultErrors.OnlySlasher.selector, gateway),
            abi.encodeWithSelector(ITaskMarketErrors.OnlyLedger.selector, gateway),
            abi.encodeWithSelector(OnlyMarket.selector, gateway),
            abi.encodeWithSelector(OnlyMarket.selector, gateway)
        ];
        for (uint256 i; i < 5; ++i) {
            add(targets[i], calls[i]);
            GatewayCall[] memory list = queue;
            delete queue;
            vm.prank(i < 3 ? address(ledger) : address(market)); // even whom they are for
            vm.expectRevert(errors[i]);
            gateway.batch(list);
        }
    }

    /// @dev The lens shows what the contracts show.
    function test_lens__of_a_running_task__agrees_with_the_contracts() public {
        ILens lens = ILens(vm.deployCode("Lens.sol:Lens", abi.encode(ledger, court)));
        start();
        submit(trainers[0], 1, 1000);
        TaskView memory t = lens.taskOf(task);
        assertEq(t.initiator, initiator, "initiator");
        assertEq(t.escrow, terms.rounds * terms.pot, "escrow");
        assertEq(t.line, 3 * LOT / 1 gwei, "line");
        assertEq(t.currentRound, 1, "round");
        assertFalse(t.isOver, "not over");
        assertEq(keccak256(abi.encode(t.terms)), keccak256(abi.encode(terms)), "terms");
        RoundView memory r = lens.roundOf(task, 1);
        assertEq(r.submissions, 1, "submissions");
        assertEq(r.opens, opens(1), "opens");
        assertEq(r.sealAt, sealAt(1), "seal");
        assertEq(r.attestEnd, attestEnd(1), "attest");
        assertEq(r.challengeEnd, challengeEnd(1), "challenge");
        AccountView memory a = lens.accountOf(task, trainers[0]);
        assertEq(a.staked, 200 ether, "stake");
        assertEq(a.trainerEnlisted, 200 ether, "enlisted");
        assertEq(a.trainerExposed, 23 ether, "exposed: a bond and three seats");
        assertTrue(a.isAdmitted, "open to all");
    }
}
