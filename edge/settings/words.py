"""Every sentence about settings, Chinese beside English. A code is what tests and programs hold on to; the words may change."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "near": ("是否想写“{near}”？", " Did you mean '{near}'?"),
    # the file as such
    "no_file": (
        "找不到配置文件。可从 config/site.example.yaml 复制一份，或用 --config 指明位置。",
        "no such file. Start from config/site.example.yaml, or name another with --config.",
    ),
    "unreadable": ("读不了：{why}。", "cannot be read: {why}."),
    "too_large": ("文件超过 {most} 字节，不像是配置文件。", "more than {most} bytes; this is no settings file."),
    "empty": ("文件是空的。可从 config/site.example.yaml 复制一份。", "the file is empty. Start from config/site.example.yaml."),
    "binary": ("这里不是文本，文件可能损坏或格式不对。", "not text from here on; the file is damaged or of another kind."),
    "utf16": ("文件是 UTF-16 编码，请另存为 UTF-8。", "the file is UTF-16; save it as UTF-8."),
    "gb18030": (
        "文件是 GB18030（记事本里的“ANSI”）编码，请另存为 UTF-8。",
        "the file is GB18030 (“ANSI” in a Chinese Notepad); save it as UTF-8.",
    ),
    "not_utf8": ("这里不是 UTF-8 文本，请把文件另存为 UTF-8。", "not UTF-8 from here on; save the file as UTF-8."),
    "control_character": ("这里有看不见的控制字符 {what}，请删去。", "an invisible control character, {what}; delete it."),
    "not_a_mapping": (
        "整个文件应是“键: 值”的列表，例如 “site:” 一行开头。",
        "the file should be a list of 'key: value', beginning for example with 'site:'.",
    ),
    # YAML
    "tab": ("用了制表符（Tab）缩进，请改用空格。", "indented with a tab; use spaces."),
    "odd_space": (
        "行首有一个不是空格的空白 {what}，请改用空格。",
        "the line begins with {what}, which looks like a space and is none; use spaces.",
    ),
    "wide_sign": ("用了全角的“{read}”，请改用半角的 {sign}。", "a full-width {read}; write {sign}"),
    "colon_space": ("冒号后面要有一个空格。", "a space is needed after the colon."),
    "wide_colon": ("用了全角冒号“：”，请改用半角“:”，后面加一个空格。", "a full-width colon; write ':' and a space after it."),
    "yaml_colon": (
        "这里不该再出现冒号：请检查缩进；值里含“: ”时整个值要加引号。",
        "no ':' may stand here: look at the indentation, and quote a value that contains ': '.",
    ),
    "yaml_no_colon": ("这一行少了冒号，应写成“键: 值”。", "a ':' is missing; write 'key: value'."),
    "yaml_quote": ("从这里开始的引号没有闭合。", "the quotation that begins here is never closed."),
    "yaml_bracket": (
        "从这里开始的括号没有闭合，或中间少了逗号。",
        "the bracket that begins here is never closed, or a comma is missing in it.",
    ),
    "yaml_alias": ("引用了没有定义的锚点（*名称）。", "an alias (*name) whose anchor (&name) does not exist."),
    "yaml_documents": ("一个文件只能有一份配置，请去掉多余的“---”。", "one file holds one document; remove the second '---'."),
    "yaml_start": ("值不能以这个字符开头，请给值加上引号。", "a value cannot begin with this character; quote it."),
    "yaml_indent": ("缩进与上文不一致。", "the indentation does not match the lines above."),
    "yaml_endless": ("锚点引用成环，或内容过多。", "aliases that run in a circle, or far too much content."),
    "yaml_key": ("键应是一个词。", "a key must be a single word."),
    "yaml_tag": ("不认识标记 {tag}，请删去。", "unknown tag {tag}; remove it."),
    "yaml_other": ("不是有效的 YAML：{why}", "not valid YAML: {why}"),
    "duplicate": ("“{key}”写了两次，第一次在第 {line} 行；请删去一个。", "'{key}' is written twice, first on line {line}; remove one."),
    # single values
    "extra_forbidden": ("没有“{key}”这一项。", "there is no setting '{key}'."),
    "missing": ("缺少“{key}”。", "'{key}' is missing."),
    "int": ("应是整数，读到 {read}。", "expected a whole number, read {read}."),
    "float": ("应是数字，读到 {read}。", "expected a number, read {read}."),
    "wide_digits": ("用了全角数字 {read}，请改用半角数字。", "full-width digits, {read}; write them half-width."),
    "no_unit": ("只写数字，不带单位，读到 {read}。", "a number alone, without a unit; read {read}."),
    "bool": ("应是 true 或 false，读到 {read}。", "expected true or false, read {read}."),
    "string": ("应是文字，读到 {read}；数字请加引号。", "expected text, read {read}; quote a number."),
    "mapping": ("应是“键: 值”的列表，读到 {read}。", "expected a list of 'key: value', read {read}."),
    "list": ("应是列表，例如 [a, b]，读到 {read}。", "expected a list such as [a, b], read {read}."),
    "name": (
        "名称只能用小写字母、数字和下划线，最多 32 个字符，读到 {read}；中文请写在 label。",
        "a name has lower-case letters, digits and underscores, at most 32; read {read}. Put other text into label.",
    ),
    "group_name": (
        (
            "应是花名册里的分组，读到 {read}：residents（住户）、staff（员工）、guards（保安），或自定的小写英文名；"
            "表格里怎么称呼它，写在 roster.groups。"
        ),
        (
            "expected a group of the roster, read {read}: residents, staff, guards, or a name of your own in lower-case letters. "
            "What the sheet calls it goes into roster.groups."
        ),
    ),
    "pattern": ("格式不对，读到 {read}。", "not of the expected form, read {read}."),
    "choice": ("应是 {expected} 之一，读到 {read}。", "expected one of {expected}, read {read}."),
    "greater_than": ("应大于 {gt}，读到 {read}。", "must be more than {gt}, read {read}."),
    "greater_than_equal": ("应不小于 {ge}，读到 {read}。", "must be at least {ge}, read {read}."),
    "less_than": ("应小于 {lt}，读到 {read}。", "must be less than {lt}, read {read}."),
    "less_than_equal": ("应不大于 {le}，读到 {read}。", "must be at most {le}, read {read}."),
    "too_short": ("至少要有 {min_length} 项。", "needs at least {min_length}."),
    "too_long": ("最多 {max_length} 项。", "takes at most {max_length}."),
    "string_too_short": ("至少 {min_length} 个字符。", "needs at least {min_length} characters."),
    "string_too_long": ("最多 {max_length} 个字符。", "takes at most {max_length} characters."),
    "timezone": ("没有 {read} 这个时区；中国大陆用 Asia/Shanghai。", "there is no time zone {read}; China uses Asia/Shanghai."),
    "invalid": ("{why}", "{why}"),
    # pieces
    "exactly_one": ("{expected} 中要写且只写一个。", "give exactly one of {expected}."),
    "exactly_one_pass": ("写 inward 和 outward，或只写 door。", "give either inward and outward, or door."),
    "time_span": ("应是一天中的时段，例如 06:00-23:00，读到 {read}。", "expected a span of the day such as 06:00-23:00, read {read}."),
    "weekdays": ("应是星期，例如 mon-fri 或 sat,sun，读到 {read}。", "expected weekdays such as mon-fri or sat,sun, read {read}."),
    "dates": (
        "应是日期，例如 2026-10-01 或 2026-10-01..2026-10-07，读到 {read}。",
        "expected a date such as 2026-10-01 or 2026-10-01..2026-10-07, read {read}.",
    ),
    "line_port": (
        "应是设备的完整路径（/dev/serial/by-path/…）或 tcp://主机:端口，读到 {read}。",
        "expected an absolute device path, such as /dev/serial/by-path/…, or tcp://host:port; read {read}.",
    ),
    "onvif_host": (
        "应是主机名或地址，可带端口；不要写 http://、路径、用户名或密码。读到 {read}。",
        "expected a host name or address, with a port where needed; no http://, no path, no user or password. Read {read}.",
    ),
    "converter_fixed": ("fixed 帧按字节收取，请去掉 base 和 digits。", "the fixed framing is in bytes: leave base and digits out."),
    "converter_checksum": ("校验和要求十六进制且位数为偶数。", "a checksum needs an even number of hexadecimal digits."),
    "converter_keys": ("只有 hex_cr 和 fixed 能带韦根键盘按键。", "only hex_cr and fixed carry a Wiegand keypad's keys."),
    "converter_keypad": ("只有 decimal_crlf 能带键盘按键。", "only decimal_crlf carries a keypad's keys."),
    "converter_digits": ("位数太少，容不下这种格式的卡号。", "so few digits cannot hold a card of this format."),
    "modbus_nothing": ("请写 outputs（继电器数）或 inputs（输入数），或都写。", "say how many outputs or inputs the board has, or both."),
    "uhppote_address": (
        "应是 IPv4 地址，可带 :端口，例如 10.1.3.20，读到 {read}。",
        "expected an IPv4 address, with :port if need be, such as 10.1.3.20; read {read}.",
    ),
    "onvif_identity": (
        "请写明是哪台设备：serial（序列号），没有序列号的写 hardware。",
        "say which device this is: serial, or hardware where it has no serial number.",
    ),
    "onvif_tokens": (
        "{what}_tokens 写了 {count} 个，{what}s 是 {number}。",
        "{what}_tokens names {count}, and {what}s is {number}.",
    ),
    "onvif_token_twice": ("{what}_tokens 里有一个写了两次。", "{what}_tokens names one twice."),
    "osdp_key": ("密钥应是 32 位十六进制数（不显示读到的内容）。", "a key is 32 hexadecimal digits (what was read is not shown)."),
    "osdp_default_key": (
        "这是标准公开的默认密钥，只能在 install_mode: true 时用；请给每个读卡器各自的密钥。",
        "this is the published default key, for install_mode: true only; give each reader a key of its own.",
    ),
    "osdp_address": ("同一条总线上有两个读卡器地址相同。", "two readers on this bus have the same address."),
    "private_room": ("不得在宿舍、浴室等私密处安装摄像机。", "a camera in a private room is not allowed."),
    "shared_account": (
        "摄像机“{name}”与控制继电器的账号相同；请在设备上为看画面另建一个只读账号。",
        "camera '{name}' uses the account that moves a relay: make another on the device that may only look.",
    ),
    "rtsp_url": ("应写成 rtsp://主机[:端口]/路径。", "expected rtsp://host[:port]/path."),
    "camera_doors": (
        "摄像机“{name}”的通行点属于不同的门；一张脸只开一扇门。",
        "the access points of camera '{name}' belong to different doors; one face opens one door.",
    ),
    "cameras_unused": (
        "有摄像机，但 recognition.engine 是 none：不识别任何人。",
        "there are cameras, and recognition.engine is none: nobody is recognised.",
    ),
    "recognition_needs": (
        "人脸识别不可用：缺少 {modules}，请 pip install 'anyu-edge[{extra}]'；刷卡和开门不受影响。",
        "nobody is recognised: {modules} is not installed, pip install 'anyu-edge[{extra}]'; doors and cards go on.",
    ),
    "runtime_needs": ("没有安装 {runtime}；写 auto 则用已安装的。", "{runtime} is not installed; auto takes what is."),
    "weights_needed": (
        "人脸识别不可用：缺少模型 {names}，请 anyu-edge models pull 或 models import；刷卡和开门不受影响。",
        "nobody is recognised: {names} is not on this machine, anyu-edge models pull or import; doors and cards go on.",
    ),
    "prints_open": (
        "face_alone: always 且没有活体否决：住户的一张照片就能开门。",
        "face_alone is always, and no liveness vetoes: a photograph of a tenant opens the door.",
    ),
    "faces_ask_for_card": (
        "人脸不会单独开门：需要 liveness: veto 及其模型；被认出的人会被请去刷卡。",
        "no face opens by itself: that needs liveness: veto and its weights; who is recognised is asked for the card.",
    ),
    "liveness_weights": (
        "缺少活体模型，人脸不会单独开门：请 anyu-edge models import；被认出的人会被请去刷卡。",
        "the liveness weights are not here, so no face opens by itself: anyu-edge models import; who is recognised is asked for the card.",
    ),
    "polygon": ("区域至少要有三个点。", "an area needs three points or more."),
    "agree_of": ("agree 不能大于 of。", "agree cannot be more than of."),
    "uplink_pair": ("cert 和 key 要么都写，要么都不写。", "cert and key go together: give both or neither."),
    "uplink_address": (
        "主机或端口不对，应写成 mqtts://主机 或 mqtts://主机:8883。",
        "host or port missing or misspelt; write mqtts://host or mqtts://host:8883.",
    ),
    "uplink_scheme": (
        "应以 mqtts://（加密）或 mqtt://（不加密，仅限本机）开头。",
        "begin with mqtts:// (TLS) or mqtt:// (plain, for a broker on this machine).",
    ),
    "uplink_credentials": (
        "地址里不能写用户名和密码；用户名写在 uplink.username，密码放进 systemd 凭据 uplink__password。",
        "no user or password in the address; use uplink.username, and a systemd credential uplink__password.",
    ),
    "uplink_path": ("端口后面不能再写东西，主题是固定的。", "nothing may follow the port; topics are fixed."),
    "uplink_twice": ("同一个接收方写了两次。", "a consumer is named twice."),
    "uplink_key": (
        "不是 Ed25519 公钥；请照抄 anyu-edge centre keygen 打印的那一行。",
        "not an Ed25519 public key; copy the line that anyu-edge centre keygen prints.",
    ),
    "uplink_trust": ("keys 和 unsigned: true 写一个，且只写一个。", "give keys, or unsigned: true, and not both."),
    "uplink_stranger": (
        "uplink.consumers 里没有“{name}”。",
        "'{name}' is not in uplink.consumers.",
    ),
    "uplink_tls": ("写了 tls，地址却以 mqtt:// 开头；请写 mqtts://。", "tls is set but the address begins with mqtt://; write mqtts://."),
    "uplink_password": ("有密码而没有用户名，请写 uplink.username。", "a password without uplink.username."),
    # between pieces
    "no_such_controller": ("没有叫“{name}”的控制器（controllers）。", "there is no controller '{name}'."),
    "no_such_door": ("没有叫“{name}”的门（doors）。", "there is no door '{name}'."),
    "no_such_access_point": ("没有叫“{name}”的通行点（access_points）。", "there is no access point '{name}'."),
    "no_such_schedule": ("没有叫“{name}”的时间表（schedules）。", "there is no schedule '{name}'."),
    "no_exit": (
        "门“{name}”从里面没有出门办法：请接出门按钮（exit_button），或写 free_exit: true（例如机械推杆）。",
        "door '{name}' cannot be left: wire an exit_button, or say free_exit: true (a mechanical handle, say).",
    ),
    "short_release": ("门只释放 {read} 秒，没有人来得及推门。", "the lock is released for {read} s: nobody reaches the door in that."),
    "latching": (
        "驱动 {driver} 的继电器在本程序意外停止时会保持释放；请改用别的板，或写 accept_latching: true 表示接受。",
        "driver {driver} keeps a door released if the daemon dies meanwhile; use another board, or accept it with accept_latching: true.",
    ),
    "drives_no_lock": ("驱动 {driver} 不能控制锁。", "driver {driver} drives no lock."),
    "taken": ("已被 {by} 占用（第 {line} 行）。", "already used by {by} (line {line})."),
    "has_no_readers": ("控制器“{name}”（{driver}）没有读卡器 {number}。", "controller '{name}' ({driver}) has no reader {number}."),
    "has_no_outputs": ("控制器“{name}”（{driver}）没有继电器 {number}。", "controller '{name}' ({driver}) has no output {number}."),
    "has_no_inputs": ("控制器“{name}”（{driver}）没有输入 {number}。", "controller '{name}' ({driver}) has no input {number}."),
    "has_no_doors": (
        "控制器“{name}”（{driver}）没有自己的门 {number}。",
        "controller '{name}' ({driver}) has no door {number} of its own.",
    ),
    "has_no_contacts": (
        "控制器“{name}”（{driver}）没有自己的门 {number}，或不报告其门磁。",
        "controller '{name}' ({driver}) tells of no contact at a door {number} of its own.",
    ),
    "has_no_buttons": (
        "控制器“{name}”（{driver}）没有自己的门 {number}，或不报告其出门按钮。",
        "controller '{name}' ({driver}) tells of no exit button at a door {number} of its own.",
    ),
    "has_no_passes": (
        "控制器“{name}”（{driver}）没有自己的门 {number}，或不报告有人通过。",
        "controller '{name}' ({driver}) tells of no passages at a door {number} of its own.",
    ),
    "must_rest": (
        "控制器“{name}”锁闭时继电器不通电，这样接锁会一直开着；请改接另一个触点并写 wiring: {sign}。",
        "the relays of controller '{name}' rest when it secures, which would leave this lock open; use the other contact, wiring: {sign}.",
    ),
    "only_simulated": (
        "“{name}”是模拟设备，这里接的东西没有人能按到、看到。",
        "'{name}' is simulated: nobody will ever press or see what is wired to it.",
    ),
    "there_is": ("这里能写的：{right}。", " What can stand here: {right}."),
    "there_is_none": ("controllers 里没有设备能接这个。", " No device of controllers has one."),
    "driver_needs": (
        "驱动 {driver} 需要的程序库没有安装（{module}）：pip install 'anyu-edge[devices]'。",
        "driver {driver} needs a library that is not installed ({module}): pip install 'anyu-edge[devices]'.",
    ),
    "same_port": ("与控制器“{name}”用了同一个端口（第 {line} 行）。", "the same port as controller '{name}' (line {line})."),
    "unused_controller": ("控制器“{name}”没有被任何门或通行点使用。", "controller '{name}' is used by no door and no access point."),
    "unused_schedule": ("时间表“{name}”没有被使用。", "schedule '{name}' is used nowhere."),
    "unused_door": ("门“{name}”没有通行点。", "door '{name}' has no access point."),
    "no_reader": ("通行点“{name}”没有读卡器，只能由保安打开。", "access point '{name}' has no reader: only a guard can open it."),
    "no_rule": ("没有规则（access_rules）允许任何人进入“{name}”。", "no access rule lets anybody in at '{name}'."),
    "unstable_port": (
        "{read} 会随插拔顺序变化，请改用 /dev/serial/by-id/… 或 /dev/serial/by-path/…。",
        "{read} changes with the order of plugging in; use /dev/serial/by-id/… or /dev/serial/by-path/….",
    ),
    "unstable_port_here": (
        "{read} 会随插拔顺序变化；在本机上请写 {better}。",
        "{read} changes with the order of plugging in; on this machine write {better}.",
    ),
    "not_absolute": (
        "应是从根开始的路径，例如 /etc/anyu-edge/…，读到 {read}。",
        "expected a path from the root, such as /etc/anyu-edge/…, read {read}.",
    ),
    "no_uplink": ("没有 uplink：事件只留在本机。", "no uplink: events stay on this machine."),
    "plain_uplink": (
        "到另一台机器的连接没有加密；请用 mqtts://，确实要明文就写 uplink.allow_plain: true。在此之前不上报，门照常工作。",
        "the way to another machine is not encrypted; use mqtts:// or write uplink.allow_plain: true; until then nothing is sent.",
    ),
    "broker_not_allowed": (
        "{name} 不在 uplink.brokers 里；在此之前不上报，门照常工作。",
        "{name} is not in uplink.brokers. Until it is, nothing is sent; doors go on.",
    ),
    "uplink_unsigned": (
        "{name} 的确认没有签名，谁能写代理服务器谁就能冒充；请在 uplink.acks 写它的公钥（anyu-edge centre keygen），或写 unsigned: true。",
        "nothing proves the acknowledgements of {name}; give its key in uplink.acks (anyu-edge centre keygen), or write unsigned: true.",
    ),
    "password_in_file": (
        "密码写在了配置文件里，请移到 systemd 凭据：文件 /etc/credstore/anyu-edge.{name}（0600）。",
        "a password stands in the file; move it to the systemd credential {name}: the file /etc/credstore/anyu-edge.{name}, mode 0600.",
    ),
    "secret_in_file": (
        "其他账号能读到这里的机密；请放进 /etc/credstore/anyu-edge.{name}（0600），服务加一行 LoadCredential={name}:anyu-edge.{name}。",
        "other accounts can read this secret; use LoadCredential={name}:anyu-edge.{name} and /etc/credstore/anyu-edge.{name} (0600).",
    ),
    "secret_in_environment": (
        "环境变量里的机密人人可见（systemctl show）；请改用 LoadCredential={name}:anyu-edge.{name}。",
        "everybody can see a secret in the environment (systemctl show); use LoadCredential={name}:anyu-edge.{name}.",
    ),
    "secret_missing": (
        "缺少“{key}”；请放进 /etc/credstore/anyu-edge.{name}（0600），服务加一行 LoadCredential={name}:anyu-edge.{name}。",
        "'{key}' is missing; use LoadCredential={name}:anyu-edge.{name} and /etc/credstore/anyu-edge.{name} (0600).",
    ),
    "secret_elsewhere": (
        "这里看不到“{key}”；服务从凭据 {name} 读取。",
        "'{key}' is not seen from here; the service reads it from the credential {name}.",
    ),
    "no_such_element": (
        "{name} 只有 {count} 项，从 0 数起。",
        "{name} has {count} elements, counted from 0.",
    ),
    "unused_credential": (
        "配置里没有 {name}，凭据“{key}”未使用。",
        "there is no {name} in the settings: credential '{key}' is not used.",
    ),
    # this machine
    "same_device": ("与控制器“{name}”是同一台设备（第 {line} 行）。", "the same device as controller '{name}' (line {line})."),
    "file_missing": ("找不到文件 {read}。", "there is no file {read}."),
    "no_plain_file": ("{read} 不是普通文件。", "{read} is no plain file."),
    "file_unreadable": ("当前账号读不了 {read}。", "this account may not read {read}."),
    "no_certificate": ("{read} 里没有证书（PEM）。", "{read} holds no certificate (PEM)."),
    "no_key_pair": (
        "cert 与 key 不是一对，或不是 PEM，或密钥带口令。",
        "cert and key do not belong together, are no PEM files, or the key has a passphrase.",
    ),
    "no_folder": ("{read} 不是文件夹。", "{read} is no folder."),
    "folder_missing": ("还没有文件夹 {read}。", "there is no folder {read} yet."),
    "no_device": ("{read} 不是设备。", "{read} is no device."),
    "device_missing": (
        "现在没有 {read}：没有插上，或名称不对（anyu-edge discover serial）。",
        "{read} is not there now: not plugged in, or another name.",
    ),
    "unusual_speed": ("{read} 不是常用波特率；最接近的是 {usual}。", "{read} is no usual speed; the nearest is {usual}."),
    "no_address": ("{read} 不是 IPv4 地址，四个数都应是 0 到 255。", "{read} is no IPv4 address: four numbers from 0 to 255."),
    "no_port": ("端口应是 1 到 65535。", "a port is a number from 1 to 65535."),
    "password_elsewhere": (
        "有用户名，这里看不到密码；服务从凭据 {name} 读取。",
        "there is a user, and no password is seen from here; the service reads it from the credential {name}.",
    ),
    "capture_doors": (
        "采集站点（kind: capture）只记录，这里却有门；要开门请写 kind: gate 或 card。",
        "a site of kind capture drives no door, and there are doors; where they are to open write kind: gate or card.",
    ),
    "no_doors": ("没有任何门；site.kind 为 {kind} 的站点至少要有一扇门。", "there is no door; a site of kind {kind} has at least one."),
    "no_group": (
        "花名册里没有人属于分组“{name}”，现有分组：{there}。",
        "nobody in the roster belongs to the group '{name}'. There are: {there}.",
    ),
    "no_system_group": (
        "本机没有系统用户组 {read}，没有人因此得到权限：先 sudo groupadd 组名，再 sudo usermod -aG 组名 账号；这不是花名册里的分组。",
        (
            "this machine has no system group {read}, so it lets nobody command: sudo groupadd NAME, then sudo usermod -aG NAME ACCOUNT. "
            "It is no group of the roster."
        ),
    ),
    "roster_not_looked_at": (
        "没有检查花名册：账户 {account} 不能读取或执行 {path}。",
        "the roster was not looked at: the account {account} cannot read or execute {path}.",
    ),
    "tenancies_over": (
        "花名册里有 {count} 人的租期已结束，入口会拒绝他们；续住请改截止日期。",
        "{count} people in the roster have a tenancy that is over, and entries refuse them; who stays needs another date.",
    ),
    "roster_faults": (
        "花名册有 {count} 处错误，请运行 anyu-edge roster check。",
        "the roster has {count} faults; run anyu-edge roster check.",
    ),
    "unknown_credential_file": ("凭据“{key}”不是任何配置项，未使用。", "credential '{key}' is no setting and is not used."),
}


def say(locale: str, code: str, **values: str) -> str:
    """The sentence for this code. Values are text, ready to be shown."""
    zh, en = WORDS[code]
    return (zh if locale == "zh" else en).format(**values)
