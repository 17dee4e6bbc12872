"""The words of events for people, English and Chinese: one source for docs/events.md and for the receiver's lines."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """One word in both languages."""

    en: str
    zh: str

    def of(self, locale: str) -> str:
        """The word in a language; English unless it is zh."""
        return self.zh if locale == "zh" else self.en


CLASSES = {
    "passage": Word("Passages: who crossed (count only these)", "通行"),
    "access": Word("Decisions: who may cross", "判定"),
    "person": Word("People nobody recognised", "未识别人员"),
    "door": Word("Doors", "门"),
    "site": Word("The site", "站点"),
    "guard": Word("The guard's hand", "保安"),
    "roster": Word("The roster", "花名册"),
    "custody": Word("People's data: consent, forgetting, who looked at it", "个人信息"),
    "gateway": Word("The gateway itself", "网关"),
}

EVENTS = {
    "passage.entry": Word("came in", "进门"),
    "passage.exit": Word("went out", "出门"),
    "passage.uncredentialed": Word("passed without credential", "无凭证通行"),
    "access.granted": Word("granted", "准许"),
    "access.denied": Word("denied", "拒绝"),
    "access.not_taken": Word("granted, not taken", "已准许未通行"),
    "access.duress": Word("duress PIN used", "胁迫密码"),
    "access.repeated_refusals": Word("refused again and again", "多次被拒"),
    "person.unknown": Word("unknown person", "陌生人"),
    "person.uncertain": Word("perhaps a tenant", "疑似住户"),
    "door.released": Word("lock released", "门锁释放"),
    "door.opened": Word("door opened", "门已开"),
    "door.closed": Word("door closed", "门已关"),
    "door.forced": Word("forced open", "强行开门"),
    "door.held": Word("held open", "门未关"),
    "door.lockdown": Word("lock-down", "封锁"),
    "door.locked_open": Word("locked open", "常开"),
    "door.fault": Word("fault at a door", "门故障"),
    "door.tamper": Word("tampered with", "防拆报警"),
    "door.power": Word("power failing", "供电异常"),
    "site.fire": Word("fire input", "消防信号"),
    "guard.opened": Word("opened by the guard", "保安开门"),
    "guard.rejected": Word("not this person", "认错人"),
    "roster.applied": Word("roster applied", "花名册已启用"),
    "roster.refused": Word("roster refused", "花名册未启用"),
    "custody.consented": Word("a face enrolled by consent", "同意并登记人脸"),
    "custody.forgotten": Word("a resident's face forgotten", "删除人脸"),
    "custody.viewed": Word("people's data looked at", "查看个人信息"),
    "gateway.started": Word("gateway started", "网关启动"),
    "gateway.stopping": Word("gateway stopping", "网关停止"),
    "gateway.device_lost": Word("device lost", "设备失联"),
    "gateway.device_back": Word("device back", "设备恢复"),
    "gateway.device_loss": Word("records of a device lost", "设备记录丢失"),
    "gateway.clock": Word("clock", "时钟"),
    "gateway.loss": Word("events lost", "事件丢失"),
    "gateway.degraded": Word("degraded", "降级运行"),
    "gateway.config_applied": Word("settings in force", "配置已启用"),
}

LEFT_OUT = Word("numbers left out, nothing is known to be lost", "跳过的编号，未见丢失")
"""What `gateway.loss` is called where it has this cause."""
VALUES = {
    "in": Word("in", "进"),
    "out": Word("out", "出"),
    "card": Word("card", "刷卡"),
    "pin": Word("PIN", "密码"),
    "face": Word("face", "人脸"),
    "qr": Word("QR code", "二维码"),
    "guard": Word("guard", "保安"),
    "rex": Word("exit button", "出门按钮"),
    "resident": Word("resident", "住户"),
    "staff": Word("staff", "员工"),
    "visitor": Word("visitor", "访客"),
    "unknown": Word("unknown person", "未知人员"),
    "begin": Word("begins", "开始"),
    "end": Word("over", "结束"),
    "commanded": Word("commanded", "已下令"),
    "confirmed": Word("confirmed", "已确认"),
    "failed": Word("failed", "失败"),
    "unknown_credential": Word("unknown credential", "凭证未登记"),
    "misread": Word("misread", "读卡有误"),
    "not_yet_valid": Word("not yet valid", "未到有效期"),
    "expired": Word("expired", "已过期"),
    "no_rule": Word("not at this gate", "无此门权限"),
    "wrong_time": Word("not at this time", "不在允许时段"),
    "locked_down": Word("locked down", "已封锁"),
    "visit_used_up": Word("visit used up", "访客次数用完"),
    "needs_second_factor": Word("second factor needed", "需第二凭证"),
    "too_many_attempts": Word("too many attempts", "尝试过多"),
    "controller": Word("let pass by the controller", "控制器自行放行"),
    "controller_refused": Word("refused by the controller", "控制器自行拒绝"),
    "exit_always": Word("exits always open", "出门放行"),
    "service": Word("installing or mending", "安装维修"),
    "roster_work": Word("work on the roster", "整理花名册"),
    "resident_asked": Word("the resident asked", "住户要求"),
    "inspection": Word("inspection", "检查"),
    "other": Word("other", "其他"),
    "faults": Word("it has faults", "有错误"),
    "too_many_removed": Word("it waits for an answer", "等待确认"),
    "unreadable": Word("it cannot be read", "读不了"),
    "first": Word("for the first time", "首次启动"),
    "restart": Word("after a restart", "重新启动"),
    "crash": Word("after a crash", "异常停止后"),
    "power_cut": Word("after a power cut", "断电后"),
    "disk_full": Word("the disk was full", "磁盘已满"),
    "disk_failed": Word("the disk failed", "磁盘读写出错"),
    "corrupt": Word("the database was damaged", "数据库损坏"),
    "rolled_back": Word("an older copy was put back", "恢复了旧副本"),
    "pruned": Word("deleted to make room", "为腾出空间已删除"),
    "too_large": Word("larger than the broker takes", "超过代理服务器的限制"),
    "contact_cut": Word("contact cut", "门磁断线"),
    "contact_short": Word("contact shorted", "门磁短路"),
    "lock_no_answer": Word("the lock does not answer", "门锁无应答"),
    "lock_refused": Word("the lock's board refuses", "门锁拒绝"),
    "chatter": Word("chatters: look at its wires", "信号抖动，请查接线"),
    "unknown_cards": Word("too many unknown cards", "陌生卡过多"),
    "synced": Word("clock synced", "时钟已同步"),
    "holdover": Word("clock running free", "时钟守时中"),
    "untrusted": Word("clock not trusted", "时钟不可信"),
    "contact": Word("seen by the contact", "门磁确认"),
    "turnstile": Word("seen by the turnstile", "闸机确认"),
    "camera": Word("seen by the camera", "摄像机看到"),
    "already_open": Word("stood open already", "门原已开"),
    "no_contact": Word("no door contact", "无门磁"),
}

FIELDS = {
    "clock": Word("how far `time` may be believed", "时间可信度"),
    "time_source": Word("whose clock `time` was read from", "时间来源"),
    "simulated": Word("true: made by a simulation", "模拟事件"),
    "command_id": Word("joins what follows from one command", "命令编号"),
    "actor": Word("who gave the command: a role and an account of the gateway, never a resident", "操作者"),
    "origin": Word("what brought the command", "命令来源"),
    "door": Word("the door's name in site.yaml", "门"),
    "doors": Word("the doors that are affected", "受影响的门"),
    "access_point": Word("the access point: one direction of one door", "通行点"),
    "direction": Word("which way", "方向"),
    "passage_id": Word("joins decision, actuation and outcome of one passage", "通行编号"),
    "person_ref": Word("random name of one tenancy; absent where `uplink.disclose` is none", "人员代号"),
    "person_kind": Word("who that is to this house", "人员类别"),
    "method": Word("how it was asked for", "凭证方式"),
    "reason": Word("why", "原因"),
    "roster_version": Word("the roster it was judged against", "花名册版本"),
    "roster_age_s": Word("how old that roster was, in seconds", "花名册时长(秒)"),
    "confirmed": Word("whether a contact or turnstile saw the passage", "是否确认"),
    "evidence": Word("what saw it, or why nothing could", "依据"),
    "after_passage_id": Word("the passage it followed", "尾随的通行"),
    "of_sequence": Word("the decision that was wrong", "对应事件序号"),
    "camera": Word("the camera's name in site.yaml", "摄像机"),
    "quality": Word("best quality of the face seen", "图像质量"),
    "liveness": Word("liveness score; no guarantee", "活体分值"),
    "count": Word("how many", "数量"),
    "input": Word("which input: contact, exit, desk, pass, tamper, power, reader", "输入"),
    "sensed_by": Word("what noticed", "感知方式"),
    "within_s": Word("in how many seconds", "时间窗(秒)"),
    "result": Word("what is known of the lock", "结果"),
    "alarm_id": Word("joins begin and end of one alarm", "报警编号"),
    "phase": Word("begin or end", "阶段"),
    "by": Word("who asked for it", "由谁"),
    "why": Word("what holds it so", "缘由"),
    "what": Word("what is wrong", "内容"),
    "tenants": Word("tenants in the roster", "住户数"),
    "added": Word("tenancies added", "新增"),
    "changed": Word("tenancies changed", "变更"),
    "removed": Word("tenancies removed", "移除"),
    "faults": Word("rows with faults", "错误行数"),
    "cause": Word("why it happened", "原因"),
    "clean": Word("whether the stop before was orderly", "上次是否正常停止"),
    "boot_id": Word("the machine's boot", "启动标识"),
    "version": Word("the daemon's version", "软件版本"),
    "blind_from": Word("from when nobody recorded", "空白起"),
    "blind_to": Word("until when", "空白止"),
    "subject_kind": Word("for whom it was opened", "放行对象"),
    "subject": Word("what was looked at: the roster, or card numbers as they are read", "查看对象"),
    "consent": Word("by what: the resident's own card, or a paper", "同意方式"),
    "notice": Word("the version of the notice that was shown", "告知版本"),
    "template": Word("whether there was a template", "是否有人脸数据"),
    "photos": Word("files of photos that were deleted", "已删照片"),
    "left": Word("files that could not be deleted", "未删掉的照片"),
    "reason_code": Word("why, as a code", "原因代码"),
    "device": Word("the controller, reader or camera", "设备"),
    "stepped_s": Word("by how many seconds the clock was set", "校时(秒)"),
    "epoch": Word("the epoch that the lost numbers belong to", "纪元"),
    "from": Word("the first number that can never come", "起始序号"),
    "to": Word("the last one", "结束序号"),
    "config_version": Word("hash of site.yaml", "配置版本"),
}


def event(name: str) -> Word:
    """The word of `<class>.<name>`, or that name itself where there is none yet."""
    return EVENTS.get(name, Word(name, name))


def field(name: str) -> Word:
    """The words of a field, or its name where there are none yet."""
    return FIELDS.get(name, Word(name, name))
