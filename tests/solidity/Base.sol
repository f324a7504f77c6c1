// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeCourt} from "../../contracts/interfaces/IDisputeCourt.sol";
import {IGateway} from "../../contracts/interfaces/IGateway.sol";
import {IInvites} from "../../contracts/interfaces/IInvites.sol";
import {IRoundLedger} from "../../contracts/interfaces/IRoundLedger.sol";
import {IStakeVault} from "../../contracts/interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {Aside, Entry, Extra, IRoundLedgerErrors, IRoundLedgerEvents, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Headers} from "./Headers.sol";
import {Linked} from "./Linked.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

/// @dev A deployment and the actors' moves. Windows of a round, from its opening: work 20, delay 2, commit 10, reveal 10, no extra draw,
/// challenge 20 (of which attest 10); a round opens every 30 seconds.
abstract contract Base is Test, Linked, IRoundLedgerErrors, IRoundLedgerEvents {
    uint8 internal constant TRAINER = 1;
    uint8 internal constant VALIDATOR = 2;
    uint256 internal constant VALID = 1;
    uint256 internal constant INVALID = 2;
    uint256 internal constant UNAVAILABLE = 3;
    uint256 internal constant MALFORMED = 4;
    bytes32 internal constant GENESIS = keccak256("base model");
    bytes32 internal constant PREVRANDAO = keccak256("prevrandao");
    uint64 internal constant UNBONDING = 1 days;
    uint256 internal constant LOT = 100 ether;
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;

    IERC20 internal token;
    IStakeVault internal vault;
    ITaskMarket internal market;
    IRoundLedger internal ledger;
    IDisputeCourt internal court;
    IInvites internal invites;
    IGateway internal gateway;
    address internal beacon;
    address internal tally;

    address internal initiator = makeAddr("initiator");
    address internal stranger = makeAddr("stranger");
    address[] internal trainers;
    address[] internal validators;
    /// @dev Whoever else may be owed something.
    address[] internal others;

    uint256 internal task;
    Terms internal terms;
    /// @dev What `finalize` will be shown.
    mapping(uint256 round => Entry[]) internal entries;
    mapping(uint256 round => Reveal[]) internal reveals;
    mapping(uint256 round => Extra[]) internal extras;
    mapping(uint256 round => bytes32[]) internal salts;
    address[] internal nobody;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        vm.roll(1000);
        deploy(IERC20(vm.deployCode("AssayToken.sol:AssayToken", abi.encode(uint256(1e27)))));
        for (uint256 i; i < 3; ++i) {
            trainers.push(makeAddr(string.concat("trainer", vm.toString(i))));
            validators.push(makeAddr(string.concat("validator", vm.toString(i))));
        }
        terms = defaultTerms();
    }

    /// @dev In the order of the deployment scripts: libraries first, then contracts that name one another.
    function deploy(IERC20 token_) internal {
        token = token_;
        bytes memory ledgerCode = linked("RoundLedger", ["Enlisting", "Discipline", "Disputing", "Settling"]);
        uint256 nonce = vm.getNonce(address(this));
        address[8] memory at;
        for (uint256 i; i < at.length; ++i) {
            at[i] = vm.computeCreateAddress(address(this), nonce + i);
        }
        (address vaultAt, address marketAt, address gatewayAt, address ledgerAt, address courtAt) = (at[0], at[1], at[5], at[6], at[7]);
        vault = IStakeVault(vm.deployCode("StakeVault.sol:StakeVault", abi.encode(token_, ledgerAt, courtAt, gatewayAt, UNBONDING)));
        market = ITaskMarket(vm.deployCode("TaskMarket.sol:TaskMarket", abi.encode(token_, vaultAt, ledgerAt, gatewayAt)));
        beacon = vm.deployCode("HeaderBeacon.sol:HeaderBeacon");
        tally = vm.deployCode("Tally.sol:Tally");
        invites = IInvites(vm.deployCode("Invites.sol:Invites", abi.encode(marketAt)));
        gateway = IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(vaultAt, marketAt, ledgerAt, courtAt)));
        ledger = IRoundLedger(create(ledgerCode, abi.encode(vaultAt, marketAt, beacon, tally, courtAt, address(invites), gatewayAt)));
        court = IDisputeCourt(vm.deployCode("DisputeCourt.sol:DisputeCourt", abi.encode(vaultAt, ledgerAt, beacon, gatewayAt)));
        assertEq(address(court), courtAt, "court address");
        vm.prevrandao(PREVRANDAO);
    }

    function defaultTerms() internal pure returns (Terms memory t) {
        t.specHash = keccak256("spec");
        t.genesis = GENESIS;
        (t.rounds, t.period, t.work, t.sealDelay) = (20, 30, 20, 2);
        (t.commitWindow, t.revealWindow, t.attestTime, t.challengeWindow, t.lead) = (10, 10, 10, 20, 5);
        (t.seats, t.staleness, t.minTrainers, t.maxUnits) = (3, 4, 1, 1000);
        (t.minStake, t.bond, t.price, t.seatFee, t.attestFee) = (3 * LOT, 20 ether, 0.01 ether, 1 ether, 0.1 ether);
        (t.cut, t.canaryFee, t.canaryRate, t.power) = (2 ether, 3 ether, 500, 10_000);
        t.pot = 100 ether;
    }

    // --- money

    function give(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.startPrank(account);
        token.approve(address(vault), type(uint256).max);
        token.approve(address(market), type(uint256).max);
        vm.stopPrank();
    }

    function stakeFor(address account, uint256 amount) internal {
        give(account, amount);
        vm.prank(account);
        vault.stake(account, amount);
    }

    // --- a task

    function publish() internal returns (uint256) {
        uint256 budget = terms.rounds * terms.pot;
        give(initiator, budget);
        vm.prank(initiator);
        task = market.publish(terms, budget, "http://initiator");
        return task;
    }

    function enlistValidator(address account, uint256 amount) internal {
        stakeFor(account, amount);
        vm.prank(account);
        ledger.enlistValidator(task, amount, "http://validator");
    }

    function enlistTrainer(address account, uint256 amount) internal {
        stakeFor(account, amount);
        vm.prank(account);
        ledger.enlistTrainer(task, amount, "http://trainer");
    }

    /// @dev Publishes and starts a task with the kit's trainers (200 tokens each) and validators (100 each); round 1 is open.
    function start() internal {
        publish();
        for (uint256 i; i < trainers.length; ++i) {
            enlistTrainer(trainers[i], 200 ether);
        }
        for (uint256 i; i < validators.length; ++i) {
            enlistValidator(validators[i], LOT);
        }
        for (uint256 i; i < validators.length; ++i) {
            (uint32 begun,,,) = ledger.stateOf(task);
            if (begun != 0) break;
            vm.prank(validators[i]);
            ledger.attest(task, 0, GENESIS);
        }
        vm.warp(opens(1));
    }

    // --- a round's times

    function opens(uint256 round) internal view returns (uint256) {
        (uint32 begun,,,) = ledger.stateOf(task);
        return begun + (round - 1) * terms.period;
    }

    function workEnd(uint256 round) internal view returns (uint256) {
        return opens(round) + terms.work;
    }

    function sealAt(uint256 round) internal view returns (uint256) {
        return workEnd(round) + terms.sealDelay;
    }

    function commitEnd(uint256 round) internal view returns (uint256) {
        return sealAt(round) + terms.commitWindow;
    }

    function revealEnd(uint256 round) internal view returns (uint256) {
        return commitEnd(round) + terms.revealWindow;
    }

    function votesEnd(uint256 round) internal view returns (uint256) {
        return revealEnd(round) + terms.extraWindow;
    }

    function attestEnd(uint256 round) internal view returns (uint256) {
        return votesEnd(round) + terms.attestTime;
    }

    function challengeEnd(uint256 round) internal view returns (uint256) {
        return votesEnd(round) + terms.challengeWindow;
    }

    // --- a round's moves

    function submit(address trainer, uint32 round, uint32 units) internal returns (uint256 index) {
        index = entries[round].length;
        (,, uint16 head,) = ledger.stateOf(task);
        Entry memory e = entryOf(trainer, head, units, keccak256(abi.encode(trainer, round, index)));
        submit(round, e);
        salts[round].push(saltOf(e.root));
    }

    function submit(uint32 round, Entry memory e) internal {
        vm.prank(address(uint160(e.who >> 96)));
        ledger.submit(task, round, uint16(e.who >> 48), uint32(e.who >> 64), e.root, e.mark, "http://trainer/artifact");
        entries[round].push(e);
    }

    /// @dev A submission whose mark says: bad at `leaf`, by `check`.
    function submitCanary(address maker, uint32 round, uint32 units, uint32 leaf, uint8 check) internal returns (uint256 index) {
        index = entries[round].length;
        (,, uint16 head,) = ledger.stateOf(task);
        Entry memory e = entryOf(maker, head, units, keccak256(abi.encode(maker, round, index)));
        e.mark = keccak256(abi.encode(uint8(2), saltOf(e.root), leaf, check));
        submit(round, e);
        salts[round].push(0);
    }

    function saltOf(bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encode("mark", root));
    }

    function entryOf(address trainer, uint16 base, uint32 units, bytes32 root) internal pure returns (Entry memory) {
        return Entry({
            who: uint256(uint160(trainer)) << 96 | uint256(units) << 64 | uint256(base) << 48,
            root: root,
            mark: keccak256(abi.encode(uint8(1), saltOf(root), uint32(0), uint8(0)))
        });
    }

    /// @dev A header at `time` and its parent one second before; the chain then knows the header.
    function headerAt(uint256 time, bytes32 prevRandao) internal returns (bytes memory header, bytes memory parent) {
        uint256 number = vm.getBlockNumber();
        parent = Headers.encode(keccak256("grandparent"), number - 1, time - 1, PREVRANDAO);
        header = Headers.encode(keccak256(parent), number, time, prevRandao);
        vm.roll(number + 1);
        vm.setBlockhash(number, keccak256(header));
    }

    /// @dev Seals with a prevrandao under which every submission's seats fall to at least two validators.
    function sealRound(uint32 round) internal {
        vm.warp(sealAt(round) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(round), fairRandao(round, entries[round].length));
        ledger.seal(task, round, abi.encode(header, parent));
    }

    function fairRandao(uint32 round, uint256 submissions) internal view returns (bytes32 prevRandao) {
        (, uint256 line,,,) = ledger.roundOf(task, round);
        for (uint256 nonce = 1;; ++nonce) {
            prevRandao = keccak256(abi.encode(PREVRANDAO, nonce));
            bytes16 seed = auditSeed(round, prevRandao);
            bool fair = true;
            for (uint256 i; i < submissions && fair; ++i) {
                uint256 lot = point(seed, i, 0, line) / (LOT / 1 gwei);
                fair = lot != point(seed, i, 1, line) / (LOT / 1 gwei) || lot != point(seed, i, 2, line) / (LOT / 1 gwei);
            }
            if (fair) return prevRandao;
        }
    }

    /// @dev Both written from the design, not from the contract.
    function auditSeed(uint32 round, bytes32 prevRandao) internal view returns (bytes16) {
        bytes memory preimage = abi.encode(keccak256("assay.audit"), block.chainid, address(ledger), task, round, prevRandao);
        return bytes16(keccak256(preimage));
    }

    function point(bytes16 seed, uint256 index, uint256 seat, uint256 line) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(seed, uint16(index), uint8(seat)))) % line;
    }

    /// @dev The seats of submission `index` that fall to `validator`'s lot, as a mask.
    function seatsOf(uint32 round, address validator, uint256 index) internal view returns (uint256) {
        return seatsFrom(round, validator, index, 0);
    }

    /// @dev The same of the seats `first`, `first` + 1, …: with `first` = seats, those of the extra draw.
    function seatsFrom(uint32 round, address validator, uint256 index, uint256 first) internal view returns (uint256 mask) {
        (bytes16 seed, uint256 line,,,) = ledger.roundOf(task, round);
        (,, uint256 lo, uint256 hi,) = ledger.lotOf(task, validator);
        for (uint256 j; j < terms.seats; ++j) {
            uint256 p = point(seed, index, first + j, line);
            if (p >= lo && p < hi) mask |= 1 << j;
        }
    }

    function vote(uint256 index, uint256 mask, uint256 verdict) internal pure returns (bytes memory) {
        return abi.encodePacked(uint16(index), uint16(mask), uint8(verdict), uint8(0), uint16(0));
    }

    /// @dev The validator's votes, `verdicts[i]` on submission i.
    function votesOf(uint32 round, address validator, uint256[] memory verdicts) internal view returns (bytes memory votes) {
        for (uint256 i; i < verdicts.length; ++i) {
            uint256 mask = seatsOf(round, validator, i);
            if (mask != 0) votes = bytes.concat(votes, vote(i, mask, verdicts[i]));
        }
    }

    /// @dev Commits a validator's votes; `reveal` opens them later.
    function commit(uint32 round, address validator, uint256[] memory verdicts, uint256 held) internal returns (Reveal memory r) {
        r = Reveal({
            validator: validator,
            salt: keccak256(abi.encode("salt", validator, round)),
            evidence: keccak256(abi.encode("evidence", validator, round)),
            held: held,
            votes: votesOf(round, validator, verdicts)
        });
        bytes32 digest = ledger.attestationDigest(task, round, validator, r.votes, r.held, r.evidence, r.salt);
        vm.prank(validator);
        ledger.commit(task, round, digest);
    }

    function reveal(uint32 round, Reveal memory r) internal {
        vm.prank(r.validator);
        ledger.reveal(task, round, r.votes, r.held, r.evidence, r.salt);
        reveals[round].push(r);
    }

    /// @dev Everyone commits `verdicts`, holds everything and reveals.
    function judge(uint32 round, uint256[] memory verdicts) internal {
        uint256 n = validators.length;
        Reveal[] memory rs = new Reveal[](n);
        vm.warp(sealAt(round) + 2);
        for (uint256 i; i < n; ++i) {
            rs[i] = commit(round, validators[i], verdicts, type(uint256).max);
        }
        vm.warp(commitEnd(round));
        for (uint256 i; i < n; ++i) {
            reveal(round, rs[i]);
        }
    }

    /// @dev Attests one root until it wins.
    function attestAll(uint32 round) internal returns (bytes32 root) {
        root = keccak256(abi.encode("checkpoint", round));
        vm.warp(votesEnd(round));
        for (uint256 i; i < validators.length; ++i) {
            (,, uint16 head,) = ledger.stateOf(task);
            if (head >= round) break;
            vm.prank(validators[i]);
            ledger.attest(task, round, root);
        }
    }

    function finalize(uint32 round) internal {
        vm.warp(challengeEnd(round));
        settle(round, nobody);
    }

    /// @dev Finalizes with what the kit has seen of the round.
    function settle(uint32 round, address[] memory attesters) internal {
        ledger.finalize(task, round, entries[round], ascending(reveals[round]), extras[round], attesters, salts[round]);
    }

    function ascending(Reveal[] memory list) internal pure returns (Reveal[] memory) {
        for (uint256 i = 1; i < list.length; ++i) {
            for (uint256 k = i; k > 0 && list[k].validator < list[k - 1].validator; --k) {
                (list[k], list[k - 1]) = (list[k - 1], list[k]);
            }
        }
        return list;
    }

    /// @dev Votes with the validator's seats of the extra draw.
    function voteExtra(uint32 round, address validator, uint256 index, uint256 verdict) internal {
        uint256 mask = seatsFrom(round, validator, index, terms.seats);
        bytes memory votes = vote(index, mask, verdict);
        vm.prank(validator);
        ledger.voteExtra(task, round, votes, keccak256("evidence"));
        extras[round].push(Extra(validator, votes));
    }

    /// @dev One round with one submission per trainer, all with the given verdict.
    function play(uint32 round, uint256 verdict) internal {
        vm.warp(opens(round));
        for (uint256 i; i < trainers.length; ++i) {
            submit(trainers[i], round, 1000);
        }
        sealRound(round);
        judge(round, all(trainers.length, verdict));
        attestAll(round);
        finalize(round);
    }

    function all(uint256 n, uint256 verdict) internal pure returns (uint256[] memory verdicts) {
        verdicts = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            verdicts[i] = verdict;
        }
    }

    // --- reading

    /// @dev All that the vault owes to anybody whom the kit knows.
    function owed() internal view returns (uint256 sum) {
        sum = vault.totalStaked() + claimable(initiator) + claimable(stranger);
        address[][3] memory known = [trainers, validators, others];
        for (uint256 i; i < known.length; ++i) {
            for (uint256 k; k < known[i].length; ++k) {
                sum += claimable(known[i][k]);
            }
        }
    }

    function claimable(address account) internal view returns (uint256 amount) {
        (,, amount) = vault.accountOf(account);
    }

    function staked(address account) internal view returns (uint256 amount) {
        (amount,,) = vault.accountOf(account);
    }

    function locked(address account) internal view returns (uint256 amount) {
        (, amount,) = vault.accountOf(account);
    }

    function exposed(address trainer) internal view returns (uint256 amount) {
        (,, amount) = ledger.trainerOf(task, trainer);
    }

    /// @dev The revert of a call made outside [from, until).
    function outside(uint256 from, uint256 until) internal view returns (bytes memory) {
        return abi.encodeWithSelector(OutsideWindow.selector, from, until, block.timestamp);
    }
}
