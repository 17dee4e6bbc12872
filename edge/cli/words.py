"""What the command says, Chinese beside English."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "mend_settings": ("请修改 {path}，再运行 anyu-edge check。", "Mend {path}, then run anyu-edge check."),
    "settings_good": (
        "配置无误：{doors} 扇门，{points} 个通行点，{controllers} 个控制器。",
        "Good: {doors} doors, {points} access points, {controllers} controllers.",
    ),
    "units_need_root": ("写入单元配置需要超级用户（root）：请加 sudo。", "Writing the unit's addresses takes root."),
    "camera_no_address": ("查不到摄像机“{name}”的地址，未写入。", "No address is found for camera '{name}'; it is left out."),
    "camera_keeps_addresses": (
        "查不到摄像机“{name}”的地址，保留原有的 {addresses}。",
        "No address is found for camera '{name}'; it keeps {addresses}.",
    ),
    "units_written": ("已写入 {path}：{count} 个地址。", "Written to {path}: {count} addresses."),
    "after_end": (
        "租期结束的人：入口拒绝，出口照常放行，不会提醒任何人。",
        "Whose tenancy has ended is refused at entries and let out at exits; nobody is reminded of it.",
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
        "仍可使用：anyu-edge check、doctor、discover、roster check、events、why、who-may、audit verify。",
        "What still works: anyu-edge check, doctor, discover, roster check, events, why, who-may, audit verify.",
    ),
    "can_roster": ("仍可使用：anyu-edge roster check、roster template。", "What still works: anyu-edge roster check, roster template."),
    "open_fail_safe": (
        "{doors}：断电开锁。要开门：断开锁的电源，或用机械钥匙。",
        "{doors}: the lock opens without power. To open: cut the lock's power, or use the mechanical key.",
    ),
    "open_fail_secure": (
        "{doors}：断电闭锁，断电打不开。要开门：用机械钥匙。",
        "{doors}: the lock stays shut without power. To open: use the mechanical key; cutting the power does not help.",
    ),
    "shut_fail_safe": (
        "{doors}：断电开锁，断电就会打开。要封锁：不要断电，用机械钥匙锁上，或派人看守。",
        "{doors}: the lock opens without power. To keep it shut: leave its power on, and turn the mechanical key or post somebody there.",
    ),
    "shut_fail_secure": (
        "{doors}：断电闭锁，没有电也锁着。要封锁：断开锁的电源，但须先确认里面的人用把手能出来。",
        "{doors}: the lock stays shut without power. To keep it shut: cut its power, once people inside can get out by the handle.",
    ),
    "own_table": (
        "{doors}：这里的控制器按自己的名单放行，网关不运行时也开门；请断开读卡器。",
        "{doors}: the board there lets in by its own card table, also while no gateway runs: take its reader off.",
    ),
    "from_disk": ("（网关没有运行，以下读自磁盘）", "(no daemon; read from disk)"),
    "from_folder": ("（网关没有运行，以下按花名册文件夹判断）", "(no daemon; judged by the roster folder)"),
    "never_started": (
        "还没有任何记录：网关没有用这份配置启动过（没有 {path}）。",
        "Nothing is recorded yet: no gateway was ever started with these settings (there is no {path}).",
    ),
    "disk_disk_full": ("磁盘已满", "the disk is full"),
    "disk_read_only": ("打不开，或磁盘只读", "it does not open, or the disk is read-only"),
    "disk_io_error": ("磁盘读写出错", "the disk failed"),
    "disk_locked": ("被其他程序占用", "another program holds it"),
    "disk_corrupt": ("数据库已损坏", "the database is damaged"),
    "disk_newer_schema": ("是更新的版本写的", "a later version wrote it"),
    "disk_stuck": ("磁盘没有响应", "the disk does not answer"),
    "no_journal": ("读不到流水账：{detail}", "The journal cannot be read: {detail}"),
    # refusals, by code
    "other_role": (
        "没有权限，可以用此命令的是：{detail}。由超级用户（root）执行 sudo usermod -aG 组名 账号，重新登录后生效。",
        "Not allowed; who may: {detail}. Root adds you: sudo usermod -aG GROUP ACCOUNT, then log in again.",
    ),
    "forbidden": (
        "没有权限：只有超级用户（root）和各角色用户组的成员可以用这个命令（见运行手册“权限”）。",
        "Not allowed: only root and members of the groups with a role may give commands (runbook, 'Who may do what').",
    ),
    "role_guard": ("保安", "guard"),
    "role_manager": ("管理员", "manager"),
    "role_installer": ("安装人员", "installer"),
    "role_inspector": ("检查人员", "inspector"),
    "busy": ("正忙，请稍后再试。", "Busy; try again."),
    "too_long": ("请求过长。", "The request is too long."),
    "unknown_verb": (
        "正在运行的网关是另一个版本，不认识这个命令：请重启网关（systemctl restart anyu-edge）。",
        "The running gateway is of another version and does not know this command: restart it (systemctl restart anyu-edge).",
    ),
    "unknown_place": ("没有这个地点，现有：{detail}", "There is no such place. There are: {detail}"),
    "failed": ("门锁没有响应。", "The lock could not be driven."),
    "bad_argument": ("参数不对：{detail}", "Wrong argument: {detail}"),
    "bad_reason": ("原因代码不对，可用：{detail}", "No such reason. There are: {detail}"),
    "bad_time": ("时间不对：{detail}，应写成 2026-03-02T22:30", "Wrong time: {detail}; write 2026-03-02T22:30"),
    "no_such_event": ("没有这条事件：{detail}", "There is no such event: {detail}"),
    "other_epoch": ("不是本机当前纪元的事件：{detail}", "Not of this gateway's present epoch: {detail}"),
    "nothing_before": ("没有更早的花名册可以恢复。", "There is no earlier roster to go back to."),
    "not_live": (
        "不能带 --live：门磁、防拆、供电、通过和消防解除只由设备自己说（{detail}）。",
        "Not with --live: how things stand is the device's own to say ({detail}).",
    ),
    "no_pass_contact": ("这个方向没有接通过触点。", "No pass contact is wired in this direction."),
    "not_wired": ("没有接这个：{detail}", "Not wired: {detail}"),
    "bad_id": (
        "事件编号应为“网关-纪元-序号”或序号，读到 {detail}。",
        "An event id is GATEWAY-EPOCH-NUMBER, or the number alone; read {detail}.",
    ),
    # answers
    "commanded": ("已下令开锁。", "The lock was told to release."),
    "confirmed": ("已开锁，设备已确认。", "Released, and the device confirms it."),
    "accepted": ("已执行。", "Done."),
    "after_fire": (
        "火警解除后生效；在此之前门保持开启。",
        "It takes effect when the fire alarm ends; until then the doors stay released.",
    ),
    "held_fire": (
        "火警使这扇门保持开启，现在就能通过；火警解除后门才重新上锁。",
        "The fire alarm holds this door released: people can pass now, and until the fire alarm ends.",
    ),
    "held_locked_open": ("这扇门设为常开，现在就能通过。", "This door is locked open: people can pass now."),
    "fire_quiet": (
        "消防线已恢复正常：保持到 {at} 火警就解除，门重新上锁；在此之前门保持开启。",
        "The fire line is quiet again: if it stays so until {at}, the fire is over and doors are secured. Until then they stay released.",
    ),
    "waiting": ("{door}：火警解除后：{mode}", "{door}: when the fire alarm ends: {mode}"),
    "not_recorded": (
        "但磁盘还没有写下：在此之前如果重启，就会忘记。请看 status。",
        "But the disk has not taken it yet: a restart before it does forgets it. Look at `anyu-edge status`.",
    ),
    "unchanged": ("本来就是如此。", "It was so already."),
    "applied": ("花名册已启用（{version}）。", "The roster is in force ({version})."),
    "roster_unchanged": ("文件夹与正在使用的花名册相同（{version}）。", "The folder says what is in force already ({version})."),
    "not_kept": ("注意：磁盘拒绝保存，重启前有效。", "Note: the disk would not keep it; it holds until the next start."),
    "refused_faults": ("花名册未启用：{count} 处错误，继续使用原有的。", "Not applied: {count} faults; what was in force stays."),
    "refused_unreadable": ("花名册未启用：读不了，继续使用原有的。", "Not applied: it cannot be read; what was in force stays."),
    "refused_too_many_removed": (
        "花名册未启用：改动影响五分之一以上，需要确认（见上）。",
        "Not applied: it concerns more than a fifth and needs an answer (above).",
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
        "收到 {received}，重复 {duplicates}，缺 {missing}（{gaps} 段），声明丢失 {lost}，同号异文 {conflicts}，无效 {malformed}",
        "received {received}, twice {duplicates}, altered {conflicts}, missing {missing} ({gaps} gaps), lost {lost}, malformed {malformed}",
    ),
    "key_exists": ("{path} 已经存在，没有改动。", "{path} is there already; nothing was changed."),
    "key_made": (
        "私钥在 {path}，不要离开接收方的机器。把下面几行写进每台网关的 site.yaml：",
        "The private key is in {path} and stays on the centre's machine. These lines go into site.yaml of every gateway:",
    ),
    "bad_key": ("{path} 不是 Ed25519 私钥（PEM）。", "{path} is no Ed25519 private key (PEM)."),
    "bad_broker": ("代理服务器设置不对：{detail}", "The broker's settings are wrong: {detail}"),
    # what is wrong with a file, by errno
    "errno_EACCES": ("没有权限", "permission denied"),
    "errno_EPERM": ("不允许", "not permitted"),
    "errno_ENOENT": ("不存在", "there is no such file or folder"),
    "errno_ENOTDIR": ("路径中有一段不是文件夹", "a part of the way is no folder"),
    "errno_EISDIR": ("是文件夹", "it is a folder"),
    "errno_ELOOP": ("是链接，或链接成环", "a link, or links in a circle"),
    "errno_EEXIST": ("已经存在", "it is there already"),
    "errno_ENOSPC": ("磁盘已满", "the disk is full"),
    "errno_EDQUOT": ("磁盘配额已用完", "the quota of the disk is used up"),
    "errno_EROFS": ("磁盘只读", "the disk is read-only"),
    "errno_EIO": ("磁盘读写出错", "the disk failed"),
    "errno_EMFILE": ("打开的文件太多", "too many open files"),
    "errno_ENOMEM": ("内存不足", "out of memory"),
    "errno_EAGAIN": ("资源暂时不足", "not enough resources just now"),
    "errno_ENOEXEC": ("不能执行", "it cannot be executed"),
    "errno_ENAMETOOLONG": ("名称太长", "the name is too long"),
    # and of a database
    "SQLITE_CANTOPEN": ("打不开", "it does not open"),
    "SQLITE_READONLY": ("没有写权限，或磁盘只读", "it may not be written, or the disk is read-only"),
    "SQLITE_FULL": ("磁盘已满", "the disk is full"),
    "SQLITE_IOERR": ("磁盘读写出错", "the disk failed"),
    "SQLITE_BUSY": ("被其他程序占用", "another program uses it"),
    "SQLITE_NOTADB": ("不是数据库", "it is no database"),
    "SQLITE_CORRUPT": ("数据库已损坏", "the database is damaged"),
    # faces
    "no_recognition": ("这台网关没有启用人脸识别。", "Recognition is off on this gateway."),
    "recognition_trouble": (
        "人脸识别停用：{detail}；anyu-edge status 有说明。",
        "Recognition is off here: {detail}; anyu-edge status says what to do.",
    ),
    "unknown_tenant": ("启用中的花名册里没有这个编号。", "Nobody in the roster in force has this tenant_id."),
    "no_card": (
        "一分钟内没有刷本人的卡，没有登记任何人脸。",
        "The resident's own card was not shown within a minute; no face was enrolled.",
    ),
    "card_awaited": ("正在等这位住户刷卡，请稍候。", "This resident's card is awaited already; let that end first."),
    "which_reader": ("请用 --at 指明住户在哪个通行点刷卡：{detail}", "Say with --at where the resident shows their card: {detail}"),
    "no_real_reader": (
        "{detail} 没有真实的读卡器：请用签字的同意书（consent_ref）。",
        "There is no real reader at {detail}: use a signed paper (consent_ref).",
    ),
    "notice_first": (
        "请先向住户出示第 {detail} 版告知，再请其刷卡。",
        "Show the resident version {detail} of the notice before their card is asked for.",
    ),
    "no_face_event": ("这条事件不是人脸判定。", "This event is no decision by face."),
    "disk": ("读写失败：{detail}", "It cannot be read or written: {detail}"),
    "can_faces": (
        "人脸要网关运行时才能登记和校准。仍可使用：anyu-edge models list、check。",
        "Faces are enrolled and calibrated by the running gateway. What still works: anyu-edge models list, check.",
    ),
    "face_notice": (
        (
            "【人脸识别告知（第 {version} 版），请读给住户听】\n"
            "目的：在本楼门口辨认您本人并开门。只在这台设备上处理，照片和人脸数据不离开本机，也不上传。\n"
            "保存：{photos}；人脸数据加密保存，退租后一天内删除。\n"
            "自愿：不同意不影响入住，刷卡、密码或由保安开门同样有效；随时可以撤回，撤回即删除。\n"
            "未满十四周岁须由监护人书面同意。"
        ),
        (
            "[Notice on face recognition, version {version}: read it to the resident]\n"
            "Purpose: to know you at this house's gates and open for you, on this device alone; no photo or face data leaves it.\n"
            "Keeping: {photos}; the face data is kept encrypted and deleted within a day of moving out.\n"
            "Your choice: card, PIN, guard work equally well; withdraw at any time, and it is deleted.\n"
            "Under fourteen a guardian's signature is needed."
        ),
    ),
    "notice_photos_deleted": ("登记后照片即删除", "photos are deleted after enrolment"),
    "notice_photos_kept": (
        "照片保留在本机，撤回同意或退租后 {days} 天内删除",
        "photos are kept on this device, and deleted within {days} days after you withdraw or move out",
    ),
    "paper_ended": (
        "其同意书（consent_ref）在撤回同意或删除人脸（forget）时已失效：请住户刷卡，或登记新的同意书编号。",
        "Their paper (consent_ref) ended when they withdrew or were forgotten: their own card is needed, or another paper.",
    ),
    "no_good_photo": ("没有可用的照片，请先换照片，再请住户刷卡。", "No photo can be used: bring others before the resident shows a card."),
    "faces_off": (
        "人脸现在停用或受限，原因如下；其后是没有这些原因时的情况。",
        "Faces are off or limited now, for what stands here; after it, what they may do otherwise.",
    ),
    "show_card": (
        "同意的话，请住户本人在一分钟内于 {point} 刷自己的卡。",
        "Who agrees shows their own card at {point} within a minute.",
    ),
    "no_photos": ("没有照片：请放入 {path}（JPG 或 PNG，一到五张）。", "No photos: put one to five into {path} (JPG or PNG)."),
    "enrol_no_consent": (
        "花名册中没有写同意（face_consent），不能登记。",
        "The roster does not say that they agree (face_consent): no face is enrolled.",
    ),
    "enrol_no_other_way": (
        "没有卡也没有密码：人脸不能是唯一的通行方式，请先发卡或设密码。",
        "No card and no PIN: a face is never the only way in. Give them a card or a PIN first.",
    ),
    "enrol_no_act": ("住户本人还没有表示同意。", "The resident has not agreed themselves."),
    "enrol_no_guardian": (
        "未满十四周岁或出生日期不明，须有监护人同意书（guardian_ref）。",
        "Under fourteen or of unknown age: a guardian's paper is needed (guardian_ref).",
    ),
    "enrol_ended": ("租住已到期。", "The tenancy is over."),
    "photos_taken": ("{photos} 张照片，登记了 {taken} 张。", "{taken} of {photos} photos were enrolled."),
    "photos_left": (
        "有 {count} 张照片删不掉，请手工删除。",
        "{count} photos could not be deleted: delete them by hand.",
    ),
    "twin": (
        "与 {tenant_id} 很像：是否同一人登记了两次？双胞胎请刷卡。",
        "Looks like {tenant_id}: one person enrolled twice? Twins use their cards.",
    ),
    "forgotten": (
        "已删除人脸数据和 {photos} 个照片文件。只有本人再次刷卡同意，或新的同意书（另一个 consent_ref），才能重新登记。",
        "The template and {photos} files of photos are gone. Only their own card again, or another paper (consent_ref), enrols them anew.",
    ),
    "no_template": (
        "没有人脸数据；删除了 {photos} 个照片文件。原有的同意已失效。",
        "There was no template; {photos} files of photos were deleted. Consent given before has ended.",
    ),
    "consent_stays": (
        "已删除人脸数据和 {photos} 个照片文件，但原有的同意无法作废：custody/forgotten 中的 key 丢失。请从备份恢复后再执行一次。",
        (
            "Face data and {photos} files of photos are gone, but consent given before could not be ended: the key in custody/forgotten "
            "is missing. Bring it back from a backup and give the command again."
        ),
    ),
    "rosters_rewritten": (
        "{count} 份以前的花名册已改写，不再含其姓名、证件和电话。",
        "{count} earlier rosters were rewritten without their name, papers and telephone.",
    ),
    "would_forget": (
        (
            "{tenant_id}（{refs}）：人脸数据：{template}；照片文件：{photos} 个；"
            "含其姓名、证件和电话的以前的花名册：{rosters} 份。这些都将删除，不能恢复。"
        ),
        (
            "{tenant_id} ({refs}): face template: {template}; files of photos: {photos}; earlier rosters with their name, papers and "
            "telephone: {rosters}. All of that goes for good."
        ),
    ),
    "face_there": ("有", "yes"),
    "face_absent": ("没有", "no"),
    "may_forget": ("删除吗？", "Delete them?"),
    "not_forgotten": ("没有删除任何东西。不询问直接删除请加 --yes。", "Nothing was deleted. With --yes it does not ask."),
    "forgotten_lives_here": (
        "花名册里仍有此人：卡和密码照常有效，恢复以前的花名册（rollback）后也是。搬走后请从表格中删除这一行，生效后再执行一次。",
        (
            "The sheet still has them: card and PIN go on, also after a rollback to an earlier roster. When they have moved out, take the "
            "row out of the sheet, let that come into force and give this command again."
        ),
    ),
    "rosters_left": (
        "{count} 份以前的花名册未能改写：主密钥不在或磁盘拒绝；恢复后请再执行一次。",
        "{count} earlier rosters could not be rewritten (no master key, or the disk refused): mend that and give the command again.",
    ),
    "photos_would_stay": (
        "photos/{detail} 中的照片删不掉，因此不登记：请让服务账户可以在该文件夹中删除文件。",
        "Photos in photos/{detail} could not be deleted afterwards, so none is used: let the service's account delete in that folder.",
    ),
    "rejected": (
        "已记录：不是此人。对这张脸的要求已提高，请重新拍照登记。",
        "Recorded: not this person. More is asked of this face from now on; enrol it anew.",
    ),
    "rejected_before": ("已记录；这张脸的要求此前已提高或已删除。", "Recorded; this face had been raised for it before, or is gone."),
    "alone_prints": (
        "face_alone: always，没有活体否决：住户的一张照片就能开门。",
        "face_alone is always, and no liveness vetoes: a photograph of a tenant opens the door.",
    ),
    "alone_live": (
        "人脸单独开门还要通过活体检测；好的假脸仍可能通过。",
        "A face opens by itself only where it looks alive too; a good fake may still pass.",
    ),
    "alone_card": ("这里人脸不单独开门，请住户刷卡。", "No face opens by itself here; the card does."),
    "alone_quiet": (
        "  单独开门：长期少有陌生人时须达到 {alone}，约 {missed} 的本人识别达不到而被请去刷卡；十年内误开预计不超过一次。",
        (
            "  by itself, where strangers are rare: from {alone}; {missed} of looks at tenants fall short and are asked for the card. "
            "One stranger is expected to be let in within ten years at most."
        ),
    ),
    "alone_busy": (
        "  每天有 {tries} 个陌生人时：须达到 {alone}，约 {missed} 达不到。",
        "  where {tries} strangers try every day: from {alone}; {missed} fall short.",
    ),
    "faces_in_force": (
        "启用 {enrolled} 张人脸，{waiting} 张等待本人同意。",
        "{enrolled} faces in force, {waiting} waiting for their owner's consent.",
    ),
    "faces_unreadable": ("{count} 份人脸数据打不开，请重新登记。", "{count} templates do not open: enrol those residents anew."),
    "faces_renew": ("请重新登记 {tenant_id}：保安报告过认错人。", "Enrol {tenant_id} anew: a guard saw somebody else taken for them."),
    "faces_at_run_time": (
        "人脸单独能做什么，由运行中的网关按花名册得出：anyu-edge calibrate。",
        "What a face alone may do is found from the roster by the running gateway: anyu-edge calibrate.",
    ),
    "face_alone": ("人脸可以单独开门", "a face by itself opens"),
    "card_and_face": ("人脸不单独开门，请刷卡", "a face by itself does not open; cards do"),
    "guard": ("人脸不作依据，刷卡或由保安处理", "faces decide nothing; cards or the guard do"),
    "because": ("（{why}）", " ({why})"),
    "faces_met": ("误认率达到要求", "the target rate of strangers is met"),
    "faces_vouched": ("人数少，按模型卡的保守阈值", "few tenants: the engine's conservative threshold vouches"),
    "faces_too_few": ("人数太少，算不出误认率", "too few tenants to know the rate"),
    "faces_too_many_misses": ("挡住陌生人的阈值也会挡住太多住户", "what keeps strangers out would keep too many tenants out"),
    "faces_unknown_misses": ("每人只有一张照片，不知道会漏认多少", "one photo each: nobody knows how many tenants would be missed"),
    "faces_nobody": ("这里没有登记人脸", "no faces here"),
    "calibration": (
        "通行点|人数|阈值|依据|漏认率 [95%]|误认率 [95%]|目标|允许",
        "ACCESS POINT|N|THRESHOLD|BASIS|FNIR [95%]|FPIR [95%]|TARGET|ALLOWED",
    ),
    "basis_roster": ("花名册", "roster"),
    "basis_tail": ("尾部外推", "tail"),
    "basis_floor": ("保守值", "floor"),
    "lookalikes": (
        "{one} 与 {other} 很像：同一人登记了两次，还是双胞胎？",
        "{one} and {other} look like one person: enrolled twice, or twins?",
    ),
    # weights
    "weights": ("名称|许可|用途|位置", "NAME|LICENCE|USE|WHERE"),
    "weights_of": ("来源：", "Sources:"),
    "optional": ("可选", "optional"),
    "needed": ("必需", "needed"),
    "absent": ("没有", "absent"),
    "kept_aside": ("校验不符，已搁置：{path}", "refused, kept aside: {path}"),
    "no_mirror": ("没有下载地址，请用 models import", "no mirror is known: use models import"),
    "nothing_known": ("{path} 里没有认识的模型文件。", "{path} holds no file that is known here."),
    "weights_taken": ("{name}：已放入 {path}", "{name}: taken to {path}"),
    "weights_refused": ("{name}：未采用（{why}）", "{name}: not taken ({why})"),
    "weights_there": ("需要的模型都在。", "Everything that is needed is there."),
    # headings
    "who": ("编号 姓名 房间 类别 结果 原因", "ID NAME ROOM KIND MAY REASON"),
    "yes": ("可以", "yes"),
    "no": ("不可", "no"),
    "doors": ("门 状态 门磁 锁 方式 线路", "DOOR STATE CONTACT LOCK MODE LINE"),
    "degraded": ("降级：{word}：{sentence}", "Degraded: {word}: {sentence}"),
    # how a door stands, by column and value
    "state_secured": ("锁闭", "secured"),
    "state_released": ("已释放", "released"),
    "state_open": ("门开着", "open"),
    "state_held": ("门未关", "held open"),
    "state_forced": ("强行打开", "forced open"),
    "state_locked_open": ("常开", "locked open"),
    "state_unknown": ("未知", "unknown"),
    "contact_closed": ("关", "closed"),
    "contact_open": ("开", "open"),
    "contact_cut": ("断线", "cut"),
    "contact_short": ("短路", "short"),
    "contact_unknown": ("未知", "unknown"),
    "contact_none": ("没有", "none"),
    "lock_secured": ("锁闭", "secured"),
    "lock_released": ("释放", "released"),
    "lock_held_released": ("保持释放", "held released"),
    "lock_unknown": ("未知", "unknown"),
    "mode_normal": ("正常", "normal"),
    "mode_lock_down": ("封锁", "lock-down"),
    "mode_locked_open": ("常开", "locked open"),
    "mode_fire": ("消防", "fire"),
    "line_up": ("通", "up"),
    "line_unknown": ("断", "unknown"),
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
    "why_controller": (
        "控制器按自己的名单放行，当时未询问本网关。",
        "The controller let them pass by its own card table; nobody asked the gateway.",
    ),
    "why_controller_refused": (
        "控制器自行拒绝，当时未询问本网关。",
        "The controller refused by itself; nobody asked the gateway.",
    ),
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
    "judged_by": ("依据花名册 {version}（已使用 {age} 秒），{clock}。", "Judged by roster {version} ({age} s old), {clock}."),
    "no_reason": ("这条事件不是判定。", "This event is no decision."),
}


def say(locale: str, code: str, **values: str) -> str:
    """The sentence for this code; one that this version does not know is shown as it is."""
    zh, en = WORDS.get(code, (f"{code}：{{detail}}", f"{code}: {{detail}}"))
    return (zh if locale == "zh" else en).format(**{"detail": "", **values})
