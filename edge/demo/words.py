"""What the demo says, Chinese beside English."""

from __future__ import annotations

from collections.abc import Mapping

from edge.settings import Locale

WORDS: Mapping[str, tuple[str, str]] = {
    "begins": (
        "模拟门禁：读卡器、继电器板、输入板在伪终端另一端说真实线路协议；以下每行都从代理服务器回来。",
        "A simulated gate: readers, relay and inputs speak their real wire formats over ptys. Each line below came back from the broker.",
    ),
    "hands_on": ("请刷卡；以下每一行都从代理服务器回来。", "Present a card. Every line below came back from the broker."),
    "prints_open": (
        "演示用 face_alone: always，没有活体检测：住户的一张照片就能开门。",
        "This demo uses face_alone: always without liveness: a photograph of a tenant opens the door.",
    ),
    "faces": (
        "人脸识别：引擎 {engine}（{runtime}），已登记 {enrolled} 人；{allows}；阈值依据：{basis}。",
        "faces: engine {engine} on {runtime}, {enrolled} enrolled; {allows}; threshold from {basis}.",
    ),
    "allows_face_alone": ("此名册规模下人脸可单独开门", "at this roster's size a face alone may open"),
    "allows_card_and_face": ("此名册规模下须刷卡加人脸", "at this roster's size a card is needed beside the face"),
    "allows_guard": ("此名册规模下由保安判定", "at this roster's size the guard decides"),
    "allows_": ("没有人登记人脸", "nobody's face is enrolled"),
    "basis_roster": ("本名册实测", "this roster's own scores"),
    "basis_tail": ("本名册极值外推", "the tail of this roster's own scores"),
    "basis_floor": ("引擎保守下限（名册太小）", "the engine's conservative floor, the roster being too small to know"),
    "basis_": ("无", "none"),
    "eyes": (
        "人脸：识别入门 {entries} 次 · 陌生人 {strangers} 次",
        "faces: {entries} came in by face · {strangers} unknown person(s)",
    ),
    "counts": (
        "刷卡 {swipes} 次 · 放行 {granted} · 通行 {passages} · 拒绝 {denied}",
        "swipes {swipes} · granted {granted} · passages {passages} · denied {denied}",
    ),
    "delivery": (
        "事件：写入 {sent} · 中心已确认 {acknowledged} · 缺失 {missing}",
        "events: written {sent} · acknowledged by the centre {acknowledged} · missing {missing}",
    ),
    "latency": ("刷卡到继电器 p99 {p99}（{n} 次，含落盘等待）", "card to relay p99 {p99} ({n} releases, the wait for the disk included)"),
    "surprise": ("意外：{what}", "unexpected: {what}"),
    "trouble_start": ("网关没有启动，原因见上。", "The daemon did not start, see above."),
    "trouble_receiver": ("接收端没有给出总结。", "The receiver gave no summary."),
    "good": ("一切如实送达。", "Everything that happened arrived."),
    "bad": ("有缺失或意外，见上。", "Something is missing or was not as it should be, see above."),
}


def say(locale: Locale, code: str, **values: object) -> str:
    """The sentence of a code."""
    return WORDS[code][locale == "en"].format(**values)
