"""What discover and doctor say, Chinese beside English: a sentence a finding, and what to do about it where something is to be done."""

from __future__ import annotations

from collections.abc import Mapping

from edge.installer.reasons import chinese

SENTENCES: Mapping[str, tuple[str, str]] = {
    "settings_fault": ("{what}", "{what}"),
    # controllers
    "reached": ("有应答（{driver}）", "answers ({driver})"),
    "line_open": (
        "线路已打开（{driver}）；这种设备不回答，是否正常要靠刷卡或听动作（--door、--pulse）",
        "its line is open ({driver}); such a device answers nothing: try it with a card or by its click (--door, --pulse)",
    ),
    "degraded": ("{what}", "{what}"),
    "unreachable": ("没有应答（{driver}）：{why}", "does not answer ({driver}): {why}"),
    "held": ("端口被其他程序占用（{driver}）", "its port is held by another program ({driver})"),
    "does_not_say": ("在线，但没有回答检查：{why}", "up, but did not answer the examination: {why}"),
    "identity": ("身份：{what}", "it is: {what}"),
    "identity_unchecked": ("身份未核对：{what}", "its identity is not checked: {what}"),
    "firmware": ("固件 {version}", "firmware {version}"),
    "clock": ("时钟偏差 {seconds} 秒", "its clock is off by {seconds} s"),
    "unit": ("地址 {unit} 应答，{outputs} 路输出，{inputs} 路输入", "unit {unit} answers with {outputs} outputs and {inputs} inputs"),
    "no_pulse": ("释放由网关计时", "releases are timed by the gateway, not by the board"),
    "listener_ours": ("事件发往 {who}（之前：{former}）", "its events go to {who} (before: {former})"),
    "listener_other": ("事件发往别处：{who}", "its events go elsewhere: {who}"),
    "card_table_full": ("板内卡表已满：{wanted} 张中存了 {stored} 张", "its card table is full: it holds {stored} of {wanted} cards"),
    "install_mode": ("安装模式开着，密钥可被窃听", "install mode is on: keys can be read off the wire"),
    "secure_channel": ("地址 {address}：加密通道已建立", "address {address}: secure channel"),
    "reader_silent": ("读卡器没有应答：{why}", "the reader does not answer: {why}"),
    "no_events": ("设备不发送事件，输入口状态未知", "the device sends no events: its inputs are unknown"),
    # readers
    "card_read": ("{bits} 位卡：{notations}", "a card of {bits} bits: {notations}"),
    "pin_entered": ("收到 {length} 位密码", "a PIN of {length} digits"),
    "code_read": ("收到 {length} 个字符的二维码", "a code of {length} characters"),
    "misread_parity": ("校验位不对", "wrong parity"),
    "misread_swapped": ("D0 与 D1 接反", "D0 and D1 are swapped"),
    "misread_length": ("长度与设置的格式不符", "of another length than the configured format"),
    "misread_checksum": ("校验和不对", "wrong checksum"),
    "misread_text": ("不是可打印的英文字符", "not printable ASCII"),
    "nothing_presented": ("{seconds} 秒内没有读到卡", "no card within {seconds} s"),
    # contacts and locks
    "input_moves": ("有变化，正常", "moves"),
    "input_silent": ("没有变化", "did not move"),
    "input_fault": ("线路故障：{state}", "its line is faulty: {state}"),
    "not_pulsed": ("没有试开", "not tried"),
    "pulse_failed": ("开锁命令失败：{why}", "the order failed: {why}"),
    "no_click": ("设备说 {said}，但没有听到动作", "the device says {said}, but nothing clicked"),
    "ordered": ("已下令（{said}），没有问是否有动作", "ordered ({said}); nobody was asked whether it clicked"),
    "clicked": ("有动作（{said}）", "clicked ({said})"),
    # cameras
    "camera_unreachable": ("没有应答：{why}", "does not answer: {why}"),
    "camera_up": ("网关正在取流", "the gateway has its picture"),
    "camera_down": ("网关现在没有它的图像", "the gateway has no picture of it now"),
    "camera_unused": ("网关没有使用它：人脸识别未启用", "the gateway does not look at it: recognition is off"),
    "auth_refused": ("用户名或密码不对", "it refuses the account"),
    "profile": ("码流 {name}，{size}", "stream {name}, {size}"),
    "codec": ("编码 {codec}，{size}", "{codec}, {size}"),
    "first_keyframe": ("首帧 {seconds} 秒", "first picture after {seconds} s"),
    "fps": ("每秒 {fps} 帧", "{fps} frames a second"),
    "no_keyframe": ("{seconds} 秒内没有关键帧", "no keyframe within {seconds} s"),
    "no_stream": ("打不开视频流（{why}）", "no stream ({why})"),
    "no_library": ("缺少程序库，未检查", "not examined: a library is missing"),
}

