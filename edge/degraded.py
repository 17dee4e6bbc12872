"""The words of `degraded`, each with what it means and what to do, Chinese beside English: all that this program can say there.

A word that ends in `*` stands for one a name: the sentence's {name}. tests/test_degraded.py holds the list against the code.
"""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, str]] = {
    "journal.disk_full": (
        "磁盘已满，事件暂存内存，门照常工作：请清理磁盘。",
        "the disk is full; events wait in memory and doors go on: make room.",
    ),
    "journal.read_only": (
        "磁盘只读，事件暂存内存，门照常工作：请检查或更换磁盘。",
        "the disk takes no writing; events wait in memory and doors go on: look at the disk, or replace it.",
    ),
    "journal.io_error": (
        "磁盘读写出错，事件暂存内存，门照常工作：请尽快更换磁盘。",
        "the disk fails; events wait in memory and doors go on: replace the disk soon.",
    ),
    "journal.locked": (
        "另一个程序占着流水账数据库，事件暂存内存：请停止备份等程序。",
        "another program holds the journal's database; events wait in memory: stop it, a backup for example.",
    ),
    "journal.facts_unknown": (
        "启动前的封锁、报警和访客次数还读不到：请看 status，需要时重新封锁。",
        "lock-downs, alarms and used visits of before the start cannot be read yet: look at status, lock down anew if need be.",
    ),
    "journal.corrupt": (
        "流水账数据库损坏，门照常工作：请重启网关，损坏的会放在一旁。",
        "the journal's database is damaged; doors go on: restart the gateway, which puts it aside.",
    ),
    "journal.newer_schema": (
        "流水账是更新的版本写的，本版本不改动它：请装回新版本。",
        "a later version wrote this journal, and this one leaves it alone: install that version again.",
    ),
    "journal.stuck": (
        "磁盘几秒没有写完一次，事件暂存内存：请检查磁盘。",
        "a write has not come back for seconds; events wait in memory: look at the disk.",
    ),
    "journal.writer_stopped": (
        "记录事件的线程停了，会自动重新启动：请把日志发来。",
        "what writes events has stopped and is started anew: send the log.",
    ),
    "journal.slow": (
        "磁盘太慢，常常先开门后记录：请查是什么在写磁盘，或更换磁盘。",
        "the disk is slow, and doors open before their record is on it: look for what else writes there, or replace the disk.",
    ),
    "journal.events_lost": (
        "内存放不下的事件已丢失，已声明编号：先解决磁盘问题。",
        "events that memory could not hold are lost, and their numbers were told: mend the disk first.",
    ),
    "journal.ballast": (
        "预留的磁盘空间已让出或建不成：请清理磁盘。",
        "the space kept for a full disk is given up or could not be taken: make room.",
    ),
    "journal.set_aside": (
        "损坏的数据库在新数据库旁边：请先复制走，再删除。",
        "a damaged database lies beside the new one: copy it away before somebody deletes it.",
    ),
    "journal.filling": (
        "三十天内磁盘会满，因为中心没有确认事件：请查中心的接收程序。",
        "the disk is full within 30 days because a centre does not acknowledge: look at its receiver.",
    ),
    "roster.stale": (
        "文件夹里的花名册有错误，没有启用，仍用上一份：anyu-edge roster check 会指出单元格。",
        "the folder's sheet has faults and the last good one is in force: anyu-edge roster check says which cell.",
    ),
    "roster.asks": (
        "花名册的改动影响五分之一以上的人，等待确认：请看名册文件夹中的 roster.report。",
        "the folder's sheet changes the rights of more than a fifth and waits for an answer: roster.report in the roster folder asks.",
    ),
    "roster.held": (
        "已恢复上一份花名册，文件夹里的表格与正在使用的不同：改正表格，或运行 anyu-edge roster apply。",
        "an earlier roster was put back, and the folder says something else: mend the sheet, or run anyu-edge roster apply.",
    ),
    "roster.folder_missing": (
        "名册文件夹不存在，仍用上一份：请检查 site.yaml 的 roster.folder。",
        "the roster folder is missing and the last good roster is in force: look at roster.folder in site.yaml.",
    ),
    "roster.folder_closed": (
        "名册文件夹没有读取权限，仍用上一份：请让服务账户（anyu-manager 组）可以读取它。",
        "the roster folder may not be read and the last good roster is in force: let the service's account (group anyu-manager) read it.",
    ),
    "roster.none": (
        "没有花名册，每张卡都算未登记，出口照常开：请放入花名册。",
        "there is no roster: every card is unknown, exits open. Put the sheet into the roster folder.",
    ),
    "roster.not_kept": (
        "磁盘没有保存花名册，重启后要重新读取：请检查磁盘。",
        "the disk would not keep the roster; after a restart it is read anew: look at the disk.",
    ),
    "roster.not_sealed": (
        "主密钥不可用，保存的花名册没有加密，刷卡照常：请恢复 state_dir/custody/master_key，原因见日志。",
        "the master key cannot be had and kept rosters are not sealed; cards go on: mend state_dir/custody/master_key, see the log.",
    ),
    "clock.untrusted": (
        "时间不可信，有效期以内的人照常通行，按 open_schedule 常开的门现在要刷卡：请校准时间或接入校时服务器。",
        "the time is not to be believed; nobody valid is refused, an open_schedule waits: set it, or reach a time server.",
    ),
    "clock.leapt": (
        "校时服务器与网关所知相差一天以上，有效期内的人照常通行，按 open_schedule 常开的门要刷卡：请对表。对则等十二小时，错则修服务器。",
        "a time server is over a day off what was known; nobody valid is refused, an open_schedule waits. Right? Wait 12 h. Else mend it.",
    ),
    "fire_line": (
        "消防线路断线或短路，看不到火警：请检查接线。",
        "the fire line is cut or short: no fire can be seen. Look at its wires.",
    ),
    "device.*": (
        "“{name}”没有应答，它后面的门状态未知：请检查供电和线缆，再运行 anyu-edge doctor。",
        "{name} does not answer, and its doors are unknown: look at its supply and cable, then run anyu-edge doctor.",
    ),
    "unit.*": (
        "网关内部的“{name}”出错，正在重新启动：请看日志。",
        "the gateway's part {name} failed and is being started again: see the log.",
    ),
    "card_table.full.*": (
        "控制板“{name}”的卡表放不下所有人，网关停机时其余的人刷不开：减少卡，或换更大的板。",
        "the table of board {name} cannot hold everybody; the others wait while the gateway is off: fewer cards, or a larger board.",
    ),
    # settings
    "config.secret_in_file": (
        "其他账号能读到 site.yaml 里的密码或密钥：anyu-edge check 会指出放到哪里。",
        "other accounts can read a password or key in site.yaml: anyu-edge check says where it belongs.",
    ),
    "config.shared_account": (
        "摄像机与控制继电器用同一个账号：请另建一个只能看画面的账号。",
        "a camera looks with the account that moves a relay: make it one that may only look.",
    ),
    "config.run_by_root": (
        "网关以 root 运行在其他账号的文件夹里：停止它，chown -R 改回，再 systemctl start anyu-edge。",
        "root runs the gateway in another account's folders: stop it, chown -R them back, systemctl start anyu-edge.",
    ),
    "config.not_there": (
        "site.yaml 写的读卡器、输入、输出或门在设备上不存在，已停用这一处：anyu-edge check 会指出位置。",
        "site.yaml names what a device does not have, and goes on without it: anyu-edge check says where.",
    ),
    "config.used_twice": (
        "site.yaml 里两处用了设备的同一个编号：anyu-edge check 会指出位置。",
        "two things of site.yaml sit on one number of a device: anyu-edge check says where.",
    ),
    "config.no_exit": (
        "有的门从里面没有出门办法：anyu-edge check 会指出是哪扇。",
        "a door cannot be left from inside: anyu-edge check says which.",
    ),
    # the way to the centre
    "uplink.not_allowed": (
        "不允许连接这个代理服务器，暂不上报：anyu-edge check 会说明原因。",
        "this broker is not allowed, and nothing is sent: anyu-edge check says why.",
    ),
    "uplink.away": (
        "连不上代理服务器，事件在本机等待：请检查网络和地址。",
        "the broker is not reached; events wait here: look at the network and its address.",
    ),
    "uplink.refused": (
        "代理服务器拒绝连接：请检查证书、账号和权限。",
        "the broker refuses us: look at certificate, account and rights.",
    ),
    "uplink.refused.*": (
        "代理服务器拒收我们的消息（{name}）：请检查它的权限设置（ACL）。",
        "the broker refuses our messages ({name}): look at its access list.",
    ),
    "uplink.id_twice": (
        "代理服务器一再断开我们：另有网关（或本机的拷贝）用同一个客户端编号，请让每台网关有自己的编号。",
        "the broker ends our connections: another gateway, or a copy of this one, uses our client id: give each its own.",
    ),
    "uplink.cut_off": (
        "代理服务器一再在我们发送时断开：请查看它的日志，可能是消息大小或权限的限制。",
        "the broker ends our connections while we send: its log says why; its limit of size or its access list may be the reason.",
    ),
    "uplink.too_large.*": (
        "{name} 超过代理服务器允许的大小：health 和 info 已缩减，事件留在本机；请提高它的上限（message_size_limit、max_packet_size）。",
        "{name}: larger than the broker takes; health and info are cut, events are kept here: raise message_size_limit or max_packet_size.",
    ),
    "uplink.no_puback": (
        "代理服务器收消息却不应答，正在重连：请检查该服务器。",
        "the broker takes messages and acknowledges none; connecting anew: look at that server.",
    ),
    "uplink.unreadable": ("读不了流水账，事件等待上报：请检查磁盘。", "the journal cannot be read, and events wait: look at the disk."),
    "uplink.silent.*": (
        "{name} 没有确认事件：它的接收程序停了，或没有写 ack/ 的权限。",
        "{name} does not acknowledge: its receiver is down, or may not write ack/.",
    ),
    "uplink.unheard.*": (
        "代理服务器不让我们收 {name} 的确认：请检查它的权限设置（ACL）。",
        "the broker does not let us hear the acknowledgements of {name}: look at its access list.",
    ),
    "uplink.bad_ack.*": (
        "{name} 的确认格式不对，已忽略：请检查它的接收程序。",
        "the acknowledgements of {name} are not well-formed and are ignored: look at its receiver.",
    ),
    "uplink.unsigned.*": (
        "{name} 的确认没有签名，谁都能冒充：anyu-edge centre keygen 生成密钥，写进 uplink.acks。",
        "nothing proves the acknowledgements of {name}: anyu-edge centre keygen makes a key for uplink.acks.",
    ),
    "uplink.unproven.*": (
        "{name} 的确认签名不对，已忽略，事件不会删除：检查它的密钥（receive --ack-key），否则有人冒充。",
        "acknowledgements of {name} are not signed by its key and delete nothing: give it the key (receive --ack-key), or find who forges.",
    ),
    "uplink.ahead.*": (
        "{name} 确认了我们没有发过的事件：有一方恢复过旧数据库，或有人冒充。",
        "{name} acknowledges events that we never gave: a copy of a database was brought back, or somebody forges.",
    ),
    "uplink.back.*": (
        "{name} 的确认一再后退：有一方恢复过旧数据库，或有人冒充。",
        "{name} goes back again and again: a copy of a database was brought back, or somebody forges.",
    ),
    # faces
    "recognition.not_installed": (
        "人脸识别没有安装，刷卡照常：pip install 'anyu-edge[face]'。",
        "recognition is not installed; cards go on: pip install 'anyu-edge[face]'.",
    ),
    "recognition.no_key": (
        "主密钥不可用，人脸停用，刷卡照常：请恢复 state_dir/custody/master_key。",
        "the master key cannot be had and faces are off; cards go on: mend state_dir/custody/master_key.",
    ),
    "recognition.no_tombstones": (
        "state_dir/custody/forgotten 的密钥不见了，无法知道谁已被遗忘，人脸停用：请从备份恢复。",
        "the key in state_dir/custody/forgotten is gone, so nobody knows who was forgotten; faces are off: bring it back from a backup.",
    ),
    "recognition.unreadable_templates": (
        "有的人脸数据打不开：anyu-edge calibrate 会列出，请重新登记。",
        "some templates do not open: anyu-edge calibrate names them; enrol those residents anew.",
    ),
    "recognition.photos_not_deleted": (
        "有的照片删不掉：请让服务账户可以在 photos/ 里删除文件。",
        "photos could not be deleted: let the service's account delete in photos/.",
    ),
    "recognition.photos_would_stay": (
        "照片事后删不掉，因此没有登记：请让服务账户可以在 photos/编号/ 里删除文件。",
        "nobody is enrolled from a folder whose photos could not be deleted: let the service's account delete in photos/<tenant_id>/.",
    ),
    "recognition.photos_unusable": (
        "photos 文件夹是链接或读不了：请换成普通文件夹；已启用的人脸照常。",
        "the photos folder is a link or cannot be read: make it a folder of its own; faces in force go on.",
    ),
    "recognition.photos_astray": (
        (
            "有照片没有直接放在住户的文件夹里（放在 photos/ 下，或放在更深的文件夹）：不会用，"
            "过了 unused_photos_days（默认 7 天）就删除。请放进 photos/编号/。"
        ),
        (
            "files in photos/ lie in no tenant's folder, or in a folder inside one: none is used, and they are deleted after "
            "unused_photos_days (7 unless you say otherwise). Move them into photos/<tenant_id>/."
        ),
    ),
    "recognition.photos_of_nobody": (
        (
            "photos/ 里有文件夹的名字不是花名册里的编号（多一个空格也不行）：里面的照片一小时后删除。"
            "请用编号作文件夹名；新住户请先保存花名册。"
        ),
        (
            "folders in photos/ have a name that is no tenant_id of the roster (a space counts): their photos are deleted after an hour. "
            "Name them by tenant_id; save the sheet first for new tenants."
        ),
    ),
    "recognition.prints_open": (
        "face_alone: always 且没有活体否决：住户的一张照片就能开门。",
        "face_alone is always, and no liveness vetoes: a photograph of a tenant opens a door.",
    ),
    "vision.not_confined": (
        "看摄像机的进程没有关进沙箱，人脸停用，刷卡照常：旁边的词说明缺什么。",
        "the process that looks at cameras is not confined and faces are off; cards go on: the words beside this say what is missing.",
    ),
    "vision.spawned": (
        "识别进程与网关同一账号：systemctl enable --now anyu-edge-vision。",
        "the recogniser runs under the gateway's account: systemctl enable --now anyu-edge-vision.",
    ),
    "vision.not_seen": (
        "网关看不到识别进程的状态：请让它能读 /proc。",
        "the gateway cannot see the recogniser's process: let it read /proc.",
    ),
    "vision.may_gain_privileges": (
        "识别单元可以提升权限：请用随附的 anyu-edge-vision.service。",
        "the recogniser's unit may gain privileges: use the anyu-edge-vision.service that ships.",
    ),
    "vision.privileged_group": (
        "识别单元的账号属于有权限的组：请用随附的 anyu-edge-vision.service。",
        "the recogniser's account is in a group with rights: use the anyu-edge-vision.service that ships.",
    ),
    "vision.no_own_account": (
        "识别单元没有自己的账号：请用随附的 anyu-edge-vision.service，运行 systemd-sysusers。",
        "the recogniser has no account of its own: use the anyu-edge-vision.service that ships, and run systemd-sysusers.",
    ),
    "vision.no_address_rules": (
        "识别单元没有地址限制：以 root 运行 anyu-edge check --write-units。",
        "the recogniser's unit has no rules of addresses: anyu-edge check --write-units as root.",
    ),
    "vision.no_seccomp": ("这个内核不能限制识别进程的系统调用：请升级内核。", "this kernel cannot confine the recogniser: update it."),
    "vision.no_landlock": (
        "这个内核不能限制识别进程的文件访问：请升级内核。",
        "this kernel cannot keep the recogniser from files: update it.",
    ),
    "vision.no_landlock_truncate": (
        "内核早于 6.2，不能单独禁止改变文件长度；有空时升级。",
        "this kernel is older than 6.2 and cannot itself refuse to change the length of files: update it some day.",
    ),
    "vision.no_landlock_tcp_ports": (
        "内核早于 6.7，不能限制识别进程的 TCP 端口：请升级内核。",
        "this kernel is older than 6.7 and cannot keep the recogniser from other TCP ports: update it.",
    ),
    "vision.no_landlock_ioctl": (
        "内核早于 6.10，不能单独禁止对设备的命令；有空时升级。",
        "this kernel is older than 6.10 and cannot itself refuse orders to devices: update it some day.",
    ),
    "vision.no_landlock_scope": (
        "内核早于 6.12，不能单独禁止信号和抽象套接字；有空时升级。",
        "this kernel is older than 6.12 and cannot itself refuse signals and abstract sockets: update it some day.",
    ),
    "vision.camera_not_allowed": (
        "识别单元不能访问某台摄像机，或其地址变了：以 root 运行 anyu-edge check --write-units。",
        "the recogniser may not reach a camera, or its address changed: anyu-edge check --write-units as root.",
    ),
    "vision.flood": (
        "摄像机前陌生人过多，那里请刷卡：看看是谁站在那里。",
        "too many strangers before a camera; cards open there: look who stands at it.",
    ),
    "vision.face_alone_off.*": (
        "摄像机“{name}”处陌生人尝试过多，暂时只刷卡：看看是谁站在那里，之后自动恢复。",
        "too many strangers tried at camera {name}; the card opens there for a while: look who stands at it.",
    ),
}


def pattern(word: str) -> str:
    """The entry of SENTENCES for a word; empty where there is none."""
    if word in SENTENCES:
        return word
    return next((each for each in SENTENCES if each.endswith("*") and word.startswith(each[:-1])), "")


def sentence(word: str, locale: str) -> str:
    """What a word means and what to do; a word of a later version says only to look at its log."""
    found = pattern(word)
    zh, en = SENTENCES.get(found, ("本版本没有它的说明，请看日志。", "this version has no sentence for it: see the log."))
    return (zh if locale == "zh" else en).format(name=word.removeprefix(found.removesuffix("*")))
