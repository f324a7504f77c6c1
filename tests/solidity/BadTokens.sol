// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Keeps one per cent of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {
        _mint(msg.sender, 1e27);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(0), value / 100);
            value -= value / 100;
        }
        super._update(from, to, value);
    }

    /// @dev The kit hands out tokens with this: whole.
    function transfer(address to, uint256 value) public override returns (bool) {
        super._update(msg.sender, to, value);
        return true;
    }
}

/// @dev Says no by its return value.
contract FalseToken is ERC20 {
    constructor() ERC20("False", "NO") {
        _mint(msg.sender, 1e27);
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @dev Returns nothing, as some old tokens do.
contract NoReturnToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    constructor() {
        balanceOf[msg.sender] = 1e27;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @dev Makes one armed call in the middle of the next transfer, and keeps what came back; bans recipients.
contract HookToken is ERC20 {
    address internal _target;
    bytes internal _data;
    bool public called;
    bytes public answer;
    mapping(address account => bool) internal _banned;

    constructor() ERC20("Hook", "HOOK") {
        _mint(msg.sender, 1e27);
    }

    function arm(address target, bytes calldata data) external {
        (_target, _data, called) = (target, data, false);
    }

    function ban(address account) external {
        _banned[account] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!_banned[to], "banned");
        super._update(from, to, value);
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        called = true;
        (, answer) = target.call(_data);
    }
}