REMEDIES: Mapping[str, tuple[str, str]] = {
    "settings_fault": ("改好 site.yaml，再重启网关", "mend site.yaml, then restart the gateway"),
    "unreachable": ("检查供电、线缆和 site.yaml 中的端口或地址", "check its supply, its cable, and the port or address in site.yaml"),
    "held": ("找出占用者：fuser -v 端口；或停止其他程序", "find who holds it (fuser -v PORT) and stop that"),
    "does_not_say": ("再试一次；仍不行则检查线缆", "try again; if it stays so, look at the cable"),
    "identity_unchecked": ("在 site.yaml 写上 id，防止插错", "write its id into site.yaml, so that a swapped plug is noticed"),
    "clock": ("接入校时服务器，或 set_clock: true", "give it a time server, or set_clock: true"),
    "no_pulse": (
        "Waveshare 一类的板设 pulse: flash_on，LC-Modbus 一类的板设 pulse: flash_register",
        "set pulse: flash_on for a Waveshare board or its kin, pulse: flash_register for an LC-Modbus board or its kin",
    ),
    "listener_other": ("若不再使用原软件，设 take_listener: true", "if that program is not used any more, set take_listener: true"),
    "card_table_full": (
        "其余的卡由网关判断，网关停机时不能开门；换容量更大的板或减少卡",
        "the others are judged by the gateway and open nothing while it is off; take a larger board, or fewer cards",
    ),
    "install_mode": ("设 install_mode: false 并重启网关", "set install_mode: false and restart the gateway"),
    "reader_silent": ("检查地址、密钥、A/B 线和供电", "check its address, key, A/B wires and supply"),
    "no_events": ("在设备上启用 ONVIF 事件，或减少订阅者", "switch ONVIF events on in the device, or let others unsubscribe"),
    "misread_parity": ("检查格式（format）与接线屏蔽", "check the format and the cable's shield"),
    "misread_swapped": ("对调 D0（绿）与 D1（白），或设 invert: true", "change D0 (green) and D1 (white) over, or set invert: true"),
    "misread_length": ("换成读卡器实际发送的格式（format、content）", "set the format (and content) that the reader really sends"),
    "misread_checksum": ("检查线缆与波特率", "check the cable and the speed (baud)"),
    "misread_text": ("读卡器设为串口模式，后缀回车", "set the reader to its serial mode with a suffix of CR"),
    "nothing_presented": ("检查读卡器供电、D0/D1、卡的类型", "check the reader's supply, D0/D1 and the kind of card"),
    "input_silent": ("检查接线和 site.yaml 中的编号", "check the wires and the number in site.yaml"),
    "input_fault": ("检查线路与线尾电阻", "check the wires and the resistors at their end"),
    "pulse_failed": ("先解决上面的控制器问题", "mend the controller first, see above"),
    "no_click": ("检查锁的供电、输出编号与 NO/NC 接线", "check the lock's supply, the output's number and NO/NC"),
    "camera_unreachable": ("检查供电、网线和地址", "check its supply, its cable and its address"),
    "camera_down": (
        "网关刚启动请等半分钟再试；仍不行，停下网关再运行 doctor 看详情",
        "just after a start try again in half a minute; else stop the gateway and run doctor for the details",
    ),
    "camera_unused": ("在 site.yaml 的 recognition 中启用，或去掉这个摄像机", "switch recognition on in site.yaml, or take the camera out"),
    "auth_refused": ("改正用户名和密码；多次失败会锁定账号", "correct user and password; cameras lock accounts after a few tries"),
    "first_keyframe": ("把关键帧间隔设为 2 秒以内", "set the distance between keyframes to 2 s or less"),
    "fps": ("把帧率设为 10 以上", "set 10 frames a second or more"),
    "no_keyframe": ("把关键帧间隔设为 2 秒以内", "set the distance between keyframes to 2 s or less"),
    "no_stream": ("检查码流地址与摄像机的连接数限制", "check the stream's address and how many may watch at once"),
    "no_library": ("安装：pip install 'anyu-edge[{extra}]'", "install it: pip install 'anyu-edge[{extra}]'"),
}

