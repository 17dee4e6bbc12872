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
