"""Why a device does not do what it should, in Chinese: the drivers speak no language but plain English (drivers/errors.py).

A `{}` of the English stands for what changes: numbers, names, what the device said. tests/installer/test_reasons.py holds the list against
the drivers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    # the line
    "No such file or directory": "不存在",
    "Permission denied": "没有权限",
    "Connection refused": "拒绝连接",
    "Connection reset by peer": "连接被对方断开",
    "No route to host": "没有到该地址的路由",
    "Network is unreachable": "网络不通",
    "Input/output error": "读写出错",
    "Device or resource busy": "被占用",
    "the line is down": "线路已断",
    "the port does not open": "端口打不开",
    "the port is gone": "端口不见了",
    "the device does not read": "设备不接收数据",
    "held by another program": "被其他程序占用",
    "no answer to the connection": "连接没有应答",
    "no answer": "没有应答",
    "nobody is listening": "没有程序在接收",
    "unplugged": "已拔出",
    "closed": "已关闭",
    "not running": "没有运行",
    # any device
    "the release came too late": "开锁命令来得太迟",
    "a release lasts up to {} s": "一次开锁最长 {} 秒",
    "output {} is not a lock of this device": "输出 {} 不是这台设备的锁",
    "this device tells nobody anything": "这台设备不提示任何人",
    "this device has no fire input": "这台设备没有消防输入",
    "there is no reader {}": "没有读卡器 {}",
    "there is no reader {} here": "这里没有读卡器 {}",
    "there is no reader {} on this bus": "总线上没有读卡器 {}",
    "relay {} does not follow": "继电器 {} 没有照做",
    "relay {} is not as it was set: the board has restarted, or somebody else drives it": (
        "继电器 {} 与设定不符：板重启过，或被别的程序控制"
    ),
    # relay boards and modules
    "something that speaks answers at this port; is it a reader?": "这个端口上的设备会说话：是不是读卡器？",
    "another module than the configured one answers at this port": "这个端口上是另一块模块",
    "the module does not answer": "模块没有应答",
    "the module does not know this command": "模块不认识这个命令",
    "the board does not answer": "板没有应答",
    "the board does not say what its relays do": "板没有说继电器的状态",
    # Modbus
    "unit {} does not answer": "地址 {} 没有应答",
    "unit {} cannot answer now (code {})": "地址 {} 现在不能应答（代码 {}）",
    "unit {} refuses: {} (code {})": "地址 {} 拒绝：{}（代码 {}）",
    "it does not know the function": "不支持这个功能",
    "it has no such coil or input": "没有这个线圈或输入",
    "it does not take the value": "不接受这个值",
    "it has failed": "设备故障",
    "it does not say why": "没有说原因",
    "{}: {} {} from {} on were configured": "{0}（配置的是从 {3} 起 {1} 个 {2}）",
    # UHPPOTE
    "the board is not there": "找不到板",
    "the board has restarted": "板重启了",
    "the board refuses {}": "板拒绝 {}",
    "no board with serial number {} at {}": "地址 {1} 没有序列号为 {0} 的板",
    "no route to the board": "没有到板的路由",
    "nobody at the board's address": "板的地址没有设备",
    "cannot listen on port {}: {}": "不能在端口 {} 接收：{}",
    "door {} stays released": "门 {} 仍处于打开",
    "door {} stays shut: somebody else has set it so": "门 {} 打不开：别的程序设成了常闭",
    "door {} is not as it was set: somebody else drives this board": "门 {} 与设定不符：别的程序在控制这块板",
    "door {}: the board's relay rests when it secures; wire a fail-safe lock to its NC contact": (
        "门 {}：锁闭时继电器不吸合，断电开锁请接 NC"
    ),
    "event {} instead of {}": "收到事件 {}，应为 {}",
    "a reply of a UHPPOTE board that does not decode": "微耕板的回复无法解析",
    "not a reply of a UHPPOTE board": "不是微耕板的回复",
    # OSDP and QR
    "reader {} has neither LED nor buzzer": "读卡器 {} 没有灯和蜂鸣器",
    "reader {} does not acknowledge": "读卡器 {} 没有确认",
    "reader {} refuses the command": "读卡器 {} 拒绝命令",
    "reader {} takes no more commands": "读卡器 {} 暂不接收命令",
    "reader {} has no key: it comes as a credential": "读卡器 {} 没有密钥：请放入 credential",
    "the bus master has stumbled": "总线主站出错",
    "the reader does not answer": "读卡器没有应答",
    "the reader does not show it": "读卡器没有提示",
    # ONVIF
    "another device: its {} is {}, {} was configured": "是另一台设备：{} 为 {}，配置的是 {}",
    "the subscription to its events is gone ({}): it has restarted": "事件订阅没有了（{}）：设备重启过",
    "relay {} was released by somebody else": "继电器 {} 被别的程序打开",
    "relay {} is Monostable and idles released: change its idle state in the device's own settings": (
        "继电器 {} 的空闲状态是打开：请在设备上修改"
    ),
    "relay {} only latches: it would stay released if this program died; say accept_latching: true to allow": (
        "继电器 {} 只会保持：本程序意外停止时会一直打开；接受请写 accept_latching: true"
    ),
    "the device has no relay {}: it has {}": "设备没有继电器 {}，共 {} 个",
    "the device has {} inputs, {} were configured": "设备有 {} 路输入，配置了 {} 路",
}
# The longest first: "there is no reader {} here" before "there is no reader {}".
_PATTERNS = [
    (re.compile(re.escape(english).replace(r"\{\}", "(.+)")), chinese)
    for english, chinese in sorted(REASONS.items(), key=lambda row: -len(row[0]))
]


def chinese(why: str) -> str:
    """The reason in Chinese, what it quotes as well; one of a later version, or a device's own words, as they are."""
    for pattern, text in _PATTERNS:
        if (found := pattern.fullmatch(why)) is not None:
            return text.format(*(chinese(part) for part in found.groups()))
    parts = why.split("; ")
    return "；".join(map(chinese, parts)) if len(parts) > 1 else why
