"""What the command says, Chinese beside English."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "mend_settings": ("请修改 {path}，再运行 anyu-edge check。", "Mend {path}, then run anyu-edge check."),
    "settings_good": (
        "配置无误：{doors} 扇门，{points} 个通行点，{controllers} 个控制器。",
        "Good: {doors} doors, {points} access points, {controllers} controllers.",
    ),
    "settings_bad": ("{faults} 处错误，{warnings} 处提醒。", "{faults} faults, {warnings} warnings."),
    "warning": ("提醒", "warning"),
    "fault": ("错误", "fault"),
    # the daemon
    "no_daemon": (
        "网关没有运行（{path} 无应答）。启动：systemctl start anyu-edge",
        "No daemon answers at {path}. Start it: systemctl start anyu-edge",
    ),
    "in_use": ("另一个网关进程正在使用 {path}。", "Another daemon uses {path}."),
    "can_check": (
        "仍可使用：anyu-edge check、roster check、events、why、who-may、audit verify。",
        "What still works: anyu-edge check, roster check, events, why, who-may, audit verify.",
    ),
    "can_roster": ("仍可使用：anyu-edge roster check、roster template。", "What still works: anyu-edge roster check, roster template."),
    "can_key": ("请用机械钥匙，或断开锁的电源（断电开锁）。", "Use the mechanical key, or cut the lock's supply if it is fail-safe."),
    "from_disk": ("（网关没有运行，以下读自磁盘）", "(no daemon; read from disk)"),
    "from_folder": ("（网关没有运行，以下按花名册文件夹判断）", "(no daemon; judged by the roster folder)"),
    "no_journal": ("读不到流水账：{detail}", "The journal cannot be read: {detail}"),
    # refusals, by code
    "forbidden": ("没有权限：{detail}", "Not allowed: {detail}"),
    "busy": ("正忙，请稍后再试。", "Busy; try again."),
    "too_long": ("请求过长。", "The request is too long."),
    "unknown_verb": ("网关的版本不认识这个命令：{detail}", "The daemon is of another version: {detail}"),
    "unknown_place": ("没有这个地点：{detail}", "There is no such place: {detail}"),
    "failed": ("门锁没有响应。", "The lock could not be driven."),
    "bad_argument": ("参数不对：{detail}", "Wrong argument: {detail}"),
    "bad_reason": ("原因代码不对：{detail}", "Wrong reason: {detail}"),
    "bad_time": ("时间不对：{detail}，应写成 2026-03-02T22:30", "Wrong time: {detail}; write 2026-03-02T22:30"),
    "no_such_event": ("没有这条事件：{detail}", "There is no such event: {detail}"),
    "other_epoch": ("不是本机当前纪元的事件：{detail}", "Not of this gateway's present epoch: {detail}"),
    "nothing_before": ("没有更早的花名册可以恢复。", "There is no earlier roster to go back to."),
    "not_simulated": ("这是真实设备，不能模拟：{detail}", "Only simulated devices can be played: {detail}"),
    "not_wired": ("没有接这个：{detail}", "Not wired: {detail}"),
    "bad_id": (
        "事件编号应为“网关-纪元-序号”或序号，读到 {detail}。",
        "An event id is GATEWAY-EPOCH-NUMBER, or the number alone; read {detail}.",
    ),
    # answers
    "commanded": ("已下令开锁。", "The lock was told to release."),
    "confirmed": ("已开锁，设备已确认。", "Released, and the device confirms it."),
    "accepted": ("已执行。", "Done."),
    "unchanged": ("本来就是如此。", "It was so already."),
    "applied": ("花名册已启用（{version}）。", "The roster is in force ({version})."),
    "roster_unchanged": ("文件夹与正在使用的花名册相同（{version}）。", "The folder says what is in force already ({version})."),
    "not_kept": ("注意：磁盘拒绝保存，重启前有效。", "Note: the disk would not keep it; it holds until the next start."),
    "refused_faults": ("花名册未启用：{count} 处错误，继续使用原有的。", "Not applied: {count} faults; what was in force stays."),
    "refused_unreadable": ("花名册未启用：读不了，继续使用原有的。", "Not applied: it cannot be read; what was in force stays."),
    "refused_too_many_removed": (
        "花名册未启用：会移除五分之一以上的人。确实如此请加 --yes。",
        "Not applied: more than a fifth would be removed. If that is meant, say --yes.",
    ),
    "no_change": ("没有变化。", "Nothing changes."),
    "written": ("已写入 {path}。", "Written to {path}."),
    "exists": ("{path} 已存在，未改动。", "{path} exists and was left alone."),
    "cannot_write": ("写不了 {path}：{detail}", "{path} cannot be written: {detail}"),
    "chain_good": ("链条完整：{checked} 条记录。链头 {chain}", "The chain holds: {checked} records. Head {chain}"),
    "chain_bad": (
        "链条在纪元 {epoch} 序号 {seq} 处断开（{what}）；之前 {checked} 条完整。",
        "The chain breaks at {epoch} number {seq} ({what}); {checked} records before it hold.",
    ),
    "received": (
        "收到 {received}，重复 {duplicates}，缺 {missing}（{gaps} 段），已声明丢失 {lost}，无效 {malformed}，网关 {gateways}",
        "received {received}, twice {duplicates}, missing {missing} ({gaps} gaps), lost {lost}, malformed {malformed}, {gateways} gateways",
    ),
    "bad_broker": ("代理服务器设置不对：{detail}", "The broker's settings are wrong: {detail}"),
    # headings
    "who": ("编号 姓名 房间 类别 结果 原因", "ID NAME ROOM KIND MAY REASON"),
    "yes": ("可以", "yes"),
    "no": ("不可", "no"),
    "doors": ("门 状态 门磁 锁 方式 线路", "DOOR STATE CONTACT LOCK MODE LINE"),
    "degraded": ("降级：{words}", "Degraded: {words}"),
    "alarm": ("报警：{what} {door} 自 {since}", "Alarm: {what} {door} since {since}"),
    "all_well": ("一切正常。", "All is well."),
    "granted": ("准许", "granted"),
    # why: what a reason means, and what to do
    "why_granted": ("在规则允许的地点和时间内，有效。", "Registered, valid, and a rule leads through here at this time."),
    "why_exit_always": (
        "出口对任何出示卡或密码的人放行，不论是否登记或到期。",
        "An exit releases for whoever presents a card or a PIN, known or not.",
    ),
    "why_rex": ("按了出门按钮。", "Somebody pressed the exit button."),
    "why_guard": ("保安开的门。", "A guard opened."),
    "why_unknown_credential": (
        "这张卡或这个密码不在花名册里。若是住户，请在花名册登记卡号。",
        "No such card or PIN in the roster. If it is a resident's, add it there.",
    ),
    "why_misread": (
        "读卡器没有读出有效卡号：换一张卡试试，或检查读卡器格式与接线（anyu-edge check）。",
        "No valid number was read: try another card; check format and wiring.",
    ),
    "why_not_yet_valid": ("登记的起始日期还没到。", "The registration begins later."),
    "why_expired": (
        "登记的截止日期已过。续住请在花名册改截止日期。",
        "The registration has ended. If the stay goes on, change the date in the roster.",
    ),
    "why_no_rule": (
        "没有规则允许此人的分组走这个通行点（见 access_rules）。",
        "No access rule lets this person's groups through here (see access_rules).",
    ),
    "why_wrong_time": ("现在不在允许的时段内（见 schedules）。", "Not at this time (see schedules)."),
    "why_locked_down": (
        "正在封锁，任何人不得进入；保安可以开门（unlock），解除用 release。",
        "Locked down: nobody enters. A guard can unlock; end it with release.",
    ),
    "why_visit_used_up": ("访客的进入次数已用完。", "The visitor's entries are used up."),
    "why_needs_second_factor": ("这里还需要第二种凭证。", "A second credential is asked for here."),
    "why_too_many_attempts": (
        "密码错误次数过多，此处暂停密码；刷卡不受影响。",
        "Too many wrong PINs: PINs rest here for a while; cards go on.",
    ),
    "judged_by": ("依据花名册 {version}（已使用 {age} 秒），时钟 {clock}。", "Judged by roster {version} ({age} s old), clock {clock}."),
    "no_reason": ("这条事件不是判定。", "This event is no decision."),
}


def say(locale: str, code: str, **values: str) -> str:
    """The sentence for this code; one that this version does not know is shown as it is."""
    zh, en = WORDS.get(code, (f"{code}：{{detail}}", f"{code}: {{detail}}"))
    return (zh if locale == "zh" else en).format(**{"detail": "", **values})