PROMPTS: Mapping[str, tuple[str, str]] = {
    "with_daemon": ("（网关正在运行，一切经由网关检查）", "(the gateway runs; everything is asked of it)"),
    "without_daemon": ("（网关没有运行，直接检查设备）", "(no daemon; the devices are asked directly)"),
    "present_card": ("请在 {where} 刷卡（{seconds} 秒内）", "Present a card at {where} (within {seconds} s)"),
    "move_things": ("请开关门、按按钮：{what}（{seconds} 秒内）", "Move these: {what} (within {seconds} s)"),
    "live": ("  {what}：{state}", "  {what}: {state}"),
    "may_pulse": ("要让 {door} 开锁一次吗？门会打开", "Release {door} once? It will open"),
    "did_it_click": ("听到锁动作了吗", "Did it click"),
    "good": ("正常", "good"),
    "warn": ("留意", "look"),
    "bad": ("故障", "BAD"),
    "todo": ("处理：{what}", "do: {what}"),
    "all_good": ("检查完毕，没有发现故障。", "Done; nothing is bad."),
    "some_to_see": ("检查完毕，没有发现故障，{count} 处需要留意（!）。", "Done; nothing is bad, {count} to look at (!)."),
    "some_bad": ("检查完毕，{count} 处故障。", "Done; {count} bad."),
    # discover
    "looking": ("正在查找（{seconds} 秒）……", "Looking ({seconds} s) ..."),
    "nothing": ("什么也没有找到。", "Nothing was found."),
    "paste": ("# 可粘贴到 site.yaml；驱动是猜测，请核对。", "# To paste into site.yaml; the drivers are guesses, check them."),
    "credentials": (
        "机密：systemctl edit anyu-edge，写在 [Service] 下；每项一个文件 /etc/credstore/anyu-edge.…（0600）",
        "Secrets: systemctl edit anyu-edge, below [Service]; each has a file /etc/credstore/anyu-edge.… (0600)",
    ),
    "used": ("已用作", "already in use as"),
    "guess": ("可能是", "perhaps"),
    "uhppote": ("微耕（UHPPOTE）控制板", "UHPPOTE (微耕) board"),
    "firmware": ("固件", "firmware"),
    "no_lasting_name": ("没有固定名称：换插口或重启后编号会变", "no lasting name: the number changes with the next boot"),
    "not_looked": ("没能查找 {kind}：{why}", "{kind} could not be looked for: {why}"),
}


SAID: Mapping[str, str] = {"commanded": "已下令", "confirmed": "设备已确认"}
"""What a device says of an order (drivers.orders.Outcome) in Chinese."""

CAMERA_DOWN: Mapping[str, str] = {
    "address not allowed here": "网关不允许访问该地址",
    "an address that is none": "地址无效",
    "ca_file cannot be used": "ca_file 不能用",
    "camera is busy: too many viewers": "摄像机忙：取流的人太多",
    "certificate not trusted": "证书不可信",
    "connection refused": "拒绝连接",
    "does not send over TCP": "不支持 RTP over TCP（只用 UDP）",
    "does not speak TLS": "不支持 TLS",
    "ended": "已结束",
    "failed": "失败",
    "hung up": "连接被断开",
    "in use by another program": "被其他程序占用",
    "name not known": "域名无法解析",
    "no answer": "没有应答",
    "no picture": "没有图像",
    "no route to the camera": "没有到摄像机的路由",
    "no such file or device": "没有这个文件或设备",
    "no such stream": "没有这路码流",
    "no video": "没有视频",
    "no way to sign in": "没有可用的认证方式",
    "not a video stream": "不是视频流",
    "not allowed": "没有权限",
    "not RTSP": "不是 RTSP",
    "picture too large": "图像太大",
    "refuses": "拒绝",
    "sends elsewhere": "要求转到别的地址",
    "unknown codec": "编码不支持",
    "wants the password in the clear": "要求明文密码",
    "wrong user or password": "用户名或密码不对",
}
"""The words of drivers.camera.down in Chinese."""


def sentence(locale: str, code: str, values: Mapping[str, str]) -> str:
    """A finding in words; a code of a later version is shown as it is."""
    return _say(SENTENCES, locale, code, values)


def todo(locale: str, code: str, values: Mapping[str, str]) -> str:
    """What to do about a finding that is not good; empty where nothing is known."""
    return _say(REMEDIES, locale, code, values) if code in REMEDIES else ""


def prompt(locale: str, code: str, values: Mapping[str, str] | None = None) -> str:
    """What is said in between."""
    return _say(PROMPTS, locale, code, values or {})


def _say(table: Mapping[str, tuple[str, str]], locale: str, code: str, values: Mapping[str, str]) -> str:
    if code not in table:
        return " ".join([code, *(f"{key}={value}" for key, value in values.items())])
    zh, en = table[code]
    if locale == "zh" and "why" in values:
        values = {**values, "why": CAMERA_DOWN.get(values["why"]) or chinese(values["why"])}
    if locale == "zh" and values.get("said") in SAID:
        values = {**values, "said": SAID[values["said"]]}
    return (zh if locale == "zh" else en).format_map({**dict.fromkeys(("driver", "why", "what", "extra"), "-"), **values})
